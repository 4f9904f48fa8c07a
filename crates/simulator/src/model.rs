//! The naive ledger: maps of tables and documents, and what every statement answers over them.
//!
//! It has no snapshots, no read sets and no indexes to look into; a transaction is run on it from its
//! first statement to its last with nobody beside. Its maps are persistent, so that the state after every
//! block can be kept.

use std::collections::{BTreeMap, BTreeSet};

use everstrand_ion::text;
use everstrand_journal::{Block, CatalogChange, RevisionData};
use everstrand_testkit::Random;
use imbl::{OrdMap, Vector};

use crate::operation::{AsOf, Change, Filter, Operation, Row};
use crate::value::Key;

/// All tables after some block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// By id, dropped ones too.
    tables: OrdMap<String, Table>,
    /// The active ones, name to id.
    active: OrdMap<&'static str, String>,
    /// The journal's strand.
    pub(crate) strand: String,
    /// The state after each block up to this one.
    past: Vector<Past>,
}

/// All tables after some block, and its time.
#[derive(Clone, Debug)]
struct Past {
    millis: i64,
    tables: OrdMap<String, Table>,
    active: OrdMap<&'static str, String>,
}

#[derive(Clone, Debug)]
struct Table {
    name: &'static str,
    active: bool,
    /// By field, and whether it is unique.
    indexes: OrdMap<(&'static str, bool), Index>,
    documents: OrdMap<String, Document>,
    /// Every revision, in order of the journal.
    history: Vector<Revision>,
}

#[derive(Clone, Debug, Default)]
struct Index {
    /// Not known before the block is.
    id: Option<String>,
    /// It was to be unique, and two documents had the same key already: it stands for nothing.
    failed: bool,
}

#[derive(Clone, Debug)]
struct Revision {
    id: String,
    version: u64,
    block: u64,
    deleted: bool,
    redacted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Document {
    row: Row,
    version: u64,
}

/// What a client heard of one statement.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) operation: Operation,
    pub(crate) answer: Answer,
}

/// An answer, over all pages that were fetched.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Values in Ion text; `whole` unless pages are missing.
    Values { values: Vec<String>, whole: bool },
    /// A bad request, with QLDB's code.
    Refused { code: Option<String>, message: String },
}

/// A transaction that is being run on the model.
pub(crate) struct Run {
    model: Model,
    /// Table and document of everything that was written.
    touched: BTreeSet<(String, String)>,
    /// Those of them that were there before.
    existed: BTreeSet<String>,
    definitions: usize,
    /// Table and place in its history of the revision that is to lose its data; there can be one.
    redaction: Option<(String, usize)>,
}

impl Model {
    /// Runs a transaction as if nobody else were there. The error says which answer cannot be.
    pub(crate) fn run(&self, statements: &[Heard]) -> Result<Run, String> {
        let mut run = Run::new(self);
        for (number, heard) in statements.iter().enumerate() {
            run.statement(heard).map_err(|why| format!("statement {number}: {}: {why}", heard.operation))?;
        }
        Ok(run)
    }

