//! Bounds hold to the byte: what just fits is taken, and one more is not.

use everstrand_ledger::{Ledger, LedgerError, Limits};

use crate::support::{World, documents, run};

/// A ledger with a table, opened again with a limit.
fn ledger_with(limit: impl FnOnce(&mut Limits)) -> Ledger {
    let mut world = World::new();
    run(&world.open(), "CREATE TABLE t", &[]).unwrap();
    limit(&mut world.options.limits);
    world.open()
}

fn is_refused(result: &Result<Vec<String>, LedgerError>) -> bool {
    matches!(result, Err(LedgerError::BadRequest { .. }))
}

const DOCUMENT: &str = "{text: \"some text\", number: 17}";

fn document_bytes() -> usize {
    documents(&[DOCUMENT])[0].as_bytes().len()
}

#[test]
fn a_document_of_as_many_bytes_as_may_be() {
    for (bytes, fits) in [(document_bytes(), true), (document_bytes() - 1, false)] {
        let ledger = ledger_with(|limits| limits.document_bytes = bytes);
        assert_eq!(is_refused(&run(&ledger, "INSERT INTO t VALUE ?", &[DOCUMENT])), !fits);
    }
}

#[test]
fn a_transaction_of_as_many_bytes_as_may_be() {
    for (bytes, fits) in [(2 * document_bytes(), true), (2 * document_bytes() - 1, false)] {
        let ledger = ledger_with(|limits| limits.transaction_bytes = bytes);
        let mut transaction = ledger.start_transaction().unwrap();
        let mut insert = || transaction.execute("INSERT INTO t VALUE ?", &documents(&[DOCUMENT])).is_ok();
        assert_eq!((insert(), insert(), insert()), (true, fits, false));
    }
}

/// Characters, and not bytes.
#[test]
fn a_statement_of_as_many_characters_as_may_be() {
    let statement = "SELECT VALUE 'äöü€' FROM << 1 >>";
    let characters = statement.chars().count();
    assert!(statement.len() > characters);
    for (bound, fits) in [(characters, true), (characters - 1, false)] {
        let ledger = ledger_with(|limits| limits.statement_characters = bound);
        assert_eq!(is_refused(&run(&ledger, statement, &[])), !fits);
    }
}

/// The bound is the ledger's alone, also where it is larger than QLDB's.
#[test]
fn a_statement_longer_than_qldb_took() {
    let statement = format!("SELECT VALUE '{}' FROM << 1 >>", "x".repeat(150_000));
    let ledger = ledger_with(|limits| limits.statement_characters = 200_000);
    run(&ledger, &statement, &[]).unwrap();
}

#[test]
fn statements_of_as_many_bytes_together_as_may_be() {
    let statement = "SELECT VALUE 'äöü€' FROM << 1 >>";
    for (bytes, fits) in [(2 * statement.len(), true), (2 * statement.len() - 1, false)] {
        let ledger = ledger_with(|limits| limits.statement_bytes_per_transaction = bytes);
        let mut transaction = ledger.start_transaction().unwrap();
        let mut execute = || transaction.execute(statement, &[]).is_ok();
        assert_eq!((execute(), execute(), execute()), (true, fits, false));
    }
}

#[test]
fn a_page_of_as_many_bytes_as_may_be() {
    for (bytes, expected) in [(3 * document_bytes(), 3), (3 * document_bytes() - 1, 2), (1, 1)] {
        let ledger = ledger_with(|limits| limits.page_bytes = bytes);
        for _ in 0..7 {
            run(&ledger, "INSERT INTO t VALUE ?", &[DOCUMENT]).unwrap();
        }
        let mut transaction = ledger.start_transaction().unwrap();
        let page = transaction.execute("SELECT * FROM t", &[]).unwrap();
        assert_eq!((page.values.len(), page.next_page_token.is_some()), (expected, true));
    }
}

/// A ledger with an active and an inactive table, and the id of the latter; opened again with a limit.
fn with_two_tables(limit: impl FnOnce(&mut Limits)) -> (Ledger, String) {
    let mut world = World::new();
    let ledger = world.open();
    let dropped = run(&ledger, "CREATE TABLE gone", &[]).unwrap().remove(0);
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "DROP TABLE gone", &[]).unwrap();
    drop(ledger);
    limit(&mut world.options.limits);
    let id = dropped.split('"').nth(1).unwrap().to_owned();
    (world.open(), id)
}

/// Two transactions may each take the last place, and then only one of them has it.
#[test]
fn the_last_table_that_fits_is_one() {
    let active: fn(&mut Limits) = |limits| limits.active_tables = 2;
    let total: fn(&mut Limits) = |limits| limits.tables = 3;
    let (create, other, undrop) = ("CREATE TABLE a", "CREATE TABLE b", "UNDROP TABLE");
    for (bound, first, second) in
        [(active, create, other), (active, create, undrop), (active, undrop, create), (total, create, other)]
    {
        let (ledger, dropped) = with_two_tables(bound);
        let both = [first, second].map(|statement| {
            let mut transaction = ledger.start_transaction().unwrap();
            let statement = statement.replace(undrop, &format!("{undrop} \"{dropped}\""));
            transaction.execute(&statement, &[]).unwrap();
            transaction
        });
        let [won, lost] = both.map(|transaction| transaction.commit_unchecked().wait());
        assert!(won.is_ok(), "{first} before {second}");
        assert!(matches!(lost, Err(LedgerError::OccConflict { .. })), "{first} before {second}: {lost:?}");
    }
}

/// With more room than for one nobody is in another's way.
#[test]
fn tables_that_fit_are_no_conflict() {
    let bound: fn(&mut Limits) = |limits| {
        limits.active_tables = 3;
        limits.tables = 4;
    };
    let (ledger, _) = with_two_tables(bound);
    let mut both = Vec::new();
    for statement in ["CREATE TABLE a", "CREATE TABLE b"] {
        let mut transaction = ledger.start_transaction().unwrap();
        transaction.execute(statement, &[]).unwrap();
        both.push(transaction);
    }
    assert!(both.into_iter().all(|it| it.commit_unchecked().wait().is_ok()));
}

#[test]
fn a_strict_ledger_refuses_what_goes_beyond_qldb() {
    let mut world = World::new();
    run(&world.open(), "CREATE TABLE t", &[]).unwrap();
    let ordered = "SELECT VALUE k FROM t ORDER BY k";
    for extensions in [true, false] {
        world.options.extensions = extensions;
        assert_eq!(run(&world.open(), ordered, &[]).is_ok(), extensions);
    }
}
