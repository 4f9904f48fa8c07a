//! What one client may make a ledger hold.

use everstrand_ledger::LedgerError;

use crate::support::{World, all, run};

/// The rows that unfinished results hold count together, until they are read to their end.
#[test]
fn the_results_of_a_transaction_share_one_bound_of_held_rows() {
    let mut world = World::new();
    world.options.limits.held_bytes_max = 180_000;
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    for first in (0..280).step_by(40) {
        let rows = (first..first + 40).map(|n| format!("{{'n': {n}, 'text': '{}'}}", "x".repeat(150)));
        run(&ledger, &format!("INSERT INTO t << {} >>", rows.collect::<Vec<_>>().join(", ")), &[]).unwrap();
    }
    let sorted = "SELECT VALUE n FROM t ORDER BY n DESC, text";
    let mut transaction = ledger.start_transaction().unwrap();
    let first = transaction.execute(sorted, &[]).unwrap();
    let refused = transaction.execute(sorted, &[]);
    let Err(LedgerError::BadRequest { message, .. }) = refused else { panic!("{refused:?}") };
    assert!(message.contains("more than 180000 bytes of rows (the limit held_bytes_max)"), "{message}");
    // What holds no rows is not touched by it, nor is another transaction.
    assert_eq!(all(&mut transaction, "SELECT VALUE n FROM t", &[]).unwrap().len(), 280);
    assert_eq!(run(&ledger, sorted, &[]).unwrap().len(), 280);
    // Read to its end, it holds nothing any more.
    let rest = transaction.fetch_page(&first.next_page_token.unwrap()).unwrap();
    assert_eq!((first.values.len() + rest.values.len(), rest.next_page_token), (280, None));
    assert_eq!(all(&mut transaction, sorted, &[]).unwrap().len(), 280);
    transaction.commit_unchecked().wait().unwrap();
}
