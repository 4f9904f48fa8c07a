//! Opening a ledger: brings the view up to date with the journal.
//!
//! The journal is the truth. The view names the last slot that was applied to it. If the journal has that slot, with
//! the same link, the slots after it are applied by the same [`State::apply_slot`] that applies commits. If the view
//! names another slot or fails, it is emptied and built again from slot 0.
//!
//! Two cases are left to the operator, because what is missing cannot be made again. If a whole view of this ledger
//! holds a slot that the journal lacks, acknowledged blocks are gone: opening fails with
//! [`LedgerError::BlocksMissing`] and changes nothing, until the caller names that [`Loss`]. If a slot of the journal
//! is damaged, the ledger serves the blocks before it. If that slot is the last one that the view holds, the view is
//! kept, because it is the only proof of those blocks, and all of them are served. In all cases the ledger is read-only.
//! So is a ledger whose last slot is a seal.

use std::sync::{Arc, Mutex};
use std::thread;

use everstrand_journal::{Seal, UniqueId, WriterId, genesis};

use crate::ahead::{Ahead, decode};
use crate::clock::Clock;
use crate::commit::Committer;
use crate::commit::seal;
use crate::core::Environment;
use crate::error::LedgerError;
use crate::limits::LedgerOptions;
use crate::loss::Loss;
use crate::occ::recent_writes::RecentWrites;
use crate::planted::planted;
use crate::state::State;
use crate::state::changes::Changes;
use crate::state::replay::replay_part;
use crate::state::snapshot::Snapshot;
use crate::storage::slots::{Created, SlotStore};
use crate::storage::views::{ViewError, ViewStore};

/// How often a long replay logs how far it has come.
const PROGRESS_MILLIS: u64 = 2000;

/// A state that is up to date with the journal.
pub(crate) struct Opened {
    state: State,
    pub(crate) snapshot: Arc<Snapshot>,
    writer: UniqueId,
    /// Why the ledger is read-only, if it is.
    pub(crate) read_only: Option<LedgerError>,
}

impl Opened {
    /// The committer that goes on from here.
    pub(crate) fn committer(self, options: &LedgerOptions, recent: Arc<Mutex<RecentWrites>>) -> Committer {
        let mut committer = Committer::new(self.state, self.snapshot, recent, self.writer, options);
        if let Some(error) = self.read_only {
            committer.give_up(error);
        }
        committer
    }
}

/// Brings the view up to date with the journal; creates block 0 where there is none.
pub(crate) fn open(
    slots: &dyn SlotStore,
    views: &dyn ViewStore,
    environment: &Environment,
    known_loss: Option<&Loss>,
) -> Result<Opened, LedgerError> {
    let mut is_new = false;
    let mut last_damaged = None;
    let mut from_view = match known_good(slots, views) {
        Ok(None) => {
            is_new = true;
            None
        }
        Ok(Some(known)) => {
            last_damaged = known.damage;
            Some(known.state)
        }
        Err(Unusable::Journal(error)) => return Err(error),
        Err(Unusable::Missing(loss)) if known_loss.is_none() => return Err(LedgerError::BlocksMissing(loss)),
        Err(Unusable::Missing(_)) => None,
        Err(Unusable::View(why)) => {
            tracing::warn!(%why, "the view does not fit the journal and is built again");
            None
        }
    };
    // Emptying a view costs many syncs. It is not needed for a new ledger, because nothing is written into a view
    // before its journal has a slot.
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
            Ok(Replayed { damage: Some(damage), state, .. }) if state.head.is_empty() => return Err(damage),
            Ok(Replayed { state, .. }) if state.head.is_empty() => {
                create_genesis(&state, writer, slots, environment)?;
                is_empty = true;
            }
            Ok(Replayed { mut state, mut snapshot, damage }) => {
                if begun_empty {
                    build_indexes(&mut state, &mut snapshot, views)?;
                }
                let read_only = read_only(slots, known_loss, state.head.seal(), damage.or(last_damaged))?;
                return Ok(Opened { state, snapshot: Arc::new(snapshot), writer, read_only });
            }
            Err(error) if begun_empty => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "the journal's slots cannot be applied to the view, which is built again")
            }
        }
    }
}

/// Why the ledger is read-only, if it is.
fn read_only(
    slots: &dyn SlotStore,
    known_loss: Option<&Loss>,
    seal: Option<&Seal>,
    damage: Option<LedgerError>,
) -> Result<Option<LedgerError>, LedgerError> {
    if let Some(loss) = known_loss
        && !has_again(slots, loss)?
    {
        return Ok(Some(LedgerError::BlocksMissing(loss.clone())));
    }
    let sealed = seal.map(|seal| LedgerError::Sealed(seal.clone()));
    Ok(damage.or_else(|| slots.damage().map(LedgerError::from)).or(sealed))
}

/// Why the state in a view is not used.
enum Unusable {
    View(String),
    Journal(LedgerError),
    /// The view is whole and of this ledger, and holds a slot that the journal lacks.
    Missing(Loss),
}

impl From<ViewError> for Unusable {
    fn from(error: ViewError) -> Unusable {
        Unusable::View(error.to_string())
    }
}

/// The state of a view that may be used.
struct Known {
    state: State,
    /// Why the journal's copy of the view's last slot cannot be read, if it cannot.
    damage: Option<LedgerError>,
}

