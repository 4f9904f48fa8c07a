//! Sessions of a server: many of them, abandoned ones, one that several requests use at once, and sessions from before a
//! restart.

use std::sync::Arc;
use std::time::Duration;

use everstrand_journal::{CommitDigest, statement_digest};
use everstrand_ledger::ManualClock;
use everstrand_protocol::{
    Command, Exception, Page, Reply, SendCommandRequest, ServiceError, SessionToken, ValueHolder,
};
use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};

use super::service_and_clock;

/// Longer than the server keeps a session.
const SESSION_OVER: u32 = 17 * 60_000;
const TRANSACTION_OVER: u32 = 30_001;

fn memory() -> (Arc<Service>, Arc<ManualClock>) {
    let (service, clock) = service_and_clock(Config::new(Storage::Memory), 1);
    service.create_ledger_unless_it_exists("many").expect("a ledger");
    (Arc::new(service), clock)
}

async fn start(service: &Service) -> Result<SessionToken, ServiceError> {
    let command = Command::StartSession { ledger_name: "many".to_owned() };
    match service.send_command(SendCommandRequest { session_token: None, command }).await? {
        Reply::StartSession(result) => Ok(result.session_token),
        other => panic!("{other:?}"),
    }
}

async fn send(service: &Service, token: &SessionToken, command: Command) -> Result<Reply, ServiceError> {
    service.send_command(SendCommandRequest { session_token: Some(token.clone()), command }).await
}

async fn begin(service: &Service, token: &SessionToken) -> Result<String, ServiceError> {
    match send(service, token, Command::StartTransaction).await? {
        Reply::StartTransaction(result) => Ok(result.transaction_id),
        other => panic!("{other:?}"),
    }
}

async fn execute(
    service: &Service,
    token: &SessionToken,
    transaction_id: &str,
    statement: &str,
) -> Result<Page, ServiceError> {
    let command = Command::ExecuteStatement {
        transaction_id: transaction_id.to_owned(),
        statement: statement.to_owned(),
        parameters: Vec::new(),
    };
    match send(service, token, command).await? {
        Reply::ExecuteStatement(result) => Ok(result.first_page),
        other => panic!("{other:?}"),
    }
}

async fn commit(
    service: &Service,
    token: &SessionToken,
    transaction_id: &str,
    statements: &[String],
) -> Result<Reply, ServiceError> {
    let mut digest = CommitDigest::from_text(transaction_id);
    statements.iter().for_each(|statement| digest.add(statement_digest(statement, &[])));
    let commit_digest = digest.value().as_bytes().to_vec();
    let command = Command::CommitTransaction { transaction_id: transaction_id.to_owned(), commit_digest };
    send(service, token, command).await
}

/// Runs statements in a transaction of their own.
async fn run(service: &Service, statements: &[String]) {
    let token = start(service).await.expect("a session");
    let id = begin(service, &token).await.expect("a transaction");
    for statement in statements {
        execute(service, &token, &id, statement).await.expect("a statement");
    }
    commit(service, &token, &id, statements).await.expect("a commit");
}

/// A number of `/metrics`.
async fn number(service: &Service, name: &str) -> usize {
    let answered = super::send(service, "GET", "/metrics", None, b"").await;
    let text = String::from_utf8(answered.body).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the number is there");
    line.trim().parse().expect("a number")
}

#[tokio::test]
async fn ten_thousand_abandoned_sessions_are_forgotten() {
    let (service, clock) = memory();
    let mut tokens = Vec::new();
    for _ in 0..10_000 {
        tokens.push(start(&service).await.expect("a session"));
    }
    assert_eq!(number(&service, "everstrand_sessions ").await, 10_000);
    // Half of the clients come back, all at once.
    clock.advance(60_000);
    service.sweep();
    for token in tokens.iter().step_by(2) {
        send(&service, token, Command::AbortTransaction).await.expect("an idle session");
    }
    clock.advance(SESSION_OVER);
    let gone = send(&service, &tokens[0], Command::StartTransaction).await.expect_err("it is over");
    assert_eq!(gone.exception, Exception::InvalidSession);
    service.sweep();
    assert_eq!(number(&service, "everstrand_sessions ").await, 0);
    let unknown = send(&service, &tokens[0], Command::StartTransaction).await.expect_err("it is forgotten");
    assert_eq!((unknown.exception, unknown.message.as_str()), (Exception::InvalidSession, "No such session"));
    start(&service).await.expect("there is room again");
}

#[tokio::test]
async fn abandoned_transactions_no_longer_count() {
    let mut config = Config::new(Storage::Memory);
    config.limits.open_transactions = 100;
    config.sessions_max = 102;
    let (service, clock) = service_and_clock(config, 1);
    service.create_ledger_unless_it_exists("many").expect("a ledger");
    let open = "everstrand_open_transactions{LedgerName=\"many\"} ";
    let mut tokens = Vec::new();
    for _ in 0..102 {
        tokens.push(start(&service).await.expect("a session"));
    }
    let full = start(&service).await.expect_err("no more sessions");
    assert_eq!(full.exception, Exception::LimitExceeded);
    for token in &tokens[..100] {
        begin(&service, token).await.expect("a transaction");
    }
    let full = begin(&service, &tokens[100]).await.expect_err("no more transactions");
    assert_eq!(full.exception, Exception::LimitExceeded);
    assert_eq!(number(&service, open).await, 100);
    clock.advance(TRANSACTION_OVER);
    service.sweep();
    assert_eq!(number(&service, open).await, 0);
    // A session that the limit refused still works. A session whose transaction expired begins another.
    begin(&service, &tokens[100]).await.expect("a transaction");
    let late = begin(&service, &tokens[0]).await.expect_err("its transaction has expired");
    assert_eq!(late.exception, Exception::InvalidSession);
}

