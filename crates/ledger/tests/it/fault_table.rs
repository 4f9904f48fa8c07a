//! The failure table of the commit protocol, row by row, with a whole ledger above faulty stores. After
//! each fault the journal is audited from end to end and a ledger rebuilt from it alone has the same digest.
//! `docs/testing.md` names the tests of all rows.

use std::sync::Arc;

use everstrand_journal::{Auditor, Digest, Slot};
use everstrand_ledger::storage::disk::Disk;
use everstrand_ledger::storage::slots::{SlotError, SlotStore};
use everstrand_ledger::storage::views::ViewStore;
use everstrand_ledger::storage::{
    DiskSlots, DiskSlotsOptions, FjallCache, FjallView, FjallViewOptions, MemorySlots, MemoryView,
};
use everstrand_ledger::{Committing, Ledger, LedgerError, LedgerOptions, Status};
use everstrand_testkit::contract::slots_of;
use everstrand_testkit::faulty_slots::{CreateFault, FaultySlots, ReadFault};
use everstrand_testkit::memory_disk::{Fault, MemoryDisk, Unsynced};

use crate::support::{World, run};

/// A ledger over a faulty store over memory.
fn faulty() -> (Arc<FaultySlots>, World, Ledger) {
    let slots = Arc::new(FaultySlots::new(Arc::new(MemorySlots::new())));
    let mut world = World::with(slots.clone(), Arc::new(MemoryView::new()));
    world.options.unknown_outcome_attempts = 3;
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    (slots, world, ledger)
}

fn on_disk(disk: &MemoryDisk, segment_bytes: u64) -> Result<DiskSlots, SlotError> {
    let options = DiskSlotsOptions { segment_bytes, ..DiskSlotsOptions::default() };
    DiskSlots::open(Arc::new(disk.clone()), options)
}

pub(crate) fn insert(ledger: &Ledger, n: u64) -> Result<(), LedgerError> {
    run(ledger, "INSERT INTO t VALUE ?", &[&format!("{{n: {n}}}")]).map(drop)
}

