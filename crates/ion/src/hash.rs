//! Ion Hash 1.0.

use crate::Value;

/// The hash function under Ion Hash; SHA-256 in a ledger, the identity in the conformance suite.
pub trait Hasher {
    /// What it yields.
    type Output: AsRef<[u8]> + Ord;
    /// A fresh state.
    fn new() -> Self;
    /// Takes in bytes.
    fn update(&mut self, bytes: &[u8]);
    /// The hash of all that was taken in.
    fn finish(self) -> Self::Output;
}

/// The SHA-256 Ion hash of a value.
pub fn ion_hash(_value: &Value) -> [u8; 32] {
    todo!()
}

/// The Ion hash of a value under any hash function.
pub fn ion_hash_with<H: Hasher>(_value: &Value) -> H::Output {
    todo!()
}
