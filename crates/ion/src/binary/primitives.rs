//! The parts of binary values: VarUInt, VarInt, magnitudes, and the payloads of scalars. Ion Hash uses the canonical
//! payloads too.
//!
//! ```text
//! VarUInt   7 bits a byte, most significant first; the last byte has its top bit set
//! VarInt    as VarUInt, but bit 6 of the first byte is the sign
//! UInt      the magnitude, big-endian
//! Int       the magnitude, big-endian; the top bit of the first byte is the sign
//! ```

use num_bigint::{BigInt, Sign};

use crate::decimal::Decimal;
use crate::int::Int;
use crate::timestamp::TimestampError;
use crate::timestamp::{Precision, Timestamp, TimestampFields};

/// What is wrong with bytes, without the place.
pub(crate) type Reason = &'static str;

/// The bits of NaN in canonical form.
const CANONICAL_NAN_BITS: u64 = 0x7FF8_0000_0000_0000;

/// Reads a VarUInt at `at` and moves behind it. `None` if it is cut short or exceeds 64 bits.
#[inline]
pub(crate) fn read_var_uint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let byte = *bytes.get(*at)?;
    if byte & 0x80 != 0 {
        *at += 1;
        return Some(u64::from(byte & 0x7F));
    }
    read_groups(bytes, at, 0)
}

/// Reads groups of seven bits up to the last one; `value` has the bits before them.
fn read_groups(bytes: &[u8], at: &mut usize, mut value: u64) -> Option<u64> {
    loop {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if value >> 57 != 0 {
            return None;
        }
        value = (value << 7) | u64::from(byte & 0x7F);
        if byte & 0x80 != 0 {
            return Some(value);
        }
    }
}

/// Reads a VarInt: whether it is negative, which -0 is too, and its magnitude.
pub(crate) fn read_var_int(bytes: &[u8], at: &mut usize) -> Option<(bool, u64)> {
    let first = *bytes.get(*at)?;
    *at += 1;
    let negative = first & 0x40 != 0;
    let value = u64::from(first & 0x3F);
    let value = if first & 0x80 == 0 { read_groups(bytes, at, value)? } else { value };
    Some((negative, value))
}

/// Appends a VarUInt in as few bytes as possible.
pub(crate) fn write_var_uint(value: u64, out: &mut Vec<u8>) {
    let groups = var_uint_length(value);
    for group in (0..groups).rev() {
        let last = if group == 0 { 0x80 } else { 0 };
        out.push(low_byte(value >> (7 * group)) & 0x7F | last);
    }
}

/// The number of bytes of a VarUInt.
#[inline]
pub(crate) fn var_uint_length(value: u64) -> usize {
    let bits = (64 - value.leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}

/// Appends a VarInt in as few bytes as possible. `negative` and a magnitude of zero is -0.
pub(crate) fn write_var_int(negative: bool, magnitude: u64, out: &mut Vec<u8>) {
    let bits = (64 - magnitude.leading_zeros()).max(1);
    let groups = (bits + 1).div_ceil(7);
    let sign = if negative { 0x40 } else { 0 };
    for group in (0..groups).rev() {
        let (mask, sign) = if group == groups - 1 { (0x3F, sign) } else { (0x7F, 0) };
        let last = if group == 0 { 0x80 } else { 0 };
        out.push(low_byte(magnitude >> (7 * group)) & mask | sign | last);
    }
}

/// The lowest eight bits.
#[inline]
pub(crate) fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

/// The magnitude as a number; `None` if it does not fit.
#[inline]
pub(crate) fn magnitude_u64(bytes: &[u8]) -> Option<u64> {
    if bytes.len() <= 8 {
        return Some(bytes.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte)));
    }
    let bytes = strip_zeros(bytes);
    if bytes.len() <= 8 { magnitude_u64(bytes) } else { None }
}