/// Which numbers are in the table, in order.
pub(crate) fn numbers(ledger: &Ledger) -> Vec<u64> {
    let values = run(ledger, "SELECT VALUE n FROM t", &[]).unwrap();
    let mut numbers: Vec<u64> = values.iter().map(|value| value.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// Commits are answered a moment before the ledger is closed for writing.
pub(crate) fn wait_for_fault(ledger: &Ledger) {
    while !matches!(ledger.status(), Status::Faulted(_)) {
        std::thread::yield_now();
    }
}

/// The journal holds what it says, and a ledger made of it alone agrees with this one.
pub(crate) fn audited(world: &World, ledger: &Ledger) {
    let mut auditor = Auditor::new([]);
    for bytes in slots_of(&*world.slots).unwrap() {
        assert_eq!(auditor.slot(&Slot::decode(bytes).unwrap()), []);
    }
    let digest: Digest = auditor.digest().unwrap();
    let (summary, deviations) = auditor.finish();
    assert!(deviations.is_empty() && summary.is_clean(), "{deviations:?}");
    assert_eq!(ledger.digest(), digest);
    let rebuilt = World { views: Arc::new(MemoryView::new()), ..world.clone() }.open();
    assert_eq!((rebuilt.digest(), numbers(&rebuilt)), (digest, numbers(ledger)));
}

/// F1 to F4: the process or the machine ends at every point of a commit, from before the slot is sent to
/// after the client was told, with the view saved up to any commit before.
#[test]
fn f1_to_f4_a_commit_that_is_cut_short_has_happened_once_or_not_at_all() {
    let (mut absent, mut present) = (0, 0);
    for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Seed(1), Unsynced::Seed(2)] {
        for call in 0.. {
            let (disk, views) = (MemoryDisk::new(), Arc::new(MemoryView::new()));
            let mut world = World::with(Arc::new(on_disk(&disk, 4096).unwrap()), views);
            world.options.unknown_outcome_attempts = 1;
            let ledger = world.open();
            run(&ledger, "CREATE TABLE t", &[]).unwrap();
            insert(&ledger, 1).unwrap();
            disk.fail(disk.calls().all + call, Fault::PowerCut);
            let told = insert(&ledger, 2);
            let met = disk.calls().all > call && told.is_err();
            drop((ledger, std::mem::replace(&mut world.slots, Arc::new(MemorySlots::new()))));
            disk.heal();
            disk.crash(unsynced);
            world.slots = Arc::new(on_disk(&disk, 4096).unwrap());
            let ledger = world.open();
            let there = numbers(&ledger);
            match told {
                Ok(()) => assert_eq!(there, [1, 2]),
                Err(LedgerError::OutcomeUnknown(_) | LedgerError::Unavailable(_)) if there == [1, 2] => {
                    present += 1
                }
                Err(LedgerError::OutcomeUnknown(_) | LedgerError::Unavailable(_)) => {
                    assert_eq!(there, [1]);
                    absent += 1;
                }
                Err(error) => panic!("{error}"),
            }
            insert(&ledger, 3).unwrap();
            audited(&world, &ledger);
            if !met {
                break;
            }
        }
    }
    assert!(absent > 0 && present > 0, "{absent} absent, {present} present");
}

#[test]
fn f6_an_applied_create_whose_answer_is_lost_is_acknowledged_once() {
    let (slots, world, ledger) = faulty();
    slots.fail_create(slots.creates(), CreateFault::AnswerLost);
    let tip = slots.tip_hint().unwrap().unwrap();
    insert(&ledger, 1).unwrap();
    assert_eq!((slots.tip_hint().unwrap(), numbers(&ledger)), (Some(tip + 1), vec![1]));
    assert_eq!(ledger.status(), Status::Open);
    audited(&world, &ledger);
}

#[test]
fn f7_a_create_that_arrives_after_another_writers_is_not_done_and_its_group_goes_into_a_later_slot() {
    let (slots, world, other) = faulty();
    let options = LedgerOptions { committing: Committing::ByCaller, ..world.options.clone() };
    let ledger = World { views: Arc::new(MemoryView::new()), options, ..world.clone() }.open();
    let begun = |statement: &str| {
        let mut transaction = ledger.start_transaction().unwrap();
        transaction.execute(statement, &[]).unwrap();
        transaction.commit_unchecked()
    };
    let sent = slots.creates();
    slots.fail_create(sent, CreateFault::Delayed);
    let commit = begun("INSERT INTO t VALUE {'n': 1}");
    while slots.creates() == sent {
        ledger.step();
    }
    // Before the first sends again, the second takes the slot.
    insert(&other, 2).unwrap();
    while ledger.step().is_some() {}
    // Nothing that it read was changed, so it is committed behind the other one.
    commit.wait().unwrap();
    for late in slots.deliver_late() {
        assert!(matches!(late, Ok(everstrand_ledger::storage::slots::Created::Exists)));
    }
    assert_eq!(numbers(&ledger), [1, 2]);
    let commit = begun("INSERT INTO t VALUE {'n': 3}");
    while ledger.step().is_some() {}
    commit.wait().unwrap();
    assert_eq!(numbers(&ledger), [1, 2, 3]);
    audited(&world, &ledger);
}

#[test]
fn f8_a_create_that_never_arrived_is_sent_again_and_wins() {
    let (slots, world, ledger) = faulty();
    slots.fail_create(slots.creates(), CreateFault::RequestLost);
    insert(&ledger, 1).unwrap();
    assert_eq!(numbers(&ledger), [1]);
    audited(&world, &ledger);
}

#[test]
fn f9_a_create_that_something_in_between_sent_twice_is_found_to_be_ours() {
    let (slots, world, ledger) = faulty();
    slots.fail_create(slots.creates(), CreateFault::SentTwice);
    let (creates, tip) = (slots.creates(), slots.tip_hint().unwrap().unwrap());
    insert(&ledger, 1).unwrap();
    assert_eq!((slots.creates(), slots.tip_hint().unwrap()), (creates + 1, Some(tip + 1)));
    audited(&world, &ledger);
}

#[test]
fn f10_a_conflict_about_an_empty_slot_is_answered_with_the_same_bytes() {
    let (slots, world, ledger) = faulty();
    slots.fail_create(slots.creates(), CreateFault::SpuriousExists);
    insert(&ledger, 1).unwrap();
    assert_eq!((ledger.status(), numbers(&ledger)), (Status::Open, vec![1]));
    audited(&world, &ledger);
}

#[test]
fn what_certainly_did_not_happen_is_told_and_the_ledger_goes_on() {
    let (slots, world, ledger) = faulty();
    for fault in [CreateFault::NotSent, CreateFault::Full, CreateFault::Denied] {
        slots.fail_create(slots.creates(), fault);
        assert!(matches!(insert(&ledger, 1), Err(LedgerError::Unavailable(_))));
        assert_eq!((ledger.status(), numbers(&ledger)), (Status::Open, vec![]));
    }
    insert(&ledger, 2).unwrap();
    assert_eq!(numbers(&ledger), [2]);
    audited(&world, &ledger);
}

#[test]
fn f13_a_slot_that_comes_back_cut_or_changed_is_never_applied() {
    let (slots, world, ledger) = faulty();
    insert(&ledger, 1).unwrap();
    let bytes = slots.read(2).unwrap().unwrap();
    let faults = [ReadFault::Corrupt, ReadFault::Unreachable]
        .into_iter()
        .chain((0..bytes.len()).step_by(7).flat_map(|at| [ReadFault::Truncated(at), ReadFault::Flipped(at)]));
    for fault in faults {
        for call in 0..3 {
            let fresh = World { views: Arc::new(MemoryView::new()), ..world.clone() };
            slots.fail_read(slots.reads() + call, fault);
            match fresh.try_open() {
                // It was not among those that were read.
                Ok(opened) => assert_eq!((opened.digest(), numbers(&opened)), (ledger.digest(), vec![1])),
                Err(LedgerError::Damaged(_) | LedgerError::Unavailable(_)) => {}
                Err(error) => panic!("{fault:?}: {error}"),
            }
            slots.heal();
        }
    }
    audited(&world, &ledger);
}

#[test]
fn f18_a_clock_that_jumps_never_takes_the_journals_time_back() {
    let (_, world, ledger) = faulty();
    const YEAR: i64 = 365 * 24 * 60 * 60 * 1000;
    let start = 1_577_836_800_000;
    for (n, jump) in (1..).zip([0, YEAR, -YEAR, 2 * YEAR, -2 * YEAR]) {
        world.clock.set_unix_millis(start + jump);
        insert(&ledger, n).unwrap();
    }
    let mut latest = 0;
    for bytes in slots_of(&*world.slots).unwrap() {
        for checked in everstrand_journal::check_slot(&Slot::decode(bytes).unwrap()) {
            assert!(checked.timestamp >= latest);
            latest = checked.timestamp;
        }
    }
    audited(&world, &ledger);
}

/// A journal of several segments and a view of it.
fn several_segments() -> (MemoryDisk, Arc<MemoryView>, World) {
    let (disk, views) = (MemoryDisk::new(), Arc::new(MemoryView::new()));
    let mut world = World::with(Arc::new(on_disk(&disk, 4096).unwrap()), views.clone());
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    for n in 1..=12 {
        insert(&ledger, n).unwrap();
    }
    drop(ledger);
    world.slots = Arc::new(MemorySlots::new());
    // Nobody holds the store any more.
    drop(on_disk(&disk, 4096).unwrap());
    (disk, views, world)
}

fn segments(disk: &MemoryDisk) -> Vec<String> {
    disk.list().unwrap().into_iter().filter(|name| name.ends_with(".segment")).collect()
}

#[test]
fn f19_a_hole_faults_what_reads_through_it_and_names_the_slot() {
    let (disk, views, mut world) = several_segments();
    let hole = &segments(&disk)[1];
    disk.remove(hole).unwrap();
    let slot = u64::from_str_radix(&hole[..16], 16).unwrap();
    world.slots = Arc::new(on_disk(&disk, 4096).unwrap());
    // Whoever rebuilds meets it, and serves what lies before; nobody takes the slot before it for the last one.
    let fresh = World { views: Arc::new(MemoryView::new()), ..world.clone() };
    read_only_up_to(&fresh.open(), slot);
    // Whoever has a view from above it goes on serving reads, and does not write.
    world.views = views;
    let ledger = world.open();
    assert_eq!(numbers(&ledger), (1..=12).collect::<Vec<_>>());
    assert!(matches!(insert(&ledger, 13), Err(LedgerError::Unavailable(_))));
}

#[test]
fn f28_damage_in_an_old_record_is_named_and_nothing_is_written() {
    let (disk, views, mut world) = several_segments();
    // In the last segment opening meets it; in an older one, whoever reads it.
    for segment in [segments(&disk).len() - 1, 1] {
        let damaged = disk.copy();
        let name = &segments(&disk)[segment];
        let slot = u64::from_str_radix(&name[..16], 16).unwrap();
        damaged.edit(name, |bytes| bytes[64 + 100] ^= 1);
        world.slots = Arc::new(on_disk(&damaged, 4096).unwrap());
        world.views = Arc::new(MemoryView::new());
        // However often it is opened, with the view that ends before the damage too.
        for _ in 0..2 {
            read_only_up_to(&world.open(), slot);
        }
        world.views = views.clone();
        if segment == 1 {
            assert_eq!(numbers(&world.open()), (1..=12).collect::<Vec<_>>());
        }
    }
}

/// Only what lies before a damaged slot is there, and nothing is written.
fn read_only_up_to(ledger: &Ledger, slot: u64) {
    let Status::Faulted(LedgerError::Damaged(why)) = ledger.status() else { panic!("{:?}", ledger.status()) };
    assert!(why.contains(&format!("slot {slot}")), "{why}");
    // Slots 0 and 1 hold no insert, and each other one holds one.
    assert_eq!(numbers(ledger), (1..slot.saturating_sub(1)).collect::<Vec<_>>(), "before slot {slot}");
    assert_eq!(ledger.digest().digest_tip_address.sequence_no, slot - 1);
    let refused = insert(ledger, 13);
    assert!(matches!(&refused, Err(LedgerError::Unavailable(told)) if told.contains(&why)), "{refused:?}");
}

/// F24: a whole view of this ledger that is ahead of the journal, or holds another slot than the journal, proves that
/// acknowledged blocks are gone: nothing is touched until the caller knows, and then nothing is written until the
/// journal has them again.
#[test]
fn f24_a_view_ahead_of_the_journal_proves_a_loss() {
    let whole: Arc<dyn SlotStore> = Arc::new(MemorySlots::new());
    let world = World::with(Arc::clone(&whole), Arc::new(MemoryView::new()));
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    (1..=5).for_each(|n| insert(&ledger, n).unwrap());
    let digest = ledger.digest();
    drop(ledger);
    for is_replaced in [false, true] {
        let view = Arc::new(MemoryView::new());
        drop(World { views: view.clone(), ..world.clone() }.open());
        let cut: Arc<dyn SlotStore> = Arc::new(MemorySlots::new());
        for (slot, bytes) in (0..).zip(slots_of(&*whole).unwrap().iter().take(4)) {
            cut.create(slot, bytes).unwrap();
        }
        if is_replaced {
            // A server without the view has written on.
            let other =
                World { views: Arc::new(MemoryView::new()), slots: Arc::clone(&cut), ..world.clone() };
            (10..=19).for_each(|n| insert(&other.open(), n).unwrap());
        }
        let mut after = World { views: view.clone(), slots: Arc::clone(&cut), ..world.clone() };
        let applied = view.applied().unwrap();
        let Err(LedgerError::BlocksMissing(loss)) = after.try_open().map(drop) else {
            panic!("it was opened")
        };
        assert_eq!((loss.slot, loss.block, loss.is_replaced), (6, 6, is_replaced));
        assert_eq!(view.applied().unwrap(), applied, "nothing was touched");

        after.options.known_loss = Some(loss.clone());
        for _ in 0..2 {
            let ledger = after.open();
            let expected: Vec<u64> = if is_replaced { (1..=2).chain(10..=19).collect() } else { vec![1, 2] };
            assert_eq!(numbers(&ledger), expected);
            assert_eq!(ledger.status(), Status::Faulted(LedgerError::BlocksMissing(loss.clone())));
            let told = insert(&ledger, 20).unwrap_err().to_string();
            assert!(
                told.contains("acknowledged") && told.contains("copied") && told.contains("accept-loss"),
                "{told}"
            );
        }
        // The missing slots are put back: it goes on by itself.
        after.slots = Arc::clone(&whole);
        after.views = Arc::new(MemoryView::new());
        let ledger = after.open();
        assert_eq!((ledger.status(), ledger.digest()), (Status::Open, digest));
    }
}

/// F24: the view is garbage or another ledger's. F23: or it is not there.
#[test]
fn f23_f24_a_view_that_does_not_fit_is_rebuilt_and_never_served() {
    let directory = tempfile::tempdir().unwrap();
    let view = |name: &str| {
        let options = FjallViewOptions { cache: FjallCache::new(1 << 20), ..FjallViewOptions::default() };
        Arc::new(FjallView::open(directory.path().join(name), options).unwrap())
    };
    let world = |name: &str, slots: Arc<dyn SlotStore>, from: u64| {
        let world = World::with(slots, view(name));
        // Each is a strand of its own.
        (0..from).for_each(|_| {
            world.environment.ids.next();
        });
        let ledger = world.open();
        run(&ledger, "CREATE TABLE t", &[]).unwrap();
        (from..from + 5).for_each(|n| insert(&ledger, n).unwrap());
        world
    };
    let (a, b): (Arc<dyn SlotStore>, Arc<dyn SlotStore>) =
        (Arc::new(MemorySlots::new()), Arc::new(MemorySlots::new()));
    drop(world("b", b, 100));
    drop(world("a", a.clone(), 0));
    let check = |slots: &Arc<dyn SlotStore>, name: &str, expected: &[u64]| {
        let world = World::with(slots.clone(), view(name));
        let ledger = world.open();
        assert_eq!(numbers(&ledger), expected, "{name}");
        audited(&world, &ledger);
        drop(ledger);
        drop(world);
        let again = World::with(slots.clone(), view(name));
        assert_eq!(numbers(&again.open()), expected, "{name}");
    };
    // Another ledger's.
    check(&a, "b", &[0, 1, 2, 3, 4]);
    // Not there.
    check(&a, "none", &[0, 1, 2, 3, 4]);
    // Garbage.
    check(&a, "garbage", &[0, 1, 2, 3, 4]);
    for entry in std::fs::read_dir(directory.path().join("garbage/0")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::write(path, b"garbage").unwrap();
        }
    }
    check(&a, "garbage", &[0, 1, 2, 3, 4]);
}

