//! Whatever the text, parsing ends with a tree or an error, and so does all that walks the tree.

use std::sync::Arc;

use everstrand_partiql::{Category, Options, execute, parse, plan};

use crate::memory::MemoryTables;

/// Parses, prints and drops on a stack of 1 MiB, half of what a thread has by default.
fn parse_small_stack(text: String) -> Result<String, (Category, String)> {
    std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(move || match parse(&text) {
            Ok(statement) => Ok(statement.to_string()),
            Err(error) => Err((error.category(), error.to_string())),
        })
        .expect("thread")
        .join()
        .expect("no panic")
}

/// Texts that are as deep as they are long are refused, whatever makes them deep.
#[test]
fn deep_texts_are_refused() {
    let deep = |open: &str, inner: &str, close: &str| {
        format!("SELECT VALUE {}{inner}{} FROM t", open.repeat(4000), close.repeat(4000))
    };
    for text in [
        deep("(", "1", ")"),
        deep("[", "1", "]"),
        deep("<<", "1", ">>"),
        deep("{'a':", "1", "}"),
        deep("NOT ", "a", ""),
        deep("- ", "a", ""),
        deep("+ ", "a", ""),
        deep("a[", "1", "]"),
        deep("f(", "1", ")"),
        deep("CAST(", "1", " AS INT)"),
        deep("CASE WHEN ", "1", " THEN 1 END"),
        deep("1 IN (", "1", ")"),
        deep("1 || (", "1", ")"),
        deep("(SELECT VALUE ", "1", " FROM t)"),
        deep("", "1", " IS NULL"),
        deep("", "1", " LIKE 'a'"),
        deep("", "1", " BETWEEN 1 AND 2"),
        deep("", "a", " IN b"),
        deep("VALUES (", "1", ")"),
        format!("SELECT 1 FROM {}a{}", "(".repeat(4000), ")".repeat(4000)),
        format!("SELECT 1 FROM {}a", "(a JOIN ".repeat(4000)),
        format!("SELECT 1 FROM {}a", "(SELECT 1 FROM ".repeat(4000)),
    ] {
        let error = parse_small_stack(text.clone()).expect_err(&text[..60]);
        assert_eq!(error.0, Category::Limit, "{}: {}", &text[..60], error.1);
    }
}

/// Chains that people do write have no depth.
#[test]
fn long_texts_are_taken() {
    let conditions: Vec<String> = (0..6000).map(|n| format!("a = {n}")).collect();
    let many: Vec<String> = (0..14_000).map(|n| n.to_string()).collect();
    for text in [
        format!("SELECT VALUE a FROM t WHERE {}", conditions.join(" OR ")),
        format!("SELECT VALUE a FROM t WHERE {}", conditions.join(" AND ")),
        format!("SELECT VALUE a FROM t WHERE a IN ({})", many.join(", ")),
        format!("SELECT VALUE a{} FROM t", ".b".repeat(30_000)),
        format!("INSERT INTO t <<{}>>", many.join(", ")),
        format!("{}SELECT VALUE a FROM t", "-- \n".repeat(20_000)),
        format!("SELECT VALUE a{} FROM t", " + 1 - b".repeat(10_000)),
        format!("SELECT VALUE a{} FROM t WHERE a{}", " || 'x'".repeat(5_000), " = 1".repeat(5_000)),
        format!("SELECT VALUE a{} FROM t", " * b + c".repeat(5_000)),
        format!("SELECT VALUE (a{}){0} FROM t", " / 2".repeat(5_000)),
    ] {
        parse_small_stack(text).expect("a statement");
    }
}

/// At the deepest that is taken.
#[test]
fn deepest() {
    let text = format!("SELECT VALUE {}1{} FROM t", "[".repeat(60), "]".repeat(60));
    parse_small_stack(text).expect("a statement");
    let text = format!("SELECT VALUE {}1{} FROM t", "(SELECT VALUE [a, ".repeat(20), "] FROM t)".repeat(20));
    parse_small_stack(text).expect("a statement");
    let text = format!("SELECT VALUE 1{} FROM t", " + (1".repeat(20) + &")".repeat(20));
    parse_small_stack(text).expect("a statement");
}

