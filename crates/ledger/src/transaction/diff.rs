//! `DIFF(T, AS OF start, AS OF end)`: what changed in a table between two blocks.
//!
//! The blocks between the two say which documents were changed, so that the cost follows from the changes and not from
//! the size of the table. What the documents were like comes from the view, as it does for a history, so that redacted
//! data shows as its hash. A document is yielded at its first change after `start`, if its last revision up to `end`
//! makes a difference.
//!
//! The cursor of a scan is `block:u64 position in the block:u64`, that of documents asked by id is `position:u64`.

use std::sync::Arc;

use everstrand_ion::{Document, StructWriter};
use everstrand_journal::{RevisionData, Slot, SlotContent, UniqueId};
use everstrand_partiql::tables::{Access, AsOf, Cursor, HistoryTable, Row, Source, SourceKind};

use super::rows::{cursor_number, foreign_cursor, id_text, number_cursor};
use super::scope::Scope;
use crate::error::LedgerError;
use crate::state::catalog::Table;
use crate::state::documents::{ViewRevision, from_history};
use crate::state::keys::{self, Place};
use crate::storage::views::{Keyspace, ViewError, ViewSnapshot};

/// The documents and versions that a block changed in one table, in the order of the block.
type Changed = Vec<(UniqueId, u64)>;

