//! The proposals that go into one slot. Each is validated, gets its place in the chain and is applied to a
//! copy of the state before anything reaches the journal: what cannot be applied is refused, and its
//! neighbours are not, so that a journal never holds what its replay would refuse.

use std::sync::{Arc, Mutex};

use everstrand_journal::{Slot, WriterId};

use super::future::{CommitReply, Committed};
use super::proposal::Proposal;
use super::seal::Sealing;
use crate::error::LedgerError;
use crate::occ::recent_writes::{RecentWrites, lock};
use crate::planted::planted;
use crate::state::State;
use crate::state::changes::Changes;
use crate::storage::views::{Batch, ViewSnapshot};

/// Transactions, and who waits for them.
pub(super) type Members = Vec<(CommitReply, Committed)>;

/// What is on its way to the journal.
pub(super) struct Group {
    pub(super) slot: Slot,
    pub(super) bytes: Arc<Vec<u8>>,
    pub(super) members: Members,
    /// What it changes, to be recorded when it has happened.
    pub(super) writes: RecentWrites,
    /// What is so when it has happened.
    pub(super) next: Next,
    /// Whether a create may have taken effect without our knowing.
    pub(super) may_exist: bool,
    pub(super) attempts: u32,
}

/// A state, and what makes the view before it a view of it.
pub(super) struct Next {
    pub(super) state: State,
    pub(super) batch: Batch,
}

impl Next {
    /// What follows from a slot.
    pub(super) fn after(state: &State, slot: &Slot, view: &dyn ViewSnapshot) -> Result<Next, LedgerError> {
        let (mut state, mut changes) = (state.clone(), Changes::new(view));
        state.apply_slot(slot, &mut changes)?;
        Ok(Next { state, batch: changes.into_batch() })
    }
}

/// A group as it grows.
pub(super) struct GroupBuilder<'a> {
    /// Before the group.
    state: &'a State,
    view: &'a dyn ViewSnapshot,
    sealing: Sealing<'a>,
    members: Members,
    writes: RecentWrites,
    /// After the blocks so far.
    next: State,
    changes: Changes<'a>,
    /// Why the group as a whole cannot be, if so.
    failed: Option<String>,
}

impl<'a> GroupBuilder<'a> {
    /// No members yet.
    pub(super) fn new(state: &'a State, view: &'a dyn ViewSnapshot) -> GroupBuilder<'a> {
        GroupBuilder {
            state,
            view,
            sealing: Sealing::new(&state.head),
            members: Vec::new(),
            writes: RecentWrites::default(),
            next: state.clone(),
            changes: Changes::new(view),
            failed: None,
        }
    }

    /// How many members there are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// How many bytes they have.
    pub(super) fn bytes(&self) -> usize {
        self.sealing.bytes()
    }

    /// Takes in a proposal, unless what it read was changed or what it changes does not fit the state.
    pub(super) fn add(
        &mut self,
        proposal: Proposal,
        reply: CommitReply,
        recent: &Mutex<RecentWrites>,
        now: i64,
    ) -> Result<(), (CommitReply, LedgerError)> {
        let Proposal { mut committed, snapshot, reads, footprint, draft } = proposal;
        let since = snapshot.head.tip.sequence_no;
        // Locked only while it is looked at: transactions that wrote nothing are validated by it, too.
        let valid = lock(recent).validate(&reads, since);
        let valid = valid.and_then(|()| match planted!("skip-group-validation") {
            true => Ok(()),
            false => self.writes.validate(&reads, since),
        });
        if let Err(conflict) = valid {
            return Err((reply, conflict));
        }
        let index_in_slot = self.sealing.blocks().len() as u64;
        let block = self.sealing.seal(draft, now);
        let address = block.address();
        if let Err(why) = self.next.apply_block(block, index_in_slot, &mut self.changes) {
            self.sealing.unseal();
            self.restart();
            return Err((reply, refused(&why)));
        }
        self.writes.record(address.sequence_no, footprint);
        committed.block_address = Some(address);
        self.members.push((reply, committed));
        Ok(())
    }

    /// Applies the blocks that are left to a new copy; they were applied before.
    fn restart(&mut self) {
        self.next = self.state.clone();
        self.changes = Changes::new(self.view);
        for (index_in_slot, block) in (0..).zip(self.sealing.blocks()) {
            let again = self.next.apply_block(block, index_in_slot, &mut self.changes);
            self.failed = self.failed.take().or(again.err());
        }
    }

    /// The group with its slot; `None` without members.
    pub(super) fn finish(self, writer: WriterId) -> Result<Option<Group>, (Members, LedgerError)> {
        let GroupBuilder { sealing, members, writes, mut next, mut changes, failed, .. } = self;
        if members.is_empty() {
            return Ok(None);
        }
        let seal = || -> Result<_, String> {
            failed.map_or(Ok(()), Err)?;
            let slot = sealing.into_slot(writer).map_err(|error| error.to_string())?;
            next.close_slot(&slot, &mut changes).map_err(str::to_owned)?;
            Ok((slot.encode().map_err(|error| error.to_string())?, slot))
        };
        let (bytes, slot) = match seal() {
            Ok(slot) => slot,
            Err(why) => return Err((members, refused(&why))),
        };
        let next = Next { state: next, batch: changes.into_batch() };
        Ok(Some(Group { slot, bytes: Arc::new(bytes), members, writes, next, may_exist: false, attempts: 0 }))
    }
}

fn refused(why: &str) -> LedgerError {
    LedgerError::Unavailable(format!("what the transaction changes cannot be applied: {why}"))
}
