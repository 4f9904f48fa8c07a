//! The queue of proposals, and who drives the committer.
//!
//! Usually one thread a ledger drives it. It starts with the first proposal, and ends after a while without one.
//! Groups form by themselves: while the thread writes one slot, proposals wait in the queue, and go into the next
//! slot together. A process with many ledgers would have many threads that rest, so from [`THREADS_MAX`] on they end soon.
//! A ledger that was opened with [`Committing::ByCaller`] has no thread:
//! [`CommitQueue::advance`] does one action at a time, so that a caller decides what happens between them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use everstrand_journal::UniqueId;

use super::Committer;
use super::event::{Answer, Arrivals, Event};
use super::future::{BarrierReply, CommitReply, OutcomeReply};
use super::proposal::Proposal;
use super::worker::Worker;
use crate::core::{Core, Status};
use crate::error::LedgerError;
use crate::limits::Committing;

/// If more ledgers of this process have a thread that drives the committer, a thread that has nothing to do ends after
/// [`SHORT_REST`]. It does not save the view first, because that costs syncs; the next commit or closing does.
const THREADS_MAX: usize = 64;

/// Longer than the pause between two commits of a busy client, because a new thread costs more than a short rest.
const SHORT_REST: Duration = Duration::from_millis(50);

/// The threads of all ledgers of this process.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Counts a thread until it ends.
struct CountedThread;

impl CountedThread {
    fn count() -> CountedThread {
        THREADS.fetch_add(1, Ordering::Relaxed);
        CountedThread
    }
}