/// The bytes without leading zeros.
#[inline]
pub(crate) fn strip_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// The integer with this sign and big-endian magnitude.
pub(crate) fn int_of(negative: bool, magnitude: &[u8]) -> Int {
    match magnitude_u64(magnitude) {
        Some(value) => match small_int(negative, value) {
            Some(small) => Int::from(small),
            None => Int::from(if negative { -BigInt::from(value) } else { BigInt::from(value) }),
        },
        None => {
            let sign = if negative { Sign::Minus } else { Sign::Plus };
            Int::from(BigInt::from_bytes_be(sign, magnitude))
        }
    }
}

/// The integer with this sign and magnitude; `None` if it does not fit 64 bits.
#[inline]
pub(crate) fn small_int(negative: bool, magnitude: u64) -> Option<i64> {
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Appends the big-endian magnitude without leading zeros, which is nothing for zero. Returns whether the integer is
/// negative.
pub(crate) fn write_magnitude(int: &Int, out: &mut Vec<u8>) -> bool {
    match int.as_i64() {
        Some(small) => {
            out.extend_from_slice(strip_zeros(&small.unsigned_abs().to_be_bytes()));
            small < 0
        }
        None => {
            let (sign, magnitude) = int.to_bigint().to_bytes_be();
            out.extend_from_slice(strip_zeros(&magnitude));
            sign == Sign::Minus
        }
    }
}

/// Reads the Int field that fills `bytes`: whether it is negative, which -0 is too, and its value.
fn read_int_field(bytes: &[u8]) -> (bool, Int) {
    let Some((first, rest)) = bytes.split_first() else { return (false, Int::from(0i64)) };
    let negative = first & 0x80 != 0;
    if rest.len() < 8 {
        let value = rest.iter().fold(u64::from(first & 0x7F), |value, byte| (value << 8) | u64::from(*byte));
        if let Some(small) = small_int(negative, value) {
            return (negative, Int::from(small));
        }
    }
    let mut magnitude = bytes.to_vec();
    magnitude[0] &= 0x7F;
    (negative, int_of(negative, &magnitude))
}

/// Appends an Int field in as few bytes as possible, which is none for zero.
fn write_int_field(int: &Int, negative_zero: bool, out: &mut Vec<u8>) {
    let start = out.len();
    let negative = write_magnitude(int, out) || negative_zero;
    match out.get(start) {
        // The magnitude uses the top bit, so the sign needs a byte of its own.
        Some(first) if first & 0x80 != 0 => out.insert(start, if negative { 0x80 } else { 0 }),
        Some(_) if negative => out[start] |= 0x80,
        Some(_) => {}
        None if negative => out.push(0x80),
        None => {}
    }
}

/// The magnitude of an int, without leading zeros. Fails for a negative zero, which Ion forbids.
pub(crate) fn read_magnitude(negative: bool, payload: &[u8]) -> Result<&[u8], Reason> {
    let magnitude = strip_zeros(payload);
    if negative && magnitude.is_empty() { Err("a negative int is zero") } else { Ok(magnitude) }
}

/// Reads the payload of a string.
pub(crate) fn read_text(payload: &[u8]) -> Result<&str, Reason> {
    std::str::from_utf8(payload).map_err(|_| "a string is not valid UTF-8")
}

/// Reads the payload of a float.
pub(crate) fn read_float(payload: &[u8]) -> Result<f64, Reason> {
    match *payload {
        [] => Ok(0.0),
        [a, b, c, d] => Ok(f64::from(f32::from_be_bytes([a, b, c, d]))),
        [a, b, c, d, e, f, g, h] => Ok(f64::from_be_bytes([a, b, c, d, e, f, g, h])),
        _ => Err("a float is not 0, 4 or 8 bytes"),
    }
}

/// Appends the canonical payload of a float: nothing for `0e0`, else 64 bits. All NaNs are written alike.
pub(crate) fn write_float(value: f64, out: &mut Vec<u8>) {
    let bits = if value.is_nan() { CANONICAL_NAN_BITS } else { value.to_bits() };
    if bits != 0 {
        out.extend_from_slice(&bits.to_be_bytes());
    }
}

/// Reads the payload of a decimal.
pub(crate) fn read_decimal(payload: &[u8]) -> Result<Decimal, Reason> {
    if payload.is_empty() {
        return Ok(Decimal::new(0i64, 0));
    }
    let mut at = 0;
    let (negative, magnitude) =
        read_var_int(payload, &mut at).ok_or("the exponent of a decimal is cut short or too large")?;
    let exponent = small_int(negative, magnitude)
        .and_then(|exponent| i32::try_from(exponent).ok())
        .ok_or("the exponent of a decimal does not fit 32 bits")?;
    let (negative, coefficient) = read_int_field(&payload[at..]);
    if negative && coefficient.as_i64() == Some(0) {
        return Ok(Decimal::negative_zero(exponent));
    }
    Ok(Decimal::new(coefficient, exponent))
}

/// Appends the canonical payload of a decimal, which is empty for `0d0`.
pub(crate) fn write_decimal(decimal: &Decimal, out: &mut Vec<u8>) {
    let zero = decimal.coefficient().as_i64() == Some(0);
    if zero && decimal.exponent() == 0 && !decimal.is_negative_zero() {
        return;
    }
    let exponent = decimal.exponent();
    write_var_int(exponent < 0, u64::from(exponent.unsigned_abs()), out);
    write_int_field(decimal.coefficient(), decimal.is_negative_zero(), out);
}

/// Reads the payload of a timestamp and checks every field. The payload has UTC, a [`Timestamp`] has local time.
pub(crate) fn read_timestamp(payload: &[u8]) -> Result<Timestamp, Reason> {
    const CUT: &str = "a timestamp is cut short";
    let mut at = 0;
    let (negative, magnitude) = read_var_int(payload, &mut at).ok_or(CUT)?;
    let offset = match small_int(negative, magnitude).and_then(|offset| i16::try_from(offset).ok()) {
        Some(0) if negative => None,
        Some(offset) if offset.abs() < 1440 => Some(offset),
        _ => return Err("the offset of a timestamp is a day or more"),
    };
    let year = read_var_uint(payload, &mut at).ok_or(CUT)?;
    let mut fields = [1, 1, 0, 0, 0];
    let mut present = 0;
    while present < fields.len() && at < payload.len() {
        let field = read_var_uint(payload, &mut at).ok_or(CUT)?;
        fields[present] = u8::try_from(field).map_err(|_| "a field of a timestamp is out of range")?;
        present += 1;
    }
    let mut precision = match present {
        0 => Precision::Year,
        1 => Precision::Month,
        2 => Precision::Day,
        3 => return Err("a timestamp has an hour without minutes"),
        4 => Precision::Minute,
        _ => Precision::Second(0),
    };
    let mut fraction = 0;
    if at < payload.len() {
        (fraction, precision) = read_fraction(payload, at)?;
    }
    let year = u16::try_from(year).map_err(|_| "a field of a timestamp is out of range")?;
    let [month, day, hour, minute, second] = fields;
    let fields = TimestampFields { year, month, day, hour, minute, second, fraction };
    Timestamp::from_utc(fields, precision, offset).map_err(|TimestampError(reason)| reason)
}

/// The most fraction digits of a second.
const FRACTION_DIGITS_MAX: u64 = 18;

/// Reads the fraction of a second, which fills the rest of the payload.
fn read_fraction(payload: &[u8], mut at: usize) -> Result<(u64, Precision), Reason> {
    let (negative, digits) =
        read_var_int(payload, &mut at).ok_or("the fraction of a timestamp is cut short")?;
    if negative && digits > FRACTION_DIGITS_MAX {
        return Err("a timestamp has more than 18 fraction digits");
    }
    // The fraction may be a negative zero, which means zero.
    let (_, coefficient) = read_int_field(&payload[at..]);
    let coefficient = coefficient.as_i64().and_then(|value| u64::try_from(value).ok());
    let coefficient = coefficient.ok_or("the fraction of a second is not in 0 to 1")?;
    if !negative || digits == 0 {
        // `0d3` is a whole second. Other readers take it so too.
        return match coefficient {
            0 => Ok((0, Precision::Second(0))),
            _ => Err("the fraction of a second is not in 0 to 1"),
        };
    }
    let digits = u8::try_from(digits).expect("18 at most");
    if coefficient >= 10u64.pow(u32::from(digits)) {
        return Err("the fraction of a second is not in 0 to 1");
    }
    Ok((coefficient, Precision::Second(digits)))
}

/// Appends the canonical payload of a timestamp.
pub(crate) fn write_timestamp(timestamp: &Timestamp, out: &mut Vec<u8>) {
    let precision = timestamp.precision();
    match timestamp.offset() {
        None => write_var_int(true, 0, out),
        Some(offset) => write_var_int(offset < 0, u64::from(offset.unsigned_abs()), out),
    }
    let utc = timestamp.utc_fields();
    write_var_uint(u64::from(utc.year), out);
    let fields = match precision {
        Precision::Year => 0,
        Precision::Month => 1,
        Precision::Day => 2,
        Precision::Minute => 4,
        Precision::Second(_) => 5,
    };
    for field in [utc.month, utc.day, utc.hour, utc.minute, utc.second].into_iter().take(fields) {
        write_var_uint(u64::from(field), out);
    }
    if let Precision::Second(digits @ 1..) = precision {
        write_var_int(true, u64::from(digits), out);
        write_int_field(&Int::from(utc.fraction), false, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn var_uint_and_var_int_come_back_in_as_few_bytes_as_possible() {
        for shift in 0..64 {
            for value in [(1u64 << shift) - 1, 1 << shift, (1 << shift) + 1] {
                let mut bytes = Vec::new();
                write_var_uint(value, &mut bytes);
                assert_eq!(bytes.len(), var_uint_length(value));
                let mut at = 0;
                assert_eq!(read_var_uint(&bytes, &mut at), Some(value));
                assert_eq!(at, bytes.len());
                for negative in [false, true] {
                    let mut bytes = Vec::new();
                    write_var_int(negative, value, &mut bytes);
                    assert!(bytes.len() == 1 || bytes[0] & 0x7F & !0x40 != 0 || bytes[1] & 0x40 != 0);
                    let mut at = 0;
                    assert_eq!(read_var_int(&bytes, &mut at), Some((negative, value)));
                    assert_eq!(at, bytes.len());
                }
            }
        }
    }

    #[test]
    fn a_fraction_of_too_many_digits_is_refused_for_them() {
        // 2007-02-23T12:14:33.13371337133713371337Z: twenty digits, whose coefficient is more than 64 bits.
        let coefficient = 13_371_337_133_713_371_337u128.to_be_bytes();
        let first = coefficient.iter().position(|byte| *byte != 0).unwrap();
        let mut payload = vec![0xC0 | 20, 0];
        payload.extend_from_slice(&coefficient[first..]);
        let reason = read_fraction(&payload, 0).unwrap_err();
        assert_eq!(reason, "a timestamp has more than 18 fraction digits");
        assert_eq!(read_fraction(&[0xC1, 10], 0), Err("the fraction of a second is not in 0 to 1"));
    }

    #[test]
    fn numbers_beyond_64_bits_and_cut_numbers_are_none() {
        for bytes in [&[0x7F; 11][..], &[0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0x80], &[0x7F], &[]] {
            assert_eq!(read_var_uint(bytes, &mut 0), None);
        }
        assert_eq!(read_var_uint(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x81], &mut 0), Some(1));
    }
}
