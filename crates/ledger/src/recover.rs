//! Opening: from what is stored to a state that can go on.
//!
//! The journal is the truth. The view is used as far as it is certain that it holds what the journal's
//! first slots say; the rest of the slots are applied to it by the same [`State::apply_slot`] that
//! applies commits. A view that names another slot or link, or that fails, is forgotten and built anew.

use std::sync::{Arc, Mutex};
use std::thread;

use everstrand_journal::{Slot, UniqueId, WriterId, genesis};

use crate::ahead::{Ahead, decode};
use crate::clock::Clock;
use crate::commit::Committer;
use crate::commit::seal;
use crate::commit::validate::Recent;
use crate::error::LedgerError;
use crate::ledger::Environment;
use crate::limits::LedgerOptions;
use crate::planted::planted;
use crate::state::changes::Changes;
use crate::state::{Snapshot, State};
use crate::storage::slots::{Created, SlotStore};
use crate::storage::views::{ViewError, ViewStore};

/// How many changes go into the view at once while slots are replayed.
const CHANGES_PER_BATCH: usize = 20_000;

/// How often somebody who waits for a long replay is told how far it is.
const PROGRESS_MILLIS: u64 = 2000;

/// A state that is up to date with the journal.
pub(crate) struct Opened {
    state: State,
    pub(crate) snapshot: Arc<Snapshot>,
    writer: UniqueId,
}

impl Opened {
    /// The committer that goes on from here.
    pub(crate) fn committer(self, options: &LedgerOptions, recent: Arc<Mutex<Recent>>) -> Committer {
        Committer::new(self.state, self.snapshot, recent, self.writer, options)
    }
}

/// Brings the view up to date with the journal; creates block 0 where there is none.
pub(crate) fn open(
    slots: &dyn SlotStore,
    views: &dyn ViewStore,
    environment: &Environment,
) -> Result<Opened, LedgerError> {
    let mut is_new = false;
    let mut from_view = match known_good(slots, views) {
        Ok(state) => {
            is_new = state.is_none();
            state
        }
        Err(Doubt::Journal(error)) => return Err(error),
        Err(Doubt::View(why)) => {
            tracing::warn!(%why, "the view does not fit the journal and is built anew");
            None
        }
    };
    // To begin an empty view costs many syncs. Nobody wrote into one before its journal had a slot.
    let mut is_empty = is_new && slots.read(0)?.is_none();
    let writer = environment.ids.next();
    loop {
        let (state, begun_empty) = match from_view.take() {
            Some(state) => (state, false),
            None => {
                if !is_empty {
                    views.wipe()?;
                }
                (State::empty(environment.ids.next()), true)
            }
        };
        match replay(state, slots, views, &*environment.clock) {
            Ok((state, _)) if state.head.is_empty() => {
                create_genesis(&state, writer, slots, environment)?;
                is_empty = true;
            }
            Ok((mut state, mut snapshot)) => {
                if begun_empty {
                    build_indexes(&mut state, &mut snapshot, views)?;
                }
                return Ok(Opened { state, snapshot: Arc::new(snapshot), writer });
            }
            Err(error) if begun_empty => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "the view does not take the journal's slots and is built anew")
            }
        }
    }
}

/// Why a view is not used.
enum Doubt {
    View(String),
    Journal(LedgerError),
}

impl From<ViewError> for Doubt {
    fn from(error: ViewError) -> Doubt {
        Doubt::View(error.to_string())
    }
}

