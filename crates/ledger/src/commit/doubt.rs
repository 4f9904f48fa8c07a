//! A group whose slot may or may not be in the store.
//!
//! Its bytes are sent again until the store says whose the slot is. Meanwhile nothing else is written, so that the slot
//! holds this group or another writer's, never a third thing. Who waits is answered after a while; the trying goes on.

use super::event::{Action, refused, undecided, wait_after};
use super::group::Group;
use super::{Committer, Phase};
use crate::error::LedgerError;

/// After this time in doubt, those who wait are answered that nobody knows. The sockets of drivers give up later.
const ANSWER_MILLIS: i64 = 20_000;

/// A ledger that is being closed gives up after so many attempts.
const ATTEMPTS_WHILE_CLOSING: u32 = 5;

impl Committer {
    /// Sends the same bytes again after a pause, or gives up after some attempts.
    pub(super) fn doubt(&mut self, mut group: Group, why: &str, now: i64) -> Vec<Action> {
        if group.attempts >= self.unknown_outcome_attempts {
            let error = LedgerError::Unavailable(format!("the last commit's outcome is unknown: {why}"));
            return self.give_up_group(group, why, error);
        }
        let mut actions = Vec::new();
        if now.saturating_sub(group.began) >= ANSWER_MILLIS {
            let unknown = LedgerError::OutcomeUnknown(why.to_owned());
            let members = group.members.drain(..).map(|member| member.reply);
            actions.extend(refused(members, [], &unknown).map(Action::Reply));
            let refusal = LedgerError::Unavailable(format!("the journal's store does not answer: {why}"));
            actions.extend(refused([], group.barriers.drain(..), &refusal).map(Action::Reply));
            actions.extend(undecided(group.voids.drain(..), &refusal).map(Action::Reply));
            actions.extend(self.refuse_waiting(&refusal));
        }
        actions.push(wait_after(group.attempts));
        self.phase = Phase::Waiting(group);
        actions
    }

    /// The pause is over.
    pub(super) fn try_again(&mut self, group: Group, is_closing: bool) -> Vec<Action> {
        if is_closing && group.attempts >= ATTEMPTS_WHILE_CLOSING {
            let why = "the ledger was closed before the journal's store answered";
            return self.give_up_group(group, why, LedgerError::Unavailable(why.to_owned()));
        }
        vec![self.create(group)]
    }

    /// Answers the group that nobody knows what became of it, and takes no more writes.
    pub(super) fn give_up_group(&mut self, group: Group, why: &str, error: LedgerError) -> Vec<Action> {
        let unknown = LedgerError::OutcomeUnknown(why.to_owned());
        let members = group.members.into_iter().map(|member| member.reply);
        let mut actions: Vec<Action> = refused(members, [], &unknown).map(Action::Reply).collect();
        let refusal = error.refusal();
        actions.extend(refused([], group.barriers, &refusal).map(Action::Reply));
        actions.extend(undecided(group.voids, &refusal).map(Action::Reply));
        actions.extend(self.fault(error));
        actions
    }
}
