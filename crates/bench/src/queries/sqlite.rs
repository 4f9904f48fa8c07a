//! SQLite in this process, its database on disk.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::engine::{Answer, Cell, Engine};
use super::list::{Fields, INDEXED, Query, TABLES};
use super::ours::rounded;
use crate::measure::Failure;

const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -262144;";

/// A database with the tables.
pub(super) struct Sqlite(Connection);

impl Sqlite {
    /// Fills a new database; there always is one where this is compiled.
    pub(super) fn fill(
        file: &Path,
        documents: u64,
        indexed: bool,
        lines: &[String],
    ) -> Result<Option<Sqlite>, Failure> {
        let mut connection = Connection::open(file)?;
        connection.execute_batch(SETTINGS)?;
        let ids: std::collections::HashMap<usize, &String> = {
            let step = (usize::try_from(documents)? / lines.len().max(1)).max(1);
            lines.iter().enumerate().map(|(place, id)| (place * step, id)).collect()
        };
        let filling = connection.transaction()?;
        for (table, part) in TABLES {
            let create = format!(
                "CREATE TABLE {table} (d_id TEXT PRIMARY KEY, id INT, k INT, g INT, v INT, p INT, s TEXT)"
            );
            filling.execute_batch(&create)?;
            let mut insert = filling.prepare(&format!("INSERT INTO {table} VALUES (?,?,?,?,?,?,?)"))?;
            for id in 0..documents / part {
                let fields = Fields::of(table, id, documents);
                // Only ids that `lines` names matter; the others have the length of ours.
                let own = format!("{id:022}");
                let d_id = usize::try_from(id).ok().and_then(|id| ids.get(&id).copied()).unwrap_or(&own);
                insert.execute(params![d_id, fields.id, fields.k, fields.g, fields.v, fields.p, fields.s])?;
            }
            if indexed {
                for field in INDEXED {
                    filling.execute_batch(&format!("CREATE INDEX {table}_{field} ON {table} ({field})"))?;
                }
            }
        }
        filling.execute_batch("CREATE TABLE lines (d TEXT)")?;
        for id in lines {
            filling.execute("INSERT INTO lines VALUES (?)", [id])?;
        }
        filling.commit()?;
        connection.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?;
        connection.set_prepared_statement_cache_capacity(200);
        Ok(Some(Sqlite(connection)))
    }

    fn rows(
        &mut self,
        query: &Query,
        mut each: impl FnMut(&rusqlite::Row<'_>, usize) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let transaction = self.0.transaction()?;
        {
            let mut statement = transaction.prepare_cached(query.sqlite.unwrap_or(query.text))?;
            let columns = statement.column_count();
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                each(row, columns)?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

impl Engine for Sqlite {
    fn ask(&mut self, query: &Query) -> Result<Option<Answer>, Failure> {
        let mut answer = Answer { rows: Vec::new(), reads: None };
        self.rows(query, |row, columns| {
            let mut cells = Vec::with_capacity(columns);
            for column in 0..columns {
                cells.push(match row.get_ref(column)? {
                    ValueRef::Null | ValueRef::Blob(_) => Cell::Null,
                    ValueRef::Integer(number) => rounded(number as f64),
                    ValueRef::Real(number) => rounded(number),
                    ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
                });
            }
            answer.rows.push(cells);
            Ok(())
        })?;
        Ok(Some(answer))
    }

    fn run(&mut self, query: &Query) -> Result<bool, Failure> {
        self.rows(query, |row, columns| {
            for column in 0..columns {
                std::hint::black_box(row.get_ref(column)?);
            }
            Ok(())
        })?;
        Ok(true)
    }
}

/// The version of the library.
pub(super) fn version() -> Option<&'static str> {
    Some(rusqlite::version())
}
