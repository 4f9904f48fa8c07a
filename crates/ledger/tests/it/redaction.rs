//! Redacted data are nowhere any more, and no hash has changed.

use std::fs;
use std::ops::Bound::Unbounded;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everstrand_journal::UniqueId;
use everstrand_ledger::Ledger;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::views::Keyspace;
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions, FileDisk, FjallView, FjallViewOptions};

use crate::support::{World, run};

fn holds(world: &World, secret: &[u8]) -> bool {
    let contains = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
    let slots = (0..).map_while(|slot| world.slots.read(slot).unwrap());
    let view = world.views.snapshot().unwrap();
    slots.into_iter().any(|slot| contains(&slot))
        || Keyspace::ALL.into_iter().any(|keyspace| {
            let entries = view.range(keyspace, Unbounded, Unbounded, false, usize::MAX).unwrap();
            entries.iter().any(|(key, value)| contains(key) || contains(value))
        })
}

#[test]
fn the_data_go_and_the_proofs_stay() {
    let world = World::new();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "CREATE INDEX ON t (secret)", &[]).unwrap();
    run(&ledger, "INSERT INTO t VALUE {'secret': ?}", &["\"a very private thing\""]).unwrap();
    run(&ledger, "UPDATE t SET secret = ?", &["\"nothing\""]).unwrap();
    let (digest, document): (_, UniqueId) = {
        let id = run(&ledger, "SELECT VALUE id FROM t AS t BY id", &[]).unwrap().remove(0);
        (ledger.digest(), id.trim_matches('"').parse().unwrap())
    };
    let tip = digest.digest_tip_address.sequence_no;
    let before = ledger.revision(3, document).unwrap().unwrap();
    assert!(holds(&world, b"a very private thing"));

    let strand = ledger.strand_id();
    let table =
        run(&ledger, "SELECT VALUE tableId FROM information_schema.user_tables", &[]).unwrap().remove(0);
    let address = format!("{{strandId: \"{strand}\", sequenceNo: 3}}");
    run(&ledger, "EXEC REDACT_REVISION ?, ?, ?", &[&address, &table, &format!("\"{document}\"")]).unwrap();
    while ledger.is_redacting() {
        std::thread::yield_now();
    }
    assert!(!holds(&world, b"a very private thing"));

    let after = ledger.revision(3, document).unwrap().unwrap();
    assert_eq!((after.hash, after.computed_hash()), (before.hash, before.hash));
    let proof = ledger.revision_proof(3, document, tip).unwrap().unwrap();
    assert_eq!(proof.fold(after.hash), digest.digest);
    assert_eq!(ledger.digest_at(tip).unwrap(), digest);
}

/// The store refuses while the ledger is open, and takes the slot at the next opening.
#[test]
fn a_redaction_that_could_not_be_done_is_done_at_the_next_opening() {
    let world = World::new();
    let refusing = World { slots: Arc::new(Refusing(world.slots.clone())), ..world.clone() };
    let ledger = refusing.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    let id =
        run(&ledger, "INSERT INTO t VALUE {'secret': ?}", &["\"a very private thing\""]).unwrap().remove(0);
    let id = id.split('"').nth(1).unwrap().to_owned();
    run(&ledger, "UPDATE t SET secret = ?", &["\"nothing\""]).unwrap();
    let strand = ledger.strand_id();
    let table =
        run(&ledger, "SELECT VALUE tableId FROM information_schema.user_tables", &[]).unwrap().remove(0);
    let address = format!("{{strandId: \"{strand}\", sequenceNo: 2}}");
    run(&ledger, "EXEC REDACT_REVISION ?, ?, ?", &[&address, &table, &format!("\"{id}\"")]).unwrap();
    // Commits go on beside it.
    run(&ledger, "INSERT INTO t VALUE {'k': 1}", &[]).unwrap();
    assert!(ledger.is_redacting());
    drop(ledger);
    assert!(holds(&world, b"a very private thing"));

    let ledger = world.open();
    while ledger.is_redacting() {
        std::thread::yield_now();
    }
    assert!(!holds(&world, b"a very private thing"));
}

struct Refusing(Arc<dyn SlotStore>);

impl SlotStore for Refusing {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        self.0.create(slot, bytes)
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        self.0.read(slot)
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        self.0.tip_hint()
    }

    fn redact(&self, _slot: u64, _stored: &[u8], _bytes: &[u8]) -> Result<(), SlotError> {
        Err(SlotError::Denied("not today".to_owned()))
    }
}

