//! Decimals: a coefficient and an exponent of ten, which are kept as they were written.

use std::cmp::Ordering;
use std::fmt;

use num_bigint::BigInt;
use num_integer::Integer;

use crate::int::Int;
use crate::int::power_of_ten;

/// The number `coefficient × 10^exponent`. `==` compares both parts, so that `1.0` and `1.00` differ, and `-0.` and `0.`
/// too; [`Decimal::numeric_cmp`] compares the numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    coefficient: Int,
    exponent: i32,
    /// Only set if the coefficient is zero.
    negative_zero: bool,
}

impl Decimal {
    /// The decimal `coefficient × 10^exponent`.
    pub fn new(coefficient: impl Into<Int>, exponent: i32) -> Decimal {
        Decimal { coefficient: coefficient.into(), exponent, negative_zero: false }
    }

    /// The decimal `-0 × 10^exponent`.
    pub fn negative_zero(exponent: i32) -> Decimal {
        Decimal { coefficient: Int::ZERO, exponent, negative_zero: true }
    }

    /// Exactly the number of a float, which may take some hundred digits; `None` for infinities and NaN.
    pub fn from_f64(float: f64) -> Option<Decimal> {
        if !float.is_finite() {
            return None;
        }
        if float == 0.0 {
            return Some(if float.is_sign_negative() {
                Decimal::negative_zero(0)
            } else {
                Decimal::new(0, 0)
            });
        }
        // Takes the 64 bits apart: sign, 11 bits of exponent, 52 bits of fraction. A float is mantissa × 2^exponent.
        let bits = float.to_bits();
        let fraction = bits & ((1 << 52) - 1);
        let biased = i32::try_from((bits >> 52) & 0x7FF).expect("eleven bits");
        let (mut mantissa, mut exponent) =
            if biased == 0 { (fraction, -1074) } else { (fraction | (1 << 52), biased - 1075) };
        let zeros = mantissa.trailing_zeros();
        mantissa >>= zeros;
        exponent += i32::try_from(zeros).expect("at most 64");
        let magnitude = BigInt::from(mantissa);
        // m × 2^-n = m × 5^n × 10^-n.
        let (magnitude, exponent) = match u32::try_from(exponent) {
            Ok(shift) => (magnitude << shift, 0),
            Err(_) => (magnitude * BigInt::from(5u32).pow(exponent.unsigned_abs()), exponent),
        };
        Some(Decimal::new(if float.is_sign_negative() { -magnitude } else { magnitude }, exponent))
    }

    /// The coefficient. That of a negative zero is 0, see [`Decimal::is_negative_zero`].
    pub fn coefficient(&self) -> &Int {
        &self.coefficient
    }

    /// The exponent of ten.
    pub fn exponent(&self) -> i32 {
        self.exponent
    }

    /// Whether this is `-0` with any exponent.
    pub fn is_negative_zero(&self) -> bool {
        self.negative_zero
    }

    /// Whether this is a zero of any sign and with any exponent.
    pub fn is_zero(&self) -> bool {
        self.coefficient.is_zero()
    }

    /// The `m` with `10^(m-1) ≤ |number| < 10^m`. It has no meaning for 0.
    pub fn magnitude(&self) -> i64 {
        let digits = i64::try_from(self.coefficient.decimal_digits()).expect("digits fit memory");
        i64::from(self.exponent) + digits
    }

    /// Compares the numbers, so that `1.0` equals `1.00` and `-0.` equals `0.`. A great difference of exponents costs
    /// nothing, because then the magnitudes already decide.
    pub fn numeric_cmp(&self, other: &Decimal) -> Ordering {
        let sign = self.coefficient.sign();
        let by_sign = sign.cmp(&other.coefficient.sign());
        if by_sign != Ordering::Equal || sign == Ordering::Equal {
            return by_sign;
        }
        if self.exponent == other.exponent {
            return self.coefficient.cmp(&other.coefficient);
        }
        let by_magnitude = self.magnitude().cmp(&other.magnitude());
        if by_magnitude != Ordering::Equal {
            return if sign == Ordering::Less { by_magnitude.reverse() } else { by_magnitude };
        }
        // At equal magnitudes the exponents differ by as much as the numbers of digits, so the power is no longer than
        // the coefficients.
        let shift = self.exponent.abs_diff(other.exponent);
        let power = BigInt::from(power_of_ten(shift));
        if self.exponent > other.exponent {
            (self.coefficient.to_bigint() * power).cmp(&other.coefficient.to_bigint())
        } else {
            self.coefficient.to_bigint().cmp(&(other.coefficient.to_bigint() * power))
        }
    }

