//! The catalog: tables and indexes, and how a block changes them.
//!
//! A shared [`Catalog`] never changes. A change makes a new one, which shares all tables that stay the same.
//! Everything in it follows from the journal, except how far an index on a filled table is built.

use std::collections::BTreeMap;
use std::sync::Arc;

use everstrand_ion::{Document, RawValue, Struct, Value};
use everstrand_journal::{CatalogChange, UniqueId};
use everstrand_partiql::tables::Index as SourceIndex;

use super::fields::Fields;
use super::keys::{IndexNumber, TableNumber};

/// All tables, active or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Catalog {
    /// Each table at the index that is its number.
    tables: Vec<Arc<Table>>,
    /// The numbers of the active tables.
    by_name: BTreeMap<Arc<str>, TableNumber>,
    by_id: BTreeMap<UniqueId, TableNumber>,
    /// How many indexes were ever created.
    indexes: IndexNumber,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub(crate) number: TableNumber,
    pub(crate) id: UniqueId,
    pub(crate) id_text: Arc<str>,
    pub(crate) name: Arc<str>,
    /// The tags that CREATE TABLE gave it, a struct.
    pub(crate) tags: Option<Value>,
    /// When it was active: from this block, and until before that one, or until now.
    pub(crate) active_ranges: Vec<(u64, Option<u64>)>,
    /// The top-level fields that its documents have or ever had.
    pub(crate) fields: Fields,
    /// In order of creation, without dropped ones.
    pub(crate) indexes: Vec<Index>,
    /// The indexes that may serve a query, in the form that the language takes.
    pub(crate) online: Arc<[SourceIndex]>,
}

/// An index of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Index {
    pub(crate) number: IndexNumber,
    pub(crate) id: UniqueId,
    pub(crate) id_text: Arc<str>,
    /// The name that CREATE INDEX gave it.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) paths: Vec<Vec<String>>,
    pub(crate) unique: bool,
    pub(crate) status: IndexStatus,
}

/// How far an index is built.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum IndexStatus {
    /// Documents with numbers from `next` to before `end` have no entries yet. All others have.
    Building { next: u64, end: u64 },
    /// It has all entries.
    Online,
    /// It could not be built, for this reason. Its entries must not be used.
    Failed(String),
}

impl Catalog {
    /// The active table of this name.
    pub(crate) fn active(&self, name: &str) -> Option<&Arc<Table>> {
        self.by_name.get(name).and_then(|number| self.by_number(*number))
    }

    /// The name of an active table that differs from this name only in upper and lower case.
    pub(crate) fn active_named_like(&self, name: &str) -> Option<&str> {
        let mut names = self.by_name.keys().map(|other| &**other);
        names.find(|other| *other != name && other.eq_ignore_ascii_case(name))
    }

    /// Any table, by its id.
    pub(crate) fn by_id(&self, id: UniqueId) -> Option<&Arc<Table>> {
        self.by_id.get(&id).and_then(|number| self.by_number(*number))
    }

    /// Any table, by its number.
    pub(crate) fn by_number(&self, number: TableNumber) -> Option<&Arc<Table>> {
        self.tables.get(usize::try_from(number).ok()?)
    }

    /// The table that had this name after a block.
    pub(crate) fn active_at(&self, name: &str, block: u64) -> Option<&Arc<Table>> {
        self.tables.iter().find(|table| &*table.name == name && table.was_active_at(block))
    }

    /// The active table that has an index of this name. No two of them have one.
    pub(crate) fn with_index_named(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.iter().find(|table| table.is_active() && table.index_named(name).is_some())
    }

    /// The number of an index.
    pub(crate) fn index_number(&self, table_id: UniqueId, index_id: UniqueId) -> Option<IndexNumber> {
        let table = self.by_id(table_id)?;
        table.indexes.iter().find(|index| index.id == index_id).map(|index| index.number)
    }

