//! Makes a block of a transaction, in two steps.
//!
//! [`Draft::new`] does the heavy work, hashing and encoding, on the thread of the transaction: it needs neither the
//! block's address nor its time nor the block before. [`Draft::seal`] adds these. Blocks are sealed one after the
//! other, so it does little: one small Ion hash, a few joins, and five fields written into the buffer.

use std::collections::BTreeSet;
use std::sync::Arc;

use everstrand_ion::{Document, binary, ion_hash};

use crate::format::block_layout::{
    AT_BLOCK_NO, AT_FRAME_LENGTH, AT_HASH, AT_PREVIOUS_HASH, AT_TIMESTAMP, FLAG_REDACTIONS, parts,
    write_data, write_head, write_redaction,
};
use crate::format::frame::{Writer, to_u32};
use crate::format::transaction_hash::transaction_info_hash;
use crate::format::{Block, BlockKind, FormatError, StoredData};
use crate::hashing::entries::{Entries, catalog_hash};
use crate::hashing::struct_hash::MetadataHasher;
use crate::hashing::transaction_info::{TableName, redaction_info};
use crate::hashing::{
    BlockAddress, CatalogChange, Hash, RedactedRevision, StatementInfo, UniqueId, join, revision_hash, root,
};

/// A transaction that asks to become a block: its statements and what it changed.
#[derive(Clone, Debug, Default)]
pub struct ProposedTransaction {
    /// The id of the transaction.
    pub transaction_id: UniqueId,
    /// The time at which it proposes its commit, in milliseconds since 1970-01-01T00:00Z: `txTime` of its revisions.
    pub transaction_time: i64,
    /// All statements, in order, with queries and with those that failed.
    pub statements: Vec<StatementInfo>,
    /// The catalog changes, in order.
    pub catalog_changes: Vec<CatalogChange>,
    /// The revisions that it wrote, one for each document.
    pub revisions: Vec<ProposedRevision>,
    /// The revisions of older blocks whose data it redacts.
    pub redactions: Vec<RedactedRevision>,
}

/// A revision before its block exists.
#[derive(Clone, Debug)]
pub struct ProposedRevision {
    /// The id of the document.
    pub document_id: UniqueId,
    /// Its version, from 0.
    pub version: u64,
    /// The id of the document's table.
    pub table_id: UniqueId,
    /// The name of the table.
    pub table_name: Arc<str>,
    /// The statements that touched the document, by their number in the transaction, from 0.
    pub statements: Vec<u32>,
    /// The document; `None` if the transaction deleted it.
    pub data: Option<Document>,
}

/// A block that lacks its address, its time and the hash of the block before.
#[derive(Clone, Debug)]
pub struct Draft {
    bytes: Vec<u8>,
    frame_length: usize,
    transaction_id: UniqueId,
    revision_hashes: Vec<Hash>,
    entries: Entries,
}

impl Draft {
    /// Hashes and encodes everything that is known before sealing. An error means that a block cannot hold the
    /// transaction: it has two revisions of one document, or exceeds 4 GiB.
    pub fn new(transaction: &ProposedTransaction) -> Result<Draft, FormatError> {
        Draft::of_kind(BlockKind::Transaction, transaction)
    }

    /// The draft that a block was made of, so that another block can be made of it. A committer needs that when its slot
    /// went to another writer. An error means that a catalog change of the block cannot be read.
    pub fn of(block: &Block) -> Result<Draft, FormatError> {
        Ok(Draft {
            bytes: block.as_bytes().to_vec(),
            frame_length: block.frame_length(),
            transaction_id: block.transaction_id(),
            revision_hashes: block.revisions().map(|revision| revision.hash).collect(),
            entries: block.entries()?,
        })
    }

    /// The hashes of the revisions of documents, in order.
    pub fn revision_hashes(&self) -> &[Hash] {
        &self.revision_hashes
    }

    /// The length of the finished block, in bytes.
    pub fn encoded_length(&self) -> usize {
        self.bytes.len()
    }

    /// Makes the block, at this address and this time (in milliseconds since 1970-01-01T00:00Z). `previous_hash` is the
    /// hash of the block before; `None` for block 0.
    pub fn seal(mut self, address: BlockAddress, timestamp: i64, previous_hash: Option<Hash>) -> Block {
        let entries = self.entries.list(address, self.transaction_id, timestamp);
        let hash = join(root(&entries), previous_hash).expect("the first entry is never empty");
        let mut put = |at: usize, field: &[u8]| self.bytes[at..at + field.len()].copy_from_slice(field);
        put(AT_BLOCK_NO, &address.sequence_no.to_le_bytes());
        put(AT_BLOCK_NO + 8, address.strand_id.as_bytes());
        put(AT_TIMESTAMP, &timestamp.to_le_bytes());
        put(AT_PREVIOUS_HASH, &previous_hash.unwrap_or(Hash([0; 32])).0);
        put(AT_HASH, &hash.0);
        // The checksum covers the five fields too, so it is computed last.
        let checksum_at = self.frame_length - 4;
        let checksum = crc32c::crc32c(&self.bytes[..checksum_at]);
        self.bytes[checksum_at..self.frame_length].copy_from_slice(&checksum.to_le_bytes());
        let end = self.bytes.len();
        Block::decode(Arc::new(self.bytes), 0, end).expect("a draft has the layout of a block")
    }

