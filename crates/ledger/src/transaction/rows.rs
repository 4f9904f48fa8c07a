//! Rows of the views as they are now: by scan, by document id and by index, each in batches that go on
//! after a cursor.
//!
//! ```text
//! access      order                      cursor
//! scan        number of the document     number:u64
//! documents   as asked                   position:u64
//! index       range, key, number         range:u32 key number:u64
//! catalogue   number of the table        number:u64
//! ```
//!
//! Documents that this transaction inserted are numbered after all committed ones.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use everstrand_ion::{Document, StructWriter, Timestamp, Value};
use everstrand_journal::{RevisionData, UniqueId};
use everstrand_partiql::key;
use everstrand_partiql::tables::{Access, Cursor, KeyRange, Row, Source, SourceKind};

use super::views::Scope;
use super::write_set::NEW_DOCUMENTS;
use crate::error::LedgerError;
use crate::planted::planted;
use crate::state::catalog::{Index, Table};
use crate::state::documents::{ViewRevision, id_and_data};
use crate::state::index::{key_of, prefixed};
use crate::state::keys::{self, Place};
use crate::storage::views::{Keyspace, ViewError};

impl Scope<'_> {
    /// At most `limit` rows after the cursor; fewer only at the end.
    pub(super) fn read(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        let limit = limit.max(1);
        if source.kind == SourceKind::UserTables {
            return self.catalogue_rows(after, limit);
        }
        let table = self.table_of(source)?;
        if source.as_of.is_some() || matches!(source.kind, SourceKind::History { .. }) {
            return self.past_rows(source, &table, access, after, limit);
        }
        match access {
            Access::Scan => self.scan(source, &table, after, limit),
            Access::Documents(ids) => self.document_rows(source, &table, ids, after, limit),
            Access::Index { index_id, ranges, descending } => {
                let index = table.indexes.iter().find(|index| index.id_text == *index_id);
                let index =
                    index.ok_or_else(|| LedgerError::Internal(format!("there is no index {index_id}")))?;
                self.index_rows(source, &table, index, ranges, *descending, after, limit)
            }
        }
    }

    fn catalogue_rows(&mut self, after: Option<&Cursor>, limit: usize) -> Result<Vec<Row>, LedgerError> {
        let first = after.map(cursor_number).transpose()?.map_or(0, |last| last.saturating_add(1));
        let tables = self.catalog().tables().iter().filter(|table| u64::from(table.number) >= first);
        let row = |table: &Arc<Table>| Row {
            id: None,
            value: table.to_row(),
            cursor: number_cursor(u64::from(table.number)),
        };
        Ok(tables.take(limit).map(row).collect())
    }

    fn scan(
        &mut self,
        source: &Source,
        table: &Table,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        self.work.reads.tables.insert(table.id);
        let mut next = after.map(cursor_number).transpose()?.map_or(0, |last| last.saturating_add(1));
        let mut rows = Vec::new();
        let end = Place { table: table.number, number: NEW_DOCUMENTS }.to_bytes();
        while next < NEW_DOCUMENTS && rows.len() < limit {
            let start = Place { table: table.number, number: next }.to_bytes();
            let wanted = limit - rows.len();
            let view = &self.snapshot.view;
            let entries = view.range(
                Keyspace::Documents,
                Bound::Included(&start),
                Bound::Excluded(&end),
                false,
                wanted,
            )?;
            next = NEW_DOCUMENTS;
            let full = entries.len() == wanted;
            for (key, stored) in entries {
                let number = place_of(&key)?.number;
                if let Some((id, value)) = self.current(source, &stored)? {
                    rows.push(Row { id: Some(id_text(id)), value, cursor: number_cursor(number) });
                }
                if full {
                    next = number + 1;
                }
            }
        }
        if source.kind == SourceKind::User && rows.len() < limit {
            for (id, written) in self.work.writes.inserted_from(next) {
                if written.table.id == table.id
                    && let Some(Some(document)) = written.before(self.statement)
                {
                    let cursor = number_cursor(written.number);
                    rows.push(Row { id: Some(id_text(id)), value: document.clone(), cursor });
                    if rows.len() == limit {
                        break;
                    }
                }
            }
        }
        Ok(rows)
    }

    fn document_rows(
        &mut self,
        source: &Source,
        table: &Table,
        ids: &[Arc<str>],
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        let first = after.map(cursor_number).transpose()?.map_or(0, |last| last.saturating_add(1));
        let mut rows = Vec::new();
        for (position, text) in (0u64..).zip(ids).skip(usize::try_from(first).unwrap_or(usize::MAX)) {
            // What is no id is no document's, now and at any time.
            let Ok(id) = text.parse::<UniqueId>() else {
                continue;
            };
            self.work.reads.document(table.id, id);
            if let Some(value) = self.document(source, table, id)? {
                rows.push(Row { id: Some(Arc::clone(text)), value, cursor: number_cursor(position) });
                if rows.len() == limit {
                    break;
                }
            }
        }
        Ok(rows)
    }

    /// A document by its id, as the source shows it.
    fn document(
        &self,
        source: &Source,
        table: &Table,
        id: UniqueId,
    ) -> Result<Option<Document>, LedgerError> {
        if source.kind == SourceKind::User
            && let Some(written) = self.work.writes.get(id)
        {
            if written.table.id != table.id {
                return Ok(None);
            }
            match written.before(self.statement) {
                Some(version) => return Ok(version.cloned()),
                None if written.base.is_none() => return Ok(None),
                None => {}
            }
        }
        let view = &self.snapshot.view;
        let place = view.get(Keyspace::Ids, id.as_bytes())?.as_deref().and_then(Place::from_bytes);
        let Some(place) = place.filter(|place| place.table == table.number) else {
            return Ok(None);
        };
        match view.get(Keyspace::Documents, &place.to_bytes())? {
            Some(stored) => Ok(self.shown(source, &stored)?.map(|(_, value)| value)),
            None => Ok(None),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "an access by index has that many parts")]
    fn index_rows(
        &mut self,
        source: &Source,
        table: &Table,
        index: &Index,
        ranges: &[KeyRange],
        descending: bool,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        let (first, mut position) = match after {
            None => (0, None),
            Some(cursor) => {
                let (range, key, number) = index_cursor_parts(cursor)?;
                (range, Some((key, number)))
            }
        };
        let mut rows = Vec::new();
        for (number, range) in (0u32..).zip(ranges).skip(usize::try_from(first).unwrap_or(usize::MAX)) {
            let (lower, upper) = match &range.upper {
                Some((bound, true)) if planted!("range-end-off-by-one") => {
                    key::range(&KeyRange { upper: Some((bound.clone(), false)), ..range.clone() })
                }
                _ => key::range(range),
            };
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
                        match self.snapshot.view.get(Keyspace::Documents, &place.to_bytes())? {
                            Some(stored) => self.current(source, &stored)?,
                            None => None,
                        }
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

    /// Notes the part of a range that was read: all of it, or from where it went on to what it reached.
    fn note_span(
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

    /// The documents this transaction wrote that stand in a part of an index, in its order.
    #[expect(clippy::too_many_arguments, reason = "a part of an index has that many parts")]
    fn own_entries(
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

    /// A stored current revision as the source shows it, unless this transaction wrote the document
    /// since and shows it elsewhere or not at all.
    fn current(&self, source: &Source, stored: &[u8]) -> Result<Option<(UniqueId, Document)>, LedgerError> {
        let shown = self.shown(source, stored)?;
        if source.kind == SourceKind::User
            && !self.work.writes.is_empty()
            && let Some((id, _)) = &shown
            && let Some(written) = self.work.writes.get(*id)
            && let Some(version) = written.before(self.statement)
        {
            return Ok(version.map(|document| (*id, document.clone())));
        }
        Ok(shown)
    }

    /// A stored current revision as the source shows it.
    pub(super) fn shown(
        &self,
        source: &Source,
        stored: &[u8],
    ) -> Result<Option<(UniqueId, Document)>, LedgerError> {
        if source.kind == SourceKind::User {
            let (id, data) = id_and_data(stored)?;
            return Ok(data.map(|data| (id, data)));
        }
        let revision = ViewRevision::from_bytes(stored)?;
        Ok(Some((revision.id, self.envelope(&revision))))
    }

    /// `{blockAddress, hash, data, metadata}`: without `data` for a deleted revision, with `dataHash`
    /// for a redacted one.
    pub(super) fn envelope(&self, revision: &ViewRevision) -> Document {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let time = Value::from(Timestamp::from_unix_millis(revision.time));
        let mut row = StructWriter::new();
        row.structure("blockAddress", |address| {
            address.text("strandId", &self.snapshot.head.strand_id.to_string());
            address.int("sequenceNo", signed(revision.block));
        });
        row.blob("hash", revision.hash.as_bytes());
        match &revision.data {
            RevisionData::Data(data) => drop(row.raw("data", data.root())),
            RevisionData::Deleted => {}
            RevisionData::Redacted(hash) => drop(row.blob("dataHash", hash.as_bytes())),
        }
        row.structure("metadata", |metadata| {
            metadata.text("id", &revision.id.to_string());
            metadata.int("version", signed(revision.version));
            metadata.value("txTime", &time);
            metadata.text("txId", &revision.transaction_id.to_string());
        });
        row.finish()
    }
}

/// A document of this transaction in an index.
struct OwnEntry {
    at: (Vec<u8>, u64),
    id: UniqueId,
    document: Document,
}

/// A walk through a range of an index: stored entries and those of the transaction, merged.
struct IndexWalk<'a> {
    table: &'a Table,
    index: &'a Index,
    own: VecDeque<OwnEntry>,
    /// Read ahead.
    stored: VecDeque<(Vec<u8>, u64)>,
    lower: &'a Bound<Vec<u8>>,
    upper: &'a Bound<Vec<u8>>,
    descending: bool,
    /// The entry that was yielded last.
    position: Option<(Vec<u8>, u64)>,
    stored_ended: bool,
    /// Whether stored entries of documents that the transaction wrote are passed over.
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
                // The same document's stored entry is no longer true.
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

    /// Whether the transaction wrote this document before the statement, so that its stored entries
    /// say nothing.
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

pub(super) fn place_of(key: &[u8]) -> Result<Place, ViewError> {
    Place::from_bytes(key).ok_or_else(|| ViewError("a stored key is too short".to_owned()))
}

pub(super) fn id_text(id: UniqueId) -> Arc<str> {
    let text = id.to_text();
    Arc::from(str::from_utf8(&text).expect("digits and letters"))
}

fn number_cursor(number: u64) -> Cursor {
    Cursor(number.to_be_bytes().to_vec())
}

fn cursor_number(cursor: &Cursor) -> Result<u64, LedgerError> {
    let bytes = cursor.0.as_slice().try_into().map_err(|_| foreign_cursor())?;
    Ok(u64::from_be_bytes(bytes))
}

fn index_cursor(range: u32, key: &[u8], number: u64) -> Cursor {
    Cursor(keys::index_entry(range, key, number))
}

fn index_cursor_parts(cursor: &Cursor) -> Result<(u32, Vec<u8>, u64), LedgerError> {
    let range = cursor.0.get(..4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let parts = keys::index_entry_parts(&cursor.0);
    let (Some(range), Some((key, number))) = (range, parts) else {
        return Err(foreign_cursor());
    };
    Ok((range, key.to_vec(), number))
}

pub(super) fn foreign_cursor() -> LedgerError {
    LedgerError::Internal("a cursor is not one of this access".to_owned())
}
