//! Threads that may wait: for the disk, for locks, for the replay of a journal. The threads that serve sessions never do such
//! work themselves. They hand it over here and await the result.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use everstrand_protocol::{Exception, ServiceError};
use tokio::sync::oneshot;

/// The greatest number of jobs that may wait for a thread. Further jobs are refused.
const JOBS_MAX: usize = 10_000;

/// A thread that has no work for this time ends.
const IDLE_MAX: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// A pool of threads, which start when there is work and end when there is none.
pub(crate) struct Workers {
    name: &'static str,
    /// 0 means that the caller runs each job at once on its own thread. The simulator needs this, because its runs must not depend
    /// on the order of threads.
    threads_max: usize,
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Workers {
    /// A pool of at most `threads_max` threads.
    pub(crate) fn new(name: &'static str, threads_max: usize) -> Workers {
        let shared = Arc::new(Shared { queue: Mutex::default(), arrived: Condvar::new() });
        Workers { name, threads_max, shared }
    }

    /// Queues a job for one of the threads, in order of arrival. Answers whether it will run.
    pub(crate) fn start(&self, job: impl FnOnce() + Send + 'static) -> bool {
        if self.threads_max == 0 {
            job();
            return true;
        }
        let mut queue = self.shared.lock();
        if queue.jobs.len() >= JOBS_MAX {
            return false;
        }
        queue.jobs.push_back(Box::new(job));
        if queue.idle > 0 || queue.threads >= self.threads_max {
            drop(queue);
            self.shared.arrived.notify_one();
            return true;
        }
        queue.threads += 1;
        drop(queue);
        let shared = Arc::clone(&self.shared);
        let started = thread::Builder::new().name(self.name.to_owned()).spawn(move || shared.work());
        let Err(error) = started else { return true };
        tracing::error!(%error, "the system starts no thread for work on files");
        let mut queue = self.shared.lock();
        queue.threads -= 1;
        // If the pool has another thread, that one will run the job. Otherwise the job is refused.
        queue.threads > 0 || queue.jobs.pop_back().is_none()
    }

    /// Runs a job on one of the threads and awaits its result.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let (done, answer) = oneshot::channel();
        let job = move || drop(done.send(job()));
        if !self.start(job) {
            return Err(ServiceError::new(
                Exception::LimitExceeded,
                "Too many operations wait for the disk; try again later",
            ));
        }
        answer.await.unwrap_or_else(|_| {
            Err(ServiceError::new(
                Exception::InternalFailure,
                "The operation panicked before it was finished",
            ))
        })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs jobs on this thread until none has come for [`IDLE_MAX`].
    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                // The panic of one job must not keep the others from running. The panic hook has printed it.
                let _ = catch_unwind(AssertUnwindSafe(job));
                queue = self.lock();
                continue;
            }
            queue.idle += 1;
            let (again, waited) =
                self.arrived.wait_timeout(queue, IDLE_MAX).unwrap_or_else(PoisonError::into_inner);
            queue = again;
            queue.idle -= 1;
            if waited.timed_out() && queue.jobs.is_empty() {
                queue.threads -= 1;
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
    fn no_more_jobs_run_at_once_than_the_pool_has_threads() {
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
    fn without_threads_the_caller_runs_the_job_at_once() {
        let workers = Workers::new("test", 0);
        let (done, seen) = channel();
        assert!(workers.start(move || done.send(1).expect("the test listens")));
        assert_eq!(seen.try_recv(), Ok(1));
    }
}
