//! Property: texts made of pieces of real statements are refused or become statements that print,
//! resolve and run without a panic, with and without extensions.

use std::sync::Arc;

use everstrand_ion::{Document, Value};
use everstrand_partiql::{Options, execute, parse, plan};
use proptest::prelude::*;

use crate::memory::MemoryTables;

/// The statements of the parser's scripts.
fn statements() -> Vec<String> {
    let mut statements = Vec::new();
    for script in ["corpus", "expressions", "grammar", "lexical", "statements"] {
        let text = std::fs::read_to_string(format!("tests/scripts/parser/{script}")).expect("a script");
        statements.extend(text.lines().filter_map(|line| line.strip_prefix("> ")).map(str::to_owned));
    }
    statements
}

/// A statement cut into words, blanks and signs.
fn pieces(statement: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for character in statement.chars() {
        match pieces.last_mut() {
            Some(last) if character.is_alphanumeric() && last.ends_with(char::is_alphanumeric) => {
                last.push(character);
            }
            _ => pieces.push(character.to_string()),
        }
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]
    #[test]
    fn spliced_statements_do_not_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..30usize), 1..5),
        whole in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
    ) {
        let statements = statements();
        let mut text = pieces(&statements[whole.index(statements.len())]);
        for (statement, start, length) in cuts {
            let from = pieces(&statements[statement.index(statements.len())]);
            let start = start.index(from.len());
            let piece = &from[start..(start + length).min(from.len())];
            let at = place.index(text.len() + 1);
            let until = (at + length / 2).min(text.len());
            text.splice(at..until, piece.iter().cloned());
        }
        check(&text.concat());
    }
}

fn check(text: &str) {
    let Ok(statement) = parse(text) else { return };
    let printed = statement.to_string();
    assert_eq!(parse(&printed).ok().as_ref(), Some(&statement), "{text} prints as {printed}");
    for extensions in [true, false] {
        let mut tables = MemoryTables::default();
        for set_up in [
            "CREATE TABLE t",
            "CREATE TABLE a",
            "CREATE INDEX ON t (a)",
            "INSERT INTO t {'a': 1, 'b': [{'c': 2}]}",
        ] {
            run(set_up, &mut tables, true);
        }
        run(text, &mut tables, extensions);
    }
}

/// Plans and runs a statement, with as many parameters as it may want.
fn run(text: &str, tables: &mut MemoryTables, extensions: bool) {
    let statement = parse(text).expect("it parsed before");
    let options = Options { extensions, ..Options::default() };
    for count in 0..=text.matches('?').count() {
        let parameters: Vec<Document> = (0..count).map(|_| Document::from(&Value::from(1))).collect();
        let Ok(plan) = plan(&statement, &parameters, tables, &options) else { continue };
        let _ = plan.to_string();
        let Ok(mut rows) = execute(plan, Arc::from(parameters), tables) else { continue };
        for _ in 0..100 {
            match rows.next(tables) {
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
    }
}
