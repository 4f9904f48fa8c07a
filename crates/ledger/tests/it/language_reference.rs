//! The examples of `docs/partiql.md`, run as they are written there. `UPDATE_GOLDENFILES=1` writes their results anew.
//!
//! Each chapter begins with the tables of the chapter "The tables of the examples". A second passes before each
//! statement.

use std::fmt::Write;
use std::path::Path;

use everstrand_ion::{Value, text};
use everstrand_ledger::Ledger;

use crate::support::{World, all};

const TABLES: &str = "The tables of the examples";

/// A statement of the page, with what stands below it.
struct Example {
    /// The line of the page on which it begins.
    line: usize,
    /// Its lines as they are written, with the prompt.
    written: Vec<String>,
    results: Vec<String>,
}

impl Example {
    /// Whether these are its results. Without ORDER BY the order of rows is the plan's.
    fn has(&self, results: &[String]) -> bool {
        let is_ordered =
            self.written.iter().any(|line| line.contains("ORDER BY") || line.contains("EXPLAIN"));
        let (mut found, mut expected) = (results.to_vec(), self.results.clone());
        if !is_ordered {
            found.sort();
            expected.sort();
        }
        found == expected
    }
}

/// A part of the page.
enum Part {
    Line(String),
    Chapter(String),
    Example(Example),
}

fn parts(page: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut is_code = false;
    for (number, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            is_code = line == "```partiql";
        }
        if !is_code || line.starts_with("```") {
            parts.push(match line.strip_prefix("## ") {
                Some(title) => Part::Chapter(title.to_owned()),
                None => Part::Line(line.to_owned()),
            });
        } else if line.starts_with("> ") || line.starts_with("strict> ") {
            let written = vec![line.to_owned()];
            parts.push(Part::Example(Example { line: number + 1, written, results: Vec::new() }));
        } else if let Some(Part::Example(example)) = parts.last_mut() {
            let lines = if line.starts_with("  ") { &mut example.written } else { &mut example.results };
            lines.push(line.to_owned());
        } else {
            panic!("line {}: a result without its statement", number + 1);
        }
    }
    parts
}

struct Chapter {
    world: World,
    ledger: Ledger,
}

impl Chapter {
    fn new() -> Chapter {
        let world = World::new();
        let ledger = world.open();
        Chapter { world, ledger }
    }

    fn run(&self, example: &Example) -> Vec<String> {
        let written = example.written.join("\n");
        let (prompt, statement) = written.split_once("> ").expect("a prompt");
        let parameters = match statement.split_once("-- with ") {
            Some((_, parameters)) => text::read_one(parameters).expect("a list of parameters"),
            None => Value::from(Vec::<Value>::new()),
        };
        let parameters: Vec<String> =
            parameters.as_sequence().expect("a list").iter().map(text::write).collect();
        let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
        self.world.clock.advance(1000);
        self.ledger.set_extensions(prompt != "strict");
        let mut transaction = self.ledger.start_transaction().expect("a transaction");
        let rows = all(&mut transaction, statement, &parameters);
        let rows = rows.and_then(|rows| transaction.commit_unchecked().wait().map(|_| rows));
        while self.ledger.is_building_index() {
            std::thread::yield_now();
        }
        match rows {
            Ok(rows) if rows.is_empty() => vec!["no rows".to_owned()],
            Ok(rows) => rows.iter().map(|row| without_ids(row)).collect(),
            Err(error) => vec![format!("! {}", without_ids(&error.to_string()))],
        }
    }
}

/// Ids here are numbers of 22 digits.
fn without_ids(row: &str) -> String {
    let mut shown = row.to_owned();
    while let Some(at) = shown.find("00000000000000") {
        shown.replace_range(at..at + 22, "…");
    }
    shown
}

#[test]
fn the_examples_of_the_language_give_what_stands_below_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/partiql.md");
    let page = std::fs::read_to_string(&path).expect("docs/partiql.md");
    let parts = parts(&page);
    let examples = |title: &str| -> Vec<&Example> {
        let chapter = parts.iter().skip_while(|part| !matches!(part, Part::Chapter(other) if other == title));
        let chapter = chapter.skip(1).take_while(|part| !matches!(part, Part::Chapter(_)));
        chapter
            .filter_map(|part| if let Part::Example(example) = part { Some(example) } else { None })
            .collect()
    };
    let tables = examples(TABLES);
    assert!(!tables.is_empty(), "no chapter '{TABLES}'");
    let mut chapter = Chapter::new();
    let (mut written, mut differences, mut count) = (String::new(), Vec::new(), 0);
    for part in &parts {
        match part {
            Part::Line(line) => writeln!(written, "{line}").expect("a text"),
            Part::Chapter(title) => {
                writeln!(written, "## {title}").expect("a text");
                chapter = Chapter::new();
                if title != TABLES {
                    tables.iter().for_each(|example| drop(chapter.run(example)));
                }
            }
            Part::Example(example) => {
                count += 1;
                let results = chapter.run(example);
                for line in example.written.iter().chain(&results) {
                    writeln!(written, "{line}").expect("a text");
                }
                if !example.has(&results) {
                    differences.push(format!(
                        "line {}: {}\n{}",
                        example.line,
                        example.written.join("\n"),
                        results.join("\n")
                    ));
                }
            }
        }
    }
    if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
        std::fs::write(&path, written).expect("docs/partiql.md");
        return;
    }
    assert!(count > 100, "only {count} examples");
    assert!(differences.is_empty(), "docs/partiql.md: other results\n\n{}", differences.join("\n\n"));
}
