//! `everstrand serve`: a server until it is told to stop.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use everstrand_ledger::Limits;
use everstrand_server::config::{CheckpointPlace, Checkpoints, Config, Storage};
use everstrand_server::{AccessKeys, Service, http};

/// What `serve` may be told.
#[derive(clap::Args)]
#[group(id = "serve")]
pub(crate) struct Arguments {
    /// The folder that holds the ledgers
    #[arg(long, value_name = "DIR", default_value = "./everstrand-data", conflicts_with = "memory")]
    data: PathBuf,
    /// Where to listen; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8182")]
    listen: SocketAddr,
    /// Keep ledgers in memory; they are gone when the server stops
    #[arg(long)]
    memory: bool,
    /// Create this ledger unless it exists (may be repeated)
    #[arg(long, value_name = "NAME")]
    create_ledger: Vec<String>,
    /// Set a limit of every ledger (may be repeated); `--limit help` lists them
    #[arg(long, value_name = "NAME=N")]
    limit: Vec<String>,
    /// Refuse statements that QLDB would have refused: no ORDER BY, GROUP BY, UNIQUE and so on. A ledger's tag
    /// everstrand:strict says otherwise for that ledger
    #[arg(long)]
    strict: bool,
    /// Write a block for a transaction that only read, too, as QLDB did: a trail of who asked what
    #[arg(long)]
    record_reads: bool,
    /// Publish signed checkpoints of every ledger's digest in this folder, or below this URL with HTTP PUT; a user and
    /// password, or a token, in the URL are sent as the header Authorization. A URL with a secret is better given as
    /// the variable EVERSTRAND_CHECKPOINTS: arguments can be seen by other users of the machine
    #[arg(long, value_name = "DIR|URL")]
    checkpoints: Option<String>,
    /// How many seconds lie between two checkpoints
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u32).range(1..))]
    checkpoint_interval: u32,
    /// Answer only requests that are signed with an access key in this file, which has the form of the AWS tools'
    /// ~/.aws/credentials
    #[arg(long, value_name = "FILE")]
    access_keys: Option<PathBuf>,
    /// Listen on other addresses than loopback although requests need no signature
    #[arg(long)]
    insecure_listen: bool,
}

/// Serves until SIGTERM or Ctrl-C.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    if arguments.limit.iter().any(|limit| limit == "help") {
        for (name, value, meaning) in Limits::default().list() {
            println!("{name}={value}\t{meaning}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let access_keys = arguments.access_keys.as_deref().map(read_access_keys).transpose()?;
    if !arguments.listen.ip().is_loopback() && access_keys.is_none() && !arguments.insecure_listen {
        return Err(format!(
            "{} is not a loopback address, and requests need no signature: whoever reaches it may read and write \
             every ledger. Say with --access-keys FILE whose requests are answered, or add --insecure-listen",
            arguments.listen
        )
        .into());
    }
    let storage = if arguments.memory { Storage::Memory } else { Storage::Folder(arguments.data) };
    let mut config = Config::new(storage);
    for limit in &arguments.limit {
        config.limits.set(limit)?;
    }
    config.extensions = !arguments.strict;
    config.record_reads = arguments.record_reads;
    config.access_keys = access_keys;
    let place = match (arguments.checkpoints, std::env::var_os("EVERSTRAND_CHECKPOINTS")) {
        (None, Some(place)) if !place.is_empty() => {
            Some(place.into_string().map_err(|_| "the variable EVERSTRAND_CHECKPOINTS is not UTF-8")?)
        }
        (place, _) => place,
    };
    let place = place.as_deref().map(CheckpointPlace::parse).transpose()?;
    let every = Duration::from_secs(arguments.checkpoint_interval.into());
    config.checkpoints = place.map(|place| Checkpoints::new(place, every));
    config.on_long_statement = http::give_way;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config, arguments.listen, &arguments.create_ledger))?;
    Ok(ExitCode::SUCCESS)
}

fn read_access_keys(file: &Path) -> Result<AccessKeys, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string());
    text.and_then(|text| AccessKeys::parse(&text)).map_err(|error| format!("{}: {error}", file.display()))
}

async fn serve(config: Config, listen: SocketAddr, ledgers: &[String]) -> Result<(), Box<dyn Error>> {
    // Before anything is opened: a signal that comes while a journal is replayed must be heard.
    let shutdown = shutdown_signal()?;
    let service = Arc::new(Service::open(config)?);
    for name in ledgers {
        service.create_ledger_unless_it_exists(name)?;
    }
    let server = http::Server::bind(Arc::clone(&service), listen)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    announce(server.address()?)?;
    server.run(shutdown).await;
    // On a thread that may wait; if it panics, the ledgers are to be closed all the same.
    let publishing = Arc::clone(&service);
    let _ = tokio::task::spawn_blocking(move || publishing.publish_checkpoints()).await;
    service.close();
    Ok(())
}

/// The first line is read by programs that start the server; the rest is for people.
fn announce(address: SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "everstrand listening on http://{address}")?;
    writeln!(out)?;
    writeln!(out, "Point a QLDB driver or the AWS CLI at it:")?;
    writeln!(out, "  export AWS_ENDPOINT_URL_QLDB=http://{address}")?;
    writeln!(out, "  export AWS_ENDPOINT_URL_QLDB_SESSION=http://{address}")?;
    writeln!(out, "  export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local")?;
    out.flush()
}

/// Ready at the first SIGTERM or Ctrl-C; both are caught from the call on, not from the first poll.
fn shutdown_signal() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
