//! CAST and IS.

use everstrand_ion::{Data, Decimal, IonType, Symbol, Timestamp, Value};
use num_bigint::BigInt;

use crate::datum::Datum;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::eval::context::Context;
use crate::eval::datetime::TIMESTAMP_BYTES_MAX;
use crate::eval::{Fault, arithmetic, path};
use crate::expression::Type;
use crate::number::{EXPONENT_MAX, Number, TOO_LONG};
use crate::work::Work;

/// `CAST(value AS to)`. A value that cannot be converted is an error, as in QLDB. NULL becomes NULL and MISSING stays
/// MISSING, but a cast to NULL or MISSING turns both into it.
pub(crate) fn cast(context: &mut Context<'_>, value: Datum, to: Type) -> Result<Datum, Fault> {
    match (to, value.is_missing(), value.is_unknown()) {
        (Type::Null, _, true) => return Ok(Datum::null()),
        (Type::Missing, _, true) => return Ok(Datum::Missing),
        (_, true, _) => return Ok(Datum::Missing),
        (_, _, true) => return Ok(Datum::null()),
        _ => {}
    }
    let from = ValueRef::from(&value).type_name();
    let impossible = || -> Fault { format!("Cannot convert {from} to {}", name(to)).into() };
    let failed = || -> Fault { format!("Failed to convert {from} to {}", name(to)).into() };
    if of_type(ValueRef::from(&value), to) {
        return Ok(strip_annotations(value));
    }
    let kind = value.kind();
    // Reading a number from a text and writing it take time that grows with the square of its length.
    let work = kind.scalar_work();
    let is_number = matches!(to, Type::Float | Type::Decimal);
    context.work(if is_number { work.saturating_mul(work) } else { work })?;
    if matches!(&kind, ValueKind::Number(number) if number.is_too_long()) && to != Type::Boolean {
        return Err(TOO_LONG.into());
    }
    Ok(match (to, &kind) {
        (Type::Boolean, ValueKind::Number(number)) => Datum::of(!number.is_zero()),
        (Type::Boolean, ValueKind::Text(Some(text))) => Datum::of(text.eq_ignore_ascii_case("true")),
        (Type::Integer, ValueKind::Bool(truth)) => Datum::of(i64::from(*truth)),
        (Type::Integer, ValueKind::Number(number)) => Datum::of(truncate(number)?),
        (Type::Integer, ValueKind::Text(Some(text))) => Datum::of(parse_integer(text).ok_or_else(failed)??),
        (Type::Float, ValueKind::Bool(truth)) => Datum::of(f64::from(u8::from(*truth))),
        (Type::Float, ValueKind::Number(number)) => Datum::of(match number {
            Number::Int(int) => int.to_f64(),
            Number::Decimal(decimal) => decimal.to_f64(),
            Number::Float(float) => *float,
        }),
        (Type::Float, ValueKind::Text(Some(text))) => Datum::of(parse_float(text).ok_or_else(failed)?),
        (Type::Decimal, ValueKind::Bool(truth)) => Datum::of(Decimal::new(i64::from(*truth), 0)),
        (Type::Decimal, ValueKind::Number(number)) => {
            Datum::of(number.decimal().and_then(rounded).ok_or_else(failed)?)
        }
        (Type::Decimal, ValueKind::Text(Some(text))) => {
            Datum::of(parse_decimal(text).and_then(rounded).ok_or_else(failed)?)
        }
        (Type::Timestamp, ValueKind::Text(Some(text))) if text.len() <= TIMESTAMP_BYTES_MAX => {
            Datum::of(text.parse::<Timestamp>().map_err(|_| failed())?)
        }
        (Type::Timestamp, ValueKind::Text(Some(_))) => return Err(failed()),
        (Type::String | Type::Symbol, ValueKind::Bool(truth)) => texts(to, truth.to_string()),
        (Type::String | Type::Symbol, ValueKind::Number(number)) => texts(to, {
            context.hold(number.bytes() * 5 / 2)?;
            print_number(number)
        }),
        (Type::String | Type::Symbol, ValueKind::Timestamp(timestamp)) => texts(to, timestamp.to_string()),
        (Type::String | Type::Symbol, ValueKind::Text(Some(text))) => {
            context.hold(text.len())?;
            texts(to, (*text).to_owned())
        }
        (Type::Clob, ValueKind::Lob(bytes)) => Datum::of(Value::new(Data::Clob(bytes.to_vec()))),
        (Type::Blob, ValueKind::Lob(bytes)) => Datum::of(Value::new(Data::Blob(bytes.to_vec()))),
        (Type::List | Type::Sexp | Type::Bag, ValueKind::List | ValueKind::Sexp | ValueKind::Bag) => {
            let items = path::items(context, value)?;
            match to {
                Type::List => Datum::List(items),
                Type::Bag => Datum::Bag(items),
                _ => {
                    let items = items.into_iter().filter(|item| !item.is_missing());
                    Datum::of(Value::new(Data::Sexp(items.map(Datum::into_value).collect())))
                }
            }
        }
        _ => return Err(impossible()),
    })
}

