//! A store that several servers share: the journals of all ledgers, the ledgers' names, and the keys of
//! encrypted ones.

use std::fmt;
use std::sync::Arc;

use everstrand_journal::UniqueId;

use super::slots::{SlotError, SlotStore};

/// Holds the journals of many ledgers, their names, and the keys of encrypted ones. A name is a chain of revisions. Each is created once, so the
/// revisions keep the contract of slots.
pub trait SharedStore: fmt::Debug + Send + Sync {
    /// The slots of a journal.
    fn journal(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError>;

    /// The revisions of a name, from 0 on.
    fn name(&self, name: &str) -> Result<Arc<dyn SlotStore>, SlotError>;

    /// The sealed data keys of an encrypted ledger: a chain of revisions, of which the last one holds.
    fn keys(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError>;

    /// Removes all revisions of a ledger's data key. Afterwards nobody can read what the ledger holds.
    fn remove_keys(&self, journal_id: UniqueId) -> Result<(), SlotError>;

    /// Every name that has a revision, with the number of its last one, in order of the names.
    fn names(&self) -> Result<Vec<(String, u64)>, SlotError>;

    /// Removes a journal with all its slots, the last one first, and then all revisions of a name, the first one first.
    /// Never for a ledger: its slots are never deleted. A copy is removed in this way after its last revision says so,
    /// and what a crash leaves of it has no first revision, or says so still.
    fn remove(&self, journal_id: UniqueId, name: &str) -> Result<(), SlotError> {
        Err(SlotError::Denied(format!(
            "{journal_id} with {name} cannot be removed: this store removes nothing"
        )))
    }
}
