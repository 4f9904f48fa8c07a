//! The journal on disk: its bytes, its syncs, its locks, its damage.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everstrand_ledger::storage::disk::Disk;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions, FileDisk};
use everstrand_testkit::Random;
use everstrand_testkit::contract::{Redactable, body, redactable, slots_of};
use everstrand_testkit::memory_disk::{Fault, MemoryDisk, Unsynced};

pub(crate) fn open_with(disk: &MemoryDisk, segment_bytes: u64) -> Result<DiskSlots, SlotError> {
    DiskSlots::open(Arc::new(disk.clone()), DiskSlotsOptions { segment_bytes, ..DiskSlotsOptions::default() })
}

/// With segments of a few slots.
pub(crate) fn open(disk: &MemoryDisk) -> DiskSlots {
    open_with(disk, 600).unwrap()
}

pub(crate) fn open_read_only(disk: &MemoryDisk) -> DiskSlots {
    DiskSlots::open_read_only(Arc::new(disk.clone())).unwrap()
}

pub(crate) fn slot_bytes(slot: u64) -> Vec<u8> {
    body(slot, 0, &vec![(slot as u8).wrapping_add(1); 20 + 13 * slot as usize % 100])
}

/// A journal that was closed in order.
pub(crate) fn journal(slots: u64) -> MemoryDisk {
    let disk = MemoryDisk::new();
    let store = open(&disk);
    for slot in 0..slots {
        assert_eq!(store.create(slot, &slot_bytes(slot)).unwrap(), Created::Won);
    }
    disk
}

pub(crate) fn segments(disk: &MemoryDisk) -> Vec<String> {
    disk.list().unwrap().into_iter().filter(|name| name.ends_with(".segment")).collect()
}

pub(crate) fn length(disk: &MemoryDisk, name: &str) -> usize {
    disk.open(name).unwrap().length().unwrap() as usize
}

#[test]
fn each_create_syncs_once_and_each_new_segment_once_more() {
    let disk = MemoryDisk::new();
    let store = open_with(&disk, 1024 * 1024).unwrap();
    let before = disk.calls();
    for slot in 0..1000 {
        store.create(slot, &body(slot, 0, &[7; 1000])).unwrap();
    }
    let after = disk.calls();
    assert_eq!(segments(&disk).len(), 2);
    assert_eq!((after.syncs - before.syncs, after.directory_syncs - before.directory_syncs), (1001, 1));
    for slot in 0..1000 {
        store.read(slot).unwrap();
        store.create(slot, b"late").unwrap();
    }
    assert_eq!(disk.calls().syncs, after.syncs);
}

#[test]
fn a_fresh_journal_is_small() {
    let disk = MemoryDisk::new();
    drop(open_with(&disk, 64 * 1024 * 1024).unwrap());
    assert_eq!(segments(&disk), ["0000000000000000.segment"]);
    assert!(length(&disk, "0000000000000000.segment") <= 256 * 1024);
}

#[test]
fn reading_many_is_reading_each() {
    let disk = journal(40);
    for store in [open_read_only(&disk), open(&disk)] {
        let expected: Vec<_> = (0..40).map(slot_bytes).collect();
        assert_eq!(slots_of(&store).unwrap(), expected);
        for from in 0..40 {
            for bytes_max in [0, 1, 200, 100_000] {
                let many = store.read_many(from, bytes_max).unwrap();
                assert!(!many.is_empty() && expected[from as usize..].starts_with(&many));
            }
        }
        assert_eq!(store.read_many(40, 1000).unwrap(), Vec::<Vec<u8>>::new());
        assert_eq!(store.tip_hint().unwrap(), Some(39));
    }
}

#[test]
fn a_journal_of_many_segments_opens_few_files() {
    let disk = journal(400);
    assert!(segments(&disk).len() > 80);
    let store = open(&disk);
    for slot in (0..400).chain((0..400).rev()) {
        assert_eq!(store.read(slot).unwrap(), Some(slot_bytes(slot)));
    }
}

