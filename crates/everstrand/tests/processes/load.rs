//! Clients that write and remember, and what must hold of a ledger after them.
//!
//! Every transaction leaves exactly one mark, named by client and number, beside what it does: nothing more
//! (an insert), a step of a counter (a read-modify-write), or a transfer between two accounts (three documents).
//! What the service answered decides whether the mark must be there, must not, or may.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use everstrand::ion::{Document, RawValue};
use everstrand::{HttpTransport, QldbDriver, QldbSession};
use everstrand_driver::{Error, Transaction, Transport};
use everstrand_testkit::Random;

use crate::process::{LEDGER, Server};

const COUNTERS: u64 = 4;
const ACCOUNTS: u64 = 8;
const BALANCE: i64 = 1000;

/// A transaction: whose, and the client's own number for it.
pub(crate) type Mark = (u64, u64);

/// What a client knows of a transaction of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Acknowledged, under this transaction id.
    Committed(String),
    /// Refused or never asked for.
    NotCommitted,
    /// The commit was sent and not answered.
    Unknown(String),
}

/// What all clients know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) fates: BTreeMap<Mark, Fate>,
}

impl Log {
    pub(crate) fn committed(&self) -> usize {
        self.fates.values().filter(|fate| matches!(fate, Fate::Committed(_))).count()
    }

    pub(crate) fn unknown(&self) -> usize {
        self.fates.values().filter(|fate| matches!(fate, Fate::Unknown(_))).count()
    }
}

/// The tables, indexes and documents that the clients work on.
pub(crate) async fn prepare(server: &Server) {
    let driver = server.driver();
    for statement in [
        "CREATE TABLE Marks",
        "CREATE TABLE Counters",
        "CREATE TABLE Accounts",
        "CREATE INDEX ON Marks (client)",
        "CREATE INDEX ON Counters (counter)",
        "CREATE INDEX ON Accounts (account)",
    ] {
        run(&driver, statement, Vec::new()).await;
    }
    for counter in 0..COUNTERS {
        run(&driver, "INSERT INTO Counters {'counter': ?, 'value': 0}", vec![int(counter)]).await;
    }
    for account in 0..ACCOUNTS {
        let statement = "INSERT INTO Accounts {'account': ?, 'balance': 1000}";
        run(&driver, statement, vec![int(account)]).await;
    }
    driver.close().await;
}

/// Starts clients that work until `stop` is set or the server is gone. They go on with numbers that the log does
/// not have yet.
pub(crate) fn start(
    server: &Server,
    clients: u64,
    log: &Arc<Mutex<Log>>,
    stop: &Arc<AtomicBool>,
    random: &mut Random,
) -> Vec<tokio::task::JoinHandle<()>> {
    start_numbered(server, 0..clients, log, stop, random)
}

/// The same, for clients with these numbers, which no other server's clients may have.
pub(crate) fn start_numbered(
    server: &Server,
    clients: std::ops::Range<u64>,
    log: &Arc<Mutex<Log>>,
    stop: &Arc<AtomicBool>,
    random: &mut Random,
) -> Vec<tokio::task::JoinHandle<()>> {
    start_over(server.transport(), clients, log, stop, random)
}

/// The same, over any way to the service.
pub(crate) fn start_over<T: Transport>(
    transport: Arc<T>,
    clients: std::ops::Range<u64>,
    log: &Arc<Mutex<Log>>,
    stop: &Arc<AtomicBool>,
    random: &mut Random,
) -> Vec<tokio::task::JoinHandle<()>> {
    clients
        .map(|client| {
            let (transport, log, stop) = (Arc::clone(&transport), Arc::clone(log), Arc::clone(stop));
            let random = Random::new(random.next());
            tokio::spawn(work(client, transport, log, stop, random))
        })
        .collect()
}

/// Runs clients for a while, and leaves them a moment to finish what they have begun.
pub(crate) async fn run_for(
    server: &Server,
    clients: u64,
    log: &Arc<Mutex<Log>>,
    time: std::time::Duration,
    random: &mut Random,
) {
    let stop = Arc::new(AtomicBool::new(false));
    let clients = start(server, clients, log, &stop, random);
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("a client does not panic");
    }
}

