//! Index and scan tell the same, for random values, predicates and sets of own writes.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use everstrand_ledger::{Committing, Ledger, Transaction};
use proptest::prelude::*;

use crate::support::{World, all, run};

/// Values that are equal or ordered in ways worth getting wrong.
fn value() -> impl Strategy<Value = String> {
    let some = prop::sample::select(vec![
        "0",
        "-0.",
        "0e0",
        "1",
        "1.0",
        "1.00",
        "1e0",
        "10",
        "1d1",
        "1e1",
        "100",
        "1d2",
        "-1",
        "-1.5",
        "2",
        "2.5",
        "3e300",
        "1d400",
        "-1d400",
        "nan",
        "+inf",
        "-inf",
        "9007199254740993",
        "9007199254740993.0",
        "9007199254740992e0",
        "123456789012345678901234567890",
        "true",
        "false",
        "null",
        "null.int",
        "null.string",
        "\"\"",
        "\"a\"",
        "a",
        "\"ab\"",
        "\"b\"",
        "'a b'",
        "\"\\0\"",
        "\"a\\0\"",
        "x::1",
        "y::\"a\"",
        "2020T",
        "2020-01-01T",
        "2020-01-01T00:00Z",
        "2020-01-01T01:00+01:00",
        "2020-01-01T00:00:00.000Z",
        "2021T",
        "{{YQ==}}",
        "{{\"a\"}}",
        "[]",
        "[1]",
        "[1.0]",
        "[1, 2]",
        "(1)",
        "()",
        "{}",
        "{a: 1}",
        "{a: 1.0}",
        "{a: 1, b: 2}",
        "{b: 2, a: 1}",
        "{a: 1, a: 1}",
    ]);
    prop_oneof![
        8 => some.prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => "[a-c]{0,3}".prop_map(|text| format!("\"{text}\"")),
        // Longer than what an index keeps whole.
        1 => (1000..1100usize, "[ab]").prop_map(|(length, end)| format!("\"{}{end}\"", "x".repeat(length))),
    ]
}

/// A document's field, or its absence.
fn field() -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.9, value())
}

#[derive(Clone, Debug)]
enum Write {
    Insert(Option<String>),
    /// Two fields of the same name.
    Repeated(String, String),
    Update(usize, String),
    Delete(usize),
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => field().prop_map(Write::Insert),
        1 => (value(), value()).prop_map(|(one, other)| Write::Repeated(one, other)),
        2 => (0..40usize, value()).prop_map(|(number, value)| Write::Update(number, value)),
        1 => (0..40usize).prop_map(Write::Delete),
    ]
}

fn apply(transaction: &mut Transaction, number: usize, write: &Write) {
    for table in ["plain", "indexed"] {
        let result = match write {
            Write::Insert(Some(value)) => {
                let text = format!("INSERT INTO {table} VALUE {{'n': {number}, 'k': ?}}");
                all(transaction, &text, &[value])
            }
            Write::Repeated(one, other) => {
                let text = format!("INSERT INTO {table} VALUE {{'n': {number}, 'k': ?, 'k': ?}}");
                all(transaction, &text, &[one, other])
            }
            Write::Insert(None) => {
                all(transaction, &format!("INSERT INTO {table} VALUE {{'n': {number}}}"), &[])
            }
            Write::Update(number, value) => {
                all(transaction, &format!("UPDATE {table} SET k = ? WHERE n = {number}"), &[value])
            }
            Write::Delete(number) => {
                all(transaction, &format!("DELETE FROM {table} WHERE n = {number}"), &[])
            }
        };
        result.unwrap();
    }
}

/// Predicates over one value or two.
const PREDICATES: [&str; 18] = [
    "k = ?",
    "k IN (?, ?)",
    "k < ?",
    "k <= ?",
    "k > ?",
    "k >= ?",
    "k > ? AND k < ?",
    "k >= ? AND k <= ?",
    "k BETWEEN ? AND ?",
    "k IS NULL",
    "k IS MISSING",
    "k = ? AND n > 3",
    "k = ? OR n = 3",
    "k < ? OR n > 105",
    "k > ? OR k <= ?",
    "(k = ? AND n > 3) OR n = 2 OR k IS NULL",
    "k IN (?, ?) OR n IN (1, 2, 101)",
    "n > 1 AND (k = ? OR k >= ? OR n = 100)",
];

