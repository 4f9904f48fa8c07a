//! The overlay: a snapshot with a batch over it that the view refused, usually because its disk is full.

use std::ops::Bound;
use std::sync::Arc;

use super::snapshot::Snapshot;
use crate::storage::layer::{Changes, Layer};
use crate::storage::views::{Batch, EachEntry, Keyspace, ViewError, ViewSnapshot};

/// A snapshot, and the changes of a later slot over it: what a view would answer after this batch.
pub(crate) fn overlay(below: Arc<Snapshot>, batch: &Batch) -> Box<dyn ViewSnapshot> {
    let mut changes = Changes::default();
    batch.changes.iter().for_each(|change| changes.add(change));
    Box::new(Layer { changes, below })
}

impl ViewSnapshot for Snapshot {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        self.view.get(keyspace, key)
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
        self.view.visit(keyspace, lower, upper, descending, limit, each)
    }
}
