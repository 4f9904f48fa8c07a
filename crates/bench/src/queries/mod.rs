//! Queries over tables of many documents, beside SQLite with the same rows in this run: each engine without indexes
//! and with the same ones, each with its data on disk.
//!
//! A query is asked of all of them in turn, as often as there are rounds, so that what the machine does meanwhile
//! befalls all alike. Its text is the same each time, so both engines have its plan. A time contains the transaction
//! around the query and all rows. The answers are compared before anything is measured.

mod engine;
mod list;
mod ours;
#[cfg(not(feature = "sqlite"))]
#[path = "no_sqlite.rs"]
mod sqlite;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Arguments;
use crate::measure::Failure;
use crate::report::{median, number};
use engine::{Cell, Engine};
use list::{QUERIES, Query};
use ours::Ours;
use sqlite::Sqlite;

/// So long a short query is repeated in each round.
const REPEATED: Duration = Duration::from_millis(20);
/// A query that takes longer is measured once.
const LONG: Duration = Duration::from_secs(1);
/// The engines, in the order of the columns.
const ENGINES: [&str; 4] = ["ours", "SQLite", "ours, index", "SQLite, index"];
const WITHOUT_SQLITE: &str =
    "built without SQLite: cargo run --release -p everstrand-bench --features sqlite";

/// What was measured of one query.
struct Row {
    what: &'static str,
    text: &'static str,
    rows: usize,
    /// How many documents we have read, without and with indexes.
    reads: [Option<u64>; 2],
    /// Milliseconds of each round, for each engine; empty if it took too long.
    times: [Vec<f64>; 4],
    /// Which engines answered otherwise than the first that answered.
    differ: Vec<&'static str>,
}

/// Measures all queries; answers the table, in Markdown, and the same for programs.
pub(crate) fn queries(arguments: &Arguments) -> Result<(String, Value), Failure> {
    let folder = arguments.scratch()?;
    let patience = Duration::from_secs(arguments.patience);
    let mut engines: Vec<(usize, Box<dyn Engine>)> = Vec::new();
    for (indexed, name) in [(false, "plain"), (true, "indexed")] {
        eprintln!("filling the tables, indexed: {indexed}");
        let (ours, ids) = Ours::fill(&folder.path().join(name), arguments.documents, indexed, patience)?;
        engines.push((if indexed { 2 } else { 0 }, Box::new(ours)));
        let file = folder.path().join(format!("{name}.sqlite"));
        if let Some(sqlite) = Sqlite::fill(&file, arguments.documents, indexed, &ids)? {
            engines.push((if indexed { 3 } else { 1 }, Box::new(sqlite)));
        }
    }
    let wanted = |query: &&Query| arguments.only.as_ref().is_none_or(|part| query.what.contains(part));
    let clock = if arguments.processor { Clock::Processor } else { Clock::Wall(Instant::now()) };
    let mut rows = Vec::new();
    for query in QUERIES.iter().filter(wanted) {
        eprintln!("{}", query.what);
        rows.push(measure(query, &mut engines, arguments.rounds, clock)?);
    }
    let without_sqlite = engines.len() < 4;
    let json = json!({
        "documents": arguments.documents, "patience_seconds": arguments.patience,
        "processor_time": arguments.processor,
        "sqlite": sqlite::version(), "rows": rows.iter().map(Row::json).collect::<Vec<_>>(),
    });
    let mut text = table(&rows, arguments);
    if without_sqlite {
        let _ = writeln!(text, "\n{WITHOUT_SQLITE}");
    }
    if let Some(row) = rows.iter().find(|row| !row.differ.is_empty()) {
        return Err(format!("{}: {:?} answer otherwise: {}\n{text}", row.what, row.differ, row.text).into());
    }
    Ok((text, json))
}

