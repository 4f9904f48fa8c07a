//! Applying a revision: it changes a document, its history and its index entries.

use std::sync::Arc;

use everstrand_ion::Document;
use everstrand_journal::{StoredData, StoredRevision};

use super::catalog::Table;
use super::changes::Changes;
use super::documents::{self, End, Origin};
use super::head::Head;
use super::index::key_of;
use super::keys::{self, Place};
use super::statistics::Statistics;
use crate::planted::planted;
use crate::storage::views::Keyspace;

impl Head {
    pub(super) fn apply_revision(
        &mut self,
        origin: Origin,
        revision: &StoredRevision<'_>,
        changes: &mut Changes<'_>,
    ) -> Result<(), String> {
        let table = self.catalog.by_id(revision.table_id);
        let table = table.ok_or_else(|| format!("there is no table {}", revision.table_id))?;
        let bytes = documents::encode(origin, revision);
        let id = revision.document_id;
        let end = End { block: origin.block, time: origin.time };

        let (place, old) = if revision.version == 0 {
            let place = Place { table: table.number, number: self.next_number };
            self.next_number += 1;
            changes.put_tracked(Keyspace::Ids, id.as_bytes().to_vec(), place.to_bytes().to_vec());
            (place, None)
        } else {
            let unknown = || format!("there is no document {id} to follow");
            let place = changes.get(Keyspace::Ids, id.as_bytes()).map_err(|error| error.to_string())?;
            let place = place.as_deref().and_then(Place::from_bytes).ok_or_else(unknown)?;
            let old =
                changes.get(Keyspace::Documents, &place.to_bytes()).map_err(|error| error.to_string())?;
            let old = old.ok_or_else(unknown)?;
            let version = documents::version(&old).map_err(|error| error.to_string())?;
            if version.checked_add(1) != Some(revision.version) || place.table != table.number {
                return Err(format!(
                    "document {id} has version {version}, not the one before {}",
                    revision.version
                ));
            }
            changes.put_tracked(Keyspace::History, place.version(version).to_vec(), end.superseded(&old));
            (place, Some(old))
        };

        let was_there = old.as_deref().is_some_and(documents::has_data);
        let is_there = matches!(revision.data, StoredData::Data(_));
        self.statistics.count(table.number, was_there, is_there);
        let new = match revision.data {
            StoredData::Data(data) => Some(Document::from_canonical(data)),
            StoredData::Deleted | StoredData::Redacted(_) => None,
        };
        let new = new.transpose().map_err(|error| error.to_string())?;
        if !table.indexes.is_empty() {
            let old = match &old {
                Some(old) => documents::id_and_data(old).map_err(|error| error.to_string())?.1,
                None => None,
            };
            let versions = (old.as_ref(), new.as_ref());
            move_entries(table, place.number, versions, &mut self.statistics, changes);
        }
        if let Some(new) = new
            && !table.fields.cover(new.root())
        {
            let number = table.number;
            Arc::make_mut(&mut self.catalog).note_fields(revision.table_id, new.root());
            self.store_table(number, changes);
        }
        match revision.data {
            StoredData::Deleted => {
                changes.put(Keyspace::History, place.version(revision.version), end.superseded(&bytes));
                changes.delete_tracked(Keyspace::Documents, place.to_bytes().to_vec());
            }
            StoredData::Data(_) | StoredData::Redacted(_) => {
                changes.put_tracked(Keyspace::Documents, place.to_bytes().to_vec(), bytes);
            }
        }
        Ok(())
    }
}

/// Replaces a document's old entries in the indexes of its table by the new ones.
fn move_entries(
    table: &Table,
    number: u64,
    (old, new): (Option<&Document>, Option<&Document>),
    statistics: &mut Statistics,
    changes: &mut Changes<'_>,
) {
    for index in table.indexes.iter().filter(|index| index.covers(number)) {
        let old = old.map(|data| key_of(index, data.root()));
        let new = new.map(|data| key_of(index, data.root()));
        if old == new {
            continue;
        }
        let forgets = match &new {
            Some(_) => planted!("update-leaves-index-entry"),
            None => planted!("delete-leaves-index-entry"),
        };
        if let Some(old) = old
            && !forgets
        {
            changes.delete(Keyspace::Indexes, keys::index_entry(index.number, &old, number));
        }
        if let Some(new) = new {
            statistics.add_key(index.number, &new);
            changes.put(Keyspace::Indexes, keys::index_entry(index.number, &new, number), []);
        }
    }
}
