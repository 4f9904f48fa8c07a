//! The functions over numbers. Ints and decimals are calculated exactly or to 38 digits, floats as floats.

use everstrand_ion::{Decimal, Int};
use num_bigint::{BigInt, Sign};
use num_integer::Integer;

use crate::eval::Fault;
use crate::eval::arithmetic::{self, DECIMAL_OVERFLOW, OVERFLOW, int64, power_of_ten};
use crate::number::{self, DIGITS_MAX, Number, TOO_LONG, digits};

/// How the digits that are cut off decide the last one that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// To the nearest, and from the middle away from zero.
    HalfAway,
    /// Towards zero.
    Down,
    Floor,
    Ceiling,
}

/// How many digits POWER keeps on the way. Of them 25 more than the result has, because each of up to 64 squarings
/// doubles the error.
const WORKING_DIGITS: i64 = 63;

/// `ABS(number)`
pub(crate) fn abs(number: Number) -> Result<Number, Fault> {
    check(&number)?;
    Ok(match number {
        Number::Int(int) if int.is_negative() => Number::Int(int64(-int.to_bigint())?),
        Number::Int(int) => Number::Int(int),
        Number::Float(float) => Number::Float(float.abs()),
        Number::Decimal(decimal) => {
            Number::Decimal(Decimal::new(decimal.coefficient().abs(), decimal.exponent()))
        }
    })
}

/// `SIGN(number)`: -1, 0 or 1. The sign of NaN is NaN.
pub(crate) fn sign(number: &Number) -> Number {
    let sign = match number {
        Number::Float(float) if float.is_nan() => return Number::Float(f64::NAN),
        Number::Float(float) => i64::from(*float > 0.0) - i64::from(*float < 0.0),
        Number::Int(int) => int.sign() as i64,
        Number::Decimal(decimal) => decimal.coefficient().sign() as i64,
    };
    Number::Int(Int::from(sign))
}

/// The number with at most `places` digits after the point. A negative number of places cuts digits before the point.
pub(crate) fn round(number: Number, places: i64, rounding: Rounding) -> Result<Number, Fault> {
    check(&number)?;
    Ok(match number {
        Number::Int(int) if places >= 0 => Number::Int(int),
        Number::Int(int) => {
            let dropped = places.saturating_neg();
            let kept = without_last(int.to_bigint(), dropped, rounding)?;
            // A number that was all cut off leaves 0, however many digits were asked for.
            let zeros = if kept == BigInt::ZERO { 0 } else { dropped };
            Number::Int(int64(kept * power_of_ten(zeros)?)?)
        }
        Number::Decimal(decimal) => Number::Decimal(rounded(&decimal, places, rounding)?),
        Number::Float(float) => Number::Float(match Decimal::from_f64(float) {
            None => float,
            Some(exact) => {
                // A float that has no more places than wanted stays as it is, with its sign.
                let rounded = rounded(&exact, places, rounding)?;
                if rounded == exact { float } else { rounded.to_f64().copysign(float) }
            }
        }),
    })
}

fn rounded(decimal: &Decimal, places: i64, rounding: Rounding) -> Result<Decimal, Fault> {
    let wanted = places.saturating_neg();
    let dropped = wanted.saturating_sub(i64::from(decimal.exponent()));
    if dropped <= 0 {
        return Ok(decimal.clone());
    }
    let kept = without_last(decimal.coefficient().to_bigint(), dropped, rounding)?;
    if kept == BigInt::ZERO {
        return Ok(Decimal::new(0, i32::try_from(wanted.min(0)).unwrap_or(0)));
    }
    // Zeros before the point are written out, as far as a decimal has room for them.
    let zeros = wanted.clamp(0, (i64::from(DIGITS_MAX) - digits(&kept)).max(0));
    let exponent = i32::try_from(wanted - zeros).map_err(|_| DECIMAL_OVERFLOW)?;
    Ok(Decimal::new(kept * power_of_ten(zeros)?, exponent))
}

/// A coefficient without its last `dropped` digits.
fn without_last(coefficient: BigInt, dropped: i64, rounding: Rounding) -> Result<BigInt, Fault> {
    // Of a number with fewer digits than that no half is left.
    let cut = dropped.min(digits(&coefficient) + 1);
    let power = power_of_ten(cut)?;
    let (kept, rest) = coefficient.div_rem(&power);
    let is_up = match rounding {
        _ if rest == BigInt::ZERO => false,
        Rounding::Down => false,
        Rounding::Floor => rest.sign() == Sign::Minus,
        Rounding::Ceiling => rest.sign() == Sign::Plus,
        Rounding::HalfAway => BigInt::from(rest.magnitude() * 2u8) >= power,
    };
    Ok(if is_up { kept + BigInt::from_biguint(rest.sign(), 1u8.into()) } else { kept })
}