    /// The names of the active tables.
    pub(crate) fn active_tables(&self) -> Vec<&'static str> {
        self.active.keys().copied().collect()
    }

    /// The ledger as its first block leaves it.
    pub(crate) fn begin(&mut self, strand: String, millis: i64) {
        self.strand = strand;
        self.remember(millis);
    }

    /// This is the state after one more block.
    fn remember(&mut self, millis: i64) {
        self.past.push_back(Past { millis, tables: self.tables.clone(), active: self.active.clone() });
    }

    /// When a block was written.
    pub(crate) fn time_of(&self, block: u64) -> Option<i64> {
        self.past.get(usize::try_from(block).ok()?).map(|past| past.millis)
    }

    /// How many entries the indexes of all tables have: one of each index for each document.
    pub(crate) fn index_entries(&self) -> usize {
        let entries = |table: &Table| {
            table.indexes.values().filter(|index| !index.failed).count() * table.documents.len()
        };
        self.tables.values().map(entries).sum()
    }

    /// Keys that a table's documents have.
    pub(crate) fn keys(&self, table: &str) -> BTreeSet<Key> {
        let table = self.active.get(table).and_then(|id| self.tables.get(id));
        table.into_iter().flat_map(|table| table.documents.values()).map(|document| document.row.k).collect()
    }

    /// A document that is, or was, in a table of this name.
    pub(crate) fn some_document(&self, random: &mut Random, table: &str) -> Option<String> {
        let table = self.active.get(table).and_then(|id| self.tables.get(id))?;
        if table.history.is_empty() {
            return None;
        }
        // Mostly one that was changed lately: there clients meet.
        let length = table.history.len();
        let recent = length.min(12);
        let back = if random.permille(800) { random.index(recent) } else { random.index(length) };
        Some(table.history[length - 1 - back].id.clone())
    }

    /// Any revision of a table of this name: its block, its table and its document.
    pub(crate) fn some_revision(&self, random: &mut Random, table: &str) -> Option<(u64, String, String)> {
        let table_id = self.active.get(table)?;
        let history = &self.tables.get(table_id)?.history;
        if history.is_empty() {
            return None;
        }
        let revision = &history[random.index(history.len())];
        Some((revision.block, table_id.clone(), revision.id.clone()))
    }

    /// Any table's id.
    pub(crate) fn some_table(&self, random: &mut Random) -> Option<String> {
        let ids: Vec<&String> = self.tables.keys().collect();
        (!ids.is_empty()).then(|| (*random.pick(&ids)).clone())
    }

    /// An index of an active table.
    pub(crate) fn some_index(&self, random: &mut Random, table: &str) -> Option<String> {
        let table = self.active.get(table).and_then(|id| self.tables.get(id))?;
        let ids: Vec<String> = table.indexes.values().filter_map(|index| index.id.clone()).collect();
        (!ids.is_empty()).then(|| random.pick(&ids).clone())
    }
}

impl Run {
    fn new(model: &Model) -> Run {
        let (touched, existed) = (BTreeSet::new(), BTreeSet::new());
        Run { model: model.clone(), touched, existed, definitions: 0, redaction: None }
    }

    /// Whether the transaction leaves anything changed.
    pub(crate) fn has_effects(&self) -> bool {
        let stays = |(table, id): &(String, String)| {
            let table = self.model.tables.get(table);
            self.existed.contains(id) || table.is_some_and(|table| table.documents.contains_key(id))
        };
        self.definitions > 0 || self.redaction.is_some() || self.touched.iter().any(stays)
    }

    /// Compares what the transaction leaves with its block; the state after it.
    pub(crate) fn commit(mut self, before: &Model, block: &Block) -> Result<Model, String> {
        let mut expected = BTreeMap::new();
        for (table_id, id) in &self.touched {
            let was = before.tables.get(table_id).and_then(|table| table.documents.get(id));
            let table = self.model.tables.get_mut(table_id).expect("a table that was written to");
            let version = was.map_or(0, |was| was.version + 1);
            let is = table.documents.get_mut(id);
            if let Some(is) = &is {
                expected.insert(id.clone(), (version, Some(is.row.to_ion())));
            } else if was.is_some() {
                expected.insert(id.clone(), (version, None));
            } else {
                continue;
            }
            let deleted = is.is_none();
            if let Some(is) = is {
                is.version = version;
            }
            let block = block.address().sequence_no;
            table.history.push_back(Revision { id: id.clone(), version, block, deleted, redacted: false });
        }
        if block.redactions().len() != usize::from(self.redaction.is_some()) {
            return Err("its block asks for other redactions".to_owned());
        }
        if let Some((table_id, place)) = &self.redaction
            && let Some(revision) =
                self.model.tables.get_mut(table_id).and_then(|table| table.history.get_mut(*place))
        {
            revision.redacted = true;
            let Revision { id, version, .. } = revision.clone();
            // Its data is gone from the past, too.
            for past in self.model.past.iter_mut() {
                if let Some(table) = past.tables.get_mut(table_id)
                    && table.documents.get(&id).is_some_and(|document| document.version == version)
                {
                    table.documents.remove(&id);
                }
            }
        }
        let stored = revisions(block)?;
        if stored != expected {
            return Err(format!("its block holds the revisions {stored:?}, and not {expected:?}"));
        }
        self.take_index_ids(block)?;
        self.model.remember(block.timestamp());
        Ok(self.model)
    }