#[test]
fn a_slot_that_is_longer_than_a_segment_has_one_of_its_own() {
    let disk = MemoryDisk::new();
    let long = body(1, 0, &[5; 300_000]);
    {
        let store = open(&disk);
        store.create(0, &slot_bytes(0)).unwrap();
        store.create(1, &long).unwrap();
        store.create(2, &slot_bytes(2)).unwrap();
    }
    assert_eq!(segments(&disk).len(), 3);
    assert_eq!(slots_of(&open(&disk)).unwrap(), [slot_bytes(0), long, slot_bytes(2)]);
    let too_long = vec![0; 256 * 1024 * 1024 + 1];
    assert!(matches!(open(&disk).create(3, &too_long), Err(SlotError::NotSent(_))));
    assert_eq!(open(&disk).create(3, b"short").unwrap(), Created::Won);
}

/// The last record is torn at every byte: what was acknowledged is there, the torn one is not.
#[test]
fn f27_a_torn_tail_is_cut_at_the_last_whole_record() {
    let last = slot_bytes(5);
    let whole = 32 + last.len();
    for kept in 0..=whole + 8 {
        let disk = MemoryDisk::new();
        let store = open_with(&disk, 4096).unwrap();
        for slot in 0..5 {
            store.create(slot, &slot_bytes(slot)).unwrap();
        }
        let (call, writes) = (disk.calls().all, disk.calls().writes);
        // Its write is the next call; the sync after it meets the power cut.
        disk.fail(call + 1, Fault::PowerCut);
        assert!(matches!(store.create(5, &last), Err(SlotError::Unknown(_))));
        assert_eq!(disk.calls().writes, writes + 1);
        drop(store);
        disk.crash(Unsynced::Bytes(kept));
        let store = open_with(&disk, 4096).unwrap();
        let mut expected: Vec<_> = (0..5).map(slot_bytes).collect();
        if kept >= whole {
            expected.push(last.clone());
        }
        assert_eq!(slots_of(&store).unwrap(), expected, "{kept} bytes kept");
        assert!(store.damage().is_none());
        let next = expected.len() as u64;
        assert_eq!(store.create(next, &slot_bytes(next)).unwrap(), Created::Won);
    }
}

/// The same for a file that ends anywhere in its last record.
#[test]
fn f27_a_file_that_ends_in_its_last_record_is_cut_there_too() {
    let disk = MemoryDisk::new();
    let store = open_with(&disk, 4096).unwrap();
    for slot in 0..3 {
        store.create(slot, &slot_bytes(slot)).unwrap();
    }
    disk.kill();
    drop(store);
    let name = &segments(&disk)[0];
    let record = |slot| 32 + slot_bytes(slot).len().next_multiple_of(8);
    let start = 64 + record(0) + record(1);
    for end in start..start + 32 + slot_bytes(2).len() {
        let copy = disk.copy();
        copy.edit(name, |bytes| bytes.truncate(end));
        let store = open_with(&copy, 4096).unwrap();
        assert_eq!(slots_of(&store).unwrap(), [slot_bytes(0), slot_bytes(1)], "ends at {end}");
    }
}

/// Every bit of every file, one at a time: each slot reads as it was written or is named as damaged, and no
/// slot is named for another's damage.
#[test]
fn f28_a_flipped_bit_is_located_to_the_exact_slot() {
    let slots = 9;
    let disk = journal(slots);
    let names = segments(&disk);
    assert!(names.len() >= 3);
    let mut damaged_slots = std::collections::BTreeSet::new();
    for name in &names {
        let used = length(&disk, name).min(900);
        let end = length(&disk, name);
        for at in (0..used).chain(end - 64..end) {
            let copy = disk.copy();
            copy.edit(name, |bytes| bytes[at] ^= 1 << (at % 8));
            let (read_only, writable) = (open_read_only(&copy), open(&copy));
            for store in [&read_only, &writable] {
                let mut damaged = Vec::new();
                for slot in 0..slots {
                    match store.read(slot) {
                        Ok(Some(bytes)) if bytes == slot_bytes(slot) => {}
                        Err(SlotError::Corrupt { slot: named, .. }) if named == slot => damaged.push(slot),
                        other => panic!("{name} at {at}: slot {slot} gave {other:?}"),
                    }
                }
                assert!(damaged.len() <= 1, "{name} at {at}: {damaged:?}");
                damaged_slots.extend(&damaged);
                // What opening has seen keeps it from writing; in older segments reading sees it.
                if let Some(error) = store.damage() {
                    assert!(matches!(store.create(slots, b"more"), Err(SlotError::Denied(_))), "{error}");
                }
                assert!(damaged.is_empty() || name != &names[names.len() - 1] || store.damage().is_some());
            }
        }
    }
    assert_eq!(damaged_slots, (0..slots).collect());
}

