//! A revision: one version of one document.

use everstrand_ion::{Data, Document, Struct, Timestamp, Value, ion_hash};

use crate::hashing::{BlockAddress, Hash, UniqueId, dot};

/// The metadata of a revision: which version of which document it is, and which transaction wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionMetadata {
    /// The id of the document.
    pub id: UniqueId,
    /// The version: 0 for the first revision, one more for each that follows. A delete counts as a revision.
    pub version: u64,
    /// The time at which the transaction proposed its commit.
    pub tx_time: Timestamp,
    /// The id of the transaction.
    pub tx_id: UniqueId,
}

impl RevisionMetadata {
    /// QLDB's shape: `{id, version, txTime, txId}`.
    pub fn to_ion(&self) -> Value {
        Struct::from_iter([
            ("id", Value::from(self.id.to_string())),
            ("version", Value::from(self.version)),
            ("txTime", Value::from(self.tx_time.clone())),
            ("txId", Value::from(self.tx_id.to_string())),
        ])
        .into()
    }

    /// The Ion hash of `{id, version, txTime, txId}`.
    pub fn hash(&self) -> Hash {
        Hash(ion_hash(&self.to_ion()))
    }

    /// Reads `{id, version, txTime, txId}`; `None` if a field is absent or of another type.
    pub fn from_ion(value: &Value) -> Option<RevisionMetadata> {
        let id = |name: &str| value.get(name)?.as_text()?.parse().ok();
        Some(RevisionMetadata {
            id: id("id")?,
            version: value.get("version")?.as_i64()?.try_into().ok()?,
            tx_time: match &value.get("txTime")?.data {
                Data::Timestamp(time) => time.clone(),
                _ => return None,
            },
            tx_id: id("txId")?,
        })
    }
}

/// The data of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevisionData {
    /// The document.
    Data(Document),
    /// No data, because the transaction deleted the document.
    Deleted,
    /// The Ion hash of data that a redaction removed.
    Redacted(Hash),
}

/// One revision of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The block that holds it. `None` before the block exists, and in results that do not show it.
    pub block_address: Option<BlockAddress>,
    /// Its hash, as stored; [`Revision::computed_hash`] computes it anew.
    pub hash: Hash,
    /// Its data.
    pub data: RevisionData,
    /// Its metadata.
    pub metadata: RevisionMetadata,
}

impl Revision {
    /// QLDB's shape: `{blockAddress, hash, data | dataHash | neither, metadata}`.
    pub fn to_ion(&self) -> Value {
        let mut fields = Struct::default();
        if let Some(address) = &self.block_address {
            fields.push("blockAddress", address.to_ion());
        }
        fields.push("hash", self.hash.to_ion());
        match &self.data {
            RevisionData::Data(document) => fields.push("data", document.to_value()),
            RevisionData::Deleted => {}
            RevisionData::Redacted(hash) => fields.push("dataHash", hash.to_ion()),
        }
        fields.push("metadata", self.metadata.to_ion());
        fields.into()
    }

    /// The hash that data and metadata have now. It equals `hash` unless one of the three was changed.
    pub fn computed_hash(&self) -> Hash {
        let data_hash = match &self.data {
            RevisionData::Data(document) => Some(Hash(document.ion_hash())),
            RevisionData::Deleted => None,
            RevisionData::Redacted(hash) => Some(*hash),
        };
        revision_hash(data_hash, self.metadata.hash())
    }
}

/// The hash of a revision from the hashes of its data and of its metadata.
///
/// A deleted revision has no data; its hash is that of its metadata. How QLDB computed that hash is not known, because
/// no deleted revision with its hash was ever published. [`crate::check_foreign`] therefore tries all of
/// [`crate::DELETE_RULES`] on blocks of other ledgers.
pub fn revision_hash(data_hash: Option<Hash>, metadata_hash: Hash) -> Hash {
    match data_hash {
        Some(data_hash) => dot(data_hash, metadata_hash),
        None => metadata_hash,
    }
}
