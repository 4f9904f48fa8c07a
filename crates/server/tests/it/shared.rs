//! Several servers over one store: each serves every ledger, and each sees what another acknowledged.

use std::sync::Arc;
use std::thread;

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::{MemoryStore, SharedStore, is_sealed};
use everstrand_sealing::MasterKey;
use everstrand_server::config::{Config, Storage};
use everstrand_server::{ClusterKey, Service};
use serde_json::{Value, json};

use super::{error, json as answer, send};

pub(super) const CREATE: &str =
    r#"{"Name": "cars", "PermissionsMode": "ALLOW_ALL", "DeletionProtection": false}"#;

/// A server over a store, with views in memory.
fn server(store: &Arc<MemoryStore>) -> Service {
    server_with_key(store, b"the same secret on every server!")
}

fn server_with_key(store: &Arc<MemoryStore>, secret: &[u8]) -> Service {
    let store = Arc::clone(store) as _;
    let mut config = Config::new(Storage::Shared { store, cache: None });
    config.cluster_key = Some(ClusterKey::from_secret(secret).expect("it is long enough"));
    Service::open(config).expect("a service over a store")
}

pub(super) async fn control(
    service: &Service,
    method: &str,
    path: &str,
    body: &str,
) -> everstrand_server::Response {
    send(service, method, path, None, body.as_bytes()).await
}

pub(super) async fn command(service: &Service, body: &Value) -> everstrand_server::Response {
    send(service, "POST", "/", Some("QLDBSession.SendCommand"), body.to_string().as_bytes()).await
}

pub(super) async fn session(service: &Service) -> String {
    let body = json!({"StartSession": {"LedgerName": "cars"}});
    text(&answer(&command(service, &body).await)["StartSession"]["SessionToken"])
}

async fn begin(service: &Service, session: &str) -> String {
    let begun = answer(&command(service, &json!({"SessionToken": session, "StartTransaction": {}})).await);
    text(&begun["StartTransaction"]["TransactionId"])
}

/// A transaction as a client has it: it computes the commit digest itself.
pub(super) struct Transaction<'s> {
    service: &'s Service,
    pub(super) session: String,
    pub(super) id: String,
    digest: everstrand_journal::CommitDigest,
}

