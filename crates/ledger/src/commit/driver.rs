//! Who drives a committer: performs its actions and reports what came of them.
//!
//! Usually that is one thread per ledger with recent writes. It starts with the first proposal, rests
//! after a while without one, and takes the committer with it while it runs. Groups form by themselves:
//! while one slot is being written, proposals wait in line, and go together into the next. A ledger that
//! was opened with [`Committing::ByCaller`] has no thread: [`step`] does one action at a time, so that a
//! caller decides what happens between them.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use everstrand_journal::{Slot, UniqueId};

use super::future::CommitReply;
use super::proposal::Proposal;
use super::repair::Repair;
use super::{Action, Committer, Event};
use crate::error::LedgerError;
use crate::ledger::{Core, Status};
use crate::limits::Committing;
use crate::planted::planted;
use crate::storage::views::{Applied, Batch, Keyspace, ViewError, ViewSnapshot};

/// So far the clock may be behind the last block before it is worth a word.
const CLOCK_BEHIND_MILLIS: i64 = 1000;

/// Where proposals wait, and the worker while nobody drives it.
pub(crate) struct Driver {
    line: Mutex<Line>,
    /// Signalled when a proposal arrives, when the ledger closes, and when the thread ends.
    changed: Condvar,
}

struct Line {
    proposals: Vec<(Proposal, CommitReply)>,
    /// Absent while it is being driven.
    worker: Option<Box<Worker>>,
    /// The thread that drives it, or the last that did.
    thread: Option<JoinHandle<()>>,
    /// Whether that thread sleeps until there is a proposal. To wake nobody costs a system call too.
    rests: bool,
    status: Status,
}

impl Driver {
    /// Of a committer that takes no writes: with the reason.
    pub(crate) fn new(committer: Committer, read_only: Option<LedgerError>) -> Driver {
        let status = read_only.map_or(Status::Open, Status::Faulted);
        let worker = Worker {
            committer,
            actions: VecDeque::new(),
            waiting: false,
            unsaved_since: None,
            repair: Repair::default(),
            clock_is_behind: false,
        };
        let worker = Some(Box::new(worker));
        let line = Line { proposals: Vec::new(), worker, thread: None, rests: false, status };
        Driver { line: Mutex::new(line), changed: Condvar::new() }
    }

    pub(crate) fn status(&self) -> Status {
        self.lock().status.clone()
    }

    /// Takes no more writes, for this reason; what is under way is finished.
    pub(crate) fn refuse(&self, core: &Core, error: LedgerError) {
        let mut line = self.lock();
        if line.status == Status::Open {
            tracing::error!(strand_id = %core.strand_id, %error, "the ledger takes no more writes");
            line.status = Status::Faulted(error);
            drop(line);
            self.changed.notify_all();
        }
    }

