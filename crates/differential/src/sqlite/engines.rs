//! The two engines behind one interface: statements in, rows in the common form out.

use std::sync::Arc;

use everstrand_ion::{Document, Value};
use everstrand_ledger::storage::{MemorySlots, MemoryView};
use everstrand_ledger::{Environment, Ledger, LedgerOptions, RandomIds, SystemClock};
use rusqlite::{Connection, params_from_iter};

use crate::sqlite::value::{Cell, Kind, Scalar, of_ion};
use crate::sqlite::world::{TABLES, Table, UNIQUE, World};

/// Rows in the common form, with the columns that they were asked for.
pub(crate) type Rows = Vec<Vec<String>>;

/// A ledger in memory.
pub(crate) struct Everstrand(Ledger);

impl Everstrand {
    pub(crate) fn new() -> Everstrand {
        let clock = Arc::new(SystemClock::new());
        let environment = Environment { clock: clock.clone(), ids: Arc::new(RandomIds::new(clock)) };
        let mut options = LedgerOptions::default();
        options.limits.documents_per_transaction = 10_000;
        options.limits.indexes_per_table = 20;
        let (slots, views) = (Arc::new(MemorySlots::new()), Arc::new(MemoryView::new()));
        Everstrand(Ledger::open(slots, views, environment, options).expect("a ledger in memory"))
    }

    /// A ledger with the tables of a world, with its indexes or without.
    pub(crate) fn of(world: &World, with_indexes: bool) -> Everstrand {
        let ledger = Everstrand::new();
        for table in &TABLES {
            ledger.change(&format!("CREATE TABLE {}", table.name), &[]).expect("a table");
        }
        for index in world.indexes.iter().filter(|_| with_indexes) {
            ledger.change(&format!("CREATE INDEX ON {index}"), &[]).expect("an index");
        }
        if world.is_unique {
            ledger.change(&format!("CREATE UNIQUE INDEX ON {UNIQUE}"), &[]).expect("an index");
        }
        for (table, rows) in TABLES.iter().zip(&world.rows) {
            let documents: Vec<Value> = rows.iter().map(|row| World::document(table, row)).collect();
            let statement = format!("INSERT INTO {} ?", table.name);
            if !documents.is_empty() {
                ledger.execute(&statement, &[Document::from(&Value::from(documents))]).expect("documents");
            }
        }
        ledger
    }

    fn execute(&self, statement: &str, parameters: &[Document]) -> Result<(), String> {
        let mut transaction = self.0.start_transaction().map_err(|error| error.to_string())?;
        transaction.execute(statement, parameters).map_err(|error| error.to_string())?;
        transaction.commit_unchecked().wait().map_err(|error| error.to_string())?;
        Ok(())
    }

    /// A statement that changes something, committed.
    pub(crate) fn change(&self, statement: &str, parameters: &[Scalar]) -> Result<(), String> {
        self.execute(statement, &documents(parameters))
    }

    /// The values that a statement answers.
    pub(crate) fn values(&self, statement: &str, parameters: &[Scalar]) -> Result<Vec<Value>, String> {
        let mut transaction = self.0.start_transaction().map_err(|error| error.to_string())?;
        let mut page =
            transaction.execute(statement, &documents(parameters)).map_err(|error| error.to_string())?;
        let mut values: Vec<Value> = page.values.iter().map(Document::to_value).collect();
        while let Some(token) = page.next_page_token.take() {
            page = transaction.fetch_page(&token).map_err(|error| error.to_string())?;
            values.extend(page.values.iter().map(Document::to_value));
        }
        Ok(values)
    }

    /// The rows of a query: of each the fields of these names.
    pub(crate) fn query(
        &self,
        statement: &str,
        parameters: &[Scalar],
        columns: &[String],
    ) -> Result<Rows, String> {
        let values = self.values(statement, parameters)?;
        Ok(values.iter().map(|row| columns.iter().map(|column| of_ion(row.get(column))).collect()).collect())
    }
}

fn documents(parameters: &[Scalar]) -> Vec<Document> {
    parameters.iter().map(|parameter| Document::from(&parameter.to_ion())).collect()
}

/// A database of SQLite in memory.
pub(crate) struct Sqlite(Connection);

impl Sqlite {
    pub(crate) fn of(world: &World) -> Sqlite {
        let connection = Connection::open_in_memory().expect("a database in memory");
        // As in SQL and PartiQL, the case of letters matters to LIKE.
        connection.execute_batch("PRAGMA case_sensitive_like = ON").expect("a setting");
        for (table, rows) in TABLES.iter().zip(&world.rows) {
            let columns = table.columns.iter().map(|column| {
                let kind = match column.kind {
                    Kind::Int => "INTEGER",
                    Kind::Decimal => "REAL",
                    Kind::Text => "TEXT",
                    Kind::Bool => "BOOLEAN",
                };
                format!("{} {kind}", column.name)
            });
            let columns = columns.collect::<Vec<_>>().join(", ");
            connection.execute_batch(&format!("CREATE TABLE {} ({columns})", table.name)).expect("a table");
            for row in rows {
                let marks = vec!["?"; row.len()].join(", ");
                let values = row.iter().map(|value| value.clone().unwrap_or(Scalar::Null));
                connection
                    .execute(
                        &format!("INSERT INTO {} VALUES ({marks})", table.name),
                        params_from_iter(values),
                    )
                    .expect("a row");
            }
        }
        if world.is_unique {
            connection.execute_batch(&format!("CREATE UNIQUE INDEX numbers ON {UNIQUE}")).expect("an index");
        }
        Sqlite(connection)
    }

    /// The rows of a table.
    pub(crate) fn dump(&self, table: &Table) -> Vec<Vec<Option<Scalar>>> {
        let (_, rows) = self.cells(&format!("SELECT * FROM {}", table.name), &[]).expect("a table");
        let scalars = |row: Vec<Cell>| {
            row.into_iter().zip(table.columns).map(|(cell, column)| Some(cell.scalar(column.kind))).collect()
        };
        rows.into_iter().map(scalars).collect()
    }

    pub(crate) fn change(&self, statement: &str, parameters: &[Scalar]) -> Result<(), String> {
        self.0.execute(statement, params_from_iter(parameters)).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// The names of a query's columns, and its rows in the common form.
    pub(crate) fn query(
        &self,
        statement: &str,
        parameters: &[Scalar],
    ) -> Result<(Vec<String>, Rows), String> {
        let (columns, rows) = self.cells(statement, parameters)?;
        Ok((columns, rows.iter().map(|row| row.iter().map(Cell::shown).collect()).collect()))
    }

    /// The names of a query's columns, and its rows.
    pub(crate) fn cells(
        &self,
        statement: &str,
        parameters: &[Scalar],
    ) -> Result<(Vec<String>, Vec<Vec<Cell>>), String> {
        let text = |error: rusqlite::Error| error.to_string();
        let mut prepared = self.0.prepare(statement).map_err(text)?;
        let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
        let mut found = prepared.query(params_from_iter(parameters)).map_err(text)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(text)? {
            let cells = (0..columns.len()).map(|place| Ok(Cell::from(row.get_ref(place)?)));
            rows.push(cells.collect::<Result<_, _>>().map_err(text)?);
        }
        Ok((columns, rows))
    }
}