    /// All tables, in order of creation.
    pub(crate) fn tables(&self) -> &[Arc<Table>] {
        &self.tables
    }

    /// How many tables are active.
    pub(crate) fn active_count(&self) -> usize {
        self.by_name.len()
    }

    /// Applies a change of block `block`, and answers the number of the changed table. No document has a number from
    /// `next_number` on yet. The change fails if it does not fit, because then no ledger wrote this journal.
    pub(crate) fn apply(
        &mut self,
        change: &CatalogChange,
        block: u64,
        next_number: u64,
    ) -> Result<TableNumber, String> {
        match change {
            CatalogChange::CreateTable { table_id, name, tags } => {
                let number =
                    TableNumber::try_from(self.tables.len()).map_err(|_| "too many tables".to_owned())?;
                if self.by_id.contains_key(table_id) || self.by_name.contains_key(name.as_str()) {
                    return Err(format!("table {name} is created twice"));
                }
                let name: Arc<str> = name.as_str().into();
                self.tables.push(Arc::new(Table {
                    number,
                    id: *table_id,
                    id_text: table_id.to_string().into(),
                    name: Arc::clone(&name),
                    tags: tags.clone(),
                    active_ranges: vec![(block, None)],
                    fields: Fields::default(),
                    indexes: Vec::new(),
                    online: Arc::from([]),
                }));
                self.by_id.insert(*table_id, number);
                self.by_name.insert(name, number);
                Ok(number)
            }
            CatalogChange::DropTable { table_id } => {
                let table = self.change(*table_id)?;
                if let Some((_, end @ None)) = table.active_ranges.last_mut() {
                    *end = Some(block);
                }
                let (name, number) = (Arc::clone(&table.name), table.number);
                self.by_name.remove(&name);
                Ok(number)
            }
            CatalogChange::UndropTable { table_id } => {
                let table = self.change(*table_id)?;
                if !table.is_active() {
                    table.active_ranges.push((block, None));
                }
                let (name, number) = (Arc::clone(&table.name), table.number);
                self.by_name.insert(name, number);
                Ok(number)
            }
            CatalogChange::CreateIndex { index_id, table_id, name, paths, unique } => {
                let number = self.indexes;
                self.indexes = number.checked_add(1).ok_or_else(|| "too many indexes".to_owned())?;
                let table = self.change(*table_id)?;
                table.indexes.push(Index {
                    number,
                    id: *index_id,
                    id_text: index_id.to_string().into(),
                    name: name.as_deref().map(Arc::from),
                    paths: paths.clone(),
                    unique: *unique,
                    // A unique index is built at the end of its block, with the documents of that block.
                    status: IndexStatus::Building {
                        next: 0,
                        end: if *unique { u64::MAX } else { next_number },
                    },
                });
                Ok(table.number)
            }
            CatalogChange::DropIndex { index_id, table_id } => {
                let table = self.change(*table_id)?;
                table.indexes.retain(|index| index.id != *index_id);
                table.update_online();
                Ok(table.number)
            }
        }
    }

    /// Notes the top-level fields of a document.
    pub(crate) fn note_fields(&mut self, table_id: UniqueId, document: RawValue<'_>) {
        if let Ok(table) = self.change(table_id) {
            table.fields.note(document);
        }
    }

    /// Sets how far an index is.
    pub(crate) fn set_index_status(&mut self, table_id: UniqueId, index: IndexNumber, status: IndexStatus) {
        if let Ok(table) = self.change(table_id) {
            if let Some(index) = table.indexes.iter_mut().find(|candidate| candidate.number == index) {
                index.status = status;
            }
            table.update_online();
        }
    }

    /// The first index that is being built, with its table.
    pub(crate) fn building(&self) -> Option<(&Arc<Table>, &Index)> {
        self.tables.iter().find_map(|table| {
            let building = |index: &&Index| matches!(index.status, IndexStatus::Building { .. });
            table.indexes.iter().find(building).map(|index| (table, index))
        })
    }

