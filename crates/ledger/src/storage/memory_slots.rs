//! A journal in memory: for tests, the simulator and ledgers nobody wants to keep.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::slots::{Created, SlotError, SlotStore, check_redaction};

/// Slots in a vector. It keeps the contract of a slot store, except that its content ends with the process.
#[derive(Default)]
pub struct MemorySlots {
    /// Slot `n` at index `n`. Held only while one call looks or pushes.
    slots: Mutex<Vec<Vec<u8>>>,
}

impl MemorySlots {
    /// An empty journal.
    pub fn new() -> Self {
        MemorySlots::default()
    }

    /// Nothing panics while the lock is held, so a poisoned one guards a whole vector too.
    fn slots(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SlotStore for MemorySlots {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        let mut slots = self.slots();
        match slot.cmp(&(slots.len() as u64)) {
            std::cmp::Ordering::Less => Ok(Created::Exists),
            std::cmp::Ordering::Equal => {
                slots.push(bytes.to_vec());
                Ok(Created::Won)
            }
            std::cmp::Ordering::Greater => Err(SlotError::gap(slot, slots.len() as u64)),
        }
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        Ok(usize::try_from(slot).ok().and_then(|index| self.slots().get(index).cloned()))
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        Ok((self.slots().len() as u64).checked_sub(1))
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        let mut slots = self.slots();
        let held = usize::try_from(slot).ok().and_then(|index| slots.get_mut(index));
        let held = held.ok_or_else(|| SlotError::absent(slot))?;
        check_redaction(slot, held, stored, bytes)?;
        *held = bytes.to_vec();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every store has that does not read many at once by itself.
    #[test]
    fn many_slots_are_read_until_they_have_the_bytes_that_were_asked_for() {
        let slots = MemorySlots::new();
        for slot in 0..9 {
            slots.create(slot, if slot == 3 { b"" } else { b"0123456789" }).expect("nobody else is here");
        }
        let table = [
            (0, 0, 1),
            (0, 1, 1),
            (0, 10, 1),
            (0, 11, 2),
            (0, 30, 3),
            (0, 31, 4),
            (0, 32, 5),
            (7, 1000, 2),
            (9, 10, 0),
        ];
        for (from, bytes_max, expected) in table {
            let many = slots.read_many(from, bytes_max).expect("they are there");
            assert_eq!(many.len(), expected, "{bytes_max} bytes from slot {from}");
        }
    }
}
