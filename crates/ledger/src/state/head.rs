//! The head: the part of the state that every reader needs.

use std::sync::Arc;

use everstrand_journal::tree::Frontier;
use everstrand_journal::{BlockAddress, Digest, Hash, Seal, UniqueId};

use super::catalog::Catalog;
use super::statistics::Statistics;
use crate::storage::views::Applied;

/// The part of the state that every reader needs. It is cheap to copy.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// The journal's strand; that of its own blocks if it was restored from another one.
    pub(crate) strand_id: UniqueId,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) tip: Tip,
    /// What the additions of the slots so far say; `None` if no slot had one.
    pub(crate) additions: Option<Arc<Additions>>,
    /// The frontier of the tree over all blocks.
    pub(crate) frontier: Frontier,
    /// The number of the next new document.
    pub(crate) next_number: u64,
    /// How much there is in each table and index.
    pub(crate) statistics: Statistics,
}

/// What the additions of the slots so far say that matters to later slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Additions {
    /// The seal of the last slot; nothing follows it.
    pub(crate) seal: Option<Seal>,
    /// What the ledger was restored from, the oldest first.
    pub(crate) parts: Vec<Part>,
}

/// A part of the journal that was copied when the ledger was restored, and that has a strand of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The id of the ledger that was copied.
    pub ledger: String,
    /// The strand of its blocks.
    pub strand_id: UniqueId,
    /// Its last block.
    pub last_block: u64,
}

/// The last applied block and the last applied slot, which is a later one if it has no block. Before block 0 its fields
/// mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) block_no: u64,
    pub(crate) hash: Hash,
    /// The time of the chain: that of the last block, or that of a void in its slot or after it if that is later.
    pub(crate) timestamp: i64,
    pub(crate) slot: u64,
    pub(crate) link: Hash,
}

impl Head {
    pub(super) fn empty(strand_id: UniqueId) -> Head {
        let nothing = Hash([0; 32]);
        Head {
            strand_id,
            catalog: Arc::default(),
            tip: Tip { block_no: 0, hash: nothing, timestamp: i64::MIN, slot: 0, link: nothing },
            additions: None,
            frontier: Frontier::empty(),
            next_number: 0,
            statistics: Statistics::default(),
        }
    }

    /// Whether block 0 was not applied yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.frontier.size() == 0
    }

    /// The hash of the last block; `None` before block 0.
    pub(crate) fn last_hash(&self) -> Option<Hash> {
        (!self.is_empty()).then_some(self.tip.hash)
    }

    /// The number of the next slot.
    pub(crate) fn next_slot(&self) -> u64 {
        if self.is_empty() { 0 } else { self.tip.slot + 1 }
    }

    /// Why nothing may follow the last slot, if nothing may.
    pub(crate) fn seal(&self) -> Option<&Seal> {
        self.additions.as_ref()?.seal.as_ref()
    }

    /// The digest of the journal; `None` before block 0.
    pub(crate) fn digest(&self) -> Option<Digest> {
        let address = self.address(self.tip.block_no);
        self.frontier.root().map(|digest| Digest { digest, digest_tip_address: address })
    }

    /// The parts that were copied when the ledger was restored, the oldest first.
    pub(crate) fn parts(&self) -> &[Part] {
        self.additions.as_ref().map_or(&[], |additions| &additions.parts)
    }

    /// The strand of a block.
    pub(crate) fn strand_of(&self, block: u64) -> UniqueId {
        let part = self.parts().iter().find(|part| block <= part.last_block);
        part.map_or(self.strand_id, |part| part.strand_id)
    }

    /// The address of a block.
    pub(crate) fn address(&self, block: u64) -> BlockAddress {
        BlockAddress { strand_id: self.strand_of(block), sequence_no: block }
    }

    /// The slot that a view with this state names as the last one.
    pub(crate) fn applied(&self) -> Applied {
        Applied { slot: self.tip.slot, link: self.tip.link.0 }
    }
}