impl Scope<'_> {
    /// The source of DIFF. A name means the table that had it after the last of the two blocks.
    pub(super) fn diff_source(
        &mut self,
        table: HistoryTable<'_>,
        start: &AsOf,
        end: Option<&AsOf>,
    ) -> Result<Option<Source>, LedgerError> {
        let tip = self.snapshot.head.tip.block_no;
        let first = self.block_at(start)?;
        let last = match end {
            Some(end) => self.block_at(end)?,
            None => tip,
        };
        if first > last {
            return Err(LedgerError::bad_request(format!(
                "DIFF's first moment, after block {first}, is later than its second, after block {last}"
            )));
        }
        // The next block may get the time of the last one, so that an answer about the present may change.
        let is_present = |moment: &AsOf, block: u64| matches!(moment, AsOf::Timestamp(_)) && block == tip;
        let may_change = end.is_some_and(|end| is_present(end, last)) || is_present(start, first);
        let catalog = &self.snapshot.head.catalog;
        let found = match table {
            HistoryTable::Name(name) => {
                if may_change || end.is_none() {
                    self.work.reads.names.insert(name.into());
                }
                catalog.active_at(name, last)
            }
            HistoryTable::Id(id) => match id.parse() {
                Ok(id) => {
                    self.work.reads.table_ids.insert(id);
                    catalog.by_id(id)
                }
                Err(_) => None,
            },
        };
        let Some(table) = found.filter(|table| self.is_visible(table)) else { return Ok(None) };
        if may_change {
            self.work.reads.tables.insert(table.id);
        }
        let kind = SourceKind::Diff { start: first, end: end.map(|_| last) };
        Ok(Some(Source { kind, table_id: Arc::clone(&table.id_text), indexes: Arc::from([]), as_of: None }))
    }

    /// `limit` rows after the cursor; fewer only at the end.
    pub(super) fn diff_rows(
        &mut self,
        table: &Table,
        start: u64,
        end: Option<u64>,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        // Superseded revisions never change, but they may be redacted.
        self.work.reads.histories.insert(table.id);
        match access {
            Access::Scan => {
                if end.is_none() {
                    self.work.reads.tables.insert(table.id);
                }
                self.diff_of_table(table, start, end, after, limit)
            }
            Access::Documents(ids) => self.diff_of_documents(table, start, end, ids, after, limit),
            Access::Index { index_id, .. } => {
                Err(LedgerError::Internal(format!("index {index_id} does not serve DIFF")))
            }
        }
    }

    fn diff_of_table(
        &mut self,
        table: &Table,
        start: u64,
        end: Option<u64>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        let end = end.unwrap_or(self.snapshot.head.tip.block_no);
        let (mut block, mut position) = match after {
            Some(cursor) => parts(cursor).map(|(block, position)| (block, position + 1))?,
            None => (start.saturating_add(1), 0),
        };
        let mut rows = Vec::new();
        let mut slots = Slots::default();
        while block <= end {
            self.still_running()?;
            let changed = slots.changed(self, table, block)?;
            for (number, (id, version)) in (0u64..).zip(changed).skip(usize::try_from(position).unwrap_or(0))
            {
                self.still_running()?;
                if let Some(value) = self.difference_at(table, id, version, start, end)? {
                    let cursor = Cursor([block.to_be_bytes(), number.to_be_bytes()].concat());
                    rows.push(Row { id: Some(id_text(id)), value, cursor });
                    if rows.len() == limit {
                        return Ok(rows);
                    }
                }
            }
            (block, position) = (block + 1, 0);
        }
        Ok(rows)
    }

    fn diff_of_documents(
        &mut self,
        table: &Table,
        start: u64,
        end: Option<u64>,
        ids: &[Arc<str>],
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, LedgerError> {
        let first = after.map(cursor_number).transpose()?.map_or(0, |last| last.saturating_add(1));
        let mut rows = Vec::new();
        for (position, text) in (0u64..).zip(ids).skip(usize::try_from(first).unwrap_or(usize::MAX)) {
            let Ok(id) = text.parse::<UniqueId>() else { continue };
            if end.is_none() {
                self.work.reads.document(table.id, id);
            }
            self.still_running()?;
            let end = end.unwrap_or(self.snapshot.head.tip.block_no);
            let Some(place) = self.snapshot.place(id)?.filter(|place| place.table == table.number) else {
                continue;
            };
            let revisions = Revisions::of(&*self.snapshot.view, place)?;
            let (before, after) = (revisions.after_block(start)?, revisions.after_block(end)?);
            if let Some(value) = self.difference(id, before.as_ref(), after.as_ref()) {
                rows.push(Row { id: Some(Arc::clone(text)), value, cursor: number_cursor(position) });
                if rows.len() == limit {
                    break;
                }
            }
        }
        Ok(rows)
    }

    /// The difference of a document that a block between the two changed, if that was its first change.
    fn difference_at(
        &self,
        table: &Table,
        id: UniqueId,
        version: u64,
        start: u64,
        end: u64,
    ) -> Result<Option<Document>, LedgerError> {
        let place = self.snapshot.place(id)?.filter(|place| place.table == table.number);
        let place = place.ok_or_else(|| ViewError(format!("document {id} is not in the view")))?;
        let revisions = Revisions::of(&*self.snapshot.view, place)?;
        let before = match version.checked_sub(1) {
            Some(before) => revisions.get(before)?,
            None => None,
        };
        if before.as_ref().is_some_and(|before| before.block > start) {
            return Ok(None);
        }
        Ok(self.difference(id, before.as_ref(), revisions.after_block(end)?.as_ref()))
    }

    /// The row of a document, or `None` if it is the same before and after.
    fn difference(
        &self,
        id: UniqueId,
        before: Option<&ViewRevision>,
        after: Option<&ViewRevision>,
    ) -> Option<Document> {
        let is_there = |revision: &&ViewRevision| revision.data != RevisionData::Deleted;
        let before = before.filter(is_there);
        let after = after?;
        let change = match (before, is_there(&after)) {
            (None, false) => return None,
            (None, true) => "INSERT",
            (Some(_), false) => "DELETE",
            (Some(before), true) if before.version == after.version => return None,
            (Some(_), true) => "UPDATE",
        };
        let (id, before, after) =
            (id.to_string(), before.map(|before| self.envelope(before)), self.envelope(after));
        let mut row = StructWriter::new();
        row.text("documentId", &id);
        row.text("change", change);
        if let Some(before) = &before {
            row.raw("before", before.root());
        }
        row.raw("after", after.root());
        Some(row.finish())
    }
}