    /// Restores a stored table. The tables must come in order of their numbers.
    pub(crate) fn restore(&mut self, table: Table) -> Result<(), String> {
        if usize::try_from(table.number) != Ok(self.tables.len()) {
            return Err(format!("table {} is stored out of order", table.number));
        }
        self.by_id.insert(table.id, table.number);
        if table.is_active() {
            self.by_name.insert(Arc::clone(&table.name), table.number);
        }
        self.tables.push(Arc::new(table));
        Ok(())
    }

    /// How many tables were ever created.
    pub(crate) fn table_count(&self) -> TableNumber {
        TableNumber::try_from(self.tables.len()).unwrap_or(TableNumber::MAX)
    }

    /// How many indexes were ever created.
    pub(crate) fn index_count(&self) -> IndexNumber {
        self.indexes
    }

    /// Restores how many indexes were ever created.
    pub(crate) fn restore_index_count(&mut self, indexes: IndexNumber) {
        self.indexes = indexes;
    }

    fn change(&mut self, id: UniqueId) -> Result<&mut Table, String> {
        let number = self.by_id.get(&id).and_then(|number| usize::try_from(*number).ok());
        let table = number.and_then(|number| self.tables.get_mut(number));
        table.map(Arc::make_mut).ok_or_else(|| format!("there is no table {id}"))
    }
}

impl Table {
    /// Whether statements can name it.
    pub(crate) fn is_active(&self) -> bool {
        matches!(self.active_ranges.last(), Some((_, None)))
    }

    /// The index of this name.
    pub(crate) fn index_named(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name.as_deref() == Some(name))
    }

    fn was_active_at(&self, block: u64) -> bool {
        self.active_ranges.iter().any(|(from, to)| *from <= block && to.is_none_or(|to| block < to))
    }

    /// Brings `online` up to date.
    fn update_online(&mut self) {
        let online = self.indexes.iter().filter(|index| index.status == IndexStatus::Online);
        self.online = online
            .map(|index| SourceIndex {
                id: Arc::clone(&index.id_text),
                paths: index.paths.clone(),
                unique: index.unique,
            })
            .collect();
    }

    /// Its row in `information_schema.user_tables`.
    pub(crate) fn to_row(&self) -> Document {
        let indexes: Vec<Value> = self.indexes.iter().map(Index::to_row).collect();
        let status = if self.is_active() { "ACTIVE" } else { "INACTIVE" };
        let row = Struct::from_iter([
            ("tableId", Value::from(&*self.id_text)),
            ("name", Value::from(&*self.name)),
            ("indexes", Value::from(indexes)),
            ("status", Value::from(status)),
        ]);
        Document::from(&Value::from(row))
    }

    /// What the view stores of it.
    pub(crate) fn to_stored(&self) -> Document {
        let active_ranges = self.active_ranges.iter().map(|(from, to)| {
            Value::from([Some(*from), *to].into_iter().flatten().map(Value::from).collect::<Vec<Value>>())
        });
        let mut stored = Struct::from_iter([
            ("number", Value::from(self.number)),
            ("id", Value::from(&*self.id_text)),
            ("name", Value::from(&*self.name)),
            // The name is part of the view's format.
            ("lives", Value::from(active_ranges.collect::<Vec<Value>>())),
            ("indexes", Value::from(self.indexes.iter().map(Index::to_stored).collect::<Vec<Value>>())),
            ("fields", self.fields.to_stored()),
        ]);
        if let Some(tags) = &self.tags {
            stored.push("tags", tags.clone());
        }
        Document::from(&Value::from(stored))
    }

    /// What [`Table::to_stored`] wrote; `None` for anything else.
    pub(crate) fn from_stored(stored: &Value) -> Option<Table> {
        let active_ranges = stored.get("lives")?.as_sequence()?.iter().map(|life| {
            let mut ends = life.as_sequence()?.iter().map(number::<u64>);
            Some((ends.next()??, ends.next().flatten()))
        });
        let indexes = stored.get("indexes")?.as_sequence()?.iter().map(Index::from_stored);
        let id: UniqueId = stored.get("id")?.as_text()?.parse().ok()?;
        let mut table = Table {
            number: number(stored.get("number")?)?,
            id,
            id_text: id.to_string().into(),
            name: stored.get("name")?.as_text()?.into(),
            tags: stored.get("tags").cloned(),
            active_ranges: active_ranges.collect::<Option<Vec<(u64, Option<u64>)>>>()?,
            indexes: indexes.collect::<Option<Vec<Index>>>()?,
            fields: Fields::from_stored(stored.get("fields")?)?,
            online: Arc::from([]),
        };
        table.update_online();
        Some(table)
    }
}

