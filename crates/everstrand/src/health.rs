//! `everstrand health`: asks a server whether it runs, for the health check of a container and for scripts.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use crate::remote::{self, Certificates};

/// How long the server may take to accept a connection, and to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ask a server whether it runs: the exit code is 0 if it does, 1 if it does not
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The server [default: the one that AWS_ENDPOINT_URL_QLDB_SESSION or AWS_ENDPOINT_URL_QLDB names, else
    /// http://127.0.0.1:8182]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    #[command(flatten)]
    certificates: Certificates,
    /// Ask whether every ledger is fully usable, not only whether the server runs
    #[arg(long)]
    ready: bool,
}

/// Asks once, and prints what the server answered.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let endpoint = remote::endpoint(arguments.endpoint.as_deref());
    let path = if arguments.ready { "/ready" } else { "/health" };
    let transport = arguments.certificates.transport_builder(&endpoint)?;
    let transport = transport.connect_timeout(PATIENCE).timeout(PATIENCE).build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(transport.get(path)) {
        Ok((200, body)) => {
            println!("{}", String::from_utf8_lossy(&body));
            Ok(ExitCode::SUCCESS)
        }
        Ok((status, body)) => {
            let body = String::from_utf8_lossy(&body);
            eprintln!("everstrand: {endpoint}{path} answered with status {status}: {body}");
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            eprintln!("everstrand: {endpoint} does not answer: {error}");
            Ok(ExitCode::FAILURE)
        }
    }
}