    fn take_index_ids(&mut self, block: &Block) -> Result<(), String> {
        let changes = block.catalog_changes().map_err(|error| error.to_string())?;
        if changes.len() != self.definitions {
            return Err(format!(
                "its block holds {} catalog changes, and not {}",
                changes.len(),
                self.definitions
            ));
        }
        for change in changes {
            let CatalogChange::CreateIndex { index_id, table_id, paths, unique } = change else { continue };
            let Some(table) = self.model.tables.get_mut(&table_id.to_string()) else { continue };
            let name = paths.concat().concat();
            let Some(place) = table.indexes.keys().copied().find(|place| *place == (name.as_str(), unique))
            else {
                continue;
            };
            let mut keys: Vec<Key> = table.documents.values().map(|document| document.row.k).collect();
            keys.retain(|key| key.number().is_some());
            let distinct: BTreeSet<&Key> = keys.iter().collect();
            let failed = unique && distinct.len() < keys.len();
            if let Some(index @ Index { id: None, .. }) = table.indexes.get_mut(&place) {
                *index = Index { id: Some(index_id.to_string()), failed };
            }
        }
        Ok(())
    }

    fn statement(&mut self, heard: &Heard) -> Result<(), String> {
        let expected = self.refusal(&heard.operation);
        let (values, whole) = match (&heard.answer, expected) {
            (Answer::Values { values, whole }, None) => (values, *whole),
            (Answer::Refused { code, .. }, Some(expected)) if code.as_deref() == expected => return Ok(()),
            (Answer::Refused { code, message }, None) => {
                return Err(format!("refused ({code:?}: {message}), and should not be"));
            }
            (heard, Some(expected)) => {
                return Err(format!("answered {heard:?}, and should be refused ({expected:?})"));
            }
        };
        match self.answer(&heard.operation) {
            Some(expected) => compare(values, whole, expected)?,
            None => self.check_new_ids(&heard.operation, values)?,
        }
        self.apply(&heard.operation, values);
        Ok(())
    }

