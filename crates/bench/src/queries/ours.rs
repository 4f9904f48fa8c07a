//! Our side: an embedded ledger in a folder.

use std::path::Path;
use std::time::Duration;

use everstrand_ion::{Document, Struct, Value};
use everstrand_ledger::{Ledger, LedgerError, Limits, Transaction};

use super::engine::{Answer, Cell, Engine};
use super::list::{Fields, INDEXED, LINES, Query, TABLES};
use crate::data::parameter;
use crate::ledgers::{Opened, define, raised_limits, settle};
use crate::measure::Failure;

/// A ledger with the tables.
pub(super) struct Ours(Opened);

impl Ours {
    /// Fills a new ledger. Answers the ids of the documents of `large` that `lines` names, too.
    pub(super) fn fill(
        folder: &Path,
        documents: u64,
        indexed: bool,
        patience: Duration,
    ) -> Result<(Ours, Vec<String>), Failure> {
        std::fs::create_dir_all(folder)?;
        let millis = u64::try_from(patience.as_millis())?;
        let limits = Limits { transaction_millis: millis, ..raised_limits() };
        let opened = Opened::open(folder, limits)?;
        let mut ids = Vec::new();
        for (table, part) in TABLES {
            define(&opened.ledger, &[&format!("CREATE TABLE {table}")])?;
            if indexed {
                for field in INDEXED {
                    define(&opened.ledger, &[&format!("CREATE INDEX ON {table} ({field})")])?;
                }
            }
            let count = documents / part;
            let mut first = 0;
            while first < count {
                let next = count.min(first + 1000);
                let values = (first..next).map(|id| document(&Fields::of(table, id, documents))).collect();
                let inserted = insert(&opened.ledger, table, values)?;
                if table == "large" {
                    ids.extend(inserted);
                }
                first = next;
            }
        }
        define(&opened.ledger, &["CREATE TABLE lines"])?;
        let step = ids.len() / usize::try_from(LINES)?;
        ids = ids.into_iter().step_by(step.max(1)).collect();
        let lines = ids.iter().map(|id| Value::from(Struct::from_iter([("d", Value::from(id.as_str()))])));
        insert(&opened.ledger, "lines", lines.collect())?;
        settle(&opened.ledger);
        Ok((Ours(opened), ids))
    }

    /// Runs a query in a transaction of its own.
    fn pages(
        &self,
        query: &Query,
        mut each: impl FnMut(&[Document], u64) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        let mut transaction = self.0.ledger.start_transaction()?;
        let done = match pages(&mut transaction, query, &mut each) {
            Ok(()) => transaction.commit_unchecked().wait().map(drop).map_err(Failure::from),
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => Ok(true),
            Err(error) if is_late(&*error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn pages(
    transaction: &mut Transaction,
    query: &Query,
    each: &mut impl FnMut(&[Document], u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut page = transaction.execute(query.text, &[])?;
    loop {
        each(&page.values, page.read_ios)?;
        let Some(token) = &page.next_page_token else { return Ok(()) };
        page = transaction.fetch_page(token)?;
    }
}

fn is_late(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(LedgerError::TransactionExpired { .. }))
}

impl Engine for Ours {
    fn ask(&mut self, query: &Query) -> Result<Option<Answer>, Failure> {
        let mut answer = Answer { rows: Vec::new(), reads: None };
        let mut reads = 0;
        let ended = self.pages(query, |values, read| {
            reads += read;
            answer.rows.extend(values.iter().map(cells));
            Ok(())
        })?;
        answer.reads = Some(reads);
        Ok(ended.then_some(answer))
    }

    fn run(&mut self, query: &Query) -> Result<bool, Failure> {
        self.pages(query, |_, _| Ok(()))
    }
}

fn document(fields: &Fields) -> Value {
    Value::from(Struct::from_iter([
        ("id", Value::from(fields.id)),
        ("k", Value::from(fields.k)),
        ("g", Value::from(fields.g)),
        ("v", Value::from(fields.v)),
        ("p", Value::from(fields.p)),
        ("s", Value::from(fields.s.as_str())),
    ]))
}

/// Inserts documents and answers their ids.
fn insert(ledger: &Ledger, table: &str, documents: Vec<Value>) -> Result<Vec<String>, Failure> {
    let mut transaction = ledger.start_transaction()?;
    let list = parameter(documents);
    let mut page = transaction.execute(&format!("INSERT INTO {table} ?"), &[list])?;
    let mut ids = Vec::new();
    loop {
        let id =
            |row: &Document| row.root().fields().find_map(|(_, value)| value.as_text().map(str::to_owned));
        ids.extend(page.values.iter().filter_map(id));
        let Some(token) = &page.next_page_token else { break };
        page = transaction.fetch_page(token)?;
    }
    transaction.commit_unchecked().wait()?;
    Ok(ids)
}

fn cells(row: &Document) -> Vec<Cell> {
    let value = Value::from(row.root());
    let cell = |value: &Value| match value.as_text() {
        Some(text) => Cell::Text(text.to_owned()),
        // Integers and decimals; anything else is no number and then differs from what SQLite has.
        None => value.to_string().replace('d', "e").parse().map_or(Cell::Null, |number: f64| rounded(number)),
    };
    value.as_struct().map_or_else(Vec::new, |fields| fields.iter().map(|(_, value)| cell(value)).collect())
}

/// A number without the digits by which a float and a decimal of the same average differ.
pub(super) fn rounded(number: f64) -> Cell {
    Cell::Number(format!("{number:.9e}").parse().unwrap_or(number))
}
