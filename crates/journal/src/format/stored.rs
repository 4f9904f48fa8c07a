//! What a block holds, as its bytes say it: nothing is copied out of them.

use everstrand_ion::Document;

use crate::format::FormatError;
use crate::hashing::{Hash, UniqueId};

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Block 0 of a ledger that began here; it has no transaction info.
    Genesis,
    /// A committed transaction.
    Transaction,
}

/// A statement in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredStatement<'a> {
    /// Its text.
    pub statement: &'a str,
    /// When it began, in milliseconds since 1970-01-01T00:00Z.
    pub start_time: i64,
    /// The hash of text and parameters.
    pub statement_digest: Hash,
}

/// A revision in a block.
#[derive(Clone, Copy, Debug)]
pub struct StoredRevision<'a> {
    /// The document.
    pub document_id: UniqueId,
    /// Its version.
    pub version: u64,
    /// Its hash, as stored.
    pub hash: Hash,
    /// The table of the document.
    pub table_id: UniqueId,
    /// The name the table had.
    pub table_name: &'a str,
    /// What the revision holds.
    pub data: StoredData<'a>,
    pub(crate) statements: &'a [u8],
}

/// What a stored revision holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredData<'a> {
    /// The document, canonical Ion binary.
    Data(&'a [u8]),
    /// Nothing: the document was deleted.
    Deleted,
    /// The hash of data that was removed.
    Redacted(Hash),
}

impl StoredRevision<'_> {
    /// The statements that touched the document, by their number in the transaction.
    pub fn statements(&self) -> impl ExactSizeIterator<Item = u32> {
        statement_numbers(self.statements)
    }
}

impl StoredData<'_> {
    /// The hash of the data, computed or, where the data was removed, as stored.
    pub fn hash(&self) -> Result<Option<Hash>, FormatError> {
        Ok(match self {
            StoredData::Data(bytes) => Some(Hash(document(bytes)?.ion_hash())),
            StoredData::Deleted => None,
            StoredData::Redacted(hash) => Some(*hash),
        })
    }
}

pub(crate) fn document(bytes: &[u8]) -> Result<Document, FormatError> {
    Document::from_canonical(bytes)
        .map_err(|error| FormatError::new(format!("a document is no Ion: {error}"), 0))
}

/// Numbers of statements as a block stores them.
pub(crate) fn statement_numbers(bytes: &[u8]) -> impl ExactSizeIterator<Item = u32> {
    bytes.chunks_exact(4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")))
}
