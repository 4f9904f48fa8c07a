//! Both stores keep the contract of slot stores, and a ledger lives in each. Where the server is missing, the tests are
//! ignored.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::sync::Arc;
use std::thread;

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::MemoryView;
use everstrand_ledger::storage::SharedStore;
use everstrand_ledger::storage::slots::{Created, SlotStore};
use everstrand_ledger::{Environment, Ledger, LedgerOptions};
use everstrand_stores::probe::{Need, Report, probe_objects, probe_sql};
use everstrand_stores::{
    FolderStore, Location, ObjectJournals, ObjectPlace, ObjectStoreOptions, Replication, RequestThreads,
    SqlPlace, SqlStore,
};
use everstrand_testkit::contract::{Clause, Placement, check};
use everstrand_testkit::servers::{BUCKET, ObjectServer, PostgresServer, find_postgres};

const JOURNAL: UniqueId = UniqueId::from_bytes([7; 16]);

fn objects(server: &ObjectServer) -> (ObjectPlace, ObjectStoreOptions) {
    // gofakes3 checks no keys, but the client wants some.
    let place = format!("s3://{BUCKET}/ledgers").parse();
    let Ok(Location::Objects(place)) = place else { panic!("{place:?}") };
    let access_key = Some(("any".to_owned(), "any".to_owned()));
    (place, ObjectStoreOptions { endpoint: Some(server.endpoint()), access_key, region: None })
}

struct InFolder {
    folder: tempfile::TempDir,
    journal: UniqueId,
}

impl Placement for InFolder {
    fn reopen(&self) -> Arc<dyn SlotStore> {
        FolderStore::open(self.folder.path()).unwrap().journal(self.journal).unwrap()
    }
}

#[test]
fn a_folder_keeps_the_contract() {
    for (number, clause) in (1..).zip(Clause::ALL) {
        let placement = InFolder { folder: tempfile::tempdir().unwrap(), journal: journal(number) };
        check(clause, &placement).unwrap_or_else(|seen| panic!("{clause:?}: {seen}"));
    }
}

/// A revision has one creator, whoever races for it, and is removed with its journal.
#[test]
fn names_in_a_folder_have_one_creator() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    let name = store.name("copy.a").unwrap();
    let won = thread::scope(|scope| {
        let racers: Vec<_> = (0..8u8)
            .map(|racer| {
                let name = Arc::clone(&name);
                scope.spawn(move || name.create(0, &[racer]).unwrap() == Created::Won)
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).filter(|won| *won).count()
    });
    assert_eq!(won, 1);
    assert!(name.create(2, b"too early").is_err());
    assert_eq!(name.create(1, b"next").unwrap(), Created::Won);
    assert_eq!(store.names().unwrap(), [("copy.a".to_owned(), 1)]);
    drop(store.journal(JOURNAL).unwrap());
    store.remove(JOURNAL, "copy.a").unwrap();
    assert_eq!(store.names().unwrap(), []);
    assert!(!folder.path().join(JOURNAL.to_string()).exists());
    let reader = FolderStore::open_read_only(folder.path()).unwrap();
    assert_eq!(reader.journal(JOURNAL).unwrap().tip_hint().unwrap(), None);
}

struct InObjects {
    server: ObjectServer,
    threads: Arc<RequestThreads>,
    journal: UniqueId,
}

impl Placement for InObjects {
    fn reopen(&self) -> Arc<dyn SlotStore> {
        let (place, options) = objects(&self.server);
        let store = place.open(&options).unwrap();
        Arc::new(ObjectJournals::new(store, Arc::clone(&self.threads), &place.prefix).slots(self.journal))
    }
}

/// The settings of a server that is the only one. Nothing is synced, because no test cuts the power.
const SINGLE: &[(&str, &str)] =
    &[("listen_addresses", "127.0.0.1"), ("wal_sync_method", "fdatasync"), ("max_connections", "100")];

struct InSql {
    place: SqlPlace,
    threads: Arc<RequestThreads>,
    journal: UniqueId,
}

impl Placement for InSql {
    fn reopen(&self) -> Arc<dyn SlotStore> {
        let (threads, single) = (Arc::clone(&self.threads), Replication::SingleNode);
        Arc::new(SqlStore::open(&self.place, threads, single).unwrap().slots(self.journal))
    }
}

fn journal(number: u8) -> UniqueId {
    UniqueId::from_bytes([number; 16])
}

fn object_slots_keep_the_contract() {
    let threads = Arc::new(RequestThreads::start().unwrap());
    for (number, clause) in (1..).zip(Clause::ALL) {
        let server = ObjectServer::in_memory().unwrap();
        let placement = InObjects { server, threads: Arc::clone(&threads), journal: journal(number) };
        check(clause, &placement).unwrap_or_else(|seen| panic!("{clause:?}: {seen}"));
    }
}

fn gofakes3_passes_the_probe() {
    let server = ObjectServer::in_memory().unwrap();
    let threads = RequestThreads::start().unwrap();
    let (place, options) = objects(&server);
    let report = probe_objects(&place, &place.open(&options).unwrap(), &threads).unwrap();
    assert_fit(&report);
}

fn a_ledger_lives_in_objects() {
    let server = ObjectServer::in_memory().unwrap();
    let threads = Arc::new(RequestThreads::start().unwrap());
    let placement = InObjects { server, threads, journal: JOURNAL };
    ledger_lives(&placement);
}

