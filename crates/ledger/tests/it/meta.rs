//! A small file that is replaced as a whole: after whatever goes wrong it has its old content or its new one.

use everstrand_ledger::storage::meta::{read, replace};
use everstrand_testkit::memory_disk::{Fault, MemoryDisk, Unsynced};

#[test]
fn a_file_is_absent_then_holds_what_it_was_last_given() {
    let disk = MemoryDisk::new();
    assert_eq!(read(&disk, "meta").unwrap(), None);
    for content in [&b"first"[..], b"", b"the third"] {
        replace(&disk, "meta", content).unwrap();
        assert_eq!(read(&disk, "meta").unwrap().as_deref(), Some(content));
    }
    disk.crash(Unsynced::Lost);
    assert_eq!(read(&disk, "meta").unwrap().as_deref(), Some(&b"the third"[..]));
}

#[test]
fn every_failure_and_every_loss_of_power_leaves_the_old_content_or_the_new() {
    let faults = [
        Fault::NotPersisted,
        Fault::Persisted,
        Fault::Torn(3),
        Fault::NoSpace,
        Fault::Short,
        Fault::PowerCut,
    ];
    for call in 0.. {
        let mut reached = false;
        for fault in faults {
            for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Seed(call)] {
                let disk = MemoryDisk::new();
                replace(&disk, "meta", b"old").unwrap();
                let first = disk.calls().all;
                disk.fail(first + call, fault);
                let outcome = replace(&disk, "meta", b"new");
                reached |= disk.calls().all > first + call;
                disk.heal();
                disk.crash(unsynced);
                let content = read(&disk, "meta").unwrap();
                match outcome {
                    Ok(()) => assert_eq!(content.as_deref(), Some(&b"new"[..])),
                    Err(_) => {
                        let content = content.unwrap();
                        assert!(content == b"old" || content == b"new", "{content:?}");
                    }
                }
                replace(&disk, "meta", b"again").unwrap();
            }
        }
        if !reached {
            return;
        }
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_is_noticed() {
    let disk = MemoryDisk::new();
    replace(&disk, "meta", b"content").unwrap();
    let mut length = 0;
    disk.edit("meta", |bytes| length = bytes.len());
    for at in 0..length {
        for bit in 0..8 {
            let copy = disk.copy();
            copy.edit("meta", |bytes| bytes[at] ^= 1 << bit);
            assert!(read(&copy, "meta").is_err());
        }
        let copy = disk.copy();
        copy.edit("meta", |bytes| bytes.truncate(at));
        assert!(read(&copy, "meta").is_err());
    }
}
