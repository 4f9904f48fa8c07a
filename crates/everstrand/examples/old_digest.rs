//! An old digest, verified offline: files that were saved earlier show that a revision is what it was, and that
//! the journal of today continues the journal of then. No ledger is asked.
//!
//! `cargo run --example old_digest`

use std::error::Error;
use std::fs;

use everstrand::Ledger;
use everstrand::ion::{Document, text};
use everstrand::journal::evidence::{Evidence, Input, Role};
use everstrand::journal::{verify_files, verify_prefix};

/// Runs the example. (It is public so that the tests run it, too.)
pub fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let saved = |name: &str| folder.path().join(name);

    // While the ledger is there: save a digest, a revision, and the proof that the digest covers it.
    let ledger = Ledger::in_memory()?;
    run(&ledger, "CREATE TABLE Car")?;
    let inserted = run(&ledger, "INSERT INTO Car VALUE {'VIN': '1N4AL11D75C', 'Owner': 'Ana'}")?;
    let id = inserted[0].root().get("documentId").and_then(|id| id.as_text()).ok_or("an id")?.parse()?;
    let digest = ledger.digest();
    let block = digest.digest_tip_address.sequence_no;
    let revision = ledger.revision(block, id)?.ok_or("the revision")?;
    let proof = ledger.revision_proof(block, id, block)?.ok_or("its proof")?;
    fs::write(saved("digest"), text::write(&digest.to_ion()))?;
    fs::write(saved("revision"), text::write(&revision.to_ion()))?;
    fs::write(saved("proof"), text::write(&proof.to_ion()))?;

    // Later: save a newer digest, and the proof that its journal continues that of the old one.
    run(&ledger, "UPDATE Car SET Owner = 'Ben'")?;
    let newer = ledger.digest();
    let continues = ledger.consistency_proof(block, newer.digest_tip_address.sequence_no)?;
    fs::write(saved("newer"), text::write(&newer.to_ion()))?;
    fs::write(saved("continues"), text::write(&continues.to_ion()))?;
    drop(ledger);

    // Offline: nothing but the files.
    let read = |name: &str| fs::read(saved(name));
    let (digest, revision, proof) = (read("digest")?, read("revision")?, read("proof")?);
    let input = |name, role, bytes| Input { name, role, bytes };
    let digest = input("digest", Role::Digest, &digest[..]);
    let proof = input("proof", Role::Proof, &proof[..]);
    let report = verify_files(&[digest, input("revision", Role::Revision, &revision), proof], &[])?;
    println!("{report}");
    assert!(report.is_verified());

    let (newer, continues) = (read("newer")?, read("continues")?);
    let newer = [input("newer", Role::Digest, &newer), input("continues", Role::Proof, &continues)];
    let report = verify_prefix(&Evidence::read(&[digest])?, &Evidence::read(&newer)?, &[])?;
    println!("{report}");
    assert!(report.is_verified());

    // A revision that somebody has changed does not verify.
    let forged = String::from_utf8_lossy(&revision).replace("Ana", "Eve");
    let report = verify_files(&[digest, input("forged", Role::Revision, forged.as_bytes()), proof], &[])?;
    assert!(!report.is_verified());
    Ok(())
}

/// Runs one statement in a transaction of its own.
fn run(ledger: &Ledger, statement: &str) -> Result<Vec<Document>, Box<dyn Error>> {
    let mut transaction = ledger.start_transaction()?;
    let page = transaction.execute(statement, &[])?;
    transaction.commit_unchecked().wait()?;
    Ok(page.values)
}
