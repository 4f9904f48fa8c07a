//! Counting rows by their keys, without reading documents.
//!
//! Stored entries of documents that the transaction wrote do not count. The transaction's own documents are added at
//! the end.

use std::collections::BTreeSet;
use std::ops::Bound;

use everstrand_partiql::key;
use everstrand_partiql::tables::{Access, Cursor, Index as SourceIndex, KeyRange, Source, SourceKind};

use super::index_rows::{index_cursor, resumed};
use super::rows::index_of;
use super::scope::Scope;
use crate::error::LedgerError;
use crate::state::catalog::{Index, Table};
use crate::state::index::prefixed;
use crate::state::keys;
use crate::storage::views::{Keyspace, ViewError};

impl Scope<'_> {
    /// Counts the rows among about `limit` entries after the cursor. Answers the count, and where to go on if there may
    /// be more.
    pub(super) fn count_rows(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(u64, Option<Cursor>), LedgerError> {
        let limit = limit.max(1);
        if source.as_of.is_none() && matches!(source.kind, SourceKind::User | SourceKind::Committed) {
            let table = self.table_of(source)?;
            match access {
                Access::Scan => {
                    self.work.reads.tables.insert(table.id);
                    return Ok((self.count_documents(source, &table), None));
                }
                Access::Index { index_id, ranges, .. } => {
                    let index = index_of(&table, index_id)?;
                    return self.count_entries(source, &table, index, ranges, after, limit);
                }
                Access::Documents(_) => {}
            }
        }
        let rows = self.read(source, access, after, limit)?;
        let last = rows.last().filter(|_| rows.len() == limit);
        Ok((rows.len() as u64, last.map(|row| row.cursor.clone())))
    }

    /// About how many rows a source has. For the past it is what the table has now.
    pub(super) fn about_rows(&self, source: &Source) -> Option<u64> {
        match source.kind {
            SourceKind::UserTables => Some(self.catalog().table_count().into()),
            // A block changes one document or few.
            SourceKind::Diff { start, end } => {
                Some(end.unwrap_or(self.snapshot.head.tip.block_no).saturating_sub(start))
            }
            _ => Some(self.snapshot.head.statistics.documents(self.table_of(source).ok()?.number)),
        }
    }

    /// About how many different keys an index has. What is known is the number of whole keys.
    pub(super) fn about_keys(&self, source: &Source, index: &SourceIndex, paths: usize) -> Option<u64> {
        let table = self.table_of(source).ok()?;
        let number = index_of(&table, &index.id).ok().filter(|index| index.paths.len() == paths)?.number;
        let statistics = &self.snapshot.head.statistics;
        // A sketch also remembers keys that are gone.
        Some(statistics.keys(number).min(statistics.documents(table.number)))
    }

    /// How many documents a table has: the snapshot's count, and what earlier statements of this transaction have changed.
    fn count_documents(&self, source: &Source, table: &Table) -> u64 {
        let committed = self.snapshot.head.statistics.documents(table.number);
        if source.kind != SourceKind::User {
            return committed;
        }
        let written = self.work.writes.iter().filter(|(_, written)| written.table.id == table.id);
        written.fold(committed, |documents, (_, written)| {
            match (&written.base, written.before(self.statement)) {
                (None, Some(Some(_))) => documents + 1,
                (Some(_), Some(None)) => documents.saturating_sub(1),
                _ => documents,
            }
        })
    }

    fn count_entries(
        &mut self,
        source: &Source,
        table: &Table,
        index: &Index,
        ranges: &[KeyRange],
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(u64, Option<Cursor>), LedgerError> {
        let (first, mut position) = resumed(after)?;
        let written = self.written_before(source, table);
        let (mut rows, mut left) = (0, limit);
        for (number, range) in (0u32..).zip(ranges).skip(usize::try_from(first).unwrap_or(usize::MAX)) {
            let (lower, upper) = key::range(range);
            let (mut from, to) = prefixed(&index.number.to_be_bytes(), &lower, &upper);
            if let Some((key, number)) = &position {
                from = Bound::Excluded(keys::index_entry(index.number, key, *number));
            }
            let (from, to) = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
            let (mut seen, mut last) = (0, None);
            self.snapshot.view.visit(Keyspace::Indexes, from, to, false, left, &mut |entry, _| {
                let (key, document) = keys::index_entry_parts(entry)
                    .ok_or_else(|| ViewError("an index entry is too short".to_owned()))?;
                rows += u64::from(!written.contains(&document));
                seen += 1;
                if seen == left {
                    last = Some((key.to_vec(), document));
                }
                Ok(true)
            })?;
            let reached = position.take().map(|(key, _)| key);
            if let Some((key, document)) = last {
                let cursor = index_cursor(number, &key, document);
                self.note_span(table, index, (lower, upper), reached, Some(key), false);
                return Ok((rows, Some(cursor)));
            }
            left -= seen;
            rows += self.own_entries(source, table, index, &lower, &upper, None, false).len() as u64;
            self.note_span(table, index, (lower, upper), reached, None, false);
        }
        Ok((rows, None))
    }

    /// The numbers of the documents that earlier statements of this transaction wrote. The source does not show their
    /// stored revisions.
    fn written_before(&self, source: &Source, table: &Table) -> BTreeSet<u64> {
        if source.kind != SourceKind::User {
            return BTreeSet::new();
        }
        let written =
            self.work.writes.iter().filter(|(_, written)| {
                written.table.id == table.id && written.before(self.statement).is_some()
            });
        written.map(|(_, written)| written.number).collect()
    }
}
