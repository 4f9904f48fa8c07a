//! The state: everything that follows from the blocks so far and is needed to apply the next one.
//!
//! [`State::apply_block`] applies each block, whether a transaction commits, a ledger opens, or it follows another
//! writer. It reads and writes the view through [`Changes`]. What is small and needed for every block (catalog, tip,
//! frontier) the state also holds in memory.

pub(crate) mod catalog;
pub(crate) mod changes;
mod checked_entry;
pub(crate) mod documents;
pub(crate) mod fields;
pub(crate) mod head;
mod imported;
pub(crate) mod index;
mod index_build;
pub(crate) mod keys;
pub(crate) mod overlay;
mod redaction;
pub(crate) mod replay;
mod revisions;
pub(crate) mod snapshot;
pub(crate) mod statistics;
mod stored;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use everstrand_journal::tree::Tiles;
use everstrand_journal::{
    Addition, Block, BlockAddress, CatalogChange, ForeignBlock, Hash, Slot, SlotContent, UniqueId,
};

use self::changes::Changes;
use self::documents::Origin;
use self::head::{Additions, Head, Part};
use self::keys::IndexNumber;
use self::snapshot::{BlockPosition, StoredTree};
use crate::error::LedgerError;
use crate::storage::views::{Keyspace, ViewError, ViewSnapshot};

/// The state after the last applied block.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) head: Head,
    /// The tiles of the tree that the next blocks still change.
    tiles: Tiles,
    /// Redactions that the journal's slots still lack.
    pub(crate) redactions: VecDeque<PendingRedaction>,
    /// Whether this view ever held data that was redacted later, so that its files may hold it still. A view that is
    /// built after the journal was redacted never held it.
    pub(crate) held_redacted: bool,
    /// Dropped indexes that still have entries.
    dropped: VecDeque<IndexNumber>,
}

/// The newest write format that this version follows.
const WRITE_FORMAT_MAX: u64 = 1;

/// A redaction that the journal still lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PendingRedaction {
    /// The key of the view's entry for it.
    pub(crate) key: [u8; 13],
    /// The block of the revision.
    pub(crate) block: u64,
    pub(crate) document_id: UniqueId,
}

impl State {
    /// The state before block 0.
    pub(crate) fn empty(strand_id: UniqueId) -> State {
        State {
            head: Head::empty(strand_id),
            tiles: Tiles::new(),
            redactions: VecDeque::new(),
            held_redacted: false,
            dropped: VecDeque::new(),
        }
    }

    /// Loads the state from a view; `None` if the view is empty.
    pub(crate) fn load(view: &dyn ViewSnapshot) -> Result<Option<State>, ViewError> {
        let Some(head) = Head::load(view)? else {
            return Ok(None);
        };
        let tiles = Tiles::open(head.frontier.size(), &StoredTree(view));
        let tiles = tiles.map_err(|error| ViewError(error.to_string()))?;
        if tiles.frontier() != head.frontier {
            return Err(ViewError("the stored tree does not fit the stored head".to_owned()));
        }
        let redactions = State::pending_redactions(view)?.into();
        let held_redacted = view.get(Keyspace::Catalog, keys::HELD_REDACTED)?.is_some();
        let dropped = State::dropped_indexes(view)?.into();
        Ok(Some(State { head, tiles, redactions, held_redacted, dropped }))
    }

    /// Applies the next slot. It fails if this is not the next slot of the journal. After an error the caller must
    /// throw away the state and the changes. After the last slot of a batch it calls [`State::store`].
    pub(crate) fn apply_slot(&mut self, slot: &Slot, changes: &mut Changes<'_>) -> Result<(), LedgerError> {
        let header = slot.header();
        let wrong = |why: &str| LedgerError::Damaged(format!("slot {}: {why}", header.slot));
        if header.slot != self.head.next_slot() || header.first_block_no != self.tiles.size() {
            return Err(wrong("it is not the next one"));
        }
        let head = &self.head;
        let fork = slot.addition().and_then(|addition| addition.fork.as_ref());
        let of_strand = match fork {
            None => header.strand_id == head.strand_id,
            Some(fork) => fork.strand_id == head.strand_id && header.strand_id != head.strand_id,
        };
        if !head.is_empty() && (header.previous_link != head.tip.link || !of_strand) {
            return Err(wrong("it does not follow the slot before"));
        }
        let of_block = |number: u64| move |why: String| wrong(&format!("its block {number}: {why}"));
        match slot.content() {
            SlotContent::Blocks(blocks) => (0u64..).zip(blocks).try_for_each(|(number, block)| {
                self.apply_block(block, number, changes).map_err(of_block(number))
            })?,
            SlotContent::Foreign(blocks) => (0u64..).zip(blocks).try_for_each(|(number, block)| {
                self.apply_foreign(block, number, changes).map_err(of_block(number))
            })?,
        }
        self.close_slot(slot, changes).map_err(wrong)
    }