async fn work<T: Transport>(
    client: u64,
    transport: Arc<T>,
    log: Arc<Mutex<Log>>,
    stop: Arc<AtomicBool>,
    mut random: Random,
) {
    let last =
        log.lock().expect("no panic").fates.range((client, 0)..(client + 1, 0)).next_back().map(|(m, _)| m.1);
    let mut number = last.map_or(0, |last| last + 1);
    let mut session = None;
    let mut failures = 0;
    while !stop.load(Ordering::Relaxed) && failures < 3 {
        let mut current = match session.take() {
            Some(session) => session,
            None => match QldbSession::start(LEDGER, Arc::clone(&transport)).await {
                Ok(session) => session,
                Err(_) => {
                    failures += 1;
                    continue;
                }
            },
        };
        let mark = (client, number);
        number += 1;
        let (fate, reusable) = attempt(&mut current, mark, &mut random).await;
        log.lock().expect("no panic").fates.insert(mark, fate);
        if reusable {
            failures = 0;
            session = Some(current);
        } else {
            failures += 1;
        }
    }
    if let Some(session) = session {
        session.close().await;
    }
}

/// One transaction. Answers its fate, and whether the session can have another one.
async fn attempt<T: Transport>(
    session: &mut QldbSession<T>,
    mark: Mark,
    random: &mut Random,
) -> (Fate, bool) {
    let Ok(transaction) = session.start_transaction().await else { return (Fate::NotCommitted, false) };
    if let Err(error) = say(&transaction, mark, random).await {
        // Refused statements are bugs of this test, or of the ledger.
        assert!(!error.is_bad_request(), "{mark:?}: {error}");
        return (Fate::NotCommitted, false);
    }
    let id = transaction.id().to_owned();
    match transaction.commit().await {
        Ok(_) => (Fate::Committed(id), true),
        Err(Error::CommitOutcomeUnknown { .. }) => (Fate::Unknown(id), false),
        Err(error) => (Fate::NotCommitted, error.is_occ_conflict()),
    }
}

async fn say<T: Transport>(
    transaction: &Transaction<T>,
    mark: Mark,
    random: &mut Random,
) -> Result<(), Error> {
    let (client, number) = mark;
    let kind = ["insert", "count", "transfer"][random.below(3) as usize];
    let (mut counter, mut from, mut to, mut amount) = (0, 0, 0, 0);
    match kind {
        "count" => {
            counter = random.below(COUNTERS);
            let read = "SELECT VALUE c.\"value\" FROM Counters AS c WHERE c.counter = ?";
            let rows = transaction.execute(read, counter).await?.fetch_all().await?;
            let value = rows.first().and_then(|row| row.root().as_i64()).expect("a counter with a value");
            let update = "UPDATE Counters AS c SET c.\"value\" = ? WHERE c.counter = ?";
            transaction.execute(update, vec![Document::from(&(value + 1).into()), int(counter)]).await?;
        }
        "transfer" => {
            (from, to) = (random.below(ACCOUNTS), random.below(ACCOUNTS - 1));
            to += u64::from(to >= from);
            amount = random.below(10) + 1;
            for (account, change) in [(from, -(amount as i64)), (to, amount as i64)] {
                let read = "SELECT VALUE a.balance FROM Accounts AS a WHERE a.account = ?";
                let rows = transaction.execute(read, account).await?.fetch_all().await?;
                let balance = rows.first().and_then(|row| row.root().as_i64()).expect("an account's balance");
                let update = "UPDATE Accounts AS a SET a.balance = ? WHERE a.account = ?";
                let balance = Document::from(&(balance + change).into());
                transaction.execute(update, vec![balance, int(account)]).await?;
            }
        }
        _ => {}
    }
    let insert = "INSERT INTO Marks {'client': ?, 'by': ?, 'number': ?, 'kind': ?, 'counter': ?, 'from': ?, 'to': ?, \
                  'amount': ?}";
    let kind = Document::from(&kind.into());
    let values =
        vec![int(client), int(client), int(number), kind, int(counter), int(from), int(to), int(amount)];
    transaction.execute(insert, values).await?;
    Ok(())
}

