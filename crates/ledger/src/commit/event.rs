//! What the committer is told, and what it asks for.

use std::sync::Arc;

use everstrand_journal::UniqueId;

use super::future::{BarrierReply, CommitReply, Committed, Outcome, OutcomeReply};
use super::proposal::Proposal;
use super::rebuild::RebuiltView;
use crate::error::LedgerError;
use crate::state::snapshot::Snapshot;
use crate::storage::slots::{Created, SlotError};
use crate::storage::views::{Applied, Batch, ViewError, ViewSnapshot, ViewStore};

/// What the worker tells the committer.
pub(crate) enum Event {
    /// Proposals or readers arrived.
    Arrived(Arrivals),
    /// The result of [`Action::Create`].
    Created(Result<Created, SlotError>),
    /// The result of [`Action::Read`].
    Read(Result<Option<Vec<u8>>, SlotError>),
    /// The result of [`Action::WriteView`]: a snapshot with the batch.
    ViewWritten(Result<Box<dyn ViewSnapshot>, ViewError>),
    /// [`Action::Wait`] is over.
    Waited {
        /// Whether the ledger is being closed, so that nothing is tried for ever.
        is_closing: bool,
    },
    /// The result of [`Action::Redact`].
    Redacted(Result<(), LedgerError>),
    /// No proposal waits: there is time for work in the background.
    Idle,
    /// Another view was built of the whole journal.
    Rebuilt(Box<RebuiltView>),
}

/// What waits for the committer.
#[derive(Default)]
pub(crate) struct Arrivals {
    /// Transactions that ask to be committed.
    pub(crate) proposals: Vec<(Proposal, CommitReply)>,
    /// Readers that ask to see all that was committed anywhere before they arrived.
    pub(crate) barriers: Vec<BarrierReply>,
    /// Transactions whose outcome somebody wants to know.
    pub(crate) outcomes: Vec<(UniqueId, OutcomeReply)>,
}

/// What the committer wants done.
pub(crate) enum Action {
    /// Create the slot.
    Create {
        /// Which.
        slot: u64,
        /// Its bytes.
        bytes: Arc<Vec<u8>>,
    },
    /// Read the slot.
    Read {
        /// Which.
        slot: u64,
    },
    /// Write the batch to the view and take a snapshot.
    WriteView {
        /// The changes.
        batch: Arc<Batch>,
        /// The slot they come from.
        applied: Applied,
    },
    /// Write the slot of a block again without the data of a revision.
    Redact {
        /// The block of the revision.
        block: u64,
        /// Its document.
        document_id: UniqueId,
    },
    /// Let transactions start from this snapshot.
    Publish(Arc<Snapshot>),
    /// Answer a commit or a read barrier.
    Reply(Answer),
    /// Mark the view as failed: a block that was made of its content cannot be applied to it.
    DistrustView(String),
    /// Wait, then send [`Event::Waited`].
    Wait {
        /// How long.
        millis: u64,
    },
    /// Take no more writes, for this reason.
    Fault(LedgerError),
    /// Use this view store from now on, and take writes again.
    Adopt(Arc<dyn ViewStore>),
}

/// Who waits, and the answer.
pub(crate) enum Answer {
    /// Of a commit.
    Commit(CommitReply, Result<Committed, LedgerError>),
    /// Of a read barrier.
    Barrier(BarrierReply, Result<(), LedgerError>),
    /// Of the question what became of a transaction.
    Outcome(OutcomeReply, Result<Outcome, LedgerError>),
}

impl Answer {
    /// Answers, if anybody still waits.
    pub(super) fn send(self) {
        match self {
            Answer::Commit(reply, answer) => reply.send(answer),
            Answer::Barrier(reply, answer) => reply.send(answer),
            Answer::Outcome(reply, answer) => reply.send(answer),
        }
    }
}

impl Arrivals {
    /// Whether nothing arrived.
    pub(super) fn is_empty(&self) -> bool {
        self.proposals.is_empty() && self.barriers.is_empty() && self.outcomes.is_empty()
    }

    /// The same error for all of them.
    pub(super) fn refused(self, error: &LedgerError) -> impl Iterator<Item = Answer> {
        let commits = self.proposals.into_iter().map(|(_, reply)| reply);
        refused(commits, self.barriers, error).chain(undecided(self.outcomes, error))
    }
}

/// The same error for all of them.
pub(super) fn refused(
    commits: impl IntoIterator<Item = CommitReply>,
    barriers: impl IntoIterator<Item = BarrierReply>,
    error: &LedgerError,
) -> impl Iterator<Item = Answer> {
    let commits = commits.into_iter().map(|reply| Answer::Commit(reply, Err(error.clone())));
    commits.chain(barriers.into_iter().map(|reply| Answer::Barrier(reply, Err(error.clone()))))
}

/// The same error for all who asked for an outcome.
pub(super) fn undecided(
    outcomes: impl IntoIterator<Item = (UniqueId, OutcomeReply)>,
    error: &LedgerError,
) -> impl Iterator<Item = Answer> {
    outcomes.into_iter().map(|(_, reply)| Answer::Outcome(reply, Err(error.clone())))
}

/// A pause that is longer after each failure.
pub(super) fn wait_after(failures: u32) -> Action {
    Action::Wait { millis: 50 << failures.min(5) }
}
