//! A loss: the view of a ledger holds a slot that the journal lacks, so acknowledged blocks are missing.
//!
//! A slot is durable in the journal before the view hears of it, so no crash and no loss of power leaves such a view
//! behind. Either the journal was cut or put back to an older copy, and then blocks are gone that clients were told
//! of. Or the folder was copied while a server wrote to it, the journal first, and then only the copy lacks them.
//! Only the operator knows which.

use std::fmt;

use everstrand_journal::UniqueId;

/// The last slot of a view, which the journal lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The ledger's strand.
    pub strand_id: UniqueId,
    /// The last slot that the view holds.
    pub slot: u64,
    /// That slot's link.
    pub link: [u8; 32],
    /// The last block that the view holds, in that slot or in one before it.
    pub block: u64,
    /// The last slot of the journal when the loss was noticed.
    pub journal_slot: Option<u64>,
    /// Whether the journal has another slot of that number.
    pub is_replaced: bool,
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Loss { slot, block, .. } = self;
        write!(formatter, "the view holds slot {slot} and block {block}, and the journal ")?;
        match (self.is_replaced, self.journal_slot) {
            (true, _) => write!(formatter, "has another slot {slot}"),
            (false, Some(last)) => write!(formatter, "ends with slot {last}"),
            (false, None) => write!(formatter, "is empty"),
        }
    }
}
