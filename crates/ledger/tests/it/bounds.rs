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

/// What open transactions have written and read, and the texts of their statements, count among what all transactions hold.
/// Small transactions go on when large ones have used all up.
#[test]
fn what_open_transactions_keep_has_a_bound() {
    let mut world = World::new();
    world.options.buffered_bytes = BufferedBytes::new(1 << 20, "--memory");
    let held = world.options.buffered_bytes.clone();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "CREATE INDEX ON t (n)", &[]).unwrap();
    let text = "x".repeat(90_000);
    let write = format!("INSERT INTO t {{'text': '{text}'}}");
    let say = format!("SELECT VALUE 1 FROM <<1>> WHERE '{text}' = ''");
    let keys: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    let read = format!("SELECT * FROM t WHERE n IN ({})", keys.join(", "));
    for statement in [write.as_str(), &say, &read] {
        let mut open = Vec::new();
        let refused = loop {
            let mut transaction = ledger.start_transaction().unwrap();
            match transaction.execute(statement, &[]) {
                Ok(_) => open.push(transaction),
                Err(error) => break error,
            }
            assert!(open.len() < 200, "{statement:.30} is not counted");
        };
        assert!(matches!(refused, LedgerError::LimitExceeded(_)), "{refused}");
        assert!(refused.to_string().contains("--memory"), "{refused}");
        assert!(!open.is_empty() && held.bytes() > 300_000, "{} of {statement:.30}", open.len());
        run(&ledger, "INSERT INTO t {'n': 1}", &[]).unwrap();
        // What a refused statement wrote is not written, and a transaction that is over holds nothing.
        drop(open);
        assert_eq!(held.bytes(), 0, "{statement:.30}");
        run(&ledger, statement, &[]).unwrap();
    }
    assert_eq!(all(&mut ledger.start_transaction().unwrap(), "SELECT VALUE 1 FROM t", &[]).unwrap().len(), 4);
}

/// A change of the catalog keeps the catalog after it.
#[test]
fn definitions_of_one_transaction_are_counted() {
    let mut world = World::new();
    world.options.buffered_bytes = BufferedBytes::new(50_000, "--memory");
    let ledger = world.open();
    let mut transaction = ledger.start_transaction().unwrap();
    let refused = (0..39).find_map(|n| {
        let create = transaction.execute(&format!("CREATE TABLE t{n}"), &[]).err();
        create.or_else(|| transaction.execute(&format!("DROP TABLE t{n}"), &[]).err())
    });
    assert!(matches!(refused, Some(LedgerError::LimitExceeded(_))), "{refused:?}");
}