/// The revisions of one document in a view.
struct Revisions<'v> {
    view: &'v dyn ViewSnapshot,
    place: Place,
    /// The current revision; `None` if the document is deleted.
    current: Option<ViewRevision>,
    /// How many revisions there are.
    count: u64,
}

impl<'v> Revisions<'v> {
    fn of(view: &'v dyn ViewSnapshot, place: Place) -> Result<Revisions<'v>, ViewError> {
        let stored = view.get(Keyspace::Documents, &place.to_bytes())?;
        let current = stored.as_deref().map(ViewRevision::from_bytes).transpose()?;
        let count = match &current {
            Some(current) => current.version + 1,
            None => {
                let (lower, upper) = (place.version(0), place.version(u64::MAX));
                let (lower, upper) =
                    (std::ops::Bound::Included(&lower[..]), std::ops::Bound::Included(&upper[..]));
                let last = view.range(Keyspace::History, lower, upper, true, 1)?;
                last.first().and_then(|(key, _)| keys::version_of(key)).map_or(0, |version| version + 1)
            }
        };
        Ok(Revisions { view, place, current, count })
    }

    /// The revision of this version.
    fn get(&self, version: u64) -> Result<Option<ViewRevision>, ViewError> {
        match &self.current {
            Some(current) if current.version == version => return Ok(Some(current.clone())),
            _ => {}
        }
        let stored = self.view.get(Keyspace::History, &self.place.version(version))?;
        stored.as_deref().map(|stored| from_history(stored).map(|(_, revision)| revision)).transpose()
    }

    /// The last revision that a block up to this one made. Blocks of later versions are later, so a binary search finds
    /// it.
    fn after_block(&self, block: u64) -> Result<Option<ViewRevision>, ViewError> {
        if let Some(current) = &self.current
            && current.block <= block
        {
            return Ok(Some(current.clone()));
        }
        let (mut low, mut high) = (0, self.count);
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let revision = self.get(middle)?;
            let revision = revision.ok_or_else(|| ViewError("a stored revision is missing".to_owned()))?;
            if revision.block <= block {
                (low, found) = (middle + 1, Some(revision));
            } else {
                high = middle;
            }
        }
        Ok(found)
    }
}

/// The slot that was read last, because the blocks of a group stand in one.
#[derive(Default)]
struct Slots(Option<(u64, Slot)>);

impl Slots {
    /// What a block changed in a table.
    fn changed(&mut self, scope: &Scope<'_>, table: &Table, block: u64) -> Result<Changed, LedgerError> {
        let position = scope.snapshot.block_position(block)?;
        let (position, _) =
            position.ok_or_else(|| ViewError(format!("block {block} is not in the directory")))?;
        let slot = match self.0.take().filter(|(number, _)| *number == position.slot) {
            Some((_, slot)) => slot,
            None => scope.core.read_slot(position.slot)?,
        };
        let damaged = || LedgerError::Damaged(format!("slot {} has not its block {block}", position.slot));
        let index = usize::try_from(position.index_in_slot).map_err(|_| damaged())?;
        let changed = match slot.content() {
            SlotContent::Blocks(blocks) => {
                let revisions = blocks.get(index).ok_or_else(damaged)?.revisions();
                let own = revisions.filter(|revision| revision.table_id == table.id);
                own.map(|revision| (revision.document_id, revision.version)).collect()
            }
            SlotContent::Foreign(blocks) => {
                let revisions = blocks.get(index).ok_or_else(damaged)?.revisions();
                let revisions =
                    revisions.map_err(|error| LedgerError::Damaged(format!("block {block}: {error}")))?;
                let own = revisions.into_iter().filter(|revision| revision.table_id == table.id);
                own.map(|revision| (revision.revision.metadata.id, revision.revision.metadata.version))
                    .collect()
            }
        };
        self.0 = Some((position.slot, slot));
        Ok(changed)
    }
}

fn parts(cursor: &Cursor) -> Result<(u64, u64), LedgerError> {
    let part =
        |at: usize| cursor.0.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
    part(0).zip(part(8)).ok_or_else(foreign_cursor)
}
