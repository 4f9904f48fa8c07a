//! DISTINCT and COUNT(DISTINCT) of an indexed field walk from key to key of the index. They must find what they find
//! without an index, whatever was written, and conflict with whoever adds a key.

use everstrand_ledger::{Ledger, LedgerError, Transaction};
use everstrand_testkit::Random;

use crate::support::{World, all, run};

const DISTINCT: &str = "SELECT DISTINCT VALUE x.v FROM TABLE AS x";
const QUERIES: [&str; 6] = [
    DISTINCT,
    "SELECT DISTINCT VALUE x.v FROM TABLE AS x ORDER BY x.v",
    "SELECT DISTINCT VALUE x.v FROM TABLE AS x WHERE x.v > 2",
    "SELECT VALUE COUNT(DISTINCT x.v) FROM TABLE AS x",
    "SELECT VALUE COUNT(DISTINCT x.v) FROM TABLE AS x WHERE x.v BETWEEN 2 AND 5",
    "SELECT VALUE COUNT(x.v) FROM TABLE AS x",
];

/// Tables `plain` and `indexed` with the same documents: many of each value, in several spellings, and some without.
fn ledger(random: &mut Random, documents: usize) -> Ledger {
    let mut world = World::new();
    world.options.limits.set("documents-per-transaction=10000").unwrap();
    let ledger = world.open();
    for table in ["plain", "indexed"] {
        run(&ledger, &format!("CREATE TABLE {table}"), &[]).unwrap();
    }
    run(&ledger, "CREATE INDEX ON indexed (v)", &[]).unwrap();
    insert(&mut |statement| run(&ledger, statement, &[]), random, documents);
    ledger
}

fn insert(
    run: &mut dyn FnMut(&str) -> Result<Vec<String>, LedgerError>,
    random: &mut Random,
    documents: usize,
) {
    let values: Vec<String> = (0..documents)
        .map(|_| match random.below(9) {
            0 => "{'w': 1}".to_owned(),
            1 => "{'v': NULL}".to_owned(),
            2 => format!("{{'v': {}.0}}", random.below(8)),
            3 => format!("{{'v': 'text {}'}}", random.below(3)),
            _ => format!("{{'v': {}}}", random.below(8)),
        })
        .collect();
    for table in ["plain", "indexed"] {
        run(&format!("INSERT INTO {table} << {} >>", values.join(", "))).unwrap();
    }
}

fn check(what: &str, mut answer: impl FnMut(&str) -> Vec<String>) {
    for query in QUERIES {
        let mut answers = ["plain", "indexed"].map(|table| answer(&query.replace("TABLE", table)));
        if !query.contains("ORDER BY") {
            answers.iter_mut().for_each(|answer| answer.sort());
        }
        assert_eq!(answers[0], answers[1], "{what}: {query}");
    }
}

fn within(transaction: &mut Transaction, statement: &str) -> Vec<String> {
    all(transaction, statement, &[]).unwrap()
}

#[test]
fn different_keys_are_those_of_a_scan() {
    let mut random = Random::new(11);
    for round in 0..5 {
        let ledger = ledger(&mut random, if round < 4 { 300 } else { 5000 });
        let plan = run(&ledger, &format!("EXPLAIN {}", DISTINCT.replace("TABLE", "indexed")), &[]).unwrap();
        assert!(plan.iter().any(|row| row.contains("the first of each key")), "{plan:?}");
        check("committed", |query| run(&ledger, query, &[]).unwrap());
        let mut transaction = ledger.start_transaction().unwrap();
        for step in 0..3 {
            let value = random.below(8);
            for table in ["plain", "indexed"] {
                within(&mut transaction, &format!("DELETE FROM {table} WHERE v = {value}"));
                within(&mut transaction, &format!("UPDATE {table} SET v = 90 WHERE v = {}", (value + 1) % 8));
            }
            insert(&mut |statement| all(&mut transaction, statement, &[]), &mut random, 3);
            check(&format!("round {round}, step {step}"), |query| within(&mut transaction, query));
        }
        transaction.commit_unchecked().wait().unwrap();
        check("committed again", |query| run(&ledger, query, &[]).unwrap());
    }
}

#[test]
fn a_new_key_is_a_conflict_and_a_key_elsewhere_is_none() {
    let ledger = ledger(&mut Random::new(3), 300);
    for (query, added, conflicts) in [
        ("SELECT DISTINCT VALUE x.v FROM indexed AS x", "77", true),
        ("SELECT DISTINCT VALUE x.v FROM indexed AS x", "NULL", true),
        ("SELECT VALUE COUNT(DISTINCT x.v) FROM indexed AS x", "78", true),
        ("SELECT VALUE COUNT(DISTINCT x.v) FROM indexed AS x", "NULL", false),
        ("SELECT VALUE COUNT(DISTINCT x.v) FROM indexed AS x WHERE x.v < 3", "79", false),
    ] {
        let mut transaction = ledger.start_transaction().unwrap();
        within(&mut transaction, query);
        within(&mut transaction, "INSERT INTO plain VALUE {'v': 1}");
        run(&ledger, &format!("INSERT INTO indexed VALUE {{'v': {added}}}"), &[]).unwrap();
        let outcome = transaction.commit_unchecked().wait();
        let is_conflict = matches!(outcome, Err(LedgerError::OccConflict { .. }));
        assert_eq!(is_conflict, conflicts, "{query} and {added}: {outcome:?}");
    }
}

/// Few values of a query are looked up in an index. For very many the whole table is read, which takes less time.
#[test]
fn very_many_values_of_a_query_are_found_by_a_scan() {
    let mut world = World::new();
    world.options.limits.set("documents-per-transaction=10000").unwrap();
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "CREATE INDEX ON t (a)", &[]).unwrap();
    let values: Vec<String> = (0..1200).map(|number| format!("{{'a': {number}}}")).collect();
    run(&ledger, &format!("INSERT INTO t << {} >>", values.join(", ")), &[]).unwrap();
    for (count, entries) in [(10, Some("indexEntries:10,")), (1100, None)] {
        let query =
            format!("SELECT VALUE x.a FROM t AS x WHERE x.a IN (SELECT y.a FROM t AS y WHERE y.a < {count})");
        assert_eq!(run(&ledger, &query, &[]).unwrap().len(), count);
        let rows = run(&ledger, &format!("EXPLAIN ANALYZE {query}"), &[]).unwrap();
        let read = rows.iter().find(|row| row.contains("t AS x")).expect("the table is read");
        assert_eq!(entries.is_some(), read.contains("indexEntries"), "{read}");
        assert!(entries.is_none_or(|entries| read.contains(entries)), "{read}");
    }
}
