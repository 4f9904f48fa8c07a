//! How often a transaction is run again, and after which waits.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use everstrand_protocol::Conflict;

use crate::error::{Error, ErrorKind};
use crate::runtime::{self, Instant};

/// How often a transaction may run again, and how long the driver waits before.
#[derive(Clone)]
pub struct RetryPolicy {
    /// How often a transaction may run again after its first run.
    pub retry_limit: u32,
    /// Half of the longest wait before the first retry. The waits double with each retry.
    pub wait_base: Duration,
    /// The longest wait before any retry.
    pub wait_max: Duration,
    /// How long all runs and waits may take together. A run that would begin later does not begin, and a transaction sends no
    /// statement after it. `None` is no bound beside that of each transaction.
    pub deadline: Option<Duration>,
    /// Decides the wait instead of `wait_base` and `wait_max`.
    pub backoff: Option<Backoff>,
    /// Is told before each wait.
    pub on_retry: Option<OnRetry>,
}

/// The wait before a retry, decided by the program.
pub type Backoff = Arc<dyn Fn(&RetryContext<'_>) -> Duration + Send + Sync>;

/// What a program wants to know of retries.
pub type OnRetry = Arc<dyn Fn(&RetryContext<'_>) + Send + Sync>;

/// A retry that is about to happen.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RetryContext<'a> {
    /// Which retry it is, from 1.
    pub retry: u32,
    /// The kind of the error of the last run.
    pub kind: ErrorKind,
    /// The text of the error. It may hold values of documents.
    pub message: &'a str,
    /// The transaction of the last run, if one was started.
    pub transaction_id: Option<&'a str>,
    /// What was changed under the last run, if it ended with a conflict and the service says it.
    pub conflict: Option<&'a Conflict>,
    /// The time since the first run began.
    pub elapsed: Duration,
    /// How long the driver will wait; in [`RetryPolicy::backoff`], how long it would wait.
    pub wait: Duration,
}

/// Four retries, after 10 to 20, 20 to 40, 40 to 80 and 80 to 160 milliseconds. The official drivers use these numbers.
impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            retry_limit: 4,
            wait_base: Duration::from_millis(10),
            wait_max: Duration::from_secs(5),
            deadline: None,
            backoff: None,
            on_retry: None,
        }
    }
}

impl RetryPolicy {
    /// The policy that runs nothing twice.
    pub fn never() -> RetryPolicy {
        RetryPolicy { retry_limit: 0, ..RetryPolicy::default() }
    }

    /// The wait before a retry, which is counted from 1. The longest wait is `wait_base · 2^retry`, but at most `wait_max`;
    /// the shortest is half of that. `chance` is a random number that decides between them, so that two transactions
    /// which had a conflict do not have it again.
    pub fn wait(&self, retry: u32, chance: u64) -> Duration {
        let factor = 1u32.checked_shl(retry).unwrap_or(u32::MAX);
        let longest = self.wait_base.saturating_mul(factor).min(self.wait_max);
        let half = longest / 2;
        let spread = u64::try_from(half.as_micros()).unwrap_or(u64::MAX - 1);
        half + Duration::from_micros(chance % (spread + 1))
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RetryPolicy")
            .field("retry_limit", &self.retry_limit)
            .field("wait_base", &self.wait_base)
            .field("wait_max", &self.wait_max)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// What the error of a transaction means for the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The next run would fail too.
    No,
    /// The next run may succeed after a wait.
    Later,
    /// The next run may succeed with another session.
    WithNewSession,
}

/// The error of a command, in what matters for the next run.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) retry: Retry,
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) transaction_id: Option<String>,
    pub(crate) conflict: Option<Box<Conflict>>,
}

impl Trouble {
    pub(crate) fn of(error: &Error) -> Trouble {
        let retry = if !error.is_retriable() {
            Retry::No
        } else if error.is_invalid_session() {
            Retry::WithNewSession
        } else {
            Retry::Later
        };
        let transaction_id = error.transaction_id().map(str::to_owned);
        let conflict = error.conflict().cloned().map(Box::new);
        Trouble { retry, kind: error.kind(), message: error.to_string(), transaction_id, conflict }
    }
}

