//! Damage of the journal on disk that takes a certain shape to be seen or missed, beside the exhaustive and the
//! random damage in `disk_slots`.

use std::sync::Arc;

use everstrand_ledger::storage::disk::Disk;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions};
use everstrand_testkit::contract::body;
use everstrand_testkit::memory_disk::MemoryDisk;

use crate::disk_slots::{journal, length, open, open_read_only, open_with, record, segments, slot_bytes};

const HEAD: usize = 64;

/// A journal in one segment whose records take so many bytes each.
fn journal_of(extents: &[usize]) -> MemoryDisk {
    let disk = MemoryDisk::new();
    let store = open_with(&disk, 64 * 1024 * 1024).unwrap();
    for (slot, extent) in (0..).zip(extents) {
        store.create(slot, &body(slot, 0, &vec![slot as u8; extent - 64])).unwrap();
    }
    drop(store);
    assert_eq!(segments(&disk).len(), 1);
    disk
}

/// Which of the first slots read as damaged; the others have to be whole.
fn damaged(disk: &MemoryDisk, slots: u64) -> Vec<u64> {
    let store = open_read_only(disk);
    let damaged: Vec<u64> = (0..slots)
        .filter(|slot| match store.read(*slot) {
            Ok(Some(bytes)) => {
                assert_eq!(bytes[..32], body(*slot, 0, b""), "slot {slot}");
                false
            }
            Err(SlotError::Corrupt { slot: named, .. }) => named == *slot,
            other => panic!("slot {slot} gave {other:?}"),
        })
        .collect();
    let first = store.damage().map(|error| match error {
        SlotError::Corrupt { slot, .. } => slot,
        other => panic!("{other}"),
    });
    assert_eq!(first, damaged.first().copied());
    damaged
}

/// A hole of zeros looks like the end of the journal; what lies behind tells that it is none, wherever it begins.
#[test]
fn behind_a_hole_of_any_length_the_next_record_is_found() {
    let (step, record) = (4096 - 32, 4096);
    let extents = (step - 40..step + 80).chain(record - 40..record + 80).step_by(8).chain([step * 3, 70_000]);
    for extent in extents {
        let disk = journal_of(&[96, extent, 96, 96]);
        disk.edit(&segments(&disk)[0], |bytes| bytes[HEAD + 96..HEAD + 96 + extent].fill(0));
        assert_eq!(damaged(&disk, 4), [1], "a hole of {extent} bytes");
    }
}

/// A record is longer than what is read at once: behind its damage the search starts at its beginning.
#[test]
fn behind_a_damaged_record_of_megabytes_the_next_one_is_found() {
    let long = 3 * 1024 * 1024;
    for at in [HEAD + 96 + 32, HEAD + 96 + long - 1] {
        let disk = journal_of(&[96, long, 96]);
        disk.edit(&segments(&disk)[0], |bytes| bytes[at] ^= 1);
        assert_eq!(damaged(&disk, 3), [1], "byte {at}");
    }
}

#[test]
fn every_slot_behind_a_damaged_one_is_found_however_many_there_are() {
    let disk = journal_of(&[96; 300]);
    disk.edit(&segments(&disk)[0], |bytes| bytes[HEAD + 200 * 96 + 40] ^= 1);
    assert_eq!(damaged(&disk, 300), [200]);
}

/// Bytes that were cut out take one record with them, and none beside it.
#[test]
fn a_record_that_was_cut_out_is_missing_alone() {
    let disk = journal_of(&[96, 128, 96, 96]);
    disk.edit(&segments(&disk)[0], |bytes| drop(bytes.drain(HEAD + 96..HEAD + 96 + 128)));
    assert_eq!(damaged(&disk, 4), [1]);
}

/// Between the last record and the mark of an orderly end there is nothing.
#[test]
fn bytes_before_the_mark_of_the_end_are_damage_of_the_next_slot() {
    let disk = journal_of(&[96, 96]);
    disk.edit(&segments(&disk)[0], |bytes| drop(bytes.splice(HEAD + 192..HEAD + 192, [7; 8])));
    assert_eq!(damaged(&disk, 3), [2]);
    assert!(matches!(open(&disk).create(2, b"more"), Err(SlotError::Denied(_))));
}

