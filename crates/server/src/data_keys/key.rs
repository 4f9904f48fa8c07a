//! The data key of one ledger, and what it seals.

use std::sync::Arc;

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::SealedSlots;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_sealing::SealingKey;

/// The data key of one ledger.
#[derive(Clone, Debug)]
pub struct DataKey(pub(super) SealingKey);

impl DataKey {
    /// The slots of a journal, encrypted if there is a key.
    pub(crate) fn seal_if(
        key: Option<&DataKey>,
        slots: Arc<dyn SlotStore>,
        ledger_id: UniqueId,
    ) -> Arc<dyn SlotStore> {
        match key {
            None => slots,
            Some(key) => Arc::new(SealedSlots::new(slots, ledger_id, key.journal())),
        }
    }

    /// Seals the slots of the journal.
    pub fn journal(&self) -> SealingKey {
        self.0.derive("journal")
    }

    /// Seals the pages of the view.
    pub(crate) fn view(&self) -> SealingKey {
        self.0.derive("view")
    }

    /// Seals the seed of the key that signs checkpoints.
    pub(crate) fn seed(&self) -> SealingKey {
        self.0.derive("seed")
    }
}
