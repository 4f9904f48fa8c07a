//! A revision: one document as one transaction left it.

use everstrand_ion::{Data, Document, Struct, Timestamp, Value, ion_hash};

use crate::hashing::{BlockAddress, Hash, UniqueId, dot};

/// What is known of a revision beside its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionMetadata {
    /// The document.
    pub id: UniqueId,
    /// 0 for the first revision, one more for each that follows; the delete counts too.
    pub version: u64,
    /// When the transaction proposed it.
    pub tx_time: Timestamp,
    /// The transaction.
    pub tx_id: UniqueId,
}

impl RevisionMetadata {
    /// `{id, version, txTime, txId}`.
    pub fn to_ion(&self) -> Value {
        Struct::from_iter([
            ("id", Value::from(self.id.to_string())),
            ("version", Value::from(self.version)),
            ("txTime", Value::from(self.tx_time.clone())),
            ("txId", Value::from(self.tx_id.to_string())),
        ])
        .into()
    }

    /// The hash of that struct.
    pub fn hash(&self) -> Hash {
        Hash(ion_hash(&self.to_ion()))
    }

    /// Reads the struct back; `None` when it is none of this shape.
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

/// What a revision holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevisionData {
    /// The document.
    Data(Document),
    /// Nothing: the document was deleted.
    Deleted,
    /// The hash of data that was removed.
    Redacted(Hash),
}

/// One revision of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The block it is in; absent while there is none yet, and in results that do not show it.
    pub block_address: Option<BlockAddress>,
    /// Its hash, as stored.
    pub hash: Hash,
    /// What it holds.
    pub data: RevisionData,
    /// What is known of it.
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

    /// The hash computed anew from what the revision holds.
    pub fn computed_hash(&self) -> Hash {
        let data_hash = match &self.data {
            RevisionData::Data(document) => Some(Hash(document.ion_hash())),
            RevisionData::Deleted => None,
            RevisionData::Redacted(hash) => Some(*hash),
        };
        revision_hash(data_hash, self.metadata.hash())
    }
}

/// The hash of a revision from those of its data and its metadata.
///
/// What QLDB did for a deleted revision, which has no data, is not known: no such revision with its
/// hash was ever published. This is the one place that decides; we join nothing, so that the hash is
/// that of the metadata. [`crate::check_foreign`] tries the other candidates on blocks made elsewhere.
pub fn revision_hash(data_hash: Option<Hash>, metadata_hash: Hash) -> Hash {
    match data_hash {
        Some(data_hash) => dot(data_hash, metadata_hash),
        None => metadata_hash,
    }
}
