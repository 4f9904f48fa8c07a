//! What a server looks like to others while it is attacked: its memory, how long a bystander's transactions take, and
//! how long `GET /health` does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::wire::{Client, Session, Wire};

/// The ledger of somebody who does no harm.
pub(crate) const BYSTANDER: &str = "bystander";
/// Between two looks at the memory of the process.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(10);
/// Between two requests of one kind.
const ASK_INTERVAL: Duration = Duration::from_millis(20);

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// The most memory that the process had: RssAnon and RssShmem together.
    pub(crate) peak_bytes: u64,
    /// What a bystander's transactions took.
    pub(crate) bystander: Latencies,
    /// What `GET /health` took, each over a connection of its own.
    pub(crate) health: Latencies,
    /// How long the server took to end after SIGTERM.
    pub(crate) ended_within: Duration,
}

/// How long requests took, in order of length, and what went wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    pub(crate) sorted: Vec<Duration>,
    pub(crate) failures: Vec<String>,
}

impl Latencies {
    /// The time that so many of a hundred took at most.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let place = (self.sorted.len() * percent / 100).min(self.sorted.len().saturating_sub(1));
        self.sorted.get(place).copied().unwrap_or(Duration::MAX)
    }

    fn note(&mut self, begun: Instant, outcome: io::Result<()>) {
        match outcome {
            Ok(()) => self.sorted.push(begun.elapsed()),
            Err(error) => self.failures.push(error.to_string()),
        }
    }
}

/// Creates the bystander's table.
pub(crate) async fn prepare(bystander: &Client) -> io::Result<()> {
    let mut session = Session::start(bystander, BYSTANDER).await?;
    session.run("CREATE TABLE t").await?;
    session.run("CREATE INDEX ON t (n)").await?;
    session.run("INSERT INTO t VALUE {'n': 1}").await
}

/// A watch that goes on until it is told to stop.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    memory: std::thread::JoinHandle<u64>,
    bystander: tokio::task::JoinHandle<Latencies>,
    health: tokio::task::JoinHandle<Latencies>,
}

impl Watch {
    pub(crate) fn start(process: u32, client: &Client) -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let (memory, bystander, health) = (Arc::clone(&stop), Arc::clone(&stop), Arc::clone(&stop));
        Watch {
            memory: std::thread::spawn(move || peak(process, &memory)),
            bystander: tokio::spawn(transactions(client.clone(), bystander)),
            health: tokio::spawn(healths(client.clone(), health)),
            stop,
        }
    }

    /// What was seen so far; [`Figures::ended_within`] is for others to tell.
    pub(crate) async fn stop(self) -> Figures {
        self.stop.store(true, Ordering::Relaxed);
        let (bystander, health) = (self.bystander.await, self.health.await);
        let (mut bystander, mut health) = (bystander.expect("no panic"), health.expect("no panic"));
        bystander.sorted.sort_unstable();
        health.sorted.sort_unstable();
        let peak_bytes = self.memory.join().expect("no panic");
        Figures { peak_bytes, bystander, health, ended_within: Duration::MAX }
    }
}

fn peak(process: u32, stop: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !stop.load(Ordering::Relaxed) {
        peak = peak.max(memory(process).unwrap_or(0));
        std::thread::sleep(SAMPLE_INTERVAL);
    }
    peak
}

/// The memory that a process has to itself, in bytes.
pub(crate) fn memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kibibytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    Some((kibibytes("RssAnon:")? + kibibytes("RssShmem:")?) * 1024)
}

async fn transactions(client: Client, stop: Arc<AtomicBool>) -> Latencies {
    let mut latencies = Latencies::default();
    let mut session = None;
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let outcome = async {
            let open = match session.take() {
                Some(open) => open,
                None => Session::start(&client, BYSTANDER).await?,
            };
            session.insert(open).run("SELECT * FROM t WHERE n = 1").await
        };
        let outcome = outcome.await;
        if outcome.is_err() {
            session = None;
        }
        latencies.note(begun, outcome);
        tokio::time::sleep(ASK_INTERVAL).await;
    }
    latencies
}

async fn healths(client: Client, stop: Arc<AtomicBool>) -> Latencies {
    let mut latencies = Latencies::default();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let asked = async {
            let (status, body) = Wire::connect(&client).await?.control("GET", "/health", "").await?;
            if status == 200 { Ok(()) } else { Err(io::Error::other(body)) }
        };
        let outcome = asked.await;
        latencies.note(begun, outcome);
        tokio::time::sleep(ASK_INTERVAL).await;
    }
    latencies
}
