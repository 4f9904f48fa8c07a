//! `+ - * / %`, the signs, and the decimals under them.
//!
//! Two ints make an int of 64 bits. With a decimal on either side the result is a decimal of at most 38 digits,
//! rounded half to even. A float with a float or an int makes a float. An unknown operand makes NULL.
//! [`super::mistyped`] says what an operand makes that is no number.

use everstrand_ion::{Data, Decimal, Int, Value};
use num_bigint::{BigInt, Sign};
use num_integer::Integer;

use crate::datum::Datum;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::eval::Fault;
use crate::eval::mistyped::TypeErrors;
use crate::expression::BinaryOperator;
use crate::number::{self, DIGITS_MAX, EXPONENT_MAX, Number, digits};

pub(crate) const OVERFLOW: &str = "Int overflow or underflow";
pub(crate) const DECIMAL_OVERFLOW: &str = "Decimal exponent overflow or underflow";

/// `left operator right` for the five operators of arithmetic.
pub(crate) fn calculate(
    operator: BinaryOperator,
    left: ValueRef<'_>,
    right: ValueRef<'_>,
    type_errors: TypeErrors,
) -> Result<Datum, Fault> {
    let (left, right) = match (left.kind(), right.kind()) {
        (ValueKind::Missing | ValueKind::Null, _) | (_, ValueKind::Missing | ValueKind::Null) => {
            return Ok(Datum::null());
        }
        (ValueKind::Number(left), ValueKind::Number(right)) => (left, right),
        (ValueKind::Number(_), _) => return type_errors.not_a_number(right),
        _ => return type_errors.not_a_number(left),
    };
    Ok(datum(numbers(operator, &left, &right)?))
}

/// `-operand` or `+operand`.
pub(crate) fn sign(negative: bool, operand: ValueRef<'_>, type_errors: TypeErrors) -> Result<Datum, Fault> {
    let number = match operand.kind() {
        ValueKind::Missing | ValueKind::Null => return Ok(Datum::null()),
        ValueKind::Number(number) => number,
        _ => return type_errors.not_a_number(operand),
    };
    Ok(datum(match number {
        number if !negative => number,
        Number::Int(int) => Number::Int(int64(-int.to_bigint())?),
        Number::Float(float) => Number::Float(-float),
        Number::Decimal(decimal) if decimal.is_zero() => Number::Decimal(if decimal.is_negative_zero() {
            Decimal::new(0, decimal.exponent())
        } else {
            Decimal::negative_zero(decimal.exponent())
        }),
        Number::Decimal(decimal) => {
            Number::Decimal(Decimal::new(-decimal.coefficient().to_bigint(), decimal.exponent()))
        }
    }))
}

/// The arithmetic of two numbers.
pub(crate) fn numbers(
    operator: BinaryOperator,
    left: &Number,
    right: &Number,
) -> Result<Number, &'static str> {
    if left.is_too_long() || right.is_too_long() {
        return Err(number::TOO_LONG);
    }
    match (left, right) {
        (Number::Int(left), Number::Int(right)) => ints(operator, left, right).map(Number::Int),
        (Number::Float(_), Number::Float(_) | Number::Int(_)) | (Number::Int(_), Number::Float(_)) => {
            floats(operator, float_of(left), float_of(right)).map(Number::Float)
        }
        (left, right) => match (left.decimal(), right.decimal()) {
            (Some(left), Some(right)) => decimals(operator, &left, &right).map(Number::Decimal),
            // NaN and infinity are no decimals.
            _ => floats(operator, float_of(left), float_of(right)).map(Number::Float),
        },
    }
}

/// `left / right` as decimals, also for two ints. AVG divides so.
pub(crate) fn divide_exactly(left: &Number, right: &Number) -> Result<Number, &'static str> {
    if left.is_too_long() {
        return Err(number::TOO_LONG);
    }
    match (left.decimal(), right.decimal()) {
        (Some(left), Some(right)) => decimals(BinaryOperator::Divide, &left, &right).map(Number::Decimal),
        _ => floats(BinaryOperator::Divide, float_of(left), float_of(right)).map(Number::Float),
    }
}

pub(crate) fn datum(number: Number) -> Datum {
    Datum::Value(Value::new(match number {
        Number::Int(int) => Data::Int(int),
        Number::Decimal(decimal) => Data::Decimal(decimal),
        Number::Float(float) => Data::Float(float),
    }))
}

pub(crate) fn float_of(number: &Number) -> f64 {
    match number {
        Number::Int(int) => int.to_f64(),
        Number::Decimal(decimal) => decimal.to_f64(),
        Number::Float(float) => *float,
    }
}

