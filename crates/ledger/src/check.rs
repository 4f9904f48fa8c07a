//! Reading a journal again in the background, so that a flipped bit in an old segment is found before somebody asks
//! for its block.
//!
//! Each call reads one part. The caller decides how fast it goes, and may go on where another process stopped.

use everstrand_journal::Hash;

use crate::ahead::decode;
use crate::error::LedgerError;
use crate::storage::slots::SlotStore;

/// How far a journal was checked, and the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// All slots before this one are whole.
    UpTo(u64),
    /// All slots of the journal are whole; it has this many.
    All(u64),
    /// This slot is damaged.
    Damaged {
        /// Its number.
        slot: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads about so many bytes of slots from `from` on. Checks their checksums, their form, and that each follows the
/// slot before it. Fails if the store does not answer, because that says nothing about the slots.
pub fn check_slots(slots: &dyn SlotStore, from: u64, bytes: usize) -> Result<Checked, LedgerError> {
    match check(slots, from, bytes) {
        Ok(checked) => Ok(checked),
        Err(Stop::Damaged { slot, why }) => Ok(Checked::Damaged { slot, why }),
        Err(Stop::Failed(error)) => Err(error),
    }
}

enum Stop {
    Damaged { slot: u64, why: String },
    Failed(LedgerError),
}

impl Stop {
    fn at(slot: u64, error: LedgerError) -> Stop {
        match error {
            LedgerError::Damaged(why) => Stop::Damaged { slot, why },
            error => Stop::Failed(error),
        }
    }
}

fn check(slots: &dyn SlotStore, from: u64, bytes: usize) -> Result<Checked, Stop> {
    let mut previous: Option<Hash> = None;
    let mut next = from.saturating_sub(1);
    let many = slots.read_many(next, bytes).map_err(|error| Stop::at(next, error.into()))?;
    if many.is_empty() {
        return Ok(Checked::All(next));
    }
    for stored in many {
        let slot = decode(next, stored).map_err(|error| Stop::at(next, error))?;
        if previous.is_some_and(|previous| previous != slot.header().previous_link) {
            let why = format!("slot {next}: it does not continue the slot before it");
            return Err(Stop::Damaged { slot: next, why });
        }
        previous = Some(slot.link());
        next += 1;
    }
    // If the first read gave only the slot before `from`, read one more.
    if next <= from && from > 0 {
        let stored = slots.read(next).map_err(|error| Stop::at(next, error.into()))?;
        let Some(stored) = stored else { return Ok(Checked::All(next)) };
        let slot = decode(next, stored).map_err(|error| Stop::at(next, error))?;
        if previous != Some(slot.header().previous_link) {
            let why = format!("slot {next}: it does not continue the slot before it");
            return Err(Stop::Damaged { slot: next, why });
        }
        next += 1;
    }
    Ok(Checked::UpTo(next))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;
    use crate::core::Environment;
    use crate::ids::SeededIds;
    use crate::ledger::Ledger;
    use crate::limits::LedgerOptions;
    use crate::storage::slots::SlotStore;
    use crate::storage::{MemorySlots, MemoryView};

    fn journal(seed: u64) -> Arc<MemorySlots> {
        let slots = Arc::new(MemorySlots::new());
        let environment =
            Environment { clock: Arc::new(ManualClock::new(0)), ids: Arc::new(SeededIds::new(seed)) };
        let (view, options) = (Arc::new(MemoryView::new()), LedgerOptions::default());
        let ledger = Ledger::open(slots.clone(), view, environment, options).unwrap();
        for number in 0..9 {
            let mut transaction = ledger.start_transaction().unwrap();
            transaction.execute(&format!("CREATE TABLE t{number}"), &[]).unwrap();
            let digest = transaction.commit_digest();
            transaction.commit(digest).wait().unwrap();
        }
        ledger.close();
        slots
    }

    /// Reads a journal from end to end, in parts of so many bytes.
    fn to_the_end(slots: &dyn SlotStore, bytes: usize) -> Checked {
        let mut from = 0;
        loop {
            match check_slots(slots, from, bytes).unwrap() {
                Checked::UpTo(next) => {
                    assert!(next > from, "it goes on");
                    from = next;
                }
                other => return other,
            }
        }
    }

    #[test]
    fn a_whole_journal_is_read_to_its_end_in_parts_of_any_size() {
        let slots = journal(1);
        for bytes in [1, 700, 1500, 1 << 20] {
            assert_eq!(to_the_end(&*slots, bytes), Checked::All(10), "{bytes} bytes at once");
        }
    }

    #[test]
    fn a_slot_that_is_damaged_or_of_another_journal_is_named() {
        let (slots, other) = (journal(1), journal(2));
        for at in 1..10 {
            for flipped in [false, true] {
                let bad = MemorySlots::new();
                for slot in 0..10 {
                    let mut bytes = match slot == at && !flipped {
                        true => other.read(slot).unwrap().unwrap(),
                        false => slots.read(slot).unwrap().unwrap(),
                    };
                    if slot == at && flipped {
                        bytes.pop();
                    }
                    bad.create(slot, &bytes).unwrap();
                }
                for bytes in [1, 1500, 1 << 20] {
                    let found = to_the_end(&bad, bytes);
                    assert!(matches!(found, Checked::Damaged { slot, .. } if slot == at), "{at}: {found:?}");
                }
            }
        }
    }
}
