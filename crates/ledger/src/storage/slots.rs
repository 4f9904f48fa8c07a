//! Slot stores, which hold the journal: a chain of slots 0, 1, 2, …, each created once.

use everstrand_journal::Slot;

use super::sealed_form;

/// Holds the journal of a ledger. `contract` states its clauses C1 to C8 and tests them.
pub trait SlotStore: Send + Sync {
    /// Creates `slot` with `bytes` if nothing was ever created there. The slot is durable when this answers
    /// [`Created::Won`]. The caller creates slot `n` only when slot `n - 1` exists.
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError>;

    /// Creates the slots `from`, `from + 1`, … in order, each only when the one before it exists, and answers how many of
    /// them this call has durably created. Where it stops before the last, that slot may exist already.
    fn create_many(&self, from: u64, slots: &[Vec<u8>]) -> Result<usize, SlotError> {
        for (created, bytes) in slots.iter().enumerate() {
            match self.create(from.saturating_add(created as u64), bytes) {
                Ok(Created::Won) => {}
                Ok(Created::Exists) => return Ok(created),
                Err(error) if created == 0 => return Err(error),
                // The caller asks for the rest again, and then hears of the failure.
                Err(_) => return Ok(created),
            }
        }
        Ok(slots.len())
    }

    /// The bytes of `slot`; `None` if it did not exist at some instant during the call.
    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError>;

    /// A number not greater than the last slot's, as close to it as is cheap. It only speeds up opening.
    fn tip_hint(&self) -> Result<Option<u64>, SlotError>;

    /// The damage that opening found, if the store takes no slots because of it.
    fn damage(&self) -> Option<SlotError> {
        None
    }

    /// Replaces `stored`, the bytes that a read of the slot gave, by `bytes`, the same slot without the data of some
    /// revisions. This is the only change ever made to a slot. It is refused unless both have the same link, and unless
    /// the slot still holds `stored`: another process may have redacted it meanwhile, and its redaction must not be
    /// undone. After any answer the caller reads again, because only a read shows that the data is gone.
    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError>;

    /// The bytes of the slots `from`, `from + 1`, … in order, about `bytes_max` in all. At least one slot if `from`
    /// exists, so that an empty answer means the same as `None` from [`SlotStore::read`]. Replay and audit use this,
    /// because one call for each slot would cost too much.
    fn read_many(&self, from: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, SlotError> {
        let (mut slots, mut size) = (Vec::new(), 0);
        while size < bytes_max.max(1) {
            let Some(slot) = from.checked_add(slots.len() as u64) else { break };
            let Some(bytes) = self.read(slot)? else { break };
            size += bytes.len().max(1);
            slots.push(bytes);
        }
        Ok(slots)
    }
}

/// The result of a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The slot durably holds these bytes.
    Won,
    /// The slot may exist already. Only reading it tells whose it is.
    Exists,
}

/// Why a slot store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// It may have happened, or may happen later.
    #[error("the outcome of writing to the journal is unknown: {0}")]
    Unknown(String),
    /// It has not happened and will not.
    #[error("the journal was not written: {0}")]
    NotSent(String),
    /// The store refuses this process; the operator must act.
    #[error("the journal's store refused access: {0}")]
    Denied(String),
    /// The store has no space. It has not happened.
    #[error("the journal's store is full: {0}")]
    Full(String),
    /// The stored bytes are not the bytes that were written.
    #[error("the journal is damaged at slot {slot}: {why}")]
    Corrupt {
        /// Which slot.
        slot: u64,
        /// What is wrong with it.
        why: String,
    },
}

impl SlotError {
    /// The caller skips a slot. That is a bug of the caller, refused before anything is written.
    pub(super) fn gap(slot: u64, next: u64) -> Self {
        SlotError::NotSent(format!("slot {slot} cannot be created: the next one is {next}"))
    }

    /// A slot that is to be redacted does not exist.
    pub(super) fn absent(slot: u64) -> Self {
        SlotError::NotSent(format!("slot {slot} cannot be redacted: it does not exist"))
    }
}

/// Contract C8: a slot is replaced only by one with its own link, and only while it holds the bytes that were read.
/// `held` is what the store holds now.
pub fn check_redaction(slot: u64, held: &[u8], stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
    if held != stored {
        return Err(SlotError::NotSent(format!("slot {slot} has changed since it was read")));
    }
    if let Some(may_replace) = sealed_form::may_replace(stored, bytes) {
        return match may_replace {
            true => Ok(()),
            false => Err(SlotError::NotSent(format!("the bytes to replace slot {slot} are not that slot's"))),
        };
    }
    let link_of = |bytes: &[u8]| Slot::decode(bytes.to_vec()).ok().map(|slot| slot.link());
    if link_of(bytes).is_none() || link_of(bytes) != link_of(stored) {
        return Err(SlotError::NotSent(format!("the bytes to replace slot {slot} do not have its link")));
    }
    Ok(())
}