fn ints(operator: BinaryOperator, left: &Int, right: &Int) -> Result<Int, &'static str> {
    refuse_zero(operator, right.is_zero())?;
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        let small = match operator {
            BinaryOperator::Add => left.checked_add(right),
            BinaryOperator::Subtract => left.checked_sub(right),
            BinaryOperator::Multiply => left.checked_mul(right),
            BinaryOperator::Divide => left.checked_div(right),
            _ => Some(left.checked_rem(right).unwrap_or(0)),
        };
        return small.map(Int::from).ok_or(OVERFLOW);
    }
    let (left, right) = (left.to_bigint(), right.to_bigint());
    int64(match operator {
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => left * right,
        BinaryOperator::Divide => left / right,
        _ => left % right,
    })
}

pub(crate) fn int64(big: BigInt) -> Result<Int, &'static str> {
    i64::try_from(big).map(Int::from).map_err(|_| OVERFLOW)
}

/// Division by zero is an error for all types of numbers.
fn refuse_zero(operator: BinaryOperator, divisor_is_zero: bool) -> Result<(), &'static str> {
    match operator {
        BinaryOperator::Divide if divisor_is_zero => Err("/ by zero"),
        BinaryOperator::Modulo if divisor_is_zero => Err("% by zero"),
        _ => Ok(()),
    }
}

fn floats(operator: BinaryOperator, left: f64, right: f64) -> Result<f64, &'static str> {
    refuse_zero(operator, right == 0.0)?;
    Ok(match operator {
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => left * right,
        BinaryOperator::Divide => left / right,
        _ => left % right,
    })
}

fn decimals(operator: BinaryOperator, left: &Decimal, right: &Decimal) -> Result<Decimal, &'static str> {
    refuse_zero(operator, right.is_zero())?;
    match operator {
        BinaryOperator::Add => add(left, right.coefficient().to_bigint(), right),
        BinaryOperator::Subtract => add(left, -right.coefficient().to_bigint(), right),
        BinaryOperator::Multiply => {
            let product = left.coefficient().to_bigint() * right.coefficient().to_bigint();
            round(product, i64::from(left.exponent()) + i64::from(right.exponent()))
        }
        BinaryOperator::Divide => divide(left, right),
        _ => remainder(left, right),
    }
}

/// `left + addend × 10^right.exponent`, where `addend` is the coefficient of `right` or its negation.
fn add(left: &Decimal, addend: BigInt, right: &Decimal) -> Result<Decimal, &'static str> {
    let (left_exponent, right_exponent) = (i64::from(left.exponent()), i64::from(right.exponent()));
    let augend = left.coefficient().to_bigint();
    // A number far below the last digit of the result only decides how the result is rounded.
    let gap = left.magnitude() - right.magnitude();
    let far = i64::from(DIGITS_MAX) + 3;
    if left.is_zero() || right.is_zero() {
        let (coefficient, exponent) =
            if left.is_zero() { (addend, right_exponent) } else { (augend, left_exponent) };
        let wanted = left_exponent.min(right_exponent);
        return widen(coefficient, exponent, wanted);
    }
    if gap > far && left_exponent > right.magnitude() {
        return add_trace(augend, left_exponent, addend.sign());
    }
    if -gap > far && right_exponent > left.magnitude() {
        return add_trace(addend, right_exponent, augend.sign());
    }
    // The gap is small now, so that both fit one exponent without many zeros.
    let exponent = left_exponent.min(right_exponent);
    let augend = augend * power_of_ten(left_exponent - exponent)?;
    let addend = addend * power_of_ten(right_exponent - exponent)?;
    round(augend + addend, exponent)
}

/// A number plus another of the given sign that is too small for the digits of the result.
fn add_trace(coefficient: BigInt, exponent: i64, trace: Sign) -> Result<Decimal, &'static str> {
    let shift = i64::from(DIGITS_MAX) + 3;
    let shifted = coefficient * power_of_ten(shift)? + BigInt::from_biguint(trace, 1u8.into());
    round(shifted, exponent - shift)
}

/// The same number with a smaller exponent, as far as 38 digits allow.
fn widen(coefficient: BigInt, exponent: i64, wanted: i64) -> Result<Decimal, &'static str> {
    if coefficient == BigInt::ZERO {
        return round(coefficient, wanted);
    }
    let room = (i64::from(DIGITS_MAX) - digits(&coefficient)).max(0);
    let shift = (exponent - wanted).clamp(0, room);
    round(coefficient * power_of_ten(shift)?, exponent - shift)
}

fn divide(left: &Decimal, right: &Decimal) -> Result<Decimal, &'static str> {
    let preferred = i64::from(left.exponent()) - i64::from(right.exponent());
    quotient(left.coefficient().to_bigint(), &right.coefficient().to_bigint(), preferred)
}

