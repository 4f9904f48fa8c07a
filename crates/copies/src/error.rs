//! Why a copy was not made, read or restored.

use everstrand_journal::FormatError;
use everstrand_ledger::storage::slots::SlotError;

/// Why something was not done with a copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] SlotError),
    /// The source is not as it was written, so nothing of it was copied from there on.
    #[error("the source is damaged: {0}")]
    Source(String),
    /// The copy is no beginning of the source's journal.
    #[error("the copy is not a copy of this journal as it is now: {0}")]
    Diverged(String),
    /// The copy is not as it was written, or lost slots.
    #[error("the copy is damaged: {0}")]
    Damaged(String),
    /// The place holds no such copy, or several.
    #[error("{0}")]
    NotFound(String),
    /// What was asked for cannot be done.
    #[error("{0}")]
    Refused(String),
    /// A slot of the copy still shows what its journal says is redacted.
    #[error("{0}")]
    NotEmptied(String),
}

impl CopyError {
    /// A slot of the copy that cannot be read.
    pub(crate) fn unreadable(slot: u64, error: &FormatError) -> CopyError {
        CopyError::Damaged(format!("slot {slot}: {error}"))
    }
}
