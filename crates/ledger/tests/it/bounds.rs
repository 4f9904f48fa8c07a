//! What one client may make a ledger hold.

use everstrand_ledger::{BufferedBytes, Ledger, LedgerError};

use crate::support::{World, all, run};

const SORTED: &str = "SELECT VALUE n FROM t ORDER BY n DESC, text";

/// A ledger with 280 rows of some 180 bytes.
fn filled(world: &World) -> Ledger {
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    for first in (0..280).step_by(40) {
        let rows = (first..first + 40).map(|n| format!("{{'n': {n}, 'text': '{}'}}", "x".repeat(150)));
        run(&ledger, &format!("INSERT INTO t << {} >>", rows.collect::<Vec<_>>().join(", ")), &[]).unwrap();
    }
    ledger
}

/// The rows that unfinished results hold count together, until they are read to their end.
#[test]
fn the_results_of_a_transaction_share_one_bound_of_held_rows() {
    let mut world = World::new();
    world.options.limits.buffered_bytes_max = 180_000;
    let ledger = filled(&world);
    let sorted = SORTED;
    let mut transaction = ledger.start_transaction().unwrap();
    let first = transaction.execute(sorted, &[]).unwrap();
    let refused = transaction.execute(sorted, &[]);
    let Err(LedgerError::BadRequest { message, .. }) = refused else { panic!("{refused:?}") };
    assert!(message.contains("more than 180000 bytes of rows (the limit buffered_bytes_max)"), "{message}");
    // What holds no rows is not touched by it, nor is another transaction.
    assert_eq!(all(&mut transaction, "SELECT VALUE n FROM t", &[]).unwrap().len(), 280);
    assert_eq!(run(&ledger, sorted, &[]).unwrap().len(), 280);
    // Read to its end, it holds nothing any more.
    let rest = transaction.fetch_page(&first.next_page_token.unwrap()).unwrap();
    assert_eq!((first.values.len() + rest.values.len(), rest.next_page_token), (280, None));
    assert_eq!(all(&mut transaction, sorted, &[]).unwrap().len(), 280);
    transaction.commit_unchecked().wait().unwrap();
}

/// What the transactions of all ledgers hold that share their options has a bound of its own, and refuses in
/// a way that tells a client to wait.
#[test]
fn the_transactions_of_a_server_share_one_bound_of_held_rows() {
    let mut world = World::new();
    world.options.buffered_bytes = BufferedBytes::new(180_000, "--memory");
    let held = world.options.buffered_bytes.clone();
    let ledger = filled(&world);
    let mut first = ledger.start_transaction().unwrap();
    let page = first.execute(SORTED, &[]).unwrap();
    assert!(held.bytes() > 0);
    let mut second = ledger.start_transaction().unwrap();
    let refused = second.execute(SORTED, &[]);
    let Err(LedgerError::LimitExceeded(message)) = refused else { panic!("{refused:?}") };
    assert!(message.contains("180000") && message.contains("(the setting --memory)"), "{message}");
    drop(page);
    first.abort();
    assert_eq!(all(&mut second, SORTED, &[]).unwrap().len(), 280);
    second.abort();
    assert_eq!(held.bytes(), 0);
}
