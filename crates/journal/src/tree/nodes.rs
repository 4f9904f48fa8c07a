//! What proofs are made of: roots of full subtrees, wherever they are kept.

use crate::hashing::{Hash, dot};
use crate::tree::TreeError;

/// Where the nodes of a tree are found.
pub(crate) trait Nodes {
    /// Why a node could not be read.
    type Error;

    /// How many leaves there are.
    fn size(&self) -> u64;

    /// The root of the full subtree of this height that is number `index` from the left.
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, TreeError<Self::Error>>;

    /// The root of the leaves from `start` up to `end`, where `start` is a multiple of a power of two
    /// that is not less than their number.
    fn range(&mut self, start: u64, end: u64) -> Result<Hash, TreeError<Self::Error>> {
        let mut parts = Vec::new();
        let mut start = start;
        while start < end {
            let height = (end - start).ilog2();
            parts.push(self.node(height, start >> height)?);
            start += 1 << height;
        }
        let root = parts.into_iter().rev().reduce(|right, left| dot(left, right));
        root.ok_or(TreeError::Beyond(start))
    }

    /// An error where the tree has no block `tip`.
    fn reach(&self, tip: u64) -> Result<(), TreeError<Self::Error>> {
        if tip < self.size() { Ok(()) } else { Err(TreeError::Beyond(tip)) }
    }
}
