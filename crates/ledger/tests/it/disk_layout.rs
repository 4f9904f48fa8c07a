//! What the journal on disk costs: how much goes into a segment, how far a file is filled ahead, and how many
//! calls reading takes. None of it can be seen in what the store answers.

use everstrand_ledger::storage::slots::{Created, SlotStore};
use everstrand_testkit::contract::{body, redactable};
use everstrand_testkit::memory_disk::MemoryDisk;

use crate::disk_slots::{journal, length, open, open_read_only, open_with, segments};

/// The first 64 KiB are filled with two of them.
const FILLED: usize = 128 * 1024;

const HEAD: usize = 64;
const RECORD_HEAD: usize = 32;

/// A body whose record takes `extent` bytes.
fn record_of(slot: u64, extent: usize) -> Vec<u8> {
    body(slot, 0, &vec![3; extent - RECORD_HEAD - 32])
}

/// How many calls of the disk something takes.
fn calls<T>(disk: &MemoryDisk, what: impl FnOnce() -> T) -> u64 {
    let before = disk.calls().all;
    what();
    disk.calls().all - before
}

#[test]
fn a_segment_takes_as_many_records_as_fit_with_the_mark_behind_them() {
    let full = HEAD + 3 * 200 + RECORD_HEAD;
    for (segment_bytes, expected) in [(full, 3), (full + 199, 3), (full + 200, 4), (full - 1, 2)] {
        let disk = MemoryDisk::new();
        let store = open_with(&disk, segment_bytes as u64).unwrap();
        let slots = (0..).take_while(|slot| {
            store.create(*slot, &record_of(*slot, 200)).unwrap();
            segments(&disk).len() == 1
        });
        assert_eq!(slots.count(), expected, "{segment_bytes}");
    }
}

/// Segments have the size that they are opened with, where a slot has room for it.
#[test]
fn large_slots_share_a_large_segment() {
    let disk = MemoryDisk::new();
    let store = open_with(&disk, 64 * 1024 * 1024).unwrap();
    for slot in 0..3 {
        store.create(slot, &record_of(slot, 2 * 1024 * 1024)).unwrap();
    }
    assert_eq!(segments(&disk).len(), 1);
}

/// A record is one write and one sync; where the file is filled ahead, the steps come before.
#[test]
fn a_file_is_filled_before_a_record_would_leave_no_room_for_the_mark() {
    // Four of these and the mark fill it exactly.
    let extent = (FILLED - HEAD - RECORD_HEAD) / 4;
    for (longer, grows) in [(0, false), (8, true), (RECORD_HEAD, true)] {
        let disk = MemoryDisk::new();
        let store = open_with(&disk, 1024 * 1024).unwrap();
        let name = &segments(&disk)[0];
        assert_eq!(length(&disk, name), FILLED);
        for (slot, extent) in (0..).zip([extent, extent, extent, extent + longer]) {
            let writes = disk.calls().writes;
            store.create(slot, &record_of(slot, extent)).unwrap();
            let filled = if slot == 3 && grows { 3 } else { 0 };
            assert_eq!(disk.calls().writes - writes, 1 + filled, "slot {slot}, {longer}");
        }
        assert_eq!(length(&disk, name) > FILLED, grows);
    }
}

/// As much is filled as there is already, from 64 KiB up to 1 MiB.
#[test]
fn filling_ahead_doubles_a_file_up_to_a_megabyte() {
    let disk = MemoryDisk::new();
    let store = open_with(&disk, 64 * 1024 * 1024).unwrap();
    let name = &segments(&disk)[0];
    let mut lengths = vec![length(&disk, name) / 1024];
    for slot in 0..160 {
        store.create(slot, &record_of(slot, 32 * 1024)).unwrap();
        if length(&disk, name) / 1024 != lengths[lengths.len() - 1] {
            lengths.push(length(&disk, name) / 1024);
        }
    }
    assert_eq!(lengths, [128, 320, 704, 1472, 2560, 3648, 4736, 5824]);
}

