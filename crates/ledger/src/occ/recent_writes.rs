//! What the latest blocks changed, and whether what a transaction read still holds.
//!
//! [`RecentWrites`] maps each thing that was changed lately to the last block that changed it. A read holds if that
//! block is not younger than the snapshot of the read. So validating costs one look for each read, however many
//! blocks were committed meanwhile.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_journal::UniqueId;

use super::changed::Changed;
use super::read_set::{ReadSet, Span};
use crate::error::LedgerError;
use crate::planted::planted;
use crate::state::catalog::Catalog;

/// What a transaction changed, in the terms in which read sets ask.
#[derive(Clone, Debug, Default)]
pub(crate) struct Footprint {
    /// Documents, by id.
    pub(crate) documents: Vec<UniqueId>,
    /// Tables of which a document changed.
    pub(crate) tables: Vec<UniqueId>,
    /// Tables of which a superseded revision was redacted.
    pub(crate) histories: Vec<UniqueId>,
    /// Index entries that were added or removed: index id, then key.
    pub(crate) keys: Vec<Vec<u8>>,
    /// Catalog entries, by name.
    pub(crate) names: Vec<Arc<str>>,
    /// Catalog entries, by id.
    pub(crate) table_ids: Vec<UniqueId>,
}

/// What each block after the `floor` changed.
#[derive(Debug, Default)]
pub(crate) struct RecentWrites {
    floor: u64,
    documents: HashMap<UniqueId, u64>,
    tables: HashMap<UniqueId, u64>,
    histories: HashMap<UniqueId, u64>,
    keys: BTreeMap<Vec<u8>, u64>,
    names: HashMap<Arc<str>, u64>,
    table_ids: HashMap<UniqueId, u64>,
    catalog: Option<u64>,
    /// Transactions that are void, each with the block that was the last when its void was written. A void has no block of
    /// its own, so that block is kept too.
    voids: HashMap<UniqueId, u64>,
    /// The same by block, so that the oldest can be forgotten first.
    log: VecDeque<(u64, Footprint)>,
}

impl RecentWrites {
    /// Knows nothing of the blocks up to and including `floor`, so that older snapshots cannot be validated.
    pub(crate) fn new(floor: u64) -> RecentWrites {
        RecentWrites { floor, ..RecentWrites::default() }
    }

    /// Fails if a block after `since`, the last of the snapshot, changed anything that was read. The snapshot's catalog has the names
    /// for the error.
    pub(crate) fn validate(&self, reads: &ReadSet, since: u64, catalog: &Catalog) -> Result<(), LedgerError> {
        if since < self.floor {
            return Err(conflict(Changed::Forgotten, self.floor));
        }
        let changed = |block: Option<&u64>| block.copied().filter(|block| *block > since);
        if reads.catalog
            && let Some(block) = changed(self.catalog.as_ref())
        {
            return Err(conflict(Changed::Catalog, block));
        }
        if reads.last_block
            && let Some(block) = changed(self.log.back().map(|(block, _)| block))
            && !planted!("last-block-not-noted")
        {
            return Err(conflict(Changed::LastBlock, block));
        }
        for name in &reads.names {
            if let Some(block) = changed(self.names.get(name))
                && !planted!("stale-catalog")
            {
                return Err(conflict(Changed::Definition { table: Arc::clone(name) }, block));
            }
        }
        for id in &reads.table_ids {
            if let Some(block) = changed(self.table_ids.get(id)) {
                return Err(conflict(Changed::definition(*id, catalog), block));
            }
        }
        for id in &reads.tables {
            if let Some(block) = changed(self.tables.get(id))
                && !planted!("skip-scan-check")
            {
                return Err(conflict(Changed::scanned_table(*id, catalog), block));
            }
        }
        for id in &reads.histories {
            if let Some(block) = changed(self.histories.get(id))
                && !planted!("redaction-not-noted")
            {
                return Err(conflict(Changed::history(*id, catalog), block));
            }
        }
        for id in &reads.documents {
            if let Some(block) = changed(self.documents.get(id))
                && !planted!("skip-document-check")
            {
                return Err(conflict(Changed::document(*id, self.tables_of(block), catalog), block));
            }
        }
        for Span { lower, upper } in &reads.spans {
            let mut range = self.keys.range::<Vec<u8>, _>((lower.as_ref(), upper.as_ref()));
            if let Some((key, block)) = range.find(|(_, block)| **block > since) {
                return Err(conflict(Changed::index_key(key, catalog), *block));
            }
        }
        Ok(())
    }