    /// Makes this the last slot, after its blocks were applied.
    pub(crate) fn close_slot(&mut self, slot: &Slot, changes: &mut Changes<'_>) -> Result<(), &'static str> {
        self.head.frontier = self.tiles.frontier();
        if self.head.frontier != *slot.frontier() {
            return Err("its frontier does not fit its blocks");
        }
        if self.head.seal().is_some() {
            return Err("it follows the slot that seals the journal");
        }
        if let Some(addition) = slot.addition() {
            self.take_addition(addition, slot, changes)?;
        }
        self.head.tip.slot = slot.header().slot;
        self.head.tip.link = slot.link();
        Ok(())
    }

    /// Writes what the state holds in memory and a batch has changed. Only the last slot of a batch needs it.
    pub(crate) fn store(&mut self, changes: &mut Changes<'_>) {
        self.head.store(changes);
        self.head.statistics.store(changes);
    }

    /// Takes what a slot says beside its blocks. The committer remembers which transactions are void, because only the
    /// committer knows how long that matters.
    fn take_addition(
        &mut self,
        addition: &Addition,
        slot: &Slot,
        changes: &mut Changes<'_>,
    ) -> Result<(), &'static str> {
        let write_format = addition.config.and_then(|config| config.write_format);
        if write_format.is_some_and(|number| number > WRITE_FORMAT_MAX) {
            return Err("it asks for a write format that needs a newer version of this program");
        }
        if let Some(void) = &addition.void {
            if transactions(slot).any(|id| void.names(id)) {
                return Err("it has a block of a transaction that it voids");
            }
            self.head.tip.timestamp = self.head.tip.timestamp.max(void.time());
            for id in void.ids() {
                changes.put(Keyspace::Blocks, keys::void(*id), []);
            }
        }
        let mut parts = self.head.parts().to_vec();
        if let Some(fork) = &addition.fork {
            if self.head.tip.block_no != fork.block || self.head.frontier.root() != Some(fork.digest) {
                return Err("it was restored up to another block or digest than the journal has there");
            }
            let (ledger, strand_id, last_block) = (fork.ledger.clone(), fork.strand_id, fork.block);
            parts.push(Part { ledger, strand_id, last_block });
            self.head.strand_id = slot.header().strand_id;
        }
        self.head.additions = Some(Arc::new(Additions { seal: addition.seal.clone(), parts }));
        Ok(())
    }

    /// Applies the next block, which has this index in the next slot. After an error the caller must throw away the
    /// state and the changes.
    pub(crate) fn apply_block(
        &mut self,
        block: &Block,
        index_in_slot: u64,
        changes: &mut Changes<'_>,
    ) -> Result<(), String> {
        let address = block.address();
        self.check_next(address, block.previous_hash())?;
        let catalog_changes = block.catalog_changes().map_err(|error| error.to_string())?;
        self.change_catalog(address.sequence_no, &catalog_changes, changes)?;
        let origin = Origin {
            block: address.sequence_no,
            transaction_id: block.transaction_id(),
            time: block.transaction_time(),
        };
        for revision in block.revisions() {
            self.head.apply_revision(origin, &revision, changes)?;
        }
        self.head.build_unique_indexes(&catalog_changes, changes).map_err(|error| error.to_string())?;
        self.apply_redactions(block, changes)?;
        changes.put(
            Keyspace::Blocks,
            keys::transaction(block.transaction_id()),
            address.sequence_no.to_be_bytes(),
        );
        self.append(address, block.hash(), block.timestamp(), index_in_slot, changes);
        Ok(())
    }

    /// Checks that a block is the next one. Block 0 says which strand this is.
    fn check_next(&mut self, address: BlockAddress, previous_hash: Option<Hash>) -> Result<(), String> {
        let first = self.tiles.size() == 0;
        if first {
            self.head.strand_id = address.strand_id;
        }
        if address.strand_id != self.head.strand_id || address.sequence_no != self.tiles.size() {
            return Err("it is of another strand or out of order".to_owned());
        }
        if previous_hash != (!first).then_some(self.head.tip.hash) {
            return Err("it does not follow the block before".to_owned());
        }
        Ok(())
    }

    /// Applies a block's changes of the catalog.
    fn change_catalog(
        &mut self,
        block: u64,
        catalog_changes: &[CatalogChange],
        changes: &mut Changes<'_>,
    ) -> Result<(), String> {
        if catalog_changes.is_empty() {
            return Ok(());
        }
        let head = &mut self.head;
        let mut changed = BTreeSet::new();
        let catalog = Arc::make_mut(&mut head.catalog);
        for change in catalog_changes {
            if let CatalogChange::DropIndex { index_id, table_id } = change {
                let number = catalog.index_number(*table_id, *index_id);
                let number = number.ok_or("it drops an index that does not exist")?;
                checked_entry::put(changes, &keys::dropped(number), Vec::new());
                head.statistics.forget(number);
                self.dropped.push_back(number);
            }
            changed.insert(catalog.apply(change, block, head.next_number)?);
        }
        head.begin_indexes(catalog_changes, changes).map_err(|error| error.to_string())?;
        for number in changed {
            head.store_table(number, changes);
        }
        Ok(())
    }

    /// Makes a block the last one, after its changes were applied.
    fn append(
        &mut self,
        address: BlockAddress,
        hash: Hash,
        timestamp: i64,
        index_in_slot: u64,
        changes: &mut Changes<'_>,
    ) {
        let position = BlockPosition { slot: self.head.next_slot(), index_in_slot };
        changes.put(Keyspace::Blocks, keys::block(address.sequence_no), position.to_bytes(timestamp));
        for write in self.tiles.append(hash) {
            changes.put(Keyspace::Tiles, write.key.to_bytes(), write.value);
        }
        let tip = &mut self.head.tip;
        (tip.block_no, tip.hash, tip.timestamp) = (address.sequence_no, hash, timestamp);
    }
}

/// The transactions of a slot's blocks.
fn transactions(slot: &Slot) -> impl Iterator<Item = UniqueId> {
    let (own, foreign) = match slot.content() {
        SlotContent::Blocks(blocks) => (blocks.as_slice(), &[][..]),
        SlotContent::Foreign(blocks) => (&[][..], blocks.as_slice()),
    };
    let own = own.iter().map(Block::transaction_id);
    own.chain(foreign.iter().filter_map(ForeignBlock::transaction_id))
}