/// Whatever is done to the files, no slot ever reads as something that was not written for it.
#[test]
fn any_change_of_the_files_is_met_with_the_right_bytes_or_an_error() {
    let slots = 14;
    let original = journal(slots);
    let names = segments(&original);
    let mut random = Random::new(0x5eed);
    let mut below = move |bound: usize| random.index(bound);
    let (mut whole, mut damaged, mut cut) = (0, 0, 0);
    for _ in 0..3000 {
        let disk = original.copy();
        for _ in 0..1 + below(3) {
            let name = &names[below(names.len())];
            let (at, from, length, kind) = (below(900), below(900), 1 + below(200), below(7));
            disk.edit(name, |bytes| {
                let end = bytes.len();
                let (at, from) = (at.min(end.saturating_sub(length)), from.min(end.saturating_sub(length)));
                match kind {
                    _ if end <= length => bytes.resize(100_000, 7),
                    0 => bytes[at] ^= 1 << (from % 8),
                    1 => bytes[at..at + length].fill(from as u8),
                    2 => bytes.truncate(at),
                    // A record, or a part of one, in another place.
                    3 => bytes.copy_within(from..from + length, at),
                    4 => bytes.copy_within(from..from + length, at / 8 * 8),
                    5 => drop(bytes.drain(at..at + length)),
                    _ => drop(bytes.splice(at..at, vec![from as u8; length])),
                }
            });
        }
        for store in [open_read_only(&disk), open(&disk)] {
            let tip = store.tip_hint().unwrap();
            for slot in 0..slots + 3 {
                match store.read(slot) {
                    Ok(Some(bytes)) => {
                        assert!(slot < slots && bytes == slot_bytes(slot));
                        whole += 1;
                    }
                    Ok(None) => {
                        assert!(tip.is_none_or(|tip| slot > tip));
                        cut += usize::from(slot < slots);
                    }
                    Err(SlotError::Corrupt { slot: named, .. }) => {
                        assert_eq!(named, slot);
                        damaged += 1;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            for from in 0..slots + 3 {
                for (slot, bytes) in (from..).zip(store.read_many(from, 1000).unwrap_or_default()) {
                    assert_eq!(bytes, slot_bytes(slot));
                }
            }
            let next = tip.map_or(0, |tip| tip + 1);
            if let Ok(created) = store.create(next, &slot_bytes(next)) {
                assert_eq!(created, Created::Won);
                assert_eq!(store.read(next).unwrap(), Some(slot_bytes(next)));
            }
        }
    }
    assert!(whole > 1000 && damaged > 1000 && cut > 100, "{whole} {damaged} {cut}");
}

/// Without the mark of a clean end, a bad last record cannot be told from a torn one; with it, it can.
#[test]
fn a_clean_end_makes_a_bad_last_record_damage() {
    let damage = |disk: &MemoryDisk| {
        let name = segments(disk).pop().unwrap();
        disk.edit(&name, |bytes| {
            let at = 64 + 40;
            bytes[at] ^= 1;
        });
    };
    let disk = MemoryDisk::new();
    open(&disk).create(0, &slot_bytes(0)).unwrap();
    damage(&disk);
    let store = open(&disk);
    assert!(matches!(store.damage(), Some(SlotError::Corrupt { slot: 0, .. })));
    assert!(matches!(store.read(0), Err(SlotError::Corrupt { slot: 0, .. })));

    let disk = MemoryDisk::new();
    let store = open(&disk);
    store.create(0, &slot_bytes(0)).unwrap();
    disk.kill();
    drop(store);
    damage(&disk);
    let store = open(&disk);
    assert!(store.damage().is_none());
    assert_eq!(store.read(0).unwrap(), None);
}

#[test]
fn f19_a_missing_segment_is_a_hole_and_never_the_tip() {
    let disk = journal(12);
    let names = segments(&disk);
    let firsts: Vec<u64> = names.iter().map(|name| u64::from_str_radix(&name[..16], 16).unwrap()).collect();
    for (at, name) in names.iter().enumerate() {
        let copy = disk.copy();
        copy.remove(name).unwrap();
        let missing = firsts[at]..firsts.get(at + 1).copied().unwrap_or(firsts[at] + 1);
        for store in [open_read_only(&copy), open(&copy)] {
            for slot in 0..missing.end.max(if at + 1 < names.len() { 12 } else { 0 }) {
                match store.read(slot) {
                    Ok(Some(bytes)) => assert!(!missing.contains(&slot) && bytes == slot_bytes(slot)),
                    Err(SlotError::Corrupt { slot: named, why }) => {
                        assert!(
                            named == slot && missing.contains(&slot),
                            "{name}: slot {slot}, {named}: {why}"
                        );
                    }
                    other => panic!("{name}: slot {slot} gave {other:?}"),
                }
            }
            let Some(SlotError::Corrupt { slot, why }) = store.damage() else {
                panic!("{name} is not missed")
            };
            assert_eq!(slot, missing.start, "{why}");
            assert!(matches!(
                store.create(12, b"more"),
                Err(SlotError::Denied(_) | SlotError::Corrupt { .. })
            ));
        }
    }
}

#[test]
fn a_full_segments_table_is_only_a_short_cut() {
    let disk = journal(12);
    let names = segments(&disk);
    for damage in [0, 1, 2] {
        let copy = disk.copy();
        for name in &names[..names.len() - 1] {
            copy.edit(name, |bytes| {
                let end = bytes.len();
                match damage {
                    0 => bytes.truncate(end - 40),
                    1 => bytes[end - 20] ^= 1,
                    _ => bytes[end - 34] ^= 1,
                }
            });
        }
        for _ in 0..2 {
            let store = open(&copy);
            assert!(store.damage().is_none());
            assert_eq!(slots_of(&store).unwrap(), (0..12).map(slot_bytes).collect::<Vec<_>>());
            for slot in 0..12 {
                assert_eq!(store.read(slot).unwrap(), Some(slot_bytes(slot)));
            }
        }
    }
}

/// Whoever writes documents can write what looks like a record, but not with the nonce of a segment.
#[test]
fn a_document_that_imitates_a_record_is_never_taken_for_one() {
    let imitation = record(1, [1, 0, 0, 0, 0, 0, 0, 0], &body(1, 9, b"forged"));
    let slots = |slot: u64| match slot {
        // It begins at a multiple of 8 in the file, as records do.
        0 => body(0, 0, &imitation),
        _ => slot_bytes(slot),
    };
    let disk = MemoryDisk::new();
    let store = open_with(&disk, 400).unwrap();
    (0..6).for_each(|slot| assert_eq!(store.create(slot, &slots(slot)).unwrap(), Created::Won));
    drop(store);
    let first = &segments(&disk)[0];
    let at = 64 + 32 + 32;
    disk.edit(first, |bytes| assert_eq!(bytes[at..at + imitation.len()], imitation));

    // The table of a closed segment is not covered by a checksum: let it point there.
    disk.edit(first, |bytes| {
        let count = u32::from_le_bytes(bytes[bytes.len() - 16..bytes.len() - 12].try_into().unwrap());
        assert!(count >= 2, "slots 0 and 1 are in the first segment");
        let second = bytes.len() - 32 - 4 * count as usize + 4;
        bytes[second..second + 4].copy_from_slice(&(at as u32).to_le_bytes());
    });
    for store in [open_read_only(&disk), open_with(&disk, 400).unwrap()] {
        assert_eq!(store.read(1).unwrap(), Some(slots(1)));
        assert_eq!(slots_of(&store).unwrap(), (0..6).map(slots).collect::<Vec<_>>());
    }

    // Nor where the record that it stands in lost its head, and records are searched for.
    disk.edit(first, |bytes| bytes[64] ^= 1);
    let store = open_read_only(&disk);
    assert!(matches!(store.read(0), Err(SlotError::Corrupt { slot: 0, .. })));
    assert_ne!(store.read(1).ok().flatten(), Some(body(1, 9, b"forged")));
}

/// A record as the format draws it.
pub(crate) fn record(slot: u64, nonce: [u8; 8], body: &[u8]) -> Vec<u8> {
    let mut header = [0; 32];
    header[..4].copy_from_slice(&(body.len() as u32).to_le_bytes());
    header[8..16].copy_from_slice(&slot.to_le_bytes());
    header[16..24].copy_from_slice(&nonce);
    header[24..28].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
    header[28..32].copy_from_slice(&1u32.to_le_bytes());
    let check = crc32c::crc32c_append(crc32c::crc32c(&header[..4]), &header[8..]);
    header[4..8].copy_from_slice(&check.to_le_bytes());
    let mut record = [&header[..], body].concat();
    record.resize(record.len().next_multiple_of(8), 0);
    record
}

#[test]
fn a_journal_of_another_format_is_refused_with_its_name() {
    let disk = journal(1);
    disk.edit(&segments(&disk)[0], |bytes| {
        bytes[8..13].copy_from_slice(b"pre-2");
        let check = crc32c::crc32c(&bytes[..32]);
        bytes[32..36].copy_from_slice(&check.to_le_bytes());
    });
    let Err(SlotError::Denied(why)) = open_with(&disk, 600) else { panic!("it was opened") };
    assert!(why.contains("pre-2") && why.contains("pre-1"), "{why}");
}

/// After a failed sync the kernel calls bytes clean that are not on the disk. The store does not sync that
/// file again and refuses to write; opening again copies what it sees, so that it is what it seems.
#[test]
fn f26_a_failed_sync_stops_writing_and_opening_again_decides() {
    for fault in [Fault::NotPersisted, Fault::Persisted] {
        let disk = MemoryDisk::new();
        let store = open(&disk);
        store.create(0, &slot_bytes(0)).unwrap();
        disk.fail(disk.calls().all + 1, fault);
        assert!(matches!(store.create(1, &slot_bytes(1)), Err(SlotError::Unknown(_))));
        let syncs = disk.calls().syncs;
        for slot in [1, 2] {
            let Err(SlotError::Denied(why)) = store.create(slot, &slot_bytes(1)) else { panic!("{slot}") };
            assert!(why.contains("opening again decides"), "{why}");
        }
        assert_eq!(store.create(0, b"late").unwrap(), Created::Exists);
        assert_eq!(store.read(0).unwrap(), Some(slot_bytes(0)));
        assert!(matches!(store.read(1), Err(SlotError::Unknown(_))));
        drop(store);
        assert_eq!(disk.calls().syncs, syncs, "the file was synced again");
        let store = open(&disk);
        assert_eq!(store.read(1).unwrap(), Some(slot_bytes(1)), "the kernel shows it");
        disk.crash(Unsynced::Lost);
        drop(store);
        assert_eq!(open(&disk).read(1).unwrap(), Some(slot_bytes(1)), "and now it is on the disk");
    }
}

#[test]
fn f26_a_full_disk_refuses_creates_keeps_reads_and_recovers() {
    let disk = MemoryDisk::new();
    let store = open_with(&disk, 1024 * 1024).unwrap();
    let bytes = |slot| body(slot, 0, &[1; 3000]);
    let record = 32 + bytes(0).len();
    let (mut refused, mut in_segment) = (0, 0);
    for slot in 0..600 {
        let names = segments(&disk);
        let room = length(&disk, &names[names.len() - 1]) - 64 - in_segment * record;
        if room < record + 32 {
            // The next calls fill ahead or begin a segment, and find no space.
            for call in 0..2 {
                disk.fail(disk.calls().all + call, Fault::NoSpace);
                assert!(matches!(store.create(slot, &bytes(slot)), Err(SlotError::Full(_))));
                assert_eq!(store.read(slot).unwrap(), None);
                assert_eq!(store.read(slot - 1).unwrap(), Some(bytes(slot - 1)));
                refused += 1;
            }
            disk.heal();
        }
        assert_eq!(store.create(slot, &bytes(slot)).unwrap(), Created::Won);
        in_segment = if segments(&disk).len() == names.len() { in_segment + 1 } else { 1 };
    }
    assert!(refused >= 8 && segments(&disk).len() == 2);
    disk.crash(Unsynced::Lost);
    drop(store);
    assert_eq!(slots_of(&open(&disk)).unwrap(), (0..600).map(bytes).collect::<Vec<_>>());
}

#[test]
fn a_segment_that_may_have_begun_is_where_the_next_slot_goes() {
    for fault in [Fault::Persisted, Fault::NotPersisted] {
        for call in 0..12 {
            let disk = MemoryDisk::new();
            let store = open(&disk);
            assert_eq!(store.create(0, &body(0, 0, &[1; 300])).unwrap(), Created::Won);
            // The next slot does not fit behind it; a call fails on the way to another segment.
            disk.fail(disk.calls().all + call, fault);
            let large = store.create(1, &body(1, 0, &[2; 400]));
            disk.heal();
            if large.is_err() {
                // This one would.
                drop(store.create(1, &body(1, 1, &[3; 20])));
            }
            let written = store.tip_hint().unwrap();
            drop(store);
            let again = open(&disk);
            assert_eq!(again.damage().map(|damage| damage.to_string()), None, "{fault:?} of call {call}");
            let next = again.tip_hint().unwrap().unwrap() + 1;
            assert!(Some(next - 1) >= written, "{fault:?} of call {call}");
            assert_eq!(again.create(next, &body(next, 0, &[4; 20])).unwrap(), Created::Won);
        }
    }
}

#[test]
fn f29_a_second_writer_is_refused_and_readers_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let disk = || Arc::new(FileDisk::create(directory.path().join("ledger")).unwrap());
    let store = DiskSlots::open(disk(), DiskSlotsOptions::default()).unwrap();
    store.create(0, &slot_bytes(0)).unwrap();
    let second = DiskSlots::open(disk(), DiskSlotsOptions::default());
    let Err(SlotError::Denied(why)) = second else { panic!("two writers") };
    assert!(why.contains("another process has") && why.contains("ledger"), "{why}");
    let looking = Arc::new(FileDisk::read_only(directory.path().join("ledger")).unwrap());
    let reader = DiskSlots::open_read_only(looking).unwrap();
    assert_eq!(reader.read(0).unwrap(), Some(slot_bytes(0)));
    assert!(matches!(reader.create(1, b"no"), Err(SlotError::Denied(_))));
    assert_eq!(store.create(1, &slot_bytes(1)).unwrap(), Created::Won);
    // The lock is the process's and not the file's: what a dead one leaves is no obstacle.
    drop(store);
    assert!(directory.path().join("ledger/lock").exists());
    let store = DiskSlots::open(disk(), DiskSlotsOptions::default()).unwrap();
    assert_eq!(store.read(1).unwrap(), Some(slot_bytes(1)));
}

#[test]
fn a_journal_that_has_to_be_there_is_not_begun_anew() {
    let options = DiskSlotsOptions { must_exist: true, ..DiskSlotsOptions::default() };
    let disk = MemoryDisk::new();
    let refused = DiskSlots::open(Arc::new(disk.clone()), options);
    assert!(matches!(refused, Err(SlotError::Denied(why)) if why.contains("no journal")));
    drop(open(&disk));
    assert!(DiskSlots::open(Arc::new(disk), options).is_ok());
}

#[test]
fn a_directory_that_is_not_there_cannot_be_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    assert!(FileDisk::read_only(directory.path().join("nothing")).is_err());
    assert!(!directory.path().join("nothing").exists());
}

/// Audit reads beside a server that creates, begins segments and redacts.
#[test]
fn a_reader_beside_a_writer_sees_whole_prefixes() {
    let directory = tempfile::tempdir().unwrap();
    let options = DiskSlotsOptions { segment_bytes: 4096, ..DiskSlotsOptions::default() };
    let disk = Arc::new(FileDisk::create(directory.path()).unwrap());
    let store = DiskSlots::open(disk, options).unwrap();
    let written = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for slot in 0..600 {
                store.create(slot, &redactable(slot, "a secret").whole).unwrap();
                written.store(slot + 1, Ordering::SeqCst);
                if slot % 50 == 49 {
                    let earlier = redactable(slot - 20, "a secret");
                    store.redact(slot - 20, &earlier.whole, &earlier.redacted).unwrap();
                }
            }
        });
        let mut seen = 0;
        while seen < 600 {
            let at_least = written.load(Ordering::SeqCst);
            let looking = Arc::new(FileDisk::read_only(directory.path()).unwrap());
            let reader = DiskSlots::open_read_only(looking).unwrap();
            assert!(reader.damage().is_none(), "{:?}", reader.damage());
            let slots = slots_of(&reader).unwrap();
            for (slot, bytes) in (0..).zip(&slots) {
                let expected = redactable(slot, "a secret");
                assert!(*bytes == expected.whole || *bytes == expected.redacted);
            }
            seen = slots.len() as u64;
            assert!(seen >= at_least, "{seen} of {at_least}");
        }
    });
}

