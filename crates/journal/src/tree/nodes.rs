//! The nodes that proofs are made of: roots of full subtrees, wherever they are kept.

use crate::hashing::{Hash, dot};
use crate::tree::TreeError;

/// A source of the nodes of one tree.
pub(crate) trait Nodes {
    /// The error of reading a node.
    type Error;

    /// The number of leaves.
    fn size(&self) -> u64;

    /// The root of a full subtree: of those of this height it is number `index` from the left, from 0.
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, TreeError<Self::Error>>;

    /// The root over the leaves from `start` up to and without `end`. `start` must be a multiple of a power of two that is
    /// not less than `end - start`, because only then is that root a node of the tree.
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

    /// Fails if the tree has no block `tip`.
    fn reach(&self, tip: u64) -> Result<(), TreeError<Self::Error>> {
        if tip < self.size() { Ok(()) } else { Err(TreeError::Beyond(tip)) }
    }
}