/// Whoever has the nonce can forge a header; that it names a slot far away must not cost memory.
#[test]
fn a_record_of_a_slot_that_cannot_have_come_so_far_is_none() {
    let disk = journal_of(&[96, 96, 96]);
    disk.edit(&segments(&disk)[0], |bytes| {
        let nonce = bytes[24..32].try_into().unwrap();
        let forged = record(50, nonce, &body(50, 0, b""));
        bytes[HEAD + 192..HEAD + 192 + forged.len()].copy_from_slice(&forged);
    });
    let store = open(&disk);
    assert!(store.damage().is_some());
    assert_eq!(store.tip_hint().unwrap(), Some(2));
}

/// Two files that have changed places: the heads tell, although each has all of its records.
#[test]
fn segments_under_each_others_names_are_damaged() {
    let disk = MemoryDisk::new();
    let store = open(&disk);
    for slot in 0..12 {
        assert_eq!(store.create(slot, &body(slot, 0, &[1; 100])).unwrap(), Created::Won);
    }
    drop(store);
    let names = segments(&disk);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    disk.edit(&names[0], |bytes| first.clone_from(bytes));
    disk.edit(&names[1], |bytes| second.clone_from(bytes));
    disk.edit(&names[0], |bytes| *bytes = second);
    disk.edit(&names[1], |bytes| *bytes = first);
    let Some(SlotError::Corrupt { slot: 0, why }) = open(&disk).damage() else { panic!("not seen") };
    assert!(why.contains("head"), "{why}");
}

/// The head of the last segment is all that tells of its slots.
#[test]
fn a_last_segment_without_head_and_first_record_hides_at_least_a_slot() {
    let disk = journal(12);
    let names = segments(&disk);
    let name = &names[names.len() - 1];
    disk.edit(name, |bytes| bytes[..HEAD + 32].fill(0));
    let first = u64::from_str_radix(&name[..16], 16).unwrap();
    for store in [open_read_only(&disk), open(&disk)] {
        assert!(matches!(store.read(first), Err(SlotError::Corrupt { slot, .. }) if slot == first));
        assert_eq!(store.read(first - 1).unwrap(), Some(slot_bytes(first - 1)));
    }
}

/// The same slots in two segments: nobody can say which are the right ones.
#[test]
fn a_segment_that_begins_within_another_is_damage() {
    let disk = journal(12);
    let names = segments(&disk);
    let mut bytes = Vec::new();
    disk.edit(&names[0], |first| bytes.clone_from(first));
    // The first segment once more, without its first record, as that of slot 1.
    bytes.drain(HEAD..HEAD + record(0, [0; 8], &slot_bytes(0)).len());
    bytes[16] = 1;
    let check = crc32c::crc32c(&bytes[..32]);
    bytes[32..36].copy_from_slice(&check.to_le_bytes());
    disk.create("0000000000000001.segment").unwrap();
    disk.edit("0000000000000001.segment", |file| *file = bytes);
    let store = open(&disk);
    let Some(SlotError::Corrupt { slot: 1, why }) = store.damage() else { panic!("{:?}", store.damage()) };
    assert!(why.contains("two segments"), "{why}");
    assert_eq!(store.read(0).unwrap(), Some(slot_bytes(0)));
    assert!(matches!(store.create(12, b"more"), Err(SlotError::Denied(_))));
}

/// A file may go while the journal is open.
#[test]
fn a_segment_that_vanishes_is_damage_of_its_slots() {
    let disk = journal(12);
    let store = open(&disk);
    disk.remove(&segments(&disk)[0]).unwrap();
    let Err(SlotError::Corrupt { slot: 0, why }) = store.read(0) else { panic!("{:?}", store.read(0)) };
    assert!(why.contains("gone"), "{why}");
    assert_eq!(store.read(11).unwrap(), Some(slot_bytes(11)));
    assert_eq!(store.create(12, &slot_bytes(12)).unwrap(), Created::Won);
}

/// What an operator reads when a journal cannot be opened.
#[test]
fn a_journal_that_cannot_be_opened_says_why() {
    let try_open = |disk: &MemoryDisk| {
        DiskSlots::open(Arc::new(disk.clone()), DiskSlotsOptions::default()).err().unwrap()
    };
    let full = MemoryDisk::new();
    full.limit_space(Some(1000));
    assert!(matches!(try_open(&full), SlotError::Full(_)));
    let taken = MemoryDisk::new();
    let _store = open(&taken);
    assert!(matches!(try_open(&taken), SlotError::Denied(why) if why == "another process has the disk open"));
    assert_eq!(length(&taken, "0000000000000000.segment"), 128 * 1024);
}