    /// Why a statement is refused, as QLDB's code: `None` when it is not.
    fn refusal(&self, operation: &Operation) -> Option<Option<&'static str>> {
        let unknown = |table: &str| (!self.model.active.contains_key(table)).then_some(Some("432"));
        match operation {
            Operation::Insert { table, rows } => unknown(table).or_else(|| {
                let mut taken = self.taken_keys(table, None);
                let fits = |row: &Row| row.k.number().is_none() || taken.insert(row.k);
                let fits = !self.is_unique(table) || rows.iter().all(fits);
                (!fits).then_some(None)
            }),
            Operation::Update { table, change: Change::SetKey(key), filter } => {
                unknown(table).or_else(|| {
                    let found: Vec<&String> = self.matching(table, filter).map(|(id, _)| id).collect();
                    let fits = match found.as_slice() {
                        [] => true,
                        [one] => !self.taken_keys(table, Some(one)).contains(key),
                        _ => false,
                    };
                    (self.is_unique(table) && !fits).then_some(None)
                })
            }
            Operation::Past { table, as_of, .. } => match self.past(*as_of) {
                None => Some(None),
                Some(past) => (!past.active.contains_key(table)).then_some(Some("432")),
            },
            Operation::Upsert { table, .. }
            | Operation::Update { table, .. }
            | Operation::Delete { table, .. }
            | Operation::Select { table, .. }
            | Operation::Whole { table, .. }
            | Operation::Count { table, .. }
            | Operation::Committed { table, .. }
            | Operation::History { table }
            | Operation::DropTable { table } => unknown(table),
            Operation::Join { left, right, .. } => unknown(left).or_else(|| unknown(right)),
            Operation::Tables => None,
            Operation::CreateTable { table } => self.model.active.contains_key(table).then_some(Some("412")),
            Operation::UndropTable { id } => match self.model.tables.get(id) {
                Some(table) if !table.active => {
                    self.model.active.contains_key(table.name).then_some(Some("412"))
                }
                _ => Some(None),
            },
            Operation::CreateIndex { table, field, unique } => unknown(table).or_else(|| {
                self.table(table)
                    .is_some_and(|table| table.indexes.contains_key(&(*field, *unique)))
                    .then_some(Some("412"))
            }),
            Operation::DropIndex { table, index } => unknown(table).or_else(|| {
                let has = self.table(table).is_some_and(|table| {
                    table.indexes.values().any(|known| known.id.as_deref() == Some(index))
                });
                (!has).then_some(None)
            }),
            Operation::Redact { block, table_id, id, .. } => {
                let may = self.redaction.is_none() && self.redactable(table_id, id, *block).is_some();
                (!may).then_some(None)
            }
        }
    }

    /// The place in its table's history of a revision that may lose its data: a superseded one that has
    /// some, of those that were there when the transaction began.
    fn redactable(&self, table_id: &str, id: &str, block: u64) -> Option<usize> {
        let history = &self.model.tables.get(table_id)?.history;
        let place = history.iter().position(|revision| revision.id == id && revision.block == block)?;
        let is_last = history.iter().skip(place + 1).all(|revision| revision.id != id);
        let revision = &history[place];
        (!is_last && !revision.deleted && !revision.redacted).then_some(place)
    }

    /// The values of a statement that is not refused, sorted; `None` where the ledger invents ids.
    fn answer(&self, operation: &Operation) -> Option<Vec<String>> {
        let mut values = match operation {
            Operation::Insert { .. } | Operation::CreateTable { .. } => return None,
            Operation::Upsert { table, row, replace } => match self.in_the_way(table, row) {
                None => return None,
                Some(id) => replace.then(|| format!("{{documentId:\"{id}\"}}")).into_iter().collect(),
            },
            Operation::Update { table, filter, .. } | Operation::Delete { table, filter } => {
                let found = self.matching(table, filter);
                found.map(|(id, _)| format!("{{documentId:\"{id}\"}}")).collect()
            }
            Operation::Select { table, filter } => {
                let found = self.matching(table, filter);
                found.map(|(id, document)| short(id, document)).collect()
            }
            Operation::Whole { table, filter } => {
                self.matching(table, filter).map(|(_, document)| document.row.to_ion()).collect()
            }
            Operation::Past { table, as_of, filter } => {
                let past = self.past(*as_of);
                let table = past.and_then(|past| past.tables.get(past.active.get(table)?));
                let documents = table.into_iter().flat_map(|table| table.documents.iter());
                let found = documents.filter(|(id, document)| document.is_in(id, filter));
                found.map(|(id, document)| short(id, document)).collect()
            }
            Operation::Count { table, filter } => {
                vec![format!("{{n:{}}}", self.matching(table, filter).count())]
            }
            Operation::Join { left, right, filter } => {
                let mut rows = Vec::new();
                for (_, Document { row: Row { k, v, .. }, .. }) in self.matching(left, filter) {
                    let same_key = Filter::Key(*k);
                    let others = self.matching(right, &same_key);
                    rows.extend(others.map(|(_, other)| format!("[{},{v},{}]", k.stored(), other.row.v)));
                }
                rows
            }
            Operation::Committed { table, filter } => {
                let found = self.matching(table, filter);
                let row = |(id, Document { row: Row { k, v, .. }, version }): (&String, &Document)| {
                    format!("[\"{id}\",{version},{},{v}]", k.stored())
                };
                found.map(row).collect()
            }
            Operation::History { table } => {
                let history = self.table(table).into_iter().flat_map(|table| table.history.iter());
                let row = |Revision { id, version, deleted, redacted, .. }: &Revision| {
                    format!("[\"{id}\",{version},{}]", *deleted || *redacted)
                };
                history.map(row).collect()
            }
            Operation::Tables => {
                let row = |(id, table): (&String, &Table)| {
                    let status = if table.active { "ACTIVE" } else { "INACTIVE" };
                    format!("[\"{id}\",\"{}\",\"{status}\"]", table.name)
                };
                self.model.tables.iter().map(row).collect()
            }
            Operation::DropTable { table }
            | Operation::CreateIndex { table, .. }
            | Operation::DropIndex { table, .. } => {
                self.model.active.get(table).map(|id| format!("{{tableId:\"{id}\"}}")).into_iter().collect()
            }
            Operation::UndropTable { id } => vec![format!("{{tableId:\"{id}\"}}")],
            Operation::Redact { strand, block, table_id, id } => {
                let place = self.redactable(table_id, id, *block);
                let version = place
                    .and_then(|place| Some(self.model.tables.get(table_id)?.history.get(place)?.version));
                vec![format!(
                    "{{blockAddress:{{strandId:\"{strand}\",sequenceNo:{block}}},tableId:\"{table_id}\",\
                     documentId:\"{id}\",version:{}}}",
                    version.unwrap_or_default()
                )]
            }
        };
        values.sort();
        Some(values)
    }

    /// Ids that a ledger gives must never have been given before.
    fn check_new_ids(&self, operation: &Operation, values: &[String]) -> Result<(), String> {
        let count = match operation {
            Operation::Insert { rows, .. } => rows.len(),
            _ => 1,
        };
        let distinct: BTreeSet<&String> = values.iter().collect();
        if values.len() != count || distinct.len() != count {
            return Err(format!("answered {values:?}, and should give {count} new ids"));
        }
        let given = |id: &str| {
            self.model.tables.contains_key(id)
                || self.model.tables.values().any(|table| table.documents.contains_key(id))
        };
        match values.iter().find(|value| id_in(value).is_none_or(given)) {
            Some(value) => Err(format!("answered {value}, which is no new id")),
            None => Ok(()),
        }
    }

    fn apply(&mut self, operation: &Operation, values: &[String]) {
        match operation {
            Operation::Insert { table, rows } => {
                let Some(table_id) = self.model.active.get(table).cloned() else { return };
                for (row, value) in rows.iter().zip(values) {
                    let id = id_in(value).unwrap_or_default().to_owned();
                    self.put(&table_id, id, Some(Document { row: row.clone(), version: 0 }));
                }
            }
            Operation::Upsert { table, row, replace } => {
                let id = match self.in_the_way(table, row) {
                    Some(id) => replace.then_some(id),
                    None => values.first().and_then(|value| id_in(value)).map(str::to_owned),
                };
                if let (Some(table_id), Some(id)) = (self.model.active.get(table).cloned(), id) {
                    self.put(&table_id, id, Some(Document { row: row.clone(), version: 0 }));
                }
            }
            Operation::Update { table, change, filter } => {
                for (id, mut document) in self.taken(table, filter) {
                    match change {
                        Change::AddValue(by) => document.row.v += by,
                        Change::SetValue(to) => document.row.v = *to,
                        Change::SetKey(to) => document.row.k = *to,
                        Change::AddKey(by) => document.row.k = document.row.k.plus(*by),
                    }
                    let table_id = self.model.active[table].clone();
                    self.put(&table_id, id, Some(document));
                }
            }
            Operation::Delete { table, filter } => {
                for (id, _) in self.taken(table, filter) {
                    let table_id = self.model.active[table].clone();
                    self.put(&table_id, id, None);
                }
            }
            Operation::CreateTable { table } => {
                let id = values.first().and_then(|value| id_in(value)).unwrap_or_default().to_owned();
                let (indexes, documents) = (OrdMap::new(), OrdMap::new());
                let new = Table { name: table, active: true, indexes, documents, history: Vector::new() };
                self.model.active.insert(table, id.clone());
                self.model.tables.insert(id, new);
                self.definitions += 1;
            }
            Operation::DropTable { table } => {
                if let Some(id) = self.model.active.remove(table)
                    && let Some(table) = self.model.tables.get_mut(&id)
                {
                    table.active = false;
                    self.definitions += 1;
                }
            }
            Operation::UndropTable { id } => {
                if let Some(table) = self.model.tables.get_mut(id) {
                    table.active = true;
                    self.model.active.insert(table.name, id.clone());
                    self.definitions += 1;
                }
            }
            Operation::CreateIndex { table, field, unique } => {
                if let Some(table) = self.table_mut(table) {
                    table.indexes.insert((*field, *unique), Index::default());
                    self.definitions += 1;
                }
            }
            Operation::DropIndex { table, index } => {
                if let Some(table) = self.table_mut(table) {
                    let kept = table.indexes.iter().filter(|(_, known)| known.id.as_deref() != Some(index));
                    table.indexes = kept.map(|(place, known)| (*place, known.clone())).collect();
                    self.definitions += 1;
                }
            }
            Operation::Redact { block, table_id, id, .. } => {
                let place = self.redactable(table_id, id, *block);
                self.redaction = place.map(|place| (table_id.clone(), place));
            }
            Operation::Select { .. }
            | Operation::Whole { .. }
            | Operation::Past { .. }
            | Operation::Count { .. }
            | Operation::Join { .. }
            | Operation::Committed { .. }
            | Operation::History { .. }
            | Operation::Tables => {}
        }
    }

    fn put(&mut self, table_id: &str, id: String, document: Option<Document>) {
        let Some(table) = self.model.tables.get_mut(table_id) else { return };
        let first = self.touched.insert((table_id.to_owned(), id.clone()));
        if first && table.documents.contains_key(&id) {
            self.existed.insert(id.clone());
        }
        match document {
            Some(document) => drop(table.documents.insert(id, document)),
            None => drop(table.documents.remove(&id)),
        }
    }

    fn table(&self, name: &str) -> Option<&Table> {
        self.model.active.get(name).and_then(|id| self.model.tables.get(id))
    }

    fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        let id = self.model.active.get(name)?;
        self.model.tables.get_mut(id)
    }

    fn matching<'a>(
        &'a self,
        table: &str,
        filter: &'a Filter,
    ) -> impl Iterator<Item = (&'a String, &'a Document)> {
        let documents = self.table(table).into_iter().flat_map(|table| table.documents.iter());
        documents.filter(|(id, document)| document.is_in(id, filter))
    }

    /// The tables as they were: at a block that there is, or at the last one that is not later.
    fn past(&self, as_of: AsOf) -> Option<&Past> {
        match as_of {
            AsOf::Block(block) => self.model.past.get(usize::try_from(block).ok()?),
            AsOf::Millis(millis) => self.model.past.iter().rfind(|past| past.millis <= millis),
        }
    }

    /// Whether a table has a unique index on its key, one that holds.
    fn is_unique(&self, table: &str) -> bool {
        let index = self.table(table).and_then(|table| table.indexes.get(&("k", true)));
        index.is_some_and(|index| !index.failed)
    }

    /// The keys of a table's documents, but for one of them.
    fn taken_keys(&self, table: &str, except: Option<&str>) -> BTreeSet<Key> {
        let all = self.matching(table, &Filter::All).filter(|(id, _)| Some(id.as_str()) != except);
        all.map(|(_, document)| document.row.k).collect()
    }

    /// The document whose key keeps a row from being inserted.
    fn in_the_way(&self, table: &str, row: &Row) -> Option<String> {
        let same_key = Filter::Key(row.k);
        let found = self.matching(table, &same_key).next().map(|(id, _)| id.clone());
        found.filter(|_| self.is_unique(table))
    }

    fn taken(&self, table: &str, filter: &Filter) -> Vec<(String, Document)> {
        self.matching(table, filter).map(|(id, document)| (id.clone(), document.clone())).collect()
    }
}

