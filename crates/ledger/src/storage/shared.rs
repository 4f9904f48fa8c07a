//! A store that several servers share: the journals of all ledgers, and the ledgers' names.

use std::fmt;
use std::sync::Arc;

use everstrand_journal::UniqueId;

use super::slots::{SlotError, SlotStore};

/// Holds the journals of many ledgers, and their names. A name is a chain of revisions. Each is created once, so the
/// revisions keep the contract of slots.
pub trait SharedStore: fmt::Debug + Send + Sync {
    /// The slots of a journal.
    fn journal(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError>;

    /// The revisions of a name, from 0 on.
    fn name(&self, name: &str) -> Result<Arc<dyn SlotStore>, SlotError>;

    /// Every name that has a revision, with the number of its last one, in order of the names.
    fn names(&self) -> Result<Vec<(String, u64)>, SlotError>;
}
