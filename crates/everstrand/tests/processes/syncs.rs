//! One `fdatasync` a group: counted by the kernel's own word, with `strace`, beside the slots of the journal.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::journal;
use crate::load::{self, Log};
use crate::process::{Server, chance, serve};

everstrand_testkit::ignored_without_strace!(
    one_client_pays_one_sync_a_commit,
    many_clients_pay_one_sync_a_group
);

const SYNCS: &str = "trace=fsync,fdatasync,sync,syncfs,sync_file_range,msync";
/// The view is made to survive a loss of power this often, and never by a commit.
const PERSIST: Duration = Duration::from_secs(3);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_pays_one_sync_a_commit() {
    measure(1).await;
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_pay_one_sync_a_group() {
    measure(16).await;
}

async fn measure(clients: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, trace) = (folder.path().join("data"), folder.path().join("trace"));
    let mut command = Command::new("strace");
    // As a grandchild, so that the server is this test's own child.
    command.args(["-D", "-f", "-ttt", "-y", "-e", SYNCS, "-o"]).arg(&trace);
    let serve = serve(&data);
    command.arg(serve.get_program()).args(serve.get_args());
    let server = Server::run(command).expect("the server starts");
    load::prepare(&server).await;

    let log = Arc::new(Mutex::new(Log::default()));
    let (slots_before, begin, watch) = (journal::slots(&data), now(), Instant::now());
    let mut random = chance("syncs");
    load::run_for(&server, clients, &log, Duration::from_millis(2500), &mut random).await;
    let (slots, end, elapsed) = (journal::slots(&data) - slots_before, now(), watch.elapsed());
    server.terminate();

    let acknowledged = log.lock().expect("no panic").committed() as u64;
    let syncs = syncs(&trace, begin, end);
    let of_journal = syncs.iter().filter(|sync| sync.contains(".segment")).count() as u64;
    let others: Vec<&String> = syncs.iter().filter(|sync| !sync.contains(".segment")).collect();
    eprintln!(
        "{clients} clients, {elapsed:?}: {acknowledged} acknowledged in {slots} groups, {of_journal} syncs of the \
         journal, {} others",
        others.len()
    );
    assert!(acknowledged > 0);
    assert_eq!(of_journal, slots, "one sync a group");
    match clients {
        1 => assert_eq!(slots, acknowledged, "one client's commits are groups of their own"),
        _ => assert!(slots <= acknowledged, "{slots} groups for {acknowledged} commits"),
    }
    // What else is synced is the view's: its journal at every tick, its tables when memory is full.
    assert!(others.iter().all(|sync| sync.contains("/view/")), "{others:#?}");
    let ticks = elapsed.as_secs() / PERSIST.as_secs() + 1;
    assert!(
        others.len() as u64 <= 8 * ticks,
        "{} syncs of the view in {ticks} ticks: {others:#?}",
        others.len()
    );
}

/// The calls that were begun between two moments.
fn syncs(trace: &Path, begin: f64, end: f64) -> Vec<String> {
    // The tracer ends a moment after the server.
    let until = Instant::now() + Duration::from_secs(10);
    let mut text = String::new();
    while !text.contains("+++ exited with") && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
        text = std::fs::read_to_string(trace).expect("a trace");
    }
    let in_time = |line: &&str| {
        let moment: Option<f64> = line.split_whitespace().nth(1).and_then(|moment| moment.parse().ok());
        moment.is_some_and(|moment| (begin..=end).contains(&moment))
    };
    text.lines()
        .filter(in_time)
        .filter(|line| line.contains("sync") && !line.contains("resumed>"))
        .map(str::to_owned)
        .collect()
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs_f64()
}
