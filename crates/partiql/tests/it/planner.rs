//! Golden scripts of the planner: what each name stands for, and how rows are reached.
//!
//! A statement prints its plan, or its error with its code. With `[run]` it is run instead; with
//! `[strict]` it is planned without extensions; with `[parameters=N]` it gets so many.

use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;

use everstrand_ion::{Document, Value};
use everstrand_partiql::{Options, PartiqlError, execute, parse, plan};

use crate::memory::{MemoryTables, Sizes};

#[derive(Default)]
struct Runner {
    tables: MemoryTables,
}

impl Runner {
    fn plan(&mut self, text: &str, options: &Options) -> Result<String, PartiqlError> {
        let statement = parse(text)?;
        let count = text.matches('?').count();
        let parameters: Vec<Document> =
            (0..count).map(|number| Document::from(&Value::from(number as i64))).collect();
        Ok(plan(&statement, &parameters, &mut self.tables, options)?.to_string())
    }

    fn run(&mut self, text: &str) -> Result<String, PartiqlError> {
        let plan = plan(&parse(text)?, &[], &mut self.tables, &Options::default())?;
        let mut rows = execute(plan, Arc::new([]), &mut self.tables)?;
        let mut output = String::new();
        while let Some(row) = rows.next(&mut self.tables)? {
            let _ = writeln!(output, "{row}");
        }
        Ok(output)
    }
}

impl goldenscript::Runner for Runner {
    type Command = goldenscript::Command;

    fn run(
        &mut self,
        command: &goldenscript::Command,
        context: &goldenscript::Context,
    ) -> Result<String, Box<dyn Error>> {
        let text = &command.name;
        let options = Options { extensions: !context.tags.contains("strict"), ..Options::default() };
        let output = if context.tags.contains("run") { self.run(text) } else { self.plan(text, &options) };
        Ok(output.unwrap_or_else(|error| match error.code() {
            Some(code) => format!("{error} [{code}]"),
            None => error.to_string(),
        }))
    }
}

#[test]
fn scripts() {
    let mut paths: Vec<_> = std::fs::read_dir("tests/scripts/planner")
        .expect("scripts")
        .map(|entry| entry.expect("entry").path())
        .collect();
    paths.sort();
    for path in paths {
        goldenscript::run(&mut Runner::default(), &path).expect("script");
    }
}

/// The number of parameters must be that of the statement, and is checked whatever else is wrong with
/// a parameter that is not there.
#[test]
fn parameters_are_counted() {
    let mut tables = MemoryTables::default();
    let mut check = |text: &str, given: usize| {
        let parameters: Vec<Document> = (0..given).map(|_| Document::from(&Value::from(1))).collect();
        let statement = parse(text).expect("statement");
        match plan(&statement, &parameters, &mut tables, &Options::default()) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    };
    let text = "SELECT ? FROM << ? >> AS a WHERE a = ?";
    assert_eq!(check(text, 3), "");
    assert_eq!(check(text, 2), "Query expects 3 parameters, but statement has 2");
    assert_eq!(check(text, 4), "Query expects 3 parameters, but statement has 4");
    assert_eq!(check("SELECT 1 FROM << 0 >> LIMIT ?", 0), "Query expects 1 parameters, but statement has 0");
    assert_eq!(check("CREATE TABLE t", 1), "Query expects 0 parameters, but statement has 1");
    assert_eq!(check("EXEC f ?, ?", 1), "Query expects 2 parameters, but statement has 1");
}

