//! A transaction on the model: what each of its statements answers, with nobody beside.

use std::collections::BTreeSet;

use everstrand_ledger::DuplicateKey;

use super::{Answer, Document, Heard, Model, Past, Revision, Table};
use crate::operation::{AsOf, Change, Filter, Operation, Row};
use crate::value::Key;

/// A transaction that is being run on the model.
pub(crate) struct Run {
    pub(super) model: Model,
    /// Table and document of everything that was written.
    pub(super) touched: BTreeSet<(String, String)>,
    /// Those of them that were there before.
    pub(super) existed: BTreeSet<String>,
    pub(super) definitions: usize,
    /// Table and place in its history of the revision that is to lose its data; there can be one.
    pub(super) redaction: Option<(String, usize)>,
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
}

impl Run {
    fn new(model: &Model) -> Run {
        let (touched, existed) = (BTreeSet::new(), BTreeSet::new());
        Run { model: model.clone(), touched, existed, definitions: 0, redaction: None }
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
                (!fits).then_some(Some(DuplicateKey::CODE))
            }),
            Operation::Update { table, change: Change::SetKey(key), filter } => {
                unknown(table).or_else(|| {
                    let found: Vec<&String> = self.matching(table, filter).map(|(id, _)| id).collect();
                    let fits = match found.as_slice() {
                        [] => true,
                        [one] => !self.taken_keys(table, Some(one)).contains(key),
                        _ => false,
                    };
                    (self.is_unique(table) && !fits).then_some(Some(DuplicateKey::CODE))
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
    pub(super) fn redactable(&self, table_id: &str, id: &str, block: u64) -> Option<usize> {
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

    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.model.active.get(name).and_then(|id| self.model.tables.get(id))
    }

    pub(super) fn matching<'a>(
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
    pub(super) fn in_the_way(&self, table: &str, row: &Row) -> Option<String> {
        let same_key = Filter::Key(row.k);
        let found = self.matching(table, &same_key).next().map(|(id, _)| id.clone());
        found.filter(|_| self.is_unique(table))
    }
}

/// A document as most queries show it.
fn short(id: &str, document: &Document) -> String {
    format!("[\"{id}\",{},{}]", document.row.k.stored(), document.row.v)
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
pub(super) fn id_in(value: &str) -> Option<&str> {
    value.split('"').nth(1)
}
