//! Building an index on a filled table, and removing the entries of a dropped one.
//!
//! CREATE INDEX is in the journal. How far the index is built is not: each view has its own progress. On a table
//! without documents the index is complete at once. Otherwise it is built in parts between commits, in order of
//! document numbers. New documents have greater numbers and get their entries from their own commits. A unique index
//! is built at the end of its block, because the next commit must know whether its keys are unique.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use everstrand_ion::Document;
use everstrand_journal::CatalogChange;

use super::State;
use super::catalog::{Index, IndexStatus, Table};
use super::changes::Changes;
use super::checked_entry;
use super::documents;
use super::head::Head;
use super::index::{key_of, successor, unique_key_of};
use super::keys::{self, IndexNumber, Place};
use super::statistics::Statistics;
use crate::storage::views::{Entry, Keyspace, ViewError, ViewSnapshot};

/// So many documents or entries make a part.
const PART: usize = 1000;

impl State {
    /// Whether there is an index to build, or entries of a dropped one to remove.
    pub(crate) fn has_index_work(&self) -> bool {
        !self.dropped.is_empty() || self.head.catalog.building().is_some()
    }

    /// Does the next part of the work on indexes, and answers whether there was any.
    pub(crate) fn work_on_indexes(&mut self, changes: &mut Changes<'_>) -> Result<bool, ViewError> {
        let Some(index) = self.dropped.front().copied() else {
            return self.head.build_part(changes);
        };
        let lower = index.to_be_bytes();
        let upper = successor(&lower).map_or(Bound::Unbounded, Bound::Excluded);
        let upper = upper.as_ref().map(Vec::as_slice);
        let entries = changes.view().range(Keyspace::Indexes, Bound::Included(&lower), upper, false, PART)?;
        if entries.len() < PART {
            self.dropped.pop_front();
            changes.delete(Keyspace::Catalog, keys::dropped(index));
        }
        for (entry, _) in entries {
            changes.delete(Keyspace::Indexes, entry);
        }
        Ok(true)
    }

    /// Reads which dropped indexes still have entries.
    pub(super) fn dropped_indexes(view: &dyn ViewSnapshot) -> Result<Vec<IndexNumber>, ViewError> {
        let (lower, upper) = (Bound::Included(keys::DROPPED), Bound::Excluded(keys::DROPPED_END));
        let entries = view.range(Keyspace::Catalog, lower, upper, false, usize::MAX)?;
        let number = |(key, value): Entry| {
            checked_entry::checked(&key, &value)?;
            Some(u32::from_be_bytes(key.get(1..)?.try_into().ok()?))
        };
        let numbers = entries.into_iter().map(number).collect::<Option<_>>();
        numbers.ok_or_else(|| ViewError("a stored index number is damaged".to_owned()))
    }
}

impl Head {
    /// Completes the new indexes on tables without documents, before the documents of the same block are applied.
    pub(super) fn begin_indexes(
        &mut self,
        created: &[CatalogChange],
        changes: &mut Changes<'_>,
    ) -> Result<(), ViewError> {
        for (table, index) in self.among(created, false) {
            if is_without_documents(&table, changes)? {
                Arc::make_mut(&mut self.catalog).set_index_status(
                    table.id,
                    index.number,
                    IndexStatus::Online,
                );
            }
        }
        Ok(())
    }

    /// Builds the unique indexes that a block creates, after the documents of the same block were applied.
    pub(super) fn build_unique_indexes(
        &mut self,
        created: &[CatalogChange],
        changes: &mut Changes<'_>,
    ) -> Result<(), ViewError> {
        for (table, index) in self.among(created, true) {
            let status = build_unique(&table, &index, &mut self.statistics, changes)?;
            Arc::make_mut(&mut self.catalog).set_index_status(table.id, index.number, status);
            self.store_table(table.number, changes);
        }
        Ok(())
    }

    /// The indexes that a block creates and does not drop again.
    fn among(&self, created: &[CatalogChange], unique: bool) -> Vec<(Arc<Table>, Index)> {
        let of = |change: &CatalogChange| {
            let CatalogChange::CreateIndex { index_id, table_id, .. } = change else { return None };
            let table = self.catalog.by_id(*table_id)?;
            let index = table.indexes.iter().find(|index| index.id == *index_id && index.unique == unique)?;
            Some((Arc::clone(table), index.clone()))
        };
        created.iter().filter_map(of).collect()
    }