impl<'s> Transaction<'s> {
    pub(super) async fn begin(service: &'s Service) -> Transaction<'s> {
        let session = session(service).await;
        let id = begin(service, &session).await;
        let digest = everstrand_journal::CommitDigest::new(id.parse().expect("an id"));
        Transaction { service, session, id, digest }
    }

    pub(super) async fn send(&mut self, statement: &str) -> everstrand_server::Response {
        self.send_to(self.service, statement).await
    }

    /// Sends a statement to any server.
    pub(super) async fn send_to(
        &mut self,
        service: &Service,
        statement: &str,
    ) -> everstrand_server::Response {
        let request = json!({"TransactionId": self.id, "Statement": statement});
        let body = json!({"SessionToken": self.session, "ExecuteStatement": request});
        self.digest.add(everstrand_journal::statement_digest(statement, &[]));
        command(service, &body).await
    }

    /// The number of values in the result.
    pub(super) async fn execute(&mut self, statement: &str) -> usize {
        self.values(statement).await.len()
    }

    /// The values in the result, as Ion text.
    async fn values(&mut self, statement: &str) -> Vec<String> {
        let result = answer(&self.send(statement).await);
        let values =
            result["ExecuteStatement"]["FirstPage"]["Values"].as_array().cloned().unwrap_or_default();
        values.iter().map(|value| ion_text(&value["IonBinary"])).collect()
    }

    pub(super) async fn commit(self) -> everstrand_server::Response {
        self.commit_at(self.service).await
    }

    /// Sends the commit to any server.
    pub(super) async fn commit_at(&self, service: &Service) -> everstrand_server::Response {
        command(service, &self.commit_body()).await
    }

    /// The body of the commit.
    pub(super) fn commit_body(&self) -> Value {
        use base64::Engine;
        let digest = base64::engine::general_purpose::STANDARD.encode(self.digest.value().0);
        let request = json!({"TransactionId": self.id, "CommitDigest": digest});
        json!({"SessionToken": self.session, "CommitTransaction": request})
    }

    /// What a server says became of it.
    pub(super) async fn outcome_at(&self, service: &Service) -> everstrand_server::Response {
        let body = json!({"SessionToken": self.session, "TransactionId": self.id}).to_string();
        let target = "EverstrandSession.GetTransactionOutcome";
        send(service, "POST", "/", Some(target), body.as_bytes()).await
    }
}

fn ion_text(base64: &Value) -> String {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text(base64)).expect("Base64");
    everstrand_ion::text::write(&everstrand_ion::binary::read_one(&bytes).expect("Ion"))
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn what_one_server_acknowledged_the_next_transaction_on_another_sees() {
    let store = Arc::new(MemoryStore::new());
    let (one, two) = (server(&store), server(&store));
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    let mut create = Transaction::begin(&two).await;
    create.execute("CREATE TABLE t").await;
    assert_eq!(create.commit().await.status, 200);
    for number in 0..4 {
        let (writes, reads) = if number % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let mut write = Transaction::begin(writes).await;
        write.execute("INSERT INTO t VALUE {'n': 1}").await;
        assert_eq!(write.commit().await.status, 200);
        let mut read = Transaction::begin(reads).await;
        assert_eq!(read.execute("SELECT * FROM t").await, number + 1);
        assert_eq!(read.commit().await.status, 200);
        let digests = [
            answer(&control(&one, "POST", "/ledgers/cars/digest", "").await),
            answer(&control(&two, "POST", "/ledgers/cars/digest", "").await),
        ];
        assert_eq!(digests[0], digests[1]);
    }
}

#[tokio::test]
async fn transactions_on_two_servers_conflict_only_where_they_touch() {
    let store = Arc::new(MemoryStore::new());
    let (one, two) = (server(&store), server(&store));
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    let mut setup = Transaction::begin(&one).await;
    setup.execute("CREATE TABLE t").await;
    setup.execute("CREATE INDEX ON t (n)").await;
    setup.execute("INSERT INTO t << {'n': 1}, {'n': 2} >>").await;
    assert_eq!(setup.commit().await.status, 200);
    for (other, status) in [(2, 200), (1, 400)] {
        let mut here = Transaction::begin(&one).await;
        let mut there = Transaction::begin(&two).await;
        here.execute("UPDATE t SET seen = 1 WHERE n = 1").await;
        there.execute(&format!("UPDATE t SET seen = 2 WHERE n = {other}")).await;
        assert_eq!(here.commit().await.status, 200);
        let committed = there.commit().await;
        assert_eq!(committed.status, status, "{committed:?}");
        if status != 200 {
            assert_eq!(error(&committed).1, "OccConflictException");
        }
    }
}

#[tokio::test]
async fn a_ledger_is_created_changed_and_deleted_everywhere_at_once() {
    let store = Arc::new(MemoryStore::new());
    let (one, two) = (server(&store), server(&store));
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    let (status, name, _) = error(&control(&two, "POST", "/ledgers", CREATE).await);
    assert_eq!((status, name.as_str()), (409, "ResourceAlreadyExistsException"));
    let listed = answer(&control(&two, "GET", "/ledgers", "").await);
    assert_eq!(listed["Ledgers"].as_array().map(Vec::len), Some(1), "{listed}");

    let protect = |on: bool| format!("{{\"DeletionProtection\": {on}}}");
    answer(&control(&one, "PATCH", "/ledgers/cars", &protect(true)).await);
    assert_eq!(answer(&control(&two, "GET", "/ledgers/cars", "").await)["DeletionProtection"], json!(true));
    let (_, name, _) = error(&control(&two, "DELETE", "/ledgers/cars", "").await);
    assert_eq!(name, "ResourcePreconditionNotMetException");
    answer(&control(&two, "PATCH", "/ledgers/cars", &protect(false)).await);

    // Both servers have a transaction open; one of them deletes the ledger, and the name is given again at once.
    let mut setup = Transaction::begin(&one).await;
    setup.execute("CREATE TABLE t").await;
    assert_eq!(setup.commit().await.status, 200);
    let mut open = Transaction::begin(&two).await;
    open.execute("INSERT INTO t VALUE {'n': 1}").await;
    let idle = session(&two).await;
    assert_eq!(control(&one, "DELETE", "/ledgers/cars", "").await.status, 200);
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    assert_eq!(error(&open.commit().await).1, "OccConflictException");
    let begun = command(&two, &json!({"SessionToken": idle, "StartTransaction": {}})).await;
    assert_eq!(error(&begun).1, "InvalidSessionException");
    let mut fresh = Transaction::begin(&two).await;
    assert_eq!(
        fresh.execute("SELECT * FROM information_schema.user_tables").await,
        0,
        "it is another ledger"
    );
}

fn encrypting_server(store: &Arc<MemoryStore>, master_key: &str) -> Service {
    let mut config = Config::new(Storage::Shared { store: Arc::clone(store) as _, cache: None });
    config.master_key = Some(MasterKey::from_text(&master_key.repeat(32), "here").expect("a key"));
    Service::open(config).expect("a service over a store")
}

#[tokio::test]
async fn an_encrypted_ledger_is_served_by_all_who_have_the_master_key() {
    let store = Arc::new(MemoryStore::new());
    let (one, two) = (encrypting_server(&store, "7f"), encrypting_server(&store, "7f"));
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    let mut write = Transaction::begin(&two).await;
    write.execute("CREATE TABLE readable").await;
    assert_eq!(write.commit().await.status, 200);
    let mut read = Transaction::begin(&one).await;
    assert_eq!(read.execute("SELECT * FROM readable").await, 0);

    let id = ledger_id_of(&store);
    let slots = store.journal(id).expect("a journal");
    for stored in slots.read_many(0, usize::MAX).expect("slots") {
        assert!(is_sealed(&stored));
        assert!(!stored.windows(8).any(|window| window == b"readable"));
    }

    for (stranger, why) in
        [(server(&store), "no master key"), (encrypting_server(&store, "70"), "the one given has")]
    {
        let body = json!({"StartSession": {"LedgerName": "cars"}});
        let (status, _, message) = error(&command(&stranger, &body).await);
        assert_eq!((status, message.contains(why)), (503, true), "{message}");
    }
    assert_eq!(control(&two, "DELETE", "/ledgers/cars", "").await.status, 200);
    assert_eq!(store.keys(id).expect("keys").read(0).expect("a read"), None);
    // The name is free, and what the deleted ledger held can never be read again.
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
}

/// A data key that nobody can open does not keep a ledger from being deleted, and a server that has it open still can write nothing more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_whose_data_key_cannot_be_opened_is_deleted() {
    let store = Arc::new(MemoryStore::new());
    let (one, stranger) = (encrypting_server(&store, "7f"), encrypting_server(&store, "70"));
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    let mut open = Transaction::begin(&one).await;
    open.execute("CREATE TABLE readable").await;
    let id = ledger_id_of(&store);
    let described = control(&stranger, "GET", "/ledgers/cars", "").await;
    assert_eq!(described.status, 200);
    let deleted = control(&stranger, "DELETE", "/ledgers/cars", "").await;
    assert_eq!(deleted.status, 200, "{}", String::from_utf8_lossy(&deleted.body));
    assert_ne!(open.commit().await.status, 200, "the journal has its end");
    assert_eq!(store.keys(id).expect("keys").read(0).expect("a read"), None);
    for (server, name) in [(&stranger, "cars"), (&one, "cars")] {
        let described = control(server, "GET", &format!("/ledgers/{name}"), "").await;
        assert_eq!(error(&described).1, "ResourceNotFoundException");
    }
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    let mut again = Transaction::begin(&one).await;
    again.execute("CREATE TABLE other").await;
    assert_eq!(again.commit().await.status, 200, "the name has a new ledger");
}

