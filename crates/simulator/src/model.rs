//! The naive ledger: maps of tables and documents, and what every statement answers over them.
//!
//! It has no snapshots, no read sets and no indexes to look into; a transaction is run on it from its
//! first statement to its last with nobody beside. Its maps are persistent, so that the state after every
//! block can be kept.

mod effects;
mod run;

use std::collections::BTreeSet;

use everstrand_testkit::Random;
use imbl::{OrdMap, Vector};

use crate::operation::{Filter, Operation, Row};
use crate::value::Key;

/// All tables after some block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// By id, dropped ones too.
    tables: OrdMap<String, Table>,
    /// The active ones, name to id.
    active: OrdMap<&'static str, String>,
    /// The journal's strand.
    pub(crate) strand: String,
    /// The state after each block up to this one.
    past: Vector<Past>,
}

/// All tables after some block, and its time.
#[derive(Clone, Debug)]
struct Past {
    millis: i64,
    tables: OrdMap<String, Table>,
    active: OrdMap<&'static str, String>,
}

#[derive(Clone, Debug)]
struct Table {
    name: &'static str,
    active: bool,
    /// By field, and whether it is unique.
    indexes: OrdMap<(&'static str, bool), Index>,
    documents: OrdMap<String, Document>,
    /// Every revision, in order of the journal.
    history: Vector<Revision>,
}

#[derive(Clone, Debug, Default)]
struct Index {
    /// Not known before the block is.
    id: Option<String>,
    /// It was to be unique, and two documents had the same key already: it stands for nothing.
    failed: bool,
}

#[derive(Clone, Debug)]
struct Revision {
    id: String,
    version: u64,
    block: u64,
    deleted: bool,
    redacted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Document {
    row: Row,
    version: u64,
}

/// What a client heard of one statement.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) operation: Operation,
    pub(crate) answer: Answer,
}

/// An answer, over all pages that were fetched.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Values in Ion text; `whole` unless pages are missing.
    Values { values: Vec<String>, whole: bool },
    /// A bad request, with QLDB's code.
    Refused { code: Option<String>, message: String },
}

impl Model {
    /// The names of the active tables.
    pub(crate) fn active_tables(&self) -> Vec<&'static str> {
        self.active.keys().copied().collect()
    }

    /// The ledger as its first block leaves it.
    pub(crate) fn begin(&mut self, strand: String, millis: i64) {
        self.strand = strand;
        self.remember(millis);
    }

    /// This is the state after one more block.
    fn remember(&mut self, millis: i64) {
        self.past.push_back(Past { millis, tables: self.tables.clone(), active: self.active.clone() });
    }

    /// When a block was written.
    pub(crate) fn time_of(&self, block: u64) -> Option<i64> {
        self.past.get(usize::try_from(block).ok()?).map(|past| past.millis)
    }

    /// How many entries the indexes of all tables have: one of each index for each document.
    pub(crate) fn index_entries(&self) -> usize {
        let entries = |table: &Table| {
            table.indexes.values().filter(|index| !index.failed).count() * table.documents.len()
        };
        self.tables.values().map(entries).sum()
    }

    /// Keys that a table's documents have.
    pub(crate) fn keys(&self, table: &str) -> BTreeSet<Key> {
        let table = self.active.get(table).and_then(|id| self.tables.get(id));
        table.into_iter().flat_map(|table| table.documents.values()).map(|document| document.row.k).collect()
    }

    /// A document that is, or was, in a table of this name.
    pub(crate) fn some_document(&self, random: &mut Random, table: &str) -> Option<String> {
        let table = self.active.get(table).and_then(|id| self.tables.get(id))?;
        if table.history.is_empty() {
            return None;
        }
        // Mostly one that was changed lately: there clients meet.
        let length = table.history.len();
        let recent = length.min(12);
        let back = if random.permille(800) { random.index(recent) } else { random.index(length) };
        Some(table.history[length - 1 - back].id.clone())
    }

    /// Any revision of a table of this name: its block, its table and its document.
    pub(crate) fn some_revision(&self, random: &mut Random, table: &str) -> Option<(u64, String, String)> {
        let table_id = self.active.get(table)?;
        let history = &self.tables.get(table_id)?.history;
        if history.is_empty() {
            return None;
        }
        let revision = &history[random.index(history.len())];
        Some((revision.block, table_id.clone(), revision.id.clone()))
    }

    /// Any table's id.
    pub(crate) fn some_table(&self, random: &mut Random) -> Option<String> {
        let ids: Vec<&String> = self.tables.keys().collect();
        (!ids.is_empty()).then(|| (*random.pick(&ids)).clone())
    }

    /// An index of an active table.
    pub(crate) fn some_index(&self, random: &mut Random, table: &str) -> Option<String> {
        let table = self.active.get(table).and_then(|id| self.tables.get(id))?;
        let ids: Vec<String> = table.indexes.values().filter_map(|index| index.id.clone()).collect();
        (!ids.is_empty()).then(|| random.pick(&ids).clone())
    }
}

impl Document {
    fn is_in(&self, id: &str, filter: &Filter) -> bool {
        filter.holds(id, self.row.k, self.row.v)
    }
}