/// Node.js applications send commands so: all at once, with the commit digest in the order of sending.
#[tokio::test]
async fn commands_sent_at_once_on_one_token_run_in_the_order_of_arrival() {
    let (service, _clock) = memory();
    run(&service, &["CREATE TABLE t".to_owned()]).await;
    let token = start(&service).await.expect("a session");
    let id = begin(&service, &token).await.expect("a transaction");
    let statements: Vec<String> = (0..30).map(|n| format!("INSERT INTO t VALUE {{'n': {n}}}")).collect();
    let sent: Vec<_> = statements
        .iter()
        .cloned()
        .map(|statement| {
            let (service, token, id) = (service.clone(), token.clone(), id.clone());
            tokio::spawn(async move { execute(&service, &token, &id, &statement).await })
        })
        .collect();
    let committed = {
        let (service, token, id) = (service.clone(), token.clone(), id.clone());
        tokio::spawn(async move { commit(&service, &token, &id, &statements).await })
    };
    for answer in sent {
        answer.await.expect("no panic").expect("a statement");
    }
    committed.await.expect("no panic").expect("the digest is that of the order");
    let id = begin(&service, &token).await.expect("a transaction");
    let page = execute(&service, &token, &id, "SELECT VALUE n FROM t").await.expect("rows");
    assert_eq!(page.values.len(), 30);
}

/// A statement that takes hours unless it is stopped.
const RUNAWAY: &str = "SELECT COUNT(*) FROM t AS a, t AS b, t AS c, t AS d, t AS e, t AS f";

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_long_statement_ends_when_its_client_cancels() {
    let (service, clock) = memory();
    let forty = vec!["{'n': 1}"; 40].join(", ");
    run(&service, &["CREATE TABLE t".to_owned(), format!("INSERT INTO t << {forty} >>")]).await;
    for (giving_up, gone) in
        [(Command::AbortTransaction, Exception::BadRequest), (Command::EndSession, Exception::InvalidSession)]
    {
        let token = start(&service).await.expect("a session");
        let id = begin(&service, &token).await.expect("a transaction");
        execute(&service, &token, &id, "INSERT INTO t VALUE {'never': 1}").await.expect("a statement");
        let long = {
            let (service, token, id) = (service.clone(), token.clone(), id.clone());
            tokio::spawn(async move { execute(&service, &token, &id, RUNAWAY).await })
        };
        tokio::time::sleep(Duration::from_millis(100)).await;
        // This commit arrived before the client cancelled. It must not commit what the statement did so far.
        let committed = {
            let (service, token, id) = (service.clone(), token.clone(), id.clone());
            let statements = ["INSERT INTO t VALUE {'never': 1}".to_owned(), RUNAWAY.to_owned()];
            tokio::spawn(async move { commit(&service, &token, &id, &statements).await })
        };
        tokio::time::sleep(Duration::from_millis(100)).await;
        let given_up = tokio::time::timeout(Duration::from_secs(20), send(&service, &token, giving_up)).await;
        let ended = tokio::time::timeout(Duration::from_secs(20), long).await;
        // Ends the statement in any case.
        clock.advance(TRANSACTION_OVER);
        given_up.expect("an answer in time").expect("no error");
        let stopped = ended.expect("an end in time").expect("no panic").expect_err("it was stopped");
        assert_eq!(stopped.exception, Exception::BadRequest, "{stopped}");
        let refused = committed.await.expect("no panic").expect_err("nothing to commit");
        assert_eq!(refused.exception, gone, "{refused}");
    }
    let token = start(&service).await.expect("a session");
    let id = begin(&service, &token).await.expect("a transaction");
    let page =
        execute(&service, &token, &id, "SELECT VALUE never FROM t WHERE never = 1").await.expect("rows");
    assert_eq!(page.values, Vec::<ValueHolder>::new());
}

#[tokio::test]
async fn a_restarted_server_knows_no_earlier_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::new(Storage::Folder(folder.path().to_owned()));
    let (service, _clock) = service_and_clock(config.clone(), 1);
    service.create_ledger_unless_it_exists("many").expect("a ledger");
    run(&service, &["CREATE TABLE t".to_owned()]).await;
    run(&service, &["INSERT INTO t VALUE {'n': 1}".to_owned()]).await;
    let (idle, open) = (start(&service).await.expect("a session"), start(&service).await.expect("a session"));
    let id = begin(&service, &open).await.expect("a transaction");
    execute(&service, &open, &id, "INSERT INTO t VALUE {'n': 2}").await.expect("a statement");
    service.close();
    let closed = begin(&service, &idle).await.expect_err("the service is closed");
    assert_eq!(closed.exception, Exception::InvalidSession);
    drop(service);

    let (service, _clock) = service_and_clock(config, 2);
    for token in [&idle, &open] {
        for command in [
            Command::StartTransaction,
            Command::ExecuteStatement {
                transaction_id: id.clone(),
                statement: "SELECT * FROM t".to_owned(),
                parameters: Vec::new(),
            },
            Command::AbortTransaction,
            Command::EndSession,
        ] {
            let error = send(&service, token, command).await.expect_err("a session of before");
            assert_eq!(error.exception, Exception::InvalidSession);
        }
    }
    // Nothing uncommitted is there.
    let token = start(&service).await.expect("a session");
    let id = begin(&service, &token).await.expect("a transaction");
    let page = execute(&service, &token, &id, "SELECT VALUE n FROM t").await.expect("rows");
    assert_eq!(page.values.len(), 1);
}
