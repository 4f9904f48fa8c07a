//! The functions by name, how many arguments each takes, and of which types.

use std::ops::RangeInclusive;

use everstrand_ion::IonType;

use crate::error::{Category, PartiqlError};
use crate::eval::like::LIKE_NEEDS_TEXT;
use crate::eval::operator::NOT_CONCATENATED;
use crate::plan::{Expression, Function};
use crate::position::Position;

/// The function of this name, if it takes this number of arguments.
pub(super) fn function(name: &str, arguments: usize, position: Position) -> Result<Function, PartiqlError> {
    let (function, expected): (Function, RangeInclusive<usize>) = match name.to_ascii_lowercase().as_str() {
        "coalesce" => (Function::Coalesce, 1..=usize::MAX),
        "exists" => (Function::Exists, 1..=1),
        "nullif" => (Function::NullIf, 2..=2),
        "utcnow" => (Function::UtcNow, 0..=0),
        "txid" => (Function::TxId, 0..=0),
        "char_length" | "character_length" => (Function::CharLength, 1..=1),
        "lower" => (Function::Lower, 1..=1),
        "upper" => (Function::Upper, 1..=1),
        "substring" => (Function::Substring, 2..=3),
        "size" => (Function::Size, 1..=1),
        "to_string" => (Function::ToString, 2..=2),
        "to_timestamp" => (Function::ToTimestamp, 1..=2),
        _ => {
            return Err(PartiqlError::evaluator(Some(position), format_args!("No such function: {name}")));
        }
    };
    if expected.contains(&arguments) {
        return Ok(function);
    }
    let takes = match (*expected.start(), *expected.end()) {
        (least, most) if least == most => format!("exactly {least}"),
        (least, usize::MAX) => format!("at least {least}"),
        (least, most) => format!("between {least} and {most}"),
    };
    Err(PartiqlError::located(
        Category::Evaluator,
        Some(position),
        format_args!("{name} takes {takes} arguments, received: {arguments}"),
        "Incorrect number of arguments to function call",
    ))
}

/// A call of a function. It is refused if an argument has a type that the function cannot take and that the planner
/// can tell. The executor finds the other wrong types.
pub(super) fn call(
    function: Function,
    arguments: Vec<Expression>,
    position: Position,
) -> Result<Expression, PartiqlError> {
    for (number, argument) in arguments.iter().enumerate() {
        let (Some(expected), Some(found)) = (expected_kind(function, number), known_type(argument)) else {
            continue;
        };
        if !expected.takes(found) {
            let found = format!("{found:?}").to_uppercase();
            return Err(PartiqlError::located(
                Category::Semantic,
                Some(position),
                format_args!("argument {} must be {}, not {found}", number + 1, expected.name()),
                "Invalid argument types for function",
            ));
        }
    }
    Ok(Expression::Call { function, arguments, position })
}

/// Refuses a LIKE whose pattern or escape character is no text, as far as the planner can tell.
pub(super) fn check_pattern(
    pattern: &Expression,
    escape: Option<&Expression>,
    position: Position,
) -> Result<(), PartiqlError> {
    let is_text = |part: &Expression| known_type(part).is_none_or(|found| Kind::Text.takes(found));
    if is_text(pattern) && escape.is_none_or(is_text) {
        return Ok(());
    }
    Err(PartiqlError::evaluator(Some(position), LIKE_NEEDS_TEXT))
}

/// Refuses `||` over a value that is no text, as far as the planner can tell. NULL on either side makes NULL of any
/// value on the other.
pub(super) fn check_concatenated(
    left: &Expression,
    right: &Expression,
    position: Position,
) -> Result<(), PartiqlError> {
    let is_unknown = |side: &Expression| match side {
        Expression::Literal { value, .. } => value.is_null(),
        Expression::Missing => true,
        _ => false,
    };
    let is_text = |side: &Expression| known_type(side).is_none_or(|found| Kind::Text.takes(found));
    if is_unknown(left) || is_unknown(right) || (is_text(left) && is_text(right)) {
        return Ok(());
    }
    Err(PartiqlError::evaluator(Some(position), NOT_CONCATENATED))
}

/// The kind of value that an argument must be.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Int,
    Timestamp,
    Container,
}

impl Kind {
    fn takes(self, found: IonType) -> bool {
        match self {
            Kind::Text => matches!(found, IonType::String | IonType::Symbol),
            Kind::Int => found == IonType::Int,
            Kind::Timestamp => found == IonType::Timestamp,
            Kind::Container => matches!(found, IonType::List | IonType::Struct),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Int => "an integer",
            Kind::Timestamp => "a timestamp",
            Kind::Container => "a list, a bag or a struct",
        }
    }
}

fn expected_kind(function: Function, number: usize) -> Option<Kind> {
    match function {
        Function::CharLength | Function::Lower | Function::Upper | Function::Trim(_) => Some(Kind::Text),
        Function::ToTimestamp => Some(Kind::Text),
        Function::Substring => Some(if number == 0 { Kind::Text } else { Kind::Int }),
        Function::Size => Some(Kind::Container),
        Function::ToString => Some(if number == 0 { Kind::Timestamp } else { Kind::Text }),
        Function::DateAdd(_) => Some(if number == 0 { Kind::Int } else { Kind::Timestamp }),
        Function::DateDiff(_) | Function::Extract(_) => Some(Kind::Timestamp),
        Function::Coalesce
        | Function::Exists
        | Function::Pivot
        | Function::NullIf
        | Function::UtcNow
        | Function::TxId
        | Function::Collection { .. } => None,
    }
}

/// The type of an expression, if it has the same type for all rows and is never NULL or MISSING.
fn known_type(expression: &Expression) -> Option<IonType> {
    match expression {
        Expression::Literal { value, .. } if !value.is_null() => Some(value.ion_type()),
        Expression::List(_) | Expression::Bag(_) => Some(IonType::List),
        Expression::Struct(_) => Some(IonType::Struct),
        _ => None,
    }
}
