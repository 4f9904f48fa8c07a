//! Slots with additions behind those of an old journal: each command that reads a journal's folder reads on.

use std::path::Path;
use std::sync::Arc;

use everstrand_journal::{Addition, Seal, Slot, SlotContent, SlotHeader, UniqueId, Void};
use everstrand_ledger::storage::slots::{Created, SlotStore};
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions, FileDisk};
use everstrand_server::ledger_folders;

use crate::evidence::everstrand;
use crate::old_data::unpacked;

fn void(ids: &[UniqueId]) -> Addition {
    Addition { void: Some(Void::new(ids.iter().copied(), 0).expect("ids")), ..Addition::default() }
}

/// Appends slots with these additions and without blocks to the journal of a ledger.
fn append(data: &Path, ledger: &str, additions: Vec<Addition>) {
    let ledgers = ledger_folders(data).expect("a data folder");
    let (_, folder) = ledgers.into_iter().find(|(name, _)| name == ledger).expect("the ledger");
    let disk = FileDisk::create(folder.join("journal")).expect("a folder");
    let slots = DiskSlots::open(Arc::new(disk), DiskSlotsOptions::default()).expect("a journal");
    for addition in additions {
        let last = slots.tip_hint().expect("readable").expect("a slot");
        let last = Slot::decode(slots.read(last).expect("readable").expect("a slot")).expect("a slot");
        let header = SlotHeader {
            slot: last.header().slot + 1,
            previous_link: last.link(),
            first_block_no: last.frontier().size(),
            ..*last.header()
        };
        let nothing = SlotContent::Blocks(Vec::new());
        let slot = Slot::with_addition(header, last.frontier(), nothing, addition).expect("a slot");
        let bytes = slot.encode().expect("encoded");
        assert_eq!(slots.create(header.slot, &bytes).expect("written"), Created::Won);
    }
}

#[test]
fn an_old_journal_is_audited_and_exported_with_additions_behind_it() {
    let data = unpacked("data");
    let path = data.path().display().to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let remembered = folder.path().join("remembered").display().to_string();
    let audit = |arguments: &[&str]| {
        everstrand(&[&["audit", &path, "--ledger", "orders", "--remember", &remembered], arguments].concat())
    };
    assert_eq!(audit(&[]).0, 0);
    let [first, second] = [1, 2].map(|number| UniqueId::from_bytes([number; 16]));
    append(data.path(), "orders", vec![void(&[first]), void(&[second])]);

    // The audit goes on over slots without blocks, once and again, and so does one from the beginning.
    for _ in 0..2 {
        let (code, printed) = audit(&[]);
        assert_eq!((code, printed.contains("no deviation")), (0, true), "{printed}");
    }
    let written = std::fs::read_to_string(&remembered).expect("a file");
    assert!(written.contains(&first.to_string()) && written.contains(&second.to_string()), "{written}");
    let (code, whole) = everstrand(&["audit", &path, "--ledger", "orders"]);
    assert_eq!(code, 0, "{whole}");
    let digest = whole.lines().find(|line| line.starts_with("digest ")).expect("a digest").to_owned();

    // An export ends with the last block, which is not in the last slot.
    let export = folder.path().join("export").display().to_string();
    let (code, printed) = everstrand(&["export", "orders", "--data", &path, "--to", &export]);
    assert_eq!(code, 0, "{printed}");
    let (code, printed) = everstrand(&["audit", &export]);
    assert_eq!((code, printed.contains(&digest)), (0, true), "{printed}");

    // Nothing may follow a seal, also if an earlier audit has read that.
    append(data.path(), "orders", vec![Addition { seal: Some(Seal::Deleted), ..Addition::default() }]);
    assert_eq!(audit(&[]).0, 0);
    append(data.path(), "orders", vec![void(&[first])]);
    for remembers in [true, false] {
        let (code, printed) = match remembers {
            true => audit(&[]),
            false => everstrand(&["audit", &path, "--ledger", "orders"]),
        };
        assert_eq!((code, printed.contains("seal: slot ")), (1, true), "{printed}");
    }
}
