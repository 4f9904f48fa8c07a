//! Tables in memory: the plainest implementation of what the language asks for.

use std::collections::BTreeSet;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use everstrand_ion::{Document, RawValue, Timestamp, Value, text};
use everstrand_partiql::key;
use everstrand_partiql::tables::{
    Access, AsOf, Cursor, FieldNames, HistoryTable, Index, IndexDefinition, KeysCounted, OnConflict, Row,
    Source, SourceKind, Tables, TablesError, WantedRows, spelling_in,
};

/// What tables say of their sizes.
#[allow(dead_code, reason = "shared with other tests")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Sizes {
    #[default]
    Unknown,
    True,
    /// Numbers that have nothing to do with the tables.
    False(u64),
}

/// A number up to 100,000 that follows from a seed and an id; small ones are as frequent as large ones.
fn number_of(seed: u64, id: &str) -> u64 {
    let mixed = id.bytes().fold(seed, |mixed, byte| {
        (mixed ^ u64::from(byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23)
    });
    10u64.pow((mixed % 6) as u32) * (1 + (mixed >> 32) % 9)
}

/// Tables as vectors. Every write is a block of its own, one second after the one before.
#[derive(Debug, Default)]
pub(crate) struct MemoryTables {
    tables: Vec<Table>,
    /// The names of indexes, with their ids.
    names: Vec<(Arc<str>, String)>,
    ids: u64,
    /// The number of writes so far, which is the sequence number of the last block.
    block: u64,
    /// After how many questions a statement is interrupted.
    pub(crate) interrupt_after: Option<u64>,
    /// What they say of how many rows and keys they have.
    pub(crate) sizes: Sizes,
    /// How often rows of each kind of access were asked for.
    pub(crate) scans: u64,
    pub(crate) lookups: u64,
}

#[derive(Debug)]
struct Table {
    id: Arc<str>,
    name: String,
    is_active: bool,
    indexes: Vec<Index>,
    documents: Vec<Stored>,
}

/// A document with all its revisions, the last of them current; a revision without data is a deletion.
#[derive(Debug)]
struct Stored {
    id: Arc<str>,
    revisions: Vec<(u64, Option<Document>)>,
}

impl Stored {
    fn at(&self, block: u64) -> Option<(usize, &(u64, Option<Document>))> {
        self.revisions.iter().enumerate().rev().find(|(_, (written, _))| *written <= block)
    }

    fn data_at(&self, block: u64) -> Option<&Document> {
        self.at(block).and_then(|(_, (_, data))| data.as_ref())
    }
}

/// When a block was written: 2024-01-01T00:00:00Z plus as many seconds.
pub(crate) fn block_time(block: u64) -> Timestamp {
    Timestamp::from_unix_millis(1_704_067_200_000 + 1000 * i64::try_from(block).expect("few blocks"))
}

fn refused<T>(code: Option<&'static str>, message: impl Into<String>) -> Result<T, TablesError> {
    Err(TablesError::Refused { code, message: message.into() })
}

impl MemoryTables {
    /// The rows of an access, with their keys if it is by index.
    fn found(&mut self, source: &Source, access: &Access) -> Vec<(Vec<u8>, Row)> {
        let all = self.all(source);
        let unkeyed = |row: Row| (Vec::new(), row);
        match access {
            Access::Scan => {
                self.scans += 1;
                all.into_iter().map(|(row, _)| unkeyed(row)).collect()
            }
            Access::Documents(ids) => {
                self.lookups += 1;
                let rows = |id: &Arc<str>| {
                    let id = id.clone();
                    all.iter()
                        .filter(move |(row, _)| row.id.as_ref() == Some(&id))
                        .map(|(row, _)| row.clone())
                };
                ids.iter().flat_map(rows).map(unkeyed).collect()
            }
            Access::Index { index_id, ranges, descending } => {
                self.lookups += 1;
                let index =
                    source.indexes.iter().find(|index| index.id == *index_id).expect("an index of it");
                let mut entries: Vec<(Vec<u8>, Row)> =
                    all.into_iter().filter_map(|(row, data)| Some((key_of(index, &data?), row))).collect();
                entries.sort_by(|(left, _), (right, _)| left.cmp(right));
                if *descending {
                    entries.reverse();
                }
                let mut found = Vec::new();
                for range in ranges {
                    let range: (Bound<Vec<u8>>, Bound<Vec<u8>>) = key::range(range);
                    found.extend(entries.iter().filter(|(key, _)| range.contains(key)).cloned());
                }
                found
            }
        }
    }

    fn new_id(&mut self, kind: &str) -> Arc<str> {
        self.ids += 1;
        format!("{kind}{}", self.ids).into()
    }

    fn active(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.iter_mut().find(|table| table.is_active && table.name == name)
    }

    fn table(&self, id: &str) -> &Table {
        self.tables.iter().find(|table| &*table.id == id).expect("sources name tables")
    }

    fn table_mut(&mut self, id: &str) -> &mut Table {
        self.tables.iter_mut().find(|table| &*table.id == id).expect("sources name tables")
    }

    fn block_of(&self, as_of: Option<&AsOf>) -> u64 {
        match as_of {
            None => self.block,
            Some(AsOf::Block(block)) => *block,
            Some(AsOf::Timestamp(timestamp)) => (0..=self.block)
                .rev()
                .find(|block| block_time(*block).instant_cmp(timestamp).is_le())
                .unwrap_or(0),
        }
    }

    /// All rows of a source in order of appearance, with the data that indexes look at.
    fn all(&self, source: &Source) -> Vec<(Row, Option<Document>)> {
        let block = self.block_of(source.as_of.as_ref());
        let row = |id: Option<Arc<str>>, value: Document, data: Option<Document>| {
            (Row { id, value, cursor: Cursor(Vec::new()) }, data)
        };
        match &source.kind {
            SourceKind::Diff { start, end } => {
                self.changes(&source.table_id, *start, end.unwrap_or(self.block))
            }
            SourceKind::UserTables => {
                self.tables.iter().map(|table| row(None, Document::from(table_row(table)), None)).collect()
            }
            SourceKind::User => self
                .table(&source.table_id)
                .documents
                .iter()
                .filter_map(|stored| {
                    let data = stored.data_at(block)?;
                    Some(row(Some(Arc::clone(&stored.id)), data.clone(), Some(data.clone())))
                })
                .collect(),
            SourceKind::Committed => self
                .table(&source.table_id)
                .documents
                .iter()
                .filter_map(|stored| {
                    let (version, (written, data)) = stored.at(block)?;
                    let data = data.as_ref()?;
                    let value = revision(&stored.id, version, *written, Some(data));
                    Some(row(Some(Arc::clone(&stored.id)), value, Some(data.clone())))
                })
                .collect(),
            SourceKind::History { start, end } => self
                .table(&source.table_id)
                .documents
                .iter()
                .flat_map(|stored| {
                    stored.revisions.iter().enumerate().filter_map(|(version, (written, data))| {
                        let next = stored.revisions.get(version + 1);
                        let is_late =
                            end.as_ref().is_some_and(|end| block_time(*written).instant_cmp(end).is_gt());
                        let is_early = start.as_ref().is_some_and(|start| {
                            next.is_some_and(|(next, _)| block_time(*next).instant_cmp(start).is_le())
                        });
                        if is_late || is_early {
                            return None;
                        }
                        let value = revision(&stored.id, version, *written, data.as_ref());
                        Some(row(Some(Arc::clone(&stored.id)), value, data.clone()))
                    })
                })
                .collect(),
        }
    }

    /// What changed in a table between two blocks: the net change of each document, in the order of the first changes.
    fn changes(&self, table_id: &str, start: u64, end: u64) -> Vec<(Row, Option<Document>)> {
        let mut changed: Vec<(u64, (Row, Option<Document>))> = Vec::new();
        for stored in &self.table(table_id).documents {
            let revisions = stored.revisions.iter();
            let first =
                revisions.map(|(written, _)| *written).find(|written| *written > start && *written <= end);
            let (Some(first), Some((version, (written, data)))) = (first, stored.at(end)) else { continue };
            let before = stored.at(start).filter(|(_, (_, data))| data.is_some());
            let change = match (&before, data) {
                (None, None) => continue,
                (None, Some(_)) => "INSERT",
                (Some(_), None) => "DELETE",
                (Some(_), Some(_)) => "UPDATE",
            };
            let before = before.map_or(String::new(), |(version, (written, data))| {
                format!("before: {},", revision(&stored.id, version, *written, data.as_ref()))
            });
            let after = revision(&stored.id, version, *written, data.as_ref());
            let row =
                format!("{{documentId: \"{}\", change: \"{change}\", {before} after: {after}}}", stored.id);
            let value = Document::from(text::read_one(&row).expect("well formed"));
            let row = Row { id: Some(Arc::clone(&stored.id)), value, cursor: Cursor(Vec::new()) };
            changed.push((first, (row, None)));
        }
        changed.sort_by_key(|(first, _)| *first);
        changed.into_iter().map(|(_, row)| row).collect()
    }

    fn conflicting(&self, table_id: &str, document: &Document, but: Option<&str>) -> Option<Arc<str>> {
        let table = self.table(table_id);
        for index in table.indexes.iter().filter(|index| index.unique) {
            let key = key_of(index, document);
            for stored in &table.documents {
                if but != Some(&*stored.id)
                    && stored.data_at(self.block).is_some_and(|other| key_of(index, other) == key)
                {
                    return Some(Arc::clone(&stored.id));
                }
            }
        }
        None
    }

    fn write(&mut self, table_id: &str, id: &str, data: Option<Document>) {
        self.block += 1;
        let block = self.block;
        let stored = self.table_mut(table_id).documents.iter_mut().find(|stored| &*stored.id == id);
        stored.expect("only found documents are written").revisions.push((block, data));
    }
}

fn key_of(index: &Index, document: &Document) -> Vec<u8> {
    let parts: Vec<_> = index.paths.iter().map(|path| key::at_path(document.root(), path)).collect();
    key::encode(&parts)
}

fn revision(id: &str, version: usize, written: u64, data: Option<&Document>) -> Document {
    let data = data.map_or(String::new(), |data| format!("data: {data},"));
    let time = block_time(written);
    let revision = format!(
        "{{blockAddress: {{strandId: \"strand\", sequenceNo: {written}}}, hash: {{{{aGFzaA==}}}}, {data}
          metadata: {{id: \"{id}\", version: {version}, txTime: {time}, txId: \"tx{written}\"}}}}"
    );
    Document::from(text::read_one(&revision).expect("well formed"))
}

fn table_row(table: &Table) -> Value {
    let indexes: Vec<String> = table
        .indexes
        .iter()
        .map(|index| {
            let paths: Vec<String> = index.paths.iter().map(|path| path.join(".")).collect();
            format!("{{indexId: \"{}\", expr: \"[{}]\", status: \"ONLINE\"}}", index.id, paths.join(", "))
        })
        .collect();
    let status = if table.is_active { "ACTIVE" } else { "INACTIVE" };
    let row = format!(
        "{{tableId: \"{}\", name: \"{}\", indexes: [{}], status: \"{status}\"}}",
        table.id,
        table.name,
        indexes.join(", ")
    );
    text::read_one(&row).expect("well formed")
}

impl Tables for MemoryTables {
    fn source(&mut self, name: &str, as_of: Option<AsOf>) -> Result<Option<Source>, TablesError> {
        let (kind, name) = match name.strip_prefix("_ql_committed_") {
            Some(name) => (SourceKind::Committed, name),
            None => (SourceKind::User, name),
        };
        Ok(self.active(name).map(|table| Source {
            kind,
            table_id: Arc::clone(&table.id),
            indexes: table.indexes.clone().into(),
            as_of,
        }))
    }

    fn history(
        &mut self,
        table: HistoryTable<'_>,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
    ) -> Result<Option<Source>, TablesError> {
        let found = match table {
            HistoryTable::Name(name) => {
                self.tables.iter().find(|table| table.is_active && table.name == name)
            }
            HistoryTable::Id(id) => self.tables.iter().find(|table| &*table.id == id),
        };
        Ok(found.map(|table| Source {
            kind: SourceKind::History { start, end },
            table_id: Arc::clone(&table.id),
            indexes: Arc::new([]),
            as_of: None,
        }))
    }

    fn diff(
        &mut self,
        table: HistoryTable<'_>,
        start: AsOf,
        end: Option<AsOf>,
    ) -> Result<Option<Source>, TablesError> {
        let found = self.history(table, None, None)?;
        let (start, end) = (self.block_of(Some(&start)), end.map(|end| self.block_of(Some(&end))));
        if start > end.unwrap_or(self.block) {
            return refused(None, "DIFF's start is later than its end");
        }
        Ok(found.map(|source| Source { kind: SourceKind::Diff { start, end }, ..source }))
    }

    fn table_named_like(&self, name: &str) -> Option<String> {
        let mut names = self.tables.iter().filter(|table| table.is_active).map(|table| &table.name);
        names.find(|other| *other != name && other.eq_ignore_ascii_case(name)).cloned()
    }

    fn information_schema(&mut self, name: &str) -> Result<Option<Source>, TablesError> {
        Ok((name == "user_tables").then(|| Source {
            kind: SourceKind::UserTables,
            table_id: "".into(),
            indexes: Arc::new([]),
            as_of: None,
        }))
    }

    fn rows_estimate(&mut self, source: &Source) -> Option<u64> {
        match self.sizes {
            Sizes::Unknown => None,
            Sizes::True => Some(self.all(source).len() as u64),
            Sizes::False(seed) => Some(number_of(seed, &source.table_id)),
        }
    }

    fn keys_estimate(&mut self, source: &Source, index: &Index, paths: usize) -> Option<u64> {
        match self.sizes {
            Sizes::Unknown => None,
            Sizes::True => {
                let first = Index { paths: index.paths[..paths].to_vec(), ..index.clone() };
                let keys = self.all(source).into_iter().filter_map(|(_, data)| Some(key_of(&first, &data?)));
                Some(keys.collect::<BTreeSet<_>>().len() as u64)
            }
            Sizes::False(seed) => Some(number_of(seed + paths as u64, &index.id)),
        }
    }

    fn rows(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, TablesError> {
        let skip = after.map_or(0, number_in);
        let numbered = self.found(source, access).into_iter().enumerate().skip(skip).take(limit);
        Ok(numbered.map(|(number, (_, row))| Row { cursor: cursor_at(number + 1), ..row }).collect())
    }

    fn count_keys(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Option<KeysCounted>, TablesError> {
        let (skip, found) = (after.map_or(0, number_in), self.found(source, access));
        let end = found.len().min(skip + limit);
        let is_new = |place: &usize| *place == 0 || found[place - 1].0 != found[*place].0;
        let keys = (skip..end).filter(is_new).count() as u64;
        let next = (end < found.len()).then(|| cursor_at(end));
        Ok(Some(KeysCounted { rows: (end - skip) as u64, keys, next }))
    }

    fn rows_where(
        &mut self,
        source: &Source,
        after: Option<&Cursor>,
        limit: usize,
        wanted: &mut dyn FnMut(RawValue<'_>) -> bool,
    ) -> Result<Option<WantedRows>, TablesError> {
        let skip = after.map_or(0, number_in);
        let found = self.found(source, &Access::Scan);
        let mut answer = WantedRows { rows: Vec::new(), passed: 0, next: None };
        // Batches are short, so that most queries have several.
        for (number, (_, row)) in found.iter().enumerate().skip(skip) {
            if answer.rows.len() == limit || number == skip + 5 {
                answer.next = Some(cursor_at(number));
                break;
            }
            match wanted(row.value.root()) {
                true => answer.rows.push((std::mem::take(&mut answer.passed), row.clone())),
                false => answer.passed += 1,
            }
        }
        Ok(Some(answer))
    }

    fn first_rows(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Option<Vec<Row>>, TablesError> {
        let (skip, found) = (after.map_or(0, number_in), self.found(source, access));
        let is_new = |place: &usize| *place == 0 || found[place - 1].0 != found[*place].0;
        let row = |place: usize| Row { cursor: cursor_at(place + 1), ..found[place].1.clone() };
        Ok(Some((skip..found.len()).filter(is_new).take(limit).map(row).collect()))
    }

    fn field_names(&mut self, table: &Source) -> Result<Option<FieldNames>, TablesError> {
        let table = self.tables.iter().find(|candidate| candidate.id == table.table_id);
        let revisions =
            table.iter().flat_map(|table| &table.documents).flat_map(|document| &document.revisions);
        let documents = revisions.filter_map(|(_, data)| data.as_ref());
        let mut names = BTreeSet::new();
        for document in documents {
            names.extend(document.root().fields().filter_map(|(name, _)| name.map(Arc::from)));
        }
        Ok(Some(Arc::new(names)))
    }

    fn insert(
        &mut self,
        table: &Source,
        document: Document,
        on_conflict: OnConflict,
    ) -> Result<Option<Arc<str>>, TablesError> {
        if let Some(other) = self.conflicting(&table.table_id, &document, None) {
            return match on_conflict {
                OnConflict::Refuse => {
                    refused(None, format!("document {other} has the same key in a unique index"))
                }
                OnConflict::DoNothing => Ok(None),
                OnConflict::DoReplace => {
                    self.write(&table.table_id, &other, Some(document));
                    Ok(Some(other))
                }
            };
        }
        let id = self.new_id("document");
        let stored = Stored { id: Arc::clone(&id), revisions: Vec::new() };
        self.table_mut(&table.table_id).documents.push(stored);
        self.write(&table.table_id, &id, Some(document));
        Ok(Some(id))
    }

    fn replace(&mut self, table: &Source, id: &str, document: Document) -> Result<(), TablesError> {
        if let Some(other) = self.conflicting(&table.table_id, &document, Some(id)) {
            return refused(None, format!("document {other} has the same key in a unique index"));
        }
        self.write(&table.table_id, id, Some(document));
        Ok(())
    }

    fn delete(&mut self, table: &Source, id: &str) -> Result<(), TablesError> {
        self.write(&table.table_id, id, None);
        Ok(())
    }

    fn create_table(&mut self, name: &str, _tags: Option<&Value>) -> Result<Arc<str>, TablesError> {
        if self.active(name).is_some() {
            return refused(Some("412"), format!("Table with name: USER.{name} already exists"));
        }
        let id = self.new_id("table");
        self.tables.push(Table {
            id: Arc::clone(&id),
            name: name.to_owned(),
            is_active: true,
            indexes: Vec::new(),
            documents: Vec::new(),
        });
        Ok(id)
    }

    fn create_index(&mut self, index: &IndexDefinition) -> Result<Arc<str>, TablesError> {
        let IndexDefinition { table, name, paths, unique, if_not_exists } = index;
        let named = name.as_ref().is_some_and(|name| self.names.iter().any(|(_, other)| other == name));
        let id = self.new_id("index");
        let Some(table) = self.active(table) else { return refused(None, format!("no table {table}")) };
        let exists = named || (name.is_none() && table.indexes.iter().any(|index| index.paths == *paths));
        let table_id = Arc::clone(&table.id);
        if exists && *if_not_exists {
            return Ok(table_id);
        }
        if named {
            return refused(Some("412"), "an index of this name already exists".to_owned());
        }
        table.indexes.push(Index { id: Arc::clone(&id), paths: paths.clone(), unique: *unique });
        self.names.extend(name.clone().map(|name| (id, name)));
        Ok(table_id)
    }

    fn drop_index(
        &mut self,
        index: &str,
        table: Option<&str>,
        if_exists: bool,
    ) -> Result<Option<Arc<str>>, TablesError> {
        let named = self.names.iter().find(|(_, name)| name == index).map(|(id, _)| Arc::clone(id));
        let id = named.unwrap_or_else(|| index.into());
        let tables = self
            .tables
            .iter_mut()
            .filter(|candidate| candidate.is_active && table.is_none_or(|table| candidate.name == table));
        for table in tables {
            let before = table.indexes.len();
            table.indexes.retain(|index| index.id != id);
            if table.indexes.len() < before {
                return Ok(Some(Arc::clone(&table.id)));
            }
        }
        if if_exists { Ok(None) } else { refused(None, format!("no index {index}")) }
    }

    fn drop_table(&mut self, name: &str) -> Result<Arc<str>, TablesError> {
        match self.active(name) {
            None => refused(None, format!("no table {name}")),
            Some(table) => {
                table.is_active = false;
                Ok(Arc::clone(&table.id))
            }
        }
    }

    fn undrop_table(&mut self, table_id: &str) -> Result<Arc<str>, TablesError> {
        match self.tables.iter_mut().find(|table| &*table.id == table_id) {
            None => refused(None, format!("no table {table_id}")),
            Some(table) => {
                table.is_active = true;
                Ok(Arc::clone(&table.id))
            }
        }
    }

    fn field_named_like(&mut self, table: &Source, name: &str) -> Result<Option<String>, TablesError> {
        let rows = self.all(table);
        Ok(spelling_in(rows.iter().map(|(row, _)| &row.value), name))
    }

    fn procedure(&mut self, name: &str, arguments: &[Value]) -> Result<Option<Vec<Value>>, TablesError> {
        // A procedure that answers its arguments.
        Ok(name.eq_ignore_ascii_case("echo").then(|| arguments.to_vec()))
    }

    fn transaction_id(&self) -> Arc<str> {
        "transaction".into()
    }

    fn now(&self) -> Timestamp {
        block_time(self.block)
    }

    fn interrupted(&mut self) -> Result<(), TablesError> {
        match &mut self.interrupt_after {
            Some(0) => refused(None, "the statement was stopped"),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn cursor_at(number: usize) -> Cursor {
    Cursor(number.to_be_bytes().to_vec())
}

fn number_in(cursor: &Cursor) -> usize {
    usize::from_be_bytes(cursor.0.as_slice().try_into().expect("a cursor of these tables"))
}
