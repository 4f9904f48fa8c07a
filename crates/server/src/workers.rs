//! Threads that may wait: for the disk, for locks, for a journal to be replayed. What serves sessions never does that
//! work itself; it hands it over here and is told when it is done.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use everstrand_protocol::{Exception, ServiceError};
use tokio::sync::oneshot;

/// So much may wait for a thread; more is refused.
const JOBS_MAX: usize = 10_000;

/// A thread without work ends after this time.
const REST: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// Threads that come when there is work and go when there is none.
pub(crate) struct Workers {
    name: &'static str,
    /// 0 where everything is done at once by whoever asks, as in a world that has to be the same in every run.
    threads_max: usize,
    shared: Arc<Shared>,
}

struct Shared {
    line: Mutex<Line>,
    arrived: Condvar,
}

#[derive(Default)]
struct Line {
    jobs: VecDeque<Job>,
    threads: usize,
    resting: usize,
}

impl Workers {
    /// At most so many threads at once.
    pub(crate) fn new(name: &'static str, threads_max: usize) -> Workers {
        let shared = Arc::new(Shared { line: Mutex::default(), arrived: Condvar::new() });
        Workers { name, threads_max, shared }
    }

    /// Runs a job on one of the threads, in order of arrival. Whether it will be run.
    pub(crate) fn start(&self, job: impl FnOnce() + Send + 'static) -> bool {
        if self.threads_max == 0 {
            job();
            return true;
        }
        let mut line = self.shared.lock();
        if line.jobs.len() >= JOBS_MAX {
            return false;
        }
        line.jobs.push_back(Box::new(job));
        if line.resting > 0 || line.threads >= self.threads_max {
            drop(line);
            self.shared.arrived.notify_one();
            return true;
        }
        line.threads += 1;
        drop(line);
        let shared = Arc::clone(&self.shared);
        let started = thread::Builder::new().name(self.name.to_owned()).spawn(move || shared.work());
        let Err(error) = started else { return true };
        tracing::error!(%error, "no thread for work on files");
        let mut line = self.shared.lock();
        line.threads -= 1;
        // Another thread will come to it; without one it can only be refused.
        line.threads > 0 || line.jobs.pop_back().is_none()
    }

    /// Runs a job on one of the threads and waits for what comes of it, without holding a thread.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let (done, answer) = oneshot::channel();
        let job = move || drop(done.send(job()));
        if !self.start(job) {
            return Err(ServiceError::new(
                Exception::LimitExceeded,
                "More operations wait for the disk than this server takes; try again later",
            ));
        }
        answer.await.unwrap_or_else(|_| {
            Err(ServiceError::new(Exception::InternalFailure, "The operation failed and was not finished"))
        })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut line = self.lock();
        loop {
            if let Some(job) = line.jobs.pop_front() {
                drop(line);
                // A job that panics has said so; the others are to be done all the same.
                let _ = catch_unwind(AssertUnwindSafe(job));
                line = self.lock();
                continue;
            }
            line.resting += 1;
            let (again, rested) =
                self.arrived.wait_timeout(line, REST).unwrap_or_else(PoisonError::into_inner);
            line = again;
            line.resting -= 1;
            if rested.timed_out() && line.jobs.is_empty() {
                line.threads -= 1;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn no_more_jobs_run_at_once_than_there_may_be_threads() {
        let workers = Workers::new("test", 2);
        let (started, starts) = channel();
        let gates: Vec<_> = (0..4)
            .map(|number| {
                let (open, gate) = channel::<()>();
                let started = started.clone();
                assert!(workers.start(move || {
                    started.send(number).expect("the test listens");
                    let _ = gate.recv();
                }));
                open
            })
            .collect();
        let patience = Duration::from_secs(10);
        let mut first: Vec<i32> = (0..2).map(|_| starts.recv_timeout(patience).expect("two run")).collect();
        first.sort_unstable();
        assert_eq!(first, [0, 1]);
        assert!(starts.recv_timeout(Duration::from_millis(50)).is_err(), "the others wait");
        drop(gates);
        let rest: Vec<i32> = (0..2).map(|_| starts.recv_timeout(patience).expect("then they run")).collect();
        assert_eq!(rest.len(), 2);
    }

    #[tokio::test]
    async fn a_job_that_panics_is_answered_and_the_next_one_runs() {
        let workers = Workers::new("test", 1);
        let failed = workers.run(|| -> Result<(), ServiceError> { panic!("on purpose") }).await;
        assert_eq!(failed.map_err(|error| error.exception), Err(Exception::InternalFailure));
        assert_eq!(workers.run(|| Ok(7)).await.map_err(|error| error.message), Ok(7));
    }

    #[test]
    fn without_threads_everything_is_done_at_once() {
        let workers = Workers::new("test", 0);
        let (done, seen) = channel();
        assert!(workers.start(move || done.send(1).expect("the test listens")));
        assert_eq!(seen.try_recv(), Ok(1));
    }
}