impl Index {
    /// Whether the document of this number has its entry in the index.
    pub(crate) fn covers(&self, document: u64) -> bool {
        match &self.status {
            IndexStatus::Building { next, end } => document < *next || document >= *end,
            IndexStatus::Online => true,
            IndexStatus::Failed(_) => false,
        }
    }

    /// `[a]`, or `[a, b.c]`.
    pub(crate) fn expression(&self) -> String {
        let paths: Vec<String> = self.paths.iter().map(|path| path.join(".")).collect();
        format!("[{}]", paths.join(", "))
    }

    fn to_row(&self) -> Value {
        let status = match self.status {
            IndexStatus::Building { .. } => "BUILDING",
            IndexStatus::Online => "ONLINE",
            IndexStatus::Failed(_) => "FAILED",
        };
        let mut row = Struct::from_iter([
            ("indexId", Value::from(&*self.id_text)),
            ("expr", Value::from(self.expression())),
            ("status", Value::from(status)),
        ]);
        if let Some(name) = &self.name {
            row.push("name", &**name);
        }
        if let IndexStatus::Failed(message) = &self.status {
            row.push("message", message.as_str());
        }
        row.into()
    }

    fn to_stored(&self) -> Value {
        let paths = self.paths.iter().map(|path| {
            Value::from(path.iter().map(|name| Value::from(name.as_str())).collect::<Vec<Value>>())
        });
        let mut stored = Struct::from_iter([
            ("number", Value::from(self.number)),
            ("id", Value::from(&*self.id_text)),
            ("paths", Value::from(paths.collect::<Vec<Value>>())),
            ("unique", Value::from(self.unique)),
        ]);
        if let Some(name) = &self.name {
            stored.push("name", &**name);
        }
        match &self.status {
            IndexStatus::Building { next, end } => {
                stored.push("next", *next);
                stored.push("end", *end);
            }
            IndexStatus::Online => {}
            IndexStatus::Failed(message) => stored.push("failed", message.as_str()),
        }
        stored.into()
    }

    fn from_stored(stored: &Value) -> Option<Index> {
        let path = |path: &Value| {
            path.as_sequence()?
                .iter()
                .map(|name| Some(name.as_text()?.to_owned()))
                .collect::<Option<Vec<String>>>()
        };
        let id: UniqueId = stored.get("id")?.as_text()?.parse().ok()?;
        let status = match (stored.get("next"), stored.get("failed")) {
            (Some(next), _) => {
                IndexStatus::Building { next: number(next)?, end: number(stored.get("end")?)? }
            }
            (None, Some(message)) => IndexStatus::Failed(message.as_text()?.to_owned()),
            (None, None) => IndexStatus::Online,
        };
        Some(Index {
            number: number(stored.get("number")?)?,
            id,
            id_text: id.to_string().into(),
            name: match stored.get("name") {
                None => None,
                Some(name) => Some(name.as_text()?.into()),
            },
            paths: stored.get("paths")?.as_sequence()?.iter().map(path).collect::<Option<_>>()?,
            unique: stored.get("unique") == Some(&Value::from(true)),
            status,
        })
    }
}

fn number<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    T::try_from(value.as_i64()?).ok()
}
