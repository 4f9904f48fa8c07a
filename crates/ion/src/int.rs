//! Integers of any size.

use std::cmp::Ordering;
use std::fmt;

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{ToPrimitive, Zero};

/// An Ion int of any size. One that fits 64 bits is stored in place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Int(Repr);

// `Big` must never hold an integer that fits `Small`, because `==` compares the variants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Repr {
    Small(i64),
    Big(Box<BigInt>),
}

impl Int {
    /// 0.
    pub const ZERO: Int = Int(Repr::Small(0));

    /// The integer; `None` if it does not fit.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Small(small) => Some(*small),
            Repr::Big(_) => None,
        }
    }

    /// The integer; `None` if it is negative or does not fit.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Repr::Small(small) => u64::try_from(*small).ok(),
            Repr::Big(big) => big.to_u64(),
        }
    }

    /// The integer as a [`BigInt`], which has arithmetic.
    pub fn to_bigint(&self) -> BigInt {
        match &self.0 {
            Repr::Small(small) => BigInt::from(*small),
            Repr::Big(big) => (**big).clone(),
        }
    }

    /// The nearest float; infinite if the integer exceeds all floats.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            // The cast rounds to the nearest float, ties to even.
            Repr::Small(small) => *small as f64,
            Repr::Big(big) => big.to_f64().unwrap_or(f64::NAN),
        }
    }

    /// The order of the integer and 0.
    pub fn sign(&self) -> Ordering {
        match &self.0 {
            Repr::Small(small) => small.cmp(&0),
            Repr::Big(big) if big.sign() == Sign::Minus => Ordering::Less,
            Repr::Big(_) => Ordering::Greater,
        }
    }

    /// Whether this is 0.
    pub fn is_zero(&self) -> bool {
        matches!(self.0, Repr::Small(0))
    }

    /// Whether this is below 0.
    pub fn is_negative(&self) -> bool {
        self.sign() == Ordering::Less
    }

    /// The absolute value.
    #[must_use]
    pub fn abs(&self) -> Int {
        match &self.0 {
            Repr::Small(small) => Int::from(small.unsigned_abs()),
            Repr::Big(big) => Int::from(BigInt::from(big.magnitude().clone())),
        }
    }

    /// The number of decimal digits, without the sign; 1 for 0.
    pub fn decimal_digits(&self) -> u64 {
        match &self.0 {
            Repr::Small(small) => u64::from(small.unsigned_abs().checked_ilog10().unwrap_or(0)) + 1,
            Repr::Big(big) => decimal_digits(big.magnitude()),
        }
    }

    /// The integer with these digits of radix 2, 10 or 16; `None` if there is none, or if a byte is not a digit.
    pub(crate) fn from_digits(negative: bool, digits: &[u8], radix: u32) -> Option<Int> {
        if digits.is_empty() {
            return None;
        }
        // 15 digits fit 64 bits in each of the radixes.
        if digits.len() <= 15 {
            let magnitude = small_digits(digits, radix)?;
            return Some(Int::from(if negative { -i128::from(magnitude) } else { i128::from(magnitude) }));
        }
        let magnitude = match radix {
            10 => big_digits(digits)?,
            _ => BigUint::parse_bytes(digits, radix).filter(|_| all_digits(digits, radix))?,
        };
        Some(Int::from(BigInt::from_biguint(if negative { Sign::Minus } else { Sign::Plus }, magnitude)))
    }
}

/// Ten to this power. The caller must bound the exponent, because the result takes memory in proportion to it.
pub(crate) fn power_of_ten(exponent: u32) -> BigUint {
    BigUint::from(10u32).pow(exponent)
}

fn decimal_digits(magnitude: &BigUint) -> u64 {
    if magnitude.is_zero() {
        return 1;
    }
    // The estimate uses log10(2) = 0.30102999566…, rounded down. It is at most one digit too low for any integer that
    // fits memory, and the loop corrects it.
    let mut digits = u64::try_from(u128::from(magnitude.bits() - 1) * 30_102_999_566 / 100_000_000_000)
        .expect("fewer digits than bits");
    let mut power = power_of_ten(u32::try_from(digits).unwrap_or(u32::MAX));
    while power <= *magnitude {
        power *= 10u32;
        digits += 1;
    }
    digits
}

fn digit(byte: u8, radix: u32) -> Option<u32> {
    char::from(byte).to_digit(radix)
}

fn all_digits(digits: &[u8], radix: u32) -> bool {
    digits.iter().all(|byte| digit(*byte, radix).is_some())
}