fn compare(transaction: &mut Transaction, one: &str, other: &str) -> Result<(), TestCaseError> {
    for predicate in PREDICATES {
        let parameters = [one, other];
        let parameters = &parameters[..predicate.matches('?').count()];
        let mut rows = ["plain", "indexed"].map(|table| {
            all(transaction, &format!("SELECT VALUE n FROM {table} WHERE {predicate}"), parameters).unwrap()
        });
        rows.iter_mut().for_each(|rows| rows.sort());
        prop_assert_eq!(&rows[0], &rows[1], "{} with {:?}", predicate, parameters);
        ends(transaction, Some(predicate), parameters)?;
        let committed = ["n >", "n =", "n IN"]
            .iter()
            .fold(predicate.replace("k ", "data.k "), |text, n| text.replace(n, &format!("data.{n}")));
        for (view, predicate) in [("indexed", predicate), ("_ql_committed_indexed", &committed)] {
            let mut all = |what: &str| {
                all(transaction, &format!("SELECT VALUE {what} FROM {view} WHERE {predicate}"), parameters)
                    .unwrap()
            };
            let (rows, counted) = (all("1"), all("COUNT(*)"));
            prop_assert_eq!(&counted, &[rows.len().to_string()], "{} with {:?}", predicate, parameters);
        }
    }
    for view in ["plain", "indexed", "_ql_committed_plain", "_ql_committed_indexed"] {
        let rows = all(transaction, &format!("SELECT VALUE 1 FROM {view}"), &[]).unwrap();
        let counted = all(transaction, &format!("SELECT VALUE COUNT(*) FROM {view}"), &[]).unwrap();
        prop_assert_eq!(counted, [rows.len().to_string()], "{}", view);
    }
    Ok(())
}

/// MIN and MAX of all rows, and rows after skipped ones, by index and by scan.
fn whole_tables(transaction: &mut Transaction) -> Result<(), TestCaseError> {
    ends(transaction, None, &[])?;
    for skipped in [1, 2, 7, 40] {
        for order in ["", "ORDER BY k", "ORDER BY k NULLS FIRST", "ORDER BY n DESC"] {
            let window = format!("{order} LIMIT 3 OFFSET {skipped}");
            // NULL and MISSING are equal in order, and any of them may come first.
            let shown = "CASE WHEN k IS NULL THEN 'unknown' ELSE n END";
            let rows = ["plain", "indexed"].map(|table| {
                all(transaction, &format!("SELECT VALUE {shown} FROM {table} {window}"), &[]).unwrap()
            });
            prop_assert_eq!(&rows[0], &rows[1], "{}", window);
        }
    }
    Ok(())
}

/// MIN and MAX by index and by scan.
fn ends(
    transaction: &mut Transaction,
    predicate: Option<&str>,
    parameters: &[&str],
) -> Result<(), TestCaseError> {
    let condition = predicate.map_or(String::new(), |predicate| format!("WHERE {predicate}"));
    for what in ["[MIN(k), MAX(k)]", "[MIN(n), MAX(k), MIN(k), MAX(n)]"] {
        let mut answers = ["plain", "indexed"].map(|table| {
            all(transaction, &format!("SELECT VALUE {what} FROM {table} {condition}"), parameters).unwrap()
        });
        let [plain, indexed] = &mut answers;
        prop_assert_eq!(plain, indexed, "{} {}", what, condition);
    }
    Ok(())
}

