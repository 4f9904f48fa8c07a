//! Everything that follows from the journal: the left fold of its blocks.
//!
//! [`State::apply_block`] is the only way state changes, whether a transaction commits, a program restarts or
//! somebody follows a journal that another writes. It reads and writes a view through [`Changes`]; what
//! is small and needed for every block (the catalogue, the tip, the tree's edge) it also holds itself.

pub(crate) mod catalog;
pub(crate) mod changes;
pub(crate) mod documents;
mod imported;
pub(crate) mod index;
mod index_build;
pub(crate) mod keys;
pub(crate) mod overlay;
pub(crate) mod redaction;
mod stored;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use everstrand_ion::Document;
use everstrand_journal::tree::{Frontier, TileKey, TileReader, Tiles};
use everstrand_journal::{
    Block, BlockAddress, CatalogChange, Digest, Hash, Slot, SlotContent, StoredData, StoredRevision, UniqueId,
};

use crate::error::LedgerError;
use crate::planted::planted;
use crate::storage::views::{Applied, Keyspace, ViewError, ViewSnapshot};
use catalog::{Catalog, Table};
use changes::Changes;
use documents::{End, Origin};
use index::key_of;
use keys::{IndexNumber, Place};
use redaction::PendingRedaction;

/// What is known after the last applied block, with all that is needed to apply the next.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) head: Head,
    /// The growing end of the tree over all blocks.
    tiles: Tiles,
    /// What the journal still holds and should not.
    pub(crate) redactions: VecDeque<PendingRedaction>,
    /// Whether the view held data that were redacted. One that is built when the journal has them no more does not.
    pub(crate) held_redacted: bool,
    /// Dropped indexes that have entries still.
    dropped: VecDeque<IndexNumber>,
}

/// The part of the state that every reader needs; cheap to copy.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// The journal's one strand.
    pub(crate) strand_id: UniqueId,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) tip: Tip,
    /// The edge of the tree over all blocks.
    pub(crate) frontier: Frontier,
    /// The number that the next new document gets.
    pub(crate) next_number: u64,
}

/// The last applied block and its slot; meaningless before block 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) sequence_no: u64,
    pub(crate) hash: Hash,
    pub(crate) timestamp: i64,
    pub(crate) slot: u64,
    pub(crate) link: Hash,
}

/// A state and a view of the same moment, shared by all who read it.
pub(crate) struct Snapshot {
    pub(crate) head: Head,
    pub(crate) view: Box<dyn ViewSnapshot>,
    /// How often the view was built anew since the ledger was opened.
    pub(crate) build: u64,
}

impl Head {
    fn empty(strand_id: UniqueId) -> Head {
        let nothing = Hash([0; 32]);
        Head {
            strand_id,
            catalog: Arc::default(),
            tip: Tip { sequence_no: 0, hash: nothing, timestamp: i64::MIN, slot: 0, link: nothing },
            frontier: Frontier::empty(),
            next_number: 0,
        }
    }

    /// Whether not even block 0 was applied.
    pub(crate) fn is_empty(&self) -> bool {
        self.frontier.size() == 0
    }

    /// The hash of the last block; none before block 0.
    pub(crate) fn last_hash(&self) -> Option<Hash> {
        (!self.is_empty()).then_some(self.tip.hash)
    }

    /// The number of the next slot.
    pub(crate) fn next_slot(&self) -> u64 {
        if self.is_empty() { 0 } else { self.tip.slot + 1 }
    }

    /// What stands for the whole journal; none before block 0.
    pub(crate) fn digest(&self) -> Option<Digest> {
        let address = BlockAddress { strand_id: self.strand_id, sequence_no: self.tip.sequence_no };
        self.frontier.root().map(|digest| Digest { digest, digest_tip_address: address })
    }

    /// The slot that a view of this state holds.
    pub(crate) fn applied(&self) -> Applied {
        Applied { slot: self.tip.slot, link: self.tip.link.0 }
    }
}

impl State {
    /// Before block 0.
    pub(crate) fn empty(strand_id: UniqueId) -> State {
        State {
            head: Head::empty(strand_id),
            tiles: Tiles::new(),
            redactions: VecDeque::new(),
            held_redacted: false,
            dropped: VecDeque::new(),
        }
    }

