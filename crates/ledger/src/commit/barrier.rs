//! Read barriers: a transaction of a journal that other processes write to shall see every commit that was acknowledged
//! before it began, by whatever process.
//!
//! The slot after the last one is read. If it is absent, nothing was committed that we have not applied. That read must
//! be sent after the reader arrived, so a read under way is never joined. If a group is about to be written, its slot
//! is the barrier: when that slot is ours, nobody else wrote one before it.

use std::sync::Arc;

use everstrand_journal::Slot;

use super::event::{Action, Answer, refused};
use super::future::BarrierReply;
use super::{Committer, Phase};
use crate::error::LedgerError;
use crate::storage::slots::SlotError;

impl Committer {
    /// Reads the next slot for the readers that wait.
    pub(super) fn confirm(&mut self) -> Option<Action> {
        if self.barriers.is_empty() {
            return None;
        }
        self.phase = Phase::Confirming(std::mem::take(&mut self.barriers));
        Some(Action::Read { slot: self.state.head.next_slot() })
    }

    /// The next slot was read.
    pub(super) fn confirmed(
        &mut self,
        barriers: Vec<BarrierReply>,
        read: Result<Option<Vec<u8>>, SlotError>,
        now: i64,
    ) -> Vec<Action> {
        let error = match read.map(|bytes| bytes.map(Slot::decode)) {
            Ok(None) => {
                self.look_for_redactions_again();
                let done = |reply| Action::Reply(Answer::Barrier(reply, Ok(())));
                let mut actions: Vec<Action> = barriers.into_iter().map(done).collect();
                actions.extend(self.begin(now));
                return actions;
            }
            Ok(Some(Ok(slot))) => {
                let snapshot = Arc::clone(&self.snapshot);
                return self.take_foreign(barriers, &slot, &*snapshot.view);
            }
            Ok(Some(Err(error))) => {
                let error = LedgerError::Damaged(format!("slot {}: {error}", self.state.head.next_slot()));
                return self.stop_following(barriers, error);
            }
            Err(error) => LedgerError::from(error).refusal(),
        };
        // Reading changes nothing, so the next reader may find the store well again.
        let mut actions: Vec<Action> = refused([], barriers, &error).map(Action::Reply).collect();
        actions.extend(self.begin(now));
        actions
    }
}