/// A table `t` of so many documents, and a transaction that has deleted those which meet the predicate. To this transaction the
/// batches of a scan have fewer rows than documents.
fn deleting(world: &mut World, inserted: usize, predicate: &str) -> (Ledger, Transaction) {
    world.options.limits.documents_per_transaction = 1000;
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    let mut transaction = ledger.start_transaction().unwrap();
    for number in 0..inserted {
        all(&mut transaction, &format!("INSERT INTO t VALUE {{'n': {number}, 'k': 0}}"), &[]).unwrap();
    }
    transaction.commit_unchecked().wait().unwrap();
    let mut transaction = ledger.start_transaction().unwrap();
    all(&mut transaction, &format!("DELETE FROM t WHERE {predicate}"), &[]).unwrap();
    (ledger, transaction)
}

#[test]
fn a_window_has_each_row_once_after_own_deletions() {
    const INSERTED: usize = 8;
    for deleted in 0..INSERTED {
        for (predicate, left) in [
            (format!("n >= {deleted}"), (0..deleted).collect::<Vec<_>>()),
            (format!("n = {deleted}"), (0..INSERTED).filter(|n| *n != deleted).collect()),
        ] {
            let mut world = World::new();
            let (_ledger, mut transaction) = deleting(&mut world, INSERTED, &predicate);
            for limit in 0..=INSERTED {
                for skipped in 0..=INSERTED {
                    let window = format!("LIMIT {limit} OFFSET {skipped}");
                    let rows =
                        all(&mut transaction, &format!("SELECT VALUE n FROM t {window}"), &[]).unwrap();
                    let expected: Vec<_> =
                        left.iter().skip(skipped).take(limit).map(usize::to_string).collect();
                    assert_eq!(rows, expected, "{window} without {predicate}");
                }
            }
        }
    }
}

/// 64 is how many rows a scan reads at first, and 192 is where its second batch ends.
#[test]
fn a_scan_has_each_row_once_after_own_deletions() {
    for inserted in [63, 64, 65, 191, 192, 193] {
        for left in [inserted - 1, inserted - 2, 2] {
            let mut world = World::new();
            let (_ledger, mut transaction) = deleting(&mut world, inserted, &format!("n >= {left}"));
            all(&mut transaction, "UPDATE t SET k = k + 1", &[]).unwrap();
            let rows = all(&mut transaction, "SELECT VALUE n FROM t", &[]).unwrap();
            let expected: Vec<_> = (0..left).map(|n| n.to_string()).collect();
            assert_eq!(rows, expected, "{left} of {inserted} left");
            let sum = all(&mut transaction, "SELECT VALUE SUM(k) FROM t", &[]).unwrap();
            assert_eq!(sum, [left.to_string()], "{left} of {inserted} left");
        }
    }
}