impl Drop for CountedThread {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where proposals wait for the committer.
pub(crate) struct CommitQueue {
    core: Core,
    waiting: Mutex<Waiting>,
    /// Signalled when the thread that rests has something to do.
    changed: Condvar,
    /// Locked by whoever drives the committer: the thread as long as it runs, a caller for one action. Locked before
    /// `waiting`, never while that is held.
    worker: Mutex<Worker>,
}

struct Waiting {
    arrivals: Arrivals,
    /// The thread that drives the committer, or the last that did.
    thread: Option<JoinHandle<()>>,
    /// Whether that thread looks at the proposals once more before it ends.
    is_driven: bool,
    /// Whether that thread sleeps. Waking it costs a system call, also when it does not sleep.
    rests: bool,
}

impl CommitQueue {
    pub(crate) fn new(core: Core, committer: Committer) -> CommitQueue {
        let waiting = Waiting { arrivals: Arrivals::default(), thread: None, is_driven: false, rests: false };
        CommitQueue {
            core,
            waiting: Mutex::new(waiting),
            changed: Condvar::new(),
            worker: Mutex::new(Worker::new(committer)),
        }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Goes on with what was unfinished when the ledger was closed: an index, a redaction, a view to be replaced.
    pub(crate) fn start(self: &Arc<Self>) {
        let has_work = self.worker().has_background_work(&self.core);
        if has_work {
            self.wake();
        }
    }

    /// Puts a proposal into the queue, and sees to it that somebody drives the committer.
    pub(crate) fn submit(self: &Arc<Self>, proposal: Proposal, reply: CommitReply) {
        self.add(Arrivals { proposals: vec![(proposal, reply)], ..Arrivals::default() });
    }

    /// Puts a reader into the queue that waits for a barrier.
    pub(crate) fn confirm(self: &Arc<Self>, reply: BarrierReply) {
        self.add(Arrivals { barriers: vec![reply], ..Arrivals::default() });
    }

    /// Puts the question into the queue what became of a transaction.
    pub(crate) fn decide(self: &Arc<Self>, id: UniqueId, reply: OutcomeReply) {
        self.add(Arrivals { outcomes: vec![(id, reply)], ..Arrivals::default() });
    }

    fn add(self: &Arc<Self>, mut arrivals: Arrivals) {
        let mut waiting = self.waiting();
        // Asked under the lock: nothing comes into the queue after it was closed.
        let refusal = match self.core.status() {
            Status::Open => None,
            Status::Faulted(error) => Some(error.refusal()),
            Status::Closed => Some(LedgerError::Closed),
        };
        if let Some(error) = refusal {
            drop(waiting);
            arrivals.refused(&error).for_each(Answer::send);
            return;
        }
        waiting.arrivals.proposals.append(&mut arrivals.proposals);
        waiting.arrivals.barriers.append(&mut arrivals.barriers);
        waiting.arrivals.outcomes.append(&mut arrivals.outcomes);
        self.drive(waiting);
    }

    /// Wakes or starts the thread, unless the caller drives the committer.
    pub(crate) fn wake(self: &Arc<Self>) {
        self.drive(self.waiting());
    }

    fn drive(self: &Arc<Self>, mut waiting: MutexGuard<'_, Waiting>) {
        if self.core.options.committing == Committing::ByCaller {
            return;
        }
        if waiting.is_driven {
            let rests = waiting.rests;
            drop(waiting);
            if rests {
                self.changed.notify_one();
            }
            return;
        }
        let queue = Arc::clone(self);
        match thread::Builder::new().name("everstrand-commit".to_owned()).spawn(move || queue.run()) {
            Ok(thread) => {
                waiting.thread = Some(thread);
                waiting.is_driven = true;
            }
            Err(error) => {
                tracing::error!(strand_id = %self.core.strand_id, %error, "no thread for commits");
                refuse(waiting, &LedgerError::Unavailable("no thread for commits".to_owned()));
            }
        }
    }

    /// The thread: drives the committer until there has been nothing to do for a while.
    fn run(&self) {
        let _counted = CountedThread::count();
        let drive = || {
            let mut worker = self.worker();
            while let Some(arrivals) = self.next_work(&mut worker) {
                worker.work(&self.core, arrivals);
            }
        };
        // A panic is a bug of ours. Whoever waits for a commit must hear of it nevertheless.
        if catch_unwind(AssertUnwindSafe(drive)).is_err() {
            self.give_up(self.worker());
        }
    }

    /// What arrived, or nothing when there is only work in the background; `None` when the thread should end.
    fn next_work(&self, worker: &mut Worker) -> Option<Arrivals> {
        let core = &self.core;
        let idle = Duration::from_millis(core.options.idle_millis);
        let mut waiting = self.waiting();
        let mut idled = false;
        loop {
            if !waiting.arrivals.is_empty() {
                return Some(std::mem::take(&mut waiting.arrivals));
            }
            let status = core.status();
            if status == Status::Closed {
                break;
            }
            let rebuild = worker.rebuild_due(core).map(Duration::from_millis);
            if worker.has_committer_work() && status == Status::Open || rebuild == Some(Duration::ZERO) {
                return Some(Arrivals::default());
            }
            let is_crowded = THREADS.load(Ordering::Relaxed) > THREADS_MAX;
            if idled && rebuild.is_none() {
                if !worker.is_unsaved() || is_crowded {
                    break;
                }
                drop(waiting);
                worker.persist(core);
                waiting = self.waiting();
                idled = false;
                continue;
            }
            let idle = if is_crowded { idle.min(SHORT_REST) } else { idle };
            let rest = rebuild.map_or(idle, |rebuild| rebuild.min(idle));
            waiting.rests = true;
            let (again, timeout) =
                self.changed.wait_timeout(waiting, rest).unwrap_or_else(PoisonError::into_inner);
            waiting = again;
            waiting.rests = false;
            idled = timeout.timed_out();
        }
        waiting.is_driven = false;
        None
    }

    /// Does the next action for a ledger without a thread. Answers after how many milliseconds there may be more to
    /// do, and nothing when nothing is under way.
    pub(crate) fn advance(&self) -> Option<u64> {
        if self.core.options.committing != Committing::ByCaller {
            return None;
        }
        match self.worker.try_lock() {
            Ok(mut worker) => self.advance_by(&mut worker),
            Err(TryLockError::Poisoned(worker)) => {
                self.give_up(worker.into_inner());
                None
            }
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn advance_by(&self, worker: &mut Worker) -> Option<u64> {
        let core = &self.core;
        if worker.is_idle() {
            let arrivals = std::mem::take(&mut self.waiting().arrivals);
            if !arrivals.is_empty() {
                worker.feed(core, Event::Arrived(arrivals));
            } else if core.status() == Status::Open && worker.has_committer_work() {
                worker.feed(core, Event::Idle);
            } else {
                worker.rebuild(core);
            }
        }
        let more = worker.act(core);
        if more.is_some() {
            return more;
        }
        worker.persist_in_time(core);
        worker.rebuild_due(core)
    }

    /// Finishes what waits, and then takes nothing more. Afterwards no thread of ours holds the stores: who
    /// drops the ledger can open it again at once.
    pub(crate) fn close(&self) {
        let mut waiting = self.waiting();
        if !self.core.close() {
            return;
        }
        let thread = waiting.thread.take();
        drop(waiting);
        self.changed.notify_one();
        self.core.news.tell();
        // The thread itself is here when it answered a commit, and whoever waited for that dropped the ledger.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id()) {
            // It has caught its own panics.
            let _ = thread.join();
        }
        if self.core.options.committing == Committing::ByCaller {
            let mut worker = self.worker();
            while self.advance_by(&mut worker).is_some() {}
        }
        if let Err(error) = self.core.views().persist() {
            let strand_id = self.core.strand_id;
            tracing::warn!(%strand_id, %error, "the view was not saved and will be rebuilt");
        }
    }

    /// Answers all that waits after a panic of whoever drove the committer: nobody knows how far it came.
    fn give_up(&self, mut worker: MutexGuard<'_, Worker>) {
        self.worker.clear_poison();
        let error = LedgerError::Internal("the committing thread failed".to_owned());
        worker.give_up(error.clone());
        drop(worker);
        self.core.fault(error.clone());
        let mut waiting = self.waiting();
        waiting.is_driven = false;
        refuse(waiting, &error.refusal());
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn worker(&self) -> MutexGuard<'_, Worker> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers all that waits.
fn refuse(mut waiting: MutexGuard<'_, Waiting>, error: &LedgerError) {
    let arrivals = std::mem::take(&mut waiting.arrivals);
    // A waiting session may run on this thread when it is answered.
    drop(waiting);
    arrivals.refused(error).for_each(Answer::send);
}