    /// As a view has it; `None` when it is empty.
    pub(crate) fn load(view: &dyn ViewSnapshot) -> Result<Option<State>, ViewError> {
        let Some(head) = Head::load(view)? else {
            return Ok(None);
        };
        let tiles = Tiles::open(head.frontier.size(), &StoredTree(view));
        let tiles = tiles.map_err(|error| ViewError(error.to_string()))?;
        if tiles.frontier() != head.frontier {
            return Err(ViewError("the stored tree is another than the stored state says".to_owned()));
        }
        let redactions = State::pending_redactions(view)?.into();
        let held_redacted = view.get(Keyspace::Catalog, keys::HELD_REDACTED)?.is_some();
        let dropped = State::dropped_indexes(view)?.into();
        Ok(Some(State { head, tiles, redactions, held_redacted, dropped }))
    }

    /// Applies the next slot. An error means that it is not the next slot of this journal; then the
    /// state and the changes must be thrown away.
    pub(crate) fn apply_slot(&mut self, slot: &Slot, changes: &mut Changes<'_>) -> Result<(), LedgerError> {
        let header = slot.header();
        let wrong = |why: &str| LedgerError::Damaged(format!("slot {}: {why}", header.slot));
        if header.slot != self.head.next_slot() || header.first_block_no != self.tiles.size() {
            return Err(wrong("it is not the next one"));
        }
        let head = &self.head;
        if !head.is_empty() && (header.previous_link != head.tip.link || header.strand_id != head.strand_id) {
            return Err(wrong("it does not follow the slot before"));
        }
        let of_block = |number: u64| move |why: String| wrong(&format!("block {number} of it: {why}"));
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

    /// Takes in that the blocks applied last are this slot.
    pub(crate) fn close_slot(&mut self, slot: &Slot, changes: &mut Changes<'_>) -> Result<(), &'static str> {
        self.head.frontier = self.tiles.frontier();
        if self.head.frontier != *slot.frontier() {
            return Err("the tree over its blocks is another than it says");
        }
        self.head.tip.slot = slot.header().slot;
        self.head.tip.link = slot.link();
        self.head.store(changes);
        Ok(())
    }

    /// Applies the next block, which is the one of this number in the next slot. The only way state
    /// changes. After an error the state and the changes must be thrown away.
    pub(crate) fn apply_block(
        &mut self,
        block: &Block,
        number: u64,
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
        self.append(address, block.hash(), block.timestamp(), number, changes);
        Ok(())
    }

    /// Whether a block is the one that comes next. The first one says which strand this is.
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

    /// Applies what a block did to the catalogue.
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
                let number = number.ok_or("it drops an index that is not there")?;
                stored::put(changes, &keys::dropped(number), Vec::new());
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

    /// Makes a block, whose changes were applied, the last.
    fn append(
        &mut self,
        address: BlockAddress,
        hash: Hash,
        timestamp: i64,
        number: u64,
        changes: &mut Changes<'_>,
    ) {
        let position = BlockPosition { slot: self.head.next_slot(), number };
        changes.put(Keyspace::Blocks, keys::block(address.sequence_no), position.to_bytes(timestamp));
        for write in self.tiles.append(hash) {
            changes.put(Keyspace::Tiles, write.key.to_bytes(), write.value);
        }
        let tip = &mut self.head.tip;
        (tip.sequence_no, tip.hash, tip.timestamp) = (address.sequence_no, hash, timestamp);
    }
}

impl Head {
    fn apply_revision(
        &mut self,
        origin: Origin,
        revision: &StoredRevision<'_>,
        changes: &mut Changes<'_>,
    ) -> Result<(), String> {
        let table = self.catalog.by_id(revision.table_id);
        let table = table.ok_or_else(|| format!("there is no table {}", revision.table_id))?;
        let bytes = documents::encode(origin, revision);
        let id = revision.document_id;
        let end = End { block: origin.block, time: origin.time };

        let (place, old) = if revision.version == 0 {
            let place = Place { table: table.number, number: self.next_number };
            self.next_number += 1;
            changes.put_read_again(Keyspace::Ids, id.as_bytes().to_vec(), place.to_bytes().to_vec());
            (place, None)
        } else {
            let unknown = || format!("there is no document {id} to follow");
            let place = changes.get(Keyspace::Ids, id.as_bytes()).map_err(|error| error.to_string())?;
            let place = place.as_deref().and_then(Place::from_bytes).ok_or_else(unknown)?;
            let old =
                changes.get(Keyspace::Documents, &place.to_bytes()).map_err(|error| error.to_string())?;
            let old = old.ok_or_else(unknown)?;
            let version = documents::version(&old).map_err(|error| error.to_string())?;
            if version.checked_add(1) != Some(revision.version) || place.table != table.number {
                return Err(format!(
                    "document {id} has version {version}, not the one before {}",
                    revision.version
                ));
            }
            changes.put_read_again(Keyspace::History, place.version(version).to_vec(), end.superseded(&old));
            (place, Some(old))
        };

        if !table.indexes.is_empty() {
            let old = match &old {
                Some(old) => documents::id_and_data(old).map_err(|error| error.to_string())?.1,
                None => None,
            };
            let new = match revision.data {
                StoredData::Data(data) => {
                    Some(Document::from_canonical(data).map_err(|error| error.to_string())?)
                }
                StoredData::Deleted | StoredData::Redacted(_) => None,
            };
            move_entries(table, place.number, old.as_ref(), new.as_ref(), changes);
        }
        match revision.data {
            StoredData::Deleted => {
                changes.put(Keyspace::History, place.version(revision.version), end.superseded(&bytes));
                changes.delete_read_again(Keyspace::Documents, place.to_bytes().to_vec());
            }
            StoredData::Data(_) | StoredData::Redacted(_) => {
                changes.put_read_again(Keyspace::Documents, place.to_bytes().to_vec(), bytes);
            }
        }
        Ok(())
    }
}

/// Takes a document's old entries out of the indexes of its table and puts in the new ones.
fn move_entries(
    table: &Table,
    number: u64,
    old: Option<&Document>,
    new: Option<&Document>,
    changes: &mut Changes<'_>,
) {
    for index in table.indexes.iter().filter(|index| index.covers(number)) {
        let old = old.map(|data| key_of(index, data.root()));
        let new = new.map(|data| key_of(index, data.root()));
        if old == new {
            continue;
        }
        let forgets = match &new {
            Some(_) => planted!("update-leaves-index-entry"),
            None => planted!("delete-leaves-index-entry"),
        };
        if let Some(old) = old
            && !forgets
        {
            changes.delete(Keyspace::Indexes, keys::index_entry(index.number, &old, number));
        }
        if let Some(new) = new {
            changes.put(Keyspace::Indexes, keys::index_entry(index.number, &new, number), []);
        }
    }
}

impl Snapshot {
    /// Where a document is; `None` of one that there never was.
    pub(crate) fn place(&self, id: UniqueId) -> Result<Option<Place>, ViewError> {
        let Some(bytes) = self.view.get(Keyspace::Ids, id.as_bytes())? else {
            return Ok(None);
        };
        Place::from_bytes(&bytes)
            .map(Some)
            .ok_or_else(|| ViewError("a document's place is damaged".to_owned()))
    }

    /// Where a block lies, and its timestamp; `None` beyond the last block.
    pub(crate) fn block_position(&self, sequence_no: u64) -> Result<Option<(BlockPosition, i64)>, ViewError> {
        let Some(bytes) = self.view.get(Keyspace::Blocks, &keys::block(sequence_no))? else {
            return Ok(None);
        };
        let position = BlockPosition::from_bytes(&bytes);
        position.map(Some).ok_or_else(|| ViewError("a block's place is damaged".to_owned()))
    }

    /// The number of the block of a transaction; `None` where it wrote none.
    pub(crate) fn block_of_transaction(&self, id: UniqueId) -> Result<Option<u64>, ViewError> {
        let Some(bytes) = self.view.get(Keyspace::Blocks, &keys::transaction(id))? else {
            return Ok(None);
        };
        let number = bytes.try_into().map(u64::from_be_bytes);
        number.map(Some).map_err(|_| ViewError("a transaction's block is damaged".to_owned()))
    }
}

/// The tree in a view.
pub(crate) struct StoredTree<'a>(pub(crate) &'a dyn ViewSnapshot);

impl TileReader for StoredTree<'_> {
    type Error = ViewError;

    fn read(&self, key: TileKey) -> Result<Option<Vec<u8>>, ViewError> {
        self.0.get(Keyspace::Tiles, &key.to_bytes())
    }
}

/// Where a block lies in the journal. By its number in the slot and not by bytes: a redaction moves those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockPosition {
    pub(crate) slot: u64,
    pub(crate) number: u64,
}

impl BlockPosition {
    fn to_bytes(self, timestamp: i64) -> Vec<u8> {
        [self.slot.to_be_bytes(), self.number.to_be_bytes(), timestamp.to_be_bytes()].concat()
    }

    /// A position and the timestamp of its block, as the directory keeps them.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<(BlockPosition, i64)> {
        let part = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let position = BlockPosition { slot: part(0)?, number: part(8)? };
        Some((position, part(16)?.cast_signed()))
    }
}
