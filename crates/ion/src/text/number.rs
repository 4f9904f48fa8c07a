//! Reads numbers and timestamps: tokens that begin with a digit, or with a minus and a digit.

use std::borrow::Cow;

use crate::decimal::Decimal;
use crate::decimal::parse_exponent;
use crate::int::Int;
use crate::timestamp::Timestamp;
use crate::value::Data;

/// Whether a byte can be part of such a token. The caller checks the byte after the token.
pub(super) fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'+' | b'-')
}

/// The value of a whole token.
pub(super) fn parse(token: &str) -> Result<Data, Cow<'static, str>> {
    if is_timestamp(token.as_bytes()) {
        let timestamp = token.parse::<Timestamp>().map_err(|error| error.to_string())?;
        return Ok(Data::Timestamp(timestamp));
    }
    let (negative, digits) = match token.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0', b'x' | b'X', digits @ ..] => radix(negative, digits, 16),
        [b'0', b'b' | b'B', digits @ ..] => radix(negative, digits, 2),
        _ => decimal(token, negative, digits),
    }
}

fn is_timestamp(token: &[u8]) -> bool {
    let digits = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits == 4 && matches!(token.get(4), Some(b'T' | b'-'))
}

fn radix(negative: bool, digits: &[u8], radix: u32) -> Result<Data, Cow<'static, str>> {
    let digits = without_underscores(digits)?;
    let int = Int::from_digits(negative, &digits, radix)
        .ok_or_else(|| format!("not an integer of base {radix}"))?;
    Ok(Data::Int(int))
}

fn decimal(token: &str, negative: bool, digits: &[u8]) -> Result<Data, Cow<'static, str>> {
    let marker = digits.iter().position(|byte| matches!(byte, b'd' | b'D' | b'e' | b'E'));
    let (digits, exponent) = match marker {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let point = digits.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &[][..]),
    };
    if whole.len() > 1 && whole[0] == b'0' {
        return Err("a number must not begin with zeros".into());
    }
    let whole = without_underscores(whole)?;
    let fraction = if fraction.is_empty() { Cow::Borrowed(fraction) } else { without_underscores(fraction)? };
    if !whole.iter().chain(fraction.iter()).all(u8::is_ascii_digit) {
        return Err("not a number".into());
    }
    let is_float =
        marker.is_some_and(|at| matches!(token.as_bytes()[usize::from(negative) + at], b'e' | b'E'));
    if is_float {
        let exponent = exponent.unwrap_or_default();
        let exponent_digits = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+")).unwrap_or(exponent);
        if exponent_digits.is_empty() || !exponent_digits.iter().all(u8::is_ascii_digit) {
            return Err("the exponent of a float must be an integer".into());
        }
        let token =
            if token.contains('_') { Cow::Owned(token.replace('_', "")) } else { Cow::Borrowed(token) };
        return Ok(Data::Float(token.parse().map_err(|_| "not a float")?));
    }
    if point.is_none() && exponent.is_none() {
        return Ok(Data::Int(Int::from_digits(negative, &whole, 10).ok_or("not an integer")?));
    }
    let exponent = match exponent {
        Some(exponent) => {
            parse_exponent(exponent).ok_or("the exponent of a decimal must be an integer of 32 bits")?
        }
        None => 0,
    };
    let decimal = Decimal::from_digits(negative, &whole, &fraction, exponent)
        .ok_or("the exponent of a decimal must be an integer of 32 bits")?;
    Ok(Data::Decimal(decimal))
}

/// The digits without underscores. Each underscore must stand between two digits.
fn without_underscores(digits: &[u8]) -> Result<Cow<'_, [u8]>, Cow<'static, str>> {
    if digits.is_empty() {
        return Err("not a number: digits are missing".into());
    }
    if !digits.contains(&b'_') {
        return Ok(Cow::Borrowed(digits));
    }
    let alone = digits.first() == Some(&b'_')
        || digits.last() == Some(&b'_')
        || digits.windows(2).any(|pair| pair == b"__");
    if alone {
        return Err("an underscore must stand between two digits".into());
    }
    Ok(Cow::Owned(digits.iter().copied().filter(|byte| *byte != b'_').collect()))
}
