//! One open ledger as its sessions, transactions and subscriptions hold it.

use std::sync::Arc;

use everstrand_journal::UniqueId;

use crate::commit::future::{BarrierFuture, CommitReply, OutcomeFuture, pair};
use crate::commit::proposal::Proposal;
use crate::commit::queue::CommitQueue;
use crate::core::Core;
use crate::error::LedgerError;
use crate::planted::planted;
use crate::state::snapshot::Snapshot;

/// Holds a ledger open: the last one dropped closes it. The committing thread holds none.
pub(crate) struct Handle {
    queue: Arc<CommitQueue>,
}

impl Handle {
    pub(crate) fn new(queue: Arc<CommitQueue>) -> Handle {
        Handle { queue }
    }

    /// What the parts of the ledger share.
    pub(crate) fn core(&self) -> &Core {
        self.queue.core()
    }

    /// Puts a proposal into the queue.
    pub(crate) fn submit(&self, proposal: Proposal, reply: CommitReply) {
        self.queue.submit(proposal, reply);
    }

    /// A read barrier. Where no other process writes to the journal, the published snapshot has everything already.
    pub(crate) fn read_barrier(&self) -> BarrierFuture {
        if !self.core().options.is_shared || planted!("no-read-barrier") {
            return BarrierFuture::ready(Ok(()));
        }
        let (reply, future) = pair();
        self.queue.confirm(reply);
        future
    }

    /// What became of a transaction.
    pub(crate) fn outcome(&self, id: UniqueId) -> OutcomeFuture {
        let (reply, future) = pair();
        self.queue.decide(id, reply);
        future
    }

    /// Does the next thing for a ledger without a committing thread.
    pub(crate) fn advance(&self) -> Option<u64> {
        self.queue.advance()
    }

    /// Finishes the commits under way, refuses further ones and saves the view.
    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// Passes on the result of reading a snapshot. If the view failed, another one is built.
    pub(crate) fn rebuild_if_view_failed<T>(
        &self,
        snapshot: &Snapshot,
        result: Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        // If the snapshot is of an earlier build, its view was replaced already.
        if let Err(LedgerError::View(why)) = &result
            && snapshot.build == self.core().snapshot().build
            && self.core().distrust_view(why)
        {
            self.queue.wake();
        }
        result
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.close();
    }
}
