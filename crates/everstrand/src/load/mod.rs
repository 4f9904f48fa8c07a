//! `everstrand load`: inserts the documents of a file into a table, many to a transaction and many transactions at a time.
//!
//! With `--key FIELD`, each transaction looks whether the ledger has the keys already and inserts the documents whose keys it
//! lacks. Because that is one transaction, a second run after a crash, or after a commit of unknown outcome, leaves each document
//! exactly once.

mod batches;
mod documents;

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap_complete::engine::ArgValueCandidates;
use everstrand_copies::Way;
use everstrand_driver::{ErrorKind, ExecuteOptions, PoolSettings, QldbDriver, Transaction, Transport};
use tokio::sync::mpsc;

use crate::completions;
use crate::place::Place;
use crate::progress;
use crate::remote::Certificates;
use batches::{Batch, Line};

/// Insert the documents of a file into a table
///
/// The file has one JSON object a line, or is CSV with the names of the fields in its first line, or Ion. `-` is standard input.
/// Exits with 0 if all documents are in the ledger, and with 1 if some were refused.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The ledger's name
    #[arg(add = ArgValueCandidates::new(completions::ledgers))]
    ledger: String,
    /// The table's name
    table: String,
    /// The file; - is standard input
    file: PathBuf,
    /// The form of the file [default: by its name: .csv, .ion, .10n, else JSON Lines]
    #[arg(long, value_enum)]
    format: Option<documents::Format>,
    /// A field whose value tells the documents apart. Documents whose key the table has are left out, so that the command can be
    /// run again. The field needs an index
    #[arg(long, value_name = "FIELD")]
    key: Option<String>,
    /// Create the table, and the index on the key, if they are missing
    #[arg(long)]
    create: bool,
    /// How many transactions run at the same time
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    in_flight: u16,
    /// Write the lines that were refused to this file, each after its number and the reason
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// The data folder that holds the ledger, if no server has it open
    #[arg(long, value_name = "DIR", conflicts_with = "endpoint")]
    data: Option<PathBuf>,
    /// The server [default: the variable AWS_ENDPOINT_URL_QLDB_SESSION, else http://127.0.0.1:8182]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    #[command(flatten)]
    certificates: Certificates,
}

/// What became of the lines.
#[derive(Default)]
struct Counts {
    loaded: AtomicU64,
    present: AtomicU64,
    refused: AtomicU64,
}

/// Where refused lines go.
struct Rejects {
    file: Mutex<Option<std::io::BufWriter<std::fs::File>>>,
    /// How many are still shown on standard error if there is no file.
    shown: AtomicU64,
}

/// What all transactions know.
struct Load<T: Transport> {
    driver: QldbDriver<T>,
    table: String,
    key: Option<String>,
    counts: Counts,
    rejects: Rejects,
}

/// Loads, prints the numbers, and exits with 0 or 1.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let place =
        Place::open(arguments.data.as_deref(), arguments.endpoint.as_deref(), &arguments.certificates)?;
    let outcome = runtime.block_on(async {
        match &place {
            Place::Server(transport) => load(arguments, Arc::clone(transport)).await,
            Place::Folder(service) => {
                load(arguments, Arc::new(everstrand::InProcess::new(Arc::clone(service)))).await
            }
        }
    });
    place.close();
    outcome
}

