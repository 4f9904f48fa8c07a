//! The functions of the dialect, from arguments to a value.
//!
//! An argument that is NULL or MISSING makes NULL, but for COALESCE (which [`super::expression`]
//! evaluates, lazily), EXISTS and NULLIF. An argument of a wrong type is an error.

use crate::ast::AggregateFunction;
use crate::compare;
use crate::datum::Datum;
use crate::eval::aggregate::Accumulator;
use crate::eval::mistyped::{TypeErrors, expected};
use crate::eval::{Fault, datetime, format, text};
use crate::number::Number;
use crate::plan::Function;
use crate::view::{ValueRef, View};

/// Calls a function that needs nothing but its arguments, whose number was checked.
pub(crate) fn call(
    function: Function,
    arguments: &[ValueRef<'_>],
    type_errors: TypeErrors,
) -> Result<Datum, Fault> {
    match function {
        Function::Exists => return Ok(Datum::of(exists(arguments[0]))),
        Function::NullIf => return Ok(null_if(arguments[0], arguments[1])),
        Function::Collection { function, distinct } => {
            return collection(function, distinct, arguments[0], type_errors);
        }
        _ => {}
    }
    if arguments.iter().any(|argument| argument.is_unknown()) {
        return Ok(Datum::null());
    }
    Ok(match function {
        Function::CharLength => text::char_length(text_of(arguments[0])?),
        Function::Lower => Datum::text(text_of(arguments[0])?.to_lowercase()),
        Function::Upper => Datum::text(text_of(arguments[0])?.to_uppercase()),
        Function::Substring => {
            let length = arguments.get(2).map(|length| integer_of(*length)).transpose()?;
            text::substring(text_of(arguments[0])?, integer_of(arguments[1])?, length)?
        }
        Function::Trim(side) => {
            let characters = arguments.get(1).map(|characters| text_of(*characters)).transpose()?;
            text::trim(side, characters, text_of(arguments[0])?)
        }
        Function::Size => size(arguments[0])?,
        Function::DateAdd(part) => {
            let timestamp = timestamp_of(arguments[1])?;
            Datum::of(datetime::date_add(part, integer_of(arguments[0])?, &timestamp)?)
        }
        Function::DateDiff(part) => {
            let (from, to) = (timestamp_of(arguments[0])?, timestamp_of(arguments[1])?);
            Datum::of(datetime::date_diff(part, &from, &to)?)
        }
        Function::Extract(part) => Datum::of(datetime::extract(part, &timestamp_of(arguments[0])?)),
        Function::ToString => {
            Datum::text(format::to_string(&timestamp_of(arguments[0])?, text_of(arguments[1])?)?)
        }
        Function::ToTimestamp => {
            let text = text_of(arguments[0])?;
            Datum::of(match arguments.get(1) {
                Some(pattern) => format::to_timestamp(text, text_of(*pattern)?)?,
                None => text.parse().map_err(|why| format!("'{text}' is {why}"))?,
            })
        }
        Function::Coalesce
        | Function::Exists
        | Function::NullIf
        | Function::UtcNow
        | Function::TxId
        | Function::Collection { .. } => unreachable!("evaluated elsewhere"),
    })
}

fn exists(value: ValueRef<'_>) -> bool {
    match value.view() {
        View::List | View::Sexp | View::Bag => value.items().next().is_some(),
        View::Struct => value.fields().next().is_some(),
        _ => false,
    }
}

fn null_if(left: ValueRef<'_>, right: ValueRef<'_>) -> Datum {
    if compare::equal(left, right) == Some(true) || (left.is_unknown() && right.is_unknown()) {
        return Datum::null();
    }
    left.to_datum()
}

fn size(value: ValueRef<'_>) -> Result<Datum, Fault> {
    let size = match value.view() {
        View::List | View::Bag => value.items().count(),
        View::Struct => value.fields().count(),
        _ => return Err("invalid argument type for size".into()),
    };
    Ok(Datum::of(i64::try_from(size).expect("sizes fit memory")))
}

/// An aggregate over the elements of a collection.
fn collection(
    function: AggregateFunction,
    distinct: bool,
    value: ValueRef<'_>,
    type_errors: TypeErrors,
) -> Result<Datum, Fault> {
    match value.view() {
        View::Missing | View::Null => return Ok(Datum::null()),
        View::List | View::Bag | View::Sexp => {}
        _ => return type_errors.of(|| expected("collection", value)),
    }
    let mut accumulator = Accumulator::new(function, distinct);
    for item in value.items() {
        if !accumulator.takes(item) {
            return type_errors.not_a_number(item);
        }
        accumulator.add(item)?;
    }
    accumulator.finish()
}

fn text_of(value: ValueRef<'_>) -> Result<&str, Fault> {
    match value.view() {
        View::Text(Some(text)) => Ok(text),
        _ => Err(expected("text", value)),
    }
}

fn integer_of(value: ValueRef<'_>) -> Result<i64, Fault> {
    match value.view() {
        View::Number(Number::Int(int)) => int.as_i64().ok_or("Int overflow or underflow".into()),
        _ => Err(expected("integer", value)),
    }
}

fn timestamp_of(value: ValueRef<'_>) -> Result<everstrand_ion::Timestamp, Fault> {
    match value.view() {
        View::Timestamp(timestamp) => Ok(timestamp),
        _ => Err(expected("timestamp", value)),
    }
}
