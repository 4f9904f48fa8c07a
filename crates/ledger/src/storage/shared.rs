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
}
