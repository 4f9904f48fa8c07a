//! Redacted data are nowhere any more, and no hash has changed.

use std::ops::Bound::Unbounded;
use std::sync::Arc;

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::views::Keyspace;

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

    fn redact(&self, _slot: u64, _link: [u8; 32], _bytes: &[u8]) -> Result<(), SlotError> {
        Err(SlotError::Denied("not today".to_owned()))
    }
}
