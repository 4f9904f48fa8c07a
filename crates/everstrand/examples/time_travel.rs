//! The past of a document: every revision of it, and tables as they were after an earlier block.
//!
//! `cargo run --example time_travel`

use std::error::Error;

use everstrand::Ledger;

/// Runs the example. (It is public so that the tests run it, too.)
pub fn main() -> Result<(), Box<dyn Error>> {
    let ledger = Ledger::in_memory()?;
    run(&ledger, "CREATE TABLE Car")?;
    run(&ledger, "INSERT INTO Car VALUE {'VIN': '1N4AL11D75C', 'Owner': 'Ana'}")?;
    let sold = ledger.digest().digest_tip_address.sequence_no;
    run(&ledger, "UPDATE Car SET Owner = 'Ben'")?;
    run(&ledger, "DELETE FROM Car")?;

    // Now there is no car. After the block of the insert there was one.
    assert_eq!(run(&ledger, "SELECT * FROM Car")?.len(), 0);
    let past = run(&ledger, &format!("SELECT VALUE c.Owner FROM Car AS OF {sold} AS c"))?;
    println!("after block {sold} the car was owned by {}", past[0]);
    assert_eq!(past, ["\"Ana\""]);

    // The history has every revision; the last one is the deletion, which has no data.
    let history = "SELECT VALUE {'version': h.metadata.version, 'block': h.blockAddress.sequenceNo, \
                   'owner': h.data.Owner} FROM history(Car) AS h";
    let revisions = run(&ledger, history)?;
    for revision in &revisions {
        println!("{revision}");
    }
    assert_eq!(revisions.len(), 3);
    Ok(())
}

/// Runs one statement in a transaction of its own, and answers its values as text.
fn run(ledger: &Ledger, statement: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let mut transaction = ledger.start_transaction()?;
    let page = transaction.execute(statement, &[])?;
    transaction.commit_unchecked().wait()?;
    Ok(page.values.iter().map(|value| value.to_value().to_string()).collect())
}
