//! The tables that statements are about, filled at random.

use everstrand_ion::{Struct, Value};
use everstrand_testkit::Random;

use crate::sqlite::value::{Kind, Scalar};

/// A column of a table.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Whether it may be NULL or absent.
    pub(crate) nullable: bool,
}

/// A table: its name and its columns, of which the first numbers the rows.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [Column],
}

const fn column(name: &'static str, kind: Kind, nullable: bool) -> Column {
    Column { name, kind, nullable }
}

/// No two tables have a column of the same name, so that a name without its table can mean one column only.
pub(crate) const TABLES: [Table; 3] = [
    Table {
        name: "t",
        columns: &[
            column("id", Kind::Int, false),
            column("a", Kind::Int, true),
            column("b", Kind::Int, false),
            column("s", Kind::Text, true),
            column("d", Kind::Decimal, true),
            column("f", Kind::Bool, true),
        ],
    },
    Table {
        name: "u",
        columns: &[
            column("uid", Kind::Int, false),
            column("ta", Kind::Int, true),
            column("c", Kind::Int, false),
            column("r", Kind::Text, true),
            column("e", Kind::Decimal, true),
        ],
    },
    Table {
        name: "v",
        columns: &[
            column("vid", Kind::Int, false),
            column("uc", Kind::Int, false),
            column("w", Kind::Text, false),
            column("g", Kind::Bool, true),
        ],
    },
];

/// What can be indexed of each table: one field, several, or unique ones.
const INDEXES: [&str; 10] =
    ["t (id)", "t (a)", "t (s)", "t (d)", "t (a, s)", "u (uid)", "u (ta)", "u (c, r)", "v (uc)", "v (w)"];

/// What is unique where a world has it.
pub(crate) const UNIQUE: &str = "u (uid)";

/// The rows of all tables. A value that is absent is left out of its document, and NULL in SQLite.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) rows: Vec<Vec<Vec<Option<Scalar>>>>,
    /// The indexes that one of Everstrand's two ledgers has: a table and its fields.
    pub(crate) indexes: Vec<&'static str>,
    /// Whether the numbers of `u` are unique by an index.
    pub(crate) is_unique: bool,
}

impl World {
    /// Tables of a few rows with few different values, so that rows meet.
    pub(crate) fn random(random: &mut Random, fields_may_be_absent: bool) -> World {
        let rows = TABLES.iter().map(|table| {
            let count = if random.permille(20) { 0 } else { random.between(3, 12) };
            (0..count)
                .map(|number| {
                    table
                        .columns
                        .iter()
                        .enumerate()
                        .map(|(place, column)| match place {
                            0 => Some(Scalar::Int(number + 1)),
                            // The first row has all fields, because a name that no document has is refused in joins.
                            _ => Self::field(random, column, fields_may_be_absent && number > 0),
                        })
                        .collect()
                })
                .collect()
        });
        let rows = rows.collect();
        let indexes = INDEXES.iter().filter(|_| random.permille(600)).copied().collect();
        World { rows, indexes, is_unique: false }
    }

    fn field(random: &mut Random, column: &Column, may_be_absent: bool) -> Option<Scalar> {
        if column.nullable && random.permille(180) {
            return (!may_be_absent || random.permille(500)).then_some(Scalar::Null);
        }
        Some(value(random, column.kind))
    }

    /// A row as a document.
    pub(crate) fn document(table: &Table, row: &[Option<Scalar>]) -> Value {
        let mut document = Struct::default();
        for (column, value) in table.columns.iter().zip(row) {
            if let Some(value) = value {
                document.push(column.name, value.to_ion());
            }
        }
        Value::from(document)
    }

    /// Statements that make this world in an empty ledger.
    pub(crate) fn script(&self) -> Vec<String> {
        let mut script: Vec<String> =
            TABLES.iter().map(|table| format!("CREATE TABLE {}", table.name)).collect();
        script.extend(self.indexes.iter().map(|index| format!("CREATE INDEX ON {index}")));
        script.extend(self.is_unique.then(|| format!("CREATE UNIQUE INDEX ON {UNIQUE}")));
        for (table, rows) in TABLES.iter().zip(&self.rows) {
            for row in rows {
                let fields: Vec<String> = table
                    .columns
                    .iter()
                    .zip(row)
                    .filter_map(|(column, value)| Some(format!("'{}': {}", column.name, value.as_ref()?)))
                    .collect();
                script.push(format!("INSERT INTO {} {{{}}}", table.name, fields.join(", ")));
            }
        }
        script
    }

    /// The world with as few rows and indexes as still fail.
    pub(crate) fn shrink(mut self, still_fails: &mut dyn FnMut(&World) -> bool) -> World {
        for table in 0..self.rows.len() {
            for row in (0..self.rows[table].len()).rev() {
                let mut candidate = self.clone();
                candidate.rows[table].remove(row);
                if still_fails(&candidate) {
                    self = candidate;
                }
            }
        }
        for index in (0..self.indexes.len()).rev() {
            let mut candidate = self.clone();
            candidate.indexes.remove(index);
            if still_fails(&candidate) {
                self = candidate;
            }
        }
        self
    }
}

/// Only letters of ASCII have a case in SQLite.
const TEXTS: [&str; 12] = ["", "a", "b", "ab", "abc", "B", "Ab", "a b", "ba%", "b_a", "c'd", "日"];

/// A value as columns and literals have it. Numbers are small, so that no sum leaves 53 bits.
pub(crate) fn value(random: &mut Random, kind: Kind) -> Scalar {
    match kind {
        Kind::Int => Scalar::Int(random.between(-2, 7)),
        Kind::Decimal => {
            Scalar::Decimal(f64::from(i32::try_from(random.between(-6, 14)).expect("small")) / 4.0)
        }
        Kind::Text => Scalar::Text((*random.pick(&TEXTS)).to_owned()),
        Kind::Bool => Scalar::Bool(random.permille(500)),
    }
}