/// Random digits, which no compression takes apart.
const SECRET: &str = "q7Zt0vXk3LmW9sBdR5yHc2Jf8NpGa6Ue";

/// The files below a folder that hold the secret, or the greater part of it.
fn files_with_secret(folder: &Path) -> Vec<String> {
    let part = &SECRET.as_bytes()[8..];
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files_with_secret(&path)),
            // A file may go while we look.
            false => {
                let bytes = fs::read(&path).unwrap_or_default();
                if bytes.windows(part.len()).any(|window| window == part) {
                    found.push(path.display().to_string());
                }
            }
        }
    }
    found
}

fn open_folder(folder: &Path) -> (World, Ledger) {
    let disk = Arc::new(FileDisk::create(folder.join("journal")).unwrap());
    let slots = Arc::new(DiskSlots::open(disk, DiskSlotsOptions::default()).unwrap());
    let view = Arc::new(FjallView::open(folder.join("view"), FjallViewOptions::default()).unwrap());
    let world = World::with(slots, view);
    let ledger = world.open();
    (world, ledger)
}

fn wait_until_gone(folder: &Path) {
    let until = Instant::now() + Duration::from_secs(60);
    while !files_with_secret(folder).is_empty() {
        assert!(Instant::now() < until, "{:?}", files_with_secret(folder));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Inserts the secret by a parameter, as an indexed value, and updates it; what redacts its first revision.
fn superseded(ledger: &Ledger) -> [String; 3] {
    run(ledger, "CREATE TABLE t", &[]).unwrap();
    run(ledger, "CREATE INDEX ON t (secret)", &[]).unwrap();
    run(ledger, "INSERT INTO t VALUE {'k': 1, 'secret': ?}", &[&format!("\"{SECRET}\"")]).unwrap();
    run(ledger, "UPDATE t SET secret = ? WHERE k = 1", &["\"nothing\""]).unwrap();
    let one = |query: &str| run(ledger, query, &[]).unwrap().remove(0);
    let first = "FROM history(t) AS h WHERE h.metadata.version = 0";
    [
        one(&format!("SELECT VALUE h.blockAddress {first}")),
        one("SELECT VALUE tableId FROM information_schema.user_tables"),
        one(&format!("SELECT VALUE h.metadata.id {first}")),
    ]
}

fn redact(ledger: &Ledger, [address, table, id]: &[String; 3]) {
    run(ledger, "EXEC REDACT_REVISION ?, ?, ?", &[address, table, id]).unwrap();
}

#[test]
fn redacted_data_leave_every_file_of_a_quiet_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let (_world, ledger) = open_folder(folder.path());
    let revision = superseded(&ledger);
    let digest = ledger.digest();
    let held = files_with_secret(folder.path());
    assert!(held.iter().any(|path| path.contains("view")), "the search finds nothing: {held:?}");
    redact(&ledger, &revision);
    wait_until_gone(folder.path());
    assert!(!ledger.is_redacting());
    // A second time, too, and what stays is as it was.
    let history = run(&ledger, "SELECT * FROM history(t)", &[]).unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(
        run(&ledger, "SELECT VALUE t.secret FROM t WHERE t.secret = 'nothing'", &[]).unwrap().len(),
        1
    );
    assert_eq!(ledger.digest_at(digest.digest_tip_address.sequence_no).unwrap(), digest);
    ledger.close();
    assert_eq!(files_with_secret(folder.path()), Vec::<String>::new());
}

#[test]
fn a_transaction_that_began_before_keeps_them_no_longer_than_it_lives() {
    let folder = tempfile::tempdir().unwrap();
    let (_world, ledger) = open_folder(folder.path());
    let revision = superseded(&ledger);
    let transaction = ledger.start_transaction().unwrap();
    redact(&ledger, &revision);
    while ledger.is_redacting() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!files_with_secret(folder.path()).is_empty());
    drop(transaction);
    wait_until_gone(folder.path());
}

#[test]
fn what_was_not_gone_when_the_ledger_was_closed_goes_after_the_next_opening() {
    let folder = tempfile::tempdir().unwrap();
    let (world, ledger) = open_folder(folder.path());
    let revision = superseded(&ledger);
    redact(&ledger, &revision);
    // Closed at once: the view was not built anew, or not whole.
    ledger.close();
    drop((ledger, world));
    let (_world, ledger) = open_folder(folder.path());
    wait_until_gone(folder.path());
    assert_eq!(run(&ledger, "SELECT * FROM history(t)", &[]).unwrap().len(), 2);
}
