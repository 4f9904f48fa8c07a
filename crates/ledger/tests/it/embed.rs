//! The short ways to a ledger: what is in a folder is found again, and is never replaced by an empty ledger.

use std::fs;
use std::path::Path;

use everstrand_ledger::{Ledger, LedgerError};

fn write(ledger: &Ledger, statement: &str) {
    let mut transaction = ledger.start_transaction().unwrap();
    transaction.execute(statement, &[]).unwrap();
    transaction.commit_unchecked().wait().unwrap();
}

/// A ledger with a table, closed.
fn closed_ledger(folder: &Path) {
    let ledger = Ledger::in_folder(folder).unwrap();
    write(&ledger, "CREATE TABLE t");
    ledger.close();
}

fn refusal(folder: &Path) -> String {
    match Ledger::in_folder(folder) {
        Err(LedgerError::Unavailable(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ledgers_in_memory_are_strangers() {
    let (one, other) = (Ledger::in_memory().unwrap(), Ledger::in_memory().unwrap());
    write(&one, "CREATE TABLE t");
    assert_ne!(one.strand_id(), other.strand_id());
    assert_eq!(other.digest().digest_tip_address.sequence_no, 0);
}

#[test]
fn a_folder_belongs_to_one_ledger_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::in_folder(folder.path()).unwrap();
    let why = refusal(folder.path());
    assert!(why.contains("another process has") && why.contains("journal"), "{why}");
    write(&ledger, "CREATE TABLE t");
}

#[test]
fn a_lost_view_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    closed_ledger(folder.path());
    let digest = Ledger::in_folder(folder.path()).unwrap().digest();
    fs::remove_dir_all(folder.path().join("view")).unwrap();
    let ledger = Ledger::in_folder(folder.path()).unwrap();
    assert_eq!(ledger.digest(), digest);
    write(&ledger, "INSERT INTO t VALUE {'a': 1}");
}

#[test]
fn a_lost_journal_is_not_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    closed_ledger(folder.path());
    fs::remove_dir_all(folder.path().join("journal")).unwrap();
    let why = refusal(folder.path());
    assert!(why.contains("there is no journal where one has to be"), "{why}");
}

#[test]
fn an_emptied_journal_is_not_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    closed_ledger(folder.path());
    // A journal that has a segment and no slot, as it is when a new ledger's first commit fails.
    drop(
        everstrand_ledger::storage::DiskSlots::open(
            std::sync::Arc::new(everstrand_ledger::storage::FileDisk::create(other.path()).unwrap()),
            everstrand_ledger::storage::DiskSlotsOptions::default(),
        )
        .unwrap(),
    );
    fs::remove_dir_all(folder.path().join("journal")).unwrap();
    fs::rename(other.path(), folder.path().join("journal")).unwrap();
    let why = refusal(folder.path());
    assert!(why.contains("its journal is empty"), "{why}");
}
