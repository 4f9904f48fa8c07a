//! Expressions as text, with parentheses only where the parser needs them.
//!
//! Where an operand may stand bare depends on two things: how tight it binds itself, and how much of
//! what follows its end would belong to it. `a = NOT b` may be the right operand of `=`, but not the
//! left: NOT would take what follows. What follows IN must not begin with a parenthesis, which would
//! make it a list; that holds because no operand gets one that the text it came from had not.

use std::fmt::{self, Display, Formatter};

use everstrand_ion::{Data, Value, text};

use super::{bracketed, clause, list, name, quoted, separated};
use crate::ast::precedence::{AND, COMPARISON, EQUALITY, NOT, OR, TERM};
use crate::ast::{AggregateFunction, BinaryOperator, DatePart, Expression, PathStep, TrimSide, Type};

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expression::Literal(value) => literal(f, value),
            Expression::Missing => f.write_str("MISSING"),
            Expression::Parameter(_) => f.write_str("?"),
            Expression::Variable { name, local } => write!(f, "{}{name}", if *local { "@" } else { "" }),
            Expression::Path { root: first, steps } => {
                root(f, first)?;
                steps.iter().try_for_each(|step| step.fmt(f))
            }
            Expression::Not(value) => {
                f.write_str("NOT ")?;
                right(f, value, NOT)
            }
            Expression::Sign { negative, operand: value, .. } => {
                f.write_str(if *negative { "-" } else { "+" })?;
                // Two of them would begin a comment.
                if matches!(**value, Expression::Sign { .. }) {
                    f.write_str(" ")?;
                }
                prefix(f, value)
            }
            Expression::Binary { operator, left: first, right: second, .. } => {
                left(f, first, operator.precedence())?;
                write!(f, " {operator} ")?;
                right(f, second, operator.precedence())
            }
            Expression::And(operands) => separated(f, operands, " AND ", |f, e| right(f, e, AND)),
            Expression::Or(operands) => separated(f, operands, " OR ", |f, e| right(f, e, OR)),
            Expression::In { value, collection, negated, .. } => {
                left(f, value, EQUALITY)?;
                write!(f, " {}IN {collection}", not(*negated))
            }
            Expression::Between { value, low, high, negated, .. } => {
                left(f, value, COMPARISON)?;
                write!(f, " {}BETWEEN ", not(*negated))?;
                right(f, low, COMPARISON)?;
                f.write_str(" AND ")?;
                right(f, high, COMPARISON)
            }
            Expression::Like { value, pattern, escape, negated, .. } => {
                left(f, value, COMPARISON)?;
                write!(f, " {}LIKE ", not(*negated))?;
                right(f, pattern, COMPARISON)?;
                match escape {
                    None => Ok(()),
                    Some(escape) => {
                        f.write_str(" ESCAPE ")?;
                        right(f, escape, COMPARISON)
                    }
                }
            }
            Expression::Is { value, of, negated } => {
                left(f, value, EQUALITY)?;
                write!(f, " IS {}{of}", not(*negated))
            }
            Expression::Case { operand, branches, otherwise } => {
                f.write_str("CASE")?;
                if let Some(operand) = operand {
                    write!(f, " {operand}")?;
                }
                for (when, then) in branches {
                    write!(f, " WHEN {when} THEN {then}")?;
                }
                clause(f, "ELSE", otherwise.as_deref())?;
                f.write_str(" END")
            }
            Expression::Cast { value, to, .. } => write!(f, "CAST({value} AS {to})"),
            Expression::List(items) => bracketed(f, "[", items, "]"),
            Expression::Bag(items) => bracketed(f, "<<", items, ">>"),
            Expression::Struct(fields) => {
                f.write_str("{")?;
                list(f, fields, |f, (name, value)| write!(f, "{name}: {value}"))?;
                f.write_str("}")
            }
            Expression::Call { function, arguments } => {
                bracketed(f, &format!("{}(", function.name), arguments, ")")
            }
            Expression::DateArithmetic { difference, part, arguments, .. } => {
                let [first, second] = &**arguments;
                let function = if *difference { "DATE_DIFF" } else { "DATE_ADD" };
                write!(f, "{function}({part}, {first}, {second})")
            }
            Expression::Extract { part, value, .. } => write!(f, "EXTRACT({part} FROM {value})"),
            Expression::Trim { side, characters, text, .. } => {
                f.write_str("TRIM(")?;
                if let Some(side) = side {
                    write!(f, "{side} ")?;
                }
                if let Some(characters) = characters {
                    write!(f, "{characters} ")?;
                }
                if side.is_some() || characters.is_some() {
                    f.write_str("FROM ")?;
                }
                write!(f, "{text})")
            }
            Expression::Aggregate { function, collection, distinct, argument, .. } => {
                let function = format!("{}{function}", if *collection { "COLL_" } else { "" });
                let distinct = if *distinct { "DISTINCT " } else { "" };
                match argument {
                    Some(argument) => write!(f, "{function}({distinct}{argument})"),
                    None => write!(f, "{function}(*)"),
                }
            }
            Expression::Query(query) => write!(f, "({query})"),
        }
    }
}

