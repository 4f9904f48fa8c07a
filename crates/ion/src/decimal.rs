//! Decimals: a coefficient and a power of ten, never rounded, never normalised.

use crate::Int;

/// `coefficient × 10^exponent`; `-0.` and `0.` differ, and so do `1.0` and `1.00`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    coefficient: Int,
    exponent: i32,
    /// Only set where the coefficient is zero.
    negative_zero: bool,
}

impl Decimal {
    /// `coefficient × 10^exponent`.
    pub fn new(coefficient: impl Into<Int>, exponent: i32) -> Decimal {
        Decimal { coefficient: coefficient.into(), exponent, negative_zero: false }
    }

    /// `-0 × 10^exponent`.
    pub fn negative_zero(exponent: i32) -> Decimal {
        Decimal { coefficient: 0i64.into(), exponent, negative_zero: true }
    }

    /// The digits with their sign; the sign of a negative zero is lost here.
    pub fn coefficient(&self) -> &Int {
        &self.coefficient
    }

    /// The power of ten.
    pub fn exponent(&self) -> i32 {
        self.exponent
    }

    /// Whether this is `-0` at some exponent.
    pub fn is_negative_zero(&self) -> bool {
        self.negative_zero
    }
}
