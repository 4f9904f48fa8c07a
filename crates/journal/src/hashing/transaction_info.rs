//! What a block says of its transaction: statements, documents and redactions, in QLDB's shapes.

use everstrand_ion::{Struct, Timestamp, Value};

use crate::hashing::{BlockAddress, Hash, UniqueId};

/// One statement of a transaction. Queries and statements that failed are recorded too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementInfo {
    /// The text of the statement.
    pub statement: String,
    /// The time at which it began, in milliseconds since 1970-01-01T00:00Z.
    pub start_time: i64,
    /// The hash of text and parameters, see [`crate::statement_digest`].
    pub statement_digest: Hash,
}

/// A revision whose data a redaction removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedactedRevision {
    /// The address of the block that holds it.
    pub block_address: BlockAddress,
    /// The id of its document's table.
    pub table_id: UniqueId,
    /// The id of its document.
    pub document_id: UniqueId,
    /// Its version, from 0.
    pub version: u64,
}

impl RedactedRevision {
    /// QLDB's shape: `{blockAddress, tableId, documentId, version}`. `EXEC REDACT_REVISION` answers the same struct.
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

/// `redactionInfo`: `{revisions: [...]}`.
pub(crate) fn redaction_info(redacted: &[RedactedRevision]) -> Value {
    let revisions: Vec<Value> = redacted.iter().map(RedactedRevision::to_ion).collect();
    Struct::from_iter([("revisions", Value::from(revisions))]).into()
}

/// A table: its id, and the name that it had when the block was made.
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

/// A document as `transactionInfo` shows it: its table, and the numbers of the statements that touched it.
pub(crate) fn document_to_ion(table: TableName<'_>, statements: impl Iterator<Item = u32>) -> Value {
    Struct::from_iter([
        ("tableName", Value::from(table.name)),
        ("tableId", Value::from(table.id.to_string())),
        ("statements", Value::from(statements.map(Value::from).collect::<Vec<Value>>())),
    ])
    .into()
}

/// `transactionInfo`: `{statements, documents}`. `documents` is absent if the transaction touched no document.
pub(crate) fn transaction_info(statements: Vec<Value>, documents: Struct) -> Value {
    let mut info = Struct::default();
    info.push("statements", statements);
    if !documents.is_empty() {
        info.push("documents", documents);
    }
    info.into()
}
