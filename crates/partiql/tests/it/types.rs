//! What goes in comes out: every type, plain, as a typed null, annotated, and both, by the ways in which
//! the drivers' own tests write and read it back, and found again by `=`.

use everstrand_ion::{Document, Symbol, Value, text};
use everstrand_partiql::Options;

use crate::memory::MemoryTables;
use crate::statements::run;

const PLAIN: [&str; 13] = [
    "{{AAEC/w==}}",
    "true",
    "{{\"clob\"}}",
    "1.50",
    "2.5e0",
    "123456789012345678901234567890",
    "[1, [], null]",
    "null",
    "(a (b) \"c\")",
    "\"text\"",
    "{z: 1, a: x::2, a: null.int, s: {}}",
    "symbol",
    "2016-12-20T05:23:43.000-00:00",
];

const NULLS: [&str; 13] = [
    "null.blob",
    "null.bool",
    "null.clob",
    "null.decimal",
    "null.float",
    "null.int",
    "null.list",
    "null.null",
    "null.sexp",
    "null.string",
    "null.struct",
    "null.symbol",
    "null.timestamp",
];

fn matrix() -> Vec<Value> {
    let values = PLAIN.iter().chain(&NULLS).map(|value| text::read_one(value).expect("well formed"));
    values
        .flat_map(|value| {
            let annotated = value.clone().with_annotations([Symbol::from("first"), Symbol::from("second")]);
            [value, annotated]
        })
        .collect()
}

fn rows(tables: &mut MemoryTables, statement: &str, parameters: &[&Value]) -> Vec<Value> {
    let parameters: Vec<Document> = parameters.iter().map(|value| Document::from(*value)).collect();
    let outcome = run(tables, statement, &parameters, &Options::default());
    let outcome = outcome.unwrap_or_else(|error| panic!("{statement}: {error}"));
    outcome.rows.iter().map(Document::to_value).collect()
}

#[test]
fn values_come_back_as_they_went_in() {
    for value in matrix() {
        let mut tables = MemoryTables::default();
        rows(&mut tables, "CREATE TABLE t", &[]);
        let document = Value::from([("c", value.clone())].into_iter().collect::<everstrand_ion::Struct>());
        rows(&mut tables, "INSERT INTO t ?", &[&document]);
        assert_eq!(rows(&mut tables, "SELECT VALUE c FROM t", &[]), std::slice::from_ref(&value));
        assert_eq!(rows(&mut tables, "SELECT * FROM t", &[]), std::slice::from_ref(&document));
        assert_eq!(rows(&mut tables, "SELECT c FROM t", &[]), std::slice::from_ref(&document));

        rows(&mut tables, "UPDATE t SET c = 0", &[]);
        assert_eq!(rows(&mut tables, "UPDATE t SET c = ?", &[&value]).len(), 1);
        assert_eq!(rows(&mut tables, "SELECT VALUE c FROM t", &[]), std::slice::from_ref(&value));

        rows(&mut tables, "INSERT INTO t {'c': ?, 'second': true}", &[&value]);
        let second = rows(&mut tables, "SELECT VALUE t.c FROM t AS t WHERE t.second", &[]);
        assert_eq!(second, std::slice::from_ref(&value));
    }
}

/// C7: `WHERE c = ?` finds the stored twin of every value, with an index as without; nulls by IS NULL.
#[test]
fn values_are_found_by_equality() {
    for index in [false, true] {
        let mut tables = MemoryTables::default();
        rows(&mut tables, "CREATE TABLE t", &[]);
        if index {
            rows(&mut tables, "CREATE INDEX ON t (c)", &[]);
        }
        for value in matrix() {
            rows(&mut tables, "INSERT INTO t {'c': ?}", &[&value]);
        }
        for value in matrix() {
            for statement in ["SELECT VALUE c FROM t WHERE c = ?", "SELECT VALUE c FROM t WHERE c IN (?)"] {
                let found = rows(&mut tables, statement, &[&value]);
                // Annotations do not count, so the annotated twin is found too.
                let expected = if value.is_null() { 0 } else { 2 };
                assert_eq!(found.len(), expected, "{statement} {value}");
                assert!(found.is_empty() || found.contains(&value));
            }
        }
        assert_eq!(rows(&mut tables, "SELECT VALUE c FROM t WHERE c IS NULL", &[]).len(), 28);
        assert_eq!(rows(&mut tables, "DELETE FROM t WHERE c IS NOT NULL", &[]).len(), 24);
    }
}
