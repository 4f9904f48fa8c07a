//! Building another view of the journal, because the present one failed or its files may hold redacted data.
//!
//! The other view is built beside the present one, in parts between commits, and then takes its place. Reads go on
//! from the present one, because what it answers is right. Commits go on too, unless the view refused one of
//! them; then they are refused until the other view is there.

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

/// The pause after the first attempt that failed, in milliseconds. It doubles with each further failure.
const FIRST_PAUSE: u64 = 500;

/// The longest pause after an attempt that failed.
const LONGEST_PAUSE: u64 = 30_000;

/// The shortest pause after an attempt that succeeded; the pause is also never shorter than the attempt. A view
/// that fails again soon would otherwise have the journal read again and again.
const REST: u64 = 10_000;

/// Decides when another view is built, and builds it.
#[derive(Default)]
pub(super) struct Rebuilder {
    under_way: Option<ViewRebuild>,
    /// How many attempts have failed since the last that succeeded.
    failed: u32,
    /// The earliest time of the next attempt, on the monotonic clock.
    not_before: u64,
    /// The store has no room for a second view.
    impossible: bool,
}

struct ViewRebuild {
    views: Arc<dyn ViewStore>,
    state: State,
    /// Slots that were read but not applied yet.
    ahead: IntoIter<Slot>,
    /// When it began, on the monotonic clock.
    begun: u64,
}

/// Another view, of the whole journal.
pub(crate) struct RebuiltView {
    pub(crate) views: Arc<dyn ViewStore>,
    pub(crate) state: State,
    pub(crate) view: Box<dyn ViewSnapshot>,
}

impl Rebuilder {
    /// In how many milliseconds the next part may be done; `None` for never.
    pub(super) fn due(&self, now: u64) -> Option<u64> {
        (!self.impossible).then(|| self.not_before.saturating_sub(now))
    }

    /// Does the next part. Answers the view when it holds all slots before `end`, which the committer has applied. Another
    /// process may have written more.
    pub(super) fn part(&mut self, core: &Core, end: u64) -> Option<RebuiltView> {
        let now = core.environment.clock.monotonic_millis();
        match self.try_part(core, end, now) {
            Ok(None) => None,
            Ok(Some((built, begun))) => {
                let took = now.saturating_sub(begun);
                tracing::info!(strand_id = %core.strand_id, millis = took, "another view is in use, built from the journal");
                *self = Rebuilder { not_before: now + took.max(REST), ..Rebuilder::default() };
                Some(built)
            }
            Err(error) => {
                tracing::warn!(strand_id = %core.strand_id, %error, "another view could not be built yet");
                if let Some(under_way) = self.under_way.take() {
                    under_way.views.discard();
                }
                self.not_before = now + (FIRST_PAUSE << self.failed.min(10)).min(LONGEST_PAUSE);
                self.failed += 1;
                None
            }
        }
    }

    fn try_part(
        &mut self,
        core: &Core,
        end: u64,
        now: u64,
    ) -> Result<Option<(RebuiltView, u64)>, LedgerError> {
        let Some(under_way) = &mut self.under_way else {
            match core.views().fresh()? {
                None => self.impossible = true,
                Some(views) => {
                    tracing::info!(strand_id = %core.strand_id, "another view is being built from the journal");
                    let (state, ahead) = (State::empty(core.strand_id), Vec::new().into_iter());
                    self.under_way = Some(ViewRebuild { views, state, ahead, begun: now });
                }
            }
            return Ok(None);
        };
        let ViewRebuild { views, state, ahead, .. } = under_way;
        let next = |number| {
            if number >= end {
                return Ok(None);
            }
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
