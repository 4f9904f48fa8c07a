//! Parses queries that are made of several: UNION, EXCEPT and INTERSECT, WITH, and VALUES as an operand.

use everstrand_ion::Value;

use super::{Parser, is_keyword};
use crate::ast::{
    Clause, Combined, CommonTable, Expression, FromClause, FromItem, FromSource, FromTerm, Identifier, Join,
    Order, PathStep, Projection, Query, QueryExpression, Rows, SelectItem, SetOperator, Variable, With,
};
use crate::error::PartiqlError;
use crate::lexer::TokenKind;

/// The clauses that follow a whole query.
type Tail = (Option<Order>, Option<Clause>, Option<Clause>);

impl Parser<'_> {
    /// Whether the token that is `after` tokens after the next one begins a query.
    pub(super) fn begins_query(&self, after: usize) -> bool {
        ["select", "pivot", "with"].iter().any(|word| is_keyword(self.kind_after(after), word))
    }

    /// A query with all operators between queries that follow. SELECT, PIVOT, WITH or a parenthesis comes next.
    pub(super) fn query_expression(&mut self) -> Result<QueryExpression, PartiqlError> {
        if self.is_keyword("with") {
            return self.with();
        }
        let first = self.set_operand()?;
        match self.set_operations(first, 0)? {
            Operand::Closed(query) => Ok(query),
            Operand::Open(query) => {
                let tail = self.tail()?;
                Ok(with_tail(query, tail))
            }
        }
    }

    /// An expression, or operators between queries of which the first stands in parentheses or is VALUES.
    pub(super) fn expression_or_query(&mut self) -> Result<Expression, PartiqlError> {
        let is_whole = self.begins_query(0);
        let start = self.is_keyword("values").then_some(self.next);
        let first = self.expression()?;
        if is_whole || self.set_operator().is_none() {
            return Ok(first);
        }
        match start {
            Some(start) => {
                self.next = start;
                self.deeper(|parser| Ok(Expression::Query(Box::new(parser.query_expression()?))))
            }
            None => self.combined_after(first),
        }
    }

    /// The rest of operators between queries after a query in parentheses. After any other expression there are none.
    pub(super) fn combined_after(&mut self, first: Expression) -> Result<Expression, PartiqlError> {
        match (first, self.set_operator()) {
            (Expression::Query(query), Some(_)) => {
                let query = self.set_operations(Operand::Closed(*query), 0)?;
                let tail = self.tail()?;
                Ok(Expression::Query(Box::new(with_tail(query.into(), tail))))
            }
            (first, _) => Ok(first),
        }
    }

    /// The operator between queries that comes next.
    pub(super) fn set_operator(&self) -> Option<SetOperator> {
        [
            ("union", SetOperator::Union),
            ("except", SetOperator::Except),
            ("intersect", SetOperator::Intersect),
        ]
        .into_iter()
        .find_map(|(word, operator)| self.is_keyword(word).then_some(operator))
    }

    /// The operators after a first operand that bind tighter than `looser`.
    fn set_operations(&mut self, first: Operand, looser: u8) -> Result<Operand, PartiqlError> {
        let mut left = first;
        while let Some(operator) = self.set_operator()
            && operator.precedence() > looser
        {
            self.wrapped()?;
            let position = self.position();
            self.step();
            let all = self.accept_keyword("all");
            if !all {
                self.accept_keyword("distinct");
            }
            let right = self.deeper(|parser| {
                let right = parser.set_operand()?;
                parser.set_operations(right, operator.precedence())
            })?;
            left = Operand::Open(QueryExpression::Combined(Box::new(Combined {
                operator,
                all,
                left: left.into(),
                right: right.into(),
                order: None,
                limit: None,
                offset: None,
                position,
            })));
        }
        Ok(left)
    }

    /// One operand: SELECT or PIVOT without the clauses that belong to the whole, VALUES, or a query in parentheses.
    fn set_operand(&mut self) -> Result<Operand, PartiqlError> {
        if self.accept("(") {
            let query = self.deeper(Self::query_expression)?;
            self.expect(")")?;
            return Ok(Operand::Closed(query));
        }
        let query = if self.is_keyword("values") { self.values()? } else { self.select()? };
        Ok(Operand::Open(QueryExpression::Select(query)))
    }

    /// ORDER BY, then LIMIT and OFFSET, or OFFSET and FETCH in any order, as far as they come next. PartiQL's grammar has
    /// LIMIT before OFFSET, SQL's has OFFSET before FETCH.
    fn tail(&mut self) -> Result<Tail, PartiqlError> {
        let order = self.order()?;
        let [mut limit, mut offset] = [None, None];
        loop {
            if limit.is_none() && self.is_keyword("limit") {
                if offset.is_some() {
                    return Err(self.unexpected("LIMIT stands before OFFSET"));
                }
                limit = Some(self.clause()?);
            } else if limit.is_none() && self.is_keyword("fetch") {
                limit = Some(self.fetch()?);
            } else if offset.is_none() && self.offset_follows() {
                offset = Some(self.clause()?);
                if !self.accept_keyword("rows") {
                    self.accept_word("row");
                }
            } else {
                return Ok((order, limit, offset));
            }
        }
    }

    /// `FETCH FIRST [e] ROWS ONLY`. NEXT may stand for FIRST and ROW for ROWS. Without a number it is one row.
    fn fetch(&mut self) -> Result<Clause, PartiqlError> {
        let position = self.position();
        self.step();
        if !self.accept_keyword("first") {
            self.expect_keyword("next")?;
        }
        let value = match self.is_keyword("rows") || self.is_word("row") {
            true => Expression::Literal { value: Value::from(1), position },
            false => self.expression()?,
        };
        if !self.accept_word("row") {
            self.expect_keyword("rows")?;
        }
        self.expect_keyword("only")?;
        Ok(Clause { value, is_fetch: true, position })
    }

    /// `WITH name [(column, …)] AS (query), … query`
    fn with(&mut self) -> Result<QueryExpression, PartiqlError> {
        let position = self.position();
        self.step();
        if self.is_word("recursive") && !is_keyword(self.kind_after(1), "as") {
            return Err(self.unexpected("WITH RECURSIVE is not supported"));
        }
        let tables = self.list(|parser| {
            let name = parser.identifier("Expected the name of a query after WITH")?;
            let mut columns = Vec::new();
            if parser.accept("(") {
                columns = parser.list(|parser| parser.any_identifier("Expected the name of a column"))?;
                parser.expect(")")?;
            }
            parser.expect_keyword("as")?;
            parser.expect("(")?;
            let query = parser.deeper(Self::query_expression)?;
            parser.expect(")")?;
            Ok(CommonTable { name, columns, query })
        })?;
        let query = self.deeper(Self::query_expression)?;
        Ok(QueryExpression::With(Box::new(With { tables, query, position })))
    }

    /// `VALUES (e, …), …` as the query `SELECT r._1, … FROM <<{'_1': e, …}, …>> AS r`.
    fn values(&mut self) -> Result<Box<Query>, PartiqlError> {
        let position = self.position();
        let rows = self.deeper(Self::rows)?;
        let width = rows.first().map_or(0, Vec::len);
        if width == 0 || rows.iter().any(|row| row.len() != width) {
            return Err(PartiqlError::parser(
                position,
                "rows of different lengths",
                "The rows of VALUES have one or more values each, and all as many",
            ));
        }
        let name = |at: usize| format!("_{}", at + 1);
        let literal = |text: String| Expression::Literal { value: Value::from(text), position };
        let row = |row: Vec<Expression>| {
            let fields = row.into_iter().enumerate().map(|(at, value)| (literal(name(at)), value));
            Expression::Struct(fields.collect())
        };
        let alias = Identifier { name: "r".to_owned(), position, is_quoted: false };
        let field = |at: usize| SelectItem::Expression {
            value: Expression::Path {
                root: Box::new(Expression::Variable(Variable { name: alias.clone(), local: false })),
                steps: vec![PathStep::Field(name(at).into())],
            },
            alias: None,
        };
        let projection = Projection::Items((0..width).map(field).collect());
        let item = FromItem {
            value: Expression::Bag(rows.into_iter().map(row).collect()),
            unpivot: None,
            as_of: None,
            alias: Some(alias),
            at: None,
            by: None,
            position,
        };
        let source = FromSource::Item(Box::new(item));
        let term = FromTerm { join: Join::Comma, source, condition: None, using: None, position };
        Ok(Box::new(Query {
            distinct: None,
            projection,
            rows: Rows::From(FromClause { terms: vec![term] }),
            condition: None,
            group: None,
            having: None,
            order: None,
            limit: None,
            offset: None,
            position,
        }))
    }
}

