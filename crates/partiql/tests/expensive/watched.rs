//! Tables that measure how long it takes until a statement asks whether to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use everstrand_ion::{Document, Timestamp, Value};
use everstrand_partiql::tables::{
    Access, AsOf, Cursor, FieldNames, HistoryTable, IndexDefinition, OnConflict, Row, Source, Tables,
    TablesError,
};
use everstrand_partiql::{Options, execute, parse, plan};

use crate::memory::MemoryTables;

/// What a statement says that was told to stop.
pub(crate) const STOPPED: &str = "it was told to stop";

/// A table of 200 documents of several shapes.
pub(crate) struct Watched {
    tables: MemoryTables,
    ends: Instant,
    asked: Instant,
    longest: Duration,
    highest: Arc<AtomicUsize>,
    allocated: fn() -> usize,
}

impl Watched {
    pub(crate) fn new() -> Watched {
        let mut tables = MemoryTables::default();
        let documents = (0..200).map(|n| {
            let text = "x".repeat(n * 7 % 300);
            format!("{{'n': {n}, 'text': '{text}', 'a': {}.5, 'list': [{n}, 'b', {{'c': {n}}}]}}", n % 13)
        });
        let documents = documents.collect::<Vec<_>>().join(", ");
        for statement in
            ["CREATE TABLE t", "CREATE INDEX ON t (n)", &format!("INSERT INTO t << {documents} >>")]
        {
            let parsed = parse(statement).expect("it is valid");
            let plan = plan(&parsed, &[], &mut tables, &Options::default()).expect("it is valid");
            execute(plan, Arc::from([]), &mut tables).expect("it is valid");
        }
        let now = Instant::now();
        let (longest, highest) = (Duration::ZERO, Arc::default());
        Watched { tables, ends: now, asked: now, longest, highest, allocated: || 0 }
    }

    pub(crate) fn begin(&mut self, runs_for: Duration, highest: Arc<AtomicUsize>, allocated: fn() -> usize) {
        self.asked = Instant::now();
        self.ends = self.asked + runs_for;
        (self.highest, self.allocated) = (highest, allocated);
    }

    /// The longest time that lay between two questions, up to now.
    pub(crate) fn longest_gap(&mut self) -> Duration {
        let now = Instant::now();
        self.longest = self.longest.max(now - self.asked);
        self.asked = now;
        self.longest
    }
}

impl Tables for Watched {
    fn interrupted(&mut self) -> Result<(), TablesError> {
        self.longest_gap();
        self.highest.fetch_max((self.allocated)(), Ordering::Relaxed);
        if self.asked > self.ends {
            return Err(TablesError::Refused { code: None, message: STOPPED.to_owned() });
        }
        Ok(())
    }

    fn source(&mut self, name: &str, as_of: Option<AsOf>) -> Result<Option<Source>, TablesError> {
        self.tables.source(name, as_of)
    }

    fn history(
        &mut self,
        table: HistoryTable<'_>,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
    ) -> Result<Option<Source>, TablesError> {
        self.tables.history(table, start, end)
    }

    fn diff(
        &mut self,
        table: HistoryTable<'_>,
        start: AsOf,
        end: Option<AsOf>,
    ) -> Result<Option<Source>, TablesError> {
        self.tables.diff(table, start, end)
    }

    fn table_named_like(&self, name: &str) -> Option<String> {
        self.tables.table_named_like(name)
    }

    fn information_schema(&mut self, name: &str) -> Result<Option<Source>, TablesError> {
        self.tables.information_schema(name)
    }

    fn rows(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, TablesError> {
        self.tables.rows(source, access, after, limit)
    }

    fn field_names(&mut self, table: &Source) -> Result<Option<FieldNames>, TablesError> {
        self.tables.field_names(table)
    }

    fn insert(
        &mut self,
        table: &Source,
        document: Document,
        on_conflict: OnConflict,
    ) -> Result<Option<Arc<str>>, TablesError> {
        self.tables.insert(table, document, on_conflict)
    }

    fn replace(&mut self, table: &Source, id: &str, document: Document) -> Result<(), TablesError> {
        self.tables.replace(table, id, document)
    }

    fn delete(&mut self, table: &Source, id: &str) -> Result<(), TablesError> {
        self.tables.delete(table, id)
    }

    fn create_table(&mut self, name: &str, tags: Option<&Value>) -> Result<Arc<str>, TablesError> {
        self.tables.create_table(name, tags)
    }

    fn create_index(&mut self, index: &IndexDefinition) -> Result<Arc<str>, TablesError> {
        self.tables.create_index(index)
    }

    fn drop_index(
        &mut self,
        index: &str,
        table: Option<&str>,
        if_exists: bool,
    ) -> Result<Option<Arc<str>>, TablesError> {
        self.tables.drop_index(index, table, if_exists)
    }

    fn drop_table(&mut self, name: &str) -> Result<Arc<str>, TablesError> {
        self.tables.drop_table(name)
    }

    fn undrop_table(&mut self, table_id: &str) -> Result<Arc<str>, TablesError> {
        self.tables.undrop_table(table_id)
    }

    fn procedure(&mut self, name: &str, arguments: &[Value]) -> Result<Option<Vec<Value>>, TablesError> {
        self.tables.procedure(name, arguments)
    }

    fn transaction_id(&self) -> Arc<str> {
        self.tables.transaction_id()
    }

    fn now(&self) -> Timestamp {
        self.tables.now()
    }
}
