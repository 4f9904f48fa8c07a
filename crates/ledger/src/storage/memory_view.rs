//! A view in memory: one persistent ordered map for each keyspace. Copies of such a map share their nodes, so a
//! snapshot costs the same at any size.

use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imbl::OrdMap;

use super::views::{
    Applied, Batch, EachEntry, Keyspace, ViewError, ViewSnapshot, ViewStore, is_empty_range, last_changes,
};

/// A map that copies a node shares the bytes of its entries.
type Map = OrdMap<Arc<[u8]>, Arc<[u8]>>;

/// A view in memory, which is empty at every start.
#[derive(Default)]
pub struct MemoryView {
    /// Locked while a batch is written or the maps are cloned.
    state: Mutex<State>,
}

/// Everything that the view holds after one slot. A snapshot is a clone of it.
#[derive(Clone, Default)]
struct State {
    applied: Option<Applied>,
    maps: [Map; Keyspace::ALL.len()],
}

impl MemoryView {
    /// An empty view.
    pub fn new() -> Self {
        Self::default()
    }

    /// A panic while a batch is written leaves half of it, so the view fails from then on, until it is wiped.
    fn state(&self) -> Result<MutexGuard<'_, State>, ViewError> {
        self.state.lock().map_err(|_: PoisonError<_>| ViewError("an earlier commit to it panicked".into()))
    }
}

impl ViewStore for MemoryView {
    fn applied(&self) -> Result<Option<Applied>, ViewError> {
        Ok(self.state()?.applied)
    }

    fn commit(&self, batch: &Batch, applied: Applied) -> Result<(), ViewError> {
        let mut state = self.state()?;
        for (keyspace, key, value) in last_changes(batch)? {
            let map = &mut state.maps[keyspace.index()];
            match value {
                Some(value) => drop(map.insert(key.as_slice().into(), value.as_slice().into())),
                None => drop(map.remove(key.as_slice())),
            }
        }
        state.applied = Some(applied);
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        Ok(Box::new(self.state()?.clone()))
    }

    fn persist(&self) -> Result<(), ViewError> {
        Ok(())
    }

    fn wipe(&self) -> Result<(), ViewError> {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
        self.state.clear_poison();
        Ok(())
    }
}

impl ViewSnapshot for State {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        Ok(self.maps[keyspace.index()].get(key).map(|value| value.to_vec()))
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
        let range = self.maps[keyspace.index()].range::<_, [u8]>((lower, upper));
        let mut visit = |(key, value): (&Arc<[u8]>, &Arc<[u8]>)| each(key, value);
        let stopped = match descending {
            false => range.take(limit).map(&mut visit).find(|goes_on| !matches!(goes_on, Ok(true))),
            true => range.rev().take(limit).map(&mut visit).find(|goes_on| !matches!(goes_on, Ok(true))),
        };
        stopped.unwrap_or(Ok(true)).map(drop)
    }
}
