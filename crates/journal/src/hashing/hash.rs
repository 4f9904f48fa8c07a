//! SHA-256 hashes, and the one way in which two of them are joined.

use std::cmp::Ordering;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everstrand_ion::{Data, IonType, RawValue, Value};
use sha2::{Digest, Sha256};

/// A SHA-256 hash. QLDB allows an empty hash in some places; there the type is `Option<Hash>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// How many bytes a hash has.
    pub const LENGTH: usize = 32;

    /// The hash in these bytes; `None` unless there are exactly 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Hash> {
        bytes.try_into().ok().map(Hash)
    }

    /// The hash in this base64 text; `None` unless it stands for exactly 32 bytes.
    pub fn from_base64(text: &str) -> Option<Hash> {
        Hash::from_slice(&STANDARD.decode(text).ok()?)
    }

    /// The hash in this Ion blob. An empty blob is an empty hash, `Some(None)`; any other value than a blob of 0 or
    /// 32 bytes is `None`.
    pub(crate) fn from_ion(value: RawValue<'_>) -> Option<Option<Hash>> {
        let bytes = value.as_bytes().filter(|_| value.ion_type() == IonType::Blob)?;
        if bytes.is_empty() { Some(None) } else { Hash::from_slice(bytes).map(Some) }
    }

    /// The hash as an Ion blob.
    pub fn to_ion(self) -> Value {
        Value::new(Data::Blob(self.0.to_vec()))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Joins two hashes: SHA-256 over the smaller and then the greater one. They are compared from the last byte
/// to the first, each byte as a signed number.
///
/// The order of the operands does not matter. Therefore a proof need not say which node is left and which right.
pub fn dot(a: Hash, b: Hash) -> Hash {
    let (first, second) = match compare(&a, &b) {
        Ordering::Greater => (b, a),
        _ => (a, b),
    };
    let mut bytes = [0; 2 * Hash::LENGTH];
    bytes[..Hash::LENGTH].copy_from_slice(&first.0);
    bytes[Hash::LENGTH..].copy_from_slice(&second.0);
    Hash(Sha256::digest(bytes).into())
}

/// Joins two hashes by [`dot`]. If one of them is empty, the result is the other one.
pub fn join(a: Option<Hash>, b: Option<Hash>) -> Option<Hash> {
    match (a, b) {
        (Some(a), Some(b)) => Some(dot(a, b)),
        (one, None) | (None, one) => one,
    }
}

/// The root of a list of hashes. Neighbours are joined level by level; an odd last hash moves up unchanged. The
/// root is empty only if all hashes are.
pub fn root<H: Into<Option<Hash>> + Copy>(hashes: &[H]) -> Option<Hash> {
    let mut level: Vec<Option<Hash>> = hashes.iter().map(|&hash| hash.into()).collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| join(pair[0], pair.get(1).copied().flatten())).collect();
    }
    level.pop().flatten()
}

/// The siblings on the way from `hashes[index]` to the [`root`], nearest first. Empty siblings are left out,
/// because joining them changes nothing.
pub(crate) fn path<H: Into<Option<Hash>> + Copy>(hashes: &[H], index: usize) -> Vec<Hash> {
    let mut level: Vec<Option<Hash>> = hashes.iter().map(|&hash| hash.into()).collect();
    let mut index = index;
    let mut siblings = Vec::new();
    while level.len() > 1 {
        siblings.extend(level.get(index ^ 1).copied().flatten());
        level = level.chunks(2).map(|pair| join(pair[0], pair.get(1).copied().flatten())).collect();
        index /= 2;
    }
    siblings
}

fn compare(a: &Hash, b: &Hash) -> Ordering {
    // Flipping the top bit brings signed bytes into the order of unsigned ones.
    let signed = |hash: &Hash| hash.0.map(|byte| byte ^ 0x80);
    signed(a).iter().rev().cmp(signed(b).iter().rev())
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Hash {
        Hash(bytes)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Prints the hash in base64, as QLDB's tools do.
impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_byte(byte: u8) -> Hash {
        let mut hash = [0; 32];
        hash[31] = byte;
        Hash(hash)
    }

    fn hex(hash: Hash) -> String {
        hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn bytes_are_compared_signed_from_the_last() {
        let expected = "7035948d9d59da9d6ad20d11b3bc4a1e4c386dbe686fcadb095afb6bb462e6e3";
        assert_eq!(hex(dot(last_byte(0x80), last_byte(0x7F))), expected);
        assert_eq!(hex(dot(last_byte(0x7F), last_byte(0x80))), expected);
    }

    #[test]
    fn the_fixed_check_of_the_rust_driver() {
        let one = Hash(Sha256::digest(b"1").into());
        let two = Hash(Sha256::digest(b"2").into());
        let expected = "940ed9abddfb5ef28004408546bc5043cda391232b6afe07267f9f8ed2b500c9";
        assert_eq!(hex(dot(one, two)), expected);
    }

    #[test]
    fn an_empty_operand_yields_the_other() {
        let hash = last_byte(1);
        assert_eq!(join(Some(hash), None), Some(hash));
        assert_eq!(join(None, Some(hash)), Some(hash));
        assert_eq!(join(None, None), None);
        assert_eq!(root::<Hash>(&[]), None);
        assert_eq!(root(&[hash]), Some(hash));
    }

    #[test]
    fn a_path_folds_to_the_root() {
        for length in 1..20u8 {
            let hashes: Vec<Hash> = (0..length).map(last_byte).collect();
            for index in 0..hashes.len() {
                assert_eq!(path(&hashes, index).into_iter().fold(hashes[index], dot), root(&hashes).unwrap());
            }
        }
    }
}
