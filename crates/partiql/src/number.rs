//! Numbers of all three kinds as the real numbers they stand for, compared without rounding and
//! without writing out an exponent.

use std::cmp::Ordering;

use everstrand_ion::{Decimal, Int};
use num_bigint::{BigInt, Sign};

/// An int, a decimal or a float.
#[derive(Clone, Debug)]
pub(crate) enum Number {
    Int(Int),
    Decimal(Decimal),
    Float(f64),
}

/// A number brought into the one form in which equal numbers are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Real {
    Nan,
    NegativeInfinity,
    Zero,
    PositiveInfinity,
    /// `±0.d₁d₂d₃… × 10^exponent`, where neither the first nor the last digit is zero.
    Finite {
        negative: bool,
        exponent: i64,
        digits: Vec<u8>,
    },
}

impl Number {
    /// How much work it is to calculate with it or to write it out: the square of its length.
    pub(crate) fn work(&self) -> usize {
        let words = self.bytes() / 8;
        words.saturating_mul(words)
    }

    /// How many bytes its coefficient has, where it has more than eight.
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
    pub(crate) fn order(&self, other: &Number) -> Ordering {
        match (self, other) {
            (Number::Int(left), Number::Int(right)) => {
                if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
                    return left.cmp(&right);
                }
            }
            (Number::Float(left), Number::Float(right)) => {
                return left.partial_cmp(right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()));
            }
            (Number::Decimal(left), Number::Decimal(right)) if left.exponent() == right.exponent() => {
                if let (Some(left), Some(right)) = (left.coefficient().as_i64(), right.coefficient().as_i64())
                {
                    return left.cmp(&right);
                }
            }
            _ => {}
        }
        self.real().order(&other.real())
    }

    pub(crate) fn real(&self) -> Real {
        match self {
            Number::Int(int) => match int.as_i64() {
                Some(small) => Real::from_small(small, 0),
                None => Real::from_scaled(&int.to_bigint(), 0),
            },
            Number::Decimal(decimal) => {
                let exponent = i64::from(decimal.exponent());
                match decimal.coefficient().as_i64() {
                    Some(small) => Real::from_small(small, exponent),
                    None => Real::from_scaled(&decimal.coefficient().to_bigint(), exponent),
                }
            }
            Number::Float(float) => Real::from_float(*float),
        }
    }
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

    fn from_scaled(coefficient: &BigInt, exponent: i64) -> Real {
        let (sign, magnitude) = (coefficient.sign(), coefficient.magnitude());
        Real::from_digits(sign == Sign::Minus, magnitude.to_radix_be(10), exponent)
    }

    fn from_float(float: f64) -> Real {
        if float.is_nan() {
            return Real::Nan;
        }
        if float.is_infinite() {
            return if float < 0.0 { Real::NegativeInfinity } else { Real::PositiveInfinity };
        }
        match Decimal::from_f64(float) {
            Some(decimal) => Number::Decimal(decimal).real(),
            None => Real::Nan,
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
