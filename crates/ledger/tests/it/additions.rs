//! Slots with additions, which another writer put into the journal: they are applied, followed and read again like
//! all others, and nothing is written behind a seal.

use std::sync::Arc;
use std::time::Duration;

use everstrand_journal::{
    Addition, Auditor, Seal, Settings, Slot, SlotContent, SlotHeader, UniqueId, Void, WriterId,
};
use everstrand_ledger::storage::slots::{Created, SlotStore};
use everstrand_ledger::storage::views::{Keyspace, ViewStore};
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{Checked, Ledger, LedgerError, Status, check_slots};

use crate::support::{World, run};

fn read(slots: &dyn SlotStore, slot: u64) -> Slot {
    Slot::decode(slots.read(slot).unwrap().unwrap()).unwrap()
}

fn void(time: i64) -> Addition {
    let ids = [7, 9].map(|number| UniqueId::from_bytes([number; 16]));
    Addition { void: Some(Void::new(ids, time).unwrap()), ..Addition::default() }
}

fn seal() -> Addition {
    Addition { seal: Some(Seal::ContinuesAt("elsewhere".to_owned())), ..Addition::default() }
}

fn write_format(number: u64) -> Addition {
    Addition { config: Some(Settings { write_format: Some(number) }), ..Addition::default() }
}

/// Appends a slot without blocks, as another writer does.
fn append(slots: &dyn SlotStore, addition: Addition) {
    let last = read(slots, slots.tip_hint().unwrap().unwrap());
    let header = SlotHeader {
        slot: last.header().slot + 1,
        writer: WriterId { id: UniqueId::from_bytes([99; 16]), attempt: 1 },
        previous_link: last.link(),
        first_block_no: last.frontier().size(),
        ..*last.header()
    };
    let nothing = SlotContent::Blocks(Vec::new());
    let slot = Slot::with_addition(header, last.frontier(), nothing, addition).unwrap();
    assert_eq!(slots.create(header.slot, &slot.encode().unwrap()).unwrap(), Created::Won);
}

fn audited(slots: &dyn SlotStore) {
    let mut auditor = Auditor::new([]);
    let mut number = 0;
    while let Some(bytes) = slots.read(number).unwrap() {
        assert_eq!(auditor.slot(&Slot::decode(bytes).unwrap()), []);
        number += 1;
    }
}

/// The name of the format in which a view holds its head.
fn format_of(views: &dyn ViewStore) -> String {
    let head = views.snapshot().unwrap().get(Keyspace::Catalog, b"s").unwrap().unwrap();
    String::from_utf8(head[..8].to_vec()).unwrap()
}

/// The same journal with an empty view.
fn elsewhere(world: &World) -> World {
    World { views: Arc::new(MemoryView::new()), ..world.clone() }
}

/// A ledger of four blocks.
fn begun() -> (World, Ledger) {
    let world = World::new();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "INSERT INTO t VALUE {'n': 1}", &[]).unwrap();
    run(&ledger, "INSERT INTO t VALUE {'n': 2}", &[]).unwrap();
    (world, ledger)
}

fn rows(ledger: &Ledger) -> Vec<String> {
    run(ledger, "SELECT n FROM t", &[]).unwrap()
}

#[test]
fn slots_without_blocks_are_followed_and_read_again() {
    let (world, ledger) = begun();
    let other = elsewhere(&world).open();
    let before = ledger.digest();
    append(&*world.slots, void(0));
    append(&*world.slots, void(5));
    // Another writer took its slots, and changed nothing that it read.
    run(&ledger, "INSERT INTO t VALUE {'n': 3}", &[]).unwrap();
    let unchanged = ledger.digest_at(before.digest_tip_address.sequence_no).unwrap();
    assert_eq!(unchanged, before, "a slot without blocks changes no digest");
    append(&*world.slots, void(6));
    let (digest, tip) = (ledger.digest(), ledger.digest().digest_tip_address.sequence_no);
    assert_eq!(tip, 4);
    assert_eq!(other.digest_ahead(4).unwrap(), Some(digest));
    assert_eq!(other.digest_ahead(5).unwrap(), None);
    let mut subscription = ledger.subscribe(0);
    for number in 0..=tip {
        let block = subscription.next(Duration::from_secs(5)).unwrap().unwrap();
        assert_eq!(block.address().sequence_no, number);
    }
    drop((subscription, other));
    ledger.close();
    drop(ledger);

    for world in [world.clone(), elsewhere(&world)] {
        let ledger = world.open();
        assert_eq!((ledger.digest(), ledger.status()), (digest, Status::Open));
        assert_eq!(rows(&ledger).len(), 3);
        let proof = ledger.consistency_proof(before.digest_tip_address.sequence_no, tip).unwrap();
        assert!(!proof.nodes.is_empty());
        for number in 0..=tip {
            assert_eq!(ledger.block(number).unwrap().unwrap().address().sequence_no, number);
        }
        ledger.close();
    }
    for bytes in [1, 700, 1 << 20] {
        let mut checked = Checked::UpTo(0);
        while let Checked::UpTo(from) = checked {
            checked = check_slots(&*world.slots, from, bytes).unwrap();
        }
        assert_eq!(checked, Checked::All(8));
    }
    let again = world.open();
    run(&again, "INSERT INTO t VALUE {'n': 4}", &[]).unwrap();
    assert_eq!(rows(&again).len(), 4);
    audited(&*world.slots);
}

