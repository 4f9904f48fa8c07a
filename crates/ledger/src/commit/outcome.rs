//! What became of a transaction: asked by whoever does not know it, because its server died or its answer was lost.
//!
//! A transaction that is in the view was committed. Of any other the answer *never* is true only if nobody can commit it
//! later. Where other processes write to the journal, a slot says that the transaction is void, and every committer that
//! has it obeys that slot. Where none does, this committer remembers it.

use everstrand_journal::{UniqueId, Void};

use super::event::{Action, Answer};
use super::future::{Outcome, OutcomeReply};
use super::{Committer, Phase};
use crate::error::LedgerError;
use crate::occ::recent_writes::lock;
use crate::planted::planted;
use crate::state::keys;
use crate::storage::views::{Keyspace, ViewSnapshot};

impl Committer {
    /// Answers the questions that can be answered, and takes those out whose transaction a slot has to void. A transaction
    /// that waits to be committed is asked for again behind its group.
    pub(super) fn decide(&mut self, actions: &mut Vec<Action>) -> Vec<(UniqueId, OutcomeReply)> {
        debug_assert!(matches!(self.phase, Phase::Ready));
        let mut voids = Vec::new();
        for (id, reply) in std::mem::take(&mut self.outcomes) {
            let waits = self.queue.iter().any(|(proposal, _)| proposal.committed.transaction_id == id);
            let is_asked_twice = voids.iter().any(|(other, _)| *other == id);
            if waits || is_asked_twice || voids.len() == Void::IDS_MAX {
                self.outcomes.push((id, reply));
                continue;
            }
            match (outcome_in(&*self.snapshot.view, id), &self.follows) {
                (Ok(None), Some(why)) => {
                    let undecided = LedgerError::OutcomeUnknown(why.clone());
                    actions.push(Action::Reply(Answer::Outcome(reply, Err(undecided))));
                }
                (Ok(None), _) if self.is_shared && !planted!("absent-means-never") => voids.push((id, reply)),
                (Ok(None), _) => {
                    lock(&self.recent).record_void([id], self.state.head.tip.block_no);
                    actions.push(Action::Reply(Answer::Outcome(reply, Ok(Outcome::Never))));
                }
                (Ok(Some(outcome)), _) => actions.push(Action::Reply(Answer::Outcome(reply, Ok(outcome)))),
                (Err(error), _) => actions.push(Action::Reply(Answer::Outcome(reply, Err(error)))),
            }
        }
        voids
    }
}

/// What a view knows of a transaction.
pub(crate) fn outcome_in(view: &dyn ViewSnapshot, id: UniqueId) -> Result<Option<Outcome>, LedgerError> {
    if let Some(block) = view.get(Keyspace::Blocks, &keys::transaction(id))? {
        let block =
            block.try_into().map_err(|_| LedgerError::View("a block number is damaged".to_owned()))?;
        return Ok(Some(Outcome::Committed { block: u64::from_be_bytes(block) }));
    }
    Ok(view.get(Keyspace::Blocks, &keys::void(id))?.map(|_| Outcome::Never))
}
