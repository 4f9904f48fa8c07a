//! Every command in every state of a session, over every transport: one table, run over HTTP against a listening
//! server and in process against a service.

use std::sync::Arc;

use everstrand::InProcess;
use everstrand_driver::{Error, HttpTransport, SessionClient, Transport};
use everstrand_journal::{CommitDigest, statement_digest};
use everstrand_ledger::{Environment, ManualClock, SeededIds};
use everstrand_protocol::{Exception, PageToken, SessionToken};
use everstrand_server::config::{Config, Storage};
use everstrand_server::{Service, http};

/// The states that a session can be in when a command arrives.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Idle,
    Open,
    /// Its transaction is older than 30 seconds.
    Late,
    /// It was ended.
    Ended,
    /// It is older than a session may be.
    Old,
    /// Its token was never given out.
    Unknown,
}

const STATES: [State; 6] = [State::Idle, State::Open, State::Late, State::Ended, State::Old, State::Unknown];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sent {
    StartTransaction,
    Execute,
    FetchPage,
    Commit,
    CommitOfAnother,
    CommitOfAnotherDigest,
    Abort,
    End,
}

const COMMANDS: [Sent; 8] = [
    Sent::StartTransaction,
    Sent::Execute,
    Sent::FetchPage,
    Sent::Commit,
    Sent::CommitOfAnother,
    Sent::CommitOfAnotherDigest,
    Sent::Abort,
    Sent::End,
];

/// What the table of states says.
fn expected(state: State, sent: Sent) -> Result<(), (Exception, Option<&'static str>, &'static str)> {
    const NO_TRANSACTION: (Exception, Option<&str>, &str) =
        (Exception::BadRequest, Some("405"), "No open transaction");
    match (state, sent) {
        (State::Idle | State::Open | State::Late, Sent::End) => Ok(()),
        (State::Ended | State::Unknown, _) => Err((Exception::InvalidSession, None, "No such session")),
        (State::Old, Sent::End) => Ok(()),
        (State::Old, _) => Err((Exception::InvalidSession, None, "Session … has expired")),
        (State::Late, _) => Err((Exception::InvalidSession, None, "Transaction … has expired")),
        (State::Idle, Sent::StartTransaction | Sent::Abort) => Ok(()),
        (State::Idle, _) => Err(NO_TRANSACTION),
        (State::Open, Sent::StartTransaction) => {
            Err((Exception::BadRequest, None, "Transaction already open"))
        }
        (State::Open, Sent::CommitOfAnother) => Err(NO_TRANSACTION),
        (State::Open, Sent::CommitOfAnotherDigest) => {
            Err((Exception::BadRequest, Some("412"), "Digests don't match"))
        }
        (State::Open, _) => Ok(()),
    }
}

/// A service whose time stands still until it is moved.
fn service() -> (Arc<Service>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(1_700_000_000_000));
    let environment = Environment { clock: clock.clone(), ids: Arc::new(SeededIds::new(7)) };
    let service = Service::open_in(Config::new(Storage::Memory), environment).expect("a service in memory");
    service.create_ledger_unless_it_exists("states").expect("a ledger");
    (Arc::new(service), clock)
}

async fn all_states_and_commands<T: Transport>(transport: Arc<T>, clock: &ManualClock) {
    fill_a_table(&transport).await;
    for state in STATES {
        for sent in COMMANDS {
            one(&transport, clock, state, sent).await;
        }
    }
}

/// Enough rows for a second page.
async fn fill_a_table<T: Transport>(transport: &Arc<T>) {
    let session = SessionClient::start_session("states", Arc::clone(transport)).await.expect("a session");
    for statements in
        [vec!["CREATE TABLE T".to_owned()], (0..36).map(|n| format!("INSERT INTO T {{'n': {n}}}")).collect()]
    {
        let id = session.start_transaction().await.expect("a transaction").transaction_id;
        let mut digest = CommitDigest::from_text(&id);
        for statement in &statements {
            session.execute_statement(&id, statement, ()).await.expect("a statement");
            digest.add(statement_digest(statement, &[]));
        }
        session.commit_transaction(&id, digest.value()).await.expect("a commit");
    }
    session.close().await;
}

