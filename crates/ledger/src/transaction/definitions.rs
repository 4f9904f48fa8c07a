//! Statements that create and drop tables and indexes.

use std::sync::Arc;

use everstrand_ion::Value;
use everstrand_journal::{CatalogChange, UniqueId};
use everstrand_partiql::tables::IndexDefinition;

use super::scope::{COMMITTED_PREFIX, Scope};
use crate::authorize::{Protected, TableAction};
use crate::error::LedgerError;
use crate::state::catalog::{Catalog, Table};

/// QLDB reserves names with this prefix.
const RESERVED_PREFIX: &str = "_ql_";
const NAME_CHARACTERS_MAX: usize = 128;

impl Scope<'_> {
    /// CREATE TABLE.
    pub(super) fn add_table(&mut self, name: &str, tags: Option<&Value>) -> Result<Arc<str>, LedgerError> {
        check_name(name, "A table's name")?;
        self.require(TableAction::CreateTable, Protected::NewTable)?;
        if tags.is_some() {
            self.require(TableAction::Tag, Protected::NewTable)?;
        }
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
        self.require_on(TableAction::DropTable, &table)?;
        self.change(CatalogChange::DropTable { table_id: table.id })?;
        Ok(Arc::clone(&table.id_text))
    }

    /// UNDROP TABLE.
    pub(super) fn restore_table(&mut self, table_id: &str) -> Result<Arc<str>, LedgerError> {
        let unknown = || LedgerError::bad_request(format!("There is no inactive table with id {table_id}"));
        let id: UniqueId = table_id.parse().map_err(|_| unknown())?;
        self.work.reads.table_ids.insert(id);
        let table = self.catalog().by_id(id).filter(|table| !table.is_active() && self.is_visible(table));
        let table = table.cloned().ok_or_else(unknown)?;
        self.require_on(TableAction::UndropTable, &table)?;
        self.work.reads.names.insert(Arc::clone(&table.name));
        if self.catalog().active(&table.name).is_some() {
            return Err(already_exists(&table.name));
        }
        for name in table.indexes.iter().filter_map(|index| index.name.as_deref()) {
            self.work.reads.catalog = true;
            if let Some(other) = self.catalog().with_index_named(name) {
                return Err(self.name_is_taken(name, other));
            }
        }
        let active = self.catalog().active_count();
        check_active(active, self.core.options.limits.active_tables)?;
        self.work.reads.catalog |= active + 1 == self.core.options.limits.active_tables;
        self.change(CatalogChange::UndropTable { table_id: id })?;
        Ok(Arc::clone(&table.id_text))
    }

    /// CREATE INDEX.
    pub(super) fn add_index(&mut self, definition: &IndexDefinition) -> Result<Arc<str>, LedgerError> {
        let IndexDefinition { table, name, paths, unique, if_not_exists } = definition;
        let table = self.active_table(table)?;
        self.require_on(TableAction::CreateIndex, &table)?;
        if let Some(name) = name {
            check_name(name, "An index's name")?;
            // Transactions that give a name at the same time conflict, also if they give it on different tables.
            self.work.reads.catalog = true;
            if let Some(table) = self.catalog().with_index_named(name) {
                let id = Arc::clone(&table.id_text);
                return if *if_not_exists { Ok(id) } else { Err(self.name_is_taken(name, table)) };
            }
        }
        if table.indexes.iter().any(|index| index.paths == *paths && index.unique == *unique) {
            if *if_not_exists && name.is_none() {
                return Ok(Arc::clone(&table.id_text));
            }
            let paths: Vec<String> = paths.iter().map(|path| path.join(".")).collect();
            return Err(LedgerError::BadRequest {
                code: Some("412"),
                message: format!(
                    "Index on [{}] of table USER.{} already exists",
                    paths.join(", "),
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
        self.change(CatalogChange::CreateIndex {
            index_id: self.core.environment.ids.next(),
            table_id: table.id,
            name: name.clone(),
            paths: paths.clone(),
            unique: *unique,
        })?;
        Ok(Arc::clone(&table.id_text))
    }

    /// DROP INDEX, by the id or the name of the index. Without a table the index may be of any active one. Answers
    /// `None` if there is no such index and `if_exists` allows that.
    pub(super) fn remove_index(
        &mut self,
        index: &str,
        table: Option<&str>,
        if_exists: bool,
    ) -> Result<Option<Arc<str>>, LedgerError> {
        let of = |table: &Table| {
            let by_id = table.indexes.iter().find(|candidate| &*candidate.id_text == index);
            by_id.or_else(|| table.index_named(index)).map(|index| index.id)
        };
        let (found, place) = match table {
            Some(name) => {
                let table = match self.active_table(name) {
                    Err(_) if if_exists => return Ok(None),
                    table => table?,
                };
                (of(&table).map(|index| (table, index)), format!("table {name}"))
            }
            None => {
                self.work.reads.catalog = true;
                let tables = self.catalog().tables().iter();
                let mut active = tables.filter(|table| table.is_active() && self.is_visible(table));
                let found = active.find_map(|table| Some((Arc::clone(table), of(table)?)));
                (found, "any table".to_owned())
            }
        };
        let Some((table, index_id)) = found else {
            if if_exists {
                return Ok(None);
            }
            let message = format!("There is no index with id {index} on {place}");
            return Err(LedgerError::bad_request(message));
        };
        self.require_on(TableAction::DropIndex, &table)?;
        self.change(CatalogChange::DropIndex { index_id, table_id: table.id })?;
        Ok(Some(Arc::clone(&table.id_text)))
    }

    /// Names the table only to who may know of it.
    fn name_is_taken(&self, index: &str, table: &Table) -> LedgerError {
        let place = match self.is_visible(table) {
            true => format!(", on table USER.{}", table.name),
            false => String::new(),
        };
        LedgerError::BadRequest {
            code: Some("412"),
            message: format!("Index with name: {index} already exists{place}"),
        }
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
        let table = self.catalog().active(name).filter(|table| self.is_visible(table));
        table.cloned().ok_or_else(unknown)
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

fn check_name(name: &str, what: &str) -> Result<(), LedgerError> {
    let first = |character: char| character.is_ascii_alphabetic() || character == '_';
    let other = |character: char| first(character) || character.is_ascii_digit();
    if !name.starts_with(first) || !name.chars().all(other) || name.len() > NAME_CHARACTERS_MAX {
        return Err(LedgerError::bad_request(format!(
            "{what} has 1 to 128 letters, digits and underscores, and does not begin with a digit: {name:?}"
        )));
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
            assert!(check_name(good, "A name").is_ok(), "{good}");
        }
        let longer = "a".repeat(NAME_CHARACTERS_MAX + 1);
        for bad in ["", "1a", "a-b", "-", "ä", longer.as_str(), COMMITTED_PREFIX] {
            assert!(check_name(bad, "A name").is_err(), "{bad}");
        }
    }
}
