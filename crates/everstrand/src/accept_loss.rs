//! `everstrand accept-loss`: the operator accepts that a ledger goes on without the blocks that its journal lacks.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap_complete::engine::ArgValueCandidates;
use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};

use crate::completions;
use crate::{master_key, place};

/// Let a ledger take writes again although its journal lacks acknowledged blocks
///
/// If a ledger's view holds blocks that its journal lacks, then blocks are gone that the server acknowledged as durable.
/// The server then serves the ledger read-only. There are two causes. If the journal was cut, or replaced by an older copy,
/// put the missing segments back and restart the server; the ledger then takes writes by itself. If the data folder was
/// copied while a server wrote to it, and you want to use this copy on its own, run this command.
///
/// This command declares that the missing blocks will not come back. The ledger continues after the last block of its
/// journal, and new blocks take the numbers of the missing ones, so digests and checkpoints that cover the missing blocks
/// will never verify again. The command removes the view that proves the loss, DIR/<ledgerId>/view-ahead.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The ledger's name
    #[arg(add = ArgValueCandidates::new(completions::ledgers_in_folder))]
    ledger: String,
    /// The data folder of the server, which must not be running [default: the variable EVERSTRAND_DATA, else ./everstrand-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Exits with 0 (accepted) or 2 (there is no loss, or it could not be accepted).
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let folder = place::data_folder(arguments.data.as_deref());
    if !folder.is_dir() {
        return Err(format!("there is no data folder {}", folder.display()).into());
    }
    let mut config = Config::new(Storage::Folder(folder));
    master_key::configure(&mut config)?;
    let service = Service::open(config)?;
    let accepted = service.accept_loss(&arguments.ledger);
    service.close();
    let loss = accepted.map_err(|error| error.message)?;
    println!(
        "ledger {} continues after the last block of its journal, without the missing blocks:",
        arguments.ledger
    );
    println!("  {loss}");
    println!("digests and checkpoints that cover the missing blocks will never verify again");
    Ok(ExitCode::SUCCESS)
}
