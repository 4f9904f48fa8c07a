//! One statement, asked of SQLite and of two ledgers: one with indexes, one without.

use std::fmt;

use super::engines::{Everstrand, Rows, Sqlite};
use super::tree::Tree;
use super::world::{TABLES, World};

/// What is asked.
pub(super) struct Engines {
    plain: Everstrand,
    indexed: Everstrand,
    sqlite: Sqlite,
}

/// What all of them answered.
pub(super) enum Answer {
    /// So many rows.
    Rows(usize),
    /// Something was changed, or nothing.
    Changed(bool),
    /// All refused it.
    Refused,
}

/// A statement that was answered differently.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    kind: Kind,
    statement: String,
    sqlite_statement: String,
    parameters: String,
    ledger: &'static str,
    expected: String,
    found: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Rows,
    Order,
    OursRefuses,
    SqliteRefuses,
}

impl Failure {
    /// Whether the other is a failure of the same kind, so that it may be a simpler form of this one.
    pub(super) fn is_like(&self, other: &Failure) -> bool {
        let refusal = |failure: &Failure| match failure.kind {
            Kind::OursRefuses => failure.found.split_once(';').map(|(_, text)| text.to_owned()),
            // SQLite names what it looked for, and repeats the statement behind that.
            Kind::SqliteRefuses => failure.expected.split_once(" in ").map(|(why, _)| why.to_owned()),
            Kind::Rows | Kind::Order => None,
        };
        self.kind == other.kind && refusal(self) == refusal(other)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.statement)?;
        if self.parameters != "[]" {
            writeln!(f, "-- parameters {}", self.parameters)?;
        }
        if self.sqlite_statement != self.statement {
            writeln!(f, "-- SQLite: {}", self.sqlite_statement)?;
        }
        writeln!(f, "-- {:?}: SQLite answers\n{}", self.kind, self.expected)?;
        write!(f, "-- the ledger {} answers\n{}", self.ledger, self.found)
    }
}

impl Engines {
    pub(super) fn of(world: &World) -> Engines {
        Engines {
            plain: Everstrand::of(world, false),
            indexed: Everstrand::of(world, true),
            sqlite: Sqlite::of(world),
        }
    }

    fn ledgers(&self) -> [(&Everstrand, &'static str); 2] {
        [(&self.plain, "without indexes"), (&self.indexed, "with indexes")]
    }

    /// Whether a query has no rows.
    pub(super) fn finds_nothing(&self, tree: &Tree) -> bool {
        let printed = tree.print();
        self.sqlite.query(&printed.sqlite, &printed.parameters).is_ok_and(|(_, rows)| rows.is_empty())
    }

    /// Asks all of them a query.
    pub(super) fn compare_query(&self, tree: &Tree, is_ordered: bool) -> Result<Answer, Box<Failure>> {
        let printed = tree.print();
        let expected = self.sqlite.query(&printed.sqlite, &printed.parameters);
        let columns = expected.as_ref().map(|(columns, _)| columns.clone()).unwrap_or_default();
        let expected = expected.map(|(_, rows)| rows);
        for (ledger, name) in self.ledgers() {
            let found = ledger.query(&printed.ours, &printed.parameters, &columns);
            compare(tree, is_ordered, name, &expected, &found)?;
        }
        Ok(expected.map_or(Answer::Refused, |rows| Answer::Rows(rows.len())))
    }

    /// Has all of them change their tables, and compares the tables afterwards.
    pub(super) fn compare_change(&self, tree: &Tree) -> Result<Answer, Box<Failure>> {
        let printed = tree.print();
        let before = self.sqlite_tables();
        let expected = self.sqlite.change(&printed.sqlite, &printed.parameters);
        let expected_rows = expected.clone().map(|()| Rows::new());
        let tables = self.sqlite_tables();
        for (ledger, name) in self.ledgers() {
            let found = ledger.change(&printed.ours, &printed.parameters).map(|()| Rows::new());
            compare(tree, false, name, &expected_rows, &found)?;
            for (table, expected) in TABLES.iter().zip(&tables) {
                let columns: Vec<String> =
                    table.columns.iter().map(|column| column.name.to_owned()).collect();
                let found = ledger.query(&format!("SELECT * FROM {}", table.name), &[], &columns);
                compare(tree, false, name, &Ok(expected.clone()), &found)?;
            }
        }
        Ok(expected.map_or(Answer::Refused, |()| Answer::Changed(before != tables)))
    }

    fn sqlite_tables(&self) -> Vec<Rows> {
        let rows = |name| self.sqlite.query(&format!("SELECT * FROM {name}"), &[]).expect("a table").1;
        TABLES.iter().map(|table| rows(table.name)).collect()
    }

    /// The tables as they are now, in a world with the same indexes.
    pub(super) fn dump(&self, world: &World) -> World {
        World { rows: TABLES.iter().map(|table| self.sqlite.dump(table)).collect(), ..world.clone() }
    }
}

fn compare(
    tree: &Tree,
    is_ordered: bool,
    ledger: &'static str,
    expected: &Result<Rows, String>,
    found: &Result<Rows, String>,
) -> Result<(), Box<Failure>> {
    let kind = match (expected, found) {
        (Err(_), Err(_)) => return Ok(()),
        // SQLite folds a condition that is always false to 0, and then takes it for the position of an item.
        (Err(why), Ok(_)) if why.contains("term out of range - should be between") => return Ok(()),
        (Ok(_), Err(_)) => Kind::OursRefuses,
        (Err(_), Ok(_)) => Kind::SqliteRefuses,
        (Ok(expected), Ok(found)) if sorted(expected) != sorted(found) => Kind::Rows,
        (Ok(expected), Ok(found)) if is_ordered && expected != found => Kind::Order,
        _ => return Ok(()),
    };
    let printed = tree.print();
    let parameters: Vec<String> = printed.parameters.iter().map(ToString::to_string).collect();
    Err(Box::new(Failure {
        kind,
        statement: printed.ours,
        sqlite_statement: printed.sqlite,
        parameters: format!("[{}]", parameters.join(", ")),
        ledger,
        expected: shown(expected),
        found: shown(found),
    }))
}

fn sorted(rows: &Rows) -> Rows {
    let mut rows = rows.clone();
    rows.sort();
    rows
}

fn shown(answer: &Result<Rows, String>) -> String {
    match answer {
        Ok(rows) if rows.is_empty() => "no rows".to_owned(),
        Ok(rows) => rows.iter().map(|row| row.join(" | ")).collect::<Vec<_>>().join("\n"),
        Err(why) => why.clone(),
    }
}
