//! Changes that are not written to the view yet, and reads that see them.

use std::collections::HashMap;

use crate::storage::views::{Batch, Keyspace, ViewError, ViewSnapshot};

/// The changes of one or more slots.
pub(crate) struct Changes<'a> {
    view: &'a dyn ViewSnapshot,
    batch: Batch,
    /// The last change of each tracked key, by its index in the batch. Later blocks may read tracked keys.
    written: HashMap<(Keyspace, Vec<u8>), usize>,
}

impl<'a> Changes<'a> {
    /// No changes to this view yet.
    pub(crate) fn new(view: &'a dyn ViewSnapshot) -> Changes<'a> {
        Changes { view, batch: Batch::default(), written: HashMap::new() }
    }

    /// No changes to this view yet, with room for about so many.
    pub(crate) fn with_room(view: &'a dyn ViewSnapshot, changes: usize) -> Changes<'a> {
        let batch = Batch { changes: Vec::with_capacity(changes) };
        // Only a part of the changes is tracked.
        Changes { view, batch, written: HashMap::with_capacity(changes / 2) }
    }

    /// All changes, in order.
    pub(crate) fn into_batch(self) -> Batch {
        self.batch
    }

    /// How many changes there are.
    pub(crate) fn len(&self) -> usize {
        self.batch.changes.len()
    }

    /// The view without the changes.
    pub(crate) fn view(&self) -> &'a dyn ViewSnapshot {
        self.view
    }

    /// The last changes of all tracked keys of a keyspace.
    pub(crate) fn tracked(&self, keyspace: Keyspace) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.batch.changes.iter().enumerate().filter_map(move |(position, (of, key, value))| {
            let last = *of == keyspace && self.written.get(&(keyspace, key.clone())) == Some(&position);
            last.then_some((&key[..], value.as_deref()))
        })
    }

    /// The value of a key after the changes. The key must be tracked, or not changed here.
    pub(crate) fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        if !self.written.is_empty()
            && let Some(position) = self.written.get(&(keyspace, key.to_vec()))
        {
            return Ok(self.batch.changes[*position].2.clone());
        }
        self.view.get(keyspace, key)
    }

    /// Sets a key that nobody reads before the batch is written.
    pub(crate) fn put(&mut self, keyspace: Keyspace, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.batch.put(keyspace, key, value);
    }

    /// Removes a key that nobody reads before the batch is written.
    pub(crate) fn delete(&mut self, keyspace: Keyspace, key: impl Into<Vec<u8>>) {
        self.batch.delete(keyspace, key);
    }

    /// Sets a key that later blocks may read.
    pub(crate) fn put_tracked(&mut self, keyspace: Keyspace, key: Vec<u8>, value: Vec<u8>) {
        self.written.insert((keyspace, key.clone()), self.batch.changes.len());
        self.batch.put(keyspace, key, value);
    }

    /// Removes a key that later blocks may read.
    pub(crate) fn delete_tracked(&mut self, keyspace: Keyspace, key: Vec<u8>) {
        self.written.insert((keyspace, key.clone()), self.batch.changes.len());
        self.batch.delete(keyspace, key);
    }
}
