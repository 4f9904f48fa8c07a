//! Parses the operators between two operands, except AND and OR.

use super::{Parser, is_open};
use crate::ast::{Expression, Link};
use crate::error::PartiqlError;
use crate::expression::precedence::{AND, COMPARISON, EQUALITY, OR};
use crate::expression::{BinaryOperator, CHAIN_MIN, Quantifier};
use crate::lexer::TokenKind;

/// An operator between two operands.
#[derive(Clone, Copy)]
pub(super) enum Operator {
    Or,
    And,
    Is,
    In { negated: bool },
    Between { negated: bool },
    Like { negated: bool },
    Binary(BinaryOperator),
}

impl Parser<'_> {
    /// The operator that comes next, and how tight it binds. Its tokens are not taken.
    pub(super) fn operator(&self) -> Option<(Operator, u8)> {
        let operator = match self.kind() {
            TokenKind::Symbol(symbol) => Operator::Binary(binary_operator(symbol)?),
            TokenKind::Keyword("or") => Operator::Or,
            TokenKind::Keyword("and") => Operator::And,
            TokenKind::Keyword("is") => Operator::Is,
            TokenKind::Keyword("in") => Operator::In { negated: false },
            TokenKind::Keyword("between") => Operator::Between { negated: false },
            TokenKind::Keyword("like") => Operator::Like { negated: false },
            TokenKind::Keyword("not") => match self.kind_after(1) {
                TokenKind::Keyword("in") => Operator::In { negated: true },
                TokenKind::Keyword("between") => Operator::Between { negated: true },
                TokenKind::Keyword("like") => Operator::Like { negated: true },
                _ => return None,
            },
            _ => return None,
        };
        let precedence = match operator {
            Operator::Or => OR,
            Operator::And => AND,
            Operator::Is | Operator::In { .. } => EQUALITY,
            Operator::Between { .. } | Operator::Like { .. } => COMPARISON,
            Operator::Binary(operator) => operator.precedence(),
        };
        Some((operator, precedence))
    }

    /// Takes any operator but AND and OR, and its right operand.
    pub(super) fn comparison(
        &mut self,
        left: Expression,
        operator: Operator,
        precedence: u8,
    ) -> Result<Expression, PartiqlError> {
        let position = self.position();
        if let Operator::In { negated } | Operator::Between { negated } | Operator::Like { negated } =
            operator
            && negated
        {
            self.step();
        }
        self.step();
        let value = Box::new(left);
        Ok(match operator {
            Operator::Or | Operator::And => unreachable!("AND and OR are lists"),
            Operator::Binary(operator) if operator.is_comparison() && self.quantifier().is_some() => {
                self.quantified(value, operator)?
            }
            Operator::Binary(operator) => {
                let right = Box::new(self.operators(precedence)?);
                Expression::Binary { operator, left: value, right, position }
            }
            Operator::Is => self.is_what(value, precedence)?,
            Operator::In { negated } => {
                // `IN (?)` is a list of one item, while `(?)` elsewhere is just `?`. A query in parentheses is no list.
                let collection = match self.kind_after(1) {
                    _ if !self.is("(") => self.operators(precedence)?,
                    _ if self.begins_query(1) => self.deeper(Self::parenthesised)?,
                    TokenKind::Keyword("values") => self.deeper(|parser| {
                        parser.step();
                        let rows = parser.keyword_term("values")?;
                        parser.expect(")")?;
                        Ok(rows)
                    })?,
                    _ => self.deeper(Self::members)?,
                };
                Expression::In { value, collection: Box::new(collection), negated, position }
            }
            Operator::Between { negated } => {
                let low = Box::new(self.operators(precedence)?);
                self.expect_keyword("and")?;
                let high = Box::new(self.operators(precedence)?);
                Expression::Between { value, low, high, negated, position }
            }
            Operator::Like { negated } => {
                let pattern = Box::new(self.operators(precedence)?);
                let escape = if self.accept_keyword("escape") {
                    Some(Box::new(self.operators(precedence)?))
                } else {
                    None
                };
                Expression::Like { value, pattern, escape, negated, position }
            }
        })
    }

    /// `(e, …)` after IN: a list, or a query if it is several queries with operators between them.
    fn members(&mut self) -> Result<Expression, PartiqlError> {
        self.step();
        let first = self.expression()?;
        if matches!(first, Expression::Query(_)) && self.set_operator().is_some() {
            let query = self.combined_after(first)?;
            self.expect(")")?;
            return Ok(query);
        }
        let mut items = vec![first];
        while self.accept(",") {
            items.push(self.expression()?);
        }
        self.expect(")")?;
        Ok(Expression::List(items))
    }

    /// The left operand taken apart, if the operator that comes next makes a chain with it. Any other operand comes back.
    pub(super) fn chained(
        &self,
        left: Expression,
        operator: Operator,
    ) -> Result<(Box<Expression>, Vec<Link>), Expression> {
        let is_quantified = || matches!(self.kind_after(1), TokenKind::Keyword("all" | "any" | "some"));
        let Operator::Binary(operator) = operator else { return Err(left) };
        let precedence = operator.precedence();
        if operator.is_comparison() && is_quantified() {
            return Err(left);
        }
        if let Expression::Chain { first, links } = left {
            return match links.first() {
                Some(link) if link.operator.precedence() == precedence => Ok((first, links)),
                _ => Err(Expression::Chain { first, links }),
            };
        }
        let mut operators = 0;
        let mut operand = &left;
        while let Expression::Binary { operator, left, .. } = operand
            && operator.precedence() == precedence
        {
            operators += 1;
            operand = left;
        }
        if operators < CHAIN_MIN {
            return Err(left);
        }
        let mut first = Box::new(left);
        let mut links = Vec::new();
        for _ in 0..operators {
            let Expression::Binary { operator, left, right, position } = *first else {
                unreachable!("counted above");
            };
            links.push(Link { operator, operand: *right, position });
            first = left;
        }
        links.reverse();
        Ok((first, links))
    }

    /// An operator of a chain, which comes next, and its right operand.
    pub(super) fn link(&mut self, operator: Operator, precedence: u8) -> Result<Link, PartiqlError> {
        let position = self.position();
        let Operator::Binary(operator) = operator else {
            return Err(self.unexpected("Expected an operator"));
        };
        self.step();
        Ok(Link { operator, operand: self.operators(precedence)?, position })
    }

    /// What follows IS.
    fn is_what(&mut self, value: Box<Expression>, precedence: u8) -> Result<Expression, PartiqlError> {
        let negated = self.accept_keyword("not");
        let position = self.position();
        let truth = match self.kind() {
            TokenKind::Keyword("true") => Some(true),
            TokenKind::Keyword("false") => Some(false),
            TokenKind::Keyword("unknown") => None,
            TokenKind::Keyword("distinct") => {
                self.step();
                self.expect_keyword("from")?;
                let right = Box::new(self.operators(precedence)?);
                return Ok(Expression::Distinct { left: value, right, negated, position });
            }
            _ => return Ok(Expression::Is { value, of: self.type_name()?, negated }),
        };
        self.step();
        Ok(Expression::IsTruth { value, truth, negated, position })
    }

    /// The quantifier that comes next, if one does.
    fn quantifier(&self) -> Option<Quantifier> {
        match self.kind() {
            TokenKind::Keyword("all") => Some(Quantifier::All),
            TokenKind::Keyword("any") => Some(Quantifier::Any),
            TokenKind::Keyword("some") => Some(Quantifier::Some),
            _ => None,
        }
    }

    /// A quantifier, which comes next, and its collection: a query, any other expression, or the items of a list.
    fn quantified(
        &mut self,
        value: Box<Expression>,
        operator: BinaryOperator,
    ) -> Result<Expression, PartiqlError> {
        let position = self.position();
        let Some(quantifier) = self.quantifier() else {
            return Err(self.unexpected("Expected a quantifier"));
        };
        if !is_open(self.kind_after(1)) {
            return Err(self.error("unexpected keyword found", "Unexpected keyword"));
        }
        self.step();
        let collection = Box::new(self.deeper(Self::parenthesised)?);
        Ok(Expression::Quantified { value, operator, quantifier, collection, position })
    }
}

fn binary_operator(symbol: &str) -> Option<BinaryOperator> {
    Some(match symbol {
        "=" => BinaryOperator::Equal,
        "<>" => BinaryOperator::NotEqual,
        "<" => BinaryOperator::Less,
        "<=" => BinaryOperator::LessOrEqual,
        ">" => BinaryOperator::Greater,
        ">=" => BinaryOperator::GreaterOrEqual,
        "+" => BinaryOperator::Add,
        "-" => BinaryOperator::Subtract,
        "*" => BinaryOperator::Multiply,
        "/" => BinaryOperator::Divide,
        "%" => BinaryOperator::Modulo,
        "||" => BinaryOperator::Concatenate,
        _ => return None,
    })
}
