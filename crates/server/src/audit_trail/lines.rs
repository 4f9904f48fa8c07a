//! The lines of an audit trail on their way to where they are kept. One thread writes them, so they stand in one order and never within
//! each other.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

/// How many lines may wait to be written.
const WAITING_MAX: usize = 10_000;
/// How many lines are written at a time. A ledger takes no more documents in one transaction.
const TOGETHER_MAX: usize = 40;

/// Where lines are kept.
pub(crate) trait Sink: Send {
    /// Appends all of these lines or none. Empty ones ask only that those before are durable. An error of the kind `InvalidInput`
    /// says that a line is at fault and not the place.
    fn write(&mut self, lines: &[Vec<u8>], durably: bool) -> io::Result<()>;
    /// Finds the place by its name again.
    fn reopen(&mut self) -> io::Result<()>;
}

/// What the thread is to do.
enum Job {
    /// Writes a line. Whoever waits is told whether it is durable; if nobody waits and it cannot be written, it is lost.
    Line(Vec<u8>, Option<Done>),
    /// Finds the place by its name again.
    Reopen(Done),
}

/// Tells whoever waits how it went. Somebody may have left meanwhile.
type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

/// The way to a sink.
#[derive(Debug)]
pub(super) struct Lines {
    /// `None` while it is dropped.
    jobs: Option<SyncSender<Job>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    /// How the log names the place.
    name: String,
    lost: AtomicU64,
    failed: AtomicBool,
}

impl Lines {
    pub(super) fn start(name: String, sink: Box<dyn Sink>) -> Result<Lines, String> {
        let (jobs, received) = sync_channel(WAITING_MAX);
        let state = Arc::new(State { name, lost: AtomicU64::new(0), failed: AtomicBool::new(false) });
        let writer = Writer { sink, state: Arc::clone(&state) };
        let thread = std::thread::Builder::new().name("everstrand trail".to_owned());
        let thread = thread.spawn(move || writer.run(&received)).map_err(|error| error.to_string())?;
        Ok(Lines { jobs: Some(jobs), thread: Mutex::new(Some(thread)), state })
    }

    /// Writes a line later. If too many wait, the line is lost.
    pub(super) fn write(&self, line: Vec<u8>) {
        if self.send(Job::Line(line, None)).is_err() {
            self.state.lose(1);
        }
    }

    /// Writes a line and makes it durable.
    pub(super) async fn write_durably(&self, line: Vec<u8>) -> io::Result<()> {
        let (done, answer) = oneshot::channel();
        self.send(Job::Line(line, Some(Box::new(|written| drop(done.send(written))))))?;
        answer.await.unwrap_or_else(|_| Err(io::Error::other("the thread that writes it has ended")))
    }

    pub(super) fn reopen(&self) -> Result<(), String> {
        let asked = self.send_and_wait(Job::Reopen);
        asked.map_err(|error| format!("{}: {error}", self.state.name))
    }

    pub(super) fn flush(&self) {
        // What could not be written was said and counted already.
        let _ = self.send_and_wait(|done| Job::Line(Vec::new(), Some(done)));
    }

    pub(super) fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::Relaxed)
    }

    pub(super) fn is_writable(&self) -> bool {
        !self.state.failed.load(Ordering::Relaxed)
    }

    fn send_and_wait(&self, job: impl FnOnce(Done) -> Job) -> io::Result<()> {
        // No channel of tokio's, which refuses to block a thread of its runtime. A service may be closed on one.
        let (done, answer) = sync_channel(1);
        self.send(job(Box::new(move |written| drop(done.send(written)))))?;
        answer.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that writes it has ended")))
    }

    fn send(&self, job: Job) -> io::Result<()> {
        let jobs = self.jobs.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => io::Error::other("too many lines wait to be written"),
            TrySendError::Disconnected(_) => io::Error::other("the thread that writes it has ended"),
        })
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A thread that panicked has nothing left to write.
            let _ = thread.join();
        }
    }
}

impl State {
    fn lose(&self, lines: u64) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
    }

    /// Notes whether lines could be written, and logs each change.
    fn note(&self, written: &io::Result<()>) {
        let failed = written.is_err();
        if self.failed.swap(failed, Ordering::Relaxed) == failed {
            return;
        }
        let place = &self.name;
        match written {
            Ok(()) => {
                tracing::info!(%place, lost = self.lost.load(Ordering::Relaxed), "the audit trail is written again")
            }
            Err(error) => tracing::error!(
                %place, %error,
                "the audit trail cannot be written: operations of the control API are refused, and events of the session API are lost"
            ),
        }
    }
}

/// Owns the sink, on a thread of its own.
struct Writer {
    sink: Box<dyn Sink>,
    state: Arc<State>,
}

impl Writer {
    /// Works until nobody can send jobs any more.
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            let mut next = Some(job);
            let (mut lines, mut waiting) = (Vec::new(), Vec::new());
            while let Some(Job::Line(line, done)) = next {
                lines.push(line);
                waiting.push(done);
                next = if lines.len() < TOGETHER_MAX { jobs.try_recv().ok() } else { None };
            }
            self.write(&lines, waiting);
            if let Some(Job::Reopen(done)) = next {
                done(self.sink.reopen());
            }
        }
    }

    fn write(&mut self, lines: &[Vec<u8>], waiting: Vec<Option<Done>>) {
        if lines.is_empty() {
            return;
        }
        let written = self.sink.write(lines, waiting.iter().any(Option::is_some));
        if lines.len() > 1 && written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::InvalidInput)
        {
            // A line that does not fit must not take the others with it.
            return lines.chunks(1).zip(waiting).for_each(|(line, done)| self.write(line, vec![done]));
        }
        self.state.note(&written);
        let again = |error: &io::Error| io::Error::new(error.kind(), error.to_string());
        for (line, done) in lines.iter().zip(waiting) {
            let written = written.as_ref().copied().map_err(again);
            match done {
                Some(done) => done(written),
                None => self.state.lose(u64::from(written.is_err() && !line.is_empty())),
            }
        }
    }
}
