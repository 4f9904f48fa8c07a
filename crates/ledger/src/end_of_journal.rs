//! Seals the journal of a deleted ledger: a slot says that nothing follows. It needs no view, so any process can do it.

use everstrand_journal::{Addition, Seal, Slot, SlotContent, SlotHeader, UniqueId, WriterId};

use crate::ahead::decode;
use crate::error::LedgerError;
use crate::storage::slots::{Created, SlotError, SlotStore};

/// How often the same slot is sent while the store does not say whether it is there.
const ATTEMPTS: u64 = 5;

/// Sees to it that the journal ends with a seal that says that its ledger was deleted. It does not matter whose seal that
/// is. A journal without slots needs none. `writer` is an id that nobody else has.
pub fn seal_deleted(slots: &dyn SlotStore, writer: UniqueId) -> Result<(), LedgerError> {
    let mut attempt = 0;
    let Some(mut last) = last_slot(slots)? else { return Ok(()) };
    loop {
        match last.addition().and_then(|addition| addition.seal.as_ref()) {
            Some(Seal::Deleted) => return Ok(()),
            Some(Seal::ContinuesAt(place)) => {
                return Err(LedgerError::Unavailable(format!("the ledger was moved to {place}")));
            }
            None => {}
        }
        attempt += 1;
        let slot = seal_after(&last, WriterId { id: writer, attempt })?;
        let number = slot.header().slot;
        let bytes = slot.encode().map_err(|error| LedgerError::Internal(error.to_string()))?;
        let mut sent = 0;
        let created = loop {
            sent += 1;
            match slots.create(number, &bytes) {
                Err(SlotError::Unknown(_)) if sent < ATTEMPTS => {}
                created => break created?,
            }
        };
        if created == Created::Won {
            return Ok(());
        }
        match slots.read(number)? {
            Some(stored) => last = after(slots, decode(number, stored)?)?,
            None if attempt < ATTEMPTS => {}
            None => {
                let why = format!("the store said that slot {number} exists, and then that it does not");
                return Err(LedgerError::Unavailable(why));
            }
        }
    }
}

/// Whether a journal ends with a seal that says that its ledger was deleted. Writes nothing.
pub fn ends_deleted(slots: &dyn SlotStore) -> Result<bool, LedgerError> {
    let last = last_slot(slots)?;
    let seal = last.as_ref().and_then(|last| last.addition()).and_then(|addition| addition.seal.as_ref());
    Ok(seal == Some(&Seal::Deleted))
}

fn last_slot(slots: &dyn SlotStore) -> Result<Option<Slot>, LedgerError> {
    let hint = slots.tip_hint()?.unwrap_or(0);
    match slots.read(hint)? {
        Some(bytes) => after(slots, decode(hint, bytes)?).map(Some),
        None => Ok(None),
    }
}

/// The last slot, from one that is known on.
fn after(slots: &dyn SlotStore, mut last: Slot) -> Result<Slot, LedgerError> {
    loop {
        let number = last.header().slot + 1;
        match slots.read(number)? {
            Some(bytes) => last = decode(number, bytes)?,
            None => return Ok(last),
        }
    }
}

fn seal_after(last: &Slot, writer: WriterId) -> Result<Slot, LedgerError> {
    let header = SlotHeader {
        strand_id: last.header().strand_id,
        slot: last.header().slot + 1,
        writer,
        previous_link: last.link(),
        first_block_no: last.frontier().size(),
    };
    let addition = Addition { seal: Some(Seal::Deleted), ..Addition::default() };
    Slot::with_addition(header, last.frontier(), SlotContent::Blocks(Vec::new()), addition)
        .map_err(|error| LedgerError::Internal(error.to_string()))
}
