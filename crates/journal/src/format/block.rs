//! A block: one committed transaction, chained to the block before it.
//!
//! A [`Block`] is its encoded bytes and the places of its parts in them. Its methods read the bytes, so a document is
//! copied only when a caller asks for it. `block_layout.rs` draws the bytes.

use std::sync::Arc;

use everstrand_ion::{Data, Struct, Timestamp, Value, binary, ion_hash};

use crate::format::block_layout::{
    AT_BLOCK_NO, AT_HASH, AT_PREVIOUS_HASH, AT_TIMESTAMP, AT_TRANSACTION_ID, AT_TRANSACTION_TIME, Layout,
    layout, read_redaction, read_revision, read_statement, read_table, write_data,
};
use crate::format::frame::Reader;
use crate::format::stored::document;
use crate::format::transaction_hash::transaction_info_hash;
use crate::format::{BlockKind, FormatError, StoredData, StoredRevision, StoredStatement};
use crate::hashing::entries::{Entries, catalog_hash};
use crate::hashing::hash::path;
use crate::hashing::transaction_info::{
    TableName, document_to_ion, redaction_info, statement_to_ion, transaction_info,
};
use crate::hashing::{
    BlockAddress, CatalogChange, Hash, RedactedRevision, Revision, RevisionData, RevisionMetadata, UniqueId,
    root,
};

/// One committed transaction. Cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct Block {
    bytes: Arc<Vec<u8>>,
    start: usize,
    layout: Layout,
}

impl Block {
    /// Reads the block that fills `bytes[start..end]`. An error means that its layout or a checksum is wrong; hashes
    /// are not checked here but by [`crate::check_block`].
    pub fn decode(bytes: Arc<Vec<u8>>, start: usize, end: usize) -> Result<Block, FormatError> {
        let slice = bytes
            .get(start..end)
            .ok_or_else(|| FormatError::new("the block ends beyond the bytes", start))?;
        let layout = layout(slice).map_err(|error| error.shifted(start))?;
        if layout.end != slice.len() {
            return Err(FormatError::new("bytes follow the block", start.saturating_add(layout.end)));
        }
        Ok(Block { bytes, start, layout })
    }

