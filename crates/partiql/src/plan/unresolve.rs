//! Expressions of a plan as syntax trees again, to be printed.

use std::sync::Arc;

use super::{Expression, Function, PathStep, QueryPlan};
use crate::ast;

/// The tree of an expression. Slots get their names back; each query in it becomes a name, and is
/// handed out under that name.
pub(super) fn expression<'p>(
    e: &'p Expression,
    frames: &[Arc<[Arc<str>]>],
    queries: &mut usize,
    nested: &mut Vec<(String, &'p QueryPlan)>,
) -> ast::Expression {
    let mut one = |e: &'p Expression| expression(e, frames, queries, nested);
    match e {
        Expression::Literal(value) => ast::Expression::Literal(value.clone()),
        Expression::Missing => ast::Expression::Missing,
        Expression::Parameter(number) => ast::Expression::Parameter(number + 1),
        Expression::Variable { depth, slot } => {
            let frame = frames.len().checked_sub(depth + 1).and_then(|frame| frames.get(frame));
            let name = frame.and_then(|names| names.get(*slot));
            variable(name.map_or("?", |name| name))
        }
        Expression::Path { root, steps } => ast::Expression::Path {
            root: Box::new(one(root)),
            steps: steps
                .iter()
                .map(|step| match step {
                    PathStep::Field(name) => ast::PathStep::Field(name.to_string()),
                    PathStep::Index(index) => ast::PathStep::Index(one(index)),
                    PathStep::Elements => ast::PathStep::Elements,
                    PathStep::Fields => ast::PathStep::Fields,
                })
                .collect(),
        },
        Expression::Not(value) => ast::Expression::Not(Box::new(one(value))),
        Expression::Sign { negative, operand, position } => ast::Expression::Sign {
            negative: *negative,
            operand: Box::new(one(operand)),
            position: *position,
        },
        Expression::Truth { value, .. } => one(value),
        Expression::Binary { operator, left, right, position } => ast::Expression::Binary {
            operator: *operator,
            left: Box::new(one(left)),
            right: Box::new(one(right)),
            position: *position,
        },
        Expression::And(items) => ast::Expression::And(items.iter().map(one).collect()),
        Expression::Or(items) => ast::Expression::Or(items.iter().map(one).collect()),
        Expression::In { value, collection, negated, position } => ast::Expression::In {
            value: Box::new(one(value)),
            collection: Box::new(one(collection)),
            negated: *negated,
            position: *position,
        },
        Expression::Between { value, low, high, negated, position } => ast::Expression::Between {
            value: Box::new(one(value)),
            low: Box::new(one(low)),
            high: Box::new(one(high)),
            negated: *negated,
            position: *position,
        },
        Expression::Like { value, pattern, escape, negated, position } => ast::Expression::Like {
            value: Box::new(one(value)),
            pattern: Box::new(one(pattern)),
            escape: escape.as_deref().map(|escape| Box::new(one(escape))),
            negated: *negated,
            position: *position,
        },
        Expression::Is { value, of, negated } => {
            ast::Expression::Is { value: Box::new(one(value)), of: *of, negated: *negated }
        }
        Expression::Case { operand, branches, otherwise } => ast::Expression::Case {
            operand: operand.as_deref().map(|operand| Box::new(one(operand))),
            branches: branches.iter().map(|(when, then)| (one(when), one(then))).collect(),
            otherwise: otherwise.as_deref().map(|otherwise| Box::new(one(otherwise))),
        },
        Expression::Cast { value, to, position } => {
            ast::Expression::Cast { value: Box::new(one(value)), to: *to, position: *position }
        }
        Expression::List(items) => ast::Expression::List(items.iter().map(one).collect()),
        Expression::Bag(items) => ast::Expression::Bag(items.iter().map(one).collect()),
        Expression::Struct(fields) => {
            ast::Expression::Struct(fields.iter().map(|(name, value)| (one(name), one(value))).collect())
        }
        Expression::Call { function, arguments, .. } => call(*function, arguments.iter().map(one).collect()),
        Expression::Query { query, .. } => {
            *queries += 1;
            let name = format!("query_{queries}");
            nested.push((name.clone(), query));
            variable(&name)
        }
    }
}

fn variable(name: &str) -> ast::Expression {
    ast::Expression::Variable { name: identifier(name), local: false }
}

fn identifier(name: &str) -> ast::Identifier {
    ast::Identifier { name: name.to_owned(), position: ast::Position::default(), is_quoted: false }
}

/// A call by its name, with what of its arguments is no expression as a name too.
fn call(function: Function, mut arguments: Vec<ast::Expression>) -> ast::Expression {
    let name = match function {
        Function::DateAdd(part) | Function::DateDiff(part) | Function::Extract(part) => {
            arguments.insert(0, variable(&part.to_string().to_lowercase()));
            match function {
                Function::DateAdd(_) => "DATE_ADD",
                Function::DateDiff(_) => "DATE_DIFF",
                _ => "EXTRACT",
            }
        }
        Function::Trim(side) => {
            arguments.insert(0, variable(&side.to_string().to_lowercase()));
            "TRIM"
        }
        Function::Collection { function, .. } => {
            let name = identifier(&format!("COLL_{function}"));
            return ast::Expression::Call { function: name, arguments };
        }
        Function::Coalesce => "COALESCE",
        Function::Exists => "EXISTS",
        Function::NullIf => "NULLIF",
        Function::UtcNow => "UTCNOW",
        Function::TxId => "TXID",
        Function::CharLength => "CHAR_LENGTH",
        Function::Lower => "LOWER",
        Function::Upper => "UPPER",
        Function::Substring => "SUBSTRING",
        Function::Size => "SIZE",
        Function::Pivot => "PIVOT",
        Function::ToString => "TO_STRING",
        Function::ToTimestamp => "TO_TIMESTAMP",
    };
    ast::Expression::Call { function: identifier(name), arguments }
}