async fn one<T: Transport>(transport: &Arc<T>, clock: &ManualClock, state: State, sent: Sent) {
    const CROSS: &str = "SELECT a.n FROM T AS a, T AS b";
    let mut session = SessionClient::start_session("states", Arc::clone(transport)).await.expect("a session");
    let mut id = "0000000000000000000000".to_owned();
    let mut page_token = PageToken::from("0000");
    let mut digest = CommitDigest::from_text(&id);
    match state {
        State::Idle => {}
        State::Open | State::Late => {
            id = session.start_transaction().await.expect("a transaction").transaction_id;
            digest = CommitDigest::from_text(&id);
            let page = session.execute_statement(&id, CROSS, ()).await.expect("rows").first_page;
            digest.add(statement_digest(CROSS, &[]));
            assert_eq!(page.values.len(), 200);
            page_token = page.next_page_token.expect("1296 rows take seven pages");
            if state == State::Late {
                clock.advance(30_001);
            }
        }
        State::Ended => {
            session.end_session().await.expect("the end");
        }
        State::Old => clock.advance(17 * 60_000),
        State::Unknown => {
            let token = SessionToken::from("unknownunknownunknown0");
            session = SessionClient::new("states", token, Arc::clone(transport), None);
        }
    }
    let other = "1111111111111111111111";
    let outcome: Result<(), Error> = match sent {
        Sent::StartTransaction => session.start_transaction().await.map(drop),
        Sent::Execute => session.execute_statement(&id, "SELECT * FROM T", ()).await.map(drop),
        Sent::FetchPage => session.fetch_page(&id, &page_token).await.map(drop),
        Sent::Commit => session.commit_transaction(&id, digest.value()).await.map(drop),
        Sent::CommitOfAnother => session.commit_transaction(other, digest.value()).await.map(drop),
        Sent::CommitOfAnotherDigest => {
            session.commit_transaction(&id, CommitDigest::from_text(other).value()).await.map(drop)
        }
        Sent::Abort => session.abort_transaction().await.map(drop),
        Sent::End => session.end_session().await.map(drop),
    };
    check(state, sent, &outcome);
    // What a refused command leaves behind: an open transaction stays open unless the digest was wrong.
    if state == State::Open {
        let still_open =
            matches!(sent, Sent::StartTransaction | Sent::Execute | Sent::FetchPage | Sent::CommitOfAnother);
        let executed = session.execute_statement(&id, "SELECT * FROM T", ()).await;
        assert_eq!(executed.is_ok(), still_open, "{sent:?} and then a statement: {executed:?}");
    }
    session.close().await;
}

fn check(state: State, sent: Sent, outcome: &Result<(), Error>) {
    match (expected(state, sent), outcome) {
        (Ok(()), Ok(())) => {}
        (Err((exception, code, text)), Err(Error::Service(error))) => {
            assert_eq!(error.exception, exception, "{sent:?} in {state:?}: {error}");
            assert_eq!(error.code.as_deref(), code, "{sent:?} in {state:?}: {error}");
            let (begin, end) = text.split_once('…').unwrap_or((text, ""));
            let message = &error.message;
            assert!(message.starts_with(begin) && message.ends_with(end), "{sent:?} in {state:?}: {message}");
        }
        (expected, _) => panic!("{sent:?} in {state:?}: {outcome:?} instead of {expected:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_process() {
    let (service, clock) = service();
    all_states_and_commands(Arc::new(InProcess::new(service)), &clock).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http() {
    let (service, clock) = service();
    let listen = "127.0.0.1:0".parse().expect("an address");
    let server = http::Server::bind(service, listen).await.expect("a socket");
    let endpoint = format!("http://{}", server.address().expect("bound"));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async { drop(stopped.await) }));
    let transport = HttpTransport::builder().endpoint(endpoint).build().expect("a transport");
    all_states_and_commands(Arc::new(transport), &clock).await;
    stop.send(()).expect("the server runs");
    running.await.expect("a clean end");
}
