//! A server that follows a store: it reads as strictly as the others, and writes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::{MemoryStore, SharedStore};
use everstrand_server::config::{Config, Storage};
use everstrand_server::{ClusterKey, Service};
use serde_json::json;

use super::shared::{CREATE, Transaction, command, control, session};
use super::{error, json as answer};

const SECRET: &[u8] = b"the same secret on every server!";

/// Counts what is asked to be written.
#[derive(Debug)]
struct Watched(Arc<MemoryStore>, Arc<AtomicUsize>);

struct WatchedSlots(Arc<dyn SlotStore>, Arc<AtomicUsize>);

impl Watched {
    fn slots(&self, slots: Result<Arc<dyn SlotStore>, SlotError>) -> Result<Arc<dyn SlotStore>, SlotError> {
        slots.map(|slots| Arc::new(WatchedSlots(slots, Arc::clone(&self.1))) as _)
    }
}

impl SharedStore for Watched {
    fn journal(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        self.slots(self.0.journal(journal_id))
    }

    fn name(&self, name: &str) -> Result<Arc<dyn SlotStore>, SlotError> {
        self.slots(self.0.name(name))
    }

    fn keys(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        self.slots(self.0.keys(journal_id))
    }

    fn remove_keys(&self, journal_id: UniqueId) -> Result<(), SlotError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.remove_keys(journal_id)
    }

    fn names(&self) -> Result<Vec<(String, u64)>, SlotError> {
        self.0.names()
    }
}

impl SlotStore for WatchedSlots {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.create(slot, bytes)
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        self.0.read(slot)
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        self.0.tip_hint()
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.redact(slot, stored, bytes)
    }
}

fn serve(storage: Storage) -> Service {
    let mut config = Config::new(storage);
    config.record_reads = matches!(config.storage, Storage::Followed { .. });
    config.cluster_key = Some(ClusterKey::from_secret(SECRET).expect("it is long enough"));
    Service::open(config).expect("a service over a store")
}

fn writer(store: &Arc<MemoryStore>) -> Service {
    serve(Storage::Shared { store: Arc::clone(store) as _, cache: None })
}

/// A follower, and the number of writes that it has asked the store for.
fn follower(store: &Arc<MemoryStore>) -> (Service, Arc<AtomicUsize>) {
    let writes = Arc::new(AtomicUsize::new(0));
    let store = Arc::new(Watched(Arc::clone(store), Arc::clone(&writes)));
    (serve(Storage::Followed { store, cache: None }), writes)
}

async fn committed(service: &Service, statement: &str) {
    let mut transaction = Transaction::begin(service).await;
    transaction.execute(statement).await;
    assert_eq!(transaction.commit().await.status, 200);
}

async fn count(service: &Service) -> usize {
    let mut transaction = Transaction::begin(service).await;
    let count = transaction.execute("SELECT * FROM t").await;
    assert_eq!(transaction.commit().await.status, 200);
    count
}