    /// The one form of all decimals that are numerically equal: the coefficient has no trailing zeros; a zero has neither
    /// sign nor exponent.
    #[must_use]
    pub fn reduced(&self) -> Decimal {
        if self.is_zero() {
            return Decimal::new(0, 0);
        }
        let mut exponent = self.exponent;
        if let Some(mut small) = self.coefficient.as_i64() {
            while small % 10 == 0 && exponent < i32::MAX {
                small /= 10;
                exponent += 1;
            }
            return Decimal::new(small, exponent);
        }
        let mut coefficient = self.coefficient.to_bigint();
        // Divides by smaller and smaller powers, so that many zeros take few divisions.
        let mut step = 1u32 << self.coefficient.decimal_digits().ilog2().min(24);
        while step > 0 {
            let (quotient, rest) = coefficient.div_rem(&BigInt::from(power_of_ten(step)));
            let raised = i32::try_from(step).ok().and_then(|step| exponent.checked_add(step));
            match raised {
                Some(raised) if rest == BigInt::ZERO => {
                    coefficient = quotient;
                    exponent = raised;
                }
                _ => step /= 2,
            }
        }
        Decimal::new(coefficient, exponent)
    }

    /// The number as an integer; `None` if it is not an integer, or if it has more than `digits_max` digits.
    pub fn to_int(&self, digits_max: u32) -> Option<Int> {
        let reduced = self.reduced();
        if reduced.exponent < 0 || reduced.magnitude() > i64::from(digits_max) {
            return None;
        }
        let power = BigInt::from(power_of_ten(u32::try_from(reduced.exponent).ok()?));
        Some(Int::from(reduced.coefficient.to_bigint() * power))
    }

    /// The nearest float; infinite if the number exceeds all floats.
    pub fn to_f64(&self) -> f64 {
        if self.negative_zero {
            return -0.0;
        }
        format!("{}e{}", self.coefficient, self.exponent).parse().expect("digits and an exponent are a float")
    }

    /// The decimal with these digits before and after the point, and this exponent; `None` if a byte is not a digit, or
    /// if the exponent does not fit 32 bits.
    pub(crate) fn from_digits(
        negative: bool,
        whole: &[u8],
        fraction: &[u8],
        exponent: i64,
    ) -> Option<Decimal> {
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let exponent = i32::try_from(exponent).ok()?;
        let coefficient = if fraction.is_empty() {
            Int::from_digits(negative, whole, 10)?
        } else {
            Int::from_digits(negative, &[whole, fraction].concat(), 10)?
        };
        let negative_zero = negative && coefficient.is_zero();
        Some(Decimal { coefficient, exponent, negative_zero })
    }
}

impl From<Int> for Decimal {
    fn from(value: Int) -> Decimal {
        Decimal::new(value, 0)
    }
}

/// Prints Ion text as QLDB did: with a point if the digits and at most six zeros suffice for it, else with `d` and an
/// exponent.
impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative_zero || self.coefficient.is_negative() {
            formatter.write_str("-")?;
        }
        let digits = self.coefficient.abs().to_string();
        if self.exponent == 0 {
            return write!(formatter, "{digits}.");
        }
        if self.exponent > 0 {
            return write!(formatter, "{digits}d{}", self.exponent);
        }
        let fraction_digits = usize::try_from(self.exponent.unsigned_abs()).unwrap_or(usize::MAX);
        if let Some(whole_digits) = digits.len().checked_sub(fraction_digits).filter(|digits| *digits > 0) {
            return write!(formatter, "{}.{}", &digits[..whole_digits], &digits[whole_digits..]);
        }
        let zeros = fraction_digits - digits.len();
        if zeros <= 5 {
            return write!(formatter, "0.{}{digits}", &"00000"[..zeros]);
        }
        write!(formatter, "{digits}d{}", self.exponent)
    }
}

