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

/// What has happened.
pub(crate) enum Event {
    /// Proposals arrived.
    Proposed(Vec<(Proposal, CommitReply)>),
    /// [`Action::Create`] was done.
    Created(Result<Created, SlotError>),
    /// [`Action::Read`] was done.
    Read(Result<Option<Vec<u8>>, SlotError>),
    /// [`Action::WriteView`] was done, and a snapshot was taken.
    ViewWritten(Result<Box<dyn ViewSnapshot>, ViewError>),
    /// [`Action::Wait`] is over.
    Waited,
    /// [`Action::Redact`] was done.
    Redacted(Result<(), LedgerError>),
    /// There is time for work in the background.
    Idle,
    /// The view was built anew, of all of the journal.
    Rebuilt(Box<RebuiltView>),
}

/// What is to be done.
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
    /// Commit the batch to the view and take a snapshot.
    WriteView {
        /// The changes.
        batch: Arc<Batch>,
        /// The slot they come from.
        applied: Applied,
    },
    /// Write a slot anew without the data of a revision.
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
    /// The view refuses what it led transactions to write: it is not to be trusted.
    DistrustView(String),
    /// Come back after a while.
    Wait {
        /// How long.
        millis: u64,
    },
    /// Take no more writes.
    Fault(LedgerError),
    /// Keep what is derived here from now on, and take writes again.
    Adopt(Arc<dyn ViewStore>),
}

/// A commit, and what it is told when the view has caught up.
pub(super) type Answer = (CommitReply, Result<Committed, LedgerError>);

/// A pause that is longer after each failure.
pub(super) fn wait_after(failures: u32) -> Action {
    Action::Wait { millis: 50 << failures.min(5) }
}

/// The same answer for all of them.
pub(super) fn replies(members: Vec<(CommitReply, Committed)>, error: &LedgerError) -> Vec<Action> {
    members.into_iter().map(|(reply, _)| Action::Reply(reply, Err(error.clone()))).collect()
}
