//! Proofs that a block, or a revision in it, is covered by a digest.

use everstrand_ion::Value;

use crate::hashing::{Hash, dot};
use crate::tree::tile::NodeReader;
use crate::tree::{Nodes, TileReader, TreeError};

/// The hashes that lead from a block's or a revision's hash to a digest, nearest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The nodes.
    pub nodes: Vec<Hash>,
}

impl Proof {
    /// What the nodes lead to from this hash.
    pub fn fold(&self, start: Hash) -> Hash {
        self.nodes.iter().copied().fold(start, dot)
    }

    /// A list of blobs.
    pub fn to_ion(&self) -> Value {
        self.nodes.iter().map(|node| node.to_ion()).collect::<Vec<Value>>().into()
    }
}

/// The proof that block `leaf` is covered by the digest whose tip is block `tip`, from the stored tree
/// of `size` blocks.
pub fn block_path<R: TileReader>(
    reader: &R,
    size: u64,
    leaf: u64,
    tip: u64,
) -> Result<Proof, TreeError<R::Error>> {
    let mut nodes = NodeReader::new(reader, size);
    nodes.reach(tip)?;
    if leaf > tip {
        return Err(TreeError::Beyond(leaf));
    }
    let end = tip + 1;
    let mut path = Vec::new();
    for height in 0..u64::BITS {
        let index = leaf >> height;
        if index == 0 && tip >> height == 0 {
            break;
        }
        let sibling = index ^ 1;
        let start = sibling << height;
        if start >= end {
            continue;
        }
        path.push(match start.checked_add(1 << height) {
            Some(full) if full <= end => nodes.node(height, sibling)?,
            _ => nodes.range(start, end)?,
        });
    }
    Ok(Proof { nodes: path })
}

/// The digest that has block `tip` as its tip.
pub fn root_at<R: TileReader>(reader: &R, size: u64, tip: u64) -> Result<Hash, TreeError<R::Error>> {
    let mut nodes = NodeReader::new(reader, size);
    nodes.reach(tip)?;
    nodes.range(0, tip + 1)
}

/// How many nodes the proof of block `leaf` under a digest with block `tip` has.
pub fn path_length(leaf: u64, tip: u64) -> usize {
    let heights = 0..u64::BITS;
    let levels = heights.filter(|&height| tip >> height > 0);
    levels.filter(|&height| (leaf >> height) ^ 1 <= tip >> height).count()
}
