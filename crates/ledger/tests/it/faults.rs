//! Every call of the disk fails once in every way, and power goes at every call: what was acknowledged is
//! there afterwards, nothing is half-done, and the store says what it does not know.

use std::sync::{Arc, LazyLock};

use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions};
use everstrand_testkit::contract::{Redactable, body, redactable, slots_of};
use everstrand_testkit::memory_disk::{Fault, MemoryDisk, Unsynced};

/// A few segments' worth.
const SLOTS: u64 = 9;

/// The slots that are redacted on the way: one in a full segment, one in the last.
const REDACTED: [u64; 2] = [1, 7];

static REDACTABLE: LazyLock<Vec<Redactable>> =
    LazyLock::new(|| (0..SLOTS).map(|slot| redactable(slot, "a secret")).collect());

fn open(disk: &MemoryDisk) -> Result<DiskSlots, SlotError> {
    let options = DiskSlotsOptions { segment_bytes: 600, ..DiskSlotsOptions::default() };
    DiskSlots::open(Arc::new(disk.clone()), options)
}

fn bytes_of(slot: u64) -> Vec<u8> {
    if REDACTED.contains(&slot) {
        return REDACTABLE[slot as usize].whole.clone();
    }
    body(slot, 0, &vec![slot as u8 + 1; 30 + 17 * slot as usize % 90])
}

fn redacted(slot: u64) -> Vec<u8> {
    REDACTABLE[slot as usize].redacted.clone()
}

/// What somebody knows who has used the store.
#[derive(Debug, Default)]
struct Known {
    /// Slots that were acknowledged.
    acknowledged: u64,
    /// The next slot may exist.
    in_doubt: bool,
    /// Redactions that were acknowledged.
    redacted: Vec<u64>,
}

/// Creates and redacts as a committer does, until all is done or the store refuses to go on.
fn work(disk: &MemoryDisk, known: &mut Known) -> Result<(), SlotError> {
    let store = open(disk)?;
    check(&store, known);
    known.acknowledged = store.tip_hint()?.map_or(0, |tip| tip + 1);
    known.in_doubt = false;
    while known.acknowledged < SLOTS {
        let slot = known.acknowledged;
        match store.create(slot, &bytes_of(slot)) {
            Ok(Created::Won) => known.acknowledged += 1,
            Ok(Created::Exists) => panic!("slot {slot} exists, and nobody else is here"),
            Err(SlotError::Unknown(why)) => {
                known.in_doubt = true;
                return Err(SlotError::Unknown(why));
            }
            Err(SlotError::NotSent(_) | SlotError::Full(_)) => {
                assert_eq!(store.read(slot).ok().flatten(), None);
                // The fault is over: the same store may go on, or refuse to.
                match store.create(slot, &bytes_of(slot)) {
                    Ok(Created::Won) => known.acknowledged += 1,
                    Err(SlotError::Unknown(why)) => {
                        known.in_doubt = true;
                        return Err(SlotError::Unknown(why));
                    }
                    other => drop(other?),
                }
            }
            Err(error) => return Err(error),
        }
    }
    for slot in REDACTED {
        let stored = store.read(slot)?.unwrap_or_default();
        store.redact(slot, &stored, &redacted(slot))?;
        known.redacted.push(slot);
    }
    for slot in 0..SLOTS {
        store.read(slot)?;
    }
    Ok(())
}

/// Whether a store holds what it must and nothing that it may not.
fn check(store: &DiskSlots, known: &Known) {
    assert!(store.damage().is_none(), "{:?}, {known:?}", store.damage());
    let slots = slots_of(store).unwrap();
    let most = known.acknowledged + u64::from(known.in_doubt);
    assert!((known.acknowledged..=most).contains(&(slots.len() as u64)), "{} slots, {known:?}", slots.len());
    for (slot, bytes) in (0..).zip(&slots) {
        let may_be = match (known.redacted.contains(&slot), REDACTED.contains(&slot)) {
            (true, _) => vec![redacted(slot)],
            (false, true) => vec![redacted(slot), bytes_of(slot)],
            (false, false) => vec![bytes_of(slot)],
        };
        assert!(may_be.contains(bytes), "slot {slot} has other bytes, {known:?}");
        assert_eq!(store.read(slot).unwrap().as_ref(), Some(bytes));
    }
}

