//! The committer: orders proposals, seals them into slots, and writes what they change to the view.
//!
//! It is a state machine without thread, clock or disk. [`Committer::on`] takes an event and answers actions. The
//! worker does the actions in order and reports each result as the next event. At most one slot is on its way to
//! the journal. The proposals that arrive meanwhile become the next group.
//!
//! ```text
//!          proposals                Won                        view written
//! Ready ────────────▶ Creating ────────────▶ WritingView ─────────────────▶ Ready
//!                       │   ▲                   ▲
//!                Exists │   │ absent:           │ it is ours
//!                       ▼   │ same bytes        │
//!                      Reading ─────────────────┘
//!                       │ it is another writer's: our group has not happened
//!                       ▼
//!                   Following  applies the other writer's slots to the last, then proposes the group again
//! ```
//!
//! A reader of a journal that other processes write to asks for a read barrier ([`barrier`]).
//!
//! While the outcome of a create is unknown, the committer sends only the same bytes again, because then the slot
//! holds either this group or another writer's, never a third thing. If that does not settle it, the ledger takes
//! no more writes, and the next opening reads what happened.
//!
//! A group is applied to a copy of the state before its slot is sent ([`group`]). If the view refuses a batch that
//! the journal has, the ledger takes no more writes either. Transactions then read the last view with the batch
//! over it, until another view is built ([`rebuild`]).

mod barrier;
mod doubt;
mod event;
mod follow;
mod foreign;
pub(crate) mod future;
mod group;
mod live_snapshots;
pub(crate) mod outcome;
pub(crate) mod proposal;
pub(crate) mod queue;
mod rebuild;
pub(crate) mod seal;
mod worker;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use everstrand_journal::{Slot, UniqueId, WriterId};

use self::event::{Action, Answer, Arrivals, Event, refused, undecided};
use self::future::{BarrierReply, CommitReply, OutcomeReply};
use self::group::{Failed, Group, GroupBuilder, Next};
use self::live_snapshots::LiveSnapshots;
use self::proposal::Proposal;
use self::rebuild::RebuiltView;
use crate::error::LedgerError;
use crate::limits::LedgerOptions;
use crate::occ::recent_writes::{RecentWrites, lock};
use crate::planted::planted;
use crate::state::PendingRedaction;
use crate::state::State;
use crate::state::changes::Changes;
use crate::state::overlay::overlay;
use crate::state::snapshot::Snapshot;
use crate::storage::slots::{Created, SlotError};
use crate::storage::views::{Batch, Keyspace, ViewError, ViewSnapshot};

/// Decides what becomes of proposals.
pub(crate) struct Committer {
    state: State,
    /// The last published snapshot. It shows the same block as `state`, except while a batch is written to the view.
    snapshot: Arc<Snapshot>,
    /// Published snapshots that a transaction may still read.
    live_snapshots: LiveSnapshots,
    recent: Arc<Mutex<RecentWrites>>,
    queue: VecDeque<(Proposal, CommitReply)>,
    /// Readers that wait for a barrier that was not sent yet.
    barriers: Vec<BarrierReply>,
    /// Questions what became of a transaction.
    outcomes: Vec<(UniqueId, OutcomeReply)>,
    phase: Phase,
    writer: UniqueId,
    /// How many slots this opening of the ledger has tried to create.
    attempt: u64,
    group_bytes: usize,
    group_transactions: usize,
    unknown_outcome_attempts: u32,
    redaction_failed: bool,
    /// Whether other processes write to the journal.
    is_shared: bool,
    /// Why nothing is written into the journal's store, if so.
    follows: Option<String>,
}

enum Phase {
    Ready,
    /// The slot of the group was sent to the store.
    Creating(Group),
    /// The slot exists and is being read, because only its content tells whose it is.
    Reading(Group),
    /// The worker waits before it sends the same bytes again.
    Waiting(Group),
    /// The batch is being written to the view. The answers follow when that is done.
    WritingView(Arc<Batch>, Vec<Answer>),
    /// Another writer's slots are being applied.
    Following(Following),
    /// The slot after the last one is being read for these readers.
    Confirming(Vec<BarrierReply>),
    /// A slot is being written again without the data of this revision.
    Redacting(PendingRedaction),
    Faulted(LedgerError),
}

/// How far another writer's slots were applied.
struct Following {
    /// The view after the last slot that was written to it.
    view: Option<Box<dyn ViewSnapshot>>,
    /// Readers that arrived before these slots were looked for.
    barriers: Vec<BarrierReply>,
    /// How often reading the next slot has failed.
    failures: u32,
}

