//! Integers of any size.

use num_bigint::BigInt;

/// An Ion int: 64 bits where they suffice, any size otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Int(Repr);

// `Big` is only used for what does not fit `Small`, so that equality is equality of the parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Repr {
    Small(i64),
    Big(Box<BigInt>),
}

impl Int {
    /// The integer, when it fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Small(small) => Some(*small),
            Repr::Big(_) => None,
        }
    }
}

impl From<i64> for Int {
    fn from(value: i64) -> Int {
        Int(Repr::Small(value))
    }
}

impl From<u64> for Int {
    fn from(value: u64) -> Int {
        i64::try_from(value).map_or_else(|_| Int(Repr::Big(Box::new(value.into()))), Int::from)
    }
}
