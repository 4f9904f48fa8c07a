//! Ints, decimals and floats as the real numbers that they stand for. They are compared without writing out the zeros
//! of an exponent.
//!
//! A float stands for the decimal of 38 digits that is nearest to its exact value, as in QLDB's reference evaluator.
//! This one rule holds for arithmetic, CAST, comparison, index keys and everything that rests on them.

use std::cmp::Ordering;

use everstrand_ion::{Decimal, Int};
use num_bigint::{BigInt, BigUint};
use num_integer::Integer;

use crate::work::Work;

/// The most digits of a computed decimal.
pub(crate) const DIGITS_MAX: u32 = 38;

/// The greatest exponent of a decimal, and the negation of the least, that every reader of Ion accepts. It is a bound
/// because ion-java keeps the negated exponent in 32 bits. A parameter or a literal beyond it is refused, and no
/// result is beyond it. Documents of old journals are read as they are.
pub(crate) const EXPONENT_MAX: i32 = i32::MAX;

/// Why a parameter or a literal is refused.
pub(crate) const EXPONENT_REFUSED: &str = "The exponent of a decimal must lie within ±2147483647";

/// The longest coefficient with which a statement calculates, in bytes: some 39,000 digits.
const CALCULATED_BYTES_MAX: usize = 16 << 10;

/// Why a statement does not calculate with a number.
pub(crate) const TOO_LONG: &str = "A number of more than 39,000 digits can only be stored and compared";

/// How many digits of a long number are converted at a time.
const PIECE_DIGITS: u32 = 600;

/// All integers up to this one are exact as floats.
const EXACT_INTEGERS: u64 = 1 << 53;

/// An int, a decimal or a float.
#[derive(Clone, Debug)]
pub(crate) enum Number {
    Int(Int),
    Decimal(Decimal),
    Float(f64),
}

/// A number in a form in which equal numbers are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Real {
    Nan,
    NegativeInfinity,
    Zero,
    PositiveInfinity,
    /// `±0.d₁d₂d₃… × 10^exponent`. Neither the first nor the last digit is zero.
    Finite {
        negative: bool,
        exponent: i64,
        digits: Vec<u8>,
    },
}

impl Number {
    /// How much work it is to calculate with the number or to write it out, which is the square of its length.
    pub(crate) fn work(&self) -> usize {
        let words = self.bytes() / 8;
        words.saturating_mul(words)
    }

    /// How many bytes the coefficient has, or 0 if it fits eight bytes.
    pub(crate) fn bytes(&self) -> usize {
        let coefficient = match self {
            Number::Int(int) => int,
            Number::Decimal(decimal) => decimal.coefficient(),
            Number::Float(_) => return 0,
        };
        if coefficient.as_i64().is_some() {
            return 0;
        }
        usize::try_from(coefficient.to_bigint().bits() / 8).unwrap_or(usize::MAX)
    }

    /// The order of real numbers; NaN equals itself and comes before all others.
    pub(crate) fn order<W: Work>(&self, other: &Number, work: &mut W) -> Result<Ordering, W::Stop> {
        match (self, other) {
            (Number::Int(left), Number::Int(right)) => return Ok(order_of_ints(left, right)),
            (Number::Float(left), Number::Float(right)) => {
                let with_nan = || right.is_nan().cmp(&left.is_nan());
                return Ok(left.partial_cmp(right).unwrap_or_else(with_nan));
            }
            (Number::Decimal(left), Number::Decimal(right)) if left.exponent() == right.exponent() => {
                return Ok(order_of_ints(left.coefficient(), right.coefficient()));
            }
            // Rounding the float to 38 digits would not change its order beside such an integer.
            (Number::Int(left), Number::Float(right)) if !right.is_nan() => {
                if let Some(left) = exact_float(left) {
                    return Ok(left.partial_cmp(right).expect("no NaN"));
                }
            }
            (Number::Float(left), Number::Int(right)) if !left.is_nan() => {
                if let Some(right) = exact_float(right) {
                    return Ok(left.partial_cmp(&right).expect("no NaN"));
                }
            }
            _ => {}
        }
        Ok(self.real(work)?.order(&other.real(work)?))
    }

    /// The number as a decimal. `None` for NaN and infinities.
    pub(crate) fn decimal(&self) -> Option<Decimal> {
        match self {
            Number::Int(int) => Some(Decimal::new(int.clone(), 0)),
            Number::Decimal(decimal) => Some(decimal.clone()),
            Number::Float(float) => {
                let exact = Decimal::from_f64(*float)?;
                if exact.coefficient().decimal_digits() <= u64::from(DIGITS_MAX) {
                    return Some(exact);
                }
                let (coefficient, exponent) =
                    round(exact.coefficient().to_bigint(), i64::from(exact.exponent()), DIGITS_MAX.into());
                Some(Decimal::new(coefficient, i32::try_from(exponent).ok()?))
            }
        }
    }

    pub(crate) fn real<W: Work>(&self, work: &mut W) -> Result<Real, W::Stop> {
        match self {
            Number::Int(int) => Real::from_scaled(int, 0, work),
            Number::Decimal(decimal) => {
                Real::from_scaled(decimal.coefficient(), i64::from(decimal.exponent()), work)
            }
            Number::Float(float) => Real::from_float(*float, work),
        }
    }

