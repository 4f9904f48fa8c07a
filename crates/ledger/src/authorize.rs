//! Permission for what statements do. The engine knows no users: it asks its caller, who does.

/// What a statement wants to do with a table or with the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableAction {
    /// Read documents or committed revisions, or the catalog.
    Select,
    /// Insert documents.
    Insert,
    /// Change documents.
    Update,
    /// Delete documents.
    Delete,
    /// Read the past.
    History,
    /// Redact a revision.
    Redact,
    /// Create a table.
    CreateTable,
    /// Give a new table tags.
    Tag,
    /// Drop a table.
    DropTable,
    /// Make a dropped table active again.
    UndropTable,
    /// Create an index.
    CreateIndex,
    /// Drop an index.
    DropIndex,
}

impl TableAction {
    /// Whether it leaves the ledger as it is.
    pub(crate) fn only_reads(self) -> bool {
        matches!(self, TableAction::Select | TableAction::History)
    }

    /// What can be done with a table that exists.
    pub const ON_TABLES: &[TableAction] = &[
        TableAction::Select,
        TableAction::Insert,
        TableAction::Update,
        TableAction::Delete,
        TableAction::History,
        TableAction::CreateIndex,
        TableAction::DropIndex,
        TableAction::DropTable,
        TableAction::UndropTable,
        TableAction::Redact,
    ];
}

/// What a statement wants to do something with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protected<'a> {
    /// The table with this id.
    Table(&'a str),
    /// A table that does not exist yet.
    NewTable,
    /// The catalog: the names of all tables.
    Catalog,
}

/// Decides what a session's statements may do. Without one, statements may do everything.
///
/// A table with which nothing may be done does not exist for a statement, so that nobody learns its name from an error.
pub trait Authorize: Send + Sync {
    /// Whether a statement may do this. It is asked at each execution, also for a plan that was made before.
    fn allows(&self, action: TableAction, of: Protected<'_>) -> bool;
}
