//! An encrypted journal gives back what was written, in its place and under its key, and nothing else.

use std::sync::Arc;

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::{MemorySlots, SealedSlots};
use everstrand_sealing::SealingKey;
use everstrand_testkit::contract::{Redactable, body, redactable};

const JOURNAL: UniqueId = UniqueId::from_bytes([1; 16]);

fn sealed(inner: &Arc<MemorySlots>, journal: UniqueId, key: u8) -> SealedSlots {
    SealedSlots::new(inner.clone(), journal, SealingKey::from_bytes(&[key; 32]))
}

fn is_corrupt<T: std::fmt::Debug>(read: Result<T, SlotError>, why: &str) {
    match read {
        Err(SlotError::Corrupt { why: seen, .. }) if seen.contains(why) => {}
        other => panic!("{other:?} instead of {why:?}"),
    }
}

#[test]
fn a_slot_is_opened_in_its_place_of_its_journal_and_under_its_key_alone() {
    let inner = Arc::new(MemorySlots::new());
    let slots = sealed(&inner, JOURNAL, 7);
    for slot in 0..3 {
        assert_eq!(
            slots.create(slot, &body(slot, 0, b"a document that nobody may read")).unwrap(),
            Created::Won
        );
    }
    assert_eq!(slots.read(1).unwrap().unwrap(), body(1, 0, b"a document that nobody may read"));
    assert_eq!(slots.read_many(0, usize::MAX).unwrap().len(), 3);

    let stored: Vec<Vec<u8>> = (0..3).map(|slot| inner.read(slot).unwrap().unwrap()).collect();
    for bytes in &stored {
        assert!(!bytes.windows(8).any(|window| window == b"document"), "the document stands in clear");
    }
    is_corrupt(sealed(&inner, JOURNAL, 8).read(1), "sealed under another key");
    is_corrupt(sealed(&inner, UniqueId::from_bytes([2; 16]), 7).read(1), "another place");

    // Each bit of the stored form, and a slot of another place.
    for at in 0..stored[1].len() {
        let moved = Arc::new(MemorySlots::new());
        let mut changed = stored[1].clone();
        changed[at] ^= 1 << (at % 8);
        moved.create(0, &stored[0]).unwrap();
        moved.create(1, &changed).unwrap();
        let read = sealed(&moved, JOURNAL, 7).read(1);
        match at {
            // Without the magic it is read as a slot in clear, which it is not: the chain of links shows that.
            0..8 => assert_eq!(read.unwrap().unwrap(), changed),
            _ => is_corrupt(read, ""),
        }
    }
    let moved = Arc::new(MemorySlots::new());
    moved.create(0, &stored[1]).unwrap();
    is_corrupt(sealed(&moved, JOURNAL, 7).read(0), "another place");
}

#[test]
fn a_redaction_is_sealed_anew_and_never_leaves_clear_text() {
    let inner = Arc::new(MemorySlots::new());
    let slots = sealed(&inner, JOURNAL, 7);
    let Redactable { whole, redacted: without } = redactable(0, "a document that nobody may read");
    slots.create(0, &whole).unwrap();
    let before = inner.read(0).unwrap().unwrap();
    slots.redact(0, &whole, &without).unwrap();
    assert_eq!(slots.read(0).unwrap().unwrap(), without);
    let after = inner.read(0).unwrap().unwrap();
    assert_ne!(before[40..48], after[40..48], "the number of replacements is the same");

    // Neither the store's clear form, nor the replaced one, may take the place of the new one.
    for old in [&whole, &without, &before] {
        assert!(matches!(inner.redact(0, &after, old), Err(SlotError::NotSent(_))));
    }
    // Somebody else redacted it meanwhile.
    assert!(matches!(slots.redact(0, &whole, &without), Err(SlotError::NotSent(_))));
}

/// A ledger becomes encrypted while it exists.
#[test]
fn slots_in_clear_are_read_beside_sealed_ones() {
    let inner = Arc::new(MemorySlots::new());
    inner.create(0, &body(0, 0, b"clear")).unwrap();
    let slots = sealed(&inner, JOURNAL, 7);
    slots.create(1, &body(1, 0, b"sealed")).unwrap();
    assert_eq!(slots.read_many(0, usize::MAX).unwrap(), [body(0, 0, b"clear"), body(1, 0, b"sealed")]);
}