/// Works with a fault at one call, comes back after `after`, works on to the end. Whether the fault was met.
fn survive(call: u64, fault: Fault, after: impl Fn(&MemoryDisk)) -> bool {
    let (disk, mut known) = (MemoryDisk::new(), Known::default());
    disk.fail(call, fault);
    let outcome = work(&disk, &mut known);
    let met = disk.calls().all > call;
    if !met {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    disk.heal();
    after(&disk);
    for _ in 0..2 {
        work(&disk, &mut known).unwrap_or_else(|error| panic!("call {call}, {fault:?}: {error}"));
        disk.crash(Unsynced::Lost);
        let store = open(&disk).unwrap();
        check(&store, &known);
        assert_eq!((known.acknowledged, store.tip_hint().unwrap()), (SLOTS, Some(SLOTS - 1)));
    }
    met
}

const FAULTS: [Fault; 7] = [
    Fault::NotPersisted,
    Fault::Persisted,
    Fault::Torn(1),
    Fault::Torn(40),
    Fault::NoSpace,
    Fault::Short,
    Fault::PowerCut,
];

#[test]
fn f26_every_call_fails_once_in_every_way_and_the_process_starts_again() {
    let mut met = 0;
    for fault in FAULTS.into_iter().filter(|fault| *fault != Fault::PowerCut) {
        met += (0..).take_while(|call| survive(*call, fault, MemoryDisk::kill)).count();
    }
    assert!(met > 600, "{met}");
}

#[test]
fn f26_every_call_fails_once_in_every_way_and_then_power_goes() {
    for fault in FAULTS {
        for unsynced in [Unsynced::Lost, Unsynced::Kept] {
            let crash = |disk: &MemoryDisk| disk.crash(unsynced);
            assert!((0..).take_while(|call| survive(*call, fault, crash)).count() > 100);
        }
    }
}

#[test]
fn power_goes_at_every_call_and_keeps_any_part_of_what_was_not_synced() {
    for seed in 0..30 {
        let crash = |disk: &MemoryDisk| disk.crash(Unsynced::Seed(seed));
        assert!((0..).take_while(|call| survive(*call, Fault::PowerCut, crash)).count() > 100);
    }
}

/// Recovery itself is interrupted at every call, in every way.
#[test]
fn opening_after_a_crash_may_fail_at_every_call_and_be_repeated() {
    for crash in [Unsynced::Lost, Unsynced::Kept, Unsynced::Seed(5)] {
        let (original, mut known) = (MemoryDisk::new(), Known::default());
        work(&original, &mut known).unwrap();
        // An unclean stop with a record on its way.
        let store = open(&original).unwrap();
        original.fail(original.calls().all + 1, Fault::PowerCut);
        assert!(store.create(SLOTS, &bytes_of(SLOTS)).is_err());
        known.in_doubt = true;
        drop(store);
        for fault in FAULTS {
            for call in 0.. {
                let disk = original.copy();
                disk.fail(call, fault);
                let opened = open(&disk);
                let met = disk.calls().all > call;
                disk.heal();
                match opened {
                    Ok(store) => check(&store, &known),
                    Err(SlotError::Denied(_) | SlotError::Full(_)) => {}
                    Err(error) => panic!("{error}"),
                }
                disk.crash(crash);
                check(&open(&disk).unwrap(), &known);
                if !met {
                    break;
                }
            }
        }
    }
}

/// A bug that a forgetful disk must be able to show: syncing again after a failed sync.
#[test]
fn the_twin_forgets_what_a_failed_sync_was_to_keep() {
    use everstrand_ledger::storage::disk::Disk;
    let disk = MemoryDisk::new();
    let file = disk.create("a").unwrap();
    disk.sync_directory().unwrap();
    file.write_at(0, b"kept").unwrap();
    disk.fail(disk.calls().all, Fault::NotPersisted);
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    let mut bytes = [0; 4];
    assert_eq!((file.read_at(0, &mut bytes).unwrap(), &bytes), (4, b"kept"));
    disk.crash(Unsynced::Lost);
    assert_eq!(disk.open("a").unwrap().length().unwrap(), 0);
}