everstrand_testkit::ignored_without_gofakes3!(
    object_slots_keep_the_contract,
    gofakes3_passes_the_probe,
    a_ledger_lives_in_objects,
);

fn postgres(settings: &[(&str, &str)]) -> (PostgresServer, SqlPlace) {
    let binaries = find_postgres(&[]).expect("its build script found it");
    let server = PostgresServer::start(&binaries, &std::env::temp_dir(), settings).unwrap();
    let place = SqlPlace { url: server.url() };
    (server, place)
}

fn sql_slots_keep_the_contract() {
    let threads = Arc::new(RequestThreads::start().unwrap());
    let (_server, place) = postgres(SINGLE);
    for (number, clause) in (1..).zip(Clause::ALL) {
        let placement =
            InSql { place: place.clone(), threads: Arc::clone(&threads), journal: journal(number) };
        check(clause, &placement).unwrap_or_else(|seen| panic!("{clause:?}: {seen}"));
    }
}

fn the_probe_wants_durable_settings() {
    let threads = RequestThreads::start().unwrap();
    let (_server, place) = postgres(SINGLE);
    assert_fit(&probe_sql(&place, Replication::SingleNode, &threads).unwrap());
    let alone = probe_sql(&place, Replication::Standby, &threads).unwrap();
    assert!(!alone.is_fit_for(Need::Journal), "{alone}");
    assert!(alone.to_string().contains("--single-node"), "{alone}");

    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        let (_server, place) = postgres(&[SINGLE, &[(setting, "off")]].concat());
        let report = probe_sql(&place, Replication::SingleNode, &threads).unwrap();
        assert!(!report.is_fit_for(Need::Journal), "{setting}: {report}");
    }
}

/// No standby connects, so every commit waits for ever. When the wait is cancelled, PostgreSQL commits on this machine
/// alone and says so in a warning.
fn a_commit_that_no_standby_has_is_unknown() {
    let threads = Arc::new(RequestThreads::start().unwrap());
    let (server, place) = postgres(&[SINGLE, &[("synchronous_standby_names", "nobody")]].concat());
    let open = |place: &SqlPlace, replication| {
        SqlStore::open(place, Arc::clone(&threads), replication).unwrap().slots(JOURNAL)
    };
    // This one waits for nobody, so it can make the tables.
    let local = SqlPlace { url: format!("{}?options=-csynchronous_commit%3Dlocal", place.url) };
    let (alone, store) = (open(&local, Replication::SingleNode), open(&place, Replication::Standby));
    let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let wait_until_cancelled = |what: &str| {
        for _ in 0..300 {
            if server.psql(cancel, &[]).unwrap().contains('t') {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{what} did not wait for the standby");
    };
    thread::scope(|scope| {
        let creating = scope.spawn(|| store.create(0, b"on this machine alone"));
        wait_until_cancelled("the create");
        let created = creating.join().unwrap().unwrap_err().to_string();
        assert!(created.contains("unknown"), "{created}");
        // The row is there, on this machine: nothing may be concluded from it.
        let reading = scope.spawn(|| store.read(0));
        wait_until_cancelled("the read");
        let read = reading.join().unwrap().unwrap_err().to_string();
        assert!(read.contains("not confirmed"), "{read}");
    });
    assert_eq!(alone.read(0).unwrap().unwrap(), b"on this machine alone");
}

fn a_ledger_lives_in_sql() {
    let threads = Arc::new(RequestThreads::start().unwrap());
    let (_server, place) = postgres(SINGLE);
    ledger_lives(&InSql { place, threads, journal: JOURNAL });
}

everstrand_testkit::ignored_without_postgres!(
    sql_slots_keep_the_contract,
    the_probe_wants_durable_settings,
    a_commit_that_no_standby_has_is_unknown,
    a_ledger_lives_in_sql,
);

fn assert_fit(report: &Report) {
    for need in [Need::Journal, Need::Redaction, Need::Listing] {
        assert!(report.is_fit_for(need), "{need:?}:\n{report}");
    }
}

/// Two openings at the same time write to one journal. Each sees what the other committed.
fn ledger_lives(placement: &dyn Placement) {
    let open = || {
        let (slots, views) = (placement.reopen(), Arc::new(MemoryView::new()));
        Ledger::open(slots, views, Environment::of_machine(), LedgerOptions::default()).unwrap()
    };
    let one = open();
    run(&one, &["CREATE TABLE t", "CREATE INDEX ON t (id)"]);
    let other = open();
    for number in 0..10 {
        run(
            if number % 2 == 0 { &one } else { &other },
            &[&format!("INSERT INTO t VALUE {{'id': {number}}}")],
        );
    }
    drop((one, other));
    let again = open();
    let mut transaction = again.start_transaction().unwrap();
    let counted = transaction.execute("SELECT COUNT(*) AS n FROM t", &[]).unwrap();
    assert!(format!("{counted:?}").contains("10"), "{counted:?}");
    assert_eq!(again.digest(), open().digest());
}

/// Runs statements in one transaction, again when another writer was quicker.
fn run(ledger: &Ledger, statements: &[&str]) {
    for _ in 0..20 {
        let mut transaction = ledger.start_transaction().unwrap();
        let ran = statements.iter().try_for_each(|statement| transaction.execute(statement, &[]).map(drop));
        if ran.is_ok() && transaction.commit_unchecked().wait().is_ok() {
            return;
        }
    }
    panic!("{statements:?} was not committed in 20 attempts");
}
