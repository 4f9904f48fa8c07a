//! Rows as their reader sees them: kept between pages, stopped, bounded, and failing.

use std::sync::Arc;

use everstrand_ion::Document;
use everstrand_partiql::{BufferedBytes, Category, Options, Rows, execute, parse, plan};

use crate::memory::MemoryTables;
use crate::statements::run;

fn filled(documents: usize) -> MemoryTables {
    let mut tables = MemoryTables::default();
    let options = Options::default();
    run(&mut tables, "CREATE TABLE t", &[], &options).expect("create");
    for number in 0..documents {
        let statement = format!("INSERT INTO t {{'n': {number}, 'text': '{}'}}", "x".repeat(100));
        run(&mut tables, &statement, &[], &options).expect("insert");
    }
    tables
}

fn begin(tables: &mut MemoryTables, statement: &str, options: &Options) -> Rows {
    let plan = plan(&parse(statement).expect("parse"), &[], tables, options).expect("plan");
    execute(plan, Arc::new([]), tables).expect("execute")
}

#[test]
fn rows_are_kept_between_pages() {
    fn is_send<T: Send + 'static>(_: &T) {}
    let mut tables = filled(200);
    let mut rows = begin(&mut tables, "SELECT VALUE n FROM t", &Options::default());
    is_send(&rows);
    assert_eq!(rows.read_ios(), 0, "a query reads nothing before it is asked");
    for expected in 0..200i64 {
        let row = rows.next(&mut tables).expect("row").expect("200 rows");
        assert_eq!(row.root().as_i64(), Some(expected));
        // Each page may see other tables behind it; here another statement comes between.
        run(&mut tables, "SELECT COUNT(*) FROM t", &[], &Options::default()).expect("between");
    }
    assert!(rows.next(&mut tables).expect("the end").is_none());
    assert!(rows.next(&mut tables).expect("still the end").is_none());
    assert_eq!(rows.read_ios(), 200);
}

#[test]
fn a_limit_reads_no_further_than_it_must() {
    let mut tables = filled(200);
    let outcome = run(&mut tables, "SELECT VALUE n FROM t LIMIT 3", &[], &Options::default()).expect("rows");
    assert_eq!((outcome.rows.len(), outcome.read_ios), (3, 3));
}

#[test]
fn a_runaway_statement_is_stopped() {
    for statement in [
        "SELECT COUNT(*) FROM t AS a, t AS b, t AS c, t AS d, t AS e",
        "SELECT VALUE 1 FROM t AS a, t AS b, t AS c, t AS d WHERE a.n + b.n + c.n + d.n < 0",
        "SELECT VALUE (SELECT COUNT(*) FROM t AS b, t AS c, t AS d, t AS e WHERE b.n <> a.n) FROM t AS a",
        "FROM t AS a, @a.text AS b SET a.n = 1",
    ] {
        let mut tables = filled(150);
        tables.interrupt_after = Some(2);
        let error = run(&mut tables, statement, &[], &Options::default()).err().expect(statement);
        assert_eq!(error.to_string(), "the statement was stopped", "{statement}");
    }
}

#[test]
fn what_a_statement_holds_is_bounded() {
    let options = Options { held: BufferedBytes::new(20_000, "held_bytes_max"), ..Options::default() };
    for (statement, purpose) in [
        ("SELECT * FROM t ORDER BY n", "ORDER BY"),
        ("SELECT k FROM t GROUP BY n AS k", "grouping"),
        ("SELECT COUNT(DISTINCT text || CAST(n AS STRING)) FROM t", "grouping"),
        (
            "SELECT k, MAX(x) FROM t AS y, [y.text || y.text || y.text || y.text || y.text || y.text] AS x GROUP BY y.n % 20 AS k",
            "grouping",
        ),
        ("SELECT DISTINCT n, text FROM t", "DISTINCT"),
        ("SELECT a.n FROM t AS a, t AS b WHERE a.n = b.n", "a join"),
        (
            "SELECT VALUE (SELECT VALUE x FROM t AS x) FROM <<0>> AS o",
            "a value that the statement puts together",
        ),
        ("UPDATE t SET n = n + 1", "a statement that writes"),
    ] {
        let mut tables = filled(400);
        let error = run(&mut tables, statement, &[], &options).err().expect(statement);
        assert_eq!(error.category(), Category::Limit);
        assert_eq!(
            error.to_string(),
            format!(
                "{purpose} needs to hold more than 20000 bytes of rows (the limit held_bytes_max); \
                 narrow the statement by a condition or a LIMIT, or first read other results to their end"
            )
        );
    }
    for statement in [
        format!("SELECT VALUE [{}] FROM t", vec!["t"; 400].join(", ")),
        format!("SELECT {} FROM t", vec!["t.text"; 400].join(", ")),
        format!("SELECT VALUE {{{}}} FROM t", vec!["'a': t"; 400].join(", ")),
    ] {
        let mut tables = filled(400);
        let error = run(&mut tables, &statement, &[], &options).err().expect("too large").to_string();
        let expected = "a value that the statement puts together needs to hold more than 20000 bytes of rows";
        assert!(error.starts_with(expected), "{error}");
    }
    // What does not pile up needs no budget.
    let mut tables = filled(400);
    for statement in
        ["SELECT * FROM t", "SELECT * FROM t ORDER BY n DESC LIMIT 5", "SELECT MAX(n), SUM(n) FROM t"]
    {
        run(&mut tables, statement, &[], &options).expect(statement);
    }
}

