//! SIGSTOP: a machine that is suspended, or too busy, for longer than a transaction may take.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstrand::SessionClient;
use everstrand_driver::CommitDigest;

use crate::journal;
use crate::load::{self, Log};
use crate::process::{LEDGER, Server, chance, serve, setting};

/// Shorter than QLDB's 30 seconds, unless the stop is long itself.
const SHORT: u64 = 3000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_open_expires_while_the_server_stands_still() {
    let stopped = Duration::from_secs(setting("EVERSTRAND_STOP_SECONDS", 4));
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let mut command = serve(data);
    let millis = if stopped > Duration::from_secs(40) { 30_000 } else { SHORT };
    command.args(["--limit", &format!("transaction-millis={millis}")]);
    let server = Server::run(command).expect("the server starts");
    load::prepare(&server).await;

    let transport = server.transport();
    let mut open = Vec::new();
    for number in 0..10 {
        let session = SessionClient::start_session(LEDGER, Arc::clone(&transport)).await.expect("a session");
        let id = session.start_transaction().await.expect("a transaction").transaction_id;
        let insert = format!("INSERT INTO Counters {{'counter': {}}}", 100 + number);
        session.execute_statement(&id, &insert, ()).await.expect("a statement");
        let mut digest = CommitDigest::from_text(&id);
        digest.add(everstrand::journal::statement_digest(&insert, &[]));
        open.push((session, id, digest.value()));
    }
    let log = Arc::new(Mutex::new(Log::default()));
    let mut random = chance("stopped");
    let stop = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.signal("STOP");
        tokio::time::sleep(stopped).await;
        server.signal("CONT");
    };
    let time = Duration::from_millis(600) + stopped;
    tokio::join!(stop, load::run_for(&server, 8, &log, time, &mut random));

    for (number, (session, id, digest)) in open.into_iter().enumerate() {
        let error = match number % 3 {
            0 => session.commit_transaction(&id, digest).await.map(drop),
            1 => session.execute_statement(&id, "SELECT * FROM Counters", ()).await.map(drop),
            _ => session.start_transaction().await.map(drop),
        };
        let error = error.expect_err("the transaction took too long");
        assert!(error.is_transaction_expired(), "{error}");
        assert!(error.is_invalid_session(), "{error}");
        assert!(error.to_string().contains(&id), "{error}");
    }
    load::check(&server, &log).await;
    let committed = log.lock().expect("no panic").committed();
    eprintln!("stopped for {stopped:?}: {committed} acknowledged");
    let digest = journal::digest(&server).await;
    server.kill();
    let server = Server::start(data);
    load::check(&server, &log).await;
    journal::audit(data, &[digest]);
    server.terminate();
}

/// The system completes the handshakes of a listening socket. If the socket let too few wait, the system would drop the others, and
/// each of these would try again a second later, a bystander among them.
#[test]
fn many_clients_may_connect_at_once_before_one_is_accepted() {
    let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn");
    let allowed = allowed.ok().and_then(|allowed| allowed.trim().parse().ok()).unwrap_or(128);
    let server = Server::in_memory(&[]);
    let address = server.address;
    server.signal("STOP");
    let patience = Duration::from_millis(900);
    let connect = |_| std::net::TcpStream::connect_timeout(&address, patience);
    let wanted = allowed.min(700) - 10;
    // Ends at the first that is dropped.
    let connected: Vec<_> = (0..wanted).map_while(|number| connect(number).ok()).collect();
    server.signal("CONT");
    assert_eq!(connected.len(), wanted);
}