#[test]
fn many_slots_are_read_with_one_call_a_segment() {
    let disk = MemoryDisk::new();
    let store = open(&disk);
    let slots: Vec<Vec<u8>> = (0..40).map(|slot| record_of(slot, 72 + slot as usize % 5 * 16)).collect();
    for (slot, bytes) in (0..).zip(&slots) {
        assert_eq!(store.create(slot, bytes).unwrap(), Created::Won);
    }
    let (mut read, mut looks) = (Vec::new(), 0);
    while read.len() < slots.len() {
        read.extend(store.read_many(read.len() as u64, 100_000).unwrap());
        looks += 1;
    }
    assert_eq!((read, looks), (slots, segments(&disk).len()));
}

/// The offsets of a segment that was written anew are right: nothing has to be searched for.
#[test]
fn a_redacted_segment_is_read_as_quickly_as_before() {
    let disk = MemoryDisk::new();
    let store = open_with(&disk, 2000).unwrap();
    for slot in 0..12 {
        store.create(slot, &redactable(slot, "a secret").whole).unwrap();
    }
    let segments = segments(&disk).len();
    assert!((3..=6).contains(&segments), "{segments}");
    let read = |store: &dyn SlotStore| {
        (0..12).map(|slot| calls(&disk, || store.read(slot).unwrap())).collect::<Vec<_>>()
    };
    for slot in [1, 11] {
        let slot_of = redactable(slot, "a secret");
        store.redact(slot, &slot_of.whole, &slot_of.redacted).unwrap();
    }
    // Its place in the table, the record, the end of the file if that is near, and the file's length.
    read(&store);
    assert!(read(&store).iter().all(|calls| *calls <= 4), "{:?}", read(&store));
    drop(store);
    for store in [open_read_only(&disk), open(&disk)] {
        read(&store);
        assert!(read(&store).iter().all(|calls| *calls <= 4), "{:?}", read(&store));
    }
}

/// A journal that was closed in order is used as it lies there; a table that is missing is added once.
#[test]
fn opening_writes_only_what_is_missing() {
    let disk = journal(12);
    let names = segments(&disk);
    let writes_of_opening = || {
        let before = disk.calls().writes;
        let store = open(&disk);
        let writes = disk.calls().writes - before;
        drop(store);
        writes
    };
    assert_eq!(writes_of_opening(), 0);
    for name in &names[..2] {
        disk.edit(name, |bytes| bytes.truncate(bytes.len() - 40));
    }
    assert_eq!(writes_of_opening(), 2);
    assert_eq!(writes_of_opening(), 0);
}

/// The last segment is read once, a megabyte at a time, and copied after an unclean stop.
#[test]
fn opening_reads_the_last_segment_once() {
    let disk = MemoryDisk::new();
    let store = open_with(&disk, 1024 * 1024).unwrap();
    for slot in 0..100 {
        store.create(slot, &record_of(slot, 120)).unwrap();
    }
    disk.kill();
    drop(store);
    // The names; the segment's head, its length and end; its length again and its bytes, the last of them once
    // more, and that nothing is behind them.
    let looking = 1 + 1 + 1 + 2 + 2 + 2 + 1;
    assert_eq!(calls(&disk, || open_read_only(&disk)), looking);
    // The names before that; a new file, the bytes read and written, two steps of zeros, a sync, the name and its
    // sync; and when it is closed, the mark and its sync.
    assert_eq!(calls(&disk, || open(&disk)), 1 + looking + 1 + 2 + 2 + 1 + 2 + 2);
}

#[test]
fn a_segment_is_written_anew_a_megabyte_at_a_time() {
    let redacted = redactable(3, &"a secret ".repeat(7000));
    let disk = MemoryDisk::new();
    let store = open_with(&disk, 64 * 1024 * 1024).unwrap();
    for slot in 0..64 {
        store
            .create(slot, &if slot == 3 { redacted.whole.clone() } else { record_of(slot, 64 * 1024) })
            .unwrap();
    }
    let before = disk.calls().writes;
    store.redact(3, &redacted.whole, &redacted.redacted).unwrap();
    // Four megabytes, and the zeros behind in steps of 64 KiB.
    assert_eq!(disk.calls().writes - before, 4 + 17);
}
