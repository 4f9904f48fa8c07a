//! What a block tells of its transaction: the statements, the documents, the redactions.

use everstrand_ion::{Struct, Timestamp, Value};

use crate::hashing::{BlockAddress, Hash, UniqueId};

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
        ("statementDigest", digest.to_ion()),
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
