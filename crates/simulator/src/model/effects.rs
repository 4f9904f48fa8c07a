//! What a transaction leaves on the model, and whether its block holds just that.

use std::collections::{BTreeMap, BTreeSet};

use everstrand_ion::text;
use everstrand_journal::{Block, CatalogChange, RevisionData};
use imbl::{OrdMap, Vector};

use super::run::{Run, id_in};
use super::{Document, Index, Model, Revision, Table};
use crate::operation::{Change, Filter, Operation};
use crate::value::Key;

impl Run {
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
            let CatalogChange::CreateIndex { index_id, table_id, paths, unique, .. } = change else {
                continue;
            };
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

    /// Does to the model what a statement that was not refused does.
    pub(super) fn apply(&mut self, operation: &Operation, values: &[String]) {
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
            Operation::CreateTable { .. }
            | Operation::DropTable { .. }
            | Operation::UndropTable { .. }
            | Operation::CreateIndex { .. }
            | Operation::DropIndex { .. } => self.define(operation, values),
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

    /// The part of [`Run::apply`] that changes tables and indexes.
    fn define(&mut self, operation: &Operation, values: &[String]) {
        match operation {
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
            _ => {}
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

    fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        let id = self.model.active.get(name)?;
        self.model.tables.get_mut(id)
    }

    fn taken(&self, table: &str, filter: &Filter) -> Vec<(String, Document)> {
        self.matching(table, filter).map(|(id, document)| (id.clone(), document.clone())).collect()
    }
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
