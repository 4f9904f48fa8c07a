//! `everstrand dump`: writes the documents of a table to a file, as they are now or as they were at a time.

use std::error::Error;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap_complete::engine::ArgValueCandidates;
use everstrand_driver::{Document, QldbDriver, Transport};
use everstrand_ion::{Timestamp, text};
use everstrand_journal::json::to_json;

use crate::completions;
use crate::place::Place;
use crate::remote::Certificates;

/// Write the documents of a table to a file
///
/// All of them are read in one transaction, so the file shows the table at one moment. It takes at most the 30 seconds that a
/// transaction may take; `everstrand export` has no such bound.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The ledger's name
    #[arg(add = ArgValueCandidates::new(completions::ledgers))]
    ledger: String,
    /// The table's name
    table: String,
    /// The file [default: standard output]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// The form of the documents, one a line. JSON loses Ion's types
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// The documents as they were at this time, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// The data folder that holds the ledger, if no server has it open
    #[arg(long, value_name = "DIR", conflicts_with = "endpoint")]
    data: Option<PathBuf>,
    /// The server [default: the variable AWS_ENDPOINT_URL_QLDB_SESSION, else http://127.0.0.1:8182]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    #[command(flatten)]
    certificates: Certificates,
}

/// The forms of a document.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// JSON Lines
    Json,
    /// Ion text
    Ion,
}

/// Writes, prints the number of documents on standard error, and exits with 0.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let place =
        Place::open(arguments.data.as_deref(), arguments.endpoint.as_deref(), &arguments.certificates)?;
    let outcome = runtime.block_on(async {
        match &place {
            Place::Server(transport) => dump(arguments, Arc::clone(transport)).await,
            Place::Folder(service) => {
                dump(arguments, Arc::new(everstrand::InProcess::new(Arc::clone(service)))).await
            }
        }
    });
    place.close();
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn dump<T: Transport>(arguments: &Arguments, transport: Arc<T>) -> Result<(), Box<dyn Error>> {
    let mut out: Box<dyn Write> = match &arguments.to {
        None => Box::new(std::io::stdout().lock()),
        Some(file) => {
            let created = std::fs::File::create(file);
            Box::new(created.map_err(|error| format!("cannot write {}: {error}", file.display()))?)
        }
    };
    let mut out = BufWriter::new(&mut out);
    let driver = QldbDriver::builder(&*arguments.ledger).read_ahead(4).build_over(transport)?;
    let table = arguments.table.replace('"', "\"\"");
    let statement = match &arguments.at {
        None => format!("SELECT VALUE t FROM \"{table}\" AS t"),
        Some(at) => format!("SELECT VALUE h.data FROM history(\"{table}\", `{at}`, `{at}`) AS h"),
    };
    // What was written cannot be taken back, so nothing runs twice.
    let transaction = driver.begin().await?;
    let mut cursor = transaction.query(&statement).execute().await?;
    let mut count = 0;
    while let Some(page) = cursor.next_page().await? {
        count += page.len();
        for document in &page {
            writeln!(out, "{}", line(document, arguments.format))?;
        }
    }
    out.flush()?;
    transaction.commit().await?;
    driver.shutdown(Duration::from_secs(5)).await;
    eprintln!("{count} documents");
    Ok(())
}

fn line(document: &Document, format: Format) -> String {
    match format {
        Format::Json => to_json(&document.to_value()),
        Format::Ion => text::write(&document.to_value()),
    }
}