#[test]
fn redaction_leaves_no_trace_in_the_files_and_nothing_else_changes() {
    let secret = "the secret of somebody";
    let disk = MemoryDisk::new();
    let store = open(&disk);
    let slot_of = |slot| redactable(slot, if slot % 2 == 0 { secret } else { "of no interest" });
    for slot in 0..12 {
        store.create(slot, &slot_of(slot).whole).unwrap();
    }
    let find = |disk: &MemoryDisk| {
        let mut found = 0;
        for name in disk.list().unwrap() {
            disk.edit(&name, |bytes| {
                found += bytes.windows(secret.len()).filter(|it| *it == secret.as_bytes()).count()
            });
        }
        found
    };
    assert_eq!(find(&disk), 6);
    for slot in (0..12).step_by(2) {
        let Redactable { whole, redacted, .. } = slot_of(slot);
        store.redact(slot, &whole, &redacted).unwrap();
    }
    assert_eq!(find(&disk), 0);
    store.create(12, &slot_of(13).whole).unwrap();
    disk.crash(Unsynced::Lost);
    drop(store);
    let store = open(&disk);
    for slot in 0..12 {
        let expected = if slot % 2 == 0 { slot_of(slot).redacted } else { slot_of(slot).whole };
        assert_eq!(store.read(slot).unwrap(), Some(expected));
    }
    assert_eq!(find(&disk), 0);
}

