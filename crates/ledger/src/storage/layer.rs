//! Changes over an older snapshot of a view. The two answer together what a view would answer that took the changes in.

use std::cell::Cell;
use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;

use super::views::{Change, EachEntry, Keyspace, ViewError, ViewSnapshot, is_empty_range};

/// The last change of each key; `None` deletes it. Copies share their nodes and the bytes of their entries.
type Map = OrdMap<Arc<[u8]>, Option<Arc<[u8]>>>;

/// Changes of all keyspaces. A clone costs the same at any size.
#[derive(Clone, Default)]
pub(crate) struct Changes {
    /// In the order of [`Keyspace::ALL`].
    maps: [Map; Keyspace::ALL.len()],
    /// The bytes of all keys and values that were ever put in: an upper bound of what these changes hold.
    bytes: usize,
}

impl Changes {
    /// Takes one change in. It wins over earlier ones of its key.
    pub(crate) fn add(&mut self, (keyspace, key, value): &Change) {
        self.bytes += key.len() + value.as_ref().map_or(0, Vec::len);
        let value = value.as_ref().map(|value| value.as_slice().into());
        self.maps[keyspace.index()].insert(key.as_slice().into(), value);
    }

    /// About how much memory the keys and the values take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The changes of a keyspace, in order of the keys.
    pub(crate) fn of(&self, keyspace: Keyspace) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.maps[keyspace.index()].iter().map(|(key, value)| (&**key, value.as_deref()))
    }
}

/// A snapshot with changes over it.
pub(crate) struct Layer {
    /// What was changed.
    pub(crate) changes: Changes,
    /// What was there before.
    pub(crate) below: Arc<dyn ViewSnapshot>,
}

impl ViewSnapshot for Layer {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        match self.changes.maps[keyspace.index()].get(key) {
            Some(changed) => Ok(changed.as_deref().map(<[u8]>::to_vec)),
            None => self.below.get(keyspace, key),
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
        if is_empty_range(lower, upper) || limit == 0 {
            return Ok(());
        }
        let map = &self.changes.maps[keyspace.index()];
        if map.is_empty() {
            return self.below.visit(keyspace, lower, upper, descending, limit, each);
        }
        let changed = map.range::<_, [u8]>((lower, upper));
        let mut changed: Box<dyn Iterator<Item = _>> = match descending {
            false => Box::new(changed),
            true => Box::new(changed.rev()),
        };
        let mut next = changed.next();
        let left = Cell::new(limit);
        // Whether the next entry is wanted, after this one.
        let mut give = |key: &[u8], value: &[u8]| {
            left.set(left.get() - 1);
            Ok::<bool, ViewError>(each(key, value)? && left.get() > 0)
        };
        let mut goes_on = true;
        self.below.visit(keyspace, lower, upper, descending, usize::MAX, &mut |key, value| {
            while let Some((changed_key, changed_value)) = next
                && is_before(changed_key, key, descending)
            {
                next = changed.next();
                if let Some(changed_value) = changed_value {
                    goes_on = give(changed_key, changed_value)?;
                    if !goes_on {
                        return Ok(false);
                    }
                }
            }
            goes_on = match next {
                Some((changed_key, changed_value)) if **changed_key == *key => {
                    next = changed.next();
                    changed_value.as_ref().map_or(Ok(true), |changed_value| give(key, changed_value))?
                }
                _ => give(key, value)?,
            };
            Ok(goes_on)
        })?;
        while goes_on && let Some((key, value)) = next {
            next = changed.next();
            if let Some(value) = value {
                goes_on = give(key, value)?;
            }
        }
        Ok(())
    }
}

fn is_before(key: &[u8], other: &[u8], descending: bool) -> bool {
    match descending {
        false => key < other,
        true => key > other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::MemoryView;
    use crate::storage::views::{Applied, Batch, ViewStore};

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

    fn changes(batch: &Batch) -> Changes {
        let mut changes = Changes::default();
        batch.changes.iter().for_each(|change| changes.add(change));
        changes
    }

    #[test]
    fn two_layers_answer_as_the_view_would_after_both_batches() {
        let applied = Applied { slot: 0, link: [0; 32] };
        for seed in 0..200 {
            let (below, after) = (MemoryView::new(), MemoryView::new());
            below.commit(&batch(seed), applied).unwrap();
            for seed in [seed, seed + 1000, seed + 2000] {
                after.commit(&batch(seed), applied).unwrap();
            }
            let below =
                Layer { changes: changes(&batch(seed + 1000)), below: below.snapshot().unwrap().into() };
            let layer = Layer { changes: changes(&batch(seed + 2000)), below: Arc::new(below) };
            let after = after.snapshot().unwrap();
            for key in 0..14u8 {
                for keyspace in [Keyspace::Ids, Keyspace::Documents, Keyspace::Tiles] {
                    let get = |view: &dyn ViewSnapshot| view.get(keyspace, &[key]).unwrap();
                    assert_eq!(get(&layer), get(&*after), "seed {seed}");
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
                            assert_eq!(range(&layer), range(&*after), "seed {seed}");
                        }
                    }
                }
            }
        }
    }
}
