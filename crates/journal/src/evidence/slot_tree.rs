//! The tree as the slots tell it. It makes proofs from a journal alone, without a stored tree.
//!
//! Each slot has the frontier after its last block, and the hashes of its blocks. The last hash of a frontier is the root
//! of a full subtree that is a left child. A right child is joined from the left children in it, so a node of height h
//! takes at most h frontiers. A frontier takes one binary search among the slots. Thus a proof reads O(log³ n) slots.
//!
//! A journal that was tampered with gives a proof that does not verify.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::format::Slot;
use crate::hashing::{BlockAddress, Digest, Hash, UniqueId, dot};
use crate::tree::{Frontier, Nodes, TreeError, consistency_over};

/// The most slots whose hashes are kept in memory.
const SLOTS_KEPT: usize = 4096;

/// The tree over the blocks of a journal. `R` reads the slot with a number.
pub struct SlotTree<R> {
    read: R,
    slots: u64,
    size: u64,
    kept: BTreeMap<u64, Arc<Kept>>,
}

struct Kept {
    /// The strand of its blocks.
    strand_id: UniqueId,
    hashes: Vec<Hash>,
    after: Frontier,
}

impl<E, R: FnMut(u64) -> Result<Slot, E>> SlotTree<R> {
    /// The tree of a journal of `slots` slots. An error means that there is none, or that the last cannot be read.
    pub fn new(slots: u64, mut read: R) -> Result<SlotTree<R>, TreeError<E>> {
        let last = slots.checked_sub(1).ok_or(TreeError::Beyond(0))?;
        let last = read(last).map_err(TreeError::Reader)?;
        Ok(SlotTree { read, slots, size: last.frontier().size(), kept: BTreeMap::new() })
    }

    /// The digest at block `tip`. An error means that there is no such block, or that a slot cannot be read.
    pub fn digest(&mut self, tip: u64) -> Result<Digest, TreeError<E>> {
        self.reach(tip)?;
        let digest = self.frontier(tip + 1)?.root().ok_or(TreeError::Beyond(tip))?;
        // A restored ledger has one strand up to the fork and another one behind it.
        let slot = self.slot_of(tip)?;
        let digest_tip_address = BlockAddress { strand_id: self.slot(slot)?.strand_id, sequence_no: tip };
        Ok(Digest { digest, digest_tip_address })
    }

    /// The number of the last block.
    pub fn tip(&self) -> u64 {
        self.size.saturating_sub(1)
    }

    /// The proof that the journal up to block `old_tip` is the beginning of that up to `new_tip`. An error means that
    /// there is no such block, that the tips are in the wrong order, or that a slot cannot be read.
    pub fn consistency(&mut self, old_tip: u64, new_tip: u64) -> Result<Vec<Hash>, TreeError<E>> {
        consistency_over(self, old_tip, new_tip)
    }

    /// The frontier after the first `size` blocks.
    fn frontier(&mut self, size: u64) -> Result<Frontier, TreeError<E>> {
        let Some(last) = size.checked_sub(1) else { return Ok(Frontier::empty()) };
        let number = self.slot_of(last)?;
        let slot = self.slot(number)?;
        if slot.after.size() == size {
            return Ok(slot.after.clone());
        }
        let mut frontier = match number.checked_sub(1) {
            None => Frontier::empty(),
            Some(before) => self.slot(before)?.after.clone(),
        };
        for hash in &slot.hashes {
            if frontier.size() == size {
                break;
            }
            frontier.push(*hash);
        }
        if frontier.size() == size { Ok(frontier) } else { Err(TreeError::Beyond(last)) }
    }

    fn leaf(&mut self, block: u64) -> Result<Hash, TreeError<E>> {
        let number = self.slot_of(block)?;
        let slot = self.slot(number)?;
        let first = slot.after.size().saturating_sub(slot.hashes.len() as u64);
        let place = block.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| slot.hashes.get(place)).copied().ok_or(TreeError::Beyond(block))
    }

    /// The first slot after which the tree has this block.
    fn slot_of(&mut self, block: u64) -> Result<u64, TreeError<E>> {
        let (mut low, mut high) = (0, self.slots);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.slot(middle)?.after.size() > block {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        if low < self.slots { Ok(low) } else { Err(TreeError::Beyond(block)) }
    }

    fn slot(&mut self, number: u64) -> Result<Arc<Kept>, TreeError<E>> {
        if let Some(kept) = self.kept.get(&number) {
            return Ok(Arc::clone(kept));
        }
        let slot = (self.read)(number).map_err(TreeError::Reader)?;
        let hashes = slot.content().block_hashes().collect();
        let of_block = slot.block(0).map(|block| block.address().strand_id);
        let strand_id = of_block.unwrap_or(slot.header().strand_id);
        let kept = Arc::new(Kept { strand_id, hashes, after: slot.frontier().clone() });
        if self.kept.len() >= SLOTS_KEPT {
            self.kept.clear();
        }
        self.kept.insert(number, Arc::clone(&kept));
        Ok(kept)
    }
}

impl<E, R: FnMut(u64) -> Result<Slot, E>> Nodes for SlotTree<R> {
    type Error = E;

    fn size(&self) -> u64 {
        self.size
    }

    fn node(&mut self, height: u32, index: u64) -> Result<Hash, TreeError<E>> {
        let Some(half) = height.checked_sub(1) else { return self.leaf(index) };
        if index.is_multiple_of(2) {
            let end = (index + 1) << height;
            return self.frontier(end)?.hashes().last().copied().ok_or(TreeError::Beyond(end));
        }
        let left = self.node(half, 2 * index)?;
        let right = self.node(half, 2 * index + 1)?;
        Ok(dot(left, right))
    }
}
