//! Ledgers that are opened, closed, damaged and deleted beside each other.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use everstrand_journal::{CommitDigest, statement_digest};
use everstrand_ledger::ManualClock;
use everstrand_protocol::{Command, Page, Reply, SendCommandRequest, ServiceError, SessionToken};
use everstrand_server::config::{Config, Storage};
use everstrand_server::{Request, Response, Service, ServiceOpenError, ledger_folders};
use serde_json::{Value, json};

use super::{error, json as body, send, service_and_clock};

/// How long a test waits for background work.
const PATIENCE: Duration = Duration::from_secs(30);

fn open_with(folder: &Path, set: impl FnOnce(&mut Config)) -> (Arc<Service>, Arc<ManualClock>) {
    let mut config = Config::new(Storage::Folder(folder.to_owned()));
    set(&mut config);
    // Each service needs another seed, because ids must never repeat.
    static OPENED: AtomicU64 = AtomicU64::new(1000);
    let (service, clock) = service_and_clock(config, OPENED.fetch_add(1, Ordering::Relaxed));
    (Arc::new(service), clock)
}

fn open(folder: &Path) -> (Arc<Service>, Arc<ManualClock>) {
    open_with(folder, |_| ())
}

async fn ask(
    service: &Service,
    token: Option<&SessionToken>,
    command: Command,
) -> Result<Reply, ServiceError> {
    service.send_command(SendCommandRequest { session_token: token.cloned(), command }).await
}

async fn start(service: &Service, ledger: &str) -> Result<SessionToken, ServiceError> {
    match ask(service, None, Command::StartSession { ledger_name: ledger.to_owned() }).await? {
        Reply::StartSession(result) => Ok(result.session_token),
        other => panic!("{other:?}"),
    }
}

/// Runs a statement in a transaction and a session of its own.
pub(crate) async fn run(service: &Service, ledger: &str, statement: &str) -> Result<Page, ServiceError> {
    let token = start(service, ledger).await?;
    let page = run_in(service, &token, statement).await;
    ask(service, Some(&token), Command::EndSession).await?;
    page
}

async fn run_in(service: &Service, token: &SessionToken, statement: &str) -> Result<Page, ServiceError> {
    let Reply::StartTransaction(started) = ask(service, Some(token), Command::StartTransaction).await? else {
        panic!("another reply")
    };
    let transaction_id = started.transaction_id;
    let execute = Command::ExecuteStatement {
        transaction_id: transaction_id.clone(),
        statement: statement.to_owned(),
        parameters: Vec::new(),
    };
    let Reply::ExecuteStatement(answered) = ask(service, Some(token), execute).await? else {
        panic!("another reply")
    };
    let mut digest = CommitDigest::from_text(&transaction_id);
    digest.add(statement_digest(statement, &[]));
    let commit_digest = digest.value().as_bytes().to_vec();
    ask(service, Some(token), Command::CommitTransaction { transaction_id, commit_digest }).await?;
    Ok(answered.first_page)
}

pub(crate) async fn count(service: &Service, ledger: &str) -> usize {
    run(service, ledger, "SELECT n FROM t").await.expect("rows").values.len()
}

pub(crate) async fn insert(service: &Service, ledger: &str, numbers: std::ops::Range<u32>) {
    for number in numbers {
        run(service, ledger, &format!("INSERT INTO t VALUE {{'n': {number}}}")).await.expect("inserted");
    }
}