/// `SQRT(number)`: of a float a float, else a decimal of 38 digits.
pub(crate) fn sqrt(number: &Number) -> Result<Number, Fault> {
    check(number)?;
    let decimal = match number {
        Number::Float(float) if *float < 0.0 => return Err(NEGATIVE_ROOT.into()),
        Number::Float(float) => return Ok(Number::Float(float.sqrt())),
        Number::Int(int) => Decimal::new(int.clone(), 0),
        Number::Decimal(decimal) => decimal.clone(),
    };
    if decimal.coefficient().is_negative() {
        return Err(NEGATIVE_ROOT.into());
    }
    let exponent = i64::from(decimal.exponent());
    let preferred = exponent.div_euclid(2);
    if decimal.is_zero() {
        return Ok(Number::Decimal(arithmetic::round(BigInt::ZERO, preferred)?));
    }
    // The square gets an even exponent and so many digits that its root has at least two more than the result keeps.
    let coefficient = decimal.coefficient().to_bigint();
    let mut shift = (2 * (i64::from(DIGITS_MAX) + 2) - digits(&coefficient)).max(0);
    shift += (exponent - shift).rem_euclid(2);
    let square = coefficient * power_of_ten(shift)?;
    let root = square.sqrt();
    let exponent = (exponent - shift) / 2;
    if &root * &root != square {
        // One more digit stands for all digits that follow, so that no root is taken for a half.
        return Ok(Number::Decimal(arithmetic::round(root * 10 + 1, exponent - 1)?));
    }
    Ok(Number::Decimal(arithmetic::without_zeros(root, exponent, preferred)?))
}

const NEGATIVE_ROOT: &str = "SQRT of a negative number";

/// `POWER(base, exponent)`. An int to the power of an int that is not negative is an int. A decimal, or a negative
/// exponent, makes a decimal of 38 digits. A float on either side or an exponent with a fraction makes a float.
pub(crate) fn power(base: &Number, exponent: &Number) -> Result<Number, Fault> {
    check(base)?;
    check(exponent)?;
    let whole = match exponent {
        Number::Int(int) => Some(int.clone()),
        Number::Decimal(decimal) => decimal.to_int(DIGITS_MAX),
        Number::Float(_) => None,
    };
    let base_decimal = match base {
        Number::Int(int) => Some(Decimal::new(int.clone(), 0)),
        Number::Decimal(decimal) => Some(decimal.clone()),
        Number::Float(_) => None,
    };
    let (Some(whole), Some(decimal)) = (whole, base_decimal) else {
        return float_power(arithmetic::float_of(base), arithmetic::float_of(exponent)).map(Number::Float);
    };
    if decimal.is_zero() && whole.is_negative() {
        return Err("/ by zero".into());
    }
    match (base, exponent) {
        (Number::Int(base), Number::Int(exponent)) if !exponent.is_negative() => {
            int_power(base, exponent).map(Number::Int)
        }
        _ => decimal_power(&decimal, &whole).map(Number::Decimal),
    }
}

fn int_power(base: &Int, exponent: &Int) -> Result<Int, Fault> {
    let is_even = !exponent.to_bigint().is_odd();
    match (base.as_i64(), exponent.as_u64()) {
        (_, Some(0)) => Ok(Int::from(1)),
        (Some(0), _) => Ok(Int::from(0)),
        (Some(1), _) => Ok(Int::from(1)),
        (Some(-1), _) => Ok(Int::from(if is_even { 1 } else { -1 })),
        (Some(base), Some(exponent)) => {
            let exponent = u32::try_from(exponent).map_err(|_| OVERFLOW)?;
            Ok(Int::from(base.checked_pow(exponent).ok_or(OVERFLOW)?))
        }
        _ => Err(OVERFLOW.into()),
    }
}

fn decimal_power(base: &Decimal, exponent: &Int) -> Result<Decimal, Fault> {
    let is_one = || {
        let base = base.reduced();
        base.exponent() == 0 && base.coefficient().abs().as_u64() == Some(1)
    };
    let mut left = match exponent.abs().as_u64() {
        Some(exponent) => exponent,
        // Beyond 64 bits only the powers of 0, 1 and -1 are in reach, which repeat with the parity of the exponent.
        None if base.is_zero() || is_one() => 2 + u64::from(exponent.to_bigint().is_odd()),
        None => return Err(DECIMAL_OVERFLOW.into()),
    };
    let rounded = |coefficient, exponent: i64| {
        let (coefficient, exponent) = number::round(coefficient, exponent, WORKING_DIGITS);
        let is_far = exponent.unsigned_abs() > 1 << 40;
        if is_far && coefficient != BigInt::ZERO {
            return Err(DECIMAL_OVERFLOW);
        }
        Ok((coefficient, exponent.clamp(-(1 << 40), 1 << 40)))
    };
    let mut square = rounded(base.coefficient().to_bigint(), i64::from(base.exponent()))?;
    let mut result = (BigInt::from(1), 0);
    while left > 0 {
        if left & 1 == 1 {
            result = rounded(result.0 * &square.0, result.1 + square.1)?;
        }
        left >>= 1;
        if left > 0 {
            square = rounded(&square.0 * &square.0, 2 * square.1)?;
        }
    }
    if !exponent.is_negative() {
        return Ok(arithmetic::round(result.0, result.1)?);
    }
    Ok(arithmetic::inverse(result.0, result.1)?)
}

fn float_power(base: f64, exponent: f64) -> Result<f64, Fault> {
    if base == 0.0 && exponent < 0.0 {
        return Err("/ by zero".into());
    }
    let result = base.powf(exponent);
    if result.is_nan() && !base.is_nan() && !exponent.is_nan() {
        return Err("POWER of a negative number with an exponent that is no integer".into());
    }
    if result.is_infinite() && base.is_finite() && exponent.is_finite() {
        return Err("POWER has a result that is too large for a float".into());
    }
    Ok(result)
}

fn check(number: &Number) -> Result<(), Fault> {
    if number.is_too_long() { Err(TOO_LONG.into()) } else { Ok(()) }
}