fn tables(ledger: &Ledger, index: &str) {
    run(ledger, "CREATE TABLE plain", &[]).unwrap();
    run(ledger, "CREATE TABLE indexed", &[]).unwrap();
    run(ledger, index, &[]).unwrap();
    run(ledger, "CREATE INDEX ON indexed (n)", &[]).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn index_and_scan_tell_the_same(
        committed in prop::collection::vec(write(), 0..30),
        own in prop::collection::vec(write(), 0..10),
        predicates in prop::collection::vec((value(), value()), 3),
    ) {
        let mut world = World::new();
        world.options.limits.documents_per_transaction = 1000;
        let ledger = world.open();
        tables(&ledger, "CREATE INDEX ON indexed (k)");
        let mut transaction = ledger.start_transaction().unwrap();
        for (number, write) in committed.iter().enumerate() {
            apply(&mut transaction, number, write);
        }
        transaction.commit_unchecked().wait().unwrap();

        let mut transaction = ledger.start_transaction().unwrap();
        for (number, write) in own.iter().enumerate() {
            apply(&mut transaction, 100 + number, write);
        }
        for (one, other) in &predicates {
            compare(&mut transaction, one, other)?;
        }
        whole_tables(&mut transaction)?;
    }

    #[test]
    fn an_index_built_later_tells_the_same(
        committed in prop::collection::vec(write(), 0..30),
        predicates in prop::collection::vec((value(), value()), 2),
    ) {
        let mut world = World::new();
        world.options.limits.documents_per_transaction = 1000;
        let ledger = world.open();
        run(&ledger, "CREATE TABLE plain", &[]).unwrap();
        run(&ledger, "CREATE TABLE indexed", &[]).unwrap();
        let mut transaction = ledger.start_transaction().unwrap();
        for (number, write) in committed.iter().enumerate() {
            apply(&mut transaction, number, write);
        }
        transaction.commit_unchecked().wait().unwrap();
        run(&ledger, "CREATE INDEX ON indexed (k)", &[]).unwrap();
        while ledger.is_building_index() {
            std::thread::yield_now();
        }
        let mut transaction = ledger.start_transaction().unwrap();
        for (one, other) in &predicates {
            compare(&mut transaction, one, other)?;
        }
        whole_tables(&mut transaction)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Pages of two values, so that every place in the order is gone on from.
    #[test]
    fn an_index_yields_its_order_with_own_writes_in_it(
        committed in prop::collection::vec(0..20u8, 0..20),
        own in prop::collection::vec((0..20u8, prop::option::of(0..20u8)), 0..8),
        low in 0..20u8,
    ) {
        let mut world = World::new();
        world.options.limits.page_values = 2;
        let ledger = world.open();
        run(&ledger, "CREATE TABLE t", &[]).unwrap();
        run(&ledger, "CREATE INDEX ON t (k)", &[]).unwrap();
        let mut model = committed.clone();
        for key in &committed {
            run(&ledger, "INSERT INTO t VALUE {'k': ?}", &[&key.to_string()]).unwrap();
        }
        let mut transaction = ledger.start_transaction().unwrap();
        for (key, moved_to) in own {
            match moved_to {
                None => {
                    all(&mut transaction, "INSERT INTO t VALUE {'k': ?}", &[&key.to_string()]).unwrap();
                    model.push(key);
                }
                Some(to) => {
                    let parameters = [to.to_string(), key.to_string()];
                    let parameters = [parameters[0].as_str(), parameters[1].as_str()];
                    all(&mut transaction, "UPDATE t SET k = ? WHERE k = ?", &parameters).unwrap();
                    model.iter_mut().filter(|other| **other == key).for_each(|other| *other = to);
                }
            }
        }
        model.retain(|key| *key >= low);
        model.sort();
        let mut shown: Vec<String> = model.iter().map(u8::to_string).collect();
        let low = low.to_string();
        let up = all(&mut transaction, "SELECT VALUE k FROM t WHERE k >= ? ORDER BY k", &[&low]).unwrap();
        prop_assert_eq!(&up, &shown);
        shown.reverse();
        let down = all(&mut transaction, "SELECT VALUE k FROM t WHERE k >= ? ORDER BY k DESC", &[&low]).unwrap();
        prop_assert_eq!(&down, &shown);
    }
}

/// Between the commit that creates an index and its being built, action by action.
#[test]
fn documents_of_every_number_are_in_an_index_that_is_being_built() {
    let mut world = World::new();
    world.options.committing = Committing::ByCaller;
    let ledger = world.open();
    // One step at a time until the commit is known; the building has not begun then.
    let stepped = |statement: &str| {
        let mut transaction = ledger.start_transaction().unwrap();
        transaction.execute(statement, &[]).unwrap();
        let mut commit = pin!(transaction.commit_unchecked().into_future());
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match commit.as_mut().poll(&mut context) {
                Poll::Ready(answer) => {
                    answer.unwrap();
                    break;
                }
                Poll::Pending => {
                    ledger.step();
                }
            }
        }
    };
    stepped("CREATE TABLE t");
    stepped("INSERT INTO t << {'k': 1}, {'k': 2}, {'k': 3}, {'k': 4} >>");
    stepped("CREATE INDEX ON t (k)");
    assert!(ledger.is_building_index());
    stepped("INSERT INTO t << {'k': 5}, {'k': 6} >>");
    stepped("UPDATE t SET k = k + 10 WHERE k = 1 OR k = 5");
    stepped("DELETE FROM t WHERE k = 2 OR k = 6");
    assert!(ledger.is_building_index());
    while ledger.step().is_some() || ledger.is_building_index() {}
    let mut transaction = ledger.start_transaction().unwrap();
    let by_index = all(&mut transaction, "SELECT VALUE k FROM t WHERE k >= 0 ORDER BY k", &[]).unwrap();
    assert_eq!(by_index, ["3", "4", "11", "15"]);
}

