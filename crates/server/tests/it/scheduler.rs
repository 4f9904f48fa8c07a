//! Many long statements at once: other requests are served beside them, and each statement ends when it should.

use std::sync::Arc;
use std::time::{Duration, Instant};

use everstrand_protocol::send_command::TARGET;
use everstrand_protocol::{Command, Exception, Reply, SendCommandRequest, ServiceError, SessionToken};
use everstrand_server::config::{Config, Storage};
use everstrand_server::{Concurrency, Presence, Request, Service, http};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A statement that takes hours unless it is stopped.
const RUNAWAY: &str = "SELECT COUNT(*) FROM t AS a, t AS b, t AS c, t AS d, t AS e, t AS f";
/// Ten times what a statement may take to end after it was stopped, because the machine may be busy.
const STOPPED_WITHIN: Duration = Duration::from_secs(1);

/// Runs a test on a server's runtime, with permits for two statements that begin and one that runs long.
fn served<F: Future<Output = ()>>(transaction_millis: u64, test: impl FnOnce(Arc<Service>) -> F) {
    let mut config = Config::new(Storage::Memory);
    config.concurrency = Concurrency { short: 2, long: 1 };
    config.limits.transaction_millis = transaction_millis;
    let runtime = http::runtime(&config).expect("a runtime");
    let service = Arc::new(Service::open(config).expect("a service"));
    service.create_ledger_unless_it_exists("ledger").expect("a ledger");
    runtime.block_on(async {
        let forty = vec!["{'n': 1}"; 40].join(", ");
        for statement in ["CREATE TABLE t".to_owned(), format!("INSERT INTO t << {forty} >>")] {
            let client = Client::begin(&service).await;
            client.execute(&statement).await.expect("a statement");
            client.commit(&[&statement]).await;
        }
        test(service).await;
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}

/// A session with an open transaction.
#[derive(Clone)]
struct Client {
    service: Arc<Service>,
    token: SessionToken,
    transaction_id: String,
}

impl Client {
    async fn begin(service: &Arc<Service>) -> Client {
        let start = Command::StartSession { ledger_name: "ledger".to_owned() };
        let started = service.send_command(SendCommandRequest { session_token: None, command: start });
        let Reply::StartSession(started) = started.await.expect("a session") else { panic!("no session") };
        let (service, token) = (Arc::clone(service), started.session_token);
        let mut client = Client { service, token, transaction_id: String::new() };
        let Ok(Reply::StartTransaction(begun)) = client.send(Command::StartTransaction).await else {
            panic!("no transaction")
        };
        client.transaction_id = begun.transaction_id;
        client
    }

    async fn send(&self, command: Command) -> Result<Reply, ServiceError> {
        let session_token = Some(self.token.clone());
        self.service.send_command(SendCommandRequest { session_token, command }).await
    }

    async fn execute(&self, statement: &str) -> Result<Reply, ServiceError> {
        let (transaction_id, statement) = (self.transaction_id.clone(), statement.to_owned());
        self.send(Command::ExecuteStatement { transaction_id, statement, parameters: Vec::new() }).await
    }

    async fn commit(&self, statements: &[&str]) {
        let mut digest = everstrand_journal::CommitDigest::from_text(&self.transaction_id);
        for statement in statements {
            digest.add(everstrand_journal::statement_digest(statement, &[]));
        }
        let commit_digest = digest.value().as_bytes().to_vec();
        let transaction_id = self.transaction_id.clone();
        self.send(Command::CommitTransaction { transaction_id, commit_digest }).await.expect("a commit");
    }

    fn run_away(&self) -> JoinHandle<Result<Reply, ServiceError>> {
        let client = self.clone();
        tokio::spawn(async move { client.execute(RUNAWAY).await })
    }
}

/// Clients that each run a statement that never ends.
async fn runaways(
    service: &Arc<Service>,
    number: usize,
) -> Vec<(Client, JoinHandle<Result<Reply, ServiceError>>)> {
    let mut running = Vec::new();
    for _ in 0..number {
        let client = Client::begin(service).await;
        let statement = client.run_away();
        running.push((client, statement));
    }
    until("all of them run long or were refused", async || {
        let waiting = metric(service, "everstrand_long_statements_waiting ").await;
        let over = running.iter().filter(|(_, statement)| statement.is_finished()).count();
        waiting + over as u64 + 1 == number as u64
    })
    .await;
    running
}

/// Waits until a condition holds. On a busy machine that may take long.
async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn metric(service: &Service, name: &str) -> u64 {
    let answered = super::send(service, "GET", "/metrics", None, b"").await;
    let text = String::from_utf8(answered.body).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the number is there");
    line.trim().parse().expect("a number")
}

async fn ends(statement: JoinHandle<Result<Reply, ServiceError>>) -> ServiceError {
    let ended = timeout(STOPPED_WITHIN, statement).await.expect("it ends in time");
    ended.expect("no panic").expect_err("it was stopped")
}

#[test]
fn short_statements_and_other_requests_are_answered_beside_long_statements() {
    served(30_000, |service| async move {
        let running = runaways(&service, 30).await;
        assert_eq!(metric(&service, "everstrand_long_statements_waiting ").await, 29);
        for _ in 0..10 {
            let begun = Instant::now();
            let client = Client::begin(&service).await;
            client.execute("INSERT INTO t VALUE {'n': 2}").await.expect("a statement");
            client.commit(&["INSERT INTO t VALUE {'n': 2}"]).await;
            assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        }
        for (client, statement) in running {
            let begun = Instant::now();
            client.send(Command::AbortTransaction).await.expect("an answer");
            assert!(begun.elapsed() < STOPPED_WITHIN, "{:?}", begun.elapsed());
            assert_eq!(ends(statement).await.exception, Exception::BadRequest);
            // The session can be used again.
            client.send(Command::StartTransaction).await.expect("a new transaction");
            let begun = Instant::now();
            client.send(Command::EndSession).await.expect("an answer");
            assert!(begun.elapsed() < STOPPED_WITHIN, "{:?}", begun.elapsed());
        }
        assert_eq!(metric(&service, "everstrand_long_statements_waiting ").await, 0);
    });
}

#[test]
fn a_session_that_is_ended_ends_its_statement() {
    served(30_000, |service| async move {
        for (client, statement) in runaways(&service, 3).await {
            client.send(Command::EndSession).await.expect("an answer");
            assert_eq!(ends(statement).await.exception, Exception::BadRequest);
            let gone = client.send(Command::StartTransaction).await.expect_err("it is over");
            assert_eq!(gone.exception, Exception::InvalidSession);
        }
    });
}

#[test]
fn a_statement_ends_when_its_client_goes_away() {
    served(30_000, |service| async move {
        let open = "everstrand_open_transactions{LedgerName=\"ledger\"} ";
        let running = runaways(&service, 5).await;
        assert_eq!(metric(&service, open).await, 5);
        for (_, statement) in &running {
            statement.abort();
        }
        until("their transactions are over", async || metric(&service, open).await == 0).await;
        // A client that comes back finds no open transaction and may begin another.
        let (client, _) = &running[0];
        let gone = client.execute("SELECT * FROM t").await.expect_err("it was rolled back");
        assert_eq!((gone.exception, gone.code.as_deref()), (Exception::BadRequest, Some("405")));
        client.send(Command::StartTransaction).await.expect("a new transaction");
    });
}

/// The presence of a client that has left already.
struct Gone;

impl Presence for Gone {
    fn is_gone(&self) -> bool {
        true
    }
}

#[test]
fn a_statement_on_a_connection_ends_with_its_transaction_when_its_client_has_left() {
    served(30_000, |service| async move {
        let client = Client::begin(&service).await;
        let open = "everstrand_open_transactions{LedgerName=\"ledger\"} ";
        assert_eq!(metric(&service, open).await, 1);
        let (token, transaction_id) = (client.token.as_str(), &client.transaction_id);
        let body = format!(
            r#"{{"SessionToken":"{token}","ExecuteStatement":{{"TransactionId":"{transaction_id}","Statement":"{RUNAWAY}"}}}}"#
        );
        let headers = [("x-amz-target", TARGET)];
        let request =
            Request { method: "POST", path: "/", query: "", headers: &headers, body: body.as_bytes() };
        let address = everstrand_server::Client::at(core::net::Ipv4Addr::LOCALHOST.into());
        let admission = service.admit(&request, address).expect("admitted");
        let caller = service.verify(admission, &request).expect("nobody signs").with_presence(Arc::new(Gone));
        let begun = Instant::now();
        let answer = service.answer(&caller, request).await;
        assert_eq!(answer.status, 400, "{}", String::from_utf8_lossy(&answer.body));
        assert!(begun.elapsed() < STOPPED_WITHIN, "{:?}", begun.elapsed());
        assert_eq!(metric(&service, open).await, 0, "its transaction is over");
    });
}

#[test]
fn a_transaction_whose_client_goes_away_before_its_statement_begins_is_left_open() {
    served(30_000, |service| async move {
        // The second command of a session waits for the first.
        let client = Client::begin(&service).await;
        let first = client.run_away();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let second = client.run_away();
        tokio::time::sleep(Duration::from_millis(100)).await;
        second.abort();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!first.is_finished(), "the first goes on");
        client.send(Command::AbortTransaction).await.expect("an answer");
        ends(first).await;
    });
}

#[test]
fn long_statements_end_when_the_server_stops() {
    served(30_000, |service| async move {
        let running = runaways(&service, 20).await;
        service.stop_statements();
        for (client, statement) in running {
            assert_eq!(ends(statement).await.exception, Exception::InvalidSession);
            let refused = client.execute("SELECT * FROM t").await.expect_err("none begins any more");
            assert_eq!(refused.exception, Exception::InvalidSession);
        }
    });
}

#[test]
fn too_many_long_statements_are_refused_so_that_drivers_try_again() {
    served(30_000, |service| async move {
        let running = runaways(&service, 140).await;
        let mut refused = 0;
        for (client, statement) in running {
            if statement.is_finished() {
                refused += 1;
                let error = ends(statement).await;
                assert_eq!(error.exception, Exception::CapacityExceeded, "{error}");
                assert!(error.message.contains("try again"), "{error}");
            } else {
                client.send(Command::EndSession).await.expect("an answer");
                ends(statement).await;
            }
        }
        // One statement runs, and 128 statements of this client wait.
        assert_eq!(refused, 140 - 129);
    });
}

#[test]
fn a_statement_waits_for_its_turn_until_its_transaction_expires_and_no_longer() {
    served(4000, |service| async move {
        for (_, statement) in runaways(&service, 20).await {
            let expired = timeout(Duration::from_secs(4) + STOPPED_WITHIN, statement).await.expect("it ends");
            let expired = expired.expect("no panic").expect_err("its time is over");
            assert_eq!(expired.exception, Exception::InvalidSession, "{expired}");
        }
    });
}