#[test]
fn no_block_is_earlier_than_a_void_before_it() {
    let (world, ledger) = begun();
    let last = |ledger: &Ledger| {
        let tip = ledger.digest().digest_tip_address.sequence_no;
        ledger.block(tip).unwrap().unwrap().timestamp()
    };
    let time = last(&ledger) + 1_000_000;
    ledger.close();
    drop(ledger);
    append(&*world.slots, void(time));
    append(&*world.slots, void(0));
    for world in [world.clone(), world.clone(), elsewhere(&world)] {
        let ledger = world.open();
        assert_eq!(ledger.clock_behind_millis(), 1_000_000);
        run(&ledger, "INSERT INTO t VALUE {'n': 3}", &[]).unwrap();
        assert_eq!(last(&ledger), time);
        ledger.close();
    }
}

#[test]
fn nothing_is_written_behind_a_seal() {
    let (world, ledger) = begun();
    append(&*world.slots, seal());
    for _ in 0..3 {
        assert!(run(&ledger, "INSERT INTO t VALUE {'n': 3}", &[]).is_err());
    }
    assert_eq!(rows(&ledger).len(), 2);
    let digest = ledger.digest();
    ledger.close();
    drop(ledger);
    for world in [world.clone(), elsewhere(&world), world.clone()] {
        let ledger = world.open();
        let sealed = LedgerError::Sealed(Seal::ContinuesAt("elsewhere".to_owned()));
        assert_eq!(ledger.status(), Status::Faulted(sealed.clone()));
        assert_eq!(sealed.to_string(), "the ledger takes no more writes: it continues at elsewhere");
        let refused = run(&ledger, "INSERT INTO t VALUE {'n': 3}", &[]);
        assert_eq!(refused, Err(sealed));
        assert_eq!((rows(&ledger).len(), ledger.digest()), (2, digest));
        ledger.close();
    }
    assert_eq!(world.slots.tip_hint().unwrap(), Some(4));
    audited(&*world.slots);

    // Another program wrote behind it all the same.
    append(&*world.slots, void(0));
    for world in [world.clone(), elsewhere(&world)] {
        let ledger = world.open();
        let status = ledger.status();
        let Status::Faulted(LedgerError::Damaged(why)) = status else { panic!("{status:?}") };
        assert!(why.contains("it follows the slot that seals the journal"), "{why}");
        assert_eq!(ledger.digest(), digest);
        ledger.close();
    }
}

/// A build that does not know additions must not use a view that has applied one; all other views stay as they are.
#[test]
fn the_name_of_the_views_format_changes_with_the_first_addition() {
    let (world, ledger) = begun();
    assert_eq!(format_of(&*world.views), "EVVpre-5");
    ledger.close();
    drop(ledger);
    append(&*world.slots, write_format(1));
    let ledger = world.open();
    assert_eq!(format_of(&*world.views), "EVVpre-6");
    run(&ledger, "INSERT INTO t VALUE {'n': 3}", &[]).unwrap();
    assert_eq!((format_of(&*world.views).as_str(), ledger.status()), ("EVVpre-6", Status::Open));
    ledger.close();
}

/// The journal is read up to what this version cannot obey, and nothing is written.
#[test]
fn what_this_version_cannot_obey_makes_the_ledger_read_only() {
    let (world, ledger) = begun();
    let digest = ledger.digest();
    ledger.close();
    drop(ledger);
    append(&*world.slots, write_format(2));
    for world in [world.clone(), elsewhere(&world)] {
        let ledger = world.open();
        let status = ledger.status();
        let Status::Faulted(LedgerError::Damaged(why)) = status else { panic!("{status:?}") };
        assert!(why.contains("needs a newer version of this program"), "{why}");
        assert!(run(&ledger, "INSERT INTO t VALUE {'n': 3}", &[]).is_err());
        assert_eq!(ledger.digest(), digest);
    }
    assert_eq!(world.slots.tip_hint().unwrap(), Some(4));
}

#[test]
fn a_void_beside_a_block_of_its_transaction_is_refused() {
    let (world, ledger) = begun();
    ledger.close();
    drop(ledger);
    let copy = MemorySlots::new();
    for number in 0..3 {
        copy.create(number, &world.slots.read(number).unwrap().unwrap()).unwrap();
    }
    let (before, last) = (read(&copy, 2), read(&*world.slots, 3));
    let void = Void::new([last.blocks()[0].transaction_id()], 0).unwrap();
    let addition = Addition { void: Some(void), ..Addition::default() };
    let slot =
        Slot::with_addition(*last.header(), before.frontier(), last.content().clone(), addition).unwrap();
    copy.create(3, &slot.encode().unwrap()).unwrap();
    let world = World { slots: Arc::new(copy), ..elsewhere(&world) };
    let status = world.open().status();
    let Status::Faulted(LedgerError::Damaged(why)) = status else { panic!("{status:?}") };
    assert!(why.contains("it has a block of a transaction that it voids"), "{why}");
}
