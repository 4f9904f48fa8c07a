//! The functions by name, how many arguments each takes, and of which types.

use std::ops::RangeInclusive;

use everstrand_ion::IonType;

use crate::error::{Category, PartiqlError};
use crate::eval::like::LIKE_NEEDS_TEXT;
use crate::eval::operator::NOT_CONCATENATED;
use crate::expression::TrimSide;
use crate::plan::{Expression, Function};
use crate::position::Position;

/// The function of this name, if it takes this number of arguments. `extensions` says whether functions that QLDB did not
/// have may be called.
pub(super) fn function(
    name: &str,
    arguments: usize,
    position: Position,
    extensions: bool,
) -> Result<Function, PartiqlError> {
    let lower = name.to_ascii_lowercase();
    let found = of_qldb(&lower).or_else(|| of_sql(&lower).filter(|_| extensions));
    let Some((function, expected)) = found else {
        return Err(no_such_function(name, position, extensions));
    };
    if expected.contains(&arguments) {
        return Ok(function);
    }
    Err(wrong_number(name, expected, arguments, position))
}

/// The error of a call with more or fewer arguments than the function takes.
pub(super) fn wrong_number(
    name: &str,
    expected: RangeInclusive<usize>,
    arguments: usize,
    position: Position,
) -> PartiqlError {
    let takes = match (*expected.start(), *expected.end()) {
        (least, most) if least == most => format!("exactly {least}"),
        (least, usize::MAX) => format!("at least {least}"),
        (least, most) => format!("between {least} and {most}"),
    };
    PartiqlError::located(
        Category::Evaluator,
        Some(position),
        format_args!("{name} takes {takes} arguments, received: {arguments}"),
        "Incorrect number of arguments to function call",
    )
}

/// The error of a name that no function has. QLDB refused LEFT and RIGHT already as words.
fn no_such_function(name: &str, position: Position, extensions: bool) -> PartiqlError {
    let lower = name.to_ascii_lowercase();
    if !extensions && matches!(&*lower, "left" | "right") {
        let found = format_args!("unexpected keyword found, KEYWORD : {lower}");
        return PartiqlError::parser(position, found, "Unexpected keyword");
    }
    PartiqlError::evaluator(Some(position), format_args!("No such function: {name}"))
}

/// The functions that QLDB had.
fn of_qldb(name: &str) -> Option<(Function, RangeInclusive<usize>)> {
    Some(match name {
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
        _ => return None,
    })
}

/// The functions that users of SQL expect beside those of QLDB.
fn of_sql(name: &str) -> Option<(Function, RangeInclusive<usize>)> {
    Some(match name {
        "abs" => (Function::Abs, 1..=1),
        "cardinality" => (Function::Size, 1..=1),
        "ceil" | "ceiling" => (Function::Ceiling, 1..=1),
        "concat" => (Function::Concat, 1..=usize::MAX),
        "current_timestamp" | "now" => (Function::UtcNow, 0..=0),
        "floor" => (Function::Floor, 1..=1),
        "greatest" => (Function::Greatest, 1..=usize::MAX),
        "ifnull" => (Function::Coalesce, 2..=2),
        "least" => (Function::Least, 1..=usize::MAX),
        "left" => (Function::Left, 2..=2),
        "length" => (Function::Length, 1..=1),
        "ltrim" => (Function::Trim(TrimSide::Leading), 1..=2),
        "mod" => (Function::Mod, 2..=2),
        "octet_length" => (Function::OctetLength, 1..=1),
        "instr" | "position" | "strpos" => (Function::Position, 2..=2),
        "power" | "pow" => (Function::Power, 2..=2),
        "replace" => (Function::Replace, 3..=3),
        "right" => (Function::Right, 2..=2),
        "round" => (Function::Round, 1..=2),
        "rtrim" => (Function::Trim(TrimSide::Trailing), 1..=2),
        "sign" => (Function::Sign, 1..=1),
        "sqrt" => (Function::Sqrt, 1..=1),
        "substr" => (Function::Substr, 2..=3),
        "trunc" => (Function::Trunc, 1..=2),
        _ => return None,
    })
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
/// value on the other. Without a left side nothing is known of it.
pub(super) fn check_concatenated(
    left: Option<&Expression>,
    right: &Expression,
    position: Position,
) -> Result<(), PartiqlError> {
    let is_unknown = |side: &Expression| match side {
        Expression::Literal { value, .. } => value.is_null(),
        Expression::Missing => true,
        _ => false,
    };
    let is_text = |side: &Expression| known_type(side).is_none_or(|found| Kind::Text.takes(found));
    if left.is_some_and(is_unknown) || is_unknown(right) || (left.is_none_or(is_text) && is_text(right)) {
        return Ok(());
    }
    Err(PartiqlError::evaluator(Some(position), NOT_CONCATENATED))
}

/// The kind of value that an argument must be.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Int,
    Number,
    Timestamp,
    Container,
}

impl Kind {
    fn takes(self, found: IonType) -> bool {
        match self {
            Kind::Text => matches!(found, IonType::String | IonType::Symbol),
            Kind::Int => found == IonType::Int,
            Kind::Number => matches!(found, IonType::Int | IonType::Decimal | IonType::Float),
            Kind::Timestamp => found == IonType::Timestamp,
            Kind::Container => matches!(found, IonType::List | IonType::Struct),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Int => "an integer",
            Kind::Number => "a number",
            Kind::Timestamp => "a timestamp",
            Kind::Container => "a list, a bag or a struct",
        }
    }
}

fn expected_kind(function: Function, number: usize) -> Option<Kind> {
    match function {
        Function::CharLength | Function::Lower | Function::Upper | Function::Trim(_) => Some(Kind::Text),
        Function::ToTimestamp | Function::Position | Function::Replace => Some(Kind::Text),
        Function::Substring | Function::Substr | Function::Left | Function::Right => {
            Some(if number == 0 { Kind::Text } else { Kind::Int })
        }
        Function::Abs
        | Function::Ceiling
        | Function::Floor
        | Function::Mod
        | Function::Power
        | Function::Sign
        | Function::Sqrt => Some(Kind::Number),
        Function::Round | Function::Trunc => Some(if number == 0 { Kind::Number } else { Kind::Int }),
        Function::Size => Some(Kind::Container),
        Function::ToString => Some(if number == 0 { Kind::Timestamp } else { Kind::Text }),
        Function::DateAdd(_) => Some(if number == 0 { Kind::Int } else { Kind::Timestamp }),
        Function::DateDiff(_) | Function::Extract(_) => Some(Kind::Timestamp),
        Function::Coalesce
        | Function::Concat
        | Function::Exists
        | Function::Greatest
        | Function::Least
        | Function::Length
        | Function::OctetLength
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