/// `value IS type`. `IS NULL` is also true of typed nulls and of MISSING.
pub(crate) fn is_type(value: ValueRef<'_>, of: Type) -> bool {
    match of {
        Type::Null => value.is_unknown(),
        Type::Missing => value.is_missing(),
        _ => !value.is_unknown() && of_type(value, of),
    }
}

fn of_type(value: ValueRef<'_>, of: Type) -> bool {
    let Some(ion_type) = value.ion_type() else {
        return of == Type::Bag && !value.is_missing();
    };
    match of {
        Type::Null => ion_type == IonType::Null,
        Type::Missing | Type::Bag => false,
        Type::Boolean => ion_type == IonType::Bool,
        Type::Integer => ion_type == IonType::Int,
        Type::Float => ion_type == IonType::Float,
        Type::Decimal => ion_type == IonType::Decimal,
        Type::Timestamp => ion_type == IonType::Timestamp,
        Type::Symbol => ion_type == IonType::Symbol,
        Type::String => ion_type == IonType::String,
        Type::Clob => ion_type == IonType::Clob,
        Type::Blob => ion_type == IonType::Blob,
        Type::List => ion_type == IonType::List,
        Type::Sexp => ion_type == IonType::Sexp,
        Type::Struct => ion_type == IonType::Struct,
    }
}

fn strip_annotations(value: Datum) -> Datum {
    match value {
        Datum::Value(value) if !value.annotations().is_empty() => Datum::Value(value.with_annotations([])),
        Datum::Slice(slice) if !slice.get().annotations().is_empty() => {
            Datum::Value(slice.get().to_value().with_annotations([]))
        }
        other => other,
    }
}

fn texts(to: Type, text: String) -> Datum {
    if to == Type::Symbol { Datum::of(Symbol::from(text)) } else { Datum::text(text) }
}

fn name(of: Type) -> &'static str {
    match of {
        Type::Null => "NULL",
        Type::Missing => "MISSING",
        Type::Boolean => "BOOL",
        Type::Integer => "INT",
        Type::Float => "FLOAT",
        Type::Decimal => "DECIMAL",
        Type::Timestamp => "TIMESTAMP",
        Type::Symbol => "SYMBOL",
        Type::String => "STRING",
        Type::Clob => "CLOB",
        Type::Blob => "BLOB",
        Type::List => "LIST",
        Type::Sexp => "SEXP",
        Type::Struct => "STRUCT",
        Type::Bag => "BAG",
    }
}

/// A number without its fraction. It must fit 64 bits.
fn truncate(number: &Number) -> Result<i64, Fault> {
    const OVERFLOW: &str = "Int overflow or underflow";
    let decimal = match number {
        Number::Int(int) => return int.as_i64().ok_or(OVERFLOW.into()),
        Number::Decimal(decimal) => decimal.clone(),
        Number::Float(float) => Decimal::from_f64(*float).ok_or(OVERFLOW)?,
    };
    if decimal.is_zero() || decimal.magnitude() <= 0 {
        return Ok(0);
    }
    if decimal.magnitude() > 19 {
        return Err(OVERFLOW.into());
    }
    let coefficient = decimal.coefficient().to_bigint();
    let power = BigInt::from(10u8).pow(decimal.exponent().unsigned_abs());
    let whole = if decimal.exponent() < 0 { coefficient / power } else { coefficient * power };
    i64::try_from(whole).map_err(|_| OVERFLOW.into())
}

/// A converted decimal, rounded to 38 digits as computed decimals are. A zero keeps its sign.
fn rounded(decimal: Decimal) -> Option<Decimal> {
    if decimal.is_zero() {
        return Some(decimal).filter(|decimal| decimal.exponent() >= -EXPONENT_MAX);
    }
    arithmetic::round(decimal.coefficient().to_bigint(), i64::from(decimal.exponent())).ok()
}

