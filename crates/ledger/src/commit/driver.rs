//! The thread that drives a committer: performs its actions and reports what came of them.
//!
//! There is one thread per ledger with recent writes. It starts with the first proposal, rests after a
//! while without one, and takes the committer with it while it runs. Groups form by themselves: while
//! one slot is being written, proposals wait in line, and go together into the next.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::future::CommitReply;
use super::proposal::Proposal;
use super::{Action, Committer, Event};
use crate::error::LedgerError;
use crate::ledger::{Core, Status};

/// Where proposals wait, and the committer while nobody drives it.
pub(crate) struct Driver {
    line: Mutex<Line>,
    /// Signalled when a proposal arrives, when the ledger closes, and when the thread ends.
    changed: Condvar,
}

struct Line {
    proposals: Vec<(Proposal, CommitReply)>,
    /// Absent while a thread drives it.
    committer: Option<Box<Committer>>,
    status: Status,
}

impl Driver {
    pub(crate) fn new(committer: Committer) -> Driver {
        let line = Line { proposals: Vec::new(), committer: Some(Box::new(committer)), status: Status::Open };
        Driver { line: Mutex::new(line), changed: Condvar::new() }
    }

    pub(crate) fn status(&self) -> Status {
        self.lock().status.clone()
    }

    /// Finishes what waits, and then takes nothing more.
    pub(crate) fn close(&self, core: &Core) {
        let mut line = self.lock();
        if line.status == Status::Closed {
            return;
        }
        line.status = Status::Closed;
        self.changed.notify_all();
        while line.committer.is_none() {
            line = self.changed.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
        drop(line);
        if let Err(error) = core.views.persist() {
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
        Status::Faulted(error) => Some(error.clone()),
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

/// Goes on with an index that was being built when the ledger was closed.
pub(crate) fn start_background(core: &Arc<Core>) {
    let line = core.driver.lock();
    if line.committer.as_ref().is_some_and(|committer| committer.has_background_work()) {
        drive(core, line);
    }
}

fn drive(core: &Arc<Core>, mut line: MutexGuard<'_, Line>) {
    let Some(committer) = line.committer.take() else {
        drop(line);
        core.driver.changed.notify_all();
        return;
    };
    drop(line);
    let thread = Thread { core: Arc::clone(core), committer: Some(committer), unsaved_since: None };
    // When no thread can be had, dropping it answers what waits.
    if let Err(error) =
        thread::Builder::new().name("everstrand-commit".to_owned()).spawn(move || thread.run())
    {
        tracing::error!(strand_id = %core.strand_id, %error, "no thread for commits");
    }
}

struct Thread {
    core: Arc<Core>,
    /// Given back to the line when the thread ends.
    committer: Option<Box<Committer>>,
    /// Since when the view has changes that were not saved.
    unsaved_since: Option<u64>,
}

impl Thread {
    fn run(mut self) {
        while let Some(proposals) = self.wait_for_work() {
            if proposals.is_empty() {
                self.perform(Event::Idle);
            } else {
                self.perform(Event::Proposed(proposals));
            }
            self.persist_in_time();
        }
    }

    /// The next proposals, or none when there is only work in the background; `None` when the thread
    /// should end.
    fn wait_for_work(&mut self) -> Option<Vec<(Proposal, CommitReply)>> {
        let idle = Duration::from_millis(self.core.options.idle_millis);
        let background = self.committer.as_ref().is_some_and(|committer| committer.has_background_work());
        let core = Arc::clone(&self.core);
        let driver = &core.driver;
        let mut line = driver.lock();
        loop {
            if !line.proposals.is_empty() {
                return Some(std::mem::take(&mut line.proposals));
            }
            if line.status != Status::Open {
                return None;
            }
            if background {
                return Some(Vec::new());
            }
            let (again, timeout) =
                driver.changed.wait_timeout(line, idle).unwrap_or_else(PoisonError::into_inner);
            line = again;
            if timeout.timed_out() && line.proposals.is_empty() && line.status == Status::Open {
                if self.unsaved_since.is_none() {
                    line.committer = self.committer.take();
                    return None;
                }
                drop(line);
                self.persist();
                line = driver.lock();
            }
        }
    }

    /// Feeds an event to the committer, does what it says and feeds what came of it, until there is
    /// nothing more to do.
    fn perform(&mut self, event: Event) {
        let mut actions = VecDeque::from(self.step(event));
        while let Some(action) = actions.pop_front() {
            let event = match action {
                Action::Create { slot, bytes } => {
                    let created = self.core.slots.create(slot, &bytes);
                    let arrived = std::mem::take(&mut self.core.driver.lock().proposals);
                    if !arrived.is_empty() {
                        actions.extend(self.step(Event::Proposed(arrived)));
                    }
                    Event::Created(created)
                }
                Action::Read { slot } => Event::Read(self.core.slots.read(slot)),
                Action::Apply { batch, applied } => {
                    self.unsaved_since.get_or_insert_with(|| self.core.environment.clock.monotonic_millis());
                    let committed = self.core.views.commit(batch, applied);
                    Event::Applied(committed.and_then(|()| self.core.views.snapshot()))
                }
                Action::Publish(snapshot) => {
                    self.core.publish(snapshot);
                    continue;
                }
                Action::Reply(reply, answer) => {
                    reply.send(answer);
                    continue;
                }
                Action::Wait { millis } => {
                    thread::sleep(Duration::from_millis(millis));
                    Event::Waited
                }
                Action::Fault(error) => {
                    tracing::error!(strand_id = %self.core.strand_id, %error, "the ledger takes no more writes");
                    self.core.driver.lock().status = Status::Faulted(error);
                    continue;
                }
            };
            actions.extend(self.step(event));
        }
    }

    fn step(&mut self, event: Event) -> Vec<Action> {
        let now = self.core.environment.clock.unix_millis();
        self.committer.as_mut().map_or_else(Vec::new, |committer| committer.step(event, now))
    }

    fn persist_in_time(&mut self) {
        let now = self.core.environment.clock.monotonic_millis();
        if self
            .unsaved_since
            .is_some_and(|since| now.saturating_sub(since) >= self.core.options.persist_millis)
        {
            self.persist();
        }
    }

    fn persist(&mut self) {
        self.unsaved_since = None;
        if let Err(error) = self.core.views.persist() {
            tracing::warn!(strand_id = %self.core.strand_id, %error, "the view was not saved");
        }
    }
}

impl Drop for Thread {
    /// Gives the committer back, also when the thread panicked: then the ledger is at fault.
    fn drop(&mut self) {
        let Some(committer) = self.committer.take() else {
            return;
        };
        let mut line = self.core.driver.lock();
        if thread::panicking() && line.status == Status::Open {
            line.status = Status::Faulted(LedgerError::Internal("the committing thread failed".to_owned()));
        }
        line.committer = Some(committer);
        let left = std::mem::take(&mut line.proposals);
        drop(line);
        self.core.driver.changed.notify_all();
        for (_, reply) in left {
            reply.send(Err(LedgerError::Unavailable("no thread for commits".to_owned())));
        }
    }
}
