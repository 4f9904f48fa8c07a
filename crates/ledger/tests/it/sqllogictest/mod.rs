//! Files in the format of sqllogictest: statements, queries, and the rows that SQLite answered.
//!
//! Those of `crates/ledger/tests/sqllogictest` are ours and must agree in every record. `SQLLOGICTEST_DIR` names a
//! folder of public ones; there a statement that is not of this language may be refused, but no query may give other
//! rows. Public files create tables with columns, so that [`sql`] translates what differs in writing.

mod file;
mod sql;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use everstrand_ion::{Document, Value};
use everstrand_ledger::{Ledger, Transaction};

use crate::support::World;
use file::{Record, Sorted};

/// What came of the records of a file.
#[derive(Debug, Default)]
struct Counts {
    agreed: u64,
    refused: BTreeMap<String, u64>,
    differences: Vec<String>,
}

/// All files below a folder whose names end in `.test` or `.slt`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in
        std::fs::read_dir(folder).expect("a folder of test files").map(|entry| entry.expect("an entry"))
    {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "test" || extension == "slt") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn ledger() -> Ledger {
    let mut world = World::new();
    world.options.limits.documents_per_transaction = 100_000;
    world.options.limits.tables = 10_000;
    world.options.limits.active_tables = 10_000;
    world.options.limits.indexes_per_table = 1_000;
    world.open()
}

fn values(transaction: &mut Transaction, statement: &str) -> Result<Vec<Value>, String> {
    let mut page = transaction.execute(statement, &[]).map_err(|error| error.to_string())?;
    let mut values: Vec<Value> = page.values.iter().map(Document::to_value).collect();
    while let Some(token) = page.next_page_token.take() {
        page = transaction.fetch_page(&token).map_err(|error| error.to_string())?;
        values.extend(page.values.iter().map(Document::to_value));
    }
    Ok(values)
}

/// Runs the records of a file; `translates` says whether its statements are SQL's.
fn run(path: &Path, translates: bool) -> Counts {
    let text = std::fs::read_to_string(path).expect("a test file");
    let ledger = ledger();
    let mut columns = sql::Columns::default();
    let mut counts = Counts::default();
    for record in file::records(&text) {
        let at = format!("{}:{}", path.display(), record.line());
        let statement = match translates {
            true => columns.translated(record.text()),
            false => Some(record.text().to_owned()),
        };
        let Some(statement) = statement else {
            *counts.refused.entry("not translated".into()).or_default() += 1;
            continue;
        };
        let mut transaction = ledger.start_transaction().expect("a transaction");
        let outcome = values(&mut transaction, &statement);
        match (&record, outcome) {
            (Record::Statement { succeeds, .. }, outcome) => {
                let outcome = outcome.and_then(|_| {
                    transaction.commit_unchecked().wait().map(drop).map_err(|error| error.to_string())
                });
                while ledger.is_building_index() {
                    std::thread::yield_now();
                }
                match (succeeds, outcome) {
                    (true, Ok(())) | (false, Err(_)) => counts.agreed += 1,
                    (true, Err(error)) => *counts.refused.entry(kind(&error)).or_default() += 1,
                    (false, Ok(())) => counts.differences.push(format!("{at}: succeeds: {statement}")),
                }
            }
            (Record::Query { .. }, Err(error)) => *counts.refused.entry(kind(&error)).or_default() += 1,
            (Record::Query { types, sorted, expected, .. }, Ok(rows)) => {
                let found = file::shown(&rows, types, *sorted);
                match expected.is(&found) {
                    true => counts.agreed += 1,
                    false => counts.differences.push(format!(
                        "{at}: {statement}\nexpected {expected:?}\nfound {found:?}{}",
                        if *sorted == Sorted::No { " in this order" } else { "" }
                    )),
                }
            }
        }
    }
    counts
}

/// An error without its place and its names.
fn kind(error: &str) -> String {
    let text = error.rsplit("; ").next().unwrap_or(error);
    let mut quoted = text.split('\'').step_by(2).collect::<Vec<_>>().join("'…'");
    quoted.truncate(quoted.char_indices().nth(80).map_or(quoted.len(), |(at, _)| at));
    quoted
}

#[test]
fn our_files_agree_in_every_record() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sqllogictest");
    let mut agreed = 0;
    for path in files(&folder) {
        let counts = run(&path, false);
        assert!(counts.refused.is_empty(), "{}: {:?}", path.display(), counts.refused);
        assert!(counts.differences.is_empty(), "{}", counts.differences.join("\n\n"));
        agreed += counts.agreed;
    }
    println!("{agreed} records agree");
    assert!(agreed > 500, "only {agreed} records");
}

fn public_files_give_no_other_rows() {
    let folder = std::env::var_os("SQLLOGICTEST_DIR").expect("SQLLOGICTEST_DIR");
    let (mut agreed, mut refused, mut differences) = (0, BTreeMap::<String, u64>::new(), Vec::new());
    for path in files(Path::new(&folder)) {
        let counts = run(&path, true);
        println!(
            "{}: {} agree, {} refused, {} differ",
            path.display(),
            counts.agreed,
            counts.refused.values().sum::<u64>(),
            counts.differences.len()
        );
        agreed += counts.agreed;
        counts.refused.into_iter().for_each(|(kind, count)| *refused.entry(kind).or_default() += count);
        differences.extend(counts.differences);
    }
    println!("{agreed} records agree; refused: {refused:#?}");
    assert!(agreed > 0, "SQLLOGICTEST_DIR holds no test file");
    assert!(
        differences.is_empty(),
        "{} differences\n{}",
        differences.len(),
        differences[..differences.len().min(50)].join("\n\n")
    );
}

everstrand_testkit::ignored_without_sqllogictest!(public_files_give_no_other_rows);
