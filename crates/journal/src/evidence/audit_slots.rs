//! Audits a stream of slots on several cores: blocks are checked at the same time, the chain is followed in order.

use std::num::NonZeroUsize;

use crate::evidence::{Auditor, CheckedBlock, Deviation, check_slot};
use crate::format::{FormatError, Slot};

/// The most bytes of encoded slots that are held for each worker. One slot may exceed it.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Audits slots in order. `slots` yields the bytes of each, or the reason why it cannot be read. `report` gets the
/// findings of each slot and the auditor after it. Memory is bounded by the number of workers, not by the journal.
pub fn audit_slots(
    auditor: &mut Auditor,
    slots: impl IntoIterator<Item = Result<Vec<u8>, FormatError>>,
    workers: NonZeroUsize,
    mut report: impl FnMut(&Auditor, Vec<Deviation>),
) {
    let mut slots = slots.into_iter();
    loop {
        let batches: Vec<Vec<Encoded>> = (0..workers.get()).map(|_| batch(&mut slots)).collect();
        if batches.iter().all(Vec::is_empty) {
            return;
        }
        let checked: Vec<Vec<Checked>> = std::thread::scope(|scope| {
            let workers: Vec<_> = batches
                .into_iter()
                .map(|batch| scope.spawn(|| batch.into_iter().map(check).collect::<Vec<Checked>>()))
                .collect();
            workers.into_iter().map(|worker| worker.join().expect("checking does not panic")).collect()
        });
        for result in checked.into_iter().flatten() {
            let found = match result {
                Ok((slot, blocks)) => auditor.checked_slot(&slot, blocks),
                Err(error) => auditor.unreadable("a slot", &error),
            };
            report(auditor, found);
        }
    }
}

type Encoded = Result<Vec<u8>, FormatError>;
type Checked = Result<(Slot, Vec<CheckedBlock>), FormatError>;

fn check(slot: Encoded) -> Checked {
    let slot = Slot::decode(slot?)?;
    let blocks = check_slot(&slot);
    Ok((slot, blocks))
}

fn batch(slots: &mut impl Iterator<Item = Encoded>) -> Vec<Encoded> {
    let mut bytes = 0;
    let mut batch = Vec::new();
    while bytes < BATCH_BYTES_MAX {
        let Some(slot) = slots.next() else { break };
        bytes += slot.as_ref().map_or(0, Vec::len).max(1024);
        batch.push(slot);
    }
    batch
}