/// The state that the view holds, if the journal has its last slot; `None` for an empty view.
fn known_good(slots: &dyn SlotStore, views: &dyn ViewStore) -> Result<Option<Known>, Unusable> {
    let Some(applied) = views.applied()? else {
        return Ok(None);
    };
    let stored = match slots.read(applied.slot).map_err(LedgerError::from) {
        Ok(bytes) => bytes.map(|bytes| decode(applied.slot, bytes)).transpose(),
        Err(error) => Err(error),
    };
    let state = State::load(&*views.snapshot()?)?.filter(|state| state.head.applied() == applied);
    let state = state.ok_or_else(|| Unusable::View("its stored head is of another slot".to_owned()))?;
    let stored = match stored {
        Ok(stored) => stored,
        // Nothing can be compared with the view. But no crash leaves a damaged slot that the view holds, and without the
        // view nobody could tell that the slot was there if it was cut off later.
        Err(damage @ LedgerError::Damaged(_)) if applied.slot > 0 => {
            return match is_of_strand(slots, state.head.strand_of(0)).map_err(Unusable::Journal)? {
                true => Ok(Some(Known { state, damage: Some(damage) })),
                false => Err(Unusable::View("the journal is of another ledger".to_owned())),
            };
        }
        Err(LedgerError::Damaged(why)) => return Err(Unusable::View(why)),
        Err(error) => return Err(Unusable::Journal(error)),
    };
    match stored {
        Some(slot) if slot.link().0 == applied.link || planted!("link-not-checked-on-open") => {
            Ok(Some(Known { state, damage: None }))
        }
        stored if is_of_strand(slots, state.head.strand_of(0)).map_err(Unusable::Journal)? => {
            Err(Unusable::Missing(loss_of(&state, stored.is_some(), slots).map_err(Unusable::Journal)?))
        }
        Some(_) => Err(Unusable::View(format!("the journal has another slot {}", applied.slot))),
        None => Err(Unusable::View(format!("the journal has no slot {}", applied.slot))),
    }
}

/// The loss that a view of this state proves.
fn loss_of(state: &State, is_replaced: bool, slots: &dyn SlotStore) -> Result<Loss, LedgerError> {
    let tip = state.head.tip;
    Ok(Loss {
        strand_id: state.head.strand_id,
        slot: tip.slot,
        link: tip.link.0,
        block: tip.block_no,
        journal_slot: slots.tip_hint()?,
        is_replaced,
    })
}

/// Whether the journal has the missing slot again. Its link names all slots before it, so they are back too.
fn has_again(slots: &dyn SlotStore, loss: &Loss) -> Result<bool, LedgerError> {
    let stored = match slots.read(loss.slot).map_err(LedgerError::from) {
        Ok(bytes) => bytes.map(|bytes| decode(loss.slot, bytes)).transpose(),
        Err(error) => Err(error),
    };
    match stored {
        Ok(slot) => Ok(slot.is_some_and(|slot| slot.link().0 == loss.link)),
        Err(LedgerError::Damaged(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the journal is of this strand. It is not if it has no slot 0.
fn is_of_strand(slots: &dyn SlotStore, strand_id: UniqueId) -> Result<bool, LedgerError> {
    let Some(bytes) = slots.read(0)? else { return Ok(false) };
    Ok(decode(0, bytes)?.header().strand_id == strand_id)
}

/// The result of a replay.
struct Replayed {
    state: State,
    snapshot: Snapshot,
    /// The damage at which the replay ended before the end of the journal.
    damage: Option<LedgerError>,
}

/// Applies all slots that the view does not hold yet, up to the first damaged one.
fn replay(
    mut state: State,
    slots: &dyn SlotStore,
    views: &dyn ViewStore,
    clock: &dyn Clock,
) -> Result<Replayed, LedgerError> {
    let started = clock.monotonic_millis();
    let mut told = started;
    let mut before = state.clone();
    let replayed = thread::scope(|scope| {
        let mut ahead = Ahead::new(slots, state.head.next_slot(), scope);
        while !replay_part(&mut state, views, |_| ahead.next())? {
            before = state.clone();
            let now = clock.monotonic_millis();
            if now.saturating_sub(told) >= PROGRESS_MILLIS {
                told = now;
                let (slot, of) = (state.head.tip.slot, slots.tip_hint()?);
                tracing::info!(strand_id = %state.head.strand_id, slot, of, "replaying the journal");
            }
        }
        Ok::<(), LedgerError>(())
    });
    let damage = match replayed {
        Ok(()) => None,
        Err(LedgerError::Damaged(_)) => {
            state = before;
            replay_to_damage(&mut state, slots, views)?
        }
        Err(error) => return Err(error),
    };
    if told > started {
        tracing::info!(strand_id = %state.head.strand_id, slots = state.head.next_slot(), "the journal was replayed");
    }
    let view = views.snapshot()?;
    let head = state.head.clone();
    Ok(Replayed { state, snapshot: Snapshot { head, view, build: 0 }, damage })
}

/// Applies the slots before a damaged one, each by itself, and answers the damage. `None` if all slots could be read
/// this time.
fn replay_to_damage(
    state: &mut State,
    slots: &dyn SlotStore,
    views: &dyn ViewStore,
) -> Result<Option<LedgerError>, LedgerError> {
    loop {
        let before = state.clone();
        let mut is_first = true;
        let mut ended = false;
        let one = |number| {
            let slot = match std::mem::take(&mut is_first) {
                true => slots.read(number)?.map(|bytes| decode(number, bytes)).transpose()?,
                false => return Ok(None),
            };
            ended = slot.is_none();
            Ok(slot)
        };
        match replay_part(state, views, one) {
            Ok(_) if ended => return Ok(None),
            Ok(_) => {}
            Err(error @ LedgerError::Damaged(_)) => {
                *state = before;
                return Ok(Some(error));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Finishes the indexes that were created on filled tables, so that a rebuilt view serves queries as the view before
/// it did.
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

/// Writes block 0. If another writer does so first, the caller reads that one's.
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