    /// The tables of which a block changed documents.
    fn tables_of(&self, block: u64) -> &[UniqueId] {
        let position = self.log.binary_search_by_key(&block, |(block, _)| *block);
        position.map_or(&[], |position| &self.log[position].1.tables)
    }

    /// Records what a block changed.
    pub(crate) fn record(&mut self, block: u64, footprint: Footprint) {
        self.documents.extend(footprint.documents.iter().map(|id| (*id, block)));
        self.tables.extend(footprint.tables.iter().map(|id| (*id, block)));
        self.histories.extend(footprint.histories.iter().map(|id| (*id, block)));
        self.keys.extend(footprint.keys.iter().map(|key| (key.clone(), block)));
        self.names.extend(footprint.names.iter().map(|name| (Arc::clone(name), block)));
        self.table_ids.extend(footprint.table_ids.iter().map(|id| (*id, block)));
        if !footprint.table_ids.is_empty() {
            self.catalog = Some(block);
        }
        self.log.push_back((block, footprint));
    }

    /// Records that transactions are void: no block of theirs may follow. `last_block` is the last block before that.
    pub(crate) fn record_void(&mut self, ids: impl IntoIterator<Item = UniqueId>, last_block: u64) {
        self.voids.extend(ids.into_iter().map(|id| (id, last_block)));
    }

    /// Fails if a transaction is void.
    pub(crate) fn check_void(&self, id: UniqueId) -> Result<(), LedgerError> {
        match self.voids.contains_key(&id) && !planted!("void-not-obeyed") {
            true => Err(LedgerError::OccConflict { what: Changed::Void, block: None }),
            false => Ok(()),
        }
    }

    /// How many blocks are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.log.len()
    }

    /// Records what all blocks of a group changed.
    pub(crate) fn take_in(&mut self, group: RecentWrites) {
        for (block, footprint) in group.log {
            self.record(block, footprint);
        }
        self.voids.extend(group.voids);
    }

    /// What each block changed, in order of the blocks.
    pub(crate) fn into_footprints(self) -> impl Iterator<Item = Footprint> {
        self.log.into_iter().map(|(_, footprint)| footprint)
    }

    /// Forgets the blocks up to and including `floor`, because no open transaction has an older snapshot.
    pub(crate) fn prune(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
        if !self.voids.is_empty() {
            self.voids.retain(|_, last_block| *last_block >= floor);
        }
        while self.log.front().is_some_and(|(block, _)| *block <= floor)
            && let Some((block, footprint)) = self.log.pop_front()
        {
            // If a younger block changed the same thing again, that one stays recorded.
            for id in &footprint.documents {
                forget(&mut self.documents, id, block);
            }
            for id in &footprint.tables {
                forget(&mut self.tables, id, block);
            }
            for id in &footprint.histories {
                forget(&mut self.histories, id, block);
            }
            for name in &footprint.names {
                forget(&mut self.names, name, block);
            }
            for id in &footprint.table_ids {
                forget(&mut self.table_ids, id, block);
            }
            for key in &footprint.keys {
                if self.keys.get(key) == Some(&block) {
                    self.keys.remove(key);
                }
            }
        }
    }
}

/// Locks it. After a panic the committer takes no more writes, so it does not matter what was left half-done.
pub(crate) fn lock(recent: &Mutex<RecentWrites>) -> MutexGuard<'_, RecentWrites> {
    recent.lock().unwrap_or_else(PoisonError::into_inner)
}

