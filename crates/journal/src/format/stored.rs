//! The parts of a block, which point into its bytes instead of copying them.

use everstrand_ion::Document;

use crate::format::FormatError;
use crate::hashing::{Hash, UniqueId};

/// The kind of a block of this ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Block 0. It has no `transactionInfo`, because no client's transaction made it.
    Genesis,
    /// A transaction that a client committed.
    Transaction,
}

/// A statement in a block, see [`crate::StatementInfo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredStatement<'a> {
    /// The text of the statement.
    pub statement: &'a str,
    /// The time at which it began, in milliseconds since 1970-01-01T00:00Z.
    pub start_time: i64,
    /// The hash of text and parameters.
    pub statement_digest: Hash,
}

/// A revision in a block.
#[derive(Clone, Copy, Debug)]
pub struct StoredRevision<'a> {
    /// The id of the document.
    pub document_id: UniqueId,
    /// Its version, from 0.
    pub version: u64,
    /// Its hash, as stored.
    pub hash: Hash,
    /// The id of the document's table.
    pub table_id: UniqueId,
    /// The name that the table had when the block was made.
    pub table_name: &'a str,
    /// The data of the revision.
    pub data: StoredData<'a>,
    pub(crate) statements: &'a [u8],
}

/// The data of a revision in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredData<'a> {
    /// The document, in canonical Ion binary.
    Data(&'a [u8]),
    /// No data, because the transaction deleted the document.
    Deleted,
    /// The Ion hash of data that a redaction removed.
    Redacted(Hash),
}

impl StoredRevision<'_> {
    /// The statements that touched the document, by their number in the transaction, from 0.
    pub fn statements(&self) -> impl ExactSizeIterator<Item = u32> {
        statement_numbers(self.statements)
    }
}

impl StoredData<'_> {
    /// The Ion hash of the data; `None` if the document was deleted. For redacted data it is the stored hash. An error
    /// means that the stored data is no Ion document.
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

/// The numbers of statements, which a block stores as four bytes each.
pub(crate) fn statement_numbers(bytes: &[u8]) -> impl ExactSizeIterator<Item = u32> {
    bytes.chunks_exact(4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")))
}
