//! A digest: one hash that stands for the whole journal up to a block.

use everstrand_ion::{Struct, Value};

use crate::hashing::{BlockAddress, Hash};

/// The root of the tree over all blocks up to a tip, and that tip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest {
    /// The root of the tree.
    pub digest: Hash,
    /// The last block that the root covers.
    pub digest_tip_address: BlockAddress,
}

impl Digest {
    /// QLDB's shape: `{digest, digestTipAddress}`.
    pub fn to_ion(&self) -> Value {
        Struct::from_iter([
            ("digest", self.digest.to_ion()),
            ("digestTipAddress", self.digest_tip_address.to_ion()),
        ])
        .into()
    }
}
