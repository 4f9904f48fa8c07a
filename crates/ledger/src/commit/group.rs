//! The proposals that go into one slot.
//!
//! Each is validated, gets its place in the chain and is applied to a copy of the state, all before the slot is
//! written. A block that cannot be applied is refused alone; its neighbours stay. So the journal never holds a
//! block that its replay would refuse.

use std::sync::{Arc, Mutex};

use everstrand_journal::{Addition, Draft, FormatError, Slot, UniqueId, Void, WriterId};
use everstrand_partiql::Charge;

use super::event::{Answer, Arrivals};
use super::future::{BarrierReply, CommitReply, Committed, Outcome, OutcomeReply};
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
    /// Transactions that the slot voids, and who asked what became of them.
    pub(super) voids: Vec<(UniqueId, OutcomeReply)>,
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
    /// Takes a group apart that is in the journal: what to record, what comes next, and the answers to all who wait.
    pub(super) fn into_committed(self) -> (RecentWrites, Next, Vec<Answer>) {
        let Group { members, barriers, voids, mut writes, next, .. } = self;
        writes.record_void(voids.iter().map(|(id, _)| *id), next.state.head.tip.block_no);
        let commits = members.into_iter().map(|member| Answer::Commit(member.reply, Ok(member.committed)));
        let readers = barriers.into_iter().map(|reply| Answer::Barrier(reply, Ok(())));
        let never = voids.into_iter().map(|(_, reply)| Answer::Outcome(reply, Ok(Outcome::Never)));
        (writes, next, commits.chain(readers).chain(never).collect())
    }

    /// Takes a group apart that another writer's slot kept from happening: its transactions can be proposed again, and
    /// its questions asked again.
    pub(super) fn into_arrivals(self) -> Result<Arrivals, FormatError> {
        let Group { slot, members, barriers, voids, writes, .. } = self;
        let parts = members.into_iter().zip(slot.blocks()).zip(writes.into_footprints());
        let proposals = parts.map(|((member, block), footprint)| {
            let Member { reply, mut committed, snapshot, reads, kept } = member;
            committed.block_address = None;
            let draft = Draft::of(block)?;
            Ok((Proposal { committed, snapshot, reads, footprint, draft, kept }, reply))
        });
        let proposals = proposals.collect::<Result<_, FormatError>>()?;
        Ok(Arrivals { proposals, barriers, outcomes: voids })
    }
}

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
        state.store(&mut changes);
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
        let valid = {
            let recent = lock(recent);
            recent.check_void(committed.transaction_id).and_then(|()| recent.validate(&reads, since, catalog))
        };
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
        voids: Vec<(UniqueId, OutcomeReply)>,
        now: i64,
    ) -> Result<Option<Group>, Box<Failed>> {
        let GroupBuilder { sealing, members, writes, mut next, mut changes, failed, .. } = self;
        if members.is_empty() && voids.is_empty() {
            return Ok(None);
        }
        let time = now.max(next.head.tip.timestamp);
        let seal = || -> Result<_, String> {
            failed.map_or(Ok(()), Err)?;
            let addition = match voids.is_empty() {
                true => None,
                false => Some(
                    Void::new(voids.iter().map(|(id, _)| *id), time).map_err(|error| error.to_string())?,
                ),
            };
            let addition = addition.map(|void| Addition { void: Some(void), ..Addition::default() });
            let slot = sealing.into_slot(writer, addition).map_err(|error| error.to_string())?;
            next.close_slot(&slot, &mut changes).map_err(str::to_owned)?;
            next.store(&mut changes);
            Ok((slot.encode().map_err(|error| error.to_string())?, slot))
        };
        let (bytes, slot) = match seal() {
            Ok(slot) => slot,
            Err(why) => return Err(Box::new(Failed { members, voids, error: refused(&why) })),
        };
        let next = Next { state: next, batch: changes.into_batch() };
        Ok(Some(Group {
            slot,
            bytes: Arc::new(bytes),
            members,
            barriers: Vec::new(),
            voids,
            writes,
            next,
            began: now,
            may_exist: false,
            attempts: 0,
        }))
    }
}

/// A group that could not be made, and who waits for it.
pub(super) struct Failed {
    pub(super) members: Vec<Member>,
    pub(super) voids: Vec<(UniqueId, OutcomeReply)>,
    pub(super) error: LedgerError,
}

fn refused(why: &str) -> LedgerError {
    LedgerError::Unavailable(format!("the block of the transaction cannot be applied: {why}"))
}
