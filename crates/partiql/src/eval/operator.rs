//! What the operators between values do: comparison, BETWEEN, LIKE, `||` and arithmetic.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::compare::{self, Comparison};
use crate::datum::Datum;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::eval::context::Context;
use crate::eval::like::{LIKE_NEEDS_TEXT, LikePattern};
use crate::eval::{Fault, arithmetic};
use crate::expression::BinaryOperator;
use crate::work::Work;

/// The error of `||` over a value that is no text.
pub(crate) const NOT_CONCATENATED: &str = "Wrong argument type for ||";

/// The longest text that `||`, CONCAT and REPLACE make. Without a bound one statement could make texts of any length by
/// repeating them.
pub(crate) const TEXT_BYTES_MAX: usize = 16 << 20;

pub(crate) fn binary(
    context: &mut Context<'_>,
    operator: BinaryOperator,
    left: ValueRef<'_>,
    right: ValueRef<'_>,
) -> Result<Datum, Fault> {
    match operator {
        BinaryOperator::Equal => Ok(Datum::truth(compare::equal_counted(context, left, right)?)),
        BinaryOperator::NotEqual => {
            Ok(Datum::truth(compare::equal_counted(context, left, right)?.map(|equal| !equal)))
        }
        BinaryOperator::Less
        | BinaryOperator::LessOrEqual
        | BinaryOperator::Greater
        | BinaryOperator::GreaterOrEqual => ordered(context, operator, left, right),
        BinaryOperator::Concatenate => match (left.kind(), right.kind()) {
            (ValueKind::Missing | ValueKind::Null, _) | (_, ValueKind::Missing | ValueKind::Null) => {
                Ok(Datum::null())
            }
            (ValueKind::Text(Some(left)), ValueKind::Text(Some(right))) => {
                if left.len() + right.len() > TEXT_BYTES_MAX {
                    return Err(format!("|| makes texts of at most {TEXT_BYTES_MAX} bytes").into());
                }
                let bytes = left.len() + right.len();
                context.work(bytes / 4)?;
                context.hold(bytes)?;
                Ok(Datum::text([left, right].concat()))
            }
            _ => Err(NOT_CONCATENATED.into()),
        },
        _ => {
            context.work(left.kind().scalar_work().saturating_add(right.kind().scalar_work()))?;
            arithmetic::calculate(operator, left, right, context.execution.type_errors)
        }
    }
}

/// `< <= > >=`: TRUE, FALSE, NULL, or MISSING if the two kinds of values have no order between them.
fn ordered(
    context: &mut Context<'_>,
    operator: BinaryOperator,
    left: ValueRef<'_>,
    right: ValueRef<'_>,
) -> Result<Datum, Fault> {
    Ok(match compare::compare_counted(context, left, right)? {
        Comparison::Unknown => Datum::null(),
        Comparison::Incomparable => {
            let (left, right) = (left.type_name(), right.type_name());
            context.execution.type_errors.of(|| format!("Cannot compare values: {left}, {right}").into())?
        }
        Comparison::Ordered(order) => Datum::of(match operator {
            BinaryOperator::Less => order == Ordering::Less,
            BinaryOperator::LessOrEqual => order != Ordering::Greater,
            BinaryOperator::Greater => order == Ordering::Greater,
            _ => order != Ordering::Less,
        }),
    })
}

/// BETWEEN: NULL where a bound is unknown, unless the other bound decides.
pub(crate) fn between(
    context: &mut Context<'_>,
    value: ValueRef<'_>,
    low: ValueRef<'_>,
    high: ValueRef<'_>,
) -> Result<Option<bool>, Fault> {
    let from = ordered(context, BinaryOperator::GreaterOrEqual, value, low)?;
    let to = ordered(context, BinaryOperator::LessOrEqual, value, high)?;
    Ok(match (truth_of(&from), truth_of(&to)) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    })
}

pub(crate) fn truth_of(value: &Datum) -> Option<bool> {
    if let ValueKind::Bool(truth) = value.kind() { Some(truth) } else { None }
}

/// LIKE: NULL if an operand is unknown. The outer `None`, which is MISSING, if the value is no text.
pub(crate) fn like(
    context: &mut Context<'_>,
    value: ValueRef<'_>,
    pattern: ValueRef<'_>,
    escape: Option<ValueRef<'_>>,
) -> Result<Option<Option<bool>>, Fault> {
    if value.is_unknown() || pattern.is_unknown() || escape.is_some_and(ValueRef::is_unknown) {
        return Ok(Some(None));
    }
    let pattern = like_pattern(context, pattern, escape)?;
    match value.kind() {
        ValueKind::Text(Some(text)) => Ok(Some(Some(pattern.matches(context, text)?))),
        _ => Ok(None),
    }
}

/// The parsed pattern. The statement keeps the last one, because most rows have the same pattern.
pub(crate) fn like_pattern(
    context: &mut Context<'_>,
    pattern: ValueRef<'_>,
    escape: Option<ValueRef<'_>>,
) -> Result<Arc<LikePattern>, Fault> {
    let ValueKind::Text(Some(pattern)) = pattern.kind() else {
        return Err(LIKE_NEEDS_TEXT.into());
    };
    let escape = match escape.map(ValueRef::kind) {
        None => None,
        Some(ValueKind::Text(Some(escape))) => Some(escape),
        Some(_) => return Err(LIKE_NEEDS_TEXT.into()),
    };
    context.like_pattern(pattern, escape)
}
