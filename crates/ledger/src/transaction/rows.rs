//! Rows of tables and committed views as they are now: by scan, by document id and by index. Each call answers a batch
//! of rows after a cursor.
//!
//! ```text
//! access      order                      cursor
//! scan        number of the document     number:u64
//! documents   as asked                   position:u64
//! index       range, key, number         range:u32 key number:u64
//! catalog   number of the table        number:u64
//! ```
//!
//! A document that this transaction inserted has a number after those of all committed documents.

use std::ops::Bound;
use std::sync::Arc;

use everstrand_ion::{Document, StructWriter, Timestamp, Value};
use everstrand_journal::{RevisionData, UniqueId};
use everstrand_partiql::tables::{Access, Cursor, Row, Source, SourceKind};

use super::scope::Scope;
use super::write_set::NEW_DOCUMENTS;
use crate::error::LedgerError;
use crate::state::catalog::{Index, Table};
use crate::state::documents::{ViewRevision, id_and_data, id_and_data_like};
use crate::state::keys::Place;
use crate::storage::views::{Keyspace, ViewError};

/// Rows without ids come in batches of about so many bytes at most.
const BATCH_BYTES: usize = 256 << 10;

/// How many documents are looked at for a hint.
const HINT_DOCUMENTS: usize = 64;