/// The state that the view holds, if it is one that the journal had; `None` for an empty view.
fn known_good(slots: &dyn SlotStore, views: &dyn ViewStore) -> Result<Option<State>, Doubt> {
    let Some(applied) = views.applied()? else {
        return Ok(None);
    };
    let bytes = slots.read(applied.slot).map_err(|error| Doubt::Journal(error.into()))?;
    let bytes = bytes.ok_or_else(|| Doubt::View(format!("the journal has no slot {}", applied.slot)))?;
    let slot = decode(applied.slot, bytes).map_err(Doubt::Journal)?;
    if slot.link().0 != applied.link && !planted!("link-not-checked-on-open") {
        return Err(Doubt::View(format!("the journal's slot {} is another", applied.slot)));
    }
    let state = State::load(&*views.snapshot()?)?;
    match state {
        Some(state) if state.head.applied() == applied => Ok(Some(state)),
        _ => Err(Doubt::View("the stored state is of another slot".to_owned())),
    }
}

/// Applies all slots that the view does not hold yet.
fn replay(
    mut state: State,
    slots: &dyn SlotStore,
    views: &dyn ViewStore,
    clock: &dyn Clock,
) -> Result<(State, Snapshot), LedgerError> {
    let started = clock.monotonic_millis();
    let mut told = started;
    thread::scope(|scope| {
        let mut ahead = Ahead::new(slots, state.head.next_slot(), scope);
        while !replay_part(&mut state, views, |_| ahead.next())? {
            let now = clock.monotonic_millis();
            if now.saturating_sub(told) >= PROGRESS_MILLIS {
                told = now;
                let (slot, of) = (state.head.tip.slot, slots.tip_hint()?);
                tracing::info!(strand_id = %state.head.strand_id, slot, of, "replaying the journal");
            }
        }
        Ok::<(), LedgerError>(())
    })?;
    if told > started {
        tracing::info!(strand_id = %state.head.strand_id, slots = state.head.next_slot(), "the journal was replayed");
    }
    let view = views.snapshot()?;
    let head = state.head.clone();
    Ok((state, Snapshot { head, view, build: 0 }))
}

/// Applies the next slots, as many as make a batch; whether those were the last. `next` gives the slot of a
/// number. After an error the state must be thrown away.
pub(crate) fn replay_part(
    state: &mut State,
    views: &dyn ViewStore,
    mut next: impl FnMut(u64) -> Result<Option<Slot>, LedgerError>,
) -> Result<bool, LedgerError> {
    let view = views.snapshot()?;
    let mut changes = Changes::with_room(&*view, CHANGES_PER_BATCH);
    let mut ended = false;
    while changes.len() < CHANGES_PER_BATCH && !ended {
        match next(state.head.next_slot())? {
            Some(slot) => state.apply_slot(&slot, &mut changes)?,
            None => ended = true,
        }
    }
    let batch = changes.into_batch();
    if !batch.changes.is_empty() {
        views.commit(&batch, state.head.applied())?;
    }
    Ok(ended)
}

/// Finishes the indexes that were created on filled tables: a view that was built anew serves queries
/// as the one before did.
fn build_indexes(
    state: &mut State,
    snapshot: &mut Snapshot,
    views: &dyn ViewStore,
) -> Result<(), LedgerError> {
    loop {
        let mut changes = Changes::new(&*snapshot.view);
        if !state.work_on_indexes(&mut changes)? {
            return Ok(());
        }
        views.commit(&changes.into_batch(), state.head.applied())?;
        *snapshot = Snapshot { head: state.head.clone(), view: views.snapshot()?, build: 0 };
    }
}

/// Writes block 0. Another writer may do the same at the same time; then theirs is read.
fn create_genesis(
    state: &State,
    writer: UniqueId,
    slots: &dyn SlotStore,
    environment: &Environment,
) -> Result<(), LedgerError> {
    let block = genesis(state.head.strand_id, environment.ids.next(), environment.clock.unix_millis());
    let slot = seal::slot(&state.head, WriterId { id: writer, attempt: 0 }, vec![block]);
    let bytes =
        slot.and_then(|slot| slot.encode()).map_err(|error| LedgerError::Internal(error.to_string()))?;
    match slots.create(0, &bytes)? {
        Created::Won | Created::Exists => Ok(()),
    }
}
