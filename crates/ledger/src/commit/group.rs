//! The proposals that go into one slot.
//!
//! Each is validated, gets its place in the chain and is applied to a copy of the state, all before the slot is
//! written. A block that cannot be applied is refused alone; its neighbours stay. So the journal never holds a
//! block that its replay would refuse.

use std::sync::{Arc, Mutex};

use everstrand_journal::{Draft, FormatError, Slot, WriterId};
use everstrand_partiql::Charge;

use super::event::Answer;
use super::future::{BarrierReply, CommitReply, Committed};
use super::proposal::Proposal;
use super::seal::Sealing;
use crate::error::LedgerError;
use crate::occ::read_set::ReadSet;
use crate::occ::recent_writes::{RecentWrites, lock};
use crate::planted::planted;
use crate::state::State;
use crate::state::changes::Changes;
use crate::state::snapshot::Snapshot;
use crate::storage::views::{Batch, ViewSnapshot};

/// A transaction of a group, and who waits for it. Its block is in the slot, and its footprint among the writes.
pub(super) struct Member {
    pub(super) reply: CommitReply,
    committed: Committed,
    snapshot: Arc<Snapshot>,
    reads: ReadSet,
    kept: Charge,
}

/// A group that is sealed into its slot.
pub(super) struct Group {
    pub(super) slot: Slot,
    pub(super) bytes: Arc<Vec<u8>>,
    pub(super) members: Vec<Member>,
    /// Read barriers that arrived before the slot was first sent. When the slot is ours, they have seen all before it.
    pub(super) barriers: Vec<BarrierReply>,
    /// What its blocks change, to be recorded when the slot is written.
    pub(super) writes: RecentWrites,
    /// The state and the view's changes after the slot.
    pub(super) next: Next,
    /// When the slot was first sent.
    pub(super) began: i64,
    /// Whether an earlier create may have written the slot although it failed.
    pub(super) may_exist: bool,
    pub(super) attempts: u32,
}

impl Group {
    /// Answers its members that they are committed, and its readers.
    pub(super) fn committed(members: Vec<Member>, barriers: Vec<BarrierReply>) -> Vec<Answer> {
        let commits = members.into_iter().map(|member| Answer::Commit(member.reply, Ok(member.committed)));
        commits.chain(barriers.into_iter().map(|reply| Answer::Barrier(reply, Ok(())))).collect()
    }

    /// Takes a group apart that another writer's slot kept from happening: its transactions can be proposed again.
    pub(super) fn into_proposals(self) -> Result<(Proposals, Vec<BarrierReply>), FormatError> {
        let Group { slot, members, barriers, writes, .. } = self;
        let parts = members.into_iter().zip(slot.blocks()).zip(writes.into_footprints());
        let proposals = parts.map(|((member, block), footprint)| {
            let Member { reply, mut committed, snapshot, reads, kept } = member;
            committed.block_address = None;
            let draft = Draft::of(block)?;
            Ok((Proposal { committed, snapshot, reads, footprint, draft, kept }, reply))
        });
        Ok((proposals.collect::<Result<_, FormatError>>()?, barriers))
    }
}

/// Proposals in order, each with who waits for it.
pub(super) type Proposals = Vec<(Proposal, CommitReply)>;

/// The state after a slot, and the batch that brings the view there.
pub(super) struct Next {
    pub(super) state: State,
    pub(super) batch: Batch,
}

impl Next {
    /// Applies a slot to a copy of a state.
    pub(super) fn after(state: &State, slot: &Slot, view: &dyn ViewSnapshot) -> Result<Next, LedgerError> {
        let (mut state, mut changes) = (state.clone(), Changes::new(view));
        state.apply_slot(slot, &mut changes)?;
        Ok(Next { state, batch: changes.into_batch() })
    }
}

/// A group that takes proposals.
pub(super) struct GroupBuilder<'a> {
    /// The state before the group.
    state: &'a State,
    view: &'a dyn ViewSnapshot,
    sealing: Sealing<'a>,
    members: Vec<Member>,
    writes: RecentWrites,
    /// The state after the blocks so far.
    next: State,
    changes: Changes<'a>,
    /// Why the whole group fails, if it does.
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

    /// Adds a proposal, unless something that it read was changed, or its block cannot be applied.
    pub(super) fn add(
        &mut self,
        proposal: Proposal,
        reply: CommitReply,
        recent: &Mutex<RecentWrites>,
        now: i64,
    ) -> Result<(), (CommitReply, LedgerError)> {
        let Proposal { mut committed, snapshot, reads, footprint, draft, kept } = proposal;
        let (since, catalog) = (snapshot.head.tip.block_no, &snapshot.head.catalog);
        // Locked for a moment only, because transactions that only read are validated under the same lock.
        let valid = lock(recent).validate(&reads, since, catalog);
        let valid = valid.and_then(|()| match planted!("skip-group-validation") {
            true => Ok(()),
            false => self.writes.validate(&reads, since, catalog),
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
        self.members.push(Member { reply, committed, snapshot, reads, kept });
        Ok(())
    }

    /// Applies the blocks that are left to a new copy, because the failed one may have left half of its changes.
    fn restart(&mut self) {
        self.next = self.state.clone();
        self.changes = Changes::new(self.view);
        for (index_in_slot, block) in (0..).zip(self.sealing.blocks()) {
            let again = self.next.apply_block(block, index_in_slot, &mut self.changes);
            self.failed = self.failed.take().or(again.err());
        }
    }

    /// Seals the slot; `None` where no proposal was added.
    pub(super) fn finish(
        self,
        writer: WriterId,
        now: i64,
    ) -> Result<Option<Group>, (Vec<Member>, LedgerError)> {
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
        Ok(Some(Group {
            slot,
            bytes: Arc::new(bytes),
            members,
            barriers: Vec::new(),
            writes,
            next,
            began: now,
            may_exist: false,
            attempts: 0,
        }))
    }
}

fn refused(why: &str) -> LedgerError {
    LedgerError::Unavailable(format!("the block of the transaction cannot be applied: {why}"))
}