/// Checks all that must hold, and settles in the log what was unknown.
pub(crate) async fn check(server: &Server, log: &Mutex<Log>) {
    let driver = server.driver();
    let marks = marks(&driver, log).await;
    counters(&driver, &marks).await;
    accounts(&driver, &marks).await;
    indexes(&driver, &marks).await;
    driver.close().await;
}

/// A mark as the ledger has it.
struct Found {
    transaction: String,
    kind: String,
    counter: i64,
    from: i64,
    to: i64,
    amount: i64,
}

/// Every acknowledged mark is there once and under its transaction's id, and no refused one is.
async fn marks(driver: &QldbDriver<HttpTransport>, log: &Mutex<Log>) -> BTreeMap<Mark, Found> {
    let rows =
        run(driver, "SELECT m.data AS data, m.metadata AS metadata FROM _ql_committed_Marks AS m", vec![])
            .await;
    let mut found = BTreeMap::new();
    for row in &rows {
        let (data, metadata) = (member(row.root(), "data"), member(row.root(), "metadata"));
        let mark = (number(data, "by") as u64, number(data, "number") as u64);
        assert_eq!(number(metadata, "version"), 0, "a mark is written once: {mark:?}");
        let mark_found = Found {
            transaction: text(metadata, "txId"),
            kind: text(data, "kind"),
            counter: number(data, "counter"),
            from: number(data, "from"),
            to: number(data, "to"),
            amount: number(data, "amount"),
        };
        assert!(found.insert(mark, mark_found).is_none(), "mark {mark:?} is there twice");
    }
    let mut log = log.lock().expect("no panic");
    for (mark, fate) in &mut log.fates {
        let there = found.get(mark).map(|found| found.transaction.as_str());
        *fate = match (&*fate, there) {
            (Fate::Committed(id), Some(there)) if id == there => continue,
            (Fate::NotCommitted, None) => continue,
            (Fate::Unknown(id), Some(there)) if id == there => Fate::Committed(id.clone()),
            (Fate::Unknown(_), None) => Fate::NotCommitted,
            (fate, there) => panic!("the client's {mark:?} is {fate:?}, the ledger has it from {there:?}"),
        };
    }
    let stray: Vec<&Mark> = found.keys().filter(|mark| !log.fates.contains_key(mark)).collect();
    assert!(stray.is_empty(), "marks that nobody sent: {stray:?}");
    let transactions: BTreeSet<&str> = found.values().map(|found| found.transaction.as_str()).collect();
    assert_eq!(transactions.len(), found.len(), "one mark a transaction");
    found
}

/// Each counter was stepped once by each of its marks' transactions; its history has every version.
async fn counters(driver: &QldbDriver<HttpTransport>, marks: &BTreeMap<Mark, Found>) {
    let query = "SELECT h.data AS data, h.metadata AS metadata FROM history(Counters) AS h";
    let histories = histories(run(driver, query, vec![]).await, "counter");
    assert_eq!(histories.len() as u64, COUNTERS);
    for (counter, history) in histories {
        let steps: BTreeSet<&str> = marks
            .values()
            .filter(|mark| mark.kind == "count" && mark.counter == counter)
            .map(|mark| mark.transaction.as_str())
            .collect();
        assert_eq!(history.len(), steps.len() + 1, "versions of counter {counter}");
        for (version, revision) in history.iter().enumerate() {
            let value = number(member(revision.root(), "data"), "value");
            assert_eq!(value, version as i64, "version {version} of counter {counter}");
            let transaction = text(member(revision.root(), "metadata"), "txId");
            assert!(version == 0 || steps.contains(transaction.as_str()), "counter {counter}: {transaction}");
        }
    }
}

