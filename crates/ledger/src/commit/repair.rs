//! A view that failed, or whose files may hold what was redacted, is built anew beside the one that is served, out
//! of the journal, in parts between commits; then it takes its place.
//!
//! Reads go on from the old one all the while: what it can still read it reads right. Commits go on too,
//! unless it was in taking one in that it failed; then they are refused until the new one is there.

use std::sync::Arc;
use std::vec::IntoIter;

use everstrand_journal::Slot;

use crate::ahead::{READ_BYTES, read};
use crate::error::LedgerError;
use crate::ledger::Core;
use crate::recover::replay_part;
use crate::state::State;
use crate::state::changes::Changes;
use crate::storage::views::{ViewSnapshot, ViewStore};

/// How long to wait after the first attempt that failed, in milliseconds; after the next, twice as long.
const FIRST_PAUSE: u64 = 500;

/// How long to wait at most after an attempt that failed.
const LONGEST_PAUSE: u64 = 30_000;

/// How long to wait at least after one that succeeded; never less than it took. What fails again soon is no
/// accident, and to read the journal again and again would only be in the way.
const REST: u64 = 10_000;

/// The building of a view, under way or to come.
#[derive(Default)]
pub(super) struct Repair {
    building: Option<Building>,
    /// How many attempts failed, one after the other.
    failed: u32,
    /// When there may be another attempt, on the monotonic clock.
    not_before: u64,
    /// The view has no place for another.
    impossible: bool,
}

struct Building {
    views: Arc<dyn ViewStore>,
    state: State,
    /// Slots that were read and not applied yet.
    ahead: IntoIter<Slot>,
    /// When it was begun, on the monotonic clock.
    begun: u64,
}

/// A view of all of the journal.
pub(crate) struct Built {
    pub(crate) views: Arc<dyn ViewStore>,
    pub(crate) state: State,
    pub(crate) view: Box<dyn ViewSnapshot>,
}

impl Repair {
    /// In how many milliseconds there is something to do; `None` for never.
    pub(super) fn due(&self, now: u64) -> Option<u64> {
        (!self.impossible).then(|| self.not_before.saturating_sub(now))
    }

    /// Does the next part. Answers the view when it holds all of the journal: nobody else writes meanwhile.
    pub(super) fn part(&mut self, core: &Core) -> Option<Built> {
        let now = core.environment.clock.monotonic_millis();
        match self.try_part(core, now) {
            Ok(None) => None,
            Ok(Some((built, begun))) => {
                let took = now.saturating_sub(begun);
                tracing::info!(strand_id = %core.strand_id, millis = took, "the view was built anew");
                *self = Repair { not_before: now + took.max(REST), ..Repair::default() };
                Some(built)
            }
            Err(error) => {
                tracing::warn!(strand_id = %core.strand_id, %error, "the view could not be built anew yet");
                if let Some(building) = self.building.take() {
                    building.views.discard();
                }
                self.not_before = now + (FIRST_PAUSE << self.failed.min(10)).min(LONGEST_PAUSE);
                self.failed += 1;
                None
            }
        }
    }

    fn try_part(&mut self, core: &Core, now: u64) -> Result<Option<(Built, u64)>, LedgerError> {
        let Some(building) = &mut self.building else {
            match core.views().fresh()? {
                None => self.impossible = true,
                Some(views) => {
                    tracing::info!(strand_id = %core.strand_id, "the view is being built anew");
                    let (state, ahead) = (State::empty(core.strand_id), Vec::new().into_iter());
                    self.building = Some(Building { views, state, ahead, begun: now });
                }
            }
            return Ok(None);
        };
        let Building { views, state, ahead, .. } = building;
        let next = |number| {
            if ahead.len() == 0 {
                *ahead = read(&*core.slots, number, READ_BYTES)?.into_iter();
            }
            Ok(ahead.next())
        };
        if !replay_part(state, &**views, next)? {
            return Ok(None);
        }
        let view = views.snapshot()?;
        let mut changes = Changes::new(&*view);
        if state.work_on_indexes(&mut changes)? {
            views.commit(&changes.into_batch(), state.head.applied())?;
            return Ok(None);
        }
        views.persist()?;
        let built = self.building.take();
        Ok(built.map(|Building { views, state, begun, .. }| (Built { views, state, view }, begun)))
    }
}
