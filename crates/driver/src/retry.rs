//! How often a transaction is run again, and after which waits.

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often a transaction may run again, and how long the driver waits before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a transaction may run again after its first run.
    pub retry_limit: u32,
    /// Half of the longest wait before the first retry. The waits double with each retry.
    pub wait_base: Duration,
    /// The longest wait before any retry.
    pub wait_max: Duration,
}

/// Four retries, after 10 to 20, 20 to 40, 40 to 80 and 80 to 160 milliseconds. The official drivers use these numbers.
impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy { retry_limit: 4, wait_base: Duration::from_millis(10), wait_max: Duration::from_secs(5) }
    }
}

impl RetryPolicy {
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

/// A generator of random numbers for waits. It is not safe for secrets.
#[derive(Debug)]
pub(crate) struct Chance(AtomicU64);

impl Chance {
    /// A generator that starts differently in every process, so that many clients do not wait in step.
    pub(crate) fn new() -> Chance {
        Chance(AtomicU64::new(std::hash::RandomState::new().build_hasher().finish()))
    }

    /// A generator that starts at a seed, for runs that must repeat.
    pub(crate) fn from_seed(seed: u64) -> Chance {
        Chance(AtomicU64::new(seed))
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
            let chance = Chance::from_seed(seed);
            [chance.next(), chance.next(), chance.next()]
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
    }
}