/// Writers go on while an index is built over more documents than one part of the building.
#[test]
fn an_index_is_built_beside_commits() {
    let mut world = World::new();
    world.options.limits.documents_per_transaction = 5000;
    let ledger = world.open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    let documents: Vec<String> =
        (0..4500).map(|number| format!("{{'n': {number}, 'k': {}}}", number % 10)).collect();
    let statement = format!("INSERT INTO t << {} >>", documents.join(", "));
    assert!(statement.len() < 200_000);
    let half = documents.len() / 3;
    for part in documents.chunks(half) {
        run(&ledger, &format!("INSERT INTO t << {} >>", part.join(", ")), &[]).unwrap();
    }
    run(&ledger, "CREATE INDEX ON t (k)", &[]).unwrap();
    let mut changed = 0;
    loop {
        let building = ledger.is_building_index();
        run(&ledger, &format!("UPDATE t SET k = 77 WHERE n = {changed}"), &[]).unwrap();
        run(&ledger, &format!("INSERT INTO t VALUE {{'n': {}, 'k': 77}}", 10_000 + changed), &[]).unwrap();
        run(&ledger, &format!("DELETE FROM t WHERE n = {}", 4499 - changed), &[]).unwrap();
        changed += 1;
        if !building {
            break;
        }
    }
    let plan = run(&ledger, "EXPLAIN SELECT VALUE n FROM t WHERE k = 77", &[]).unwrap().join("\n");
    assert!(plan.contains("ndex"), "{plan}");
    assert_eq!(run(&ledger, "SELECT VALUE n FROM t WHERE k = 77", &[]).unwrap().len(), 2 * changed);
    for key in 0..10 {
        let by_index = run(&ledger, &format!("SELECT VALUE n FROM t WHERE k = {key}"), &[]).unwrap().len();
        let by_scan = run(&ledger, &format!("SELECT VALUE n FROM t WHERE k + 0 = {key}"), &[]).unwrap().len();
        assert_eq!(by_index, by_scan, "key {key}");
    }
    // More keys than are counted at a time, and a transaction's own among them.
    let mut transaction = ledger.start_transaction().unwrap();
    for statement in [
        "INSERT INTO t << {'n': 5000, 'k': 3}, {'n': 5001} >>",
        "UPDATE t SET k = -1 WHERE n = 8",
        "UPDATE t SET k = 1 WHERE n = 100",
        "DELETE FROM t WHERE n IN (200, 5000)",
    ] {
        all(&mut transaction, statement, &[]).unwrap();
    }
    for condition in ["", "WHERE k >= 0", "WHERE k IN (77, 1, 3, -1)", "WHERE k IS NULL"] {
        let rows = all(&mut transaction, &format!("SELECT VALUE n FROM t {condition}"), &[]).unwrap();
        let counted =
            all(&mut transaction, &format!("SELECT VALUE COUNT(*) FROM t {condition}"), &[]).unwrap();
        assert_eq!(counted, [rows.len().to_string()], "{condition}");
    }
}

/// EXPLAIN looks at documents to tell that a field is written in another case. The transaction does not depend on them.
#[test]
fn a_hint_is_no_read() {
    let ledger = World::new().open();
    run(&ledger, "CREATE TABLE t", &[]).unwrap();
    run(&ledger, "CREATE TABLE other", &[]).unwrap();
    run(&ledger, "INSERT INTO t {'VIN': 1}", &[]).unwrap();
    let mut transaction = ledger.start_transaction().unwrap();
    let plan = all(&mut transaction, "EXPLAIN SELECT * FROM t WHERE vin = 1", &[]).unwrap().join("\n");
    assert!(plan.contains("did you mean 'VIN'?"), "{plan}");
    all(&mut transaction, "INSERT INTO other {'n': 1}", &[]).unwrap();
    run(&ledger, "INSERT INTO t {'VIN': 2}", &[]).unwrap();
    transaction.commit_unchecked().wait().unwrap();
}