    /// Builds the next part of the first unfinished index, and answers whether there was one.
    fn build_part(&mut self, changes: &mut Changes<'_>) -> Result<bool, ViewError> {
        let Some((table, index)) = self.catalog.building() else {
            return Ok(false);
        };
        let IndexStatus::Building { next, end } = index.status else {
            return Ok(false);
        };
        let (table, index) = (Arc::clone(table), index.clone());
        let part = part(&table, next, end, changes)?;
        for (number, document) in documents_of(&part)? {
            let key = key_of(&index, document.root());
            self.statistics.add_key(index.number, &key);
            changes.put(Keyspace::Indexes, keys::index_entry(index.number, &key, number), []);
        }
        let status = match part.last().and_then(|(key, _)| Place::from_bytes(key)) {
            Some(last) if part.len() == PART => IndexStatus::Building { next: last.number + 1, end },
            _ => IndexStatus::Online,
        };
        Arc::make_mut(&mut self.catalog).set_index_status(table.id, index.number, status);
        self.store_table(table.number, changes);
        self.statistics.store(changes);
        Ok(true)
    }
}

/// The current revisions of documents with numbers from `next` to before `end`; at most a part of them.
fn part(table: &Table, next: u64, end: u64, changes: &Changes<'_>) -> Result<Vec<Entry>, ViewError> {
    let lower = Place { table: table.number, number: next }.to_bytes();
    let upper = Place { table: table.number, number: end }.to_bytes();
    changes.view().range(Keyspace::Documents, Bound::Included(&lower), Bound::Excluded(&upper), false, PART)
}

fn documents_of(entries: &[Entry]) -> Result<Vec<(u64, Document)>, ViewError> {
    let mut documents = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let place =
            Place::from_bytes(key).ok_or_else(|| ViewError("a stored key is too short".to_owned()))?;
        if let (_, Some(document)) = documents::id_and_data(value)? {
            documents.push((place.number, document));
        }
    }
    Ok(documents)
}

fn is_without_documents(table: &Table, changes: &Changes<'_>) -> Result<bool, ViewError> {
    let lower = Place { table: table.number, number: 0 }.to_bytes();
    let upper = Place { table: table.number, number: u64::MAX }.to_bytes();
    let stored = changes.view().range(
        Keyspace::Documents,
        Bound::Included(&lower),
        Bound::Included(&upper),
        false,
        1,
    )?;
    let pending =
        changes.tracked(Keyspace::Documents).any(|(key, _)| key.starts_with(&table.number.to_be_bytes()));
    Ok(stored.is_empty() && !pending)
}

/// Writes all entries of a unique index, unless two documents have the same key.
fn build_unique(
    table: &Table,
    index: &Index,
    statistics: &mut Statistics,
    changes: &mut Changes<'_>,
) -> Result<IndexStatus, ViewError> {
    let mut next = 0;
    let mut documents = std::collections::BTreeMap::new();
    loop {
        let part = part(table, next, u64::MAX, changes)?;
        documents.extend(documents_of(&part)?);
        match part.last().and_then(|(key, _)| Place::from_bytes(key)) {
            Some(last) if part.len() == PART => next = last.number + 1,
            _ => break,
        }
    }
    for (key, value) in changes.tracked(Keyspace::Documents) {
        if let Some(place) = Place::from_bytes(key).filter(|place| place.table == table.number) {
            match value.map(documents::id_and_data).transpose()? {
                Some((_, Some(document))) => drop(documents.insert(place.number, document)),
                _ => drop(documents.remove(&place.number)),
            }
        }
    }
    let mut seen = BTreeSet::new();
    for document in documents.values() {
        if let Some(key) = unique_key_of(index, document.root())
            && !seen.insert(key)
        {
            return Ok(IndexStatus::Failed("two documents have the same key".to_owned()));
        }
    }
    for (number, document) in &documents {
        let key = key_of(index, document.root());
        statistics.add_key(index.number, &key);
        changes.put(Keyspace::Indexes, keys::index_entry(index.number, &key, *number), []);
    }
    Ok(IndexStatus::Online)
}