/// A plan serves again exactly as long as planning anew would make the same of it.
#[test]
fn plans_serve_again_until_a_name_means_something_else() {
    let mut tables = MemoryTables::default();
    let options = Options::default();
    let strict = Options { extensions: false, ..Options::default() };
    run_all(&mut tables, &["CREATE TABLE a"]);
    let texts = [
        "SELECT * FROM a WHERE b = ?",
        "SELECT * FROM a AS x, _ql_committed_a AS y WHERE y.metadata.id = x.b AND x.b = ?",
        "UPDATE a SET b = ? WHERE c = 1",
        "INSERT INTO a VALUE ?",
    ];
    let parameter = [Document::from(&Value::from(1))];
    let made = |text: &str, tables: &mut MemoryTables| {
        plan(&parse(text).expect("statement"), &parameter, tables, &options).expect("a plan")
    };
    let mut kept: Vec<_> = texts.iter().map(|text| made(text, &mut tables)).collect();
    for (change, serves) in [
        ("CREATE TABLE other", [true; 4]),
        ("CREATE INDEX ON a (b)", [false; 4]),
        ("INSERT INTO a VALUE {'b': 1}", [true; 4]),
        ("DROP TABLE a", [false; 4]),
    ] {
        run_all(&mut tables, &[change]);
        for ((text, kept), serves) in texts.iter().zip(&mut kept).zip(serves) {
            let again = kept.again(1, &mut tables, &options).expect("an answer");
            assert_eq!(again.is_some(), serves, "{text} after {change}");
            if change == "DROP TABLE a" {
                assert!(plan(&parse(text).expect("statement"), &parameter, &mut tables, &options).is_err());
                continue;
            }
            let anew = made(text, &mut tables);
            assert!(again.is_none_or(|again| again.to_string() == anew.to_string()), "{text} after {change}");
            *kept = anew;
            assert!(kept.again(0, &mut tables, &options).expect("an answer").is_none(), "{text} without ?");
            assert!(kept.again(1, &mut tables, &strict).expect("an answer").is_none(), "{text}, strict");
        }
    }
    // What depends on more than names.
    run_all(&mut tables, &["CREATE TABLE a"]);
    for text in [
        "SELECT * FROM a AS OF ? AS v",
        "SELECT * FROM a AS OF 1 AS v, other AS w WHERE w.b = ?",
        "SELECT * FROM history(a) WHERE data.b = ?",
        "SELECT * FROM information_schema.user_tables WHERE name = ?",
    ] {
        assert!(!made(text, &mut tables).may_serve_again(), "{text}");
    }
}

/// A plan whose sources were ordered by their sizes serves again until a table has another size. One that looks up one
/// table asks for no size.
#[test]
fn plans_are_made_anew_when_tables_have_grown() {
    let mut tables = MemoryTables::default();
    tables.sizes = Sizes::True;
    let options = Options::default();
    run_all(&mut tables, &["CREATE TABLE a", "CREATE TABLE b", "INSERT INTO b VALUE {'x': 1}"]);
    let mut kept =
        |text: &str| plan(&parse(text).expect("statement"), &[], &mut tables, &options).expect("a plan");
    let join = kept("SELECT * FROM a, b WHERE a.x = b.x");
    let single = kept("SELECT * FROM a WHERE a.x = 1");
    let documents = |count: usize| {
        let documents: Vec<String> = (0..count).map(|number| format!("{{'x': {number}}}")).collect();
        format!("INSERT INTO a <<{}>>", documents.join(", "))
    };
    for (more, serves) in [(60, true), (100, true), (200, false)] {
        run_all(&mut tables, &[&documents(more)]);
        let again = join.again(0, &mut tables, &options).expect("an answer");
        assert_eq!(again.is_some(), serves, "after {more} more");
        assert!(single.again(0, &mut tables, &options).expect("an answer").is_some());
    }
    tables.sizes = Sizes::Unknown;
    assert!(join.again(0, &mut tables, &options).expect("an answer").is_none(), "no size is known any more");
}

/// EXPLAIN shows about how many rows are expected, where the sizes are known.
#[test]
fn estimates_are_shown() {
    let mut tables = MemoryTables::default();
    tables.sizes = Sizes::True;
    run_all(&mut tables, &["CREATE TABLE a", "CREATE TABLE b", "CREATE INDEX ON a (x)"]);
    run_all(
        &mut tables,
        &["INSERT INTO a <<{'x': 1}, {'x': 1}, {'x': 2}, {'x': 2}>>", "INSERT INTO b <<{'x': 1}>>"],
    );
    let mut explained = |text: &str| {
        let parsed = parse(text).expect("statement");
        let mut rows = execute(
            plan(&parsed, &[], &mut tables, &Options::default()).expect("a plan"),
            Arc::new([]),
            &mut tables,
        )
        .expect("rows");
        let mut shown = Vec::new();
        while let Some(row) = rows.next(&mut tables).expect("a row") {
            let row = row.to_value();
            let text = row.get("operation").and_then(Value::as_text).expect("an operation").to_owned();
            shown.push((text, row.get("rows").and_then(Value::as_i64)));
        }
        shown
    };
    let rows = |operation: &str, rows| (operation.to_owned(), rows);
    assert_eq!(
        explained("EXPLAIN SELECT * FROM a, b WHERE a.x = b.x"),
        [
            rows("Project", None),
            rows("Nested loop join", Some(2)),
            rows("Scan", Some(1)),
            rows("Filter", None),
            rows("Index lookup", Some(2)),
        ]
    );
    assert_eq!(explained("EXPLAIN SELECT * FROM a"), [rows("Project", None), rows("Scan", Some(4))]);
}

fn run_all(tables: &mut MemoryTables, texts: &[&str]) {
    for text in texts {
        crate::statements::run(tables, text, &[], &Options::default()).expect("it runs");
    }
}
