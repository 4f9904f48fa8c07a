//! Parses queries: SELECT with its clauses, and FROM, which DML uses too.

use super::set_operation::ends_select_list;
use super::{Parser, is_keyword, is_name, is_word};
use crate::ast::{
    Clause, Expression, FromClause, FromItem, FromSource, FromTerm, Group, Identifier, Join, MAX_SOURCES,
    Order, OrderTerm, PathStep, Projection, Query, Rows, SelectItem, Unexpected, Using,
};
use crate::error::PartiqlError;
use crate::lexer::TokenKind;
use crate::position::Position;

impl Parser<'_> {
    /// A query without the clauses that may belong to several. SELECT or PIVOT comes next.
    pub(super) fn select(&mut self) -> Result<Box<Query>, PartiqlError> {
        let position = self.position();
        let (distinct, projection) = if self.accept_keyword("pivot") {
            let value = self.expression()?;
            self.expect_keyword("at")?;
            (None, Projection::Pivot { value, at: self.expression()? })
        } else {
            self.expect_keyword("select")?;
            let distinct = self.is_keyword("distinct").then(|| self.position());
            if distinct.is_some() || self.is_keyword("all") {
                self.step();
            }
            (distinct, self.projection()?)
        };
        let rows = if self.accept_keyword("from") {
            Rows::From(self.sources()?)
        } else if ends_select_list(self) && matches!(projection, Projection::Items(_) | Projection::Value(_))
        {
            Rows::One(Unexpected { position: self.position(), description: self.kind().description().into() })
        } else {
            return Err(self.error("missing FROM after SELECT list", "Expected FROM keyword"));
        };
        let condition = self.condition("where")?;
        let group = self.group()?;
        let having = self.condition("having")?;
        let (order, limit, offset) = (None, None, None);
        // In a box, because a query within a query within a query would take much of the stack.
        Ok(Box::new(Query {
            distinct,
            projection,
            rows,
            condition,
            group,
            having,
            order,
            limit,
            offset,
            position,
        }))
    }

    /// `WHERE e` or `HAVING e`, if it comes next.
    pub(super) fn condition(&mut self, keyword: &str) -> Result<Option<Expression>, PartiqlError> {
        if self.accept_keyword(keyword) { self.expression().map(Some) } else { Ok(None) }
    }

    /// A keyword, which comes next, and an expression.
    pub(super) fn clause(&mut self) -> Result<Clause, PartiqlError> {
        let position = self.position();
        self.step();
        Ok(Clause { value: self.expression()?, is_fetch: false, position })
    }

    /// Whether OFFSET is a keyword here. The word is not reserved, but before an expression it can be no name.
    pub(super) fn offset_follows(&self) -> bool {
        self.is_word("offset") && self.begins_expression(1)
    }

    fn projection(&mut self) -> Result<Projection, PartiqlError> {
        if self.accept_keyword("value") {
            return Ok(Projection::Value(self.expression()?));
        }
        if self.accept("*") {
            if self.is(",") {
                return Err(self.error(
                    "other expressions may not be present in the select list when '*' is used",
                    "Unexpected expression after *",
                ));
            }
            return Ok(Projection::Star);
        }
        if self.is_keyword("from") {
            return Err(self.error("found empty SELECT list", "Cannot have empty SELECT list"));
        }
        Ok(Projection::Items(self.list(Self::select_item)?))
    }

    fn select_item(&mut self) -> Result<SelectItem, PartiqlError> {
        if self.is("*") {
            return Err(self.error(
                "other expressions may not be present in the select list when '*' is used",
                "Unexpected * in SELECT list",
            ));
        }
        let position = self.position();
        let value = self.expression()?;
        let Expression::Path { root, mut steps } = value else {
            return Ok(SelectItem::Expression { value, alias: self.alias()? });
        };
        let wildcards =
            steps.iter().filter(|step| matches!(step, PathStep::Fields | PathStep::Elements)).count();
        if wildcards == 0 {
            return Ok(SelectItem::Expression {
                value: Expression::Path { root, steps },
                alias: self.alias()?,
            });
        }
        if wildcards > 1 || !matches!(steps.last(), Some(PathStep::Fields)) {
            return Err(PartiqlError::parser(
                position,
                "invalid use of * in select list",
                "Invalid use of * in select list",
            ));
        }
        if steps.iter().any(|step| matches!(step, PathStep::Index(_))) {
            return Err(PartiqlError::parser(
                position,
                "use of * and [] in select list is not allowed",
                "Cannot use [] and * together in SELECT list expression",
            ));
        }
        steps.pop();
        Ok(SelectItem::All(if steps.is_empty() { *root } else { Expression::Path { root, steps } }))
    }

    /// `[AS] name`. Without AS a reserved word is no name.
    fn alias(&mut self) -> Result<Option<Identifier>, PartiqlError> {
        if self.accept_keyword("as") {
            return self.alias_name().map(Some);
        }
        match self.kind() {
            TokenKind::Identifier(_) if self.offset_follows() => Ok(None),
            name if is_name(name) => self.alias_name().map(Some),
            _ => Ok(None),
        }
    }

    fn alias_name(&mut self) -> Result<Identifier, PartiqlError> {
        match self.kind() {
            TokenKind::Identifier(_) | TokenKind::QuotedIdentifier(_) | TokenKind::Keyword(_) => {
                self.any_identifier("Expected identifier for alias")
            }
            _ => Err(self.error("expected identifier for alias", "Expected identifier for alias")),
        }
    }

    /// The sources after FROM.
    pub(super) fn sources(&mut self) -> Result<FromClause, PartiqlError> {
        let position = self.position();
        let source = self.source()?;
        let mut terms = vec![FromTerm { join: Join::Comma, source, condition: None, using: None, position }];
        loop {
            let position = self.position();
            let Some((join, conditional)) = self.join()? else { break };
            let source = self.source()?;
            let (condition, using) = self.join_condition(conditional, position)?;
            terms.push(FromTerm { join, source, condition, using, position });
            if terms.len() > MAX_SOURCES {
                return Err(PartiqlError::limit(format!(
                    "A FROM clause lists more than {MAX_SOURCES} sources at line {}, column {}",
                    position.line, position.column
                )));
            }
        }
        Ok(FromClause { terms })
    }

    /// `ON e` or `USING (name, …)`.
    fn join_condition(
        &mut self,
        conditional: bool,
        position: Position,
    ) -> Result<(Option<Expression>, Option<Using>), PartiqlError> {
        let is_using = self.is_keyword("using");
        if (is_using || self.is_keyword("on")) && !conditional {
            return Err(PartiqlError::parser(
                position,
                "malformed use of FROM with JOIN",
                "ON follows only JOIN, INNER JOIN and LEFT JOIN",
            ));
        }
        if is_using {
            let position = self.position();
            self.step();
            self.expect("(")?;
            let names = self.list(|parser| parser.any_identifier("Expected a name after USING ("))?;
            self.expect(")")?;
            return Ok((None, Some(Using { names, position })));
        }
        if self.accept_keyword("on") {
            return Ok((Some(self.expression()?), None));
        }
        if conditional {
            return Err(self.error("malformed use of FROM with JOIN", "Expected ON after JOIN"));
        }
        Ok((None, None))
    }

    /// The comma or the words of a join, if they come next, and whether ON must follow.
    fn join(&mut self) -> Result<Option<(Join, bool)>, PartiqlError> {
        if self.accept(",") {
            return Ok(Some((Join::Comma, false)));
        }
        let join = match self.kind() {
            TokenKind::Keyword("join") => {
                self.step();
                return Ok(Some((Join::Inner, true)));
            }
            TokenKind::Keyword("cross") => Join::Cross,
            TokenKind::Keyword("inner") => Join::Inner,
            TokenKind::Keyword("left") => Join::Left,
            TokenKind::Keyword("right") => Join::Right,
            TokenKind::Keyword("full") => Join::Full,
            _ => return Ok(None),
        };
        self.step();
        if !matches!(join, Join::Cross | Join::Inner) {
            self.accept_keyword("outer");
        }
        let cross = join != Join::Cross && self.accept_keyword("cross");
        self.expect_keyword("join")?;
        Ok(Some((
            if cross && join == Join::Inner { Join::Cross } else { join },
            join != Join::Cross && !cross,
        )))
    }

    fn source(&mut self) -> Result<FromSource, PartiqlError> {
        let position = self.position();
        let unpivot = self.is_keyword("unpivot").then_some(position);
        if unpivot.is_some() {
            self.step();
        } else if self.is("(") && !self.begins_query(1) && !is_keyword(self.kind_after(1), "values") {
            return self.parenthesised_source();
        }
        let value = self.expression()?;
        Ok(FromSource::Item(Box::new(self.source_item(value, unpivot, position)?)))
    }

    /// `( from list )`, or an expression that begins with a parenthesis.
    fn parenthesised_source(&mut self) -> Result<FromSource, PartiqlError> {
        let position = self.position();
        self.step();
        let mut from = self.deeper(Self::sources)?;
        // A query in parentheses may be the first operand of UNION.
        if let [FromTerm { source: FromSource::Item(item), .. }] = &mut *from.terms
            && is_bare(item)
        {
            let first = std::mem::replace(&mut item.value, Expression::Missing);
            item.value = self.deeper(|parser| parser.combined_after(first))?;
        }
        self.expect(")")?;
        // One source without names may be the first operand of an expression: `(a) + 1`, `(t).x`.
        match <[FromTerm; 1]>::try_from(from.terms) {
            Ok([FromTerm { source: FromSource::Item(item), .. }]) if is_bare(&item) => {
                let value = self.deeper(|parser| {
                    parser.wrapped()?;
                    parser.expression_after(item.value)
                })?;
                Ok(FromSource::Item(Box::new(self.source_item(value, None, position)?)))
            }
            Ok([term]) => Ok(FromSource::Nested(FromClause { terms: vec![term] })),
            Err(terms) => Ok(FromSource::Nested(FromClause { terms })),
        }
    }

    /// What may follow the value of a source: AS OF, AS, AT and BY, in this order.
    pub(super) fn source_item(
        &mut self,
        value: Expression,
        unpivot: Option<Position>,
        position: Position,
    ) -> Result<FromItem, PartiqlError> {
        let as_of = if self.is_keyword("as") && is_keyword(self.kind_after(1), "of") {
            let position = self.position();
            self.step();
            self.step();
            Some(Clause { value: self.operand()?, is_fetch: false, position })
        } else {
            None
        };
        let alias = self.alias()?;
        let at = if self.accept_keyword("at") { Some(self.alias_name()?) } else { None };
        let by = if self.accept_keyword("by") { Some(self.alias_name()?) } else { None };
        Ok(FromItem { value, unpivot, as_of, alias, at, by, position })
    }

    fn group(&mut self) -> Result<Option<Group>, PartiqlError> {
        let position = self.position();
        if !self.accept_keyword("group") {
            return Ok(None);
        }
        self.expect_keyword("by")?;
        let keys = self.list(|parser| {
            let key = parser.expression()?;
            let name = if parser.accept_keyword("as") { Some(parser.alias_name()?) } else { None };
            Ok((key, name))
        })?;
        let group_as = if self.accept_keyword("group") {
            self.expect_keyword("as")?;
            Some(self.alias_name()?)
        } else {
            None
        };
        Ok(Some(Group { keys, group_as, position }))
    }

    pub(super) fn order(&mut self) -> Result<Option<Order>, PartiqlError> {
        let position = self.position();
        if !self.accept_keyword("order") {
            return Ok(None);
        }
        self.expect_keyword("by")?;
        Ok(Some(Order { terms: self.order_terms()?, position }))
    }

    /// The terms after ORDER BY.
    pub(super) fn order_terms(&mut self) -> Result<Vec<OrderTerm>, PartiqlError> {
        self.list(|parser| {
            let value = parser.expression()?;
            let descending = parser.accept_keyword("desc");
            if !descending {
                parser.accept_keyword("asc");
            }
            let nulls_first = if is_word(parser.kind(), "nulls") {
                parser.step();
                let first = parser.accept_keyword("first");
                if !first {
                    parser.expect_keyword("last")?;
                }
                Some(first)
            } else {
                None
            };
            Ok(OrderTerm { value, descending, nulls_first })
        })
    }
}

/// Whether a source is a value without names.
fn is_bare(item: &FromItem) -> bool {
    item.unpivot.is_none()
        && item.as_of.is_none()
        && item.alias.is_none()
        && item.at.is_none()
        && item.by.is_none()
}
