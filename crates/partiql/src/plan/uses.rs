//! What a statement does with the tables that it names, so that the owner of the tables can decide whether it may.

use std::sync::Arc;

/// A table, and what a statement does with it. Definitions and procedures are not among these, because the tables are asked for each
/// of them by a method of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableUse {
    /// The id of the table. It is empty for the catalog.
    pub table_id: Arc<str>,
    /// What is done with it.
    pub kind: UseKind,
}

/// What a statement does with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseKind {
    /// Reads documents or committed revisions as they are now.
    Read,
    /// Reads its past: a history, a difference, or a moment in the past.
    ReadPast,
    /// Reads the list of tables.
    ReadCatalog,
    /// Inserts documents.
    Insert,
    /// Changes documents.
    Update,
    /// Deletes documents.
    Delete,
}
