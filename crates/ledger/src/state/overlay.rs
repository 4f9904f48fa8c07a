//! The overlay: a snapshot with a batch over it that the view refused, usually because its disk is full.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::snapshot::Snapshot;
use crate::storage::views::{Batch, EachEntry, Keyspace, ViewError, ViewSnapshot, is_empty_range};

/// A snapshot, and the changes of a later slot over it.
pub(crate) struct Overlay {
    below: Arc<Snapshot>,
    /// The last change of each key, in the order of [`Keyspace::ALL`]; `None` deletes it.
    changes: [BTreeMap<Vec<u8>, Option<Vec<u8>>>; Keyspace::ALL.len()],
}

impl Overlay {
    /// Answers what a view would answer after this batch.
    pub(crate) fn new(below: Arc<Snapshot>, batch: &Batch) -> Overlay {
        let mut changes: [BTreeMap<_, _>; Keyspace::ALL.len()] = Default::default();
        for (keyspace, key, value) in &batch.changes {
            changes[keyspace.index()].insert(key.clone(), value.clone());
        }
        Overlay { below, changes }
    }
}

impl ViewSnapshot for Overlay {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        match self.changes[keyspace.index()].get(key) {
            Some(changed) => Ok(changed.clone()),
            None => self.below.view.get(keyspace, key),
        }
    }

    fn visit(
        &self,
        keyspace: Keyspace,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        descending: bool,
        limit: usize,
        each: &mut EachEntry<'_>,
    ) -> Result<(), ViewError> {
        if is_empty_range(lower, upper) {
            return Ok(());
        }
        let changed = self.changes[keyspace.index()].range::<[u8], _>((lower, upper));
        // Each change removes at most one entry of those below.
        let below = limit.saturating_add(changed.clone().count());
        let below = self.below.view.range(keyspace, lower, upper, descending, below)?;
        let mut entries: BTreeMap<Vec<u8>, Vec<u8>> = below.into_iter().collect();
        for (key, value) in changed {
            match value {
                Some(value) => drop(entries.insert(key.clone(), value.clone())),
                None => drop(entries.remove(key)),
            }
        }
        let mut entries = entries.iter();
        for _ in 0..limit {
            let next = if descending { entries.next_back() } else { entries.next() };
            let Some((key, value)) = next else { break };
            if !each(key, value)? {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;
    use crate::state::head::Head;
    use crate::storage::MemoryView;
    use crate::storage::views::{Applied, ViewStore};
    use everstrand_journal::UniqueId;

    fn head() -> Head {
        State::empty(UniqueId::from_bytes([1; 16])).head
    }

    /// A batch of few keys, from a number.
    fn batch(mut seed: u64) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..8 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = vec![seed.to_le_bytes()[5] % 12 + 1];
            match seed >> 60 {
                0..6 => batch.delete(Keyspace::Ids, key),
                6..8 => batch.put(Keyspace::Documents, key, [1]),
                _ => batch.put(Keyspace::Ids, key, [seed.to_le_bytes()[4]]),
            }
        }
        batch
    }

    #[test]
    fn it_answers_as_the_view_would_after_the_batch() {
        let applied = Applied { slot: 0, link: [0; 32] };
        for seed in 0..200 {
            let (below, after) = (MemoryView::new(), MemoryView::new());
            below.commit(&batch(seed), applied).unwrap();
            after.commit(&batch(seed), applied).unwrap();
            after.commit(&batch(seed + 1000), applied).unwrap();
            let below = Arc::new(Snapshot { head: head(), view: below.snapshot().unwrap(), build: 0 });
            let overlay = Overlay::new(below, &batch(seed + 1000));
            let after = after.snapshot().unwrap();
            for key in 0..14u8 {
                for keyspace in [Keyspace::Ids, Keyspace::Documents, Keyspace::Tiles] {
                    let get = |view: &dyn ViewSnapshot| view.get(keyspace, &[key]).unwrap();
                    assert_eq!(get(&overlay), get(&*after), "seed {seed}");
                    let (from, to) = ([key], [key.wrapping_mul(3) % 14]);
                    let bounds = [
                        (Bound::Unbounded, Bound::Excluded(&to[..])),
                        (Bound::Included(&from[..]), Bound::Unbounded),
                        (Bound::Excluded(&from[..]), Bound::Included(&to[..])),
                    ];
                    for (lower, upper) in bounds {
                        for (descending, limit) in [(false, 0), (true, 2), (false, 3), (true, usize::MAX)] {
                            let range = |view: &dyn ViewSnapshot| {
                                view.range(keyspace, lower, upper, descending, limit).unwrap()
                            };
                            assert_eq!(range(&overlay), range(&*after), "seed {seed}");
                        }
                    }
                }
            }
        }
    }
}
