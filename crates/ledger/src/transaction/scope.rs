//! What a statement sees of its transaction: tables, QLDB's committed views, history and the catalog.
//!
//! A table shows what the transaction has written; committed views and history show only what was committed. Every
//! answer is noted in the read set, also the answer that something does not exist. Reading the past is not noted,
//! because the past does not change.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use everstrand_ion::{Document, RawValue, Timestamp, Value};
use everstrand_journal::UniqueId;
use everstrand_partiql::tables::{
    Access, AsOf, Cursor, FieldNames, HistoryTable, Index, IndexDefinition, KeysCounted, OnConflict, Row,
    Source, SourceKind, Tables, TablesError, WantedRows, spelling_in,
};

use super::work::Work;
use crate::authorize::Authorize;
use crate::core::Core;
use crate::error::LedgerError;
use crate::pace::{Interrupt, Pace, TURN_MILLIS};
use crate::planted::planted;
use crate::state::catalog::{Catalog, Table};
use crate::state::snapshot::Snapshot;
use crate::storage::views::ViewError;

/// The prefix that makes the name of a table the name of its committed view.
pub(crate) const COMMITTED_PREFIX: &str = "_ql_committed_";

/// What one statement sees of its transaction. The language asks it through [`Tables`].
pub(crate) struct Scope<'a> {
    pub(crate) core: &'a Core,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) work: &'a mut Work,
    /// The number of the statement. It sees what statements with smaller numbers wrote.
    pub(crate) statement: u32,
    pub(crate) transaction_id: &'a Arc<str>,
    /// When the statement began, in milliseconds since 1970.
    pub(crate) now: i64,
    pub(crate) deadline: u64,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) pace: Option<&'a dyn Pace>,
    /// Decides what the statement may do. Without one it may do everything.
    pub(crate) authorize: Option<&'a dyn Authorize>,
    /// When the statement's turn ends, on the monotonic clock. Set at the first look.
    pub(crate) turn_ends: Option<u64>,
}

impl Scope<'_> {
    /// The catalog as the statement sees it.
    pub(crate) fn catalog(&self) -> &Arc<Catalog> {
        self.work.writes.catalog_before(self.statement).unwrap_or(&self.snapshot.head.catalog)
    }

    /// The table that a source reads.
    pub(crate) fn table_of(&self, source: &Source) -> Result<Arc<Table>, LedgerError> {
        let id = source.table_id.parse::<UniqueId>().ok();
        let table = id.and_then(|id| self.catalog().by_id(id)).cloned();
        table.ok_or_else(|| LedgerError::Internal(format!("there is no table {}", source.table_id)))
    }

    /// The monotonic time. Fails if the statement was stopped, or if its transaction has expired.
    pub(super) fn still_running(&self) -> Result<u64, LedgerError> {
        if self.interrupt.is_stopped() {
            return Err(LedgerError::Interrupted);
        }
        let now = self.core.environment.clock.monotonic_millis();
        if now >= self.deadline {
            let transaction_id = self.transaction_id.to_string();
            return Err(LedgerError::TransactionExpired { transaction_id });
        }
        Ok(now)
    }

    /// The last block at a time in the past, or the named block.
    pub(super) fn block_at(&mut self, as_of: &AsOf) -> Result<u64, LedgerError> {
        let tip = self.snapshot.head.tip.block_no;
        let timestamp = match as_of {
            AsOf::Block(block) if *block <= tip => return Ok(*block),
            AsOf::Block(block) => {
                self.work.reads.last_block = true;
                return Err(LedgerError::bad_request(format!(
                    "Block {block} is beyond the last block, {tip}"
                )));
            }
            AsOf::Timestamp(timestamp) => timestamp,
        };
        // Timestamps of blocks never go backwards, so a binary search finds the first block after that time. The block
        // before it is the answer.
        let (mut low, mut high) = (0, tip + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let (_, millis) = self
                .snapshot
                .block_position(middle)?
                .ok_or_else(|| ViewError(format!("block {middle} is not in the directory")))?;
            match Timestamp::from_unix_millis(millis).instant_cmp(timestamp) {
                Ordering::Greater => high = middle,
                Ordering::Less | Ordering::Equal => low = middle + 1,
            }
        }
        low.checked_sub(1)
            .ok_or_else(|| LedgerError::bad_request("The ledger did not exist at that time".to_owned()))
    }

    fn past_source(
        &mut self,
        kind: SourceKind,
        name: &str,
        as_of: &AsOf,
    ) -> Result<Option<Source>, LedgerError> {
        let block = self.block_at(as_of)?;
        let table = self.snapshot.head.catalog.active_at(name, block);
        let table = table.filter(|table| self.is_visible(table));
        let is_present = block == self.snapshot.head.tip.block_no && !planted!("present-taken-for-past");
        if matches!(as_of, AsOf::Timestamp(_)) && is_present {
            // The next block may get the same time, so this answer about the present may change.
            self.work.reads.names.insert(name.into());
            self.work.reads.tables.extend(table.map(|table| table.id));
        }
        Ok(table.map(|table| Source {
            kind,
            table_id: Arc::clone(&table.id_text),
            indexes: Arc::from([]),
            as_of: Some(AsOf::Block(block)),
        }))
    }
}

