//! How the view stores a revision: a header of fixed size, then the data in the bytes that were hashed.
//!
//! ```text
//! current revision                          superseded or last revision
//!  0  kind:u8 (0 data, 1 deleted, 2 redacted)    0  block that ended it:u64 (of a delete: itself)
//!  1  version:u64                                8  its transaction's time, ms:i64
//!  9  block:u64                                 16  as on the left
//! 17  hash:32
//! 49  document id:16
//! 65  transaction id:16
//! 81  transaction's time, ms:i64
//! 89  data: Ion binary, or the hash of redacted data
//! ```

use everstrand_ion::Document;
use everstrand_journal::{Hash, RevisionData, StoredData, StoredRevision, UniqueId};

use crate::storage::views::ViewError;

const HEADER: usize = 89;
const END: usize = 16;

/// A revision, as the view stores it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ViewRevision {
    pub(crate) version: u64,
    pub(crate) block: u64,
    pub(crate) hash: Hash,
    pub(crate) id: UniqueId,
    pub(crate) transaction_id: UniqueId,
    pub(crate) time: i64,
    pub(crate) data: RevisionData,
}

/// The transaction that made a revision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) block: u64,
    pub(crate) transaction_id: UniqueId,
    /// In milliseconds.
    pub(crate) time: i64,
}

/// When a revision ceased to be the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The block that ended it.
    pub(crate) block: u64,
    /// The time of that block's transaction, in milliseconds.
    pub(crate) time: i64,
}

impl ViewRevision {
    /// What [`encode`] wrote.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<ViewRevision, ViewError> {
        let (header, data) = bytes.split_at_checked(HEADER).ok_or_else(|| damaged("is too short"))?;
        let data = match header[0] {
            0 => RevisionData::Data(document(data)?),
            1 => RevisionData::Deleted,
            2 => RevisionData::Redacted(
                Hash::from_slice(data).ok_or_else(|| damaged("has no hash of its data"))?,
            ),
            _ => return Err(damaged("is of an unknown kind")),
        };
        Ok(ViewRevision {
            version: u64::from_be_bytes(part(header, 1)),
            block: u64::from_be_bytes(part(header, 9)),
            hash: Hash(part(header, 17)),
            id: UniqueId::from_bytes(part(header, 49)),
            transaction_id: UniqueId::from_bytes(part(header, 65)),
            time: i64::from_be_bytes(part(header, 81)),
            data,
        })
    }
}

impl End {
    /// The value of a superseded revision, made of its value as the current one.
    pub(crate) fn superseded(self, current: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(END + current.len());
        bytes.extend_from_slice(&self.block.to_be_bytes());
        bytes.extend_from_slice(&self.time.to_be_bytes());
        bytes.extend_from_slice(current);
        bytes
    }
}

/// The value of a current revision.
pub(crate) fn encode(origin: Origin, revision: &StoredRevision<'_>) -> Vec<u8> {
    let (kind, data): (u8, &[u8]) = match &revision.data {
        StoredData::Data(data) => (0, data),
        StoredData::Deleted => (1, &[]),
        StoredData::Redacted(hash) => (2, hash.as_bytes()),
    };
    let mut bytes = Vec::with_capacity(HEADER + data.len());
    bytes.push(kind);
    bytes.extend_from_slice(&revision.version.to_be_bytes());
    bytes.extend_from_slice(&origin.block.to_be_bytes());
    bytes.extend_from_slice(revision.hash.as_bytes());
    bytes.extend_from_slice(revision.document_id.as_bytes());
    bytes.extend_from_slice(origin.transaction_id.as_bytes());
    bytes.extend_from_slice(&origin.time.to_be_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// The value of a superseded revision, with its data replaced by the hash of the data.
pub(crate) fn redacted(history: &[u8], data_hash: Hash) -> Vec<u8> {
    let mut bytes = history[..END + HEADER].to_vec();
    bytes[END] = 2;
    bytes.extend_from_slice(data_hash.as_bytes());
    bytes
}

/// A superseded revision and its end.
pub(crate) fn from_history(bytes: &[u8]) -> Result<(End, ViewRevision), ViewError> {
    let (end, revision) = bytes.split_at_checked(END).ok_or_else(|| damaged("is too short"))?;
    let end = End { block: u64::from_be_bytes(part(end, 0)), time: i64::from_be_bytes(part(end, 8)) };
    Ok((end, ViewRevision::from_bytes(revision)?))
}

/// The document id and the data of a current revision. Reads nothing else of it.
pub(crate) fn id_and_data(bytes: &[u8]) -> Result<(UniqueId, Option<Document>), ViewError> {
    let (header, data) = bytes.split_at_checked(HEADER).ok_or_else(|| damaged("is too short"))?;
    let data = if header[0] == 0 { Some(document(data)?) } else { None };
    Ok((UniqueId::from_bytes(part(header, 49)), data))
}

/// [`id_and_data`] of one of many documents of a table; the one before it mostly has the same symbols.
pub(crate) fn id_and_data_like(
    bytes: &[u8],
    before: Option<&Document>,
) -> Result<(UniqueId, Option<Document>), ViewError> {
    let (header, data) = bytes.split_at_checked(HEADER).ok_or_else(|| damaged("is too short"))?;
    let data = match header[0] {
        0 => Some(Document::from_canonical_like(data, before).map_err(|error| damaged(&error.to_string()))?),
        _ => None,
    };
    Ok((UniqueId::from_bytes(part(header, 49)), data))
}

/// The stored data of a current revision, if it has data.
pub(crate) fn stored_data(bytes: &[u8]) -> Result<Option<&[u8]>, ViewError> {
    let (header, data) = bytes.split_at_checked(HEADER).ok_or_else(|| damaged("is too short"))?;
    Ok((header[0] == 0).then_some(data))
}

/// Whether a current revision has data, that is, it is neither deleted nor redacted.
pub(crate) fn has_data(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0)
}

/// The document id, the version and the data of a current revision.
pub(crate) fn id_version_and_data(bytes: &[u8]) -> Result<(UniqueId, u64, Option<Document>), ViewError> {
    let (id, data) = id_and_data(bytes)?;
    Ok((id, version(bytes)?, data))
}

/// The version of a current revision.
pub(crate) fn version(bytes: &[u8]) -> Result<u64, ViewError> {
    if bytes.len() < HEADER {
        return Err(damaged("is too short"));
    }
    Ok(u64::from_be_bytes(part(bytes, 1)))
}

fn document(bytes: &[u8]) -> Result<Document, ViewError> {
    Document::from_canonical(bytes).map_err(|error| damaged(&error.to_string()))
}

fn part<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    bytes[offset..offset + N].try_into().expect("the header's length was checked")
}

fn damaged(why: &str) -> ViewError {
    ViewError(format!("a stored revision {why}"))
}