/// A ledger in clear is encrypted where it lies, and goes on as the same ledger; afterwards nothing of it is in clear.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clear_ledger_is_encrypted_where_it_lies() {
    let store = Arc::new(MemoryStore::new());
    let one = server(&store);
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    let mut write = Transaction::begin(&one).await;
    write.execute("CREATE TABLE readable").await;
    assert_eq!(write.commit().await.status, 200);
    for number in 0..60 {
        let mut write = Transaction::begin(&one).await;
        write.execute(&format!("INSERT INTO readable VALUE {{'plainname': 'plaintext {number}'}}")).await;
        assert_eq!(write.commit().await.status, 200);
    }
    let digest = answer(&control(&one, "POST", "/ledgers/cars/digest", "").await);
    let described = answer(&control(&one, "GET", "/ledgers/cars", "").await);
    assert_eq!(
        (&described["EncryptionDescription"], &described["LiesInClear"]),
        (&Value::Null, &Value::Null)
    );
    one.close();
    let slots = store.journal(ledger_id_of(&store)).expect("a journal");
    let clear =
        || slots.read_many(0, usize::MAX).expect("slots").iter().filter(|stored| !is_sealed(stored)).count();
    let before = clear();
    assert!(before > 60);

    // Without the key nothing happens, and an interruption leaves a ledger that can be used, and says so.
    server(&store).encrypt("cars", &mut |_, _| {}).expect_err("there is no master key");
    let two = encrypting_server(&store, "7f");
    let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        two.encrypt("cars", &mut |done, _| assert_eq!(done, 0, "stopped"))
    }));
    assert!(stopped.is_err());
    drop(two);
    let three = encrypting_server(&store, "7f");
    let described = answer(&control(&three, "GET", "/ledgers/cars", "").await);
    let said = described["LiesInClear"].as_str().expect("it says so");
    assert!(
        said.starts_with("its slots from 0 on, of 6") && said.contains("everstrand encrypt cars"),
        "{said}"
    );
    let mut write = Transaction::begin(&three).await;
    write.execute("INSERT INTO readable VALUE {'plainname': 'meanwhile'}").await;
    assert_eq!(write.commit().await.status, 200);
    three.encrypt("cars", &mut |_, _| {}).expect("encrypted");
    three.encrypt("cars", &mut |_, _| {}).expect("again, with nothing to do");
    three.close();

    assert_eq!(clear(), 0);
    for stored in slots.read_many(0, usize::MAX).expect("slots") {
        for mark in [b"readable", b"plainnam", b"plaintex", b"meanwhil", b"CREATE T", b"INSERT I"] {
            assert!(!stored.windows(8).any(|window| window == mark));
        }
    }
    let four = encrypting_server(&store, "7f");
    let described = answer(&control(&four, "GET", "/ledgers/cars", "").await);
    assert_eq!(described["EncryptionDescription"]["EncryptionStatus"], "ENABLED");
    assert_eq!(described["LiesInClear"], Value::Null);
    let mut read = Transaction::begin(&four).await;
    assert_eq!(read.execute("SELECT * FROM readable").await, 61);
    let request =
        json!({"BlockAddress": digest["DigestTipAddress"], "DigestTipAddress": digest["DigestTipAddress"]});
    let proved = control(&four, "POST", "/ledgers/cars/block", &request.to_string()).await;
    assert_eq!(proved.status, 200, "the digest of then still holds");
}

