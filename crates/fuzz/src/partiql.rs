//! Texts as statements: parsed and printed, and run over a small ledger in memory.

use std::sync::Arc;

use everstrand_ion::{Document, text};
use everstrand_partiql::{BufferedBytes, Options, execute, parse, plan};

#[path = "../../partiql/tests/it/memory.rs"]
mod memory;

use memory::MemoryTables;

/// Any text as a statement: whatever parses prints as a text that parses to the same tree.
pub fn partiql_parse(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else { return };
    let Ok(statement) = parse(source) else { return };
    let printed = statement.to_string();
    assert_eq!(parse(&printed).as_ref().ok(), Some(&statement), "{printed}");
}

/// Lines as statements, one after the other over the same tables, with and without indexes. Rows of a
/// query that neither fails nor cuts its result are the same both ways.
pub fn partiql_execute(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else { return };
    let (mut plain, mut indexed) = (filled(), filled());
    for index in ["t (a)", "t (b, d.a)", "u (a)"] {
        let _ = run(&mut indexed, &format!("CREATE INDEX ON {index}"));
    }
    for statement in source.lines().take(4) {
        let results = (run(&mut plain, statement), run(&mut indexed, statement));
        let is_cut = ["limit", "offset", "fetch", "utcnow", "now(", "current_timestamp", "index", "over"]
            .iter()
            .any(|word| statement.to_ascii_lowercase().contains(word));
        if let (Some(plain), Some(indexed)) = results
            && !is_cut
        {
            assert_eq!(plain, indexed, "{statement}");
        }
    }
}

fn filled() -> MemoryTables {
    let mut tables = MemoryTables::default();
    for statement in [
        "CREATE TABLE t",
        "CREATE TABLE u",
        "INSERT INTO t <<{'a': 1, 'b': 'x', 'd': {'a': null}}, {'a': 2.0, 'l': [1, {'a': 3}]}, {'a': `x`, 'b': 1}>>",
        "INSERT INTO u <<{'a': 1, 'c': `2000T`}, {'a': 'x', 'c': `{{aGk=}}`}, `{a: y::3, c: (1 2)}`>>",
    ] {
        run(&mut tables, statement).expect("well formed");
    }
    tables
}

/// How many rows a statement yields, if it does not fail.
fn run(tables: &mut MemoryTables, statement: &str) -> Option<usize> {
    let options = Options { held: BufferedBytes::new(1 << 20, "held_bytes_max"), ..Options::default() };
    let values = ["1", "\"x\"", "{a: 1}", "[1, x]", "2000T", "null"];
    let parameters: Arc<[Document]> = values
        .iter()
        .cycle()
        .take(statement.matches('?').count().min(32))
        .map(|value| Document::from(text::read_one(value).expect("well formed")))
        .collect();
    // Enough for any statement that is not meant to run for ever.
    tables.interrupt_after = Some(500);
    let plan = plan(&parse(statement).ok()?, &parameters, tables, &options).ok()?;
    let mut rows = execute(plan, parameters, tables).ok()?;
    let mut count = 0;
    while rows.next(tables).ok()?.is_some() {
        count += 1;
    }
    Some(count)
}