/// An operand of an operator between queries.
enum Operand {
    /// The clauses that follow belong to it.
    Open(QueryExpression),
    /// It stands in parentheses, so that the clauses that follow do not belong to it.
    Closed(QueryExpression),
}

impl From<Operand> for QueryExpression {
    fn from(operand: Operand) -> QueryExpression {
        let (Operand::Open(query) | Operand::Closed(query)) = operand;
        query
    }
}

/// A query with the clauses that follow it.
fn with_tail(mut query: QueryExpression, (order, limit, offset): Tail) -> QueryExpression {
    match &mut query {
        QueryExpression::Select(select) => {
            (select.order, select.limit, select.offset) = (order, limit, offset);
        }
        QueryExpression::Combined(combined) => {
            (combined.order, combined.limit, combined.offset) = (order, limit, offset);
        }
        QueryExpression::With(_) => {}
    }
    query
}

/// Whether the next token can follow a select list without FROM.
pub(super) fn ends_select_list(parser: &Parser<'_>) -> bool {
    match parser.kind() {
        TokenKind::End => true,
        TokenKind::Symbol(symbol) => matches!(*symbol, ")" | "]" | "}" | ">>" | ";" | ":" | ","),
        TokenKind::Keyword(word) => matches!(
            *word,
            "where"
                | "having"
                | "group"
                | "order"
                | "limit"
                | "fetch"
                | "union"
                | "except"
                | "intersect"
                | "as"
                | "end"
                | "then"
                | "else"
                | "when"
        ),
        _ => parser.offset_follows(),
    }
}