/// A store that cannot replace slots keeps its ledgers as they are, and says what else can be done.
#[test]
fn where_slots_cannot_be_replaced_nothing_is_encrypted() {
    let store = Arc::new(MemoryStore::new());
    let mut config = Config::new(Storage::Shared { store: Arc::clone(&store) as _, cache: None });
    config.redaction_refused = Some("objects are locked".to_owned());
    config.master_key = Some(MasterKey::from_text(&"7f".repeat(32), "here").expect("a key"));
    server(&store).create_ledger_unless_it_exists("cars").expect("created");
    let refused =
        Service::open(config).expect("a service").encrypt("cars", &mut |_, _| {}).expect_err("refused");
    assert!(refused.message.contains("objects are locked") && refused.message.contains("everstrand restore"));
    assert_eq!(
        store.keys(ledger_id_of(&store)).expect("keys").read(0).expect("a read"),
        None,
        "it has no key"
    );
}

/// The id of the only ledger of a store.
fn ledger_id_of(store: &Arc<MemoryStore>) -> UniqueId {
    let revision = store.name("cars").expect("a name").read(0).expect("a read").expect("a revision");
    let revision =
        everstrand_ion::text::read_one(std::str::from_utf8(&revision).expect("text")).expect("Ion");
    let id = revision.get("record").and_then(|record| record.get("ledgerId")?.as_text().map(str::to_owned));
    id.expect("an id").parse().expect("an id")
}

