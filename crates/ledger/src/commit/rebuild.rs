//! A view that failed, or whose files may hold what was redacted, is built anew beside the one that is served, out
//! of the journal, in parts between commits; then it takes its place.
//!
//! Reads go on from the old one all the while: what it can still read it reads right. Commits go on too,
//! unless it was in taking one in that it failed; then they are refused until the new one is there.

use std::sync::Arc;
use std::vec::IntoIter;

use everstrand_journal::Slot;

use crate::ahead::{READ_BYTES, read};
use crate::core::Core;
use crate::error::LedgerError;
use crate::state::State;
use crate::state::changes::Changes;
use crate::state::replay::replay_part;
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
pub(super) struct Rebuilder {
    under_way: Option<ViewRebuild>,
    /// How many attempts failed, one after the other.
    failed: u32,
    /// When there may be another attempt, on the monotonic clock.
    not_before: u64,
    /// The view has no place for another.
    impossible: bool,
}

struct ViewRebuild {
    views: Arc<dyn ViewStore>,
    state: State,
    /// Slots that were read and not applied yet.
    ahead: IntoIter<Slot>,
    /// When it was begun, on the monotonic clock.
    begun: u64,
}

/// A view of all of the journal.
pub(crate) struct RebuiltView {
    pub(crate) views: Arc<dyn ViewStore>,
    pub(crate) state: State,
    pub(crate) view: Box<dyn ViewSnapshot>,
}

impl Rebuilder {
    /// In how many milliseconds there is something to do; `None` for never.
    pub(super) fn due(&self, now: u64) -> Option<u64> {
        (!self.impossible).then(|| self.not_before.saturating_sub(now))
    }

    /// Does the next part. Answers the view when it holds all of the journal: nobody else writes meanwhile.
    pub(super) fn part(&mut self, core: &Core) -> Option<RebuiltView> {
        let now = core.environment.clock.monotonic_millis();
        match self.try_part(core, now) {
            Ok(None) => None,
            Ok(Some((built, begun))) => {
                let took = now.saturating_sub(begun);
                tracing::info!(strand_id = %core.strand_id, millis = took, "the view was built anew");
                *self = Rebuilder { not_before: now + took.max(REST), ..Rebuilder::default() };
                Some(built)
            }
            Err(error) => {
                tracing::warn!(strand_id = %core.strand_id, %error, "the view could not be built anew yet");
                if let Some(under_way) = self.under_way.take() {
                    under_way.views.discard();
                }
                self.not_before = now + (FIRST_PAUSE << self.failed.min(10)).min(LONGEST_PAUSE);
                self.failed += 1;
                None
            }
        }
    }

    fn try_part(&mut self, core: &Core, now: u64) -> Result<Option<(RebuiltView, u64)>, LedgerError> {
        let Some(under_way) = &mut self.under_way else {
            match core.views().fresh()? {
                None => self.impossible = true,
                Some(views) => {
                    tracing::info!(strand_id = %core.strand_id, "the view is being built anew");
                    let (state, ahead) = (State::empty(core.strand_id), Vec::new().into_iter());
                    self.under_way = Some(ViewRebuild { views, state, ahead, begun: now });
                }
            }
            return Ok(None);
        };
        let ViewRebuild { views, state, ahead, .. } = under_way;
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
        let built = self.under_way.take();
        Ok(built.map(|ViewRebuild { views, state, begun, .. }| (RebuiltView { views, state, view }, begun)))
    }
}
