//! What a transaction shows to its statements.

use std::sync::Arc;

use everstrand_ion::{Document, Timestamp, Value};
use everstrand_partiql::tables::{
    Access, AsOf, Cursor, HistoryTable, OnConflict, Row, Source, Tables, TablesError,
};

use super::{Interrupt, Work};
use crate::ledger::Core;
use crate::state::Snapshot;

/// One statement's view of its transaction.
pub(crate) struct Scope<'a> {
    pub(crate) core: &'a Core,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) work: &'a mut Work,
    /// Its number; it sees what smaller ones wrote.
    pub(crate) statement: u32,
    pub(crate) transaction_id: &'a Arc<str>,
    /// When it began, in milliseconds.
    pub(crate) now: i64,
    pub(crate) deadline: u64,
    pub(crate) interrupt: &'a Interrupt,
}
impl Tables for Scope<'_> {
    fn source(&mut self, name: &str, as_of: Option<AsOf>) -> Result<Option<Source>, TablesError> {
        todo!()
    }
    fn history(
        &mut self,
        table: HistoryTable<'_>,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
    ) -> Result<Option<Source>, TablesError> {
        todo!()
    }
    fn information_schema(&mut self, name: &str) -> Result<Option<Source>, TablesError> {
        todo!()
    }
    fn rows(
        &mut self,
        source: &Source,
        access: &Access,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<Row>, TablesError> {
        todo!()
    }
    fn insert(
        &mut self,
        table: &Source,
        document: Document,
        on_conflict: OnConflict,
    ) -> Result<Option<Arc<str>>, TablesError> {
        todo!()
    }
    fn replace(&mut self, table: &Source, id: &str, document: Document) -> Result<(), TablesError> {
        todo!()
    }
    fn delete(&mut self, table: &Source, id: &str) -> Result<(), TablesError> {
        todo!()
    }
    fn create_table(&mut self, name: &str, tags: Option<&Value>) -> Result<Arc<str>, TablesError> {
        todo!()
    }
    fn create_index(
        &mut self,
        table: &str,
        paths: &[Vec<String>],
        unique: bool,
    ) -> Result<Arc<str>, TablesError> {
        todo!()
    }
    fn drop_index(&mut self, index_id: &str, table: &str) -> Result<Arc<str>, TablesError> {
        todo!()
    }
    fn drop_table(&mut self, name: &str) -> Result<Arc<str>, TablesError> {
        todo!()
    }
    fn undrop_table(&mut self, table_id: &str) -> Result<Arc<str>, TablesError> {
        todo!()
    }
    fn procedure(&mut self, name: &str, arguments: &[Value]) -> Result<Option<Vec<Value>>, TablesError> {
        todo!()
    }
    fn transaction_id(&self) -> Arc<str> {
        todo!()
    }
    fn now(&self) -> Timestamp {
        todo!()
    }
    fn interrupted(&mut self) -> Result<(), TablesError> {
        todo!()
    }
}
