//! Replay: applies many slots and writes them to the view in large batches.

use everstrand_journal::Slot;

use super::State;
use super::changes::Changes;
use crate::error::LedgerError;
use crate::storage::views::ViewStore;

/// A replay writes to the view as soon as it has so many changes.
const CHANGES_PER_BATCH: usize = 20_000;

/// Applies the next slots, as many as make a batch, and answers whether those were the last. `next` reads the slot of
/// a number. After an error the caller must throw away the state.
pub(crate) fn replay_part(
    state: &mut State,
    views: &dyn ViewStore,
    mut next: impl FnMut(u64) -> Result<Option<Slot>, LedgerError>,
) -> Result<bool, LedgerError> {
    let view = views.snapshot()?;
    let mut changes = Changes::with_room(&*view, CHANGES_PER_BATCH);
    let (mut ended, mut has_slots) = (false, false);
    while changes.len() < CHANGES_PER_BATCH && !ended {
        match next(state.head.next_slot())? {
            Some(slot) => {
                state.apply_slot(&slot, &mut changes)?;
                has_slots = true;
            }
            None => ended = true,
        }
    }
    if has_slots {
        state.store(&mut changes);
        views.commit(&changes.into_batch(), state.head.applied())?;
    }
    Ok(ended)
}