impl Tables for Scope<'_> {
    fn source(&mut self, name: &str, as_of: Option<AsOf>) -> Result<Option<Source>, TablesError> {
        let (kind, name) = match name.strip_prefix(COMMITTED_PREFIX) {
            Some(name) => (SourceKind::Committed, name),
            None => (SourceKind::User, name),
        };
        if let Some(as_of) = as_of {
            return Ok(self.past_source(kind, name, &as_of)?);
        }
        self.work.reads.names.insert(name.into());
        let table = self.catalog().active(name).filter(|table| self.is_visible(table));
        Ok(table.map(|table| Source {
            kind,
            table_id: Arc::clone(&table.id_text),
            indexes: Arc::clone(&table.online),
            as_of: None,
        }))
    }

    fn history(
        &mut self,
        table: HistoryTable<'_>,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
    ) -> Result<Option<Source>, TablesError> {
        let table = match table {
            HistoryTable::Name(name) => {
                self.work.reads.names.insert(name.into());
                self.catalog().active(name)
            }
            HistoryTable::Id(id) => match id.parse() {
                Ok(id) => {
                    self.work.reads.table_ids.insert(id);
                    self.catalog().by_id(id)
                }
                Err(_) => None,
            },
        };
        let table = table.filter(|table| self.is_visible(table));
        let Some(table_id) = table.map(|table| Arc::clone(&table.id_text)) else {
            return Ok(None);
        };
        let kind = SourceKind::History { start, end };
        Ok(Some(Source { kind, table_id, indexes: Arc::from([]), as_of: None }))
    }

    fn diff(
        &mut self,
        table: HistoryTable<'_>,
        start: AsOf,
        end: Option<AsOf>,
    ) -> Result<Option<Source>, TablesError> {
        Ok(self.diff_source(table, &start, end.as_ref())?)
    }

    fn information_schema(&mut self, name: &str) -> Result<Option<Source>, TablesError> {
        if name != "user_tables" {
            return Ok(None);
        }
        self.work.reads.catalog = true;
        let nothing: Arc<str> = Arc::from("");
        Ok(Some(Source {
            kind: SourceKind::UserTables,
            table_id: nothing,
            indexes: Arc::from([]),
            as_of: None,
        }))
    }

    fn table_named_like(&self, name: &str) -> Option<String> {
        let name = self.catalog().active_named_like(name)?;
        self.catalog().active(name).filter(|table| self.is_visible(table)).map(|_| name.to_owned())
    }

    fn field_named_like(&mut self, table: &Source, name: &str) -> Result<Option<String>, TablesError> {
        if !self.may_read(&table.table_id) {
            return Ok(None);
        }
        let documents = self.first_documents(table)?;
        Ok(spelling_in(&documents, name))
    }

    /// The transaction does not depend on the answer as on a read: names are resolved once, against its snapshot.
    fn field_names(&mut self, table: &Source) -> Result<Option<FieldNames>, TablesError> {
        if !self.may_read(&table.table_id) {
            return Ok(None);
        }
        let table = self.table_of(table)?;
        let written = self.work.writes.iter().filter(|(_, written)| written.table.id == table.id);
        let written: Vec<&Document> =
            written.filter_map(|(_, written)| written.before(self.statement).flatten()).collect();
        let mut fields = table.fields.clone();
        for document in written {
            if !fields.cover(document.root()) {
                fields.note(document.root());
            }
        }
        Ok(fields.names().cloned())
    }

    fn rows(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, TablesError> {
        Ok(self.read(source, access, after, limit)?)
    }

    fn rows_alone(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, TablesError> {
        Ok(self.read_wanted(source, access, after, limit, false)?)
    }

    fn count(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(u64, Option<Cursor>), TablesError> {
        Ok(self.count_rows(source, access, after, limit)?)
    }

    fn count_keys(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Option<KeysCounted>, TablesError> {
        Ok(self.count_different(source, access, after, limit)?)
    }

    fn rows_where(
        &mut self,
        source: &Source,
        after: Option<&Cursor>,
        limit: usize,
        wanted: &mut dyn FnMut(RawValue<'_>) -> bool,
    ) -> Result<Option<WantedRows>, TablesError> {
        Ok(self.wanted_rows(source, after, limit, wanted)?)
    }

    fn first_rows(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Option<Vec<Row>>, TablesError> {
        Ok(self.firsts(source, access, after, limit)?)
    }

    fn skip(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(u64, Option<Cursor>), TablesError> {
        Ok(self.skip_rows(source, access, after, limit)?)
    }

    fn rows_estimate(&mut self, source: &Source) -> Option<u64> {
        self.about_rows(source)
    }

    fn keys_estimate(&mut self, source: &Source, index: &Index, paths: usize) -> Option<u64> {
        self.about_keys(source, index, paths)
    }

    fn insert(
        &mut self,
        table: &Source,
        document: Document,
        on_conflict: OnConflict,
    ) -> Result<Option<Arc<str>>, TablesError> {
        Ok(self.write_new(table, document, on_conflict)?)
    }

    fn replace(&mut self, table: &Source, id: &str, document: Document) -> Result<(), TablesError> {
        Ok(self.write_next(table, id, Some(document))?)
    }

    fn delete(&mut self, table: &Source, id: &str) -> Result<(), TablesError> {
        Ok(self.write_next(table, id, None)?)
    }

    fn create_table(&mut self, name: &str, tags: Option<&Value>) -> Result<Arc<str>, TablesError> {
        Ok(self.add_table(name, tags)?)
    }

    fn create_index(&mut self, index: &IndexDefinition) -> Result<Arc<str>, TablesError> {
        Ok(self.add_index(index)?)
    }

    fn drop_index(
        &mut self,
        index: &str,
        table: Option<&str>,
        if_exists: bool,
    ) -> Result<Option<Arc<str>>, TablesError> {
        Ok(self.remove_index(index, table, if_exists)?)
    }

    fn drop_table(&mut self, name: &str) -> Result<Arc<str>, TablesError> {
        Ok(self.remove_table(name)?)
    }

    fn undrop_table(&mut self, table_id: &str) -> Result<Arc<str>, TablesError> {
        Ok(self.restore_table(table_id)?)
    }

    fn procedure(&mut self, name: &str, arguments: &[Value]) -> Result<Option<Vec<Value>>, TablesError> {
        if name.eq_ignore_ascii_case("redact_revision") {
            return Ok(Some(vec![self.redact_revision(arguments)?]));
        }
        Ok(None)
    }

    fn transaction_id(&self) -> Arc<str> {
        Arc::clone(self.transaction_id)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.now)
    }

    fn monotonic_nanos(&self) -> u64 {
        self.core.environment.clock.monotonic_nanos()
    }

    fn interrupted(&mut self) -> Result<(), TablesError> {
        let now = self.still_running()?;
        let Some(pace) = self.pace else { return Ok(()) };
        if now < *self.turn_ends.get_or_insert(now + TURN_MILLIS) {
            return Ok(());
        }
        pace.turn_is_over(Duration::from_millis(self.deadline.saturating_sub(now)))?;
        self.turn_ends = Some(self.still_running()? + TURN_MILLIS);
        Ok(())
    }
}