#[test]
fn of_many_servers_that_create_one_name_one_wins() {
    let store = Arc::new(MemoryStore::new());
    let servers: Vec<Service> = (0..4).map(|_| server(&store)).collect();
    for round in 0..10 {
        let name = format!("ledger-{round}");
        let statuses: Vec<u16> = thread::scope(|scope| {
            let create = |service| {
                let body = CREATE.replace("cars", &name);
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                runtime.block_on(async { control(service, "POST", "/ledgers", &body).await.status })
            };
            let creating: Vec<_> =
                servers.iter().map(|service| scope.spawn(move || create(service))).collect();
            creating.into_iter().map(|created| created.join().expect("it answers")).collect()
        });
        let won = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!((won, statuses.iter().filter(|status| **status == 409).count()), (1, 3), "{statuses:?}");
    }
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_settled_by_any_server() {
    let store = Arc::new(MemoryStore::new());
    let (one, two) = (server(&store), server(&store));
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    let mut setup = Transaction::begin(&one).await;
    setup.execute("CREATE TABLE t").await;
    assert_eq!(setup.commit_at(&one).await.status, 200);
    // Sent again to the same server, to another one, and asked for.
    assert_eq!(setup.commit_at(&one).await.status, 200);
    assert_eq!(setup.commit_at(&two).await.status, 200);
    let outcome = answer(&setup.outcome_at(&two).await);
    assert_eq!(outcome, json!({"Outcome": "COMMITTED", "SequenceNo": 1}));

    // A wrong digest is refused also by a server that does not know the session.
    let mut wrong = Transaction::begin(&one).await;
    wrong.execute("INSERT INTO t VALUE {'n': 0}").await;
    assert_eq!(wrong.commit_at(&one).await.status, 200);
    wrong.digest.add(everstrand_journal::statement_digest("SELECT", &[]));
    assert_eq!(error(&wrong.commit_at(&two).await).1, "BadRequestException");

    // A transaction that was never committed is void when somebody was told so.
    let mut open = Transaction::begin(&one).await;
    open.execute("INSERT INTO t VALUE {'n': 1}").await;
    assert_eq!(error(&open.commit_at(&two).await).1, "OccConflictException");
    assert_eq!(answer(&open.outcome_at(&two).await), json!({"Outcome": "NEVER"}));
    assert_eq!(error(&open.commit_at(&one).await).1, "OccConflictException");
    let mut reads = Transaction::begin(&two).await;
    assert_eq!(reads.execute("SELECT * FROM t").await, 1);
}

#[tokio::test]
async fn a_token_that_no_server_has_made_settles_nothing() {
    let store = Arc::new(MemoryStore::new());
    let (one, stranger) = (server(&store), server_with_key(&store, b"another secret, of another cluster"));
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    let mut open = Transaction::begin(&one).await;
    open.execute("CREATE TABLE t").await;
    // Nobody can tell what became of it, so no answer may make the driver run it again.
    assert_eq!(error(&open.commit_at(&stranger).await).1, "CommitOutcomeUnknownException");
    assert_eq!(error(&open.outcome_at(&stranger).await).1, "InvalidSessionException");
    let begun = json!({"SessionToken": open.session, "StartTransaction": {}});
    assert_eq!(error(&command(&stranger, &begun).await).1, "InvalidSessionException");
    assert_eq!(open.commit_at(&one).await.status, 200);
}

/// All bytes that the store holds of the ledger's journal.
fn stored(store: &MemoryStore) -> Vec<u8> {
    let revision = store.name("cars").expect("a name").read(0).expect("read").expect("a revision");
    let revision =
        everstrand_ion::text::read_one(std::str::from_utf8(&revision).expect("text")).expect("Ion");
    let id = revision.get("record").and_then(|record| record.get("ledgerId")).expect("an id");
    let id = id.as_text().expect("a text").parse().expect("an id");
    store.journal(id).expect("a journal").read_many(0, usize::MAX).expect("read").concat()
}

#[tokio::test]
async fn redacted_data_leaves_the_store_and_every_server() {
    let store = Arc::new(MemoryStore::new());
    let (one, two) = (server(&store), server(&store));
    answer(&control(&one, "POST", "/ledgers", CREATE).await);
    let mut setup = Transaction::begin(&one).await;
    setup.execute("CREATE TABLE t").await;
    // The text of a statement stays, so the data must not stand in it.
    setup.execute("INSERT INTO t VALUE {'secret': 'a-phone' || '-number'}").await;
    assert_eq!(setup.commit_at(&one).await.status, 200);
    let mut change = Transaction::begin(&two).await;
    change.execute("UPDATE t SET secret = 'nothing'").await;
    assert_eq!(change.commit_at(&two).await.status, 200);
    let holds = |text: &str| stored(&store).windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("a-phone-number"));

    let mut config = Config::new(Storage::Shared { store: store.clone(), cache: None });
    config.redaction_refused = Some("the store keeps everything".to_owned());
    let refusing = Service::open(config).expect("a service");
    let redact = "SELECT VALUE h.blockAddress FROM history(t) AS h WHERE h.metadata.version = 0";
    let mut asks = Transaction::begin(&one).await;
    let address = asks.values(redact).await.remove(0);
    let table = asks.values("SELECT VALUE tableId FROM information_schema.user_tables").await.remove(0);
    let document = asks.values("SELECT VALUE h.metadata.id FROM history(t) AS h").await.remove(0);
    let statement = format!("EXEC REDACT_REVISION `{address}`, {}, {}", quoted(&table), quoted(&document));
    let mut refused = Transaction::begin(&refusing).await;
    let answered = refused.send(&statement).await;
    assert!(error(&answered).2.contains("the store keeps everything"), "{answered:?}");
    let mut redacts = Transaction::begin(&two).await;
    redacts.execute(&statement).await;
    assert_eq!(redacts.commit_at(&two).await.status, 200);
    for _ in 0..500 {
        if !holds("a-phone-number") {
            break;
        }
        thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(!holds("a-phone-number"), "the store still has it");
    for service in [&one, &two] {
        let mut history = Transaction::begin(service).await;
        let shown =
            history.values("SELECT VALUE h.data FROM history(t) AS h WHERE h.metadata.version = 0").await;
        assert_eq!(shown, ["null"], "a redacted revision has no data");
    }
}

/// An Ion text as a text of PartiQL.
fn quoted(ion: &str) -> String {
    format!("'{}'", ion.trim_matches('"'))
}