#[test]
fn after_an_error_there_are_no_more_rows() {
    let mut tables = filled(3);
    let mut rows = begin(&mut tables, "SELECT VALUE 1 / (1 - n) FROM t", &Options::default());
    assert!(rows.next(&mut tables).expect("the first").is_some());
    let error = rows.next(&mut tables).expect_err("the second");
    assert_eq!(error.to_string(), "Evaluator Error: at line 1, column 16: / by zero; / by zero");
    assert!(rows.next(&mut tables).expect("the end").is_none());
}

#[test]
fn a_document_may_not_be_nested_deeper_than_readers_accept() {
    let mut tables = filled(0);
    let nested = |levels: usize| {
        let text = format!("{{a: {}{}}}", "[".repeat(levels), "]".repeat(levels));
        Document::from(everstrand_ion::text::read_one(&text).expect("well formed"))
    };
    let deepest = nested(everstrand_ion::MAX_DEPTH - 1);
    run(&mut tables, "INSERT INTO t ?", std::slice::from_ref(&deepest), &Options::default())
        .expect("at most");
    let error = run(&mut tables, "INSERT INTO t {'b': ?}", &[deepest], &Options::default()).err();
    assert_eq!(error.expect("too deep").to_string(), "A document may be nested 128 levels deep at most");
}

#[test]
fn long_values_come_in_order_from_an_index_that_cuts_them() {
    let options = Options::default();
    let mut tables = filled(0);
    run(&mut tables, "CREATE INDEX ON t (k)", &[], &options).expect("index");
    // Values of 5,000 characters that differ in the last one only, among short ones.
    let text = |number: usize| format!("{}{:03}", "k".repeat(5_000), (number * 37) % 100);
    for number in 0..100 {
        let value = if number % 10 == 0 { format!("k{number}") } else { text(number) };
        run(&mut tables, &format!("INSERT INTO t {{'k': '{value}'}}"), &[], &options).expect("insert");
    }
    for (statement, reverse) in [
        ("SELECT VALUE k FROM t WHERE k > 'j' ORDER BY k", false),
        ("SELECT VALUE k FROM t WHERE k > 'j' ORDER BY k DESC", true),
    ] {
        let lookups = tables.lookups;
        let outcome = run(&mut tables, statement, &[], &options).expect("rows");
        assert!(tables.lookups > lookups, "the index serves it");
        let found: Vec<_> =
            outcome.rows.iter().map(|row| row.root().as_text().expect("text").to_owned()).collect();
        let mut expected = found.clone();
        expected.sort();
        if reverse {
            expected.reverse();
        }
        assert_eq!(found.len(), 100);
        assert!(found == expected, "{statement}");
    }
}

/// Without rules N5 and N6 a name is looked for in all rows around, the nearest query first.
#[test]
fn lenient_names_are_fields_of_whichever_row_has_them() {
    let query = "SELECT VALUE (SELECT VALUE [a, b, c, SUM(e)] \
                 FROM <<{'a': 1}>> AS x, <<{'a': 2, 'b': 3}>> AS y, [{'e': 4}, {'e': 5}] AS z \
                 GROUP BY a, b, c) FROM <<0>> AS u";
    let nested = "SELECT VALUE (SELECT VALUE (SELECT VALUE [a, b] FROM <<{'a': 1}>> AS x) \
                  FROM <<{'a': 2, 'b': 3}>> AS y) FROM <<0>> AS u";
    let options = Options { lenient_names: true, ..Options::default() };
    for (query, expected) in [(query, "[[1,3,null,9]]"), (nested, "[[[1,3]]]")] {
        let rows = run(&mut MemoryTables::default(), query, &[], &options).expect(query).rows;
        assert_eq!(rows[0].to_string(), expected);
        let strict = Options { extensions: false, ..Options::default() };
        assert!(run(&mut MemoryTables::default(), query, &[], &strict).is_err());
    }
}