/// More sources than anybody joins.
#[test]
fn many_sources() {
    let from = |count: usize| format!("SELECT 1 FROM {}t", "t, ".repeat(count - 1));
    assert!(parse(&from(64)).is_ok());
    assert_eq!(parse(&from(65)).expect_err("too many").category(), Category::Limit);
}

/// What parses also resolves, runs and drops on the stack that a thread has by default.
#[test]
fn deepest_runs() {
    let deep = |open: &str, inner: &str, close: &str, times: usize| {
        format!("SELECT VALUE {}{inner}{} FROM <<0>> AS t", open.repeat(times), close.repeat(times))
    };
    let conditions: Vec<String> = (0..5000).map(|n| format!("t.a = {n}")).collect();
    let texts = [
        deep("[", "1", "]", 60),
        deep("{'a': ", "1", "}", 60),
        deep("NOT ", "t.a", "", 60),
        deep("- ", "t.a", "", 60),
        deep("", "t.a", " + 1", 20_000),
        deep("", "'a'", " || 'b'", 10_000),
        deep("", "t.a", " * 1.5 - t.b", 5_000),
        deep("", "t.a", " = t.b", 10_000),
        deep("1 + (", "t.a", ")", 20),
        deep("", "t.a", " IS NULL", 60),
        deep("COALESCE(", "1", ")", 60),
        deep("CASE WHEN TRUE THEN ", "1", " END", 60),
        deep("(SELECT VALUE [a, ", "1", "] FROM [1] AS a)", 20),
        deep("EXISTS(SELECT VALUE a FROM [1] AS a WHERE ", "TRUE", ")", 28),
        format!("SELECT VALUE 1 FROM {}[1] AS x{}", "(SELECT VALUE x FROM ".repeat(30), ") AS x".repeat(30)),
        format!("SELECT VALUE 1 FROM <<{{'a': 1}}>> AS t WHERE {}", conditions.join(" OR ")),
        format!("SELECT VALUE 1 FROM <<{{'a': 1}}>> AS t WHERE {}", conditions.join(" AND ")),
        format!(
            "SELECT VALUE 1 FROM {}",
            (0..64).map(|n| format!("[1] AS t{n}")).collect::<Vec<_>>().join(", ")
        ),
    ];
    for text in texts {
        let run = move || {
            let mut tables = MemoryTables::default();
            let statement = parse(&text).expect(&text);
            let plan = plan(&statement, &[], &mut tables, &Options::default()).expect(&text);
            assert!(!plan.to_string().is_empty());
            let mut rows = execute(plan, Arc::new([]), &mut tables).expect(&text);
            while rows.next(&mut tables).expect(&text).is_some() {}
        };
        std::thread::Builder::new().stack_size(2 << 20).spawn(run).expect("thread").join().expect("no panic");
    }
}

/// Names that stand for items that stand for items are resolved again and again, but not without end.
#[test]
fn names_of_items_within_each_other_are_bounded() {
    let nested = |levels: usize, before: &str, after: &str| {
        let mut text = "1".to_owned();
        for _ in 0..levels {
            text = format!("(SELECT {before}{text} AS m FROM <<{{}}>> AS a {after})");
        }
        text
    };
    for (before, after) in [("", "ORDER BY m"), ("MAX(a.x) AS x, ", "HAVING m = 1"), ("a.y, ", "GROUP BY m")]
    {
        let check = |levels: usize| {
            let statement = parse(&nested(levels, before, after)).expect("parse");
            plan(&statement, &[], &mut MemoryTables::default(), &Options::default())
        };
        assert!(check(20).is_err(), "{after}");
    }
    let statement = parse(&nested(6, "", "ORDER BY m")).expect("parse");
    let planned = plan(&statement, &[], &mut MemoryTables::default(), &Options::default());
    assert!(planned.is_ok(), "{planned:?}");
}
