//! The keys of the view. Numbers are big-endian, so that keys are in the order of their numbers.
//!
//! ```text
//! keyspace    key                                          value
//! Catalog     's'                                          the head without its tables (see `stored`)
//!             't' table:u32                                one table with its indexes (see `catalog`)
//!             'n' table:u32                                how many documents it has (see `statistics`)
//!             'k' index:u32                                about how many keys it has (see `statistics`)
//!             'd' index:u32                                a dropped index that still has entries
//!             'h'                                          nothing: the view held data that was redacted
//!             'r' requesting block:u64 n:u32               a redaction that the journal's slots still lack
//! Ids         document id:16                               table:u32 number:u64
//! Documents   table:u32 number:u64                         the current revision (see `documents`)
//! History     table:u32 number:u64 version:u64             a superseded or last revision
//! Indexes     index:u32 key number:u64                     nothing
//! Blocks      'b' block number:u64                         slot:u64 index in slot:u64 timestamp:i64
//!             't' transaction id:16                        block number:u64
//!             'v' transaction id:16                        nothing: the transaction is void
//! Tiles       a `TileKey`                                  hashes (see `everstrand_journal::tree`)
//! ```
//!
//! Tables, documents and indexes are numbered in order of appearance, because then keys are short, and new entries
//! go to the end, where an ordered store is fastest. One count numbers the documents of all tables.

use everstrand_journal::UniqueId;

/// The number of a table, in order of creation.
pub(crate) type TableNumber = u32;
/// The number of an index, in order of creation, over all tables.
pub(crate) type IndexNumber = u32;

/// Where the view stores a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) table: TableNumber,
    pub(crate) number: u64,
}

/// The key of the head.
pub(crate) const STATE: &[u8] = b"s";
/// The keys of dropped indexes begin here.
pub(crate) const DROPPED: &[u8] = b"d";
/// The keys of dropped indexes end before this.
pub(crate) const DROPPED_END: &[u8] = b"e";
/// This key exists if the view held data that was redacted later; its files may hold it still.
pub(crate) const HELD_REDACTED: &[u8] = b"h";
/// The keys of redactions begin here.
pub(crate) const REDACTIONS: &[u8] = b"r";
/// The keys of redactions end before this.
pub(crate) const REDACTIONS_END: &[u8] = b"s";
/// The keys of sketches begin here.
pub(crate) const SKETCHES: &[u8] = b"k";
/// The keys of sketches end before this.
pub(crate) const SKETCHES_END: &[u8] = b"l";
/// The keys of the numbers of documents begin here.
pub(crate) const COUNTS: &[u8] = b"n";
/// The keys of the numbers of documents end before this.
pub(crate) const COUNTS_END: &[u8] = b"o";
/// The keys of tables begin here.
pub(crate) const TABLES: &[u8] = b"t";
/// The keys of tables end before this.
pub(crate) const TABLES_END: &[u8] = b"u";

pub(crate) fn table(number: TableNumber) -> [u8; 5] {
    let mut key = [b't'; 5];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The key of the number of documents of a table.
pub(crate) fn documents_count(table: TableNumber) -> [u8; 5] {
    let mut key = [b'n'; 5];
    key[1..].copy_from_slice(&table.to_be_bytes());
    key
}

/// The key of the sketch of an index.
pub(crate) fn sketch(index: IndexNumber) -> [u8; 5] {
    let mut key = [b'k'; 5];
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The key of a dropped index.
pub(crate) fn dropped(index: IndexNumber) -> [u8; 5] {
    let mut key = [b'd'; 5];
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The key of a redaction that the journal's slots still lack: the `n`th that a block asked for.
pub(crate) fn redaction(block: u64, n: u32) -> [u8; 13] {
    let mut key = [b'r'; 13];
    key[1..9].copy_from_slice(&block.to_be_bytes());
    key[9..].copy_from_slice(&n.to_be_bytes());
    key
}

impl Place {
    /// The key of the current revision, and the value stored under the document's id.
    pub(crate) fn to_bytes(self) -> [u8; 12] {
        let mut key = [0; 12];
        key[..4].copy_from_slice(&self.table.to_be_bytes());
        key[4..].copy_from_slice(&self.number.to_be_bytes());
        key
    }

    /// The place at the beginning of a key.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Place> {
        let table = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        let number = u64::from_be_bytes(bytes.get(4..12)?.try_into().ok()?);
        Some(Place { table, number })
    }

    /// The key of a superseded revision.
    pub(crate) fn version(self, version: u64) -> [u8; 20] {
        let mut key = [0; 20];
        key[..12].copy_from_slice(&self.to_bytes());
        key[12..].copy_from_slice(&version.to_be_bytes());
        key
    }
}

/// The version in the key of a superseded revision.
pub(crate) fn version_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(12..20)?.try_into().ok()?))
}

/// The key of an index entry.
pub(crate) fn index_entry(index: IndexNumber, key: &[u8], number: u64) -> Vec<u8> {
    let mut entry = Vec::with_capacity(12 + key.len());
    entry.extend_from_slice(&index.to_be_bytes());
    entry.extend_from_slice(key);
    entry.extend_from_slice(&number.to_be_bytes());
    entry
}

/// The index of an entry.
pub(crate) fn index_of_entry(entry: &[u8]) -> Option<IndexNumber> {
    Some(u32::from_be_bytes(entry.get(..4)?.try_into().ok()?))
}

/// The key and the document number in an index entry.
pub(crate) fn index_entry_parts(entry: &[u8]) -> Option<(&[u8], u64)> {
    let rest = entry.get(4..)?;
    let (key, number) = rest.split_at_checked(rest.len().checked_sub(8)?)?;
    Some((key, u64::from_be_bytes(number.try_into().ok()?)))
}

/// The key of a block's position.
pub(crate) fn block(block_no: u64) -> [u8; 9] {
    let mut key = [b'b'; 9];
    key[1..].copy_from_slice(&block_no.to_be_bytes());
    key
}

/// The key of the number of a transaction's block.
pub(crate) fn transaction(id: UniqueId) -> [u8; 17] {
    let mut key = [b't'; 17];
    key[1..].copy_from_slice(id.as_bytes());
    key
}

/// The key that says that a transaction is void.
pub(crate) fn void(id: UniqueId) -> [u8; 17] {
    let mut key = transaction(id);
    key[0] = b'v';
    key
}
