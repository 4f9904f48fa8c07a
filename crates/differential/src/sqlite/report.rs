//! What a run has tried.

use std::collections::BTreeMap;
use std::fmt;

use super::compare::Answer;
use super::generate::{CHANGES, QUERIES};
use super::tree::Tree;

/// Counts of statements, of their answers and of what was in them.
pub(super) struct Report {
    what: &'static str,
    pub(super) statements: u64,
    empty: u64,
    refused: u64,
    constructs: BTreeMap<&'static str, u64>,
}

/// Each construct is to be in one of so many statements.
const SELDOM: u64 = 100;
/// At most so many of a hundred statements may find or change nothing.
const EMPTY_PERCENT: u64 = 30;
/// At most so many of a hundred statements may be refused by both.
const REFUSED_PERCENT: u64 = 5;
/// Fewer statements say nothing about how often anything comes.
const ENOUGH: u64 = 2_000;

impl Report {
    pub(super) fn new(what: &'static str) -> Report {
        let constructs = if what == "changes" { CHANGES } else { QUERIES };
        let constructs = constructs.iter().map(|name| (*name, 0)).collect();
        Report { what, statements: 0, empty: 0, refused: 0, constructs }
    }

    pub(super) fn note(&mut self, tree: &Tree, answer: &Answer) {
        self.statements += 1;
        match answer {
            Answer::Rows(0) | Answer::Changed(false) => self.empty += 1,
            Answer::Rows(_) | Answer::Changed(true) => {}
            Answer::Refused => self.refused += 1,
        }
        for name in tree.print().constructs {
            *self.constructs.entry(name).or_default() += 1;
        }
    }

    /// Whether the statements were varied enough for their answers to mean something.
    pub(super) fn is_well_mixed(&self) -> bool {
        self.statements < ENOUGH
            || (self.empty * 100 <= self.statements * EMPTY_PERCENT
                && self.refused * 100 <= self.statements * REFUSED_PERCENT
                && self.constructs.values().all(|count| count * SELDOM >= self.statements))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let permille = |count: u64| count * 1000 / self.statements.max(1);
        let percent = |count: u64| format!("{}.{} %", permille(count) / 10, permille(count) % 10);
        let without = if self.what == "changes" { "that changed nothing" } else { "without rows" };
        writeln!(
            f,
            "{} {}: {} {without}, {} refused by both",
            self.statements,
            self.what,
            percent(self.empty),
            percent(self.refused)
        )?;
        let mut constructs: Vec<_> = self.constructs.iter().collect();
        constructs.sort_by_key(|(_, count)| **count);
        for (name, count) in constructs {
            let mark = if count * SELDOM < self.statements { "  too seldom" } else { "" };
            writeln!(f, "{:>9}  {name}{mark}", percent(*count))?;
        }
        Ok(())
    }
}
