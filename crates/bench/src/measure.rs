//! Closed loops: each of some clients repeats one operation as soon as it is done, for some time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::machine::processor_time;

/// Why a measurement failed.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The result of one loop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Operations a second.
    pub(crate) per_second: f64,
    /// The median latency.
    pub(crate) p50: Duration,
    /// The 99th percentile of the latency.
    pub(crate) p99: Duration,
    /// Repetitions because of conflicts.
    pub(crate) conflicts: u64,
    /// Operations in all.
    pub(crate) done: u64,
    /// Processor time of an operation, of clients, server and ledger together.
    pub(crate) processor: Duration,
}

/// The result of one turn.
pub(crate) enum Turn {
    /// It is done.
    Done,
    /// It has to be done again.
    Conflict,
}

/// The times of one client.
#[derive(Default)]
pub(crate) struct Times {
    nanoseconds: Vec<u64>,
    conflicts: u64,
}

impl Times {
    /// Notes how long a turn took that somebody else has timed.
    pub(crate) fn push(&mut self, time: Duration) {
        self.nanoseconds.push(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Notes a turn that began at `started`.
    pub(crate) fn note(&mut self, started: Instant, turn: &Turn) {
        match turn {
            Turn::Done => self.push(started.elapsed()),
            Turn::Conflict => self.conflicts += 1,
        }
    }
}

/// Runs `clients` threads for `time`. Each makes what it needs with `begin` and takes its turns with that.
pub(crate) fn run<T>(
    clients: u64,
    time: Duration,
    begin: impl Fn(u64) -> Result<T, Failure> + Sync,
    turn: impl Fn(&mut T) -> Result<Turn, Failure> + Sync,
) -> Result<Sample, Failure> {
    let over = AtomicBool::new(false);
    let before = processor_time();
    let started = Instant::now();
    let times = std::thread::scope(|scope| -> Result<Vec<Times>, Failure> {
        let running: Vec<_> = (0..clients)
            .map(|client| {
                let (over, begin, turn) = (&over, &begin, &turn);
                scope.spawn(move || -> Result<Times, Failure> {
                    let mut state = begin(client)?;
                    let mut times = Times::default();
                    while !over.load(Ordering::Relaxed) {
                        let started = Instant::now();
                        times.note(started, &turn(&mut state)?);
                    }
                    Ok(times)
                })
            })
            .collect();
        std::thread::sleep(time);
        over.store(true, Ordering::Relaxed);
        running.into_iter().map(|client| client.join().expect("a client does not panic")).collect()
    })?;
    Ok(Sample::of(times, started.elapsed(), processor_time() - before))
}

impl Sample {
    /// The result of the clients' times, for a loop that took `elapsed` and this much processor time.
    pub(crate) fn of(times: Vec<Times>, elapsed: Duration, processor: Duration) -> Sample {
        let conflicts = times.iter().map(|times| times.conflicts).sum();
        let mut all: Vec<u64> = times.into_iter().flat_map(|times| times.nanoseconds).collect();
        all.sort_unstable();
        let at = |hundredths: usize| {
            let place = (all.len() * hundredths / 100).min(all.len().saturating_sub(1));
            Duration::from_nanos(all.get(place).copied().unwrap_or(0))
        };
        Sample {
            per_second: all.len() as f64 / elapsed.as_secs_f64(),
            p50: at(50),
            p99: at(99),
            conflicts,
            done: all.len() as u64,
            processor: processor.div_f64(all.len().max(1) as f64),
        }
    }
}
