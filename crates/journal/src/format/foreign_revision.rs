//! The revisions in a block that another ledger made: reading them, and redacting them.

use everstrand_ion::{Data, Document, RawValue, Struct, Value};

use crate::format::{ForeignBlock, FormatError, StoredData, StoredRevision};
use crate::hashing::hash::path;
use crate::hashing::{BlockAddress, Hash, Revision, RevisionData, RevisionMetadata, UniqueId, root};

/// A revision in a foreign block, and the table of its document.
#[derive(Clone, Debug)]
pub struct ForeignRevision {
    /// The id of the table.
    pub table_id: UniqueId,
    /// The name that the table had when the block was made.
    pub table_name: String,
    /// The revision.
    pub revision: Revision,
}

impl ForeignRevision {
    /// The revision in the form in which a block of this ledger holds one.
    pub fn stored(&self) -> StoredRevision<'_> {
        StoredRevision {
            document_id: self.revision.metadata.id,
            version: self.revision.metadata.version,
            hash: self.revision.hash,
            table_id: self.table_id,
            table_name: &self.table_name,
            data: match &self.revision.data {
                RevisionData::Data(document) => StoredData::Data(document.as_bytes()),
                RevisionData::Deleted => StoredData::Deleted,
                RevisionData::Redacted(hash) => StoredData::Redacted(*hash),
            },
            statements: &[],
        }
    }
}

impl ForeignBlock {
    /// The revisions of documents, in order. Revisions that show their hash alone, as catalog changes do, are left out.
    ///
    /// An error means that a revision has no hash or no readable metadata, or that `transactionInfo` does not name its
    /// table.
    pub fn revisions(&self) -> Result<Vec<ForeignRevision>, FormatError> {
        let documents = self.field("transactionInfo").and_then(|info| info.get("documents"));
        let table = |document: &str| {
            let document = documents?.get(document)?;
            let id = document.get("tableId")?.as_text()?.parse::<UniqueId>().ok()?;
            Some((id, document.get("tableName")?.as_text()?.to_owned()))
        };
        let mut revisions = Vec::new();
        for (index, revision) in self.shown_revisions().enumerate() {
            let Some(metadata) = revision.get("metadata") else { continue };
            let wrong = |why: &str| FormatError::new(format!("revisions[{index}] {why}"), 0);
            let revision = read(self.address(), revision, metadata)
                .ok_or_else(|| wrong("has no hash, or its metadata is not {id, version, txTime, txId}"))?;
            let id = revision.metadata.id.to_string();
            let (table_id, table_name) = table(&id).ok_or_else(|| {
                wrong(&format!("is of document {id}, whose table transactionInfo does not name"))
            })?;
            revisions.push(ForeignRevision { table_id, table_name, revision });
        }
        Ok(revisions)
    }

    /// The revision of a document; `None` if the block has none. Fails as [`ForeignBlock::revisions`] does.
    pub fn revision(&self, document_id: UniqueId) -> Result<Option<Revision>, FormatError> {
        let mut found = self.revisions()?.into_iter().map(|revision| revision.revision);
        Ok(found.find(|revision| revision.metadata.id == document_id))
    }

    /// The hashes that lead from the revision of a document to the hash of this block, see
    /// [`crate::Block::revision_path`]. `None` if the block shows no revision of the document, or if the root of its
    /// revisions is not among its entries.
    pub fn revision_path(&self, document_id: UniqueId) -> Option<Vec<Hash>> {
        let document_id = document_id.to_string();
        let is_meant = |revision: RawValue<'_>| {
            let id = revision.get("metadata").and_then(|metadata| metadata.get("id"));
            id.and_then(RawValue::as_text) == Some(&*document_id)
        };
        let index = self.shown_revisions().position(is_meant)?;
        let hash = |value: RawValue<'_>| Hash::from_ion(value).flatten();
        let hashes: Vec<Option<Hash>> =
            self.shown_revisions().map(|revision| revision.get("hash").and_then(hash)).collect();
        let entries: Vec<Option<Hash>> = self.field("entriesHashList")?.items().map(hash).collect();
        let place = entries.iter().position(|entry| *entry == root(&hashes))?;
        let mut nodes = path(&hashes, index);
        nodes.extend(path(&entries, place));
        nodes.extend(self.previous_hash());
        Some(nodes)
    }

    /// The block after a redaction: the data of these documents' revisions is replaced by its hash, as QLDB did it. The
    /// line of JSON that the block came as is dropped, because it holds the data too.
    pub(crate) fn redacted(&self, documents: &[UniqueId]) -> Result<ForeignBlock, FormatError> {
        let documents: Vec<String> = documents.iter().map(UniqueId::to_string).collect();
        let block = self.value().to_value();
        let fields = block.as_struct().ok_or_else(|| FormatError::new("the block is no struct", 0))?;
        let fields: Struct = fields
            .iter()
            .map(|(name, value)| {
                let value = match (name.text(), value.as_sequence()) {
                    (Some("revisions"), Some(revisions)) => revisions
                        .iter()
                        .map(|revision| without_data(revision, &documents))
                        .collect::<Vec<_>>()
                        .into(),
                    _ => value.clone(),
                };
                (name.clone(), value)
            })
            .collect();
        ForeignBlock::new(Document::from(&Value::from(fields)), None, self.catalog_changes())
    }

    fn shown_revisions(&self) -> impl Iterator<Item = RawValue<'_>> {
        self.field("revisions").into_iter().flat_map(RawValue::items)
    }
}

fn read(address: BlockAddress, revision: RawValue<'_>, metadata: RawValue<'_>) -> Option<Revision> {
    let data = match (revision.get("data"), revision.get("dataHash")) {
        (Some(data), _) => RevisionData::Data(data.to_document()),
        (None, Some(hash)) => RevisionData::Redacted(Hash::from_ion(hash)??),
        (None, None) => RevisionData::Deleted,
    };
    let id = |name: &str| metadata.get(name)?.as_text()?.parse::<UniqueId>().ok();
    Some(Revision {
        block_address: Some(address),
        hash: revision.get("hash").and_then(Hash::from_ion)??,
        data,
        metadata: RevisionMetadata {
            id: id("id")?,
            version: metadata.get("version")?.as_int()?.as_i64()?.try_into().ok()?,
            tx_time: metadata.get("txTime")?.as_timestamp()?,
            tx_id: id("txId")?,
        },
    })
}

/// The revision with `dataHash` in the place of `data`, if it is of one of these documents.
fn without_data(revision: &Value, documents: &[String]) -> Value {
    let id = revision.get("metadata").and_then(|metadata| metadata.get("id")?.as_text());
    match (&revision.data, id) {
        (Data::Struct(fields), Some(id)) if documents.iter().any(|document| document == id) => {
            let fields = fields.iter().map(|(name, value)| match name.text() {
                Some("data") => ("dataHash".into(), Hash(everstrand_ion::ion_hash(value)).to_ion()),
                _ => (name.clone(), value.clone()),
            });
            fields.collect::<Struct>().into()
        }
        _ => revision.clone(),
    }
}