impl std::str::FromStr for Decimal {
    type Err = ParseDecimalError;

    /// Reads Ion text without underscores: `1.5`, `-0.`, `1d5`, or `12`, which is read as `12.`.
    fn from_str(text: &str) -> Result<Decimal, ParseDecimalError> {
        parse(text).ok_or(ParseDecimalError)
    }
}

/// The text is not a decimal, or its exponent does not fit 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal with an exponent of 32 bits")]
pub struct ParseDecimalError;

fn parse(text: &str) -> Option<Decimal> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (digits, exponent) = match text.split_once(['d', 'D']) {
        Some((digits, exponent)) => (digits, parse_exponent(exponent.as_bytes())?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() {
        return None;
    }
    Decimal::from_digits(negative, whole.as_bytes(), fraction.as_bytes(), exponent)
}

/// Reads an exponent, with or without a sign; `None` if it is not one, or too great for any use.
pub(crate) fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let exponent = Int::from_digits(negative, digits, 10)?.as_i64()?;
    // The caller subtracts the number of fraction digits, which must not overflow.
    (exponent.unsigned_abs() < 1 << 60).then_some(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn prints_as_it_was_stored() {
        for text in [
            "0.",
            "-0.",
            "1.5",
            "-1.50",
            "0.0",
            "-0.00",
            "0.000001",
            "1d5",
            "-0d3",
            "123456.789",
            "1d-7",
            "12d-8",
        ] {
            assert_eq!(decimal(text).to_string(), text);
        }
        assert_eq!(decimal("0.0000001").to_string(), "1d-7");
        assert_eq!(decimal("0.00000012").to_string(), "12d-8");
        assert_eq!(decimal("1.5d3").to_string(), "15d2");
        assert_eq!(decimal("1d-2147483648").to_string(), "1d-2147483648");
    }

    #[test]
    fn compares_numbers_at_any_exponent() {
        let ascending = [
            "-1d2147483647",
            "-2",
            "-1.5",
            "-1d-2147483648",
            "0",
            "1d-2147483648",
            "0.9",
            "1.00",
            "1.01",
            "1d3",
            "1001",
            "9d2147483646",
            "1d2147483647",
        ];
        for (left, left_text) in ascending.iter().enumerate() {
            for (right, right_text) in ascending.iter().enumerate() {
                let order = decimal(left_text).numeric_cmp(&decimal(right_text));
                assert_eq!(order, left.cmp(&right), "{left_text} {right_text}");
            }
        }
        assert_eq!(decimal("-0.").numeric_cmp(&decimal("0d7")), Ordering::Equal);
        assert_eq!(decimal("1d3").numeric_cmp(&decimal("1000.000")), Ordering::Equal);
    }

    #[test]
    fn reduces_to_one_form() {
        assert_eq!(decimal("1000.000").reduced(), decimal("1d3"));
        assert_eq!(decimal("-0.00").reduced(), decimal("0."));
        let long = format!("7{}", "0".repeat(100));
        assert_eq!(decimal(&long).reduced(), decimal("7d100"));
        assert_eq!(decimal("10d2147483646").reduced(), decimal("1d2147483647"));
        assert_eq!(decimal("100d2147483646").reduced(), decimal("10d2147483647"));
    }

    #[test]
    fn takes_floats_exactly() {
        assert_eq!(Decimal::from_f64(0.5), Some(decimal("0.5")));
        assert_eq!(Decimal::from_f64(-3.0), Some(decimal("-3.")));
        assert_eq!(
            Decimal::from_f64(0.1),
            Some(decimal("0.1000000000000000055511151231257827021181583404541015625"))
        );
        assert_eq!(Decimal::from_f64(f64::NAN), None);
        for float in [1e300, 5e-324, -1.7976931348623157e308, 2.2250738585072014e-308] {
            assert_eq!(Decimal::from_f64(float).unwrap().to_f64(), float);
        }
    }

    #[test]
    fn integers_come_out_only_when_bounded() {
        assert_eq!(decimal("12.00").to_int(40), Some(12.into()));
        assert_eq!(decimal("12.5").to_int(40), None);
        assert_eq!(decimal("1d2147483647").to_int(40), None);
    }
}