/// Balances are what the transfers make them, so their sum never changes, and no transfer was done by half.
async fn accounts(driver: &QldbDriver<HttpTransport>, marks: &BTreeMap<Mark, Found>) {
    let query = "SELECT h.data AS data, h.metadata AS metadata FROM history(Accounts) AS h";
    let histories = histories(run(driver, query, vec![]).await, "account");
    assert_eq!(histories.len() as u64, ACCOUNTS);
    let mut sum = 0;
    for (account, history) in &histories {
        let transfers = marks.values().filter(|mark| mark.kind == "transfer");
        let (mut expected, mut changes) = (BALANCE, 0);
        for transfer in transfers.filter(|mark| mark.from == *account || mark.to == *account) {
            expected += if transfer.to == *account { transfer.amount } else { -transfer.amount };
            changes += 1;
        }
        assert_eq!(history.len(), changes + 1, "versions of account {account}");
        let last = history.last().expect("an account has a revision");
        let balance = number(member(last.root(), "data"), "balance");
        assert_eq!(balance, expected, "balance of account {account}");
        sum += balance;
    }
    assert_eq!(sum, BALANCE * ACCOUNTS as i64, "money was made or lost");
}

/// What the index on `client` answers is what a scan over the same value under another name answers.
async fn indexes(driver: &QldbDriver<HttpTransport>, marks: &BTreeMap<Mark, Found>) {
    let clients: BTreeSet<u64> = marks.keys().map(|mark| mark.0).collect();
    for client in clients {
        let mut answers = [Vec::new(), Vec::new()];
        for (answer, query) in answers.iter_mut().zip([
            "SELECT VALUE m.number FROM Marks AS m WHERE m.client = ?",
            "SELECT VALUE m.number FROM Marks AS m WHERE m.\"by\" = ?",
        ]) {
            let rows = run(driver, query, vec![int(client)]).await;
            *answer = rows.iter().map(|row| row.root().as_i64().expect("a number")).collect();
            answer.sort_unstable();
        }
        let expected: Vec<i64> =
            marks.range((client, 0)..(client + 1, 0)).map(|((_, number), _)| *number as i64).collect();
        assert_eq!(answers[0], expected, "the index's answer for client {client}");
        assert_eq!(answers[1], expected, "the scan's answer for client {client}");
    }
}

/// Revisions by a field of theirs, in order of version, none missing.
fn histories(rows: Vec<Document>, field: &str) -> BTreeMap<i64, Vec<Document>> {
    let mut histories: BTreeMap<i64, Vec<Document>> = BTreeMap::new();
    for row in rows {
        histories.entry(number(member(row.root(), "data"), field)).or_default().push(row);
    }
    let version = |row: &Document| number(member(row.root(), "metadata"), "version");
    for history in histories.values_mut() {
        history.sort_by_key(version);
        let versions: Vec<i64> = history.iter().map(version).collect();
        assert_eq!(versions, (0..history.len() as i64).collect::<Vec<_>>(), "versions without a gap");
    }
    histories
}

/// Runs one statement in a transaction of its own, which must succeed.
pub(crate) async fn run(
    driver: &QldbDriver<HttpTransport>,
    statement: &str,
    parameters: Vec<Document>,
) -> Vec<Document> {
    try_run(driver, statement, parameters).await.unwrap_or_else(|error| panic!("{statement}: {error}"))
}

/// Runs one statement in a transaction of its own.
pub(crate) async fn try_run(
    driver: &QldbDriver<HttpTransport>,
    statement: &str,
    parameters: Vec<Document>,
) -> Result<Vec<Document>, Error> {
    let parameters = &parameters;
    driver
        .execute(|transaction| async move {
            transaction.execute(statement, parameters.clone()).await?.fetch_all().await
        })
        .await
}

/// A number as a parameter.
pub(crate) fn int(number: u64) -> Document {
    Document::from(&number.into())
}

fn member<'a>(value: RawValue<'a>, name: &str) -> RawValue<'a> {
    value.get(name).unwrap_or_else(|| panic!("no {name} in {}", value.to_value()))
}

fn number(value: RawValue<'_>, name: &str) -> i64 {
    member(value, name).as_i64().unwrap_or_else(|| panic!("{name} is no number in {}", value.to_value()))
}

fn text(value: RawValue<'_>, name: &str) -> String {
    member(value, name)
        .as_text()
        .unwrap_or_else(|| panic!("{name} is no text in {}", value.to_value()))
        .to_owned()
}