/// Reads an integer, with blanks around it: decimal, or with `0x` or `0b`. Ion's underscores may stand between digits.
/// `None` is no integer; the inner error is an integer that is too large.
fn parse_integer(text: &str) -> Option<Result<i64, Fault>> {
    let text = text.trim_matches(BLANK);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.split_at_checked(2) {
        Some(("0x" | "0X", digits)) => (16, digits),
        Some(("0b" | "0B", digits)) => (2, digits),
        _ => (10, digits),
    };
    let is_number = |digits: &str| !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    if !digits.split('_').all(is_number) {
        return None;
    }
    let digits = digits.replace('_', "");
    // Only digits are left, so a text that does not parse is too large.
    let magnitude = i128::from_str_radix(digits.trim_start_matches('0'), radix);
    let magnitude =
        if digits.bytes().all(|digit| digit == b'0') { 0 } else { magnitude.unwrap_or(i128::MAX) };
    let signed = if negative { -magnitude } else { magnitude };
    Some(i64::try_from(signed).map_err(|_| "Int overflow or underflow".into()))
}

/// Reads a decimal number, NaN or Infinity, with blanks around it.
fn parse_float(text: &str) -> Option<f64> {
    match text.trim_matches(BLANK) {
        "NaN" | "+NaN" | "-NaN" => Some(f64::NAN),
        "Infinity" | "+Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => parse_decimal(text).map(|decimal| decimal.to_f64()),
    }
}

/// Reads a decimal number, with an `e` exponent or without, with blanks around it.
fn parse_decimal(text: &str) -> Option<Decimal> {
    let text = text.trim_matches(BLANK);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    if whole.len() + fraction.len() > EXACT_DIGITS {
        return parse_long(sign, &[whole, fraction].concat(), fraction.len(), exponent.unwrap_or("0"));
    }
    let exponent = exponent.map_or_else(String::new, |exponent| format!("d{exponent}"));
    format!("{sign}0{whole}.{fraction}{exponent}").parse().ok()
}

/// How many digits of a text decide which float or which decimal of 38 digits is nearest, if one more digit tells
/// whether any digit after them is not zero.
const EXACT_DIGITS: usize = 800;

/// Reads a number of many digits by the first of them, because reading all would take time that grows with the square
/// of their number.
fn parse_long(sign: &str, digits: &str, fraction: usize, exponent: &str) -> Option<Decimal> {
    let digits = digits.trim_start_matches('0');
    let (first, rest) = digits.split_at(digits.len().min(EXACT_DIGITS));
    let last = if rest.bytes().all(|digit| digit == b'0') { "0" } else { "1" };
    let last = if rest.is_empty() { "" } else { last };
    let dropped = i64::try_from(rest.len() - last.len()).ok()?;
    let exponent = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(fraction).ok()?)? + dropped;
    format!("{sign}0{first}{last}d{exponent}").parse().ok()
}

/// The characters that may stand around a number in a text.
const BLANK: [char; 5] = [' ', '\t', '\n', '\r', '\u{C}'];

/// The text of a number as the reference implementation prints it.
fn print_number(number: &Number) -> String {
    match number {
        Number::Int(int) => int.to_string(),
        Number::Decimal(decimal) => print_decimal(decimal),
        Number::Float(float) => print_float(*float),
    }
}

/// Plain digits if the exponent is not positive and the number not tiny, else a form such as `1.5E+10`.
fn print_decimal(decimal: &Decimal) -> String {
    let (coefficient, exponent) = (decimal.coefficient(), decimal.exponent());
    let sign = if coefficient.is_negative() || decimal.is_negative_zero() { "-" } else { "" };
    let digits = coefficient.abs().to_string();
    let length = i64::try_from(digits.len()).expect("digits fit memory");
    let adjusted = i64::from(exponent) + length - 1;
    if exponent == 0 {
        return format!("{sign}{digits}");
    }
    if exponent < 0 && adjusted >= -6 {
        let point = length + i64::from(exponent);
        return match usize::try_from(point) {
            Ok(point) if point > 0 => format!("{sign}{}.{}", &digits[..point], &digits[point..]),
            _ => {
                let zeros = usize::try_from(-point).expect("the point lies before the digits");
                format!("{sign}0.{}{digits}", "0".repeat(zeros))
            }
        };
    }
    let point = if digits.len() > 1 { "." } else { "" };
    format!("{sign}{}{point}{}E{adjusted:+}", &digits[..1], &digits[1..])
}

/// The shortest digits that mean this float, with at least one after the point. Numbers below 10^-3 and from 10^7 on
/// have an exponent.
fn print_float(float: f64) -> String {
    if float.is_nan() {
        return "NaN".to_owned();
    }
    if float.is_infinite() {
        return (if float < 0.0 { "-Infinity" } else { "Infinity" }).to_owned();
    }
    if float == 0.0 || (1e-3..1e7).contains(&float.abs()) {
        return format!("{float:?}");
    }
    let text = format!("{float:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let fraction = if mantissa.contains('.') { "" } else { ".0" };
    format!("{mantissa}{fraction}E{exponent}")
}