impl Committer {
    pub(crate) fn new(
        state: State,
        snapshot: Arc<Snapshot>,
        recent: Arc<Mutex<RecentWrites>>,
        writer: UniqueId,
        options: &LedgerOptions,
    ) -> Committer {
        Committer {
            live_snapshots: LiveSnapshots::new(&snapshot, options.limits.transaction_millis),
            state,
            snapshot,
            recent,
            queue: VecDeque::new(),
            barriers: Vec::new(),
            outcomes: Vec::new(),
            phase: Phase::Ready,
            writer,
            attempt: 0,
            group_bytes: options.group_bytes,
            group_transactions: options.group_transactions,
            unknown_outcome_attempts: options.unknown_outcome_attempts,
            redaction_failed: false,
            is_shared: options.is_shared,
            follows: options.follows.clone(),
        }
    }

    /// Takes an event that happened at `now`, and answers what is to be done.
    pub(crate) fn on(&mut self, event: Event, now: i64) -> Vec<Action> {
        let phase = std::mem::replace(&mut self.phase, Phase::Ready);
        match (event, phase) {
            (Event::Arrived(arrivals), Phase::Faulted(error)) => {
                let refusal = error.refusal();
                self.phase = Phase::Faulted(error);
                arrivals.refused(&refusal).map(Action::Reply).collect()
            }
            (Event::Arrived(Arrivals { proposals, barriers, outcomes }), phase) => {
                self.queue.extend(proposals);
                self.barriers.extend(barriers);
                self.outcomes.extend(outcomes);
                self.phase = phase;
                self.begin(now)
            }
            (Event::Created(created), Phase::Creating(group)) => self.created(group, created, now),
            (Event::Read(read), Phase::Reading(group)) => self.read(group, read, now),
            (Event::Read(read), Phase::Following(following)) => self.read_next(following, read, now),
            (Event::Read(read), Phase::Confirming(barriers)) => self.confirmed(barriers, read, now),
            (Event::ViewWritten(applied), Phase::WritingView(batch, answers)) => {
                self.view_written(&batch, answers, applied, now)
            }
            (Event::ViewWritten(applied), Phase::Following(following)) => {
                self.follow(following, applied, now)
            }
            (Event::Waited { is_closing }, Phase::Waiting(group)) => self.try_again(group, is_closing),
            (Event::Waited { is_closing }, Phase::Following(following)) => {
                self.look_again(following, is_closing)
            }
            (Event::Idle, Phase::Ready) => self.work_in_background(),
            (Event::Rebuilt(built), Phase::Ready | Phase::Faulted(LedgerError::View(_))) => {
                self.rebuilt(*built, now)
            }
            (Event::Redacted(redacted), Phase::Redacting(pending)) => self.redacted(pending, redacted, now),
            // A report that this phase does not wait for would be a mistake of the worker's. Nothing follows from it.
            (_, phase) => {
                self.phase = phase;
                Vec::new()
            }
        }
    }

    /// Whether an index is being built or the journal lacks a redaction.
    pub(crate) fn has_background_work(&self) -> bool {
        let redacts = !self.state.redactions.is_empty() && !self.redaction_failed;
        !matches!(self.phase, Phase::Faulted(_)) && (redacts || self.state.has_index_work())
    }

    /// The slot after the last one that was applied.
    pub(crate) fn next_slot(&self) -> u64 {
        self.state.head.next_slot()
    }

    /// Whether the view held data that are gone from the journal by now.
    pub(crate) fn view_held_redacted(&self) -> bool {
        self.state.held_redacted && self.state.redactions.is_empty()
    }

    /// Makes a group of what waits, if nothing is on its way. Where only readers wait, reads for them.
    fn begin(&mut self, now: i64) -> Vec<Action> {
        let mut actions = Vec::new();
        if !matches!(self.phase, Phase::Ready) {
            return actions;
        }
        if let Some(seal) = self.state.head.seal() {
            let sealed = LedgerError::Sealed(seal.clone());
            return self.fault(sealed);
        }
        loop {
            let voids = self.decide(&mut actions);
            if self.queue.is_empty() && voids.is_empty() {
                actions.extend(self.confirm());
                return actions;
            }
            if self.send_group(voids, now, &mut actions) {
                return actions;
            }
            // All of it was refused. A question may have waited for one of these transactions.
        }
    }

