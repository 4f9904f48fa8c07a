//! A snapshot: the head and the view as they were after one block.

use everstrand_journal::UniqueId;
use everstrand_journal::tree::{TileKey, TileReader};

use super::head::Head;
use super::keys::{self, Place};
use crate::storage::views::{Keyspace, ViewError, ViewSnapshot};

/// The head and the view after one block, shared by all transactions that read it.
pub(crate) struct Snapshot {
    pub(crate) head: Head,
    pub(crate) view: Box<dyn ViewSnapshot>,
    /// How often the view was replaced since the ledger was opened.
    pub(crate) build: u64,
}

impl Snapshot {
    /// The place of a document; `None` if there never was one with this id.
    pub(crate) fn place(&self, id: UniqueId) -> Result<Option<Place>, ViewError> {
        let Some(bytes) = self.view.get(Keyspace::Ids, id.as_bytes())? else {
            return Ok(None);
        };
        Place::from_bytes(&bytes)
            .map(Some)
            .ok_or_else(|| ViewError("a document's place is damaged".to_owned()))
    }

    /// Where a block lies in the journal, and its timestamp; `None` after the last block.
    pub(crate) fn block_position(&self, block_no: u64) -> Result<Option<(BlockPosition, i64)>, ViewError> {
        let Some(bytes) = self.view.get(Keyspace::Blocks, &keys::block(block_no))? else {
            return Ok(None);
        };
        let position = BlockPosition::from_bytes(&bytes);
        position.map(Some).ok_or_else(|| ViewError("a block's place is damaged".to_owned()))
    }

    /// The number of the block of a transaction; `None` if it wrote none.
    pub(crate) fn block_of_transaction(&self, id: UniqueId) -> Result<Option<u64>, ViewError> {
        let Some(bytes) = self.view.get(Keyspace::Blocks, &keys::transaction(id))? else {
            return Ok(None);
        };
        let number = bytes.try_into().map(u64::from_be_bytes);
        number.map(Some).map_err(|_| ViewError("a transaction's block is damaged".to_owned()))
    }
}

/// The tree of the journal, as a view stores it.
pub(crate) struct StoredTree<'a>(pub(crate) &'a dyn ViewSnapshot);

impl TileReader for StoredTree<'_> {
    type Error = ViewError;

    fn read(&self, key: TileKey) -> Result<Option<Vec<u8>>, ViewError> {
        self.0.get(Keyspace::Tiles, &key.to_bytes())
    }
}

/// Where a block lies in the journal. It names no bytes, because a redaction moves them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockPosition {
    pub(crate) slot: u64,
    pub(crate) index_in_slot: u64,
}

impl BlockPosition {
    pub(super) fn to_bytes(self, timestamp: i64) -> Vec<u8> {
        [self.slot.to_be_bytes(), self.index_in_slot.to_be_bytes(), timestamp.to_be_bytes()].concat()
    }

    /// The position and the timestamp that [`BlockPosition::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<(BlockPosition, i64)> {
        let part = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let position = BlockPosition { slot: part(0)?, index_in_slot: part(8)? };
        Some((position, part(16)?.cast_signed()))
    }
}
