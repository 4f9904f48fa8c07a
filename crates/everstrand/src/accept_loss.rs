//! `everstrand accept-loss`: the operator decides that a ledger goes on without blocks that are missing.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};

/// Lets a ledger take writes again although acknowledged blocks are missing from its journal
///
/// A server that finds a view which holds more than the journal serves the ledger for reading only: blocks that clients
/// were told are durable are gone. Either the journal was cut or put back to an older copy, and then the right thing is
/// to put the missing segments back and start the server again; the ledger then takes writes by itself. Or the data
/// folder was copied while a server wrote to it, and this copy is to live on by its own.
///
/// This command says that the missing blocks will not come back. The ledger goes on after the last block of its
/// journal, and new blocks take the numbers of the missing ones: digests and checkpoints that cover these will not
/// verify any more. The view that proves the loss, DIR/<ledgerId>/view-ahead, is removed.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The ledger's name
    ledger: String,
    /// The data folder of the server, which must not be running
    #[arg(long, value_name = "DIR", default_value = "./everstrand-data")]
    data: PathBuf,
}

/// Exits with 0 (accepted) or 2 (there is no loss, or it could not be accepted).
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    if !arguments.data.is_dir() {
        return Err(format!("there is no data folder {}", arguments.data.display()).into());
    }
    let service = Service::open(Config::new(Storage::Folder(arguments.data.clone())))?;
    let accepted = service.accept_loss(&arguments.ledger);
    service.close();
    let loss = accepted.map_err(|error| error.message)?;
    println!(
        "ledger {} goes on after the last block of its journal, without what was missing:",
        arguments.ledger
    );
    println!("  {loss}");
    println!("digests and checkpoints that cover the missing blocks will not verify any more");
    Ok(ExitCode::SUCCESS)
}
