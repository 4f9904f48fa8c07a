//! What proves that a journal lacks blocks that were acknowledged: a view of the same ledger holds more.
//!
//! A slot is in the journal, durably, before the view hears of it. So a view that is ahead does not come of a crash
//! or a loss of power. Either the journal was cut or put back to an older copy, and blocks that clients were told of
//! are gone; or the folder was copied while a server wrote to it, the journal first, and only the copy lacks them.
//! Nobody but the operator knows which.

use std::fmt;

use everstrand_journal::UniqueId;

/// The slot that a view holds and the journal does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The ledger's strand.
    pub strand_id: UniqueId,
    /// The last slot that the view held.
    pub slot: u64,
    /// That slot's link.
    pub link: [u8; 32],
    /// The last block that the view held.
    pub block: u64,
    /// The last slot that the journal had when this was noticed.
    pub journal_slot: Option<u64>,
    /// Whether the journal has a slot of that number, with other content.
    pub is_replaced: bool,
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Loss { slot, block, .. } = self;
        write!(formatter, "the view holds block {block} in slot {slot}, and the journal ")?;
        match (self.is_replaced, self.journal_slot) {
            (true, _) => write!(formatter, "has another slot {slot}"),
            (false, Some(last)) => write!(formatter, "ends with slot {last}"),
            (false, None) => write!(formatter, "is empty"),
        }
    }
}