/// A journal as the current format has it, byte for byte, so that a change of the format is noticed and
/// old journals keep opening. `UPDATE_GOLDENFILES=1` writes it anew.
const FIXTURE: &str = "tests/fixtures/pre-1/journal.txt";

const ABOUT: &str = "# A journal of the format pre-1, written by crates/ledger/tests/it/disk_slots.rs: its segments in hexadecimal
# digits, 32 bytes a line behind their offset. Lines of zeros are left out.
";

fn text_of(disk: &MemoryDisk) -> String {
    let mut text = ABOUT.to_owned();
    for name in segments(disk) {
        disk.edit(&name, |bytes| {
            writeln!(text, "\n{name} {}", bytes.len()).unwrap();
            for (number, line) in
                bytes.chunks(32).enumerate().filter(|(_, line)| line.iter().any(|it| *it != 0))
            {
                write!(text, "{:06x} ", 32 * number).unwrap();
                line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
                text.push('\n');
            }
        });
    }
    text
}

fn disk_of(text: &str) -> MemoryDisk {
    let disk = MemoryDisk::new();
    for segment in text.split("\n\n").skip(1) {
        let mut lines = segment.lines();
        let (name, length) = lines.next().and_then(|line| line.split_once(' ')).unwrap();
        let mut bytes = vec![0; length.parse().unwrap()];
        for (offset, digits) in lines.map(|line| line.split_once(' ').unwrap()) {
            let offset = usize::from_str_radix(offset, 16).unwrap();
            for at in 0..digits.len() / 2 {
                bytes[offset + at] = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
            }
        }
        disk.create(name).unwrap();
        disk.edit(name, |file| *file = bytes);
    }
    disk
}

#[test]
fn the_journal_of_this_format_opens() {
    let written_today = text_of(&journal(8));
    if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
        std::fs::write(FIXTURE, &written_today).unwrap();
    }
    let stored = std::fs::read_to_string(FIXTURE).unwrap();
    let store = open_read_only(&disk_of(&stored));
    assert!(store.damage().is_none());
    assert_eq!(slots_of(&store).unwrap(), (0..8).map(slot_bytes).collect::<Vec<_>>());
    assert!(written_today == stored, "the format has changed: see UPDATE_GOLDENFILES in docs/testing.md");
}
