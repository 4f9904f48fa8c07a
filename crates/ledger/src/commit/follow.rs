//! Following another writer. It took the slot that we wanted, or wrote while we rested. We apply its slots, to the last,
//! and propose the group again that lost its slot: it conflicts only if something that it read was changed.
//!
//! Publish only after the last foreign slot. An earlier slot may already be redacted in the journal
//! ([`crate::state`]), so a snapshot taken between would show a current document without its data.

use std::sync::Arc;

use everstrand_journal::Slot;

use super::event::{Action, Answer, Arrivals, refused, wait_after};
use super::foreign;
use super::future::BarrierReply;
use super::group::{Group, Next};
use super::{Committer, Following, Phase};
use crate::error::LedgerError;
use crate::occ::recent_writes::{RecentWrites, lock};
use crate::planted::planted;
use crate::storage::slots::SlotError;
use crate::storage::views::{ViewError, ViewSnapshot};

/// After so many reads that failed in a row, readers are answered that the store does not answer.
const FAILURES_BEFORE_ANSWER: u32 = 5;

impl Committer {
    /// Another writer has the slot of our group.
    pub(super) fn lost(&mut self, group: Group, stored: &Slot) -> Vec<Action> {
        let Arrivals { proposals, barriers, outcomes } = match group.into_arrivals() {
            Ok(arrivals) => arrivals,
            Err(error) => return self.fault(LedgerError::Internal(error.to_string())),
        };
        for proposal in proposals.into_iter().rev() {
            self.queue.push_front(proposal);
        }
        self.outcomes.extend(outcomes);
        let snapshot = Arc::clone(&self.snapshot);
        self.take_foreign(barriers, stored, &*snapshot.view)
    }

    /// Applies a slot of another writer on top of a view that ends with the slot before it.
    pub(super) fn take_foreign(
        &mut self,
        barriers: Vec<BarrierReply>,
        slot: &Slot,
        view: &dyn ViewSnapshot,
    ) -> Vec<Action> {
        let Next { state, batch } = match Next::after(&self.state, slot, view) {
            Ok(next) => next,
            Err(error) => return self.stop_following(barriers, error),
        };
        if !planted!("foreign-commit-not-noted") {
            let catalogs = (&self.state.head.catalog, &state.head.catalog);
            let tip = state.head.tip.block_no;
            if let Some(void) = slot.addition().and_then(|addition| addition.void.as_ref()) {
                lock(&self.recent).record_void(void.ids().iter().copied(), tip);
            }
            match foreign::footprint(slot, &batch, catalogs) {
                Some(footprint) => lock(&self.recent).record(tip, footprint),
                None => *lock(&self.recent) = RecentWrites::new(tip),
            }
        }
        self.state = state;
        self.phase = Phase::Following(Following { view: None, barriers, failures: 0 });
        vec![Action::WriteView { batch: Arc::new(batch), applied: self.state.head.applied() }]
    }

    /// The slot was written to the view, or the view failed.
    pub(super) fn follow(
        &mut self,
        mut following: Following,
        view: Result<Box<dyn ViewSnapshot>, ViewError>,
        now: i64,
    ) -> Vec<Action> {
        match view {
            Ok(view) => {
                following.view = Some(view);
                if planted!("foreign-slots-one-by-one") {
                    return self.arrive(following, now);
                }
                vec![self.look_further(following)]
            }
            Err(error) => self.stop_following(following.barriers, error.into()),
        }
    }

    /// Asks for the next slot.
    fn look_further(&mut self, following: Following) -> Action {
        self.phase = Phase::Following(following);
        Action::Read { slot: self.state.head.next_slot() }
    }

    /// The pause after a failed read is over.
    pub(super) fn look_again(&mut self, following: Following, is_closing: bool) -> Vec<Action> {
        if is_closing && following.failures >= FAILURES_BEFORE_ANSWER {
            let why = "the ledger was closed before the journal's store answered";
            return self.stop_following(following.barriers, LedgerError::Unavailable(why.to_owned()));
        }
        vec![self.look_further(following)]
    }

    /// Applies the next slot, or ends behind the last.
    pub(super) fn read_next(
        &mut self,
        mut following: Following,
        read: Result<Option<Vec<u8>>, SlotError>,
        now: i64,
    ) -> Vec<Action> {
        let error = match read.map(|bytes| bytes.map(Slot::decode)) {
            Ok(Some(Ok(slot))) => match following.view {
                Some(view) => return self.take_foreign(following.barriers, &slot, &*view),
                None => LedgerError::Internal("a slot was read before the one before it".to_owned()),
            },
            Ok(None) => return self.arrive(following, now),
            Ok(Some(Err(error))) => {
                LedgerError::Damaged(format!("slot {}: {error}", self.state.head.next_slot()))
            }
            Err(error) => {
                following.failures += 1;
                let error = LedgerError::from(error);
                if following.failures < self.unknown_outcome_attempts {
                    return self.pause(following, &error);
                }
                error
            }
        };
        self.stop_following(following.barriers, error)
    }

    /// Waits before the next slot is read again. After some failures, who waits is answered first.
    fn pause(&mut self, mut following: Following, error: &LedgerError) -> Vec<Action> {
        let mut actions = Vec::new();
        if following.failures >= FAILURES_BEFORE_ANSWER {
            let refusal = error.refusal();
            actions.extend(refused([], following.barriers.drain(..), &refusal).map(Action::Reply));
            actions.extend(self.refuse_waiting(&refusal));
        }
        actions.push(wait_after(following.failures));
        self.phase = Phase::Following(following);
        actions
    }

    /// That was the last slot: publishes the snapshot after it, answers the readers, and goes on with what waits.
    fn arrive(&mut self, following: Following, now: i64) -> Vec<Action> {
        self.look_for_redactions_again();
        let published = following.view.map(|view| self.publish(view, self.snapshot.build, now));
        let mut actions: Vec<Action> = published.into_iter().collect();
        // Nobody begins a transaction behind a seal: another ledger may have the name by now.
        let seal = self.state.head.seal().cloned();
        let sealed = || seal.clone().map_or(Ok(()), |seal| Err(LedgerError::Sealed(seal)));
        let done = |reply| Action::Reply(Answer::Barrier(reply, sealed()));
        actions.extend(following.barriers.into_iter().map(done));
        actions.extend(self.begin(now));
        actions
    }

    /// Fails the committer. Transactions go on reading the snapshot that was published before.
    pub(super) fn stop_following(&mut self, barriers: Vec<BarrierReply>, error: LedgerError) -> Vec<Action> {
        let mut actions: Vec<Action> = refused([], barriers, &error.refusal()).map(Action::Reply).collect();
        actions.extend(self.fault(error));
        actions
    }
}
