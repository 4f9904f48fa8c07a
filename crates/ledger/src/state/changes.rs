//! Changes to a view that are not in it yet, and reads that see them.

use std::collections::HashMap;

use crate::storage::views::{Batch, Keyspace, ViewError, ViewSnapshot};

/// What applying one or more slots changes.
pub(crate) struct Changes<'a> {
    view: &'a dyn ViewSnapshot,
    batch: Batch,
    /// Where in the batch a key was last changed, for keys that later blocks of a group may read.
    written: HashMap<(Keyspace, Vec<u8>), usize>,
}

impl<'a> Changes<'a> {
    /// No changes to this view.
    pub(crate) fn new(view: &'a dyn ViewSnapshot) -> Changes<'a> {
        Changes { view, batch: Batch::default(), written: HashMap::new() }
    }

    /// No changes to this view, with room for about so many.
    pub(crate) fn with_room(view: &'a dyn ViewSnapshot, changes: usize) -> Changes<'a> {
        let batch = Batch { changes: Vec::with_capacity(changes) };
        // A part of them can be read again.
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

    /// The changes made so far to keys that can be read again.
    pub(crate) fn tracked(&self, keyspace: Keyspace) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.batch.changes.iter().enumerate().filter_map(move |(position, (of, key, value))| {
            let last = *of == keyspace && self.written.get(&(keyspace, key.clone())) == Some(&position);
            last.then_some((&key[..], value.as_deref()))
        })
    }

    /// A value with the changes: of keys written to be read again, or never written here.
    pub(crate) fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        if !self.written.is_empty()
            && let Some(position) = self.written.get(&(keyspace, key.to_vec()))
        {
            return Ok(self.batch.changes[*position].2.clone());
        }
        self.view.get(keyspace, key)
    }

    pub(crate) fn put(&mut self, keyspace: Keyspace, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.batch.put(keyspace, key, value);
    }

    pub(crate) fn delete(&mut self, keyspace: Keyspace, key: impl Into<Vec<u8>>) {
        self.batch.delete(keyspace, key);
    }

    pub(crate) fn put_tracked(&mut self, keyspace: Keyspace, key: Vec<u8>, value: Vec<u8>) {
        self.written.insert((keyspace, key.clone()), self.batch.changes.len());
        self.batch.put(keyspace, key, value);
    }

    pub(crate) fn delete_tracked(&mut self, keyspace: Keyspace, key: Vec<u8>) {
        self.written.insert((keyspace, key.clone()), self.batch.changes.len());
        self.batch.delete(keyspace, key);
    }
}
