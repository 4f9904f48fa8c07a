//! What a block tells of its transaction: the statements, the documents, the redactions.

use everstrand_ion::{Data, Struct, Timestamp, Value};

use crate::block_layout::{Parts, read_revision_frame, read_statement, read_table};
use crate::frame::Reader;
use crate::struct_hash::{StructHash, blob, id, list, text, timestamp, uint};
use crate::{BlockAddress, FormatError, Hash, UniqueId};

/// One statement of a transaction, queries and failed ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementInfo {
    /// Its text.
    pub statement: String,
    /// When it began, in milliseconds since 1970-01-01T00:00Z.
    pub start_time: i64,
    /// The hash of text and parameters, [`crate::statement_digest`].
    pub statement_digest: Hash,
}

/// The revision that a redaction took the data of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedactedRevision {
    /// The block it is in.
    pub block_address: BlockAddress,
    /// The table of its document.
    pub table_id: UniqueId,
    /// Its document.
    pub document_id: UniqueId,
    /// Its version.
    pub version: u64,
}

impl RedactedRevision {
    /// `{blockAddress, tableId, documentId, version}`, which `EXEC REDACT_REVISION` answers too.
    pub fn to_ion(&self) -> Value {
        Struct::from_iter([
            ("blockAddress", self.block_address.to_ion()),
            ("tableId", Value::from(self.table_id.to_string())),
            ("documentId", Value::from(self.document_id.to_string())),
            ("version", Value::from(self.version)),
        ])
        .into()
    }
}

/// `{revisions: [...]}`.
pub(crate) fn redaction_info(redacted: &[RedactedRevision]) -> Value {
    let revisions: Vec<Value> = redacted.iter().map(RedactedRevision::to_ion).collect();
    Struct::from_iter([("revisions", Value::from(revisions))]).into()
}

/// A table by its id and the name it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableName<'a> {
    pub(crate) id: UniqueId,
    pub(crate) name: &'a str,
}

/// A statement as `transactionInfo` shows it.
pub(crate) fn statement_to_ion(statement: &str, start_time: i64, digest: Hash) -> Value {
    Struct::from_iter([
        ("statement", Value::from(statement)),
        ("startTime", Value::from(Timestamp::from_unix_millis(start_time))),
        ("statementDigest", Value::new(Data::Blob(digest.0.to_vec()))),
    ])
    .into()
}

/// A document as `transactionInfo` shows it: its table and the statements that touched it.
pub(crate) fn document_to_ion(table: TableName<'_>, statements: impl Iterator<Item = u32>) -> Value {
    Struct::from_iter([
        ("tableName", Value::from(table.name)),
        ("tableId", Value::from(table.id.to_string())),
        ("statements", Value::from(statements.map(Value::from).collect::<Vec<Value>>())),
    ])
    .into()
}

/// `{statements, documents}`; `documents` is absent where no document was touched.
pub(crate) fn transaction_info(statements: Vec<Value>, documents: Struct) -> Value {
    let mut info = Struct::default();
    info.push("statements", statements);
    if !documents.is_empty() {
        info.push("documents", documents);
    }
    info.into()
}

/// The hash of `transactionInfo`, from a block's frame. What many documents have in common is hashed once.
pub(crate) fn transaction_info_hash(frame: &[u8], parts: &Parts) -> Result<Hash, FormatError> {
    let mut part = StructHash::default();
    let mut statements = Vec::new();
    let mut reader = Reader::at(frame, parts.statements.at);
    for _ in 0..parts.statements.count {
        let statement = read_statement(&mut reader)?;
        part.field("statement", |out| text(statement.statement, out));
        part.field("startTime", |out| timestamp(statement.start_time, out));
        part.field("statementDigest", |out| blob(&statement.statement_digest.0, out));
        part.write(&mut statements);
    }
    let mut info = StructHash::default();
    info.field("statements", |out| list(out, |out| out.extend_from_slice(&statements)));
    if parts.revisions.count > 0 {
        let mut documents = documents_hash(frame, parts, part)?;
        info.field("documents", |out| documents.write(out));
    }
    Ok(info.finish())
}

fn documents_hash(frame: &[u8], parts: &Parts, mut part: StructHash) -> Result<StructHash, FormatError> {
    let mut reader = Reader::at(frame, parts.tables.at);
    let tables = (0..parts.tables.count).map(|_| read_table(&mut reader)).collect::<Result<Vec<_>, _>>()?;
    let mut documents = StructHash::default();
    let mut last: Option<(usize, &[u8])> = None;
    let mut value = Vec::new();
    let mut reader = Reader::at(frame, parts.revisions.at);
    for _ in 0..parts.revisions.count {
        let revision = read_revision_frame(&mut reader)?;
        if last != Some((revision.table, revision.statements)) {
            last = Some((revision.table, revision.statements));
            part.field("tableName", |out| text(tables[revision.table].name, out));
            part.field("tableId", |out| id(tables[revision.table].id, out));
            part.field("statements", |out| {
                list(out, |out| {
                    statement_numbers(revision.statements).for_each(|number| uint(number.into(), out))
                });
            });
            value.clear();
            part.write(&mut value);
        }
        let name = revision.document_id.to_text();
        let name = std::str::from_utf8(&name).expect("letters and digits");
        documents.field(name, |out| out.extend_from_slice(&value));
    }
    Ok(documents)
}

/// Numbers of statements as a block stores them.
pub(crate) fn statement_numbers(bytes: &[u8]) -> impl ExactSizeIterator<Item = u32> {
    bytes.chunks_exact(4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")))
}
