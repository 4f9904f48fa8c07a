//! Rows of a scan that meet a condition. The condition sees the stored bytes, and only the rows that meet it become
//! documents.

use std::ops::Bound;

use everstrand_ion::{Document, RawValue};
use everstrand_partiql::tables::{Cursor, Row, Source, SourceKind, WantedRows};

use super::rows::{cursor_number, number_cursor, place_of};
use super::scope::Scope;
use super::write_set::NEW_DOCUMENTS;
use crate::error::LedgerError;
use crate::state::documents::stored_data;
use crate::state::keys::Place;
use crate::storage::views::{Keyspace, ViewError};

/// After so many stored documents the statement is asked whether it must stop.
const BATCH: usize = 1024;

/// After about so many bytes of wanted documents, too.
const BATCH_BYTES: usize = 256 << 10;

impl Scope<'_> {
    /// At most `limit` rows after the cursor that are wanted. `None` if this transaction has written anything, because
    /// its own documents stand among the others.
    pub(super) fn wanted_rows(
        &mut self,
        source: &Source,
        after: Option<&Cursor>,
        limit: usize,
        wanted: &mut dyn FnMut(RawValue<'_>) -> bool,
    ) -> Result<Option<WantedRows>, LedgerError> {
        if source.kind != SourceKind::User || source.as_of.is_some() || !self.work.writes.is_empty() {
            return Ok(None);
        }
        self.still_running()?;
        let table = self.table_of(source)?;
        self.work.reads.tables.insert(table.id);
        let next = after.map(cursor_number).transpose()?.map_or(0, |last| last.saturating_add(1));
        let start = Place { table: table.number, number: next }.to_bytes();
        let end = Place { table: table.number, number: NEW_DOCUMENTS }.to_bytes();
        let (lower, upper) = (Bound::Included(start.as_slice()), Bound::Excluded(end.as_slice()));
        let mut answer = WantedRows { rows: Vec::new(), passed: 0, next: None };
        let (mut seen, mut last, mut bytes, mut is_full) = (0, 0, 0, false);
        // A document of the table. The others mostly have its symbols, so that nothing is copied to look at them.
        let mut like: Option<Document> = None;
        self.snapshot.view.visit(Keyspace::Documents, lower, upper, false, BATCH, &mut |key, stored| {
            (seen, last) = (seen + 1, place_of(key)?.number);
            let Some(data) = stored_data(stored)? else { return Ok(true) };
            let is_wanted = match like.as_ref().and_then(|like| like.root_like(data)) {
                Some(row) => wanted(row),
                None => {
                    let document = document(data, like.as_ref())?;
                    wanted(like.insert(document).root())
                }
            };
            if !is_wanted {
                answer.passed += 1;
                return Ok(true);
            }
            let value = document(data, like.as_ref())?;
            bytes += data.len();
            let row = Row { id: None, value, cursor: Cursor(Vec::new()) };
            answer.rows.push((std::mem::take(&mut answer.passed), row));
            is_full = answer.rows.len() >= limit || bytes >= BATCH_BYTES;
            Ok(!is_full)
        })?;
        answer.next = (is_full || seen == BATCH).then(|| number_cursor(last));
        Ok(Some(answer))
    }
}

fn document(data: &[u8], like: Option<&Document>) -> Result<Document, ViewError> {
    Document::from_canonical_like(data, like).map_err(|error| ViewError(format!("a stored revision {error}")))
}
