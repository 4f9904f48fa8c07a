//! `everstrand load` beside a program that inserts the same documents by 40 over the same driver, into the same indexes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use everstrand_driver::{Document, Error, HttpTransport, PoolSettings, QldbDriver};
use everstrand_ion::{Decimal, Struct, Value};

use crate::Arguments;
use crate::client::Server;
use crate::measure::Failure;
use crate::report::{Report, median};

/// Documents in a transaction, the most that a ledger allows unless told otherwise.
const BATCH: u64 = 40;
/// Transactions at the same time, as many as `everstrand load` has.
const IN_FLIGHT: usize = 16;

/// Lines of JSON into a table with an index: inserted by this program, loaded, and loaded with `--key`.
pub(crate) fn load(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => crate::hostile::beside_this()?,
    };
    let folder = arguments.scratch()?;
    let (all, tenth) = (folder.path().join("all.json"), folder.path().join("tenth.json"));
    write(&all, arguments.lines)?;
    write(&tenth, arguments.lines / 10)?;
    report.setting(&format!("{} lines of JSON", arguments.lines));
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    let mut memory = [Vec::new(), Vec::new()];
    for _ in 0..arguments.rounds {
        // Each has a server of its own, so that none meets the work that another left behind.
        let server = Server::start(arguments, 1)?;
        let begun = Instant::now();
        insert(&server.url, arguments.lines)?;
        rates[0].push(arguments.lines as f64 / begun.elapsed().as_secs_f64());
        drop(server);
        for (place, key) in [(1, false), (2, true)] {
            let server = Server::start(arguments, 1)?;
            let small = run(&program, &server.url, &tenth, key, "Small")?;
            let loaded = run(&program, &server.url, &all, key, "Line")?;
            rates[place].push(arguments.lines as f64 / loaded.took.as_secs_f64());
            if key {
                memory[0].push(small.memory_kib);
                memory[1].push(loaded.memory_kib);
            }
        }
    }
    let [inserted, loaded, keyed] = &rates;
    for (what, values) in [("inserts by 40", inserted), ("load", loaded), ("load --key", keyed)] {
        values.iter().for_each(|value| report.number(what, "lines/s", *value));
    }
    for (what, values) in [("load ÷ inserts", loaded), ("load --key ÷ inserts", keyed)] {
        values.iter().zip(inserted).for_each(|(own, other)| report.number(what, "", own / other));
    }
    report.number("memory of load --key, a tenth of the lines", "MiB", median(&memory[0]) / 1024.0);
    report.number("memory of load --key, all lines", "MiB", median(&memory[1]) / 1024.0);
    Ok(())
}

/// A document as the file and the inserts have it.
fn line(number: u64) -> String {
    format!(
        "{{\"k\": {number}, \"name\": \"name of {number}\", \"price\": 1.{:02}, \"tags\": [\"a\", \"b\"], \"text\": \"{}\"}}",
        number % 100,
        "some text ".repeat(20)
    )
}

fn write(file: &Path, lines: u64) -> Result<(), Failure> {
    let mut file = BufWriter::new(File::create(file)?);
    (0..lines).try_for_each(|number| writeln!(file, "{}", line(number)))?;
    Ok(file.flush()?)
}

/// Inserts the documents, 40 a transaction and 16 transactions at a time.
fn insert(url: &str, lines: u64) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let pool = PoolSettings { sessions_max: IN_FLIGHT, ..PoolSettings::default() };
    let transport = HttpTransport::builder().endpoint(url).build()?;
    let driver = QldbDriver::builder(crate::http::NAME).pool(pool).build_over(Arc::new(transport))?;
    runtime.block_on(async {
        driver.execute_statement("CREATE TABLE Line", ()).await?;
        driver.execute_statement("CREATE INDEX ON Line (k)", ()).await?;
        let next = Arc::new(AtomicU64::new(0));
        let tasks: Vec<_> = (0..IN_FLIGHT)
            .map(|_| tokio::spawn(insert_some(driver.clone(), Arc::clone(&next), lines)))
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok::<(), Failure>(())
    })
}

async fn insert_some(
    driver: QldbDriver<HttpTransport>,
    next: Arc<AtomicU64>,
    lines: u64,
) -> Result<(), Error> {
    loop {
        let first = next.fetch_add(BATCH, Ordering::Relaxed);
        if first >= lines {
            return Ok(());
        }
        let documents: Vec<Document> = (first..lines.min(first + BATCH)).map(document).collect();
        let marks = vec!["?"; documents.len()].join(",");
        let (documents, statement) = (&documents, &format!("INSERT INTO Line <<{marks}>>"));
        driver
            .execute(|transaction| async move {
                transaction.execute(statement, documents.clone()).await.map(drop)
            })
            .await?;
    }
}

/// The document of a line, made as a program would make it.
fn document(number: u64) -> Document {
    let price = format!("1.{:02}", number % 100).parse::<Decimal>().map_or(Value::from(0), Value::from);
    let tags = Value::from(vec![Value::from("a"), Value::from("b")]);
    Document::from(&Value::from(Struct::from_iter([
        ("k", Value::from(number.cast_signed())),
        ("name", Value::from(format!("name of {number}"))),
        ("price", price),
        ("tags", tags),
        ("text", Value::from("some text ".repeat(20))),
    ])))
}

/// How one load went.
struct Loaded {
    took: Duration,
    /// The most memory that the program held.
    memory_kib: f64,
}

fn run(program: &PathBuf, url: &str, file: &Path, key: bool, table: &str) -> Result<Loaded, Failure> {
    let mut command = Command::new(program);
    command.args(["load", crate::http::NAME, table]).arg(file).args(["--endpoint", url, "--create"]);
    if key {
        command.args(["--key", "k"]);
    } else {
        // Without a key `load` makes no index, and the inserts have one.
        prepare(url, table)?;
    }
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let (mut memory_kib, status) = (0.0_f64, format!("/proc/{}/status", child.id()));
    let ended = loop {
        if let Ok(status) = std::fs::read_to_string(&status) {
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let peak = peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok());
            memory_kib = memory_kib.max(peak.unwrap_or(0.0));
        }
        match child.try_wait()? {
            Some(ended) => break ended,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    if !ended.success() {
        return Err(format!("everstrand load ended with {ended}").into());
    }
    Ok(Loaded { took: begun.elapsed(), memory_kib })
}

fn prepare(url: &str, table: &str) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let transport = HttpTransport::builder().endpoint(url).build()?;
    let driver = QldbDriver::builder(crate::http::NAME).build_over(Arc::new(transport))?;
    runtime.block_on(async {
        driver.execute_statement(&format!("CREATE TABLE {table}"), ()).await?;
        driver.execute_statement(&format!("CREATE INDEX ON {table} (k)"), ()).await?;
        Ok(())
    })
}
