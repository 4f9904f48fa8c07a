//! SIGKILL at random moments under load, over and over on one folder: at rest, while clients commit, while the
//! server is starting.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstrand::journal::Digest;
use everstrand_testkit::Random;

use crate::journal;
use crate::load::{self, Log};
use crate::process::{Server, chance, serve, setting};

const CLIENTS: u64 = 16;

/// After so many cycles a new ledger is begun: checks read all of it.
const CYCLES_PER_LEDGER: u64 = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let cycles = setting("EVERSTRAND_KILL_CYCLES", 5);
    let mut random = chance("kill");
    let mut done = 0;
    let mut totals = (0, 0, 0);
    while done < cycles {
        let count = CYCLES_PER_LEDGER.min(cycles - done);
        let log = one_ledger(count, &mut random).await;
        done += count;
        totals = (totals.0 + log.fates.len(), totals.1 + log.committed(), totals.2 + log.unknown());
        eprintln!("{done} SIGKILLs: {} transactions, {} committed, 0 lost", totals.0, totals.1);
    }
    assert_eq!(totals.2, 0, "what was unknown is settled by the last check");
}

async fn one_ledger(cycles: u64, random: &mut Random) -> Log {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = Server::start(data);
    load::prepare(&server).await;
    server.kill();
    let log = Arc::new(Mutex::new(Log::default()));
    let mut digests: Vec<Digest> = Vec::new();
    for cycle in 0..cycles {
        if random.below(4) == 0 {
            kill_while_starting(data, random);
        }
        let server = Server::start(data);
        assert!(!server.stderr().contains("ERROR"), "{}", server.stderr());
        check(&server, &log, &digests, random).await;
        digests.push(journal::digest(&server).await);

        let stop = Arc::new(AtomicBool::new(false));
        let clients = load::start(&server, CLIENTS, &log, &stop, random);
        tokio::time::sleep(Duration::from_millis(50 + random.below(700))).await;
        // Beside the running server, and a digest from the midst of its work.
        journal::audit(data, &digests);
        digests.push(journal::digest(&server).await);
        tokio::time::sleep(Duration::from_millis(random.below(300))).await;
        server.kill();
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.expect("a client does not panic");
        }
        let (committed, unknown) = {
            let log = log.lock().expect("no panic");
            (log.committed(), log.unknown())
        };
        let blocks = journal::audit(data, &digests);
        eprintln!("cycle {cycle}: {committed} acknowledged, {unknown} unknown, {blocks} blocks");
    }
    let server = Server::start(data);
    check(&server, &log, &digests, random).await;
    server.terminate();
    journal::audit_with_program(data, &digests);
    let log = log.lock().expect("no panic");
    assert!(log.committed() > 0, "nothing was committed: there was no load");
    log.clone()
}

async fn check(server: &Server, log: &Mutex<Log>, digests: &[Digest], random: &mut Random) {
    load::check(server, log).await;
    for digest in digests {
        let tip = digest.digest_tip_address.sequence_no;
        journal::verify_block(server, tip, digest).await;
        journal::verify_block(server, random.below(tip + 1), digest).await;
    }
}

/// Recovery is interrupted as well.
fn kill_while_starting(data: &Path, random: &mut Random) {
    let mut command = serve(data);
    command.args(["--listen", "127.0.0.1:0"]).stdout(std::process::Stdio::null());
    let mut child = command.stderr(std::process::Stdio::null()).spawn().expect("the program can be started");
    std::thread::sleep(Duration::from_millis(random.below(150)));
    child.kill().expect("a child can be killed");
    child.wait().expect("a child can be waited for");
}
