//! Rows of the past: `history(T)`, and tables and committed views as they were after some block.
//!
//! A document has superseded revisions, which lie together in the keyspace History, and at most one current revision.
//! A walk over a table merges the two keyspaces in order of document and version. Its cursor is
//! `number:u64 version:u64`. For documents that were asked by id it is `position:u64 version:u64`.

use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use everstrand_ion::Document;
use everstrand_journal::{RevisionData, UniqueId};
use everstrand_partiql::tables::{Access, AsOf, Cursor, Row, Source, SourceKind};

use super::rows::{foreign_cursor, id_text, place_of};
use super::scope::Scope;
use crate::error::LedgerError;
use crate::state::catalog::Table;
use crate::state::documents::{End, ViewRevision, from_history};
use crate::state::keys::{self, Place};
use crate::storage::views::{Keyspace, ViewError, ViewSnapshot};

impl Scope<'_> {
    /// `limit` rows after the cursor; fewer only at the end.
    pub(super) fn past_rows(
        &mut self,
        source: &Source,
        table: &Table,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        let after = after.map(parts).transpose()?;
        self.work.reads.histories.insert(table.id);
        match access {
            Access::Documents(ids) => self.past_of_documents(source, table, ids, after, limit),
            Access::Scan => self.past_of_table(source, table, after, limit),
            Access::Index { index_id, .. } => {
                Err(LedgerError::Internal(format!("index {index_id} does not serve the past")))
            }
        }
    }

    fn past_of_table(
        &mut self,
        source: &Source,
        table: &Table,
        after: Option<(u64, u64)>,
        limit: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        if source.as_of.is_none() {
            self.work.reads.tables.insert(table.id);
        }
        let (number, version) = after.map_or((0, None), |(number, version)| (number, Some(version)));
        let end = Place { table: table.number, number: u64::MAX };
        let mut walk =
            RevisionWalk::new(&*self.snapshot.view, Place { table: table.number, number }, version, end);
        let mut rows = Vec::new();
        while let Some((place, end, revision)) = walk.next(limit)? {
            self.still_running()?;
            if let Some(value) = self.past_row(source, end, &revision) {
                let cursor = cursor(place.number, revision.version);
                rows.push(Row { id: Some(id_text(revision.id)), value, cursor });
                if rows.len() == limit {
                    break;
                }
            }
        }
        Ok(rows)
    }

    fn past_of_documents(
        &mut self,
        source: &Source,
        table: &Table,
        ids: &[Arc<str>],
        after: Option<(u64, u64)>,
        limit: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        let (first, mut version) = after.map_or((0, None), |(position, version)| (position, Some(version)));
        let mut rows = Vec::new();
        for (position, text) in (0u64..).zip(ids).skip(usize::try_from(first).unwrap_or(usize::MAX)) {
            let version = version.take();
            let Ok(id) = text.parse::<UniqueId>() else {
                continue;
            };
            if source.as_of.is_none() {
                self.work.reads.document(table.id, id);
            }
            self.still_running()?;
            let place = self.snapshot.place(id)?.filter(|place| place.table == table.number);
            let Some(place) = place else {
                continue;
            };
            let mut walk = RevisionWalk::new(&*self.snapshot.view, place, version, place);
            while let Some((_, end, revision)) = walk.next(limit)? {
                if let Some(value) = self.past_row(source, end, &revision) {
                    let cursor = cursor(position, revision.version);
                    rows.push(Row { id: Some(Arc::clone(text)), value, cursor });
                }
                if rows.len() == limit {
                    return Ok(rows);
                }
            }
        }
        Ok(rows)
    }

    /// A revision as the source shows it; `None` if it was not current at the time that the source names.
    fn past_row(&self, source: &Source, end: Option<End>, revision: &ViewRevision) -> Option<Document> {
        match (&source.kind, &source.as_of) {
            (SourceKind::History { start, end: until }, _) => {
                let since = revision.time;
                // The last revision of a deleted document never ends, because nothing supersedes it.
                let ended = end.filter(|_| revision.data != RevisionData::Deleted).map(|end| end.time);
                let in_time = until.as_ref().is_none_or(|until| since <= until.unix_millis())
                    && start
                        .as_ref()
                        .is_none_or(|start| ended.is_none_or(|ended| ended > start.unix_millis()));
                in_time.then(|| self.envelope(revision))
            }
            (kind, Some(AsOf::Block(block))) => {
                let current = revision.block <= *block && end.is_none_or(|end| end.block > *block);
                match &revision.data {
                    RevisionData::Data(data) if current && *kind == SourceKind::User => Some(data.clone()),
                    RevisionData::Data(_) | RevisionData::Redacted(_)
                        if current && *kind == SourceKind::Committed =>
                    {
                        Some(self.envelope(revision))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// Walks over all revisions from one place to another, in order of document and version.
struct RevisionWalk<'a> {
    view: &'a dyn ViewSnapshot,
    /// Where reading goes on, in the history and among the current revisions.
    history_from: Bound<Vec<u8>>,
    current_from: Bound<Vec<u8>>,
    /// The last revision of the batch before. The walk begins after it.
    after: Option<(Place, u64)>,
    last: Place,
    history: VecDeque<(Place, Option<End>, ViewRevision)>,
    current: VecDeque<(Place, Option<End>, ViewRevision)>,
    history_ended: bool,
    current_ended: bool,
}

impl<'a> RevisionWalk<'a> {
    fn new(view: &'a dyn ViewSnapshot, first: Place, version: Option<u64>, last: Place) -> RevisionWalk<'a> {
        let history_from = match version {
            Some(version) => Bound::Excluded(first.version(version).to_vec()),
            None => Bound::Included(first.version(0).to_vec()),
        };
        RevisionWalk {
            view,
            history_from,
            current_from: Bound::Included(first.to_bytes().to_vec()),
            after: version.map(|version| (first, version)),
            last,
            history: VecDeque::new(),
            current: VecDeque::new(),
            history_ended: false,
            current_ended: false,
        }
    }

    fn next(&mut self, batch: usize) -> Result<Option<(Place, Option<End>, ViewRevision)>, ViewError> {
        if self.history.is_empty() && !self.history_ended {
            self.read_history(batch)?;
        }
        while self.current.is_empty() && !self.current_ended {
            self.read_current(batch)?;
        }
        let history_first = match (self.history.front(), self.current.front()) {
            (Some((history, ..)), Some((current, ..))) => history <= current,
            (history, _) => history.is_some(),
        };
        Ok(if history_first { self.history.pop_front() } else { self.current.pop_front() })
    }

    fn read_history(&mut self, batch: usize) -> Result<(), ViewError> {
        let upper = self.last.version(u64::MAX);
        let lower = self.history_from.as_ref().map(Vec::as_slice);
        let entries = self.view.range(Keyspace::History, lower, Bound::Included(&upper), false, batch)?;
        self.history_ended = entries.len() < batch;
        for (key, stored) in entries {
            let (end, revision) = from_history(&stored)?;
            if keys::version_of(&key) != Some(revision.version) {
                return Err(ViewError("a stored revision is another than its key says".to_owned()));
            }
            self.history.push_back((place_of(&key)?, Some(end), revision));
            self.history_from = Bound::Excluded(key);
        }
        Ok(())
    }

    fn read_current(&mut self, batch: usize) -> Result<(), ViewError> {
        let upper = self.last.to_bytes();
        let lower = self.current_from.as_ref().map(Vec::as_slice);
        let entries = self.view.range(Keyspace::Documents, lower, Bound::Included(&upper), false, batch)?;
        self.current_ended = entries.len() < batch;
        for (key, stored) in entries {
            let place = place_of(&key)?;
            let revision = ViewRevision::from_bytes(&stored)?;
            self.current_from = Bound::Excluded(key);
            if self.after.is_none_or(|after| after < (place, revision.version)) {
                self.current.push_back((place, None, revision));
            }
        }
        Ok(())
    }
}

fn cursor(number: u64, version: u64) -> Cursor {
    Cursor([number.to_be_bytes(), version.to_be_bytes()].concat())
}

fn parts(cursor: &Cursor) -> Result<(u64, u64), LedgerError> {
    let part =
        |at: usize| cursor.0.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
    part(0).zip(part(8)).ok_or_else(foreign_cursor)
}
