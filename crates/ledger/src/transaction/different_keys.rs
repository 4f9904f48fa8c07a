//! The different keys of an index: counts them, and reads the first row of each without the others.
//!
//! Neither is done in a table that this transaction has written to, because its own rows stand among the others.

use std::ops::Bound;
use std::sync::Arc;

use everstrand_partiql::key;
use everstrand_partiql::tables::{Access, Cursor, KeyRange, KeysCounted, Row, Source, SourceKind};

use super::index_rows::{EntryParts, index_cursor, resumed};
use super::rows::{id_text, index_of};
use super::scope::Scope;
use crate::error::LedgerError;
use crate::state::catalog::{Index, Table};
use crate::state::index::{prefixed, successor};
use crate::state::keys::{self, IndexNumber, Place};
use crate::storage::views::{Keyspace, ViewError};

/// So many entries are looked at before the rest of those with the same key is skipped. Looking at a few more takes less
/// time than going to another place of the index.
const ENTRIES_AHEAD: usize = 24;

/// An index whose stored entries are all that the statement sees of its table.
struct Stored<'a> {
    table: Arc<Table>,
    index: Index,
    ranges: &'a [KeyRange],
}

impl Scope<'_> {
    fn stored_index<'a>(
        &self,
        source: &Source,
        access: &'a Access,
    ) -> Result<Option<Stored<'a>>, LedgerError> {
        let is_present = matches!(source.kind, SourceKind::User | SourceKind::Committed);
        let Access::Index { index_id, ranges, descending: false } = access else { return Ok(None) };
        if !is_present || source.as_of.is_some() {
            return Ok(None);
        }
        let table = self.table_of(source)?;
        if self.work.writes.iter().any(|(_, written)| written.table.id == table.id) {
            return Ok(None);
        }
        let index = index_of(&table, index_id)?.clone();
        Ok(Some(Stored { table, index, ranges }))
    }

    /// Counts about `limit` rows after the cursor, and their different keys. `None` if that cannot be done without
    /// reading the rows.
    pub(super) fn count_different(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Option<KeysCounted>, LedgerError> {
        let Some(Stored { table, index, ranges }) = self.stored_index(source, access)? else {
            return Ok(None);
        };
        let (first, mut position) = resumed(after)?;
        let mut counted = KeysCounted { rows: 0, keys: 0, next: None };
        let mut left = limit.max(1);
        for (number, range) in (0u32..).zip(ranges).skip(usize::try_from(first).unwrap_or(usize::MAX)) {
            let bounds = key::range(range);
            let (mut from, to) = prefixed(&index.number.to_be_bytes(), &bounds.0, &bounds.1);
            let begun_at = position.take().map(|(key, document)| {
                from = Bound::Excluded(keys::index_entry(index.number, &key, document));
                key
            });
            let (from, to) = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
            let (mut seen, mut last, mut last_key) = (0, 0, begun_at.clone());
            self.snapshot.view.visit(Keyspace::Indexes, from, to, false, left, &mut |entry, _| {
                let (key, document) = parts(entry)?;
                if last_key.as_deref() != Some(key) {
                    counted.keys += 1;
                    let last_key = last_key.get_or_insert_default();
                    last_key.clear();
                    last_key.extend_from_slice(key);
                }
                (seen, last) = (seen + 1, document);
                Ok(true)
            })?;
            counted.rows += seen as u64;
            let reached = last_key.filter(|_| seen == left);
            counted.next = reached.as_ref().map(|key| index_cursor(number, key, last));
            self.note_span(&table, &index, bounds, begun_at, reached, false);
            if counted.next.is_some() {
                break;
            }
            left -= seen;
        }
        Ok(Some(counted))
    }

    /// At most `limit` rows after the cursor, of each key only the first. `None` if that cannot be done without reading
    /// the others.
    pub(super) fn firsts(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Option<Vec<Row>>, LedgerError> {
        let Some(Stored { table, index, ranges }) = self.stored_index(source, access)? else {
            return Ok(None);
        };
        let (first, mut position) = resumed(after)?;
        let mut rows = Vec::new();
        for (number, range) in (0u32..).zip(ranges).skip(usize::try_from(first).unwrap_or(usize::MAX)) {
            let bounds = key::range(range);
            let (mut from, to) = prefixed(&index.number.to_be_bytes(), &bounds.0, &bounds.1);
            let begun_at = position.take().map(|(key, _)| key);
            if let Some(key) = &begun_at {
                from = behind(index.number, key);
            }
            let mut reached = None;
            let mut ended = false;
            while rows.len() < limit && !ended {
                self.still_running()?;
                let (keys, is_end) = self.new_keys(&from, &to)?;
                ended = is_end;
                for (key, document_number) in keys {
                    if rows.len() == limit {
                        ended = false;
                        break;
                    }
                    let place = Place { table: table.number, number: document_number };
                    if let Some((id, value)) = self.current_at(source, place)? {
                        self.work.reads.document(table.id, id);
                        let cursor = index_cursor(number, &key, document_number);
                        rows.push(Row { id: Some(id_text(id)), value, cursor });
                    }
                    from = behind(index.number, &key);
                    reached = Some(key);
                }
            }
            self.note_span(&table, &index, bounds, begun_at, reached.filter(|_| !ended), false);
            if rows.len() == limit {
                break;
            }
        }
        Ok(Some(rows))
    }

    /// The first entry of each key among a few entries, and whether there are no other entries.
    fn new_keys(
        &self,
        from: &Bound<Vec<u8>>,
        to: &Bound<Vec<u8>>,
    ) -> Result<(Vec<EntryParts>, bool), LedgerError> {
        let (from, to) = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
        let (mut found, mut seen): (Vec<EntryParts>, _) = (Vec::new(), 0);
        self.snapshot.view.visit(Keyspace::Indexes, from, to, false, ENTRIES_AHEAD, &mut |entry, _| {
            let (key, document) = parts(entry)?;
            if found.last().is_none_or(|(last, _)| last != key) {
                found.push((key.to_vec(), document));
            }
            seen += 1;
            Ok(true)
        })?;
        Ok((found, seen < ENTRIES_AHEAD))
    }
}

fn parts(entry: &[u8]) -> Result<(&[u8], u64), ViewError> {
    keys::index_entry_parts(entry).ok_or_else(|| ViewError("an index entry is too short".to_owned()))
}

/// The lower bound of the entries after all those of a key.
fn behind(index: IndexNumber, key: &[u8]) -> Bound<Vec<u8>> {
    let entry = [&index.to_be_bytes(), key].concat();
    successor(&entry).map_or(Bound::Excluded(entry), Bound::Included)
}
