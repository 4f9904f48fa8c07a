//! Consistency proofs: the journal under one digest is the beginning of that under another.

use crate::hashing::{Digest, Hash, dot};
use crate::tree::tile::NodeReader;
use crate::tree::{Nodes, TileReader, TreeError};

/// The proof that the journal up to block `old_tip` is the beginning of that up to `new_tip`, from the stored tree of
/// `size` blocks: RFC 6962's consistency proof. An error means that there is no such block, that the tips are in the wrong
/// order, or that the tree cannot be read.
pub fn consistency<R: TileReader>(
    reader: &R,
    size: u64,
    old_tip: u64,
    new_tip: u64,
) -> Result<Vec<Hash>, TreeError<R::Error>> {
    consistency_over(&mut NodeReader::new(reader, size), old_tip, new_tip)
}

/// The same proof, from any source of nodes.
pub(crate) fn consistency_over<N: Nodes>(
    nodes: &mut N,
    old_tip: u64,
    new_tip: u64,
) -> Result<Vec<Hash>, TreeError<N::Error>> {
    nodes.reach(new_tip)?;
    if old_tip > new_tip {
        return Err(TreeError::Beyond(old_tip));
    }
    let (mut start, mut end, old_end) = (0, new_tip + 1, old_tip + 1);
    let mut proof = Vec::new();
    // Goes down from the root, always into the subtree in which the old journal ends.
    while old_end < end {
        let half = 1 << (end - start - 1).ilog2();
        let middle = start + half;
        if old_end <= middle {
            proof.push(nodes.range(middle, end)?);
            end = middle;
        } else {
            proof.push(nodes.range(start, middle)?);
            start = middle;
        }
    }
    // A full subtree from block 0 is the old tree itself. Its root is left out, because the verifier has the old digest.
    if start > 0 {
        proof.push(nodes.range(start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Whether the proof shows that the journal under `old` is the beginning of that under `new`.
pub fn verify_consistency(old: &Digest, new: &Digest, proof: &[Hash]) -> bool {
    let (old_address, new_address) = (old.digest_tip_address, new.digest_tip_address);
    if old_address.strand_id != new_address.strand_id {
        return false;
    }
    let (mut old_index, mut new_index) = (old_address.sequence_no, new_address.sequence_no);
    if old_index == new_index {
        return proof.is_empty() && old.digest == new.digest;
    }
    if old_index > new_index {
        return false;
    }
    // The proof leaves out the old root if the old tree is one full subtree.
    let whole = old_index.checked_add(1).is_some_and(u64::is_power_of_two);
    let mut nodes = whole.then_some(old.digest).into_iter().chain(proof.iter().copied());
    // Skips the levels on which the old tip is a right child: the old tree ends with a full subtree there, so old and
    // new root still are one node.
    let shift = old_index.trailing_ones();
    old_index = old_index.checked_shr(shift).unwrap_or(0);
    new_index = new_index.checked_shr(shift).unwrap_or(0);
    let Some(first) = nodes.next() else {
        return false;
    };
    let (mut old_root, mut new_root) = (first, first);
    for node in nodes {
        if new_index == 0 {
            return false;
        }
        // The node is a left sibling of both paths, or a right sibling of the path in the new tree alone.
        if old_index & 1 == 1 || old_index == new_index {
            old_root = dot(node, old_root);
            new_root = dot(node, new_root);
            // Where the old tree has an odd last node it moves up, so these levels have no node in the proof.
            while old_index & 1 == 0 && old_index != 0 {
                old_index >>= 1;
                new_index >>= 1;
            }
        } else {
            new_root = dot(node, new_root);
        }
        old_index >>= 1;
        new_index >>= 1;
    }
    new_index == 0 && old_root == old.digest && new_root == new.digest
}
