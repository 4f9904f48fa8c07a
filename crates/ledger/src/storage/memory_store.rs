//! A shared store in memory: for tests with several servers in one process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_journal::UniqueId;

use super::memory_slots::MemorySlots;
use super::shared::SharedStore;
use super::slots::{SlotError, SlotStore};

/// Journals and names that are gone when it is dropped.
#[derive(Default)]
pub struct MemoryStore {
    chains: Mutex<Chains>,
}

#[derive(Default)]
struct Chains {
    journals: BTreeMap<UniqueId, Arc<MemorySlots>>,
    names: BTreeMap<String, Arc<MemorySlots>>,
    keys: BTreeMap<UniqueId, Arc<MemorySlots>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    fn chains(&self) -> MutexGuard<'_, Chains> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedStore for MemoryStore {
    fn journal(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(self.chains().journals.entry(journal_id).or_default().clone())
    }

    fn name(&self, name: &str) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(self.chains().names.entry(name.to_owned()).or_default().clone())
    }

    fn keys(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(self.chains().keys.entry(journal_id).or_default().clone())
    }

    fn remove_keys(&self, journal_id: UniqueId) -> Result<(), SlotError> {
        self.chains().keys.remove(&journal_id);
        Ok(())
    }

    fn names(&self) -> Result<Vec<(String, u64)>, SlotError> {
        let chains = self.chains();
        let mut names = Vec::new();
        for (name, revisions) in &chains.names {
            names.extend(revisions.tip_hint()?.map(|last| (name.clone(), last)));
        }
        Ok(names)
    }

    fn remove(&self, journal_id: UniqueId, name: &str) -> Result<(), SlotError> {
        let mut chains = self.chains();
        chains.journals.remove(&journal_id);
        chains.names.remove(name);
        Ok(())
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