/// `1 / (divisor × 10^exponent)`
pub(crate) fn inverse(divisor: BigInt, exponent: i64) -> Result<Decimal, &'static str> {
    refuse_zero(BinaryOperator::Divide, divisor == BigInt::ZERO)?;
    quotient(BigInt::from(1), &divisor, -exponent)
}

/// `dividend / divisor × 10^preferred`
fn quotient(dividend: BigInt, divisor: &BigInt, preferred: i64) -> Result<Decimal, &'static str> {
    if dividend == BigInt::ZERO {
        return round(dividend, preferred);
    }
    // The quotient gets at least two digits more than the result keeps.
    let shift = (i64::from(DIGITS_MAX) + 2 + digits(divisor) - digits(&dividend)).max(0);
    let (mut quotient, rest) = (dividend * power_of_ten(shift)?).div_rem(divisor);
    let exponent = preferred - shift;
    if rest != BigInt::ZERO {
        // One more digit stands for all digits that follow. Without it a little more than a half would be rounded as a
        // half.
        let trace = if rest.sign() == divisor.sign() { Sign::Plus } else { Sign::Minus };
        quotient = quotient * 10 + BigInt::from_biguint(trace, 1u8.into());
        return round(quotient, exponent - 1);
    }
    // An exact quotient loses the zeros that the shift put behind it, as `java.math.BigDecimal` has it.
    without_zeros(quotient, exponent, preferred)
}

/// A number rounded to at most 38 digits, after the zeros at its end that make its exponent less than the preferred
/// one are taken off.
pub(crate) fn without_zeros(
    mut coefficient: BigInt,
    mut exponent: i64,
    preferred: i64,
) -> Result<Decimal, &'static str> {
    let ten = BigInt::from(10);
    while exponent < preferred {
        let (shorter, digit) = coefficient.div_rem(&ten);
        if digit != BigInt::ZERO {
            break;
        }
        coefficient = shorter;
        exponent += 1;
    }
    round(coefficient, exponent)
}

/// The digits are those of `java.math.BigDecimal`, `left - (left / right as a whole number) * right`: the zeros at the end of that whole
/// number, as far as the left operand has them, are none of the product's digits after the point.
fn remainder(left: &Decimal, right: &Decimal) -> Result<Decimal, &'static str> {
    let unchanged = || round(left.coefficient().to_bigint(), i64::from(left.exponent()));
    if left.is_zero() || left.magnitude() < right.magnitude() {
        return unchanged();
    }
    if left.magnitude() - right.magnitude() > i64::from(DIGITS_MAX) {
        return Err("% has a quotient of more than 38 digits");
    }
    let (left_exponent, right_exponent) = (i64::from(left.exponent()), i64::from(right.exponent()));
    let exponent = left_exponent.min(right_exponent);
    let dividend = left.coefficient().to_bigint() * power_of_ten(left_exponent - exponent)?;
    let divisor = right.coefficient().to_bigint() * power_of_ten(right_exponent - exponent)?;
    let (mut quotient, mut remainder) = dividend.div_rem(&divisor);
    if quotient == BigInt::ZERO {
        return unchanged();
    }
    let ten = BigInt::from(10);
    let mut zeros = 0;
    while exponent + zeros < left_exponent {
        let (shorter, digit) = quotient.div_rem(&ten);
        if digit != BigInt::ZERO {
            break;
        }
        // Both operands of the difference are multiples of ten then, and so is the difference.
        (quotient, remainder) = (shorter, remainder / &ten);
        zeros += 1;
    }
    round(remainder, exponent + zeros)
}

/// A number rounded to at most 38 digits, half to even. Its exponent must be one that readers of Ion accept.
pub(crate) fn round(coefficient: BigInt, exponent: i64) -> Result<Decimal, &'static str> {
    let (coefficient, exponent) = number::round(coefficient, exponent, DIGITS_MAX.into());
    let accepted = -i64::from(EXPONENT_MAX)..=i64::from(EXPONENT_MAX);
    let exponent = match coefficient == BigInt::ZERO {
        true => exponent.clamp(*accepted.start(), *accepted.end()),
        false if accepted.contains(&exponent) => exponent,
        false => return Err(DECIMAL_OVERFLOW),
    };
    Ok(Decimal::new(coefficient, i32::try_from(exponent).expect("checked above")))
}

