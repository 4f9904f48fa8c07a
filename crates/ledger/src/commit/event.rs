//! What the committer is told, and what it asks for.

use std::sync::Arc;

use everstrand_journal::UniqueId;

use super::future::{CommitReply, Committed};
use super::proposal::Proposal;
use super::rebuild::RebuiltView;
use crate::error::LedgerError;
use crate::state::snapshot::Snapshot;
use crate::storage::slots::{Created, SlotError};
use crate::storage::views::{Applied, Batch, ViewError, ViewSnapshot, ViewStore};

/// What the worker tells the committer.
pub(crate) enum Event {
    /// Proposals arrived.
    Proposed(Vec<(Proposal, CommitReply)>),
    /// The result of [`Action::Create`].
    Created(Result<Created, SlotError>),
    /// The result of [`Action::Read`].
    Read(Result<Option<Vec<u8>>, SlotError>),
    /// The result of [`Action::WriteView`]: a snapshot with the batch.
    ViewWritten(Result<Box<dyn ViewSnapshot>, ViewError>),
    /// [`Action::Wait`] is over.
    Waited,
    /// The result of [`Action::Redact`].
    Redacted(Result<(), LedgerError>),
    /// No proposal waits: there is time for work in the background.
    Idle,
    /// Another view was built of the whole journal.
    Rebuilt(Box<RebuiltView>),
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
    /// Answer a commit.
    Reply(CommitReply, Result<Committed, LedgerError>),
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

/// A commit, and its answer, which is sent when the view shows it.
pub(super) type Answer = (CommitReply, Result<Committed, LedgerError>);

/// A pause that is longer after each failure.
pub(super) fn wait_after(failures: u32) -> Action {
    Action::Wait { millis: 50 << failures.min(5) }
}

/// The same answer for all of them.
pub(super) fn replies(members: Vec<(CommitReply, Committed)>, error: &LedgerError) -> Vec<Action> {
    members.into_iter().map(|(reply, _)| Action::Reply(reply, Err(error.clone()))).collect()
}
