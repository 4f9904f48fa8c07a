//! Proofs that a digest covers a block, or a revision in it.

use everstrand_ion::Value;

use crate::hashing::{Hash, dot};
use crate::tree::tile::NodeReader;
use crate::tree::{Nodes, TileReader, TreeError};

/// The hashes that lead from the hash of a block or a revision to a digest, nearest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The hashes.
    pub nodes: Vec<Hash>,
}

impl Proof {
    /// The hash that the nodes lead to from `start`. The proof holds if it is the digest.
    pub fn fold(&self, start: Hash) -> Hash {
        self.nodes.iter().copied().fold(start, dot)
    }

    /// QLDB's shape: a list of blobs.
    pub fn to_ion(&self) -> Value {
        self.nodes.iter().map(|node| node.to_ion()).collect::<Vec<Value>>().into()
    }
}

/// The proof that the digest at block `tip` covers block `block_no`, from the stored tree of `size` blocks. An error
/// means that there is no such block, or that the tree cannot be read.
pub fn block_path<R: TileReader>(
    reader: &R,
    size: u64,
    block_no: u64,
    tip: u64,
) -> Result<Proof, TreeError<R::Error>> {
    let mut nodes = NodeReader::new(reader, size);
    nodes.reach(tip)?;
    if block_no > tip {
        return Err(TreeError::Beyond(block_no));
    }
    let end = tip + 1;
    let mut path = Vec::new();
    for height in 0..u64::BITS {
        let index = block_no >> height;
        if index == 0 && tip >> height == 0 {
            break;
        }
        let sibling = index ^ 1;
        let start = sibling << height;
        if start >= end {
            continue;
        }
        // The tree under the digest may end inside the sibling. Then its node is not stored, but joined from smaller ones.
        path.push(match start.checked_add(1 << height) {
            Some(full) if full <= end => nodes.node(height, sibling)?,
            _ => nodes.range(start, end)?,
        });
    }
    Ok(Proof { nodes: path })
}

/// The digest at block `tip`, from the stored tree of `size` blocks. Fails as [`block_path`] does.
pub fn root_at<R: TileReader>(reader: &R, size: u64, tip: u64) -> Result<Hash, TreeError<R::Error>> {
    let mut nodes = NodeReader::new(reader, size);
    nodes.reach(tip)?;
    nodes.range(0, tip + 1)
}

/// The number of nodes in the proof of block `block_no` under the digest at block `tip`.
pub fn path_length(block_no: u64, tip: u64) -> usize {
    let heights = 0..u64::BITS;
    let levels = heights.filter(|&height| tip >> height > 0);
    levels.filter(|&height| (block_no >> height) ^ 1 <= tip >> height).count()
}