    /// Makes a group of these voids and of proposals that wait. Answers whether its slot is on its way; if not, all of them were refused.
    fn send_group(
        &mut self,
        voids: Vec<(UniqueId, OutcomeReply)>,
        now: i64,
        actions: &mut Vec<Action>,
    ) -> bool {
        // No open transaction has a snapshot older than this block, so nobody asks about the blocks before.
        lock(&self.recent).prune(self.live_snapshots.oldest_block(now));
        let snapshot = Arc::clone(&self.snapshot);
        let mut group = GroupBuilder::new(&self.state, &*snapshot.view);
        while group.len() < self.group_transactions && group.bytes() < self.group_bytes {
            let Some((proposal, reply)) = self.queue.pop_front() else {
                break;
            };
            if let Err((reply, error)) = group.add(proposal, reply, &self.recent, now) {
                if let LedgerError::Unavailable(why) = &error {
                    actions.push(Action::DistrustView(why.clone()));
                }
                actions.push(Action::Reply(Answer::Commit(reply, Err(error))));
            }
        }
        self.attempt += 1;
        match group.finish(WriterId { id: self.writer, attempt: self.attempt }, voids, now) {
            Ok(None) => false,
            Ok(Some(group)) if planted!("visible-before-commit") => {
                let (head, view) = (group.next.state.head.clone(), self.overlaid(&group.next.batch));
                actions.push(Action::Publish(Arc::new(Snapshot { head, view, build: self.snapshot.build })));
                actions.push(self.create(group));
                true
            }
            Ok(Some(mut group)) => {
                // The slot is sent after these readers arrived, so it serves as their barrier.
                group.barriers = std::mem::take(&mut self.barriers);
                actions.push(self.create(group));
                true
            }
            Err(failed) => {
                let Failed { members, voids, error } = *failed;
                let members = members.into_iter().map(|member| member.reply);
                actions.extend(refused(members, [], &error).map(Action::Reply));
                actions.extend(undecided(voids, &error).map(Action::Reply));
                false
            }
        }
    }

    fn create(&mut self, mut group: Group) -> Action {
        group.attempts += 1;
        let action = Action::Create { slot: group.slot.header().slot, bytes: Arc::clone(&group.bytes) };
        self.phase = Phase::Creating(group);
        action
    }

    fn created(&mut self, mut group: Group, created: Result<Created, SlotError>, now: i64) -> Vec<Action> {
        match created {
            Ok(Created::Won) => self.won(group),
            Ok(Created::Exists) => {
                let slot = group.slot.header().slot;
                self.phase = Phase::Reading(group);
                vec![Action::Read { slot }]
            }
            Err(error) => {
                group.may_exist |= matches!(error, SlotError::Unknown(_) | SlotError::Corrupt { .. });
                if group.may_exist {
                    return self.doubt(group, &error.to_string(), now);
                }
                // This attempt wrote nothing, and no earlier one can have: the next group may take the slot.
                let error = LedgerError::from(error);
                let members = group.members.into_iter().map(|member| member.reply);
                let answers = refused(members, group.barriers, &error).chain(undecided(group.voids, &error));
                let mut actions: Vec<Action> = answers.map(Action::Reply).collect();
                actions.extend(self.begin(now));
                actions
            }
        }
    }

    fn read(&mut self, mut group: Group, read: Result<Option<Vec<u8>>, SlotError>, now: i64) -> Vec<Action> {
        let bytes = match read {
            // An earlier create may still arrive, so its absence proves nothing.
            Ok(None) => {
                let why = "the store said that the slot exists, and then that it does not";
                return self.doubt(group, why, now);
            }
            Ok(Some(bytes)) => bytes,
            Err(error) => {
                group.may_exist = true;
                return self.doubt(group, &error.to_string(), now);
            }
        };
        match Slot::decode(bytes) {
            Ok(stored)
                if stored.link() == group.slot.link()
                    && stored.header().writer == group.slot.header().writer =>
            {
                self.won(group)
            }
            Ok(stored) => self.lost(group, &stored),
            Err(error) => {
                let slot = group.slot.header().slot;
                self.give_up_group(
                    group,
                    &error.to_string(),
                    LedgerError::Damaged(format!("slot {slot}: {error}")),
                )
            }
        }
    }

    /// The group is in the journal: records what it wrote, and writes that to the view.
    fn won(&mut self, group: Group) -> Vec<Action> {
        let (writes, next, answers) = group.into_committed();
        if !planted!("commits-not-noted") {
            lock(&self.recent).take_in(writes);
        }
        vec![self.move_on(next, answers)]
    }

    /// Makes this the committer's state, because the journal has its slot now.
    fn move_on(&mut self, next: Next, answers: Vec<Answer>) -> Action {
        self.state = next.state;
        self.write_view(next.batch, answers)
    }

    fn write_view(&mut self, batch: Batch, answers: Vec<Answer>) -> Action {
        let batch = Arc::new(batch);
        self.phase = Phase::WritingView(Arc::clone(&batch), answers);
        Action::WriteView { batch, applied: self.state.head.applied() }
    }