async fn load<T: Transport>(arguments: &Arguments, transport: Arc<T>) -> Result<ExitCode, Box<dyn Error>> {
    let in_flight = usize::from(arguments.in_flight);
    let pool = PoolSettings { sessions_max: in_flight, ..PoolSettings::default() };
    let driver = QldbDriver::builder(&*arguments.ledger).pool(pool).retry_limit(20).build_over(transport)?;
    prepare(arguments, &driver).await?;
    let rejects = arguments.rejects.as_deref().map(create).transpose()?;
    let load = Arc::new(Load {
        driver,
        table: quoted(&arguments.table),
        key: arguments.key.clone(),
        counts: Counts::default(),
        rejects: Rejects {
            file: Mutex::new(rejects.map(std::io::BufWriter::new)),
            shown: AtomicU64::new(10),
        },
    });
    let format = arguments.format.unwrap_or_else(|| documents::Format::of(&arguments.file));
    let (sender, receiver) = mpsc::channel(in_flight);
    let (file, key) = (arguments.file.clone(), arguments.key.clone());
    let bar = Bar::of(&file);
    let of_reader = Arc::clone(&bar.read);
    // Reading waits for the disk and for room in the channel, so it has a thread of its own.
    let reader = tokio::task::spawn_blocking(move || {
        let lines = documents::open(&file, format, of_reader)?;
        batches::send(lines, key.as_deref(), &sender)
    });
    let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..in_flight {
        let (load, receiver) = (Arc::clone(&load), Arc::clone(&receiver));
        workers.spawn(async move {
            loop {
                let batch = receiver.lock().await.recv().await;
                let Some(batch) = batch else { return Ok(()) };
                load.batch(batch).await?;
            }
        });
    }
    let shows = std::io::stderr().is_terminal();
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    let mut outcome = Ok::<(), everstrand_driver::Error>(());
    loop {
        tokio::select! {
            worker = workers.join_next() => match worker {
                None => break,
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => {
                    outcome = Err(error);
                    break;
                }
                Some(Err(panic)) => return Err(panic.into()),
            },
            _ = tick.tick(), if shows => eprint!("\r\x1b[K{}", bar.line(&load.counts)),
        }
    }
    if shows {
        eprint!("\r\x1b[K");
    }
    workers.shutdown().await;
    drop(receiver);
    load.driver.shutdown(Duration::from_secs(5)).await;
    if let Some(file) = &mut *load.rejects.file.lock().expect("no panic while locked") {
        file.flush()?;
    }
    println!("{}", load.counts.text(bar.begun.elapsed()));
    if let Err(error) = outcome {
        let again = match load.key {
            Some(_) => "run the command again; it leaves out what is there",
            None => "what was loaded before is there; without --key a second run would insert it again",
        };
        return Err(format!("{error}; {again}").into());
    }
    reader.await??;
    let refused = load.counts.refused.load(Ordering::Relaxed);
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How much of a file is in.
struct Bar {
    /// The bytes of the file. Standard input has no size, and then there is no bar.
    size: Option<u64>,
    /// The bytes that were read.
    read: Arc<AtomicU64>,
    begun: Instant,
}

impl Bar {
    fn of(file: &Path) -> Bar {
        let size = std::fs::metadata(file).ok().filter(|file| file.is_file()).map(|file| file.len());
        Bar { size, read: Arc::default(), begun: Instant::now() }
    }

    fn line(&self, counts: &Counts) -> String {
        let bytes = self.read.load(Ordering::Relaxed);
        let way = Way { slots: bytes, bytes, of_slots: self.size };
        progress::line(&counts.text(self.begun.elapsed()), &way, self.begun.elapsed().as_secs_f64())
    }
}

/// Makes sure that the table is there, and the index on the key.
async fn prepare<T: Transport>(arguments: &Arguments, driver: &QldbDriver<T>) -> Result<(), Box<dyn Error>> {
    let Arguments { table, key, create, .. } = arguments;
    let indexes = "SELECT VALUE i.expr FROM information_schema.user_tables AS t, t.indexes AS i \
                   WHERE t.name = ? AND t.status = 'ACTIVE'";
    if !driver.list_tables().await?.contains(table) {
        if !create {
            return Err(format!("the ledger has no table {table}; --create creates it").into());
        }
        driver.execute_statement(&format!("CREATE TABLE {}", quoted(table)), ()).await?;
    }
    let Some(key) = key else { return Ok(()) };
    let found = driver.execute_statement(indexes, table).await?;
    if !found.iter().any(|expr| expr.root().as_text() == Some(&format!("[{key}]"))) {
        if !create {
            return Err(format!("table {table} has no index on {key}; --create creates it").into());
        }
        driver.execute_statement(&format!("CREATE INDEX ON {} ({})", quoted(table), quoted(key)), ()).await?;
    }
    Ok(())
}

fn create(file: &Path) -> Result<std::fs::File, String> {
    std::fs::File::create(file).map_err(|error| format!("cannot write {}: {error}", file.display()))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl<T: Transport> Load<T> {
    /// Loads a batch. If the ledger refuses it, each line goes alone, so that one line does not keep the others out.
    async fn batch(&self, batch: Batch) -> Result<(), everstrand_driver::Error> {
        for line in &batch.unreadable {
            self.reject(line.0, &line.1, &line.2);
        }
        let lines = &batch.lines[..];
        if lines.is_empty() {
            return Ok(());
        }
        match self.insert(lines).await {
            Ok(()) => return Ok(()),
            Err(error) if !is_of_the_lines(&error) => return Err(error),
            Err(error) if lines.len() == 1 => {
                self.reject(lines[0].number, &lines[0].text, &error.to_string());
                return Ok(());
            }
            Err(_) => {}
        }
        for line in lines {
            match self.insert(std::slice::from_ref(line)).await {
                Ok(()) => {}
                Err(error) if is_of_the_lines(&error) => {
                    self.reject(line.number, &line.text, &error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn insert(&self, lines: &[Line]) -> Result<(), everstrand_driver::Error> {
        // With a key, running the transaction again does no harm.
        let options = ExecuteOptions { idempotent: self.key.is_some(), ..ExecuteOptions::default() };
        let inserted = self
            .driver
            .execute_with(options, |transaction| async move { self.insert_in(&transaction, lines).await })
            .await?;
        self.counts.loaded.fetch_add(inserted, Ordering::Relaxed);
        self.counts.present.fetch_add(lines.len() as u64 - inserted, Ordering::Relaxed);
        Ok(())
    }

    /// Inserts the lines whose keys the table lacks. Returns how many these are.
    async fn insert_in(
        &self,
        transaction: &Transaction<T>,
        lines: &[Line],
    ) -> Result<u64, everstrand_driver::Error> {
        let marks = |count: usize| vec!["?"; count].join(",");
        let mut present = Vec::new();
        if let Some(key) = &self.key {
            let (table, key) = (&self.table, quoted(key));
            let marks = marks(lines.len());
            let select = format!("SELECT VALUE t.{key} FROM {table} AS t WHERE t.{key} IN ({marks})");
            let keys: Vec<_> = lines.iter().filter_map(|line| line.key.clone()).collect();
            present = transaction.execute(&select, keys).await?.fetch_all().await?;
        }
        let is_new = |line: &&Line| line.key.as_ref().is_none_or(|key| !present.contains(key));
        let new: Vec<_> = lines.iter().filter(is_new).map(|line| line.document.clone()).collect();
        if new.is_empty() {
            return Ok(0);
        }
        let insert = format!("INSERT INTO {} <<{}>>", self.table, marks(new.len()));
        let count = new.len() as u64;
        transaction.execute(&insert, new).await?;
        Ok(count)
    }

    fn reject(&self, number: u64, text: &str, why: &str) {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        let mut file = self.rejects.file.lock().expect("no panic while locked");
        let why = why.replace(['\n', '\t'], " ");
        if let Some(file) = &mut *file {
            // A full disk must not stop the load; the counts tell how many there were.
            let _ = writeln!(file, "{number}\t{why}\t{text}");
        } else if self
            .rejects
            .shown
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
        {
            eprintln!("line {number}: {why}");
        }
    }
}

/// Whether the lines are the reason of an error, and not the ledger or the connection.
fn is_of_the_lines(error: &everstrand_driver::Error) -> bool {
    matches!(error.kind(), ErrorKind::BadRequest | ErrorKind::DuplicateKey)
}

impl Counts {
    fn text(&self, elapsed: Duration) -> String {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (loaded, present, refused) = (count(&self.loaded), count(&self.present), count(&self.refused));
        let seconds = elapsed.as_secs_f64().max(0.001);
        let rate = (loaded + present) as f64 / seconds;
        format!("{loaded} inserted, {present} were there, {refused} refused, {rate:.0} documents/s")
    }
}
