//! Statements that create and drop tables and indexes.

use std::sync::Arc;

use everstrand_ion::Value;
use everstrand_journal::{CatalogChange, UniqueId};

use super::scope::{COMMITTED_PREFIX, Scope};
use crate::error::LedgerError;
use crate::state::catalog::{Catalog, Table};

/// QLDB reserves names with this prefix.
const RESERVED_PREFIX: &str = "_ql_";
const NAME_CHARACTERS_MAX: usize = 128;

impl Scope<'_> {
    /// CREATE TABLE.
    pub(super) fn add_table(&mut self, name: &str, tags: Option<&Value>) -> Result<Arc<str>, LedgerError> {
        check_name(name)?;
        self.work.reads.names.insert(name.into());
        let limits = &self.core.options.limits;
        let catalog = self.catalog();
        if catalog.active(name).is_some() {
            return Err(already_exists(name));
        }
        let (active, total) = (catalog.active_count(), catalog.tables().len());
        if total >= limits.tables {
            return Err(limit(format!(
                "Exceeded tables limit: Ledger has {total} total tables, and cannot create another."
            )));
        }
        check_active(active, limits.active_tables)?;
        // This is the last table that fits, so a table that another transaction creates meanwhile is a conflict.
        self.work.reads.catalog |= total + 1 == limits.tables || active + 1 == limits.active_tables;
        let table_id = self.core.environment.ids.next();
        let change = CatalogChange::CreateTable { table_id, name: name.to_owned(), tags: tags.cloned() };
        self.change(change)?;
        Ok(table_id.to_string().into())
    }

    /// DROP TABLE.
    pub(super) fn remove_table(&mut self, name: &str) -> Result<Arc<str>, LedgerError> {
        let table = self.active_table(name)?;
        self.change(CatalogChange::DropTable { table_id: table.id })?;
        Ok(Arc::clone(&table.id_text))
    }

    /// UNDROP TABLE.
    pub(super) fn restore_table(&mut self, table_id: &str) -> Result<Arc<str>, LedgerError> {
        let unknown = || LedgerError::bad_request(format!("There is no inactive table with id {table_id}"));
        let id: UniqueId = table_id.parse().map_err(|_| unknown())?;
        self.work.reads.table_ids.insert(id);
        let table =
            self.catalog().by_id(id).filter(|table| !table.is_active()).cloned().ok_or_else(unknown)?;
        self.work.reads.names.insert(Arc::clone(&table.name));
        if self.catalog().active(&table.name).is_some() {
            return Err(already_exists(&table.name));
        }
        let active = self.catalog().active_count();
        check_active(active, self.core.options.limits.active_tables)?;
        self.work.reads.catalog |= active + 1 == self.core.options.limits.active_tables;
        self.change(CatalogChange::UndropTable { table_id: id })?;
        Ok(Arc::clone(&table.id_text))
    }

    /// CREATE INDEX.
    pub(super) fn add_index(
        &mut self,
        table: &str,
        paths: &[Vec<String>],
        unique: bool,
    ) -> Result<Arc<str>, LedgerError> {
        let table = self.active_table(table)?;
        if table.indexes.iter().any(|index| index.paths == paths && index.unique == unique) {
            let names: Vec<String> = paths.iter().map(|path| path.join(".")).collect();
            return Err(LedgerError::BadRequest {
                code: Some("412"),
                message: format!(
                    "Index on [{}] of table USER.{} already exists",
                    names.join(", "),
                    table.name
                ),
            });
        }
        let bound = self.core.options.limits.indexes_per_table;
        if table.indexes.len() >= bound {
            return Err(limit(format!(
                "Exceeded indexes limit: Table has {} indexes, and cannot create another.",
                table.indexes.len()
            )));
        }
        let index_id = self.core.environment.ids.next();
        let paths = paths.to_vec();
        self.change(CatalogChange::CreateIndex { index_id, table_id: table.id, paths, unique })?;
        Ok(Arc::clone(&table.id_text))
    }

    /// DROP INDEX.
    pub(super) fn remove_index(&mut self, index_id: &str, table: &str) -> Result<Arc<str>, LedgerError> {
        let table = self.active_table(table)?;
        let index = table.indexes.iter().find(|index| &*index.id_text == index_id).ok_or_else(|| {
            LedgerError::bad_request(format!("There is no index with id {index_id} on table {}", table.name))
        })?;
        self.change(CatalogChange::DropIndex { index_id: index.id, table_id: table.id })?;
        Ok(Arc::clone(&table.id_text))
    }

    fn active_table(&mut self, name: &str) -> Result<Arc<Table>, LedgerError> {
        self.work.reads.names.insert(name.into());
        let unknown = || LedgerError::BadRequest {
            code: Some("432"),
            message: format!(
                "Semantic Error: at line <UNKNOWN>, column <UNKNOWN>: No such variable named '{name}'; No such \
                 variable named '{name}'"
            ),
        };
        if name.starts_with(COMMITTED_PREFIX) {
            return Err(LedgerError::bad_request("Definitions are only supported on user tables"));
        }
        self.catalog().active(name).cloned().ok_or_else(unknown)
    }

    fn change(&mut self, change: CatalogChange) -> Result<(), LedgerError> {
        let head = &self.snapshot.head;
        let mut catalog: Arc<Catalog> = Arc::clone(self.work.writes.catalog().unwrap_or(&head.catalog));
        Arc::make_mut(&mut catalog)
            .apply(&change, head.tip.block_no + 1, head.next_number)
            .map_err(LedgerError::Internal)?;
        self.work.writes.change(self.statement, change, catalog);
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), LedgerError> {
    let first = |character: char| character.is_ascii_alphabetic() || character == '_';
    let other = |character: char| first(character) || character.is_ascii_digit();
    if !name.starts_with(first) || !name.chars().all(other) || name.len() > NAME_CHARACTERS_MAX {
        let message =
            "A table's name has 1 to 128 letters, digits and underscores, and does not begin with a digit";
        return Err(LedgerError::bad_request(format!("{message}: {name:?}")));
    }
    if name.starts_with(RESERVED_PREFIX) {
        return Err(LedgerError::bad_request(format!(
            "Names that begin with {RESERVED_PREFIX} are reserved"
        )));
    }
    Ok(())
}

fn check_active(active: usize, bound: usize) -> Result<(), LedgerError> {
    if active < bound {
        return Ok(());
    }
    Err(limit(format!(
        "Exceeded tables limit: Ledger has {active} active tables, and cannot create another."
    )))
}

fn limit(message: String) -> LedgerError {
    LedgerError::BadRequest { code: None, message }
}

fn already_exists(name: &str) -> LedgerError {
    LedgerError::BadRequest {
        code: Some("412"),
        message: format!("Table with name: USER.{name} already exists"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_are_identifiers() {
        let longest = "a".repeat(NAME_CHARACTERS_MAX);
        for good in ["a", "_", "A_1", longest.as_str()] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let longer = "a".repeat(NAME_CHARACTERS_MAX + 1);
        for bad in ["", "1a", "a-b", "-", "ä", longer.as_str(), COMMITTED_PREFIX] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