    /// Finishes what waits, and then takes nothing more. Afterwards no thread of ours holds the stores: who
    /// drops the ledger can open it again at once.
    pub(crate) fn close(&self, core: &Core) {
        let mut line = self.lock();
        if line.status == Status::Closed {
            return;
        }
        line.status = Status::Closed;
        self.changed.notify_all();
        core.news.tell();
        while line.worker.is_none() {
            line = self.changed.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
        let thread = line.thread.take();
        drop(line);
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id()) {
            // It has given back the worker and only ends; had it panicked, the status would say so.
            let _ = thread.join();
        }
        while step(core).is_some() {}
        if let Err(error) = core.views().persist() {
            tracing::warn!(strand_id = %core.strand_id, %error, "the view was not saved and will be rebuilt");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts a proposal in line and sees to it that somebody drives the committer.
pub(crate) fn submit(core: &Arc<Core>, proposal: Proposal, reply: CommitReply) {
    let mut line = core.driver.lock();
    let refusal = match &line.status {
        Status::Open => None,
        Status::Faulted(error) => Some(error.refusal()),
        Status::Closed => Some(LedgerError::Closed),
    };
    if let Some(error) = refusal {
        drop(line);
        reply.send(Err(error));
        return;
    }
    line.proposals.push((proposal, reply));
    drive(core, line);
}

/// Goes on with an index that was being built when the ledger was closed, or with a view that failed or held
/// what was redacted.
pub(crate) fn start_background(core: &Arc<Core>) {
    let line = core.driver.lock();
    let has_work = |worker: &Worker| worker.committer.has_background_work() || worker.replaces_view(core);
    if line.worker.as_deref().is_some_and(has_work) || core.view_is_doubtful() {
        drive(core, line);
    }
}

/// Does the next thing for a ledger without a thread of its own. Answers after how many milliseconds
/// there may be more to do, and nothing when nothing is under way.
pub(crate) fn step(core: &Core) -> Option<u64> {
    if core.options.committing != Committing::ByCaller {
        return None;
    }
    let mut line = core.driver.lock();
    let mut taken = Taken { core, worker: Some(line.worker.take()?) };
    let worker = taken.worker.as_mut()?;
    let idle = worker.actions.is_empty() && !worker.waiting;
    let proposals = if idle { std::mem::take(&mut line.proposals) } else { Vec::new() };
    let open = line.status == Status::Open;
    drop(line);
    if !proposals.is_empty() {
        worker.feed(core, Event::Proposed(proposals));
    } else if idle && open && worker.committer.has_background_work() {
        worker.feed(core, Event::Idle);
    } else if idle {
        worker.repair(core);
    }
    let mut more = worker.act(core);
    if more.is_none() {
        more = worker.repair_due(core, &core.driver.status());
        worker.persist_in_time(core);
    }
    core.driver.lock().worker = taken.worker.take();
    more
}

fn drive(core: &Arc<Core>, mut line: MutexGuard<'_, Line>) {
    if core.options.committing == Committing::ByCaller {
        return;
    }
    let Some(worker) = line.worker.take() else {
        let rests = line.rests;
        drop(line);
        if rests {
            core.driver.changed.notify_all();
        }
        return;
    };
    drop(line);
    let taken = Taken { core: Arc::clone(core), worker: Some(worker) };
    // When no thread can be had, dropping it answers what waits.
    match thread::Builder::new().name("everstrand-commit".to_owned()).spawn(move || taken.run()) {
        Ok(thread) => core.driver.lock().thread = Some(thread),
        Err(error) => tracing::error!(strand_id = %core.strand_id, %error, "no thread for commits"),
    }
}

/// Commits a batch to the view and takes a snapshot.
fn apply(core: &Core, batch: &Batch, applied: Applied) -> Result<Box<dyn ViewSnapshot>, ViewError> {
    let views = core.views();
    if planted!("checkpoint-without-its-slot", "snapshot-during-a-commit") {
        let is_first = |keyspace| matches!(keyspace, Keyspace::Catalog | Keyspace::Blocks | Keyspace::Tiles);
        let (head, rest): (Vec<_>, Vec<_>) =
            batch.changes.iter().cloned().partition(|(keyspace, ..)| is_first(*keyspace));
        views.commit(&Batch { changes: head }, applied)?;
        let early = views.snapshot()?;
        views.commit(&Batch { changes: rest }, applied)?;
        return if planted!("snapshot-during-a-commit") { Ok(early) } else { views.snapshot() };
    }
    views.commit(batch, applied)?;
    views.snapshot()
}

/// A committer and what it wants done.
struct Worker {
    committer: Committer,
    /// In order; all of it is done before the next proposals are taken.
    actions: VecDeque<Action>,
    /// Whether the committer asked for a while that has not been reported as over.
    waiting: bool,
    /// Since when the view has changes that were not saved.
    unsaved_since: Option<u64>,
    repair: Repair,
    /// Whether the clock was behind the journal when something was last committed.
    clock_is_behind: bool,
}

impl Worker {
    /// Tells the committer what has happened, and takes in what it wants done.
    fn feed(&mut self, core: &Core, event: Event) {
        let now = core.environment.clock.unix_millis();
        if matches!(event, Event::Proposed(_)) {
            self.watch_clock(core, now);
        }
        self.actions.extend(self.committer.step(event, now));
    }

    /// Says when blocks begin to get another time than the clock's, once until it has caught up.
    fn watch_clock(&mut self, core: &Core, now: i64) {
        let behind = core.snapshot().head.tip.timestamp.saturating_sub(now);
        let is_behind = behind > CLOCK_BEHIND_MILLIS;
        if is_behind && !self.clock_is_behind {
            tracing::warn!(
                strand_id = %core.strand_id,
                behind_millis = behind,
                "the clock is behind the journal's last block: until it has caught up, blocks have that block's time"
            );
        }
        self.clock_is_behind = is_behind;
    }

    /// Tells the committer what has happened, and does all that follows from it.
    fn perform(&mut self, core: &Core, event: Event) {
        self.feed(core, event);
        self.finish(core);
    }

    /// Does the next action and reports what came of it. Answers after how many milliseconds to go on,
    /// and nothing when there was nothing to do.
    fn act(&mut self, core: &Core) -> Option<u64> {
        if std::mem::take(&mut self.waiting) {
            self.feed(core, Event::Waited);
            return Some(0);
        }
        let event = match self.actions.pop_front()? {
            Action::Create { slot, bytes } => {
                let created = core.slots.create(slot, &bytes);
                let arrived = std::mem::take(&mut core.driver.lock().proposals);
                if !arrived.is_empty() {
                    self.feed(core, Event::Proposed(arrived));
                }
                Event::Created(created)
            }
            Action::Read { slot } => Event::Read(core.slots.read(slot)),
            Action::Apply { batch, applied } => {
                self.unsaved_since.get_or_insert_with(|| core.environment.clock.monotonic_millis());
                Event::Applied(apply(core, &batch, applied))
            }
            Action::Redact { block, document_id } => {
                let redacted = redact(core, block, document_id);
                if let Err(error) = &redacted {
                    tracing::warn!(strand_id = %core.strand_id, block, %document_id, %error, "not redacted yet");
                }
                Event::Redacted(redacted)
            }
            Action::Publish(snapshot) => {
                core.publish(snapshot);
                return Some(0);
            }
            Action::Reply(reply, answer) => {
                reply.send(answer);
                return Some(0);
            }
            Action::Doubt(why) => {
                core.doubt_view(&why);
                return Some(0);
            }
            Action::Adopt(views) => {
                core.replace_views(views);
                let mut line = core.driver.lock();
                if let Status::Faulted(_) = line.status {
                    line.status = Status::Open;
                }
                return Some(0);
            }
            Action::Wait { millis } => {
                self.waiting = true;
                return Some(millis);
            }
            Action::Fault(error) => {
                tracing::error!(strand_id = %core.strand_id, %error, "the ledger takes no more writes");
                if let LedgerError::View(why) = &error {
                    core.doubt_view(why);
                }
                let mut line = core.driver.lock();
                if line.status != Status::Closed {
                    line.status = Status::Faulted(error);
                }
                return Some(0);
            }
        };
        self.feed(core, event);
        Some(0)
    }

    /// Whether there is to be another view: this one failed, or its files may hold what was redacted.
    fn replaces_view(&self, core: &Core) -> bool {
        core.view_is_doubtful()
            || self.committer.view_held_redacted() && core.views().keeps_what_was_removed()
    }

    /// Does the next part of building the view anew; whether there was something to do.
    fn repair(&mut self, core: &Core) -> bool {
        if self.repair_due(core, &core.driver.status()) != Some(0) {
            return false;
        }
        if let Some(built) = self.repair.part(core) {
            self.feed(core, Event::Rebuilt(Box::new(built)));
        }
        true
    }

    /// In how many milliseconds to go on with building the view anew; `None` where there is no need, or
    /// where no view makes the ledger take writes again.
    fn repair_due(&self, core: &Core, status: &Status) -> Option<u64> {
        let helps = matches!(status, Status::Open | Status::Faulted(LedgerError::View(_)));
        let now = core.environment.clock.monotonic_millis();
        (helps && self.replaces_view(core)).then(|| self.repair.due(now))?
    }

    /// Does all that is left to be done.
    fn finish(&mut self, core: &Core) {
        while let Some(millis) = self.act(core) {
            thread::sleep(Duration::from_millis(millis));
        }
    }

    fn persist_in_time(&mut self, core: &Core) {
        let now = core.environment.clock.monotonic_millis();
        if self.unsaved_since.is_some_and(|since| now.saturating_sub(since) >= core.options.persist_millis) {
            self.persist(core);
        }
    }

    fn persist(&mut self, core: &Core) {
        self.unsaved_since = None;
        if let Err(error) = core.views().persist() {
            tracing::warn!(strand_id = %core.strand_id, %error, "the view was not saved");
        }
    }
}

/// Writes the slot of a block anew without the data of a revision in it.
fn redact(core: &Core, block: u64, document_id: UniqueId) -> Result<(), LedgerError> {
    let damaged = |why: &dyn std::fmt::Display| LedgerError::Damaged(format!("block {block}: {why}"));
    let position = core.snapshot().block_position(block)?;
    let (position, _) = position.ok_or_else(|| damaged(&"it is not in the directory"))?;
    let bytes = core.slots.read(position.slot)?.ok_or_else(|| damaged(&"its slot is gone"))?;
    let slot = Slot::decode(bytes).map_err(|error| damaged(&error))?;
    let redacted = slot.redacted(&[(block, document_id)]).map_err(|error| damaged(&error))?;
    let bytes = redacted.encode().map_err(|error| damaged(&error))?;
    Ok(core.slots.redact(position.slot, slot.link().0, &bytes)?)
}

/// A worker that somebody drives.
struct Taken<C: Deref<Target = Core>> {
    core: C,
    /// Given back to the line at the end.
    worker: Option<Box<Worker>>,
}

impl Taken<Arc<Core>> {
    fn run(mut self) {
        while let Some(proposals) = self.wait_for_work() {
            let core = Arc::clone(&self.core);
            let Some(worker) = &mut self.worker else { return };
            if !proposals.is_empty() {
                worker.perform(&core, Event::Proposed(proposals));
            }
            // A part of it after every group: commits must not keep an index from ever being built.
            if worker.committer.has_background_work() {
                worker.perform(&core, Event::Idle);
            }
            if worker.repair(&core) {
                worker.finish(&core);
            }
            worker.persist_in_time(&core);
        }
    }

    /// The next proposals, or none when there is only work in the background; `None` when the thread
    /// should end.
    fn wait_for_work(&mut self) -> Option<Vec<(Proposal, CommitReply)>> {
        let idle = Duration::from_millis(self.core.options.idle_millis);
        let worker = self.worker.as_mut()?;
        let background = worker.committer.has_background_work();
        let core = &*self.core;
        let driver = &core.driver;
        let mut line = driver.lock();
        let mut idled = false;
        loop {
            if !line.proposals.is_empty() {
                return Some(std::mem::take(&mut line.proposals));
            }
            let repair = worker.repair_due(core, &line.status).map(Duration::from_millis);
            if line.status == Status::Closed {
                return None;
            }
            if background && line.status == Status::Open || repair == Some(Duration::ZERO) {
                return Some(Vec::new());
            }
            if std::mem::take(&mut idled) && repair.is_none() {
                if worker.unsaved_since.is_none() {
                    line.worker = self.worker.take();
                    return None;
                }
                drop(line);
                worker.persist(core);
                line = driver.lock();
                continue;
            }
            let rest = repair.map_or(idle, |repair| repair.min(idle));
            line.rests = true;
            let (again, timeout) =
                driver.changed.wait_timeout(line, rest).unwrap_or_else(PoisonError::into_inner);
            line = again;
            line.rests = false;
            idled = timeout.timed_out();
        }
    }
}

impl<C: Deref<Target = Core>> Drop for Taken<C> {
    /// Gives the worker back, also after a panic: then the ledger is at fault.
    fn drop(&mut self) {
        let Some(mut worker) = self.worker.take() else {
            return;
        };
        worker.actions.clear();
        let failed = thread::panicking().then(|| {
            worker.committer.give_up(LedgerError::Internal("the committing thread failed".to_owned()))
        });
        let mut line = self.core.driver.lock();
        if let Some(error) = failed
            && line.status == Status::Open
        {
            line.status = Status::Faulted(error);
        }
        line.worker = Some(worker);
        let left = std::mem::take(&mut line.proposals);
        drop(line);
        self.core.driver.changed.notify_all();
        for (_, reply) in left {
            reply.send(Err(LedgerError::Unavailable("no thread for commits".to_owned())));
        }
    }
}
