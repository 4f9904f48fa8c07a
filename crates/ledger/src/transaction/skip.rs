//! Skipping rows by their keys, without reading documents.

use std::ops::Bound;

use everstrand_partiql::key;
use everstrand_partiql::tables::{Access, Cursor, KeyRange, Source, SourceKind};

use super::index_rows::{index_cursor, resumed};
use super::rows::{cursor_number, index_of, number_cursor, place_of};
use super::scope::Scope;
use super::write_set::NEW_DOCUMENTS;
use crate::error::LedgerError;
use crate::state::catalog::{Index, Table};
use crate::state::documents::has_data;
use crate::state::index::prefixed;
use crate::state::keys::{self, Place};
use crate::storage::views::{Keyspace, ViewError};

impl Scope<'_> {
    /// Skips at most `limit` rows after the cursor, and answers how many, and the cursor after them. None are skipped in
    /// a table that this transaction has written to, because its own rows stand among the others.
    pub(super) fn skip_rows(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(u64, Option<Cursor>), LedgerError> {
        let none = Ok((0, after.cloned()));
        if source.as_of.is_some() || !matches!(source.kind, SourceKind::User | SourceKind::Committed) {
            return none;
        }
        let table = self.table_of(source)?;
        if self.work.writes.iter().any(|(_, written)| written.table.id == table.id) {
            return none;
        }
        match access {
            Access::Scan => {
                self.work.reads.tables.insert(table.id);
                self.skip_documents(&table, after, limit)
            }
            Access::Index { index_id, ranges, descending } => {
                let index = index_of(&table, index_id)?;
                self.skip_entries(&table, index, ranges, *descending, after, limit)
            }
            Access::Documents(_) => none,
        }
    }

    fn skip_documents(
        &mut self,
        table: &Table,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(u64, Option<Cursor>), LedgerError> {
        let next = after.map(cursor_number).transpose()?.map_or(0, |last| last.saturating_add(1));
        let start = Place { table: table.number, number: next }.to_bytes();
        let end = Place { table: table.number, number: NEW_DOCUMENTS }.to_bytes();
        let (lower, upper) = (Bound::Included(start.as_slice()), Bound::Excluded(end.as_slice()));
        let entries = self.snapshot.view.range(Keyspace::Documents, lower, upper, false, limit)?;
        let rows = entries.iter().filter(|(_, stored)| has_data(stored)).count() as u64;
        match entries.last() {
            Some((key, _)) => Ok((rows, Some(number_cursor(place_of(key)?.number)))),
            None => Ok((0, after.cloned())),
        }
    }

    fn skip_entries(
        &mut self,
        table: &Table,
        index: &Index,
        ranges: &[KeyRange],
        descending: bool,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(u64, Option<Cursor>), LedgerError> {
        let (first, mut position) = resumed(after)?;
        let (mut skipped, mut reached) = (0, after.cloned());
        for (number, range) in (0u32..).zip(ranges).skip(usize::try_from(first).unwrap_or(usize::MAX)) {
            let (lower, upper) = key::range(range);
            let (mut from, mut to) = prefixed(&index.number.to_be_bytes(), &lower, &upper);
            let begun_at = position.take().map(|(key, document)| {
                let entry = Bound::Excluded(keys::index_entry(index.number, &key, document));
                *(if descending { &mut to } else { &mut from }) = entry;
                key
            });
            let (from, to) = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
            let wanted = limit - skipped;
            let entries = self.snapshot.view.range(Keyspace::Indexes, from, to, descending, wanted)?;
            let mut last = None;
            let mut stops = entries.len() == wanted;
            for (entry, _) in &entries {
                let (key, document) = keys::index_entry_parts(entry)
                    .ok_or_else(|| ViewError("an index entry is too short".to_owned()))?;
                // Keys that are cut are not in the order of their values, so their rows must be read.
                if key.len() > key::PART_BYTES_MAX {
                    stops = true;
                    break;
                }
                last = Some((key, document));
                skipped += 1;
            }
            if let Some((key, document)) = last {
                reached = Some(index_cursor(number, key, document));
            }
            let to = last.filter(|_| stops).map(|(key, _)| key.to_vec());
            if !stops || to.is_some() {
                self.note_span(table, index, (lower, upper), begun_at, to, descending);
            }
            if stops {
                break;
            }
        }
        Ok((skipped as u64, reached))
    }
}
