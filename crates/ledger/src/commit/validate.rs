//! Optimistic concurrency control: whether what a transaction read is still so.
//!
//! [`Recent`] maps everything that blocks changed lately to the last block that changed it. A read
//! holds if that block is not younger than the snapshot it was made on. The cost is that of the reads;
//! how much was committed since does not count.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use everstrand_journal::UniqueId;

use crate::error::LedgerError;
use crate::planted::planted;
use crate::transaction::read_set::{ReadSet, Span};

/// What a transaction changed, in the terms in which transactions read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touched {
    /// Documents, by id.
    pub(crate) documents: Vec<UniqueId>,
    /// Tables with a change to any document.
    pub(crate) tables: Vec<UniqueId>,
    /// Index entries that came or went: index id, then key.
    pub(crate) keys: Vec<Vec<u8>>,
    /// Catalogue entries, by name.
    pub(crate) names: Vec<Arc<str>>,
    /// Catalogue entries, by id.
    pub(crate) table_ids: Vec<UniqueId>,
}

/// What blocks changed since some block, the floor.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    floor: u64,
    documents: HashMap<UniqueId, u64>,
    tables: HashMap<UniqueId, u64>,
    keys: BTreeMap<Vec<u8>, u64>,
    names: HashMap<Arc<str>, u64>,
    table_ids: HashMap<UniqueId, u64>,
    catalogue: Option<u64>,
    /// The same by block, to forget the oldest first.
    log: VecDeque<(u64, Touched)>,
}

impl Recent {
    /// Nothing is known about blocks up to and including `floor`: a snapshot older than that
    /// cannot be validated.
    pub(crate) fn new(floor: u64) -> Recent {
        Recent { floor, ..Recent::default() }
    }

    /// An error if anything read on the snapshot at block `since` was changed after it.
    pub(crate) fn validate(&self, reads: &ReadSet, since: u64) -> Result<(), LedgerError> {
        if since < self.floor {
            return Err(conflict("a snapshot that is too old".to_owned(), self.floor));
        }
        let changed = |block: Option<&u64>| block.copied().filter(|block| *block > since);
        if reads.catalogue
            && let Some(block) = changed(self.catalogue.as_ref())
        {
            return Err(conflict("the catalogue".to_owned(), block));
        }
        for name in &reads.names {
            if let Some(block) = changed(self.names.get(name))
                && !planted!("stale-catalogue")
            {
                return Err(conflict(format!("the catalogue entry of {name}"), block));
            }
        }
        for id in &reads.table_ids {
            if let Some(block) = changed(self.table_ids.get(id)) {
                return Err(conflict(format!("the catalogue entry of {id}"), block));
            }
        }
        for id in &reads.tables {
            if let Some(block) = changed(self.tables.get(id))
                && !planted!("skip-scan-check")
            {
                return Err(conflict(format!("the table {id}"), block));
            }
        }
        for id in &reads.documents {
            if let Some(block) = changed(self.documents.get(id))
                && !planted!("skip-document-check")
            {
                return Err(conflict(format!("the document {id}"), block));
            }
        }
        for Span { lower, upper } in &reads.spans {
            let range = self.keys.range::<Vec<u8>, _>((lower.as_ref(), upper.as_ref()));
            if let Some(block) = range.map(|(_, block)| *block).find(|block| *block > since) {
                return Err(conflict("an index key".to_owned(), block));
            }
        }
        Ok(())
    }

    /// Notes what a block changed.
    pub(crate) fn note(&mut self, block: u64, touched: Touched) {
        self.documents.extend(touched.documents.iter().map(|id| (*id, block)));
        self.tables.extend(touched.tables.iter().map(|id| (*id, block)));
        self.keys.extend(touched.keys.iter().map(|key| (key.clone(), block)));
        self.names.extend(touched.names.iter().map(|name| (Arc::clone(name), block)));
        self.table_ids.extend(touched.table_ids.iter().map(|id| (*id, block)));
        if !touched.table_ids.is_empty() {
            self.catalogue = Some(block);
        }
        self.log.push_back((block, touched));
    }

    /// How many blocks are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.log.len()
    }

    /// Notes what a whole group changed.
    pub(crate) fn take_in(&mut self, group: Recent) {
        for (block, touched) in group.log {
            self.note(block, touched);
        }
    }

    /// Forgets blocks up to and including `floor`, because no open transaction is older.
    pub(crate) fn prune(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
        while self.log.front().is_some_and(|(block, _)| *block <= floor)
            && let Some((block, touched)) = self.log.pop_front()
        {
            // A younger block may have changed the same thing again; its note stays.
            for id in &touched.documents {
                forget(&mut self.documents, id, block);
            }
            for id in &touched.tables {
                forget(&mut self.tables, id, block);
            }
            for name in &touched.names {
                forget(&mut self.names, name, block);
            }
            for id in &touched.table_ids {
                forget(&mut self.table_ids, id, block);
            }
            for key in &touched.keys {
                if self.keys.get(key) == Some(&block) {
                    self.keys.remove(key);
                }
            }
        }
    }
}

fn conflict(what: String, block: u64) -> LedgerError {
    LedgerError::OccConflict { what, block: Some(block) }
}

fn forget<K: std::hash::Hash + Eq>(map: &mut HashMap<K, u64>, key: &K, block: u64) {
    if map.get(key) == Some(&block) {
        map.remove(key);
    }
}
