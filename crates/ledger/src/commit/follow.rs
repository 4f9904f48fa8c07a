//! Following another writer. It took the slot that we wanted, so we apply its slots, to the last.
//!
//! Publish only after the last foreign slot. An earlier slot may already be redacted in the journal
//! ([`crate::state`]), so a snapshot taken between would show a current document without its data.

use std::sync::Arc;

use everstrand_journal::Slot;

use super::event::{Action, Answer, wait_after};
use super::group::Next;
use super::{Committer, Following, Phase};
use crate::error::LedgerError;
use crate::occ::recent_writes::{RecentWrites, lock};
use crate::planted::planted;
use crate::storage::slots::SlotError;
use crate::storage::views::{ViewError, ViewSnapshot};

impl Committer {
    /// Applies a slot of another writer on top of a view that ends with the slot before it.
    pub(super) fn take_foreign(
        &mut self,
        answers: Vec<Answer>,
        slot: &Slot,
        view: &dyn ViewSnapshot,
    ) -> Vec<Action> {
        let Next { state, batch } = match Next::after(&self.state, slot, view) {
            Ok(next) => next,
            Err(error) => return self.stop_following(answers, error),
        };
        // Another writer's footprint is not known, so every transaction with an older snapshot conflicts.
        if !planted!("foreign-commit-not-noted") {
            *lock(&self.recent) = RecentWrites::new(state.head.tip.block_no);
        }
        self.state = state;
        self.phase = Phase::Following(Following { view: None, answers, failures: 0 });
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
            Err(error) => self.stop_following(following.answers, error.into()),
        }
    }

    /// Asks for the next slot.
    pub(super) fn look_further(&mut self, following: Following) -> Action {
        self.phase = Phase::Following(following);
        Action::Read { slot: self.state.head.next_slot() }
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
                Some(view) => return self.take_foreign(following.answers, &slot, &*view),
                None => LedgerError::Internal("a slot was read before the one before it".to_owned()),
            },
            Ok(None) => return self.arrive(following, now),
            Ok(Some(Err(error))) => {
                LedgerError::Damaged(format!("slot {}: {error}", self.state.head.next_slot()))
            }
            Err(error) => {
                following.failures += 1;
                if following.failures < self.unknown_outcome_attempts {
                    let wait = wait_after(following.failures);
                    self.phase = Phase::Following(following);
                    return vec![wait];
                }
                error.into()
            }
        };
        self.stop_following(following.answers, error)
    }

    /// That was the last slot: publishes the snapshot after it, and answers the group that lost its slot.
    fn arrive(&mut self, following: Following, now: i64) -> Vec<Action> {
        let published = following.view.map(|view| self.publish(view, self.snapshot.build, now));
        let mut actions: Vec<Action> = published.into_iter().collect();
        actions.extend(following.answers.into_iter().map(|(reply, answer)| Action::Reply(reply, answer)));
        actions.extend(self.begin(now));
        actions
    }

    /// Fails the committer. Transactions go on reading the snapshot that was published before.
    fn stop_following(&mut self, answers: Vec<Answer>, error: LedgerError) -> Vec<Action> {
        let mut actions: Vec<Action> =
            answers.into_iter().map(|(reply, answer)| Action::Reply(reply, answer)).collect();
        actions.extend(self.fault(error));
        actions
    }
}