    /// Whether the number equals zero.
    pub(crate) fn is_zero(&self) -> bool {
        match self {
            Number::Int(int) => int.is_zero(),
            Number::Decimal(decimal) => decimal.is_zero(),
            Number::Float(float) => *float == 0.0,
        }
    }

    /// Whether the number is so long that calculating with it or printing it would take long. Only comparison and index
    /// keys take such numbers.
    pub(crate) fn is_too_long(&self) -> bool {
        self.bytes() > CALCULATED_BYTES_MAX
    }
}

fn order_of_ints(left: &Int, right: &Int) -> Ordering {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.to_bigint().cmp(&right.to_bigint()),
    }
}

/// The int as a float, if that is exact.
fn exact_float(int: &Int) -> Option<f64> {
    int.as_i64().filter(|int| int.unsigned_abs() <= EXACT_INTEGERS).map(|int| int as f64)
}

/// `coefficient × 10^exponent` rounded to at most `digits_max` digits, half to even.
pub(crate) fn round(coefficient: BigInt, exponent: i64, digits_max: i64) -> (BigInt, i64) {
    let excess = digits(&coefficient) - digits_max;
    let Ok(excess @ 1..) = u32::try_from(excess) else { return (coefficient, exponent) };
    let power = BigInt::from(10u8).pow(excess);
    let (mut quotient, rest) = coefficient.div_rem(&power);
    let twice = BigInt::from(rest.magnitude() * 2u8);
    if twice > power || (twice == power && quotient.is_odd()) {
        quotient += BigInt::from_biguint(coefficient.sign(), 1u8.into());
    }
    let exponent = exponent + i64::from(excess);
    // Rounding 999…9 up makes 1000…0, which has one digit more.
    if digits(&quotient) > digits_max { (quotient / 10, exponent + 1) } else { (quotient, exponent) }
}

pub(crate) fn digits(coefficient: &BigInt) -> i64 {
    let digits = Int::from(coefficient.clone()).decimal_digits();
    i64::try_from(digits).expect("digits fit memory")
}

/// The decimal digits of a magnitude. A long one takes time that grows with the square of its length, so that its
/// digits are split off piece by piece and each piece is counted.
fn digits_of<W: Work>(mut rest: BigUint, work: &mut W) -> Result<Vec<u8>, W::Stop> {
    let piece = BigUint::from(10u8).pow(PIECE_DIGITS);
    let mut reversed = Vec::new();
    while rest >= piece {
        work.work(usize::try_from(rest.bits()).unwrap_or(usize::MAX))?;
        let (more, last) = rest.div_rem(&piece);
        let start = reversed.len();
        reversed.extend(last.to_radix_le(10));
        reversed.resize(start + PIECE_DIGITS as usize, 0);
        rest = more;
    }
    reversed.extend(rest.to_radix_le(10));
    reversed.reverse();
    Ok(reversed)
}

impl Real {
    fn from_small(coefficient: i64, exponent: i64) -> Real {
        let mut magnitude = coefficient.unsigned_abs();
        let mut reversed = Vec::with_capacity(20);
        while magnitude > 0 {
            reversed.push((magnitude % 10) as u8);
            magnitude /= 10;
        }
        reversed.reverse();
        Real::from_digits(coefficient < 0, reversed, exponent)
    }

    fn from_scaled<W: Work>(coefficient: &Int, exponent: i64, work: &mut W) -> Result<Real, W::Stop> {
        if let Some(small) = coefficient.as_i64() {
            return Ok(Real::from_small(small, exponent));
        }
        let digits = digits_of(coefficient.to_bigint().magnitude().clone(), work)?;
        Ok(Real::from_digits(coefficient.is_negative(), digits, exponent))
    }

    fn from_float<W: Work>(float: f64, work: &mut W) -> Result<Real, W::Stop> {
        if float.is_nan() {
            return Ok(Real::Nan);
        }
        if float.is_infinite() {
            return Ok(if float < 0.0 { Real::NegativeInfinity } else { Real::PositiveInfinity });
        }
        match Number::Float(float).decimal() {
            Some(decimal) => Number::Decimal(decimal).real(work),
            None => Ok(Real::Nan),
        }
    }

    /// `±digits × 10^exponent`.
    fn from_digits(negative: bool, mut digits: Vec<u8>, exponent: i64) -> Real {
        let exponent = exponent + i64::try_from(digits.len()).expect("fewer digits than memory has bytes");
        while digits.last() == Some(&0) {
            digits.pop();
        }
        if digits.is_empty() {
            return Real::Zero;
        }
        Real::Finite { negative, exponent, digits }
    }

    fn order(&self, other: &Real) -> Ordering {
        use Real::Finite;
        match (self, other) {
            (
                Finite { negative: false, exponent: left, digits: left_digits },
                Finite { negative: false, exponent: right, digits: right_digits },
            ) => (left, left_digits).cmp(&(right, right_digits)),
            (
                Finite { negative: true, exponent: left, digits: left_digits },
                Finite { negative: true, exponent: right, digits: right_digits },
            ) => (right, right_digits).cmp(&(left, left_digits)),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Real::Nan => 0,
            Real::NegativeInfinity => 1,
            Real::Finite { negative: true, .. } => 2,
            Real::Zero => 3,
            Real::Finite { negative: false, .. } => 4,
            Real::PositiveInfinity => 5,
        }
    }
}