#[test]
fn f26_a_failed_sync_leaves_the_commit_in_doubt_until_the_ledger_is_opened_again() {
    for fault in [Fault::NotPersisted, Fault::Persisted] {
        let disk = MemoryDisk::new();
        let mut world = World::with(Arc::new(on_disk(&disk, 1 << 20).unwrap()), Arc::new(MemoryView::new()));
        world.options.unknown_outcome_attempts = 2;
        let ledger = world.open();
        run(&ledger, "CREATE TABLE t", &[]).unwrap();
        insert(&ledger, 1).unwrap();
        disk.fail(disk.calls().all + 1, fault);
        assert!(matches!(insert(&ledger, 2), Err(LedgerError::OutcomeUnknown(_))));
        wait_for_fault(&ledger);
        assert!(matches!(insert(&ledger, 3), Err(LedgerError::Unavailable(_))));
        assert_eq!(numbers(&ledger), [1], "reads go on");
        drop((ledger, std::mem::replace(&mut world.slots, Arc::new(MemorySlots::new()))));
        disk.kill();
        world.slots = Arc::new(on_disk(&disk, 1 << 20).unwrap());
        let ledger = world.open();
        // The kernel shows the record either way, and opening makes it true.
        assert_eq!(numbers(&ledger), [1, 2]);
        audited(&world, &ledger);
    }
}

#[test]
fn f26_a_full_disk_refuses_commits_and_nothing_is_lost() {
    let disk = MemoryDisk::new();
    let world = World::with(Arc::new(on_disk(&disk, 1 << 20).unwrap()), Arc::new(MemoryView::new()));
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    let (mut n, mut expected) = (0, Vec::new());
    for _ in 0..3 {
        disk.limit_space(Some(disk.used_space() + 100_000));
        let refused = loop {
            n += 1;
            let text = format!("{{n: {n}, filler: \"{}\"}}", "x".repeat(1000));
            match run(&ledger, "INSERT INTO t VALUE ?", &[&text]) {
                Ok(_) => expected.push(n),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, LedgerError::Unavailable(_)), "{refused}");
        assert_eq!((ledger.status(), numbers(&ledger)), (Status::Open, expected.clone()));
        disk.limit_space(None);
    }
    audited(&world, &ledger);
}