fn small_digits(digits: &[u8], radix: u32) -> Option<u64> {
    digits.iter().try_fold(0u64, |sum, byte| Some(sum * u64::from(radix) + u64::from(digit(*byte, radix)?)))
}

// Splits the digits in half, because reading a long integer digit by digit takes quadratic time.
fn big_digits(digits: &[u8]) -> Option<BigUint> {
    if digits.len() <= 18 {
        return small_digits(digits, 10).map(BigUint::from);
    }
    if digits.len() <= 1_000 {
        return BigUint::parse_bytes(digits, 10).filter(|_| all_digits(digits, 10));
    }
    let (high, low) = digits.split_at(digits.len() / 2);
    let power = power_of_ten(u32::try_from(low.len()).ok()?);
    Some(big_digits(high)? * power + big_digits(low)?)
}

impl Ord for Int {
    fn cmp(&self, other: &Int) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Small(left), Repr::Small(right)) => left.cmp(right),
            (Repr::Big(left), Repr::Big(right)) => left.cmp(right),
            // An integer that does not fit 64 bits is greater or less than all that do, as its sign says.
            (Repr::Big(_), Repr::Small(_)) => self.sign(),
            (Repr::Small(_), Repr::Big(_)) => other.sign().reverse(),
        }
    }
}

impl PartialOrd for Int {
    fn partial_cmp(&self, other: &Int) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Int {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Small(small) => small.fmt(formatter),
            Repr::Big(big) => big.fmt(formatter),
        }
    }
}

impl std::str::FromStr for Int {
    type Err = ParseIntError;

    /// Reads `12`, `-12`, `0x1F` or `-0b101`.
    fn from_str(text: &str) -> Result<Int, ParseIntError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (radix, digits) = if let Some(digits) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
            (16, digits)
        } else if let Some(digits) = digits.strip_prefix("0b").or(digits.strip_prefix("0B")) {
            (2, digits)
        } else {
            (10, digits)
        };
        Int::from_digits(negative, digits.as_bytes(), radix).ok_or(ParseIntError)
    }
}

/// The text is not an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an integer")]
pub struct ParseIntError;

macro_rules! from {
    ($($type:ty),+) => {
        $(impl From<$type> for Int {
            fn from(value: $type) -> Int {
                i64::try_from(value).map_or_else(|_| Int(Repr::Big(Box::new(value.into()))), |small| Int(Repr::Small(small)))
            }
        })+
    };
}

from!(i32, i64, i128, u32, u64, u128);

impl From<BigInt> for Int {
    fn from(value: BigInt) -> Int {
        value.to_i64().map_or_else(|| Int(Repr::Big(Box::new(value))), Int::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(text: &str) -> Int {
        text.parse().unwrap()
    }

    #[test]
    fn small_and_big_are_one_sequence() {
        let ascending = [
            "-100000000000000000000000000",
            "-9223372036854775809",
            "-9223372036854775808",
            "-1",
            "0",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
        ];
        for pair in ascending.windows(2) {
            assert!(int(pair[0]) < int(pair[1]), "{pair:?}");
        }
        for text in ascending {
            assert_eq!(int(text).to_string(), text);
        }
    }

    #[test]
    fn reads_radixes_and_refuses_the_rest() {
        assert_eq!(int("0x1F"), int("31"));
        assert_eq!(int("-0b101"), int("-5"));
        assert_eq!(int("0xFFFFFFFFFFFFFFFFFF"), int("4722366482869645213695"));
        for bad in
            ["", "-", "+1", "1_0", "0x", "--1", "12a", "1234567890123456789_", "0x123456789012345678_0"]
        {
            assert!(bad.parse::<Int>().is_err(), "{bad}");
        }
    }

    #[test]
    fn counts_digits_at_powers_of_ten() {
        for exponent in [1u32, 18, 19, 20, 38, 77, 300, 3_000] {
            let power = BigInt::from(power_of_ten(exponent));
            assert_eq!(Int::from(power.clone()).decimal_digits(), u64::from(exponent) + 1);
            assert_eq!(Int::from(power - 1).decimal_digits(), u64::from(exponent));
        }
        assert_eq!(Int::ZERO.decimal_digits(), 1);
    }

    #[test]
    fn reads_long_integers_by_halves() {
        let digits = "1234567890".repeat(500);
        let expected: BigInt = digits.parse().unwrap();
        assert_eq!(int(&digits).to_bigint(), expected);
    }
}