    /// The bytes of the block, as they are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.layout.end]
    }

    /// The kind of the block.
    pub fn kind(&self) -> BlockKind {
        self.layout.kind
    }

    /// The address of the block.
    pub fn address(&self) -> BlockAddress {
        let mut reader = self.reader(AT_BLOCK_NO);
        let sequence_no = reader.u64().expect(DECODED);
        BlockAddress { sequence_no, strand_id: reader.id().expect(DECODED) }
    }

    /// The id of the transaction.
    pub fn transaction_id(&self) -> UniqueId {
        self.reader(AT_TRANSACTION_ID).id().expect(DECODED)
    }

    /// The time at which the transaction proposed its commit, in milliseconds since 1970-01-01T00:00Z. It is `txTime` of
    /// its revisions, and 0 in a block without revisions, because no hash would cover it there.
    pub fn transaction_time(&self) -> i64 {
        self.reader(AT_TRANSACTION_TIME).i64().expect(DECODED)
    }

    /// The time at which the block was sealed, in milliseconds since 1970-01-01T00:00Z.
    pub fn timestamp(&self) -> i64 {
        self.reader(AT_TIMESTAMP).i64().expect(DECODED)
    }

    /// The hash of the block before; `None` in block 0.
    pub fn previous_hash(&self) -> Option<Hash> {
        let hash = self.reader(AT_PREVIOUS_HASH).hash().expect(DECODED);
        (hash != Hash([0; 32])).then_some(hash)
    }

    /// The hash of the block, as stored.
    pub fn hash(&self) -> Hash {
        self.reader(AT_HASH).hash().expect(DECODED)
    }

    /// The statements, in order.
    pub fn statements(&self) -> impl ExactSizeIterator<Item = StoredStatement<'_>> {
        let mut reader = self.reader(self.layout.parts.statements.at);
        (0..self.layout.parts.statements.count).map(move |_| read_statement(&mut reader).expect(DECODED))
    }

    /// The catalog changes, in order. An error means that one of them is not in the form that this version writes.
    pub fn catalog_changes(&self) -> Result<Vec<CatalogChange>, FormatError> {
        let mut reader = self.reader(self.layout.parts.changes.at);
        let mut changes = Vec::new();
        for _ in 0..self.layout.parts.changes.count {
            let at = reader.position();
            let invalid = |error: &dyn std::fmt::Display| FormatError::new(error.to_string(), at);
            let bytes = reader.bytes()?;
            let value = binary::read_one(bytes).map_err(|error| invalid(&error))?;
            let change = CatalogChange::try_from(&value).map_err(|error| invalid(&error))?;
            if binary::write(&change.to_ion()) != bytes {
                return Err(FormatError::new(
                    "a catalog change is not in the form that this version writes",
                    at,
                ));
            }
            changes.push(change);
        }
        Ok(changes)
    }

    /// The revisions of documents, in order.
    pub fn revisions(&self) -> impl ExactSizeIterator<Item = StoredRevision<'_>> {
        let tables: Vec<TableName<'_>> = self.tables().collect();
        let mut frame = self.reader(self.layout.parts.revisions.at);
        let mut data = self.reader(self.layout.data + 4);
        (0..self.layout.parts.revisions.count)
            .map(move |_| read_revision(&mut frame, &mut data, &tables).expect(DECODED))
    }

    /// The revisions of older blocks whose data the transaction redacted.
    pub fn redactions(&self) -> impl ExactSizeIterator<Item = RedactedRevision> {
        let mut reader = self.reader(self.layout.parts.redactions.at);
        (0..self.layout.parts.redactions.count).map(move |_| read_redaction(&mut reader).expect(DECODED))
    }

    /// The metadata of a revision of this block.
    pub fn metadata(&self, revision: &StoredRevision<'_>) -> RevisionMetadata {
        RevisionMetadata {
            id: revision.document_id,
            version: revision.version,
            tx_time: Timestamp::from_unix_millis(self.transaction_time()),
            tx_id: self.transaction_id(),
        }
    }

    /// A revision of this block, copied out of it. An error means that its data is no Ion document.
    pub fn revision(&self, revision: &StoredRevision<'_>) -> Result<Revision, FormatError> {
        Ok(Revision {
            block_address: Some(self.address()),
            hash: revision.hash,
            data: match revision.data {
                StoredData::Data(bytes) => RevisionData::Data(document(bytes)?),
                StoredData::Deleted => RevisionData::Deleted,
                StoredData::Redacted(hash) => RevisionData::Redacted(hash),
            },
            metadata: self.metadata(revision),
        })
    }

    /// The hashes in `revisions`: first those of the catalog changes, then those of the revisions of documents.
    pub(crate) fn revision_hashes(&self) -> Result<Vec<Hash>, FormatError> {
        let mut hashes: Vec<Hash> = self.catalog_changes()?.iter().map(CatalogChange::hash).collect();
        hashes.extend(self.revisions().map(|revision| revision.hash));
        Ok(hashes)
    }

    /// `entriesHashList`, computed from the content of the block. The root of all entries, joined with the previous
    /// hash, is the hash of the block. An error means that a catalog change cannot be read.
    pub fn entries_hash_list(&self) -> Result<Vec<Option<Hash>>, FormatError> {
        Ok(self.entries()?.list(self.address(), self.transaction_id(), self.timestamp()))
    }

    /// The entries that depend on nothing but what the transaction did.
    pub(crate) fn entries(&self) -> Result<Entries, FormatError> {
        Ok(Entries {
            revisions_root: root(&self.revision_hashes()?),
            catalog: catalog_hash(&self.catalog_changes()?),
            transaction_info: match self.layout.kind {
                BlockKind::Genesis => None,
                BlockKind::Transaction => Some(transaction_info_hash(self.as_bytes(), &self.layout.parts)?),
            },
            redaction_info: self.redaction_info().map(|info| Hash(ion_hash(&info))),
        })
    }

    /// The length of the frame, which comes before the data.
    pub(crate) fn frame_length(&self) -> usize {
        self.layout.data
    }

    /// The hashes that lead from the revision of a document to the hash of this block. A revision's proof begins with
    /// them and goes on with the proof of the block. `None` if the block holds no revision of the document. An error means
    /// that a catalog change cannot be read.
    pub fn revision_path(&self, document_id: UniqueId) -> Result<Option<Vec<Hash>>, FormatError> {
        let Some(index) = self.revisions().position(|revision| revision.document_id == document_id) else {
            return Ok(None);
        };
        let mut nodes = path(&self.revision_hashes()?, self.layout.parts.changes.count + index);
        nodes.extend(path(&self.entries_hash_list()?, 1));
        nodes.extend(self.previous_hash());
        Ok(Some(nodes))
    }

    /// The block in QLDB's shape, with the fields in QLDB's order. An error means that a part of it cannot be read.
    pub fn to_ion(&self) -> Result<Value, FormatError> {
        let entries = self.entries_hash_list()?;
        let maybe =
            |hash: Option<Hash>| Value::new(Data::Blob(hash.map_or(Vec::new(), |hash| hash.0.to_vec())));
        let mut fields = Struct::default();
        fields.push("blockAddress", self.address().to_ion());
        fields.push("transactionId", self.transaction_id().to_string());
        fields.push("blockTimestamp", Timestamp::from_unix_millis(self.timestamp()));
        fields.push("blockHash", self.hash().to_ion());
        fields.push("entriesHash", maybe(root(&entries)));
        fields.push("previousBlockHash", maybe(self.previous_hash()));
        fields.push("entriesHashList", entries.into_iter().map(maybe).collect::<Vec<Value>>());
        if let Some(info) = self.transaction_info() {
            fields.push("transactionInfo", info);
        }
        if let Some(info) = self.redaction_info() {
            fields.push("redactionInfo", info);
        }
        let mut revisions: Vec<Value> = Vec::new();
        for change in self.catalog_changes()? {
            revisions.push(Struct::from_iter([("hash", change.hash().to_ion())]).into());
        }
        for revision in self.revisions() {
            revisions.push(self.revision(&revision)?.to_ion());
        }
        if !revisions.is_empty() {
            fields.push("revisions", revisions);
        }
        Ok(fields.into())
    }

    /// `transactionInfo`; `None` in block 0.
    pub(crate) fn transaction_info(&self) -> Option<Value> {
        if self.layout.kind == BlockKind::Genesis {
            return None;
        }
        let statements = self
            .statements()
            .map(|statement| {
                statement_to_ion(statement.statement, statement.start_time, statement.statement_digest)
            })
            .collect();
        let documents = self
            .revisions()
            .map(|revision| {
                let table = TableName { id: revision.table_id, name: revision.table_name };
                (revision.document_id.to_string(), document_to_ion(table, revision.statements()))
            })
            .collect();
        Some(transaction_info(statements, documents))
    }

    /// `redactionInfo`; `None` if the transaction redacted nothing.
    pub(crate) fn redaction_info(&self) -> Option<Value> {
        let redacted: Vec<RedactedRevision> = self.redactions().collect();
        (!redacted.is_empty()).then(|| redaction_info(&redacted))
    }

    /// The bytes of this block after a redaction: the data of these documents' revisions is replaced by its hash. The
    /// frame does not change, therefore no hash does.
    pub(crate) fn redacted(&self, documents: &[UniqueId]) -> Result<Vec<u8>, FormatError> {
        let mut bytes = self.as_bytes()[..self.layout.data].to_vec();
        let revisions = self.revisions().map(|revision| {
            Ok(match revision.data {
                StoredData::Data(data) if documents.contains(&revision.document_id) => {
                    StoredData::Redacted(Hash(document(data)?.ion_hash()))
                }
                data => data,
            })
        });
        write_data(&mut bytes, revisions)?;
        Ok(bytes)
    }

    fn tables(&self) -> impl Iterator<Item = TableName<'_>> {
        let mut reader = self.reader(self.layout.parts.tables.at);
        (0..self.layout.parts.tables.count).map(move |_| read_table(&mut reader).expect(DECODED))
    }

    fn reader(&self, at: usize) -> Reader<'_> {
        Reader::at(self.as_bytes(), at)
    }
}

const DECODED: &str = "decode has read these bytes before";
