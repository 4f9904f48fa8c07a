//! Ten thousand sessions that nobody ends: what they cost, and that others do not notice.

use std::process::Command;
use std::sync::Arc;

use everstrand::server::config::{Config, Storage};
use everstrand::{InProcess, Service, SessionClient, Transport};
use everstrand_driver::{Error, Exception};

use crate::hostile::{START_SESSION, exchange_from, member};
use crate::load::{prepare, run};
use crate::process::{LEDGER, Server, resident_bytes, serve};

const SESSIONS: usize = 10_000;
/// The default of `open-transactions`, and the half of it that one client may have.
const TRANSACTIONS: usize = 3000;
const TRANSACTIONS_OF_A_CLIENT: usize = TRANSACTIONS / 2;
/// What a session may cost at most, and a transaction with a statement run.
const SESSION_BYTES_MAX: u64 = 4096;
const TRANSACTION_BYTES_MAX: u64 = 16 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_left_over_http_cost_little() {
    let server = Server::in_memory(&[]);
    prepare(&server).await;
    let transport = server.transport();
    // What connections and caches cost is not what is asked for.
    drop(leave(&transport, 500).await);
    let measure = || server.resident_bytes();
    left(&transport, measure, TRANSACTIONS_OF_A_CLIENT, "over HTTP").await;
    // A client at another address has room, and serves itself.
    let answer = exchange_from([127, 0, 0, 2], server.address, START_SESSION);
    let token = member(&answer, "SessionToken").to_owned();
    let start = format!("{{\"SessionToken\":\"{token}\",\"StartTransaction\":{{}}}}");
    let answer = exchange_from([127, 0, 0, 2], server.address, &start);
    assert!(answer.starts_with("HTTP/1.1 200 "), "others are served: {answer}");
}

#[test]
fn sessions_left_in_process_cost_little() {
    // In a process of its own, so that nobody else's memory is measured.
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", "sessions::in_process", "--ignored", "--nocapture"]);
    let output = command.output().expect("this test can be run");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by sessions_left_in_process_cost_little, in a process of its own"]
async fn in_process() {
    let service = Arc::new(Service::open(Config::new(Storage::Memory)).expect("a service"));
    service.create_ledger_unless_it_exists(LEDGER).expect("a ledger");
    let transport = Arc::new(InProcess::new(Arc::clone(&service)));
    let setup = SessionClient::start_session(LEDGER, Arc::clone(&transport)).await.expect("a session");
    let id = setup.start_transaction().await.expect("a transaction").transaction_id;
    let create = "CREATE TABLE Accounts";
    setup.execute_statement(&id, create, ()).await.expect("a table");
    let mut digest = everstrand_driver::CommitDigest::from_text(&id);
    digest.add(everstrand::journal::statement_digest(create, &[]));
    setup.commit_transaction(&id, digest.value()).await.expect("a commit");
    drop(leave(&transport, 500).await);
    left(&transport, || resident_bytes("self"), TRANSACTIONS, "in process").await;
    service.sweep();
    service.close();
}

/// Leaves sessions open, then transactions in them, and says what each costs.
async fn left<T: Transport>(transport: &Arc<T>, measure: impl Fn() -> u64, transactions: usize, how: &str) {
    let before = measure();
    let sessions = leave(transport, SESSIONS).await;
    let with_sessions = measure();
    let mut refused = None;
    let mut open = 0;
    for session in &sessions {
        match session.start_transaction().await {
            Ok(started) => {
                let id = started.transaction_id;
                session.execute_statement(&id, "SELECT * FROM Accounts", ()).await.expect("a statement");
                open += 1;
            }
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let with_transactions = measure();
    let session_bytes = with_sessions.saturating_sub(before) / SESSIONS as u64;
    let transaction_bytes = with_transactions.saturating_sub(with_sessions) / open as u64;
    eprintln!(
        "{how}: {session_bytes} bytes a session of {SESSIONS}, {transaction_bytes} bytes a transaction of {open}"
    );
    assert!(session_bytes <= SESSION_BYTES_MAX, "{session_bytes} bytes a session");
    assert!(transaction_bytes <= TRANSACTION_BYTES_MAX, "{transaction_bytes} bytes a transaction");
    assert_eq!(open, transactions, "open transactions are bounded");
    let refused = refused.expect("one too many");
    assert!(
        matches!(&refused, Error::Service(error) if error.exception == Exception::LimitExceeded),
        "{refused}"
    );
    // One is given back, one can be had.
    sessions[0].abort_transaction().await.expect("an abort");
    sessions[transactions].start_transaction().await.expect("a transaction");
    // As a client that crashed: nothing is ended.
    sessions.into_iter().for_each(std::mem::forget);
}

async fn leave<T: Transport>(transport: &Arc<T>, count: usize) -> Vec<SessionClient<T>> {
    let mut sessions = Vec::with_capacity(count);
    for _ in 0..count {
        sessions.push(SessionClient::start_session(LEDGER, Arc::clone(transport)).await.expect("a session"));
    }
    sessions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_do_not_outlive_the_server_and_drivers_recover() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = Server::start(data);
    prepare(&server).await;
    let address = server.address;
    let (transport, driver) = (server.transport(), server.driver());
    let idle = SessionClient::start_session(LEDGER, Arc::clone(&transport)).await.expect("a session");
    let busy = SessionClient::start_session(LEDGER, Arc::clone(&transport)).await.expect("a session");
    let id = busy.start_transaction().await.expect("a transaction").transaction_id;
    busy.execute_statement(&id, "INSERT INTO Marks {'client': 1}", ()).await.expect("a statement");
    // The driver has a session in its pool.
    assert_eq!(run(&driver, "SELECT * FROM Accounts", vec![]).await.len(), 8);
    server.kill();
    let server = again(data, address);

    for session in [idle, busy] {
        let error = session.start_transaction().await.expect_err("the session went with its server");
        assert!(error.is_invalid_session(), "{error}");
    }
    assert_eq!(
        run(&driver, "SELECT * FROM Accounts", vec![]).await.len(),
        8,
        "the driver takes a new session"
    );
    assert_eq!(run(&driver, "SELECT * FROM Marks", vec![]).await.len(), 0, "what was open is rolled back");
    server.terminate();
}

/// The same server again, on the same port.
fn again(data: &std::path::Path, address: std::net::SocketAddr) -> Server {
    let mut command = serve(data);
    command.arg("--listen").arg(address.to_string());
    Server::run_at_its_own_address(command).expect("the server starts")
}
