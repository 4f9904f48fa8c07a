//! Takes out of a copy's own bytes what its journal says is redacted.
//!
//! A slot may have been copied before its data was redacted, and the slot with the REDACT after it. So every REDACT in
//! the copy is checked against the bytes that the copy has, whatever the source shows. Only a read that shows the data
//! gone ends it. A replacement takes effect only while the slot holds the bytes that were read, so two copiers cannot
//! undo each other's work.

use std::collections::BTreeMap;

use everstrand_ledger::storage::slots::{SlotError, SlotStore};

use crate::error::CopyError;
use crate::slots::{Place, read, without};
use crate::watch::Watcher;

/// How often a slot is read and replaced again before the run gives up.
const ATTEMPTS: u32 = 8;

/// How many sizes are kept, so that one look does not cost the whole search again.
const SIZES_MAX: usize = 100_000;

/// Sweeps one copy.
#[derive(Default)]
pub(crate) struct Sweep {
    /// The number of blocks after a slot, for slots that were read.
    sizes: BTreeMap<u64, u64>,
    /// How many slots were replaced.
    pub(crate) replaced: u64,
}

impl Sweep {
    /// Takes out these revisions. The slots that say so are in the copy, which has `slots` slots.
    pub(crate) fn take_out(
        &mut self,
        copy: &dyn SlotStore,
        places: impl IntoIterator<Item = Place>,
        slots: u64,
        watcher: &mut dyn Watcher,
    ) -> Result<(), CopyError> {
        let mut by_slot: BTreeMap<u64, Vec<Place>> = BTreeMap::new();
        for place in places {
            by_slot.entry(self.slot_of(copy, place.block, slots)?).or_default().push(place);
        }
        by_slot.iter().try_for_each(|(slot, places)| self.empty(copy, *slot, places, watcher))
    }

    /// The revisions among these that the copy still shows.
    pub(crate) fn standing(
        &mut self,
        copy: &dyn SlotStore,
        place: Place,
        slots: u64,
    ) -> Result<Option<u64>, CopyError> {
        let number = self.slot_of(copy, place.block, slots)?;
        let (bytes, slot) = read(copy, number)?;
        Ok(without(number, &slot, &bytes, &[place])?.map(|_| number))
    }

    fn empty(
        &mut self,
        copy: &dyn SlotStore,
        number: u64,
        places: &[Place],
        watcher: &mut dyn Watcher,
    ) -> Result<(), CopyError> {
        let mut attempts = 0;
        loop {
            let (bytes, slot) = read(copy, number)?;
            let Some(emptied) = without(number, &slot, &bytes, places)? else { return Ok(()) };
            attempts += 1;
            if attempts > ATTEMPTS {
                return Err(CopyError::NotEmptied(format!("slot {number} still shows what was redacted")));
            }
            if attempts > 1 {
                watcher.pause(attempts - 1);
            }
            match copy.redact(number, &bytes, &emptied) {
                Ok(()) => self.replaced += 1,
                Err(SlotError::NotSent(_) | SlotError::Unknown(_)) => {}
                Err(error) => {
                    let why = format!(
                        "slot {number} still shows what was redacted, because its store does not replace it: {error}"
                    );
                    return Err(CopyError::NotEmptied(why));
                }
            }
        }
    }

    /// The slot with a block. Only as many slots are read as a binary search takes.
    pub(crate) fn slot_of(&mut self, copy: &dyn SlotStore, block: u64, slots: u64) -> Result<u64, CopyError> {
        let (mut low, mut high) = (0, slots);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.size_after(copy, middle)? > block {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        if low < slots {
            return Ok(low);
        }
        Err(CopyError::Damaged(format!("it lacks block {block}, which its journal names")))
    }

    fn size_after(&mut self, copy: &dyn SlotStore, slot: u64) -> Result<u64, CopyError> {
        if let Some(size) = self.sizes.get(&slot) {
            return Ok(*size);
        }
        let size = read(copy, slot)?.1.frontier().size();
        if self.sizes.len() >= SIZES_MAX {
            self.sizes.clear();
        }
        self.sizes.insert(slot, size);
        Ok(size)
    }
}