/// 10 to the power of an exponent, which callers have bounded by the digits of their operands.
pub(crate) fn power_of_ten(exponent: i64) -> Result<BigInt, &'static str> {
    let exponent = u32::try_from(exponent).map_err(|_| DECIMAL_OVERFLOW)?;
    if exponent > 10_000_000 {
        return Err(DECIMAL_OVERFLOW);
    }
    Ok(BigInt::from(10u8).pow(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::Sign;
    use proptest::prelude::*;

    fn power(exponent: i32) -> BigInt {
        BigInt::from(10).pow(exponent.unsigned_abs())
    }

    /// A decimal as a fraction of two integers.
    fn fraction(decimal: &Decimal) -> (BigInt, BigInt) {
        let coefficient = decimal.coefficient().to_bigint();
        match decimal.exponent() {
            exponent @ 0.. => (coefficient * power(exponent), BigInt::from(1)),
            exponent => (coefficient, power(exponent)),
        }
    }

    /// The result is exact, or has 38 digits and is off by at most half of the last.
    fn check(result: &Decimal, (numerator, denominator): (BigInt, BigInt)) {
        let (found, below) = fraction(result);
        let off = found * &denominator - numerator * &below;
        if off == BigInt::ZERO {
            return;
        }
        let coefficient = result.coefficient().to_bigint();
        assert_eq!(digits(&coefficient), i64::from(DIGITS_MAX), "{result} is neither exact nor full");
        // off / (below × denominator) ≤ 10^exponent / 2
        let twice = BigInt::from_biguint(Sign::Plus, off.magnitude() * 2u8);
        let bound = BigInt::from_biguint(Sign::Plus, (below * denominator).magnitude().clone());
        let (twice, bound) = match result.exponent() {
            exponent @ 0.. => (twice, bound * power(exponent)),
            exponent => (twice * power(exponent), bound),
        };
        assert!(twice < bound || (twice == bound && coefficient.is_even()), "{result} is not the nearest");
    }

    fn decimal() -> impl Strategy<Value = Decimal> {
        let coefficient = prop_oneof![
            (-1000i128..1000).prop_map(BigInt::from),
            any::<i128>().prop_map(BigInt::from),
            (any::<i128>(), any::<i64>()).prop_map(|(high, low)| BigInt::from(high) * BigInt::from(low)),
            (1u32..60).prop_map(|digits| BigInt::from(10).pow(digits) - 1),
            (1u32..60).prop_map(|digits| BigInt::from(5) * BigInt::from(10).pow(digits)),
        ];
        (coefficient, -90i32..90).prop_map(|(coefficient, exponent)| Decimal::new(coefficient, exponent))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

        #[test]
        fn decimals_are_rounded_half_to_even(left in decimal(), right in decimal()) {
            let ((a, b), (c, d)) = (fraction(&left), fraction(&right));
            let run = |operator| decimals(operator, &left, &right);
            check(&run(BinaryOperator::Add).unwrap(), (&a * &d + &c * &b, &b * &d));
            check(&run(BinaryOperator::Subtract).unwrap(), (&a * &d - &c * &b, &b * &d));
            check(&run(BinaryOperator::Multiply).unwrap(), (&a * &c, &b * &d));
            if right.is_zero() {
                prop_assert_eq!(run(BinaryOperator::Divide), Err("/ by zero"));
                prop_assert_eq!(run(BinaryOperator::Modulo), Err("% by zero"));
                return Ok(());
            }
            let sign = if c.sign() == Sign::Minus { -1 } else { 1 };
            check(&run(BinaryOperator::Divide).unwrap(), (&a * &d * sign, &b * &c * sign));
            if let Ok(rest) = run(BinaryOperator::Modulo) {
                // Integer division of the fractions brought to one denominator.
                check(&rest, ((&a * &d) % (&c * &b), &b * &d));
            }
        }
    }

    #[test]
    fn exponents_are_never_written_out() {
        let huge = Decimal::new(1, i32::MAX);
        let tiny = Decimal::new(1, -i32::MAX);
        let run = |operator, left: &Decimal, right: &Decimal| decimals(operator, left, right);
        let sum = run(BinaryOperator::Add, &huge, &tiny).unwrap();
        assert!(sum.numeric_cmp(&huge).is_eq());
        assert_eq!(run(BinaryOperator::Multiply, &huge, &tiny).unwrap(), Decimal::new(1, 0));
        assert_eq!(run(BinaryOperator::Multiply, &huge, &huge), Err(DECIMAL_OVERFLOW));
        assert_eq!(run(BinaryOperator::Divide, &huge, &tiny), Err(DECIMAL_OVERFLOW));
        assert!(run(BinaryOperator::Modulo, &huge, &tiny).is_err());
        assert_eq!(run(BinaryOperator::Modulo, &tiny, &huge).unwrap(), tiny);
        // Documents of old journals may hold one more, and no result does.
        let beyond = Decimal::new(1, i32::MIN);
        assert_eq!(run(BinaryOperator::Modulo, &beyond, &huge), Err(DECIMAL_OVERFLOW));
        assert!(run(BinaryOperator::Add, &huge, &beyond).unwrap().numeric_cmp(&huge).is_eq());
    }
}
