//! Parses expressions: operators by precedence, paths, terms.
//!
//! `=`, `<>`, IS and IN bind looser than `<`, BETWEEN and LIKE, as in QLDB's reference parser. All
//! operators between two operands are left-associative.

use everstrand_ion::{Data, Decimal, Int, Value};

use super::operator::Operator;
use super::{Parser, is_name, is_open};
use crate::ast::{Expression, Identifier, PathStep, Variable};
use crate::error::PartiqlError;
use crate::expression::precedence::{AND, EQUALITY, NOT, OR};
use crate::expression::{FunctionForm, Type};
use crate::keywords;
use crate::lexer::TokenKind;
use crate::position::Position;

impl Parser<'_> {
    /// Any expression. A query without parentheses is the whole expression; no operator can follow it.
    pub(super) fn expression(&mut self) -> Result<Expression, PartiqlError> {
        if self.begins_query(0) {
            return self.deeper(|parser| Ok(Expression::Query(Box::new(parser.query_expression()?))));
        }
        self.operators(0)
    }

    /// An expression up to the first IN outside of parentheses.
    pub(super) fn expression_before_in(&mut self) -> Result<Expression, PartiqlError> {
        if self.begins_query(0) {
            return self.expression();
        }
        let left = self.operators(EQUALITY)?;
        if self.is_keyword("in") { Ok(left) } else { self.operators_after(left, 0) }
    }

    /// The rest of an expression after its first operand.
    pub(super) fn expression_after(&mut self, left: Expression) -> Result<Expression, PartiqlError> {
        let left = self.path_after(left)?;
        self.operators_after(left, 0)
    }

    /// Whether the token that is `after` tokens after the next one can begin an expression.
    pub(super) fn begins_expression(&self, after: usize) -> bool {
        match self.kind_after(after) {
            TokenKind::Identifier(_)
            | TokenKind::QuotedIdentifier(_)
            | TokenKind::Literal(_)
            | TokenKind::IonLiteral(_)
            | TokenKind::Parameter(_) => true,
            TokenKind::Symbol(symbol) => matches!(*symbol, "(" | "[" | "{" | "<<" | "+" | "-" | "@"),
            name if is_name(name) => true,
            TokenKind::Keyword(word) => {
                matches!(
                    *word,
                    "true"
                        | "false"
                        | "null"
                        | "missing"
                        | "not"
                        | "case"
                        | "cast"
                        | "values"
                        | "current_timestamp"
                ) || keywords::is_function(word) && is_open(self.kind_after(after + 1))
            }
            TokenKind::End => false,
        }
    }

    /// A term with its path. It may stand where a clause follows.
    pub(super) fn operand(&mut self) -> Result<Expression, PartiqlError> {
        self.deeper(Self::prefix)
    }

    /// An expression whose operators bind tighter than `looser`.
    pub(super) fn operators(&mut self, looser: u8) -> Result<Expression, PartiqlError> {
        self.deeper(|parser| {
            let left = parser.prefix()?;
            parser.operators_after(left, looser)
        })
    }

    fn operators_after(&mut self, mut left: Expression, looser: u8) -> Result<Expression, PartiqlError> {
        while let Some((operator, precedence)) = self.operator()
            && precedence > looser
        {
            left = match operator {
                Operator::Or => {
                    self.step();
                    let mut operands = match left {
                        Expression::Or(operands) => operands,
                        operand => {
                            self.wrapped()?;
                            vec![operand]
                        }
                    };
                    match self.operators(OR)? {
                        // An OR in parentheses is part of the same chain.
                        Expression::Or(more) => operands.extend(more),
                        operand => operands.push(operand),
                    }
                    Expression::Or(operands)
                }
                Operator::And => {
                    self.step();
                    let mut operands = match left {
                        Expression::And(operands) => operands,
                        operand => {
                            self.wrapped()?;
                            vec![operand]
                        }
                    };
                    match self.operators(AND)? {
                        Expression::And(more) => operands.extend(more),
                        operand => operands.push(operand),
                    }
                    Expression::And(operands)
                }
                _ => match self.chained(left, operator) {
                    Ok((first, mut links)) => {
                        links.push(self.link(operator, precedence)?);
                        Expression::Chain { first, links }
                    }
                    Err(left) => {
                        self.wrapped()?;
                        self.comparison(left, operator, precedence)?
                    }
                },
            };
        }
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Expression, PartiqlError> {
        if self.accept_keyword("not") {
            return Ok(Expression::Not(Box::new(self.operators(NOT)?)));
        }
        let negative = self.is("-");
        if !negative && !self.is("+") {
            let term = self.term()?;
            return self.path_after(term);
        }
        let position = self.position();
        self.step();
        let operand = self.deeper(Self::prefix)?;
        Ok(match signed(negative, operand, position) {
            Ok(literal) => literal,
            Err(operand) => Expression::Sign { negative, operand: Box::new(operand), position },
        })
    }

    /// The steps of a path, if any follow.
    fn path_after(&mut self, root: Expression) -> Result<Expression, PartiqlError> {
        let mut steps = Vec::new();
        loop {
            if self.accept(".") {
                if self.accept("*") {
                    steps.push(PathStep::Fields);
                } else {
                    steps.push(PathStep::Field(self.field_name()?.into()));
                }
            } else if self.accept("[") {
                if self.accept("*") {
                    steps.push(PathStep::Elements);
                } else {
                    steps.push(match self.expression()? {
                        Expression::Literal { value: Value { data: Data::String(name), .. }, .. } => {
                            PathStep::Field(name.into())
                        }
                        index => PathStep::Index(Box::new(index)),
                    });
                }
                self.expect("]")?;
            } else {
                break;
            }
        }
        if steps.is_empty() {
            return Ok(root);
        }
        match root {
            Expression::Path { root, steps: mut first } => {
                first.append(&mut steps);
                Ok(Expression::Path { root, steps: first })
            }
            root => {
                self.wrapped()?;
                Ok(Expression::Path { root: Box::new(root), steps })
            }
        }
    }

    /// A name after the dot of an expression. A string may stand for it.
    fn field_name(&mut self) -> Result<String, PartiqlError> {
        if let TokenKind::Literal(Value { data: Data::String(name), .. }) = self.kind() {
            let name = name.clone();
            self.step();
            return Ok(name);
        }
        Ok(self.path_component()?.name)
    }

    /// A name after a dot.
    pub(super) fn path_component(&mut self) -> Result<Identifier, PartiqlError> {
        self.any_identifier("Invalid path component, expecting either an IDENTIFIER or STAR")
    }

    fn term(&mut self) -> Result<Expression, PartiqlError> {
        let position = self.position();
        let literal = |value: Value| Expression::Literal { value, position };
        let term = match self.kind() {
            TokenKind::Literal(value) | TokenKind::IonLiteral(value) => literal(value.clone()),
            TokenKind::Parameter(number) => Expression::Parameter { index: number - 1, position },
            TokenKind::Keyword("true") => literal(Value::from(true)),
            TokenKind::Keyword("false") => literal(Value::from(false)),
            TokenKind::Keyword("null") => literal(Value::null()),
            TokenKind::Keyword("missing") => Expression::Missing,
            TokenKind::Identifier(_) if is_open(self.kind_after(1)) => {
                return self.call();
            }
            name if is_name(name) => {
                let name = self.identifier("Expected identifier")?;
                return Ok(Expression::Variable(Variable { name, local: false }));
            }
            TokenKind::Keyword(word) => {
                let word = *word;
                return self.keyword_term(word);
            }
            TokenKind::Symbol("@") => {
                self.step();
                if !is_name(self.kind()) {
                    return Err(self
                        .error("identifier expected after `@` symbol", "Identifier must follow @-operator"));
                }
                let name = self.identifier("Identifier must follow @-operator")?;
                return Ok(Expression::Variable(Variable { name, local: true }));
            }
            TokenKind::Symbol("(") => return self.parenthesised(),
            TokenKind::Symbol("[") => return Ok(Expression::List(self.items("]")?)),
            TokenKind::Symbol("<<") => return Ok(Expression::Bag(self.items(">>")?)),
            TokenKind::Symbol("{") => return self.struct_constructor(),
            _ => {
                return Err(self.error("unexpected term found", "Unexpected term"));
            }
        };
        self.step();
        Ok(term)
    }

    pub(super) fn keyword_term(&mut self, word: &'static str) -> Result<Expression, PartiqlError> {
        match word {
            "case" => self.case(),
            "cast" => self.cast(),
            "values" => Ok(Expression::Bag(self.rows()?.into_iter().map(Expression::List).collect())),
            "current_timestamp" if !is_open(self.kind_after(1)) => {
                let position = self.position();
                self.step();
                let function = FunctionForm::CurrentTimestamp;
                Ok(Expression::Call { function, arguments: Vec::new(), position })
            }
            "list" | "sexp" if is_open(self.kind_after(1)) => {
                let position = self.position();
                self.step();
                let list = Expression::List(self.items(")")?);
                Ok(match word {
                    "list" => list,
                    _ => Expression::Cast { value: Box::new(list), to: Type::Sexp, position },
                })
            }
            _ if is_open(self.kind_after(1)) && keywords::is_function(word) => self.call(),
            _ => Err(self.error("unexpected keyword found", "Unexpected keyword")),
        }
    }

    /// `VALUES (e, …), …`
    pub(super) fn rows(&mut self) -> Result<Vec<Vec<Expression>>, PartiqlError> {
        self.step();
        self.list(|parser| {
            parser.deeper(|parser| {
                if !parser.is("(") {
                    return Err(parser.unexpected("Expected ( after VALUES"));
                }
                parser.items(")")
            })
        })
    }

    /// `(query)`, `(e)` or the list `(e, e, …)`.
    pub(super) fn parenthesised(&mut self) -> Result<Expression, PartiqlError> {
        self.step();
        let first = self.expression_or_query()?;
        if self.accept(")") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.accept(",") {
            items.push(self.expression()?);
        }
        self.expect(")")?;
        Ok(Expression::List(items))
    }

    /// The expressions between an opening token, which comes next, and the closing token `close`.
    fn items(&mut self, close: &str) -> Result<Vec<Expression>, PartiqlError> {
        self.step();
        if self.accept(close) {
            return Ok(Vec::new());
        }
        let items = self.list(Self::expression)?;
        self.expect(close)?;
        Ok(items)
    }

    fn struct_constructor(&mut self) -> Result<Expression, PartiqlError> {
        self.step();
        if self.accept("}") {
            return Ok(Expression::Struct(Vec::new()));
        }
        let fields = self.list(|parser| {
            let name = parser.expression()?;
            parser.expect(":")?;
            Ok((name, parser.expression()?))
        })?;
        self.expect("}")?;
        Ok(Expression::Struct(fields))
    }

    fn case(&mut self) -> Result<Expression, PartiqlError> {
        self.step();
        let operand = if self.is_keyword("when") { None } else { Some(Box::new(self.expression()?)) };
        let mut branches = Vec::new();
        while self.accept_keyword("when") {
            let when = self.expression()?;
            self.expect_keyword("then")?;
            branches.push((when, self.expression()?));
        }
        if branches.is_empty() {
            self.expect_keyword("when")?;
        }
        let otherwise = if self.accept_keyword("else") { Some(Box::new(self.expression()?)) } else { None };
        self.expect_keyword("end")?;
        Ok(Expression::Case { operand, branches, otherwise })
    }
}

/// A number literal with the sign before it. Any other operand comes back.
fn signed(negative: bool, operand: Expression, position: Position) -> Result<Expression, Expression> {
    let Expression::Literal { value, .. } = &operand else { return Err(operand) };
    if !value.annotations().is_empty() {
        return Err(operand);
    }
    if !negative && matches!(value.data, Data::Int(_) | Data::Decimal(_) | Data::Float(_)) {
        return Ok(operand);
    }
    let value = match &value.data {
        Data::Int(int) => Value::from(Int::from(-int.to_bigint())),
        Data::Decimal(decimal) => Value::from(negated(decimal)),
        Data::Float(float) => Value::from(-float),
        _ => return Err(operand),
    };
    Ok(Expression::Literal { value, position })
}

/// The same number with the other sign. A zero has a sign too.
fn negated(decimal: &Decimal) -> Decimal {
    match (decimal.is_zero(), decimal.is_negative_zero()) {
        (true, false) => Decimal::negative_zero(decimal.exponent()),
        _ => Decimal::new(-decimal.coefficient().to_bigint(), decimal.exponent()),
    }
}