impl Display for PathStep {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            PathStep::Field(field) => {
                f.write_str(".")?;
                name(f, field)
            }
            PathStep::Index(index) => write!(f, "[{index}]"),
            PathStep::Elements => f.write_str("[*]"),
            PathStep::Fields => f.write_str(".*"),
        }
    }
}

impl Display for BinaryOperator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BinaryOperator::Equal => "=",
            BinaryOperator::NotEqual => "<>",
            BinaryOperator::Less => "<",
            BinaryOperator::LessOrEqual => "<=",
            BinaryOperator::Greater => ">",
            BinaryOperator::GreaterOrEqual => ">=",
            BinaryOperator::Add => "+",
            BinaryOperator::Subtract => "-",
            BinaryOperator::Multiply => "*",
            BinaryOperator::Divide => "/",
            BinaryOperator::Modulo => "%",
            BinaryOperator::Concatenate => "||",
        })
    }
}

/// Enums whose names are their text in upper case.
macro_rules! words {
    ($($type:ty)*) => {
        $(impl Display for $type {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str(&format!("{self:?}").to_uppercase())
            }
        })*
    };
}

words!(Type TrimSide AggregateFunction);

impl Display for DatePart {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DatePart::Year => "YEAR",
            DatePart::Month => "MONTH",
            DatePart::Day => "DAY",
            DatePart::Hour => "HOUR",
            DatePart::Minute => "MINUTE",
            DatePart::Second => "SECOND",
            DatePart::TimezoneHour => "TIMEZONE_HOUR",
            DatePart::TimezoneMinute => "TIMEZONE_MINUTE",
        })
    }
}

/// How tight an expression binds where it begins.
fn head(expression: &Expression) -> u8 {
    match expression {
        Expression::Or(_) => OR,
        Expression::And(_) => AND,
        Expression::In { .. } | Expression::Is { .. } => EQUALITY,
        Expression::Between { .. } | Expression::Like { .. } => COMPARISON,
        Expression::Binary { operator, .. } => operator.precedence(),
        // NOT and signs may stand before any operand.
        _ => TERM,
    }
}

/// What binds tighter than this belongs to the expression when it follows its end.
fn tail(expression: &Expression) -> u8 {
    let (own, last) = match expression {
        Expression::Or(_) => return OR,
        Expression::And(_) => return AND,
        Expression::Not(operand) => (NOT, operand),
        Expression::In { collection, .. } => (EQUALITY, collection),
        Expression::Between { high, .. } => (COMPARISON, high),
        Expression::Like { pattern, escape, .. } => (COMPARISON, escape.as_ref().unwrap_or(pattern)),
        Expression::Binary { operator, right, .. } => (operator.precedence(), right),
        Expression::Sign { operand, .. } if head(operand) == TERM => (TERM, operand),
        _ => return TERM,
    };
    let is_bare = head(last) > own || own == TERM || matches!(expression, Expression::In { .. });
    if is_bare { own.min(tail(last)) } else { own }
}

/// An operand that is followed by an operator of this precedence.
fn left(f: &mut Formatter<'_>, expression: &Expression, precedence: u8) -> fmt::Result {
    parenthesised(f, expression, head(expression) < precedence || tail(expression) < precedence)
}

/// An operand that follows an operator of this precedence.
fn right(f: &mut Formatter<'_>, expression: &Expression, precedence: u8) -> fmt::Result {
    parenthesised(f, expression, head(expression) <= precedence)
}

/// What may follow a sign or AS OF.
pub(super) fn prefix(f: &mut Formatter<'_>, expression: &Expression) -> fmt::Result {
    parenthesised(f, expression, head(expression) < TERM)
}

/// What a path begins with. An int would swallow the dot, and a sign would take the whole path.
pub(super) fn root(f: &mut Formatter<'_>, expression: &Expression) -> fmt::Result {
    let is_term = match expression {
        Expression::Literal(value) if value.annotations().is_empty() => match &value.data {
            Data::Int(int) if !int.is_negative() => return write!(f, "{int} "),
            Data::Int(_) => false,
            Data::Decimal(decimal) => !decimal.is_negative_zero() && !decimal.coefficient().is_negative(),
            _ => true,
        },
        Expression::Not(_) | Expression::Sign { .. } => false,
        expression => head(expression) == TERM,
    };
    parenthesised(f, expression, !is_term)
}

fn parenthesised(f: &mut Formatter<'_>, expression: &Expression, parentheses: bool) -> fmt::Result {
    if parentheses { write!(f, "({expression})") } else { expression.fmt(f) }
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

fn literal(f: &mut Formatter<'_>, value: &Value) -> fmt::Result {
    if value.annotations().is_empty() {
        match &value.data {
            Data::Null(everstrand_ion::IonType::Null) => return f.write_str("NULL"),
            Data::Bool(bool) => return f.write_str(if *bool { "TRUE" } else { "FALSE" }),
            Data::Int(int) => return int.fmt(f),
            Data::Decimal(decimal) => return f.write_str(&decimal.to_string().replace('d', "e")),
            Data::String(text) => return quoted(f, text, '\''),
            _ => {}
        }
    }
    write!(f, "`{}`", text::write(value))
}
