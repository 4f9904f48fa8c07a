//! The truth: a chain of slots 0, 1, 2, …, each created once.

/// Where a ledger's journal lies. The contract C1–C8 is spelt out and tested in `contract`.
pub trait SlotStore: Send + Sync {
    /// Creates `slot` with `bytes` iff nothing was ever created there; durable when it answers
    /// [`Created::Won`]. Called for `n` only after `n - 1` exists.
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError>;

    /// The bytes of `slot`; `None` when at some instant during the call it did not exist.
    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError>;

    /// A number not greater than the last slot's, as close as is cheap; only speeds up opening.
    fn tip_hint(&self) -> Result<Option<u64>, SlotError>;

    /// Replaces the bytes of a slot by the same slot without some documents' data. The only change
    /// ever made to a slot; refused when the stored slot's link is not `link`.
    fn redact(&self, slot: u64, link: [u8; 32], bytes: &[u8]) -> Result<(), SlotError>;
}

/// What became of a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The slot holds these bytes, durably.
    Won,
    /// The slot may hold a body already; only reading it tells whose.
    Exists,
}

/// Why a slot store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// It may have happened, or may still happen.
    #[error("the outcome of writing to the journal is unknown: {0}")]
    Unknown(String),
    /// It has not happened and will not.
    #[error("the journal was not written: {0}")]
    NotSent(String),
    /// The store refuses this process; the operator must act.
    #[error("the journal's store refused access: {0}")]
    Denied(String),
    /// No space; it has not happened.
    #[error("the journal's store is full: {0}")]
    Full(String),
    /// The stored bytes are not those that were written.
    #[error("the journal is damaged at slot {slot}: {why}")]
    Corrupt {
        /// Which slot.
        slot: u64,
        /// What is wrong with it.
        why: String,
    },
}
