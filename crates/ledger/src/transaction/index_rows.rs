//! Rows by index: each range merges the stored entries with the transaction's own.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ops::Bound;

use everstrand_ion::Document;
use everstrand_journal::UniqueId;
use everstrand_partiql::key;
use everstrand_partiql::tables::{Cursor, KeyRange, Row, Source, SourceKind};

use super::rows::{foreign_cursor, id_text};
use super::scope::Scope;
use crate::error::LedgerError;
use crate::planted::planted;
use crate::state::catalog::{Index, Table};
use crate::state::index::{key_of, prefixed};
use crate::state::keys::{self, Place};
use crate::storage::views::{Keyspace, ViewError};

impl Scope<'_> {
    #[expect(clippy::too_many_arguments, reason = "an access by index has that many parts")]
    pub(super) fn index_rows(
        &mut self,
        source: &Source,
        table: &Table,
        index: &Index,
        ranges: &[KeyRange],
        descending: bool,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        let (first, mut position) = resumed(after)?;
        let mut rows = Vec::new();
        for (number, range) in (0u32..).zip(ranges).skip(usize::try_from(first).unwrap_or(usize::MAX)) {
            let (lower, upper) = match &range.upper {
                Some((bound, true)) if planted!("range-end-off-by-one") => {
                    key::range(&KeyRange { upper: Some((bound.clone(), false)), ..range.clone() })
                }
                _ => key::range(range),
            };
            self.still_running()?;
            let before = rows.len();
            let mut walk = IndexWalk {
                table,
                index,
                own: self.own_entries(source, table, index, &lower, &upper, position.as_ref(), descending),
                stored: VecDeque::new(),
                lower: &lower,
                upper: &upper,
                descending,
                position: position.take(),
                stored_ended: false,
                sees_own: source.kind == SourceKind::User,
            };
            let from = walk.position.as_ref().map(|(key, _)| key.clone());
            let mut ended = false;
            while rows.len() < limit {
                let Some((key, document_number, own)) = walk.next(self, limit)? else {
                    ended = true;
                    break;
                };
                let found = match own {
                    Some((id, document)) => Some((id, document)),
                    None => {
                        let place = Place { table: table.number, number: document_number };
                        self.current_at(source, place)?
                    }
                };
                if let Some((id, value)) = found {
                    self.work.reads.document(table.id, id);
                    let cursor = index_cursor(number, &key, document_number);
                    rows.push(Row { id: Some(id_text(id)), value, cursor });
                }
            }
            let reached = walk.position.map(|(key, _)| key);
            if rows.len() == before && planted!("skip-empty-lookup-check") {
                continue;
            }
            self.note_span(
                table,
                index,
                (lower, upper),
                from,
                if ended { None } else { reached },
                descending,
            );
            if rows.len() == limit {
                break;
            }
        }
        Ok(rows)
    }

    /// Notes the part of a range that was read: from `from`, or its beginning, to `reached`, or its end.
    pub(super) fn note_span(
        &mut self,
        table: &Table,
        index: &Index,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        from: Option<Vec<u8>>,
        reached: Option<Vec<u8>>,
        descending: bool,
    ) {
        let (from, reached) = (from.map(Bound::Included), reached.map(Bound::Included));
        let (lower, upper) = if descending { (reached, from) } else { (from, reached) };
        let (lower, upper) = (lower.unwrap_or(range.0), upper.unwrap_or(range.1));
        let (lower, upper) = prefixed(index.id.as_bytes(), &lower, &upper);
        self.work.reads.span(table.id, lower, upper);
    }

    /// The transaction's own documents in a range of an index, after a position, in the order of the walk.
    #[expect(clippy::too_many_arguments, reason = "a part of an index has that many parts")]
    pub(super) fn own_entries(
        &self,
        source: &Source,
        table: &Table,
        index: &Index,
        lower: &Bound<Vec<u8>>,
        upper: &Bound<Vec<u8>>,
        position: Option<&(Vec<u8>, u64)>,
        descending: bool,
    ) -> VecDeque<OwnEntry> {
        if source.kind != SourceKind::User {
            return VecDeque::new();
        }
        let written = self.work.writes.iter().filter(|(_, written)| written.table.id == table.id);
        let mut entries: Vec<OwnEntry> = written
            .filter_map(|(id, written)| {
                let document = written.before(self.statement)??;
                let key = key_of(index, document.root());
                Some(OwnEntry { at: (key, written.number), id, document: document.clone() })
            })
            .filter(|entry| {
                let order = position.map(|position| entry.at.cmp(position));
                let beyond = if descending { Ordering::Less } else { Ordering::Greater };
                is_between(&entry.at.0, lower, upper) && order.is_none_or(|order| order == beyond)
            })
            .collect();
        entries.sort_by(|one, other| one.at.cmp(&other.at));
        if descending {
            entries.reverse();
        }
        entries.into()
    }
}

/// A document that this transaction wrote, with its place in an index.
pub(super) struct OwnEntry {
    at: (Vec<u8>, u64),
    id: UniqueId,
    document: Document,
}