#[tokio::test]
async fn a_follower_reads_strictly_refuses_what_writes_and_writes_nothing() {
    let store = Arc::new(MemoryStore::new());
    let one = writer(&store);
    let (two, writes) = follower(&store);
    // A ledger that is created later is there, too.
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    committed(&one, "CREATE TABLE t").await;
    for number in 1..4 {
        committed(&one, "INSERT INTO t VALUE {'n': 1}").await;
        assert_eq!(count(&two).await, number);
    }
    for path in ["/ledgers/cars/digest", "/ledgers/cars/block"] {
        let body = r#"{"BlockAddress": {"IonText": "{strandId: \"S\", sequenceNo: 1}"}}"#;
        let strand = answer(&control(&one, "POST", "/ledgers/cars/digest", "").await);
        let address = strand["DigestTipAddress"]["IonText"].as_str().expect("an address").to_owned();
        let strand = address.split('"').nth(1).expect("a strand");
        let body = body.replace('S', strand);
        let both = [
            answer(&control(&one, "POST", path, &body).await),
            answer(&control(&two, "POST", path, &body).await),
        ];
        assert_eq!(both[0], both[1]);
    }
    for statement in ["INSERT INTO t VALUE {'n': 2}", "CREATE TABLE other", "DELETE FROM t"] {
        let mut refused = Transaction::begin(&two).await;
        let (status, exception, message) = error(&refused.send(statement).await);
        assert_eq!((status, exception.as_str()), (400, "BadRequestException"));
        assert!(message.contains("--follow"), "{message}");
    }
    let arn = "arn%3Aaws%3Aqldb%3Aus-east-1%3A000000000000%3Aledger%2Fcars";
    for (method, path, body) in [
        ("POST", "/ledgers", r#"{"Name": "other", "PermissionsMode": "STANDARD"}"#),
        ("PATCH", "/ledgers/cars", r#"{"DeletionProtection": true}"#),
        ("PATCH", "/ledgers/cars/permissions-mode", r#"{"PermissionsMode": "STANDARD"}"#),
        ("POST", &format!("/tags/{arn}"), r#"{"Tags": {"a": "b"}}"#),
        ("DELETE", &format!("/tags/{arn}?tagKeys=a"), ""),
        ("DELETE", "/ledgers/cars", ""),
    ] {
        let (status, exception, message) = error(&control(&two, method, path, body).await);
        assert_eq!(
            (status, exception.as_str()),
            (412, "ResourcePreconditionNotMetException"),
            "{method} {path}"
        );
        assert!(message.contains("--follow"), "{message}");
    }
    assert_eq!(answer(&control(&two, "GET", "/ledgers", "").await)["Ledgers"][0]["Name"], "cars");
    two.close();
    assert_eq!(writes.load(Ordering::SeqCst), 0, "nothing was even asked of the store");
}

#[tokio::test]
async fn a_follower_settles_a_commit_by_the_blocks_and_voids_nothing() {
    let store = Arc::new(MemoryStore::new());
    let one = writer(&store);
    let (two, writes) = follower(&store);
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    let mut create = Transaction::begin(&one).await;
    create.execute("CREATE TABLE t").await;
    let undecided = || async { answer(&create.outcome_at(&two).await)["Outcome"].clone() };
    assert_eq!(undecided().await, "UNDECIDED");
    let (_, exception, message) = error(&create.commit_at(&two).await);
    assert_eq!((exception.as_str(), message.contains("--follow")), ("CommitOutcomeUnknownException", true));
    assert_eq!(create.commit_at(&one).await.status, 200, "nobody has voided it");
    assert_eq!(create.commit_at(&two).await.status, 200);
    assert_eq!(answer(&create.outcome_at(&two).await), json!({"Outcome": "COMMITTED", "SequenceNo": 1}));
    assert_eq!(writes.load(Ordering::SeqCst), 0);
}

/// A server that died after it had marked a deletion: the journal has not ended yet, so others may still write to it.
#[tokio::test]
async fn until_the_journal_has_ended_a_follower_serves_a_ledger_that_is_being_deleted() {
    let store = Arc::new(MemoryStore::new());
    let one = writer(&store);
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    committed(&one, "CREATE TABLE t").await;
    let mut open = Transaction::begin(&one).await;
    open.execute("INSERT INTO t VALUE {'n': 1}").await;
    let name = store.name("cars").expect("a name");
    let active = String::from_utf8(name.read(0).expect("a read").expect("a revision")).expect("text");
    assert!(active.contains("ACTIVE"), "{active}");
    assert_eq!(
        name.create(1, active.replace("ACTIVE", "DELETING").as_bytes()).expect("a store"),
        Created::Won
    );
    let (two, writes) = follower(&store);
    assert_eq!(count(&two).await, 0);
    assert_eq!(open.commit().await.status, 200);
    assert_eq!(count(&two).await, 1, "a commit that was acknowledged is seen");
    let begun = session(&two).await;
    // Another server meets the deletion and finishes it.
    let three = writer(&store);
    assert_eq!(error(&control(&three, "GET", "/ledgers/cars", "").await).0, 404);
    let start = command(&two, &json!({"SessionToken": begun, "StartTransaction": {}})).await;
    assert_eq!(error(&start).1, "InvalidSessionException");
    assert_eq!(error(&control(&two, "GET", "/ledgers/cars", "").await).0, 404);
    assert_eq!(writes.load(Ordering::SeqCst), 0);
}