    fn view_written(
        &mut self,
        batch: &Batch,
        answers: Vec<Answer>,
        view: Result<Box<dyn ViewSnapshot>, ViewError>,
        now: i64,
    ) -> Vec<Action> {
        // The group is committed even if the view refused it, usually because its disk is full. Until the view is
        // rebuilt, the overlay shows readers what the view would.
        let (view, failed) = match view {
            Ok(view) => (view, None),
            Err(error) => (self.overlaid(batch), Some(LedgerError::from(error))),
        };
        let mut actions = vec![self.publish(view, self.snapshot.build, now)];
        actions.extend(answers.into_iter().map(Action::Reply));
        actions.extend(match failed {
            None => self.begin(now),
            Some(error) => self.fault(error),
        });
        actions
    }

    fn publish(&mut self, view: Box<dyn ViewSnapshot>, build: u64, now: i64) -> Action {
        self.snapshot = Arc::new(Snapshot { head: self.state.head.clone(), view, build });
        self.live_snapshots.add(&self.snapshot, now);
        Action::Publish(Arc::clone(&self.snapshot))
    }

    /// Replaces the view by one that was rebuilt from the journal, if that ends with the same slot as our state.
    fn rebuilt(&mut self, built: RebuiltView, now: i64) -> Vec<Action> {
        let RebuiltView { views, state, view } = built;
        if state.head.applied() != self.state.head.applied() {
            let error = "the journal ends with another slot than the last one of this ledger";
            return self.fault(LedgerError::Damaged(error.to_owned()));
        }
        self.state = state;
        // Publish before adopting: a reader that then fails on the old view still carries the old build number, so
        // that no second rebuild starts.
        let mut actions = vec![self.publish(view, self.snapshot.build + 1, now), Action::Adopt(views)];
        actions.extend(self.begin(now));
        actions
    }

    fn overlaid(&self, batch: &Batch) -> Box<dyn ViewSnapshot> {
        overlay(Arc::clone(&self.snapshot), batch)
    }

    /// Refuses all proposals, those that wait and those that come.
    fn fault(&mut self, error: LedgerError) -> Vec<Action> {
        self.phase = Phase::Faulted(error.clone());
        let refusal = error.refusal();
        let mut actions = vec![Action::Fault(error)];
        actions.extend(self.refuse_waiting(&refusal));
        actions
    }

    /// Refuses all that waits. Nothing of it was in a group, so nothing of it was or will be written.
    fn refuse_waiting(&mut self, refusal: &LedgerError) -> Vec<Action> {
        let proposals = self.queue.drain(..).map(|(_, reply)| reply);
        let answers = refused(proposals, self.barriers.drain(..), refusal);
        answers.chain(undecided(self.outcomes.drain(..), refusal)).map(Action::Reply).collect()
    }

    /// Fails the committer. Replies in flight are dropped, which answers them `OutcomeUnknown`.
    pub(crate) fn give_up(&mut self, error: LedgerError) -> LedgerError {
        self.phase = Phase::Faulted(error.clone());
        self.queue.clear();
        self.barriers.clear();
        self.outcomes.clear();
        error
    }

    fn work_in_background(&mut self) -> Vec<Action> {
        match self.state.redactions.front() {
            Some(pending) if !self.redaction_failed => {
                let action = Action::Redact { block: pending.block, document_id: pending.document_id };
                self.phase = Phase::Redacting(*pending);
                vec![action]
            }
            _ => self.work_on_indexes(),
        }
    }

    /// Removes the note of a redaction that was done. If it failed, the next opening of the ledger tries again.
    fn redacted(
        &mut self,
        pending: PendingRedaction,
        done: Result<(), LedgerError>,
        now: i64,
    ) -> Vec<Action> {
        if done.is_err() {
            self.redaction_failed = true;
            return self.begin(now);
        }
        self.state.redactions.pop_front();
        let mut batch = Batch::default();
        batch.delete(Keyspace::Catalog, pending.key);
        vec![self.write_view(batch, Vec::new())]
    }

    /// A process that only follows does not write redacted slots again. It looks whether another process has.
    fn look_for_redactions_again(&mut self) {
        self.redaction_failed &= self.follows.is_none();
    }

    /// Builds a part of an index, or removes a part of a dropped one. That changes the view alone, not the journal.
    fn work_on_indexes(&mut self) -> Vec<Action> {
        let snapshot = Arc::clone(&self.snapshot);
        let mut changes = Changes::new(&*snapshot.view);
        match self.state.work_on_indexes(&mut changes) {
            Ok(false) => Vec::new(),
            Ok(true) => vec![self.write_view(changes.into_batch(), Vec::new())],
            Err(error) => self.fault(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
