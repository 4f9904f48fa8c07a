//! The functions of the dialect, from arguments to a value.
//!
//! An argument that is NULL or MISSING makes NULL, except in COALESCE, EXISTS, NULLIF, CONCAT, GREATEST and LEAST.
//! [`super::expression`] evaluates COALESCE, because it evaluates no argument after the first known one. An argument of
//! a wrong type is an error.

use std::cmp::Ordering;

use everstrand_ion::Symbol;

use crate::compare::{self, Comparison};
use crate::datum::Datum;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::error::PartiqlError;
use crate::eval::aggregate::Accumulator;
use crate::eval::context::Context;
use crate::eval::mistyped::{expected, not_a_name};
use crate::eval::numeric::Rounding;
use crate::eval::{Fault, arithmetic, datetime, format, numeric, text};
use crate::expression::{AggregateFunction, BinaryOperator};
use crate::number::Number;
use crate::plan::Function;
use crate::work::{ELEMENT, Work};

/// Calls a function that needs nothing but its arguments. The planner has checked their number.
pub(crate) fn call(
    context: &mut Context<'_>,
    function: Function,
    arguments: &[ValueRef<'_>],
) -> Result<Datum, Fault> {
    match function {
        Function::Exists => return Ok(Datum::of(exists(arguments[0]))),
        Function::Pivot => return pivot(context, arguments[0]),
        Function::NullIf => return null_if(context, arguments[0], arguments[1]),
        Function::Collection { function, distinct } => {
            return collection(context, function, distinct, arguments[0]);
        }
        Function::Concat => return text::concat(context, arguments),
        Function::Greatest => return outermost(context, arguments, Ordering::Greater),
        Function::Least => return outermost(context, arguments, Ordering::Less),
        _ => {}
    }
    if arguments.iter().any(|argument| argument.is_unknown()) {
        return Ok(Datum::null());
    }
    match function {
        Function::Abs
        | Function::Ceiling
        | Function::Floor
        | Function::Mod
        | Function::Power
        | Function::Round
        | Function::Sign
        | Function::Sqrt
        | Function::Trunc => over_numbers(context, function, arguments),
        _ => over_others(context, function, arguments),
    }
}

/// The functions over numbers. The rest of the arguments of ROUND and TRUNC is a number of places.
fn over_numbers(
    context: &mut Context<'_>,
    function: Function,
    arguments: &[ValueRef<'_>],
) -> Result<Datum, Fault> {
    for argument in arguments {
        context.work(argument.kind().scalar_work())?;
    }
    let number = number_of(arguments[0])?;
    let places = |at: usize| arguments.get(at).map_or(Ok(0), |places| integer_of(*places));
    Ok(arithmetic::datum(match function {
        Function::Abs => numeric::abs(number)?,
        Function::Ceiling => numeric::round(number, 0, Rounding::Ceiling)?,
        Function::Floor => numeric::round(number, 0, Rounding::Floor)?,
        Function::Round => numeric::round(number, places(1)?, Rounding::HalfAway)?,
        Function::Trunc => numeric::round(number, places(1)?, Rounding::Down)?,
        Function::Mod => arithmetic::numbers(BinaryOperator::Modulo, &number, &number_of(arguments[1])?)?,
        Function::Power => numeric::power(&number, &number_of(arguments[1])?)?,
        Function::Sign => numeric::sign(&number),
        _ => numeric::sqrt(&number)?,
    }))
}

/// The functions over texts, timestamps and containers.
fn over_others(
    context: &mut Context<'_>,
    function: Function,
    arguments: &[ValueRef<'_>],
) -> Result<Datum, Fault> {
    Ok(match function {
        Function::CharLength => text::char_length(context, text_of(arguments[0])?)?,
        Function::Lower => text::lower(context, text_of(arguments[0])?)?,
        Function::Upper => text::upper(context, text_of(arguments[0])?)?,
        Function::Substring => {
            let length = arguments.get(2).map(|length| integer_of(*length)).transpose()?;
            text::substring(context, text_of(arguments[0])?, integer_of(arguments[1])?, length)?
        }
        Function::Trim(side) => {
            let characters = arguments.get(1).map(|characters| text_of(*characters)).transpose()?;
            text::trim(context, side, characters, text_of(arguments[0])?)?
        }
        Function::Size => size(context, arguments[0])?,
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
            let pattern = text_of(arguments[1])?;
            let text = format::to_string(&timestamp_of(arguments[0])?, pattern)?;
            context.work(8 * text.len())?;
            context.hold(text.len())?;
            Datum::text(text)
        }
        Function::ToTimestamp => {
            let text = text_of(arguments[0])?;
            Datum::of(match arguments.get(1) {
                Some(pattern) => format::to_timestamp(text, text_of(*pattern)?)?,
                None if text.len() > datetime::TIMESTAMP_BYTES_MAX => {
                    return Err("the text is too long to be a timestamp".into());
                }
                None => text.parse().map_err(|why| format!("'{text}' is {why}"))?,
            })
        }
        Function::Length => match arguments[0].kind() {
            ValueKind::Lob(bytes) => size_of_bytes(bytes.len()),
            _ => text::char_length(context, text_of(arguments[0])?)?,
        },
        Function::OctetLength => match arguments[0].kind() {
            ValueKind::Lob(bytes) => size_of_bytes(bytes.len()),
            _ => size_of_bytes(text_of(arguments[0])?.len()),
        },
        Function::Left => text::left(context, text_of(arguments[0])?, integer_of(arguments[1])?)?,
        Function::Right => text::right(context, text_of(arguments[0])?, integer_of(arguments[1])?)?,
        Function::Position => text::position(context, text_of(arguments[0])?, text_of(arguments[1])?)?,
        Function::Replace => {
            let [text, from, to] = [arguments[0], arguments[1], arguments[2]].map(text_of);
            text::replace(context, text?, from?, to?)?
        }
        Function::Substr => {
            let length = arguments.get(2).map(|length| integer_of(*length)).transpose()?;
            let start = integer_of(arguments[1])?;
            if start < 1 {
                return Err("SUBSTR counts places from 1; RIGHT takes the end of a text".into());
            }
            text::substring(context, text_of(arguments[0])?, start, length)?
        }
        _ => unreachable!("evaluated elsewhere"),
    })
}

fn size_of_bytes(bytes: usize) -> Datum {
    Datum::of(i64::try_from(bytes).expect("values fit memory"))
}

/// GREATEST or LEAST: the value that comes last or first in order. Values that are NULL or MISSING are passed over.
fn outermost(
    context: &mut Context<'_>,
    arguments: &[ValueRef<'_>],
    wanted: Ordering,
) -> Result<Datum, Fault> {
    let mut found: Option<ValueRef<'_>> = None;
    for argument in arguments {
        if argument.is_unknown() {
            continue;
        }
        let Some(best) = found else {
            found = Some(*argument);
            continue;
        };
        match compare::compare_counted(context, *argument, best)? {
            Comparison::Ordered(order) if order == wanted => found = Some(*argument),
            Comparison::Ordered(_) | Comparison::Unknown => {}
            Comparison::Incomparable => {
                let (left, right) = (best.type_name(), argument.type_name());
                return Err(format!("Cannot compare values: {left}, {right}").into());
            }
        }
    }
    match found {
        Some(best) => Ok(context.copy(best)?),
        None => Ok(Datum::null()),
    }
}

/// Makes a struct of pairs of a name and a value. A pair is left out if its value is MISSING, or if its name is no
/// text and the struct is not written.
fn pivot(context: &mut Context<'_>, pairs: ValueRef<'_>) -> Result<Datum, Fault> {
    let mut fields = Vec::new();
    for pair in pairs.items() {
        context.work(ELEMENT)?;
        let mut parts = pair.items();
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        match name.kind() {
            ValueKind::Text(Some(_)) if value.is_missing() => {}
            ValueKind::Text(Some(name)) => {
                context.hold(size_of::<(Symbol, Datum)>() + name.len())?;
                fields.push((Symbol::from(name), context.copy(value)?));
            }
            _ => drop(context.execution.type_errors.of(|| not_a_name(name))?),
        }
    }
    Ok(Datum::Struct(fields))
}

fn exists(value: ValueRef<'_>) -> bool {
    match value.kind() {
        ValueKind::List | ValueKind::Sexp | ValueKind::Bag => value.items().next().is_some(),
        ValueKind::Struct => value.fields().next().is_some(),
        _ => false,
    }
}

fn null_if(context: &mut Context<'_>, left: ValueRef<'_>, right: ValueRef<'_>) -> Result<Datum, Fault> {
    if compare::equal_counted(context, left, right)? == Some(true)
        || (left.is_unknown() && right.is_unknown())
    {
        return Ok(Datum::null());
    }
    Ok(context.copy(left)?)
}

fn size(context: &mut Context<'_>, value: ValueRef<'_>) -> Result<Datum, Fault> {
    let mut size: u32 = 0;
    let mut count = || -> Result<(), PartiqlError> {
        size += 1;
        context.work(ELEMENT / 4)
    };
    match value.kind() {
        ValueKind::List | ValueKind::Bag => value.items().try_for_each(|_| count())?,
        ValueKind::Struct => value.fields().try_for_each(|_| count())?,
        _ => return Err("invalid argument type for size".into()),
    }
    Ok(Datum::of(i64::from(size)))
}

/// An aggregate over the elements of a collection.
fn collection(
    context: &mut Context<'_>,
    function: AggregateFunction,
    distinct: bool,
    value: ValueRef<'_>,
) -> Result<Datum, Fault> {
    match value.kind() {
        ValueKind::Missing | ValueKind::Null => return Ok(Datum::null()),
        ValueKind::List | ValueKind::Bag | ValueKind::Sexp => {}
        _ => return context.execution.type_errors.of(|| expected("collection", value)),
    }
    let mut accumulator = Accumulator::new(function, distinct);
    for item in value.items() {
        if !accumulator.takes(item) {
            return context.execution.type_errors.not_a_number(item);
        }
        let held = context.held();
        let bytes = accumulator.add(context, item)?;
        context.release(held);
        context.hold(bytes)?;
    }
    accumulator.finish()
}

fn text_of(value: ValueRef<'_>) -> Result<&str, Fault> {
    match value.kind() {
        ValueKind::Text(Some(text)) => Ok(text),
        _ => Err(expected("text", value)),
    }
}

fn number_of(value: ValueRef<'_>) -> Result<Number, Fault> {
    match value.kind() {
        ValueKind::Number(number) => Ok(number),
        _ => Err(expected("number", value)),
    }
}

fn integer_of(value: ValueRef<'_>) -> Result<i64, Fault> {
    match value.kind() {
        ValueKind::Number(Number::Int(int)) => int.as_i64().ok_or("Int overflow or underflow".into()),
        _ => Err(expected("integer", value)),
    }
}

fn timestamp_of(value: ValueRef<'_>) -> Result<everstrand_ion::Timestamp, Fault> {
    match value.kind() {
        ValueKind::Timestamp(timestamp) => Ok(timestamp),
        _ => Err(expected("timestamp", value)),
    }
}
