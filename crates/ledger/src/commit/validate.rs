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
    /// Tables of which a superseded revision is redacted.
    pub(crate) pasts: Vec<UniqueId>,
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
    pasts: HashMap<UniqueId, u64>,
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
        if reads.last_block
            && let Some(block) = changed(self.log.back().map(|(block, _)| block))
            && !planted!("last-block-not-noted")
        {
            return Err(conflict("the last block".to_owned(), block));
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
        for id in &reads.pasts {
            if let Some(block) = changed(self.pasts.get(id))
                && !planted!("redaction-not-noted")
            {
                return Err(conflict(format!("the past of table {id}"), block));
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
        self.pasts.extend(touched.pasts.iter().map(|id| (*id, block)));
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
            for id in &touched.pasts {
                forget(&mut self.pasts, id, block);
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

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use super::*;

    const ID: UniqueId = UniqueId::from_bytes([7; 16]);

    fn included(key: &[u8]) -> Bound<Vec<u8>> {
        Bound::Included(key.to_vec())
    }

    /// A change of one kind, and a read that it meets.
    fn changes_and_reads() -> Vec<(Touched, ReadSet)> {
        let mut span = ReadSet::default();
        span.span(ID, included(b"k"), included(b"m"));
        let name: Arc<str> = "T".into();
        let table = Touched { table_ids: vec![ID], ..Touched::default() };
        vec![
            (
                Touched { documents: vec![ID], ..Touched::default() },
                ReadSet { documents: [ID].into(), ..ReadSet::default() },
            ),
            (
                Touched { tables: vec![ID], ..Touched::default() },
                ReadSet { tables: [ID].into(), ..ReadSet::default() },
            ),
            (Touched { keys: vec![b"k".to_vec()], ..Touched::default() }, span.clone()),
            (Touched { keys: vec![b"m".to_vec()], ..Touched::default() }, span),
            (
                Touched { names: vec![name.clone()], ..Touched::default() },
                ReadSet { names: [name].into(), ..ReadSet::default() },
            ),
            (table.clone(), ReadSet { table_ids: [ID].into(), ..ReadSet::default() }),
            (table, ReadSet { catalogue: true, ..ReadSet::default() }),
        ]
    }

    #[test]
    fn a_read_holds_unless_what_was_read_changed_after_the_snapshot() {
        let all = changes_and_reads();
        for (at, (touched, reads)) in all.iter().enumerate() {
            let mut recent = Recent::new(0);
            recent.note(5, touched.clone());
            assert!(recent.validate(reads, 4).is_err(), "{at}: the block after the snapshot");
            assert!(recent.validate(reads, 5).is_ok(), "{at}: the snapshot's own block");
            let mut group = Recent::new(0);
            group.note(6, touched.clone());
            recent.take_in(group);
            assert!(recent.validate(reads, 5).is_err(), "{at}: a block of the same group");
            for (other, (_, reads)) in all.iter().enumerate() {
                // Both are of the same index, or of the same catalogue entry.
                let is_related =
                    |one: usize, two: usize| [one, two] == [at, other] || [two, one] == [at, other];
                if at != other && !is_related(2, 3) && !is_related(5, 6) {
                    assert!(recent.validate(reads, 4).is_ok(), "{at} does not change what {other} read");
                }
            }
            let last = ReadSet { last_block: true, ..ReadSet::default() };
            assert!(recent.validate(&last, 5).is_err(), "{at}: block 6 is another last one");
            assert!(recent.validate(&last, 6).is_ok(), "{at}");
        }
    }

    #[test]
    fn forgetting_a_block_keeps_what_younger_ones_changed() {
        for (at, (touched, reads)) in changes_and_reads().into_iter().enumerate() {
            let mut recent = Recent::new(0);
            recent.note(5, touched.clone());
            recent.note(8, touched);
            recent.prune(5);
            assert_eq!(recent.len(), 1);
            assert!(recent.validate(&reads, 7).is_err(), "{at}: block 8 changed it again");
            assert!(recent.validate(&ReadSet::default(), 4).is_err(), "{at}: older than what is remembered");
            assert!(recent.validate(&ReadSet::default(), 5).is_ok(), "{at}");
            recent.prune(8);
            assert_eq!(recent.len(), 0);
            let left = [recent.documents.len(), recent.tables.len(), recent.keys.len(), recent.names.len()];
            assert_eq!((left, recent.table_ids.len()), ([0; 4], 0), "{at}: nothing of it takes memory");
            assert!(recent.validate(&reads, 8).is_ok(), "{at}");
            recent.prune(3);
            assert!(recent.validate(&reads, 7).is_err(), "{at}: what was forgotten stays forgotten");
        }
    }

    #[test]
    fn keys_beside_a_part_that_was_read_do_not_matter() {
        let mut recent = Recent::new(0);
        for (block, key) in [(5, b"j"), (6, b"n")] {
            recent.note(block, Touched { keys: vec![key.to_vec()], ..Touched::default() });
        }
        let mut reads = ReadSet::default();
        reads.span(ID, Bound::Excluded(b"j".to_vec()), Bound::Excluded(b"n".to_vec()));
        assert!(recent.validate(&reads, 4).is_ok());
        reads.span(ID, included(b"n"), Bound::Unbounded);
        assert!(recent.validate(&reads, 4).is_err());
    }
}
