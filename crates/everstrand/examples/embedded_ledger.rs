//! A ledger inside this program: no server, no socket, no async runtime.
//!
//! `cargo run --example embedded_ledger`

use std::error::Error;

use everstrand::Ledger;
use everstrand::ion::{Document, Value};

/// Runs the example. (It is public so that the tests run it, too.)
pub fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("accounts");

    // A ledger in a folder, which is created. `Ledger::in_memory()` keeps nothing on disk.
    let ledger = Ledger::in_folder(&path)?;

    // A transaction is a few statements and a commit. `wait` returns when the block is on disk.
    let mut transaction = ledger.start_transaction()?;
    transaction.execute("CREATE TABLE Account", &[])?;
    transaction.execute("CREATE INDEX ON Account (number)", &[])?;
    transaction.commit_unchecked().wait()?;

    let mut transaction = ledger.start_transaction()?;
    transaction.execute("INSERT INTO Account VALUE {'number': 7, 'owner': 'Ana', 'balance': 100}", &[])?;
    let committed = transaction.commit_unchecked().wait()?;
    println!("committed in block {}", committed.block_address.ok_or("a block")?.sequence_no);

    // Each `?` of a statement takes one document.
    let number = [Document::from(&Value::from(7))];
    let mut transaction = ledger.start_transaction()?;
    transaction.execute("UPDATE Account SET balance = balance + 25 WHERE number = ?", &number)?;
    let page = transaction.execute("SELECT owner, balance FROM Account WHERE number = ?", &number)?;
    transaction.commit_unchecked().wait()?;
    for row in &page.values {
        println!("{}", row.to_value());
    }
    assert_eq!(page.values[0].root().get("balance").and_then(|balance| balance.as_i64()), Some(125));

    // What was committed is there when the ledger is opened again.
    let digest = ledger.digest();
    drop(ledger);
    let ledger = Ledger::in_folder(&path)?;
    assert_eq!(ledger.digest(), digest);
    println!("opened again: digest {}", digest.digest);
    Ok(())
}
