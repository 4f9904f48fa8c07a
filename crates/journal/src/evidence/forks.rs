//! Where a ledger was restored: from there on its blocks have another strand.

use crate::format::{Fork, Slot};
use crate::hashing::{BlockAddress, UniqueId};

/// The places where a ledger was restored, so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Forks {
    /// The strand of each part before the newest, and its last block.
    parts: Vec<(UniqueId, u64)>,
    /// The newest strand, if there was a fork.
    newest: Option<UniqueId>,
}

/// The fork in a slot.
pub(super) fn fork_of(slot: &Slot) -> Option<&Fork> {
    slot.addition()?.fork.as_ref()
}

impl Forks {
    /// What is wrong with a fork, which follows a slot of the strand `before`.
    pub(super) fn misplaced(fork: &Fork, slot: &Slot, before: Option<UniqueId>) -> Option<String> {
        let number = slot.header().slot;
        let (size, root) = (slot.frontier().size(), slot.frontier().root());
        let why = if before.is_some_and(|before| before != fork.strand_id) {
            "is not of the strand before it"
        } else if before == Some(slot.header().strand_id) {
            "begins no strand of its own"
        } else if size.checked_sub(1) != Some(fork.block) || root != Some(fork.digest) {
            "names another block or digest than the journal has there"
        } else {
            return None;
        };
        Some(format!("the fork in slot {number} {why}"))
    }

    /// Takes the fork that begins a strand.
    pub(super) fn enter(&mut self, strand_id: UniqueId, fork: &Fork) {
        self.parts.push((fork.strand_id, fork.block));
        self.newest = Some(strand_id);
    }

    /// Whether a block may follow the one before as far as their strands go.
    pub(super) fn follows(&self, before: &BlockAddress, address: &BlockAddress) -> bool {
        match (self.newest, self.parts.last()) {
            (Some(newest), Some((strand_id, last)))
                if before.strand_id == *strand_id && before.sequence_no == *last =>
            {
                address.strand_id == newest
            }
            _ => before.strand_id == address.strand_id,
        }
    }

    /// Why a digest is none of this ledger, if it was saved from the ledger that this one was restored from, after the
    /// block up to which it was restored.
    pub(super) fn after_restore(&self, name: &str, tip: BlockAddress) -> Option<String> {
        let (strand_id, last) = self.parts.iter().find(|(strand_id, _)| *strand_id == tip.strand_id)?;
        (tip.sequence_no > *last).then(|| {
            format!(
                "{name} covers block {} of strand {strand_id}. This ledger was restored from that strand up to block {last}, so it \
                 never had the blocks after that: compare the digest with the ledger that it was saved from, or with a copy of it",
                tip.sequence_no
            )
        })
    }
}