impl Scope<'_> {
    /// `limit` rows after the cursor; fewer only at the end.
    pub(super) fn read(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        self.read_wanted(source, access, after, limit, true)
    }

    /// The same rows. Without `ids` the rows of a scan have no ids, and no cursors but the last.
    pub(super) fn read_wanted(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
        ids: bool,
    ) -> Result<Vec<Row>, LedgerError> {
        let limit = limit.max(1);
        if source.kind == SourceKind::UserTables {
            return self.catalog_rows(after, limit);
        }
        let table = self.table_of(source)?;
        if let SourceKind::Diff { start, end } = source.kind {
            return self.diff_rows(&table, start, end, access, after, limit);
        }
        if source.as_of.is_some() || matches!(source.kind, SourceKind::History { .. }) {
            return self.past_rows(source, &table, access, after, limit);
        }
        match access {
            Access::Scan => {
                self.work.reads.tables.insert(table.id);
                self.scan(source, &table, after, limit, ids)
            }
            Access::Documents(ids) => self.document_rows(source, &table, ids, after, limit),
            Access::Index { index_id, ranges, descending } => {
                let index = index_of(&table, index_id)?;
                self.index_rows(source, &table, index, ranges, *descending, after, limit)
            }
        }
    }

    fn catalog_rows(&mut self, after: Option<&Cursor>, limit: usize) -> Result<Vec<Row>, LedgerError> {
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
        ids: bool,
    ) -> Result<Vec<Row>, LedgerError> {
        let mut next = after.map(cursor_number).transpose()?.map_or(0, |last| last.saturating_add(1));
        let mut rows: Vec<Row> = Vec::with_capacity(limit.min(1024));
        let end = Place { table: table.number, number: NEW_DOCUMENTS }.to_bytes();
        while next < NEW_DOCUMENTS && rows.len() < limit {
            let start = Place { table: table.number, number: next }.to_bytes();
            let wanted = limit - rows.len();
            let (lower, upper) = (Bound::Included(start.as_slice()), Bound::Excluded(end.as_slice()));
            let (mut seen, mut last) = (0, 0);
            let this = &*self;
            let (mut failed, mut bytes, mut is_full) = (None, 0, false);
            let view = &self.snapshot.view;
            view.visit(Keyspace::Documents, lower, upper, false, wanted, &mut |key, stored| {
                (seen, last) = (seen + 1, place_of(key)?.number);
                let before = rows.last().map(|row| &row.value);
                match this.current(source, stored, before) {
                    Ok(None) => {}
                    Ok(Some((id, value))) => {
                        let (id, cursor) = match ids {
                            true => (Some(id_text(id)), number_cursor(last)),
                            false => (None, Cursor(Vec::new())),
                        };
                        bytes += value.as_bytes().len();
                        rows.push(Row { id, value, cursor });
                    }
                    Err(error) => failed = Some(error),
                }
                is_full = !ids && bytes >= BATCH_BYTES;
                Ok(failed.is_none() && !is_full)
            })?;
            failed.map_or(Ok(()), Err)?;
            // Many entries may be no rows, so look at the deadline between batches.
            self.still_running()?;
            next = if seen == wanted || is_full { last + 1 } else { NEW_DOCUMENTS };
            // The next call goes on where the next batch would have, whatever this one has seen.
            if let Some(row) = rows.last_mut().filter(|_| !ids) {
                row.cursor = number_cursor(next - 1);
            }
            if is_full {
                return Ok(rows);
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

    /// The first documents of a table. They are not noted as read, because only a hint depends on them.
    pub(super) fn first_documents(&mut self, source: &Source) -> Result<Vec<Document>, LedgerError> {
        let table = self.table_of(source)?;
        let rows = self.scan(source, &table, None, HINT_DOCUMENTS, true)?;
        Ok(rows.into_iter().map(|row| row.value).collect())
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
            self.still_running()?;
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

    /// The document of an id, as the source shows it.
    fn document(
        &mut self,
        source: &Source,
        table: &Table,
        id: UniqueId,
    ) -> Result<Option<Document>, LedgerError> {
        if source.kind == SourceKind::User {
            if let Some(written) = self.work.writes.get(id) {
                if written.table.id != table.id {
                    return Ok(None);
                }
                if let Some(version) = written.before(self.statement) {
                    return Ok(version.cloned());
                }
            }
            return Ok(self.committed(table, id)?.map(|base| base.data));
        }
        let view = &self.snapshot.view;
        let place = self.snapshot.place(id)?;
        let Some(place) = place.filter(|place| place.table == table.number) else {
            return Ok(None);
        };
        match view.get(Keyspace::Documents, &place.to_bytes())? {
            Some(stored) => Ok(self.shown(source, &stored)?.map(|(_, value)| value)),
            None => Ok(None),
        }
    }

    /// A stored current revision as the source shows it: for a table, with what this transaction made of it.
    /// `before` is the document before it in a scan.
    fn current(
        &self,
        source: &Source,
        stored: &[u8],
        before: Option<&Document>,
    ) -> Result<Option<(UniqueId, Document)>, LedgerError> {
        if source.kind != SourceKind::User {
            return self.shown(source, stored);
        }
        let (id, data) = id_and_data_like(stored, before)?;
        let committed = data.map(|data| (id, data));
        Ok(if self.work.writes.is_empty() { committed } else { self.unless_written(committed) })
    }

    /// The current revision at a place, shown in the same way.
    pub(super) fn current_at(
        &mut self,
        source: &Source,
        place: Place,
    ) -> Result<Option<(UniqueId, Document)>, LedgerError> {
        if source.kind == SourceKind::User {
            let committed = self.committed_at(place)?;
            return Ok(self.unless_written(committed.map(|(id, base)| (id, base.data))));
        }
        match self.snapshot.view.get(Keyspace::Documents, &place.to_bytes())? {
            Some(stored) => self.shown(source, &stored),
            None => Ok(None),
        }
    }

    /// A committed document, or what earlier statements of this transaction made of it.
    fn unless_written(&self, committed: Option<(UniqueId, Document)>) -> Option<(UniqueId, Document)> {
        let (id, document) = committed?;
        match self.work.writes.get(id).and_then(|written| written.before(self.statement)) {
            Some(version) => version.map(|document| (id, document.clone())),
            None => Some((id, document)),
        }
    }

    /// A stored current revision as the source shows it, without what this transaction wrote.
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

    /// `{blockAddress, hash, data, metadata}`. A deleted revision has no `data`, and a redacted one has `dataHash`
    /// instead.
    pub(super) fn envelope(&self, revision: &ViewRevision) -> Document {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let time = Value::from(Timestamp::from_unix_millis(revision.time));
        let mut row = StructWriter::new();
        row.structure("blockAddress", |address| {
            address.text("strandId", &self.snapshot.head.strand_of(revision.block).to_string());
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

/// An index of a table by its id.
pub(super) fn index_of<'t>(table: &'t Table, id: &str) -> Result<&'t Index, LedgerError> {
    let index = table.indexes.iter().find(|index| *index.id_text == *id);
    index.ok_or_else(|| LedgerError::Internal(format!("there is no index {id}")))
}

pub(super) fn place_of(key: &[u8]) -> Result<Place, ViewError> {
    Place::from_bytes(key).ok_or_else(|| ViewError("a stored key is too short".to_owned()))
}

pub(super) fn id_text(id: UniqueId) -> Arc<str> {
    let text = id.to_text();
    Arc::from(str::from_utf8(&text).expect("digits and letters"))
}

pub(super) fn number_cursor(number: u64) -> Cursor {
    Cursor(number.to_be_bytes().to_vec())
}

pub(super) fn cursor_number(cursor: &Cursor) -> Result<u64, LedgerError> {
    let bytes = cursor.0.as_slice().try_into().map_err(|_| foreign_cursor())?;
    Ok(u64::from_be_bytes(bytes))
}

pub(super) fn foreign_cursor() -> LedgerError {
    LedgerError::Internal("a cursor is not one of this access".to_owned())
}