/// A number of `/metrics` about a ledger.
async fn metric(service: &Service, name: &str, ledger: &str) -> Option<u64> {
    let answered = send(service, "GET", "/metrics", None, b"").await;
    let text = String::from_utf8(answered.body).expect("text");
    let start = format!("everstrand_{name}{{LedgerName=\"{ledger}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&start)).map(|number| number.parse().expect("a number"))
}

async fn describe(service: &Service, ledger: &str) -> Value {
    body(&send(service, "GET", &format!("/ledgers/{ledger}"), None, b"").await)
}

async fn ready(service: &Service) -> Response {
    let request = Request { method: "GET", path: "/ready", query: "", headers: &[], body: b"" };
    service.handle(request).await
}

/// Calls `sweep` until a condition holds.
async fn sweep_until(service: &Service, what: &str, is_so: impl AsyncFn() -> bool) {
    let until = std::time::Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(std::time::Instant::now() < until, "not within {PATIENCE:?}: {what}");
        service.sweep();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn folder_of(data: &Path, ledger: &str) -> PathBuf {
    let ledgers = ledger_folders(data).expect("a data folder");
    ledgers.into_iter().find(|(name, _)| name == ledger).expect("its folder").1
}

/// A data folder with closed ledgers, each with a table of three rows.
async fn filled(ledgers: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let (service, _) = open(folder.path());
    for ledger in ledgers {
        service.create_ledger_unless_it_exists(ledger).expect("a ledger");
        run(&service, ledger, "CREATE TABLE t").await.expect("a table");
        insert(&service, ledger, 0..3).await;
    }
    service.close();
    folder
}

/// A closed service has released its folder, even if somebody still holds the service.
#[tokio::test]
async fn a_closed_folder_can_be_opened_at_once() {
    let folder = filled(&["closed"]).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        let (service, _) = open(folder.path());
        let token = start(&service, "closed").await.expect("a session");
        run_in(&service, &token, "SELECT n FROM t").await.expect("rows");
        let second = Service::open(Config::new(Storage::Folder(folder.path().to_owned())));
        let why = second.err().expect("the folder is in use");
        assert!(matches!(&why, ServiceOpenError::InUse { folder: held, .. } if held == folder.path()));
        assert!(why.to_string().contains("another service of this process"), "{why}");
        service.close();
        let refused = start(&service, "closed").await.expect_err("it is closed");
        assert!(refused.message.contains("stopped"), "{}", refused.message);
        held.push(service);
    }
}

/// While one operation of the control API is slow, sessions begin, and other operations change and list ledgers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_operation_on_one_ledger_delays_no_other() {
    let folder = filled(&["other"]).await;
    let (service, _) = open(folder.path());
    let (begun, begins) = channel();
    let (end, ends) = channel::<()>();
    let importing = Arc::clone(&service);
    let slow = std::thread::spawn(move || {
        importing.import_ledger("slow", &mut |_| {
            begun.send(()).expect("the test listens");
            let _ = ends.recv();
            Err("given up".to_owned())
        })
    });
    begins.recv_timeout(PATIENCE).expect("it begins");
    assert_eq!(count(&service, "other").await, 3);
    assert_eq!(describe(&service, "slow").await["State"], "CREATING");
    let create = json!({"Name": "slow", "PermissionsMode": "ALLOW_ALL"}).to_string();
    let taken = send(&service, "POST", "/ledgers", None, create.as_bytes()).await;
    assert_eq!(error(&taken).0, 409, "the name is taken already");
    let create = json!({"Name": "quick", "PermissionsMode": "ALLOW_ALL", "DeletionProtection": false});
    body(&send(&service, "POST", "/ledgers", None, create.to_string().as_bytes()).await);
    let listed = body(&send(&service, "GET", "/ledgers", None, b"").await);
    assert_eq!(listed["Ledgers"].as_array().expect("a list").len(), 3);
    assert_eq!(send(&service, "DELETE", "/ledgers/quick", None, b"").await.status, 200);
    drop(end);
    let failed = slow.join().expect("no panic").expect_err("it was given up");
    assert!(failed.message.contains("given up"), "{}", failed.message);
    assert_eq!(send(&service, "GET", "/ledgers/slow", None, b"").await.status, 404, "it never was");
    service.close();
}

