//! Expressions and random queries beside PartiQL's reference implementation in Kotlin.
//!
//! Every operator, CAST and function is applied to values of all kinds, pair by pair, in a strict ledger; random nested
//! queries run with extensions. What may differ stands in `known.txt`, each line with its row of
//! `docs/compatibility.md`. Any other difference is a failure. `crates/differential/reference/run` installs the
//! reference and starts this.

mod case;
mod expressions;
mod known;
mod queries;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use everstrand_ion::{Document, Value, text};
use everstrand_ledger::Ledger;
use everstrand_testkit::Random;

use case::Case;
use known::{Known, Outcome};

/// The versions of the reference: of QLDB's time, and the last one with the same evaluator.
const VERSIONS: [&str; 2] = ["0.2.7", "0.8.2"];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder with a folder of libraries for each version.
    #[arg(long)]
    libraries: PathBuf,
    /// How many random queries are tried.
    #[arg(long, default_value_t = 10_000)]
    queries: u64,
    /// The seed of the random queries.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only one of so many expressions.
    #[arg(long, default_value_t = 1)]
    one_of: usize,
    /// Print so many examples of each unknown kind of difference.
    #[arg(long, default_value_t = 2)]
    examples: usize,
}

/// Runs all cases here and by each version of the reference, and prints how they differ.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let known = Known::read();
    let mut cases: Vec<Case> = expressions::cases().into_iter().step_by(arguments.one_of.max(1)).collect();
    let mut random = Random::new(arguments.seed);
    cases.extend((0..arguments.queries).map(|_| queries::case(&mut random)));
    let ours = answers(&cases);
    let mut failed = false;
    for version in VERSIONS {
        let answers = reference_answers(&cases, &arguments.libraries.join(version));
        failed |= !report(version, &cases, &ours, &answers, &known, arguments.examples);
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Compares all answers with those of one version; answers whether every difference is known.
fn report(
    version: &str,
    cases: &[Case],
    ours: &[Outcome],
    reference: &[Outcome],
    known: &Known,
    examples: usize,
) -> bool {
    let mut same = 0;
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unknown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((case, ours), reference) in cases.iter().zip(ours).zip(reference) {
        if ours.agrees(reference) {
            same += 1;
        } else if let Some(row) = known.row(version, case, ours, reference) {
            *rows.entry(row).or_default() += 1;
        } else {
            let kind = format!(
                "{} | {} | {} | {}",
                case.construct,
                case.kinds.join(" "),
                ours.kind(),
                reference.kind()
            );
            let example = format!("    {}\n      here {ours}\n      there {reference}", case.ours);
            unknown.entry(kind).or_default().push(example);
        }
    }
    println!("beside {version}: {} statements, {same} answered the same", cases.len());
    for (row, count) in rows {
        println!("{count:>9} differ as documented: {row}");
    }
    let count: usize = unknown.values().map(Vec::len).sum();
    println!("{count:>9} differ otherwise");
    for (kind, all) in &unknown {
        println!("  {} × {kind}", all.len());
        all.iter().take(examples).for_each(|example| println!("{example}"));
    }
    unknown.is_empty()
}

/// What this language answers.
fn answers(cases: &[Case]) -> Vec<Outcome> {
    let ledgers = [ledger(true), ledger(false)];
    cases
        .iter()
        .map(|case| {
            let mut transaction =
                ledgers[usize::from(!case.is_strict)].start_transaction().expect("a transaction");
            let mut rows = Vec::new();
            let mut page = transaction.execute(&case.ours, &[]);
            loop {
                match page {
                    Err(error) => return Outcome::Error(error.to_string()),
                    Ok(mut found) => {
                        rows.extend(found.values.iter().map(Document::to_value));
                        let Some(token) = found.next_page_token.take() else { break };
                        page = transaction.fetch_page(&token);
                    }
                }
            }
            match case.is_strict {
                // One row, a struct with the value.
                true => Outcome::of_field(rows.first()),
                false => Outcome::Rows(rows),
            }
        })
        .collect()
}

/// A ledger with the tables that queries are about.
fn ledger(is_strict: bool) -> Ledger {
    let ledger = Ledger::in_memory().expect("a ledger in memory");
    let mut transaction = ledger.start_transaction().expect("a transaction");
    for (name, documents) in tables() {
        transaction.execute(&format!("CREATE TABLE {name}"), &[]).expect("a table");
        transaction
            .execute(&format!("INSERT INTO {name} ?"), &[Document::from(&documents)])
            .expect("documents");
    }
    transaction.commit_unchecked().wait().expect("a commit");
    ledger.set_extensions(!is_strict);
    ledger
}

fn tables() -> Vec<(String, Value)> {
    let tables = text::read_one(queries::TABLES).expect("a struct of tables");
    let tables = tables.as_struct().expect("a struct").iter();
    tables.map(|(name, documents)| (name.text().expect("a name").to_owned(), documents.clone())).collect()
}

/// What a version of the reference answers.
fn reference_answers(cases: &[Case], libraries: &Path) -> Vec<Outcome> {
    let folder = std::env::temp_dir();
    let tables = folder.join(format!("everstrand-differential-{}.ion", std::process::id()));
    std::fs::write(&tables, queries::TABLES).expect("a temporary file");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/Evaluate.java");
    let mut child = Command::new("java")
        .arg("-cp")
        .arg(libraries.join("*"))
        .arg(program)
        .arg(&tables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("java");
    let mut statements = String::new();
    for case in cases {
        writeln!(statements, "{}", Value::from(case.reference.as_str())).expect("a text");
    }
    let mut input = child.stdin.take().expect("a pipe");
    // It answers while it reads, so that the pipes must be used by two.
    let writer = std::thread::spawn(move || input.write_all(statements.as_bytes()));
    let output = child.wait_with_output().expect("the answers of java");
    writer.join().expect("a thread").expect("a pipe");
    std::fs::remove_file(&tables).expect("a temporary file");
    assert!(output.status.success(), "java failed");
    let answers = String::from_utf8(output.stdout).expect("text");
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), cases.len(), "an answer for each statement");
    let outcomes = answers.iter().zip(cases).map(|(answer, case)| Outcome::read(answer, case.is_strict));
    outcomes.collect()
}
