//! The clock: the only door through which time comes into a ledger, and a clock for tests.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Two clocks: the wall clock, and a monotonic one that only moves forward.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00Z.
    fn unix_millis(&self) -> i64;

    /// Milliseconds since some fixed moment; never less than before.
    fn monotonic_millis(&self) -> u64;

    /// The same in nanoseconds, as fine as the clock is. EXPLAIN ANALYZE tells times by it.
    fn monotonic_nanos(&self) -> u64 {
        self.monotonic_millis().saturating_mul(1_000_000)
    }
}

/// The clocks of the machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// The machine's clocks; the monotonic one counts from now.
    pub fn new() -> SystemClock {
        SystemClock { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn unix_millis(&self) -> i64 {
        let signed = |elapsed: Duration| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(elapsed) => signed(elapsed),
            Err(before) => -signed(before.duration()),
        }
    }

    fn monotonic_millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn monotonic_nanos(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that stands still until the test moves it.
#[derive(Debug)]
pub struct ManualClock {
    unix_millis: AtomicI64,
    monotonic_millis: AtomicU64,
}

impl ManualClock {
    /// A clock that shows this wall time, and 0 on the monotonic clock.
    pub fn new(unix_millis: i64) -> ManualClock {
        ManualClock { unix_millis: AtomicI64::new(unix_millis), monotonic_millis: AtomicU64::new(0) }
    }

    /// Moves both clocks.
    pub fn advance(&self, millis: u32) {
        self.unix_millis.fetch_add(i64::from(millis), Ordering::SeqCst);
        self.monotonic_millis.fetch_add(u64::from(millis), Ordering::SeqCst);
    }

    /// Sets the wall clock alone, as an operator or a time server does.
    pub fn set_unix_millis(&self, unix_millis: i64) {
        self.unix_millis.store(unix_millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn unix_millis(&self) -> i64 {
        self.unix_millis.load(Ordering::SeqCst)
    }

    fn monotonic_millis(&self) -> u64 {
        self.monotonic_millis.load(Ordering::SeqCst)
    }
}