#[tokio::test]
async fn a_ledger_is_open_as_long_as_it_is_used() {
    let folder = filled(&["idle", "never"]).await;
    let (service, clock) = open_with(folder.path(), |config| config.ledger_idle = Duration::from_secs(60));
    let is_open = async |ledger: &str| metric(&service, "ledger_open", ledger).await == Some(1);
    assert!(!is_open("idle").await, "nobody asked for it");
    let token = start(&service, "idle").await.expect("a session");
    assert!(is_open("idle").await && !is_open("never").await);
    // An idle session keeps it open too.
    for _ in 0..5 {
        clock.advance(61_000);
        service.sweep();
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    run_in(&service, &token, "INSERT INTO t VALUE {'n': 9}").await.expect("it is open");
    ask(&service, Some(&token), Command::EndSession).await.expect("ended");
    sweep_until(&service, "it is closed", async || {
        clock.advance(20_000);
        !is_open("idle").await
    })
    .await;
    // The closed ledger is still counted, and a session or a GetDigest opens it again.
    for ledger in ["idle", "never"] {
        assert_eq!(metric(&service, "ledger_writable", ledger).await, Some(1));
        assert!(metric(&service, "ledger_blocks", ledger).await >= Some(5));
        let digest = send(&service, "POST", &format!("/ledgers/{ledger}/digest"), None, b"").await;
        assert_eq!(digest.status, 200);
    }
    assert_eq!(count(&service, "idle").await, 4);
    service.close();
}

/// After a crash a ledger may have work left that no request asks for. So every ledger is opened once and closed again.
#[tokio::test]
async fn ledgers_that_were_not_closed_cleanly_are_opened_once() {
    let folder = filled(&["a", "b", "c"]).await;
    for ledger in ["a", "c"] {
        fs::remove_file(folder_of(folder.path(), ledger).join("note")).expect("as it is after a crash");
    }
    let (service, clock) = open_with(folder.path(), |config| config.ledger_idle = Duration::from_secs(3600));
    assert_eq!(metric(&service, "ledger_blocks", "a").await, None, "nobody knows yet");
    sweep_until(&service, "they are opened", async || {
        clock.advance(1000);
        metric(&service, "ledger_open", "a").await == Some(1)
            && metric(&service, "ledger_open", "c").await == Some(1)
    })
    .await;
    assert_eq!(metric(&service, "ledger_open", "b").await, Some(0), "it was closed in order");
    service.close();
    for ledger in ["a", "b", "c"] {
        assert!(folder_of(folder.path(), ledger).join("note").exists());
    }
}

/// The number of open ledgers has a bound. A ledger that nobody uses is closed in favour of another.
#[tokio::test]
async fn an_idle_ledger_is_closed_in_favour_of_another() {
    let names = ["one", "two", "three", "four"];
    let folder = filled(&names).await;
    let (service, clock) = open_with(folder.path(), |config| config.ledgers_open_max = 2);
    for _ in 0..3 {
        for name in names {
            clock.advance(10);
            assert_eq!(count(&service, name).await, 3);
        }
    }
    let one = start(&service, "one").await.expect("a session");
    let two = start(&service, "two").await.expect("a session");
    let refused = start(&service, "three").await.expect_err("there is no room");
    assert!(refused.message.contains("2 ledgers are in use at once"), "{}", refused.message);
    assert!(run_in(&service, &one, "SELECT n FROM t").await.is_ok());
    ask(&service, Some(&two), Command::EndSession).await.expect("ended");
    clock.advance(1001);
    assert_eq!(count(&service, "three").await, 3, "and what was refused is tried again");
    service.close();
}

/// A ledger without a readable record is unavailable, its name stays taken, and the other ledgers are served.
#[tokio::test]
async fn a_ledger_without_a_readable_record_is_unavailable_and_its_name_is_taken() {
    for cut in [false, true] {
        let folder = filled(&["lost", "kept"]).await;
        let meta = folder_of(folder.path(), "lost").join("meta");
        let whole = fs::read(&meta).expect("a file");
        match cut {
            false => fs::remove_file(&meta).expect("removed"),
            true => fs::write(&meta, b"").expect("cut"),
        }
        for _ in 0..2 {
            let (service, _) = open(folder.path());
            assert_eq!(count(&service, "kept").await, 3);
            let refused = start(&service, "lost").await.expect_err("it has no record");
            assert_eq!(refused.http_status(), 503, "{}", refused.message);
            assert!(refused.message.contains("meta"), "{}", refused.message);
            let impaired = describe(&service, "lost").await["Impaired"].as_str().expect("why").to_owned();
            assert!(impaired.contains("meta"), "{impaired}");
            assert_eq!(metric(&service, "ledger_writable", "lost").await, Some(0));
            let listed = body(&send(&service, "GET", "/ledgers", None, b"").await);
            assert_eq!(listed["Ledgers"].as_array().expect("a list").len(), 2);
            let create = json!({"Name": "lost", "PermissionsMode": "ALLOW_ALL"}).to_string();
            assert_eq!(error(&send(&service, "POST", "/ledgers", None, create.as_bytes()).await).0, 409);
            assert_eq!(error(&send(&service, "DELETE", "/ledgers/lost", None, b"").await).0, 503);
            let answered = ready(&service).await;
            let reasons: Value = serde_json::from_slice(&answered.body).expect("JSON");
            assert_eq!(
                (answered.status, &reasons["reasons"][0]["LedgerName"]),
                (503, &json!("lost")),
                "{reasons}"
            );
            assert_eq!(send(&service, "GET", "/health", None, b"").await.status, 200);
            service.close();
        }
        fs::write(&meta, whole).expect("put back");
        let (service, _) = open(folder.path());
        assert_eq!(count(&service, "lost").await, 3);
        service.close();
    }
}

/// A folder whose ledger's name is unknown may be any ledger's, so no ledger can be created meanwhile.
#[tokio::test]
async fn no_ledger_is_created_while_a_name_is_unknown() {
    let folder = filled(&["lost", "kept"]).await;
    let lost = folder_of(folder.path(), "lost");
    fs::remove_file(lost.join("meta")).expect("removed");
    fs::remove_file(lost.join("note")).expect("removed");
    let (service, _) = open(folder.path());
    assert_eq!(count(&service, "kept").await, 3);
    let refused = service.create_ledger_unless_it_exists("lost").expect_err("it may be this one");
    assert_eq!(refused.exception.name(), "ResourceInUseException");
    let id = lost.file_name().and_then(|name| name.to_str()).expect("an id");
    assert!(refused.message.contains(id) && refused.message.contains("meta"), "{}", refused.message);
    let answered = ready(&service).await;
    assert!(answered.status == 503 && String::from_utf8_lossy(&answered.body).contains(id));
    service.create_ledger_unless_it_exists("kept").expect("it is there");
    service.close();
}

/// Deletion is one atomic rename. The files that a crash leaves behind are not a ledger, and the next start removes them.
#[tokio::test]
async fn leftovers_of_deleted_ledgers_are_removed() {
    let folder = filled(&["kept", "gone"]).await;
    let gone = folder_of(folder.path(), "gone");
    let id = gone.file_name().and_then(|name| name.to_str()).expect("an id").to_owned();
    let (service, _) = open(folder.path());
    body(&send(&service, "PATCH", "/ledgers/gone", None, br#"{"DeletionProtection": false}"#).await);
    assert_eq!(send(&service, "DELETE", "/ledgers/gone", None, b"").await.status, 200);
    assert!(!gone.exists(), "no start will take it for a ledger");
    let left = folder.path().join(format!("{id}.deleted"));
    sweep_until(&service, "its files are removed", async || !left.exists()).await;
    service.create_ledger_unless_it_exists("gone").expect("the name is free");
    service.close();

    // A crash leaves a folder that was renamed but not removed. An earlier version could leave a view without a journal.
    let other = folder.path().join("AAAAAAAAAAAAAAAAAAAAAA");
    let foreign = folder.path().join("BBBBBBBBBBBBBBBBBBBBBB");
    for path in [left.join("view"), other.join("view"), foreign.join("view")] {
        fs::create_dir_all(&path).expect("a folder");
        fs::write(path.join("documents"), b"secret").expect("a file");
    }
    fs::write(foreign.join("somebody-elses"), b"").expect("a file");
    let (service, _) = open(folder.path());
    sweep_until(&service, "they are removed", async || !left.exists() && !other.exists()).await;
    assert!(foreign.exists(), "what somebody has put there is left alone");
    assert_eq!(count(&service, "kept").await, 3);
    service.close();
}

/// The view shows that the end of the journal is gone. Reads go on; writes are refused until the
/// operator accepts the loss, or until the journal is whole again.
#[tokio::test]
async fn a_journal_that_lacks_acknowledged_blocks_is_not_written_to() {
    let folder = filled(&["cut"]).await;
    let ledger = folder_of(folder.path(), "cut");
    let segment = ledger.join("journal/0000000000000000.segment");
    let old = fs::read(&segment).expect("a segment");
    let (service, _) = open(folder.path());
    insert(&service, "cut", 3..10).await;
    service.close();
    let whole = fs::read(&segment).expect("a segment");
    fs::write(&segment, &old).expect("put back to an older copy");

    let refused_everywhere = async |service: &Service| {
        assert_eq!(count(service, "cut").await, 3);
        let refused = run(service, "cut", "INSERT INTO t VALUE {'n': 10}").await.expect_err("refused");
        for expected in ["acknowledged", "copied while a server wrote", "accept-loss"] {
            assert!(refused.message.contains(expected), "{}", refused.message);
        }
        assert_eq!(metric(service, "ledger_writable", "cut").await, Some(0));
        let impaired = describe(service, "cut").await["Impaired"].as_str().expect("why").to_owned();
        assert!(impaired.contains("missing"), "{impaired}");
    };
    for _ in 0..2 {
        let (service, _) = open(folder.path());
        refused_everywhere(&service).await;
        service.close();
    }
    // Removing the view changes nothing, and the metric shows the loss before the ledger is opened.
    fs::remove_dir_all(ledger.join("view")).expect("removed");
    let (service, _) = open(folder.path());
    assert_eq!(metric(&service, "ledger_writable", "cut").await, Some(0));
    refused_everywhere(&service).await;
    service.close();

    // The missing blocks come back.
    fs::write(&segment, &whole).expect("put back");
    let (service, _) = open(folder.path());
    assert_eq!(count(&service, "cut").await, 10);
    assert_eq!(metric(&service, "ledger_writable", "cut").await, Some(1));
    let nothing = service.accept_loss("cut").expect_err("nothing is missing");
    assert!(nothing.message.contains("no loss to accept"), "{}", nothing.message);
    service.close();
    assert!(!ledger.join("view-ahead").exists());

    // They are gone again, and this time the operator accepts the loss.
    fs::write(&segment, &old).expect("put back to an older copy");
    let (service, _) = open(folder.path());
    let loss = service.accept_loss("cut").expect("the operator has decided");
    assert!(loss.to_string().contains("block 11"), "{loss}");
    assert!(!ledger.join("view-ahead").exists());
    assert_eq!(count(&service, "cut").await, 3);
    insert(&service, "cut", 20..22).await;
    service.close();
    let (service, _) = open(folder.path());
    assert_eq!(count(&service, "cut").await, 5);
    assert_eq!(metric(&service, "ledger_writable", "cut").await, Some(1));
    service.close();
}

/// The last slot is damaged, and the view is the only proof of its blocks.
#[tokio::test]
async fn a_view_is_kept_if_the_journals_last_slot_is_damaged() {
    let folder = filled(&["damaged"]).await;
    let ledger = folder_of(folder.path(), "damaged");
    let segment = ledger.join("journal/0000000000000000.segment");
    let whole = fs::read(&segment).expect("a segment");
    let mut flipped = whole.clone();
    // The last record is the mark of a clean end, which is short.
    let end = whole.iter().rposition(|byte| *byte != 0).expect("a record");
    flipped[end - 100] ^= 1;
    fs::write(&segment, &flipped).expect("written");
    let read_only = async |service: &Service, documents: usize| {
        assert_eq!(count(service, "damaged").await, documents);
        let refused = run(service, "damaged", "INSERT INTO t VALUE {'n': 9}").await.expect_err("refused");
        assert!(refused.message.contains("damaged"), "{}", refused.message);
        assert_eq!(metric(service, "ledger_writable", "damaged").await, Some(0));
    };
    for _ in 0..2 {
        let (service, _) = open(folder.path());
        read_only(&service, 3).await;
        service.close();
    }
    // If the damaged end is cut off now, the view still proves that it was there.
    let mut short = flipped.clone();
    short[end - 300..].fill(0);
    fs::write(&segment, &short).expect("written");
    let (service, _) = open(folder.path());
    assert_eq!(count(&service, "damaged").await, 2);
    let refused = run(&service, "damaged", "INSERT INTO t VALUE {'n': 9}").await.expect_err("refused");
    assert!(refused.message.contains("accept-loss"), "{}", refused.message);
    service.close();

    fs::write(&segment, &whole).expect("put back");
    let (service, _) = open(folder.path());
    insert(&service, "damaged", 3..4).await;
    assert_eq!(count(&service, "damaged").await, 4);
    service.close();
}

/// A bit flips in the journal of an open or a closed ledger. The background check finds it, and the ledger takes no more
/// writes until the journal is restored.
#[tokio::test]
async fn damage_is_found_in_the_background_and_remembered() {
    for opened in [true, false] {
        let folder = filled(&["damaged", "whole"]).await;
        let (service, clock) = open(folder.path());
        if opened {
            assert_eq!(count(&service, "damaged").await, 3);
        }
        let segment = folder_of(folder.path(), "damaged").join("journal/0000000000000000.segment");
        let whole = fs::read(&segment).expect("a segment");
        let mut flipped = whole.clone();
        // Flip it in the first record, which neither opening nor writing reads.
        flipped[64 + 32 + 100] ^= 1;
        fs::write(&segment, &flipped).expect("written");
        let writable = async || metric(&service, "ledger_writable", "damaged").await;
        assert_eq!(writable().await, Some(1), "nobody has seen it yet");
        sweep_until(&service, "it is found", async || {
            clock.advance(1000);
            writable().await == Some(0)
        })
        .await;
        assert_eq!(metric(&service, "ledger_writable", "whole").await, Some(1));
        let impaired = describe(&service, "damaged").await["Impaired"].as_str().expect("why").to_owned();
        assert!(impaired.contains("damaged"), "{impaired}");
        assert_eq!(count(&service, "damaged").await, 3, "what is known is still answered");
        let refused = run(&service, "damaged", "INSERT INTO t VALUE {'n': 9}").await.expect_err("refused");
        assert!(refused.message.contains("damaged"), "{}", refused.message);
        service.close();

        let (service, _) = open(folder.path());
        assert_eq!(metric(&service, "ledger_writable", "damaged").await, Some(0), "it is remembered");
        service.close();
        fs::write(&segment, &whole).expect("put back");
        let (service, _) = open(folder.path());
        insert(&service, "damaged", 3..4).await;
        assert_eq!(metric(&service, "ledger_writable", "damaged").await, Some(1));
        service.close();
    }
}