    fn of_kind(kind: BlockKind, transaction: &ProposedTransaction) -> Result<Draft, FormatError> {
        one_revision_per_document(transaction)?;
        let tables = tables(transaction);
        let revision_hashes = revision_hashes(transaction);
        let mut all_hashes: Vec<Hash> = transaction.catalog_changes.iter().map(CatalogChange::hash).collect();
        all_hashes.extend(&revision_hashes);
        let mut bytes = Vec::new();
        let frame_length = write_frame(&mut bytes, kind, transaction, &tables, &revision_hashes)?;
        let frame = &bytes[..frame_length - 4];
        let entries = Entries {
            revisions_root: root(&all_hashes),
            catalog: catalog_hash(&transaction.catalog_changes),
            transaction_info: match kind {
                BlockKind::Genesis => None,
                BlockKind::Transaction => Some(transaction_info_hash(frame, &parts(frame)?)?),
            },
            redaction_info: (!transaction.redactions.is_empty())
                .then(|| Hash(ion_hash(&redaction_info(&transaction.redactions)))),
        };
        let data = transaction.revisions.iter().map(|revision| match &revision.data {
            Some(document) => Ok(StoredData::Data(document.as_bytes())),
            None => Ok(StoredData::Deleted),
        });
        write_data(&mut bytes, data)?;
        Ok(Draft {
            bytes,
            frame_length,
            transaction_id: transaction.transaction_id,
            revision_hashes,
            entries,
        })
    }
}

/// Makes block 0 of a new ledger; `timestamp` is in milliseconds since 1970-01-01T00:00Z.
pub fn genesis(strand_id: UniqueId, transaction_id: UniqueId, timestamp: i64) -> Block {
    let nothing = ProposedTransaction { transaction_id, ..Default::default() };
    let draft = Draft::of_kind(BlockKind::Genesis, &nothing).expect("nothing fits a block");
    draft.seal(BlockAddress { strand_id, sequence_no: 0 }, timestamp, None)
}

fn one_revision_per_document(transaction: &ProposedTransaction) -> Result<(), FormatError> {
    let mut seen = BTreeSet::new();
    match transaction.revisions.iter().find(|revision| !seen.insert(revision.document_id)) {
        Some(twice) => Err(FormatError::new(format!("document {} has two revisions", twice.document_id), 0)),
        None => Ok(()),
    }
}

fn revision_hashes(transaction: &ProposedTransaction) -> Vec<Hash> {
    let mut metadata = MetadataHasher::new(transaction.transaction_time, transaction.transaction_id);
    let hash = |revision: &ProposedRevision| {
        let data_hash = revision.data.as_ref().map(|document| Hash(document.ion_hash()));
        revision_hash(data_hash, metadata.hash(revision.document_id, revision.version))
    };
    transaction.revisions.iter().map(hash).collect()
}

/// The tables of the revisions, each once, in the order in which the revisions first name them.
fn tables(transaction: &ProposedTransaction) -> Vec<TableName<'_>> {
    let mut tables: Vec<TableName<'_>> = Vec::new();
    for revision in &transaction.revisions {
        let table = TableName { id: revision.table_id, name: &revision.table_name };
        if !tables.contains(&table) {
            tables.push(table);
        }
    }
    tables
}

/// Appends the frame and returns its length. The fields that sealing writes are zero.
fn write_frame(
    bytes: &mut Vec<u8>,
    kind: BlockKind,
    transaction: &ProposedTransaction,
    tables: &[TableName<'_>],
    revision_hashes: &[Hash],
) -> Result<usize, FormatError> {
    write_head(bytes, kind, if transaction.redactions.is_empty() { 0 } else { FLAG_REDACTIONS });
    bytes.extend_from_slice(transaction.transaction_id.as_bytes());
    bytes.put_i64(if transaction.revisions.is_empty() { 0 } else { transaction.transaction_time });
    bytes.put_u32(to_u32(transaction.statements.len())?);
    bytes.put_u32(to_u32(transaction.catalog_changes.len())?);
    bytes.put_u32(to_u32(tables.len())?);
    bytes.put_u32(to_u32(transaction.revisions.len())?);
    for statement in &transaction.statements {
        bytes.put_i64(statement.start_time);
        bytes.extend_from_slice(&statement.statement_digest.0);
        bytes.put_bytes(statement.statement.as_bytes())?;
    }
    for change in &transaction.catalog_changes {
        bytes.put_bytes(&binary::write(&change.to_ion()))?;
    }
    for table in tables {
        bytes.extend_from_slice(table.id.as_bytes());
        bytes.put_bytes(table.name.as_bytes())?;
    }
    for (revision, hash) in transaction.revisions.iter().zip(revision_hashes) {
        let table = TableName { id: revision.table_id, name: &revision.table_name };
        let table = tables.iter().position(|other| *other == table).expect("all tables are listed");
        bytes.extend_from_slice(revision.document_id.as_bytes());
        bytes.put_u64(revision.version);
        bytes.extend_from_slice(&hash.0);
        bytes.put_u32(to_u32(table)?);
        bytes.put_u32(to_u32(revision.statements.len())?);
        revision.statements.iter().for_each(|&statement| bytes.put_u32(statement));
    }
    if !transaction.redactions.is_empty() {
        bytes.put_u32(to_u32(transaction.redactions.len())?);
        transaction.redactions.iter().for_each(|redacted| write_redaction(bytes, redacted));
    }
    let frame_length = bytes.len() + 4;
    bytes[AT_FRAME_LENGTH..AT_FRAME_LENGTH + 4].copy_from_slice(&to_u32(frame_length)?.to_le_bytes());
    bytes.put_u32(0);
    Ok(frame_length)
}