/// The error of a run, and what it means for the next one.
pub(crate) struct Failure<E> {
    pub(crate) error: E,
    /// `None` if no command failed: then the error is the closure's own.
    pub(crate) trouble: Option<Trouble>,
}

impl<E: From<Error>> Failure<E> {
    pub(crate) fn of(error: Error) -> Failure<E> {
        Failure { trouble: Some(Trouble::of(&error)), error: error.into() }
    }
}

/// The runs of one call so far.
pub(crate) struct Runs<'a> {
    policy: &'a RetryPolicy,
    begun: Instant,
    retries: u32,
    replaced: bool,
}

/// How the next run begins.
pub(crate) struct Again {
    pub(crate) with_new_session: bool,
}

impl<'a> Runs<'a> {
    pub(crate) fn new(policy: &'a RetryPolicy) -> Runs<'a> {
        Runs { policy, begun: runtime::now(), retries: 0, replaced: false }
    }

    /// Which run the next one is, from 1.
    pub(crate) fn number(&self) -> u32 {
        self.retries + 1
    }

    /// When the last run must be over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.policy.deadline.and_then(|deadline| self.begun.checked_add(deadline))
    }

    /// Waits for the next run. Returns the error if there is none.
    pub(crate) async fn after<E>(&mut self, failure: Failure<E>, chance: &Chance) -> Result<Again, E> {
        let Failure { error, trouble: Some(trouble) } = failure else { return Err(failure.error) };
        let again = Again { with_new_session: trouble.retry == Retry::WithNewSession };
        if trouble.retry == Retry::No {
            return Err(error);
        }
        // Sessions expire. Replacing the first one does not count as a run.
        if again.with_new_session && !self.replaced {
            self.replaced = true;
            return Ok(again);
        }
        if self.retries >= self.policy.retry_limit {
            return Err(error);
        }
        let elapsed = runtime::now().duration_since(self.begun);
        let mut context = RetryContext {
            retry: self.retries + 1,
            kind: trouble.kind,
            message: &trouble.message,
            transaction_id: trouble.transaction_id.as_deref(),
            conflict: trouble.conflict.as_deref(),
            elapsed,
            wait: self.policy.wait(self.retries + 1, chance.next()),
        };
        if let Some(backoff) = &self.policy.backoff {
            context.wait = backoff(&context);
        }
        if self.policy.deadline.is_some_and(|deadline| elapsed.saturating_add(context.wait) >= deadline) {
            return Err(error);
        }
        self.retries += 1;
        if let Some(on_retry) = &self.policy.on_retry {
            on_retry(&context);
        }
        tracing::debug!(retry = context.retry, kind = context.kind.name(), wait = ?context.wait, "trying again");
        let wait = context.wait;
        runtime::sleep(wait).await;
        Ok(again)
    }
}

/// A generator of random numbers for waits. It is not safe for secrets.
#[derive(Debug)]
pub(crate) struct Chance(AtomicU64);

impl Chance {
    /// A generator that starts at a seed. Without one it starts differently in every process, so that many clients do not
    /// wait in step.
    pub(crate) fn new(seed: Option<u64>) -> Chance {
        Chance(AtomicU64::new(seed.unwrap_or_else(runtime::seed)))
    }

    /// The next number, by SplitMix64.
    pub(crate) fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut mixed = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_those_of_the_official_drivers() {
        let policy = RetryPolicy::default();
        for (retry, shortest, longest) in [
            (1, 10, 20),
            (2, 20, 40),
            (3, 40, 80),
            (4, 80, 160),
            (9, 2500, 5000),
            (31, 2500, 5000),
            (400, 2500, 5000),
        ] {
            let (shortest, longest) = (Duration::from_millis(shortest), Duration::from_millis(longest));
            assert_eq!(policy.wait(retry, 0), shortest, "retry {retry}");
            for chance in [1, 777, u64::MAX, u64::MAX / 3] {
                assert!((shortest..=longest).contains(&policy.wait(retry, chance)), "retry {retry}");
            }
        }
        let reaches_the_end = policy.wait(1, 10_000);
        assert_eq!(reaches_the_end, Duration::from_millis(20));
    }

    #[test]
    fn a_seed_repeats() {
        let numbers = |seed| {
            let chance = Chance::new(Some(seed));
            [chance.next(), chance.next(), chance.next()]
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
    }
}