fn measure(
    query: &Query,
    engines: &mut [(usize, Box<dyn Engine>)],
    rounds: u32,
    clock: Clock,
) -> Result<Row, Failure> {
    let mut row = Row {
        what: query.what,
        text: query.text,
        rows: 0,
        reads: [None, None],
        times: Default::default(),
        differ: Vec::new(),
    };
    let mut first: Option<Vec<Vec<Cell>>> = None;
    let mut took = [None; 4];
    for (column, engine) in &mut *engines {
        let started = Instant::now();
        let Some(mut answer) = engine.ask(query)? else { continue };
        took[*column] = Some(started.elapsed());
        if *column % 2 == 0 {
            row.reads[*column / 2] = answer.reads;
        }
        if !query.ordered {
            answer.rows.sort_by(|one, other| one.partial_cmp(other).expect("no NaN"));
        }
        row.rows = answer.rows.len();
        match &first {
            None => first = Some(answer.rows),
            Some(first) if *first == answer.rows => {}
            Some(_) => row.differ.push(ENGINES[*column]),
        }
    }
    for round in 0..rounds {
        for (column, engine) in &mut *engines {
            let Some(first) = took[*column] else { continue };
            if round > 0 && first > LONG {
                continue;
            }
            row.times[*column].extend(repeated(query, &mut **engine, clock)?);
        }
    }
    Ok(row)
}

/// Milliseconds of one run; a short query is run several times. `None` if it took too long.
fn repeated(query: &Query, engine: &mut dyn Engine, clock: Clock) -> Result<Option<f64>, Failure> {
    let (mut times, began) = (Vec::new(), clock.now());
    let mut before = began;
    while times.is_empty() || before - began < REPEATED {
        if !engine.run(query)? {
            return Ok(None);
        }
        let now = clock.now();
        times.push((now - before).as_secs_f64() * 1000.0);
        before = now;
    }
    Ok(Some(match clock {
        Clock::Wall(_) => median(&times),
        // This clock ticks in milliseconds.
        Clock::Processor => (before - began).as_secs_f64() * 1000.0 / times.len() as f64,
    }))
}

/// What times are told by.
#[derive(Clone, Copy)]
enum Clock {
    /// Time since then.
    Wall(Instant),
    /// The processor time of this thread, which runs every query: for a machine that is busy with other work.
    Processor,
}

impl Clock {
    fn now(self) -> Duration {
        match self {
            Clock::Wall(started) => started.elapsed(),
            Clock::Processor => {
                let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
                let nanoseconds = text.split_whitespace().next().and_then(|first| first.parse().ok());
                Duration::from_nanos(nanoseconds.unwrap_or(0))
            }
        }
    }
}

impl Row {
    fn median(&self, column: usize) -> Option<f64> {
        let times = &self.times[column];
        if times.is_empty() { None } else { Some(median(times)) }
    }

    /// Ours by SQLite's, without or with indexes.
    fn ratio(&self, column: usize) -> Option<f64> {
        Some(self.median(column)? / self.median(column + 1)?)
    }

    fn json(&self) -> Value {
        let medians: Vec<Option<f64>> = (0..4).map(|column| self.median(column)).collect();
        json!({
            "what": self.what, "text": self.text, "rows": self.rows, "engines": ENGINES,
            "milliseconds": self.times, "medians": medians, "ratios": [self.ratio(0), self.ratio(2)],
            "documents_read": self.reads, "differ": self.differ,
        })
    }
}

fn table(rows: &[Row], arguments: &Arguments) -> String {
    let mut text = format!(
        "{} documents, medians of {} rounds in milliseconds{}; reads: documents that we read without and with indexes\n\n\
         | query | rows | ours | SQLite | ratio | ours, index | SQLite, index | ratio | reads | reads, index |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
        arguments.documents,
        arguments.rounds,
        if arguments.processor { " of the processor" } else { "" }
    );
    let time = |row: &Row, column: usize| match row.median(column) {
        Some(time) => number(time),
        None if column.is_multiple_of(2) => format!("> {} s", arguments.patience),
        None => String::new(),
    };
    let some = |value: Option<String>| value.unwrap_or_default();
    for row in rows {
        let ratio = |column| some(row.ratio(column).map(|ratio| format!("{ratio:.1}")));
        let reads = |place: usize| some(row.reads[place].map(|reads| reads.to_string()));
        let _ = writeln!(
            text,
            "| {}{} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.what,
            if row.differ.is_empty() { "" } else { " (DIFFERS)" },
            row.rows,
            time(row, 0),
            time(row, 1),
            ratio(0),
            time(row, 2),
            time(row, 3),
            ratio(2),
            reads(0),
            reads(1),
        );
    }
    text
}