/// A walk through a range of an index: stored entries and those of the transaction, merged.
struct IndexWalk<'a> {
    table: &'a Table,
    index: &'a Index,
    own: VecDeque<OwnEntry>,
    /// Entries that were read but not yielded yet.
    stored: VecDeque<(Vec<u8>, u64)>,
    lower: &'a Bound<Vec<u8>>,
    upper: &'a Bound<Vec<u8>>,
    descending: bool,
    /// The last yielded entry.
    position: Option<(Vec<u8>, u64)>,
    stored_ended: bool,
    /// Whether the walk shows the transaction's own documents in place of their stored entries.
    sees_own: bool,
}

type WalkedEntry = (Vec<u8>, u64, Option<(UniqueId, Document)>);

impl IndexWalk<'_> {
    fn next(&mut self, scope: &Scope<'_>, batch: usize) -> Result<Option<WalkedEntry>, LedgerError> {
        loop {
            if self.stored.is_empty() && !self.stored_ended {
                self.read_ahead(scope, batch)?;
            }
            let own_first = match (self.stored.front(), self.own.front()) {
                (None, None) => return Ok(None),
                (None, Some(_)) => true,
                (Some(_), None) => false,
                (Some(stored), Some(own)) => (own.at <= *stored) != self.descending,
            };
            if own_first {
                let Some(OwnEntry { at: (key, number), id, document }) = self.own.pop_front() else {
                    continue;
                };
                // The stored entry of the same document is out of date.
                if self.stored.front().is_some_and(|stored| *stored == (key.clone(), number)) {
                    self.stored.pop_front();
                }
                self.position = Some((key.clone(), number));
                return Ok(Some((key, number, Some((id, document)))));
            }
            let Some((key, number)) = self.stored.pop_front() else {
                continue;
            };
            self.position = Some((key.clone(), number));
            if !self.sees_own || !self.is_rewritten(scope, number) {
                return Ok(Some((key, number, None)));
            }
        }
    }

    /// Whether an earlier statement of the transaction wrote this document, so that its stored entries are out of
    /// date.
    fn is_rewritten(&self, scope: &Scope<'_>, number: u64) -> bool {
        scope.work.writes.iter().any(|(_, written)| {
            written.number == number
                && written.table.id == self.table.id
                && written.before(scope.statement).is_some()
        })
    }

    fn read_ahead(&mut self, scope: &Scope<'_>, batch: usize) -> Result<(), LedgerError> {
        let (lower, upper) = prefixed(&self.index.number.to_be_bytes(), self.lower, self.upper);
        let (mut lower, mut upper) = (lower, upper);
        if let Some((key, number)) = &self.position {
            let reached = Bound::Excluded(keys::index_entry(self.index.number, key, *number));
            if self.descending {
                upper = reached;
            } else {
                lower = reached;
            }
        }
        let (lower, upper) = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
        let entries = scope.snapshot.view.range(Keyspace::Indexes, lower, upper, self.descending, batch)?;
        self.stored_ended = entries.len() < batch;
        for (entry, _) in &entries {
            let (key, number) = keys::index_entry_parts(entry)
                .ok_or_else(|| ViewError("an index entry is too short".to_owned()))?;
            self.stored.push_back((key.to_vec(), number));
        }
        Ok(())
    }
}

/// Whether a key lies in a range.
fn is_between(key: &[u8], lower: &Bound<Vec<u8>>, upper: &Bound<Vec<u8>>) -> bool {
    let above = match lower {
        Bound::Included(lower) => key >= lower.as_slice(),
        Bound::Excluded(lower) => key > lower.as_slice(),
        Bound::Unbounded => true,
    };
    let below = match upper {
        Bound::Included(upper) => key <= upper.as_slice(),
        Bound::Excluded(upper) => key < upper.as_slice(),
        Bound::Unbounded => true,
    };
    above && below
}

pub(super) fn index_cursor(range: u32, key: &[u8], number: u64) -> Cursor {
    Cursor(keys::index_entry(range, key, number))
}

/// The key of an index entry, and the number of its document.
pub(super) type EntryParts = (Vec<u8>, u64);

/// Where reading goes on: in this range, behind the entry of this key and document if there is one.
pub(super) fn resumed(after: Option<&Cursor>) -> Result<(u32, Option<EntryParts>), LedgerError> {
    let Some(cursor) = after else { return Ok((0, None)) };
    let range = cursor.0.get(..4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let entry = keys::index_entry_parts(&cursor.0).map(|(key, number)| (key.to_vec(), number));
    let (range, entry) = range.zip(entry).ok_or_else(foreign_cursor)?;
    Ok((range, Some(entry)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_the_ends_that_are_included() {
        let included = |key: &[u8]| Bound::Included(key.to_vec());
        let excluded = |key: &[u8]| Bound::Excluded(key.to_vec());
        let table = [
            (Bound::Unbounded, Bound::Unbounded, "abcde"),
            (included(b"b"), included(b"d"), "bcd"),
            (excluded(b"b"), excluded(b"d"), "c"),
            (included(b"b"), excluded(b"d"), "bc"),
            (excluded(b"b"), included(b"d"), "cd"),
            (Bound::Unbounded, excluded(b"b"), "a"),
            (excluded(b"d"), Bound::Unbounded, "e"),
        ];
        for (lower, upper, expected) in table {
            let between: String = "abcde"
                .chars()
                .filter(|key| is_between(key.to_string().as_bytes(), &lower, &upper))
                .collect();
            assert_eq!(between, expected, "{lower:?} to {upper:?}");
        }
    }
}