impl Document {
    fn is_in(&self, id: &str, filter: &Filter) -> bool {
        filter.holds(id, self.row.k, self.row.v)
    }
}

/// A document as most queries show it.
fn short(id: &str, document: &Document) -> String {
    format!("[\"{id}\",{},{}]", document.row.k.stored(), document.row.v)
}

/// A block's revisions: document to version and, unless it was deleted, the document in Ion text.
type Revisions = BTreeMap<String, (u64, Option<String>)>;

fn revisions(block: &Block) -> Result<Revisions, String> {
    let mut revisions = BTreeMap::new();
    for stored in block.revisions() {
        let revision = block.revision(&stored).map_err(|error| error.to_string())?;
        let data = match &revision.data {
            RevisionData::Data(document) => Some(text::write(&document.to_value())),
            RevisionData::Deleted => None,
            RevisionData::Redacted(_) => return Err("a revision without data".to_owned()),
        };
        let id = stored.document_id.to_string();
        if revisions.insert(id.clone(), (stored.version, data)).is_some() {
            return Err(format!("two revisions of {id}"));
        }
    }
    Ok(revisions)
}

fn compare(values: &[String], whole: bool, expected: Vec<String>) -> Result<(), String> {
    let mut left = expected.clone();
    for value in values {
        match left.binary_search(value) {
            Ok(position) => drop(left.remove(position)),
            Err(_) => return Err(format!("answered {values:?}, and should answer {expected:?}")),
        }
    }
    if whole && !left.is_empty() {
        return Err(format!("answered {values:?}, and should answer {expected:?}"));
    }
    Ok(())
}

/// The id in `{documentId:"…"}` or `{tableId:"…"}`.
fn id_in(value: &str) -> Option<&str> {
    value.split('"').nth(1)
}
