//! A store of which this process only reads. Whatever asks for a write is refused before anything is sent.

use std::sync::Arc;

use everstrand_journal::UniqueId;

use super::shared::SharedStore;
use super::slots::{Created, SlotError, SlotStore};

/// Reads of another store, and refuses to write.
#[derive(Debug)]
pub struct ReadOnlyStore {
    store: Arc<dyn SharedStore>,
    why: Arc<str>,
}

struct ReadOnlySlots {
    slots: Arc<dyn SlotStore>,
    why: Arc<str>,
}

impl ReadOnlyStore {
    /// Only reads of a store. A write is refused with this reason.
    pub fn new(store: Arc<dyn SharedStore>, why: &str) -> ReadOnlyStore {
        ReadOnlyStore { store, why: why.into() }
    }

    fn only_read(&self, slots: Arc<dyn SlotStore>) -> Arc<dyn SlotStore> {
        Arc::new(ReadOnlySlots { slots, why: Arc::clone(&self.why) })
    }
}

impl SharedStore for ReadOnlyStore {
    fn journal(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        self.store.journal(journal_id).map(|slots| self.only_read(slots))
    }

    fn name(&self, name: &str) -> Result<Arc<dyn SlotStore>, SlotError> {
        self.store.name(name).map(|slots| self.only_read(slots))
    }

    fn keys(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        self.store.keys(journal_id).map(|slots| self.only_read(slots))
    }

    fn remove_keys(&self, _: UniqueId) -> Result<(), SlotError> {
        Err(SlotError::Denied(self.why.to_string()))
    }

    fn names(&self) -> Result<Vec<(String, u64)>, SlotError> {
        self.store.names()
    }
}

impl SlotStore for ReadOnlySlots {
    fn create(&self, _: u64, _: &[u8]) -> Result<Created, SlotError> {
        Err(SlotError::Denied(self.why.to_string()))
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        self.slots.read(slot)
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        self.slots.tip_hint()
    }

    fn damage(&self) -> Option<SlotError> {
        self.slots.damage()
    }

    fn redact(&self, _: u64, _: &[u8], _: &[u8]) -> Result<(), SlotError> {
        Err(SlotError::Denied(self.why.to_string()))
    }

    fn read_many(&self, from: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, SlotError> {
        self.slots.read_many(from, bytes_max)
    }
}