fn conflict(what: Changed, block: u64) -> LedgerError {
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
    fn changes_and_reads() -> Vec<(Footprint, ReadSet)> {
        let mut span = ReadSet::default();
        span.span(ID, included(b"k"), included(b"m"));
        let name: Arc<str> = "T".into();
        let table = Footprint { table_ids: vec![ID], ..Footprint::default() };
        vec![
            (
                Footprint { documents: vec![ID], ..Footprint::default() },
                ReadSet { documents: [ID].into(), ..ReadSet::default() },
            ),
            (
                Footprint { tables: vec![ID], ..Footprint::default() },
                ReadSet { tables: [ID].into(), ..ReadSet::default() },
            ),
            (Footprint { keys: vec![b"k".to_vec()], ..Footprint::default() }, span.clone()),
            (Footprint { keys: vec![b"m".to_vec()], ..Footprint::default() }, span),
            (
                Footprint { names: vec![name.clone()], ..Footprint::default() },
                ReadSet { names: [name].into(), ..ReadSet::default() },
            ),
            (table.clone(), ReadSet { table_ids: [ID].into(), ..ReadSet::default() }),
            (table, ReadSet { catalog: true, ..ReadSet::default() }),
        ]
    }

    #[test]
    fn a_read_holds_unless_what_was_read_changed_after_the_snapshot() {
        let all = changes_and_reads();
        for (at, (footprint, reads)) in all.iter().enumerate() {
            let mut recent = RecentWrites::new(0);
            recent.record(5, footprint.clone());
            assert!(
                recent.validate(reads, 4, &Catalog::default()).is_err(),
                "{at}: the block after the snapshot"
            );
            assert!(recent.validate(reads, 5, &Catalog::default()).is_ok(), "{at}: the snapshot's own block");
            let mut group = RecentWrites::new(0);
            group.record(6, footprint.clone());
            recent.take_in(group);
            assert!(
                recent.validate(reads, 5, &Catalog::default()).is_err(),
                "{at}: a block of the same group"
            );
            for (other, (_, reads)) in all.iter().enumerate() {
                // Both are of the same index, or of the same catalog entry.
                let is_related =
                    |one: usize, two: usize| [one, two] == [at, other] || [two, one] == [at, other];
                if at != other && !is_related(2, 3) && !is_related(5, 6) {
                    assert!(
                        recent.validate(reads, 4, &Catalog::default()).is_ok(),
                        "{at} does not change what {other} read"
                    );
                }
            }
            let last = ReadSet { last_block: true, ..ReadSet::default() };
            assert!(
                recent.validate(&last, 5, &Catalog::default()).is_err(),
                "{at}: block 6 is another last one"
            );
            assert!(recent.validate(&last, 6, &Catalog::default()).is_ok(), "{at}");
        }
    }

    #[test]
    fn forgetting_a_block_keeps_what_younger_ones_changed() {
        for (at, (footprint, reads)) in changes_and_reads().into_iter().enumerate() {
            let mut recent = RecentWrites::new(0);
            recent.record(5, footprint.clone());
            recent.record(8, footprint);
            recent.prune(5);
            assert_eq!(recent.len(), 1);
            assert!(
                recent.validate(&reads, 7, &Catalog::default()).is_err(),
                "{at}: block 8 changed it again"
            );
            assert!(
                recent.validate(&ReadSet::default(), 4, &Catalog::default()).is_err(),
                "{at}: older than what is remembered"
            );
            assert!(recent.validate(&ReadSet::default(), 5, &Catalog::default()).is_ok(), "{at}");
            recent.prune(8);
            assert_eq!(recent.len(), 0);
            let left = [recent.documents.len(), recent.tables.len(), recent.keys.len(), recent.names.len()];
            assert_eq!((left, recent.table_ids.len()), ([0; 4], 0), "{at}: nothing of it takes memory");
            assert!(recent.validate(&reads, 8, &Catalog::default()).is_ok(), "{at}");
            recent.prune(3);
            assert!(
                recent.validate(&reads, 7, &Catalog::default()).is_err(),
                "{at}: what was forgotten stays forgotten"
            );
        }
    }

    #[test]
    fn keys_beside_a_part_that_was_read_do_not_matter() {
        let mut recent = RecentWrites::new(0);
        for (block, key) in [(5, b"j"), (6, b"n")] {
            recent.record(block, Footprint { keys: vec![key.to_vec()], ..Footprint::default() });
        }
        let mut reads = ReadSet::default();
        reads.span(ID, Bound::Excluded(b"j".to_vec()), Bound::Excluded(b"n".to_vec()));
        assert!(recent.validate(&reads, 4, &Catalog::default()).is_ok());
        reads.span(ID, included(b"n"), Bound::Unbounded);
        assert!(recent.validate(&reads, 4, &Catalog::default()).is_err());
    }
}
