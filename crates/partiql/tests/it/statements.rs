//! Golden scripts of statements over tables in memory: each statement's rows, one a line, or its error.
//!
//! Parameters stand behind the statement in a comment of their own: `SELECT … WHERE a = ? --? 1`. A line
//! that begins with `\strict` runs without extensions, one with `\io` shows read and write I/Os.

use std::error::Error;
use std::sync::Arc;

use everstrand_ion::{Document, text};
use everstrand_partiql::{Options, PartiqlError, execute, parse, plan};

use crate::memory::MemoryTables;

#[derive(Default)]
struct Runner {
    tables: MemoryTables,
}

/// What came of a statement.
pub(crate) struct Outcome {
    pub(crate) rows: Vec<Document>,
    pub(crate) read_ios: u64,
    pub(crate) write_ios: u64,
}

/// Runs one statement to its end.
pub(crate) fn run(
    tables: &mut MemoryTables,
    statement: &str,
    parameters: &[Document],
    options: &Options,
) -> Result<Outcome, PartiqlError> {
    let shown = |error: PartiqlError| if options.extensions { error.with_hint_shown() } else { error };
    let plan = plan(&parse(statement).map_err(shown)?, parameters, tables, options)?;
    let mut rows = execute(plan, Arc::from(parameters), tables)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next(tables)? {
        all.push(row);
    }
    Ok(Outcome { rows: all, read_ios: rows.read_ios(), write_ios: rows.write_ios() })
}

impl goldenscript::Runner for Runner {
    type Command = goldenscript::Command;

    fn run(
        &mut self,
        command: &goldenscript::Command,
        _context: &goldenscript::Context,
    ) -> Result<String, Box<dyn Error>> {
        let mut line = command.name.as_str();
        let mut options = Options::default();
        let mut shows_io = false;
        loop {
            if let Some(rest) = line.strip_prefix("\\strict ") {
                options.extensions = false;
                line = rest;
            } else if let Some(rest) = line.strip_prefix("\\io ") {
                shows_io = true;
                line = rest;
            } else {
                break;
            }
        }
        let parameters: Vec<Document> = match line.split_once("--?") {
            None => Vec::new(),
            Some((_, parameters)) => text::read_all(parameters)?.iter().map(Document::from).collect(),
        };
        let mut lines: Vec<String> = Vec::new();
        match run(&mut self.tables, line, &parameters, &options) {
            Err(error) => lines.push(match error.code() {
                Some(code) => format!("{error} ({code})"),
                None => error.to_string(),
            }),
            Ok(outcome) => {
                lines.extend(outcome.rows.iter().map(ToString::to_string));
                if shows_io {
                    lines.push(format!("reads {} writes {}", outcome.read_ios, outcome.write_ios));
                }
            }
        }
        // A statement without rows says so, so that none goes unnoticed.
        if lines.is_empty() {
            lines.push("no rows".to_owned());
        }
        Ok(lines.join("\n"))
    }
}

#[test]
fn scripts() {
    for folder in ["statements", "values", "functions", "extensions"] {
        let folder = format!("tests/scripts/{folder}");
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("entry").path()).collect();
        paths.sort();
        for path in paths {
            goldenscript::run(&mut Runner::default(), &path).expect("script");
        }
    }
}
