//! `everstrand encrypt` and `everstrand master-key`: encryption at rest of ledgers that exist.

use std::error::Error;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap_complete::engine::ArgValueCandidates;
use everstrand_sealing::MasterKey;
use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};

use crate::completions;
use crate::identity::users_key;
use crate::store::Access;
use crate::{master_key, place};

/// Encrypt a ledger that lies in clear in a data folder or a store
///
/// A server with a master key encrypts the ledgers that it creates. This command encrypts one that was created without: its
/// journal, part by part, and its view, which is built again. It may be stopped at any time, and goes on where it was; until then
/// DescribeLedger says what lies in clear. No server may run meanwhile, on the data folder or on the store; start them with the master
/// key afterwards. What a disk keeps of files that were replaced, older versions that a bucket or a database keeps, caches on other
/// machines, and every earlier copy stay in clear.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The ledger's name
    #[arg(add = ArgValueCandidates::new(completions::ledgers_in_folder))]
    ledger: String,
    /// The data folder of the server, which must not be running [default: the variable EVERSTRAND_DATA, else ./everstrand-data]
    #[arg(long, value_name = "DIR", conflicts_with = "store")]
    data: Option<PathBuf>,
    /// The store that has the ledger: s3://BUCKET/PREFIX or postgres://USER@HOST/DATABASE
    #[arg(long, env = "EVERSTRAND_STORE", hide_env_values = true, value_name = "LOCATION")]
    store: Option<String>,
    #[command(flatten)]
    access: Access,
    /// The folder of this machine for what was computed from the ledgers of the store; what it has of the ledger is removed
    /// [default: ./everstrand-cache, if it exists]
    #[arg(long, env = "EVERSTRAND_CACHE", value_name = "DIR", requires = "store")]
    cache: Option<PathBuf>,
}

/// Exits with 0 (nothing of the ledger lies in clear any more) or 2 (it failed).
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let service = match &arguments.store {
        None => open(arguments.data.clone())?,
        Some(location) => {
            let served = arguments.access.open_to_serve(location)?;
            let cache = arguments.cache.clone().unwrap_or_else(|| PathBuf::from("./everstrand-cache"));
            let cache = cache.is_dir().then_some(cache);
            let mut config = Config::new(Storage::Shared { store: served.store, cache });
            config.redaction_refused = served.redaction_refused;
            open_with(config)?
        }
    };
    let mut terminal = std::io::stderr().is_terminal().then(std::io::stderr);
    let encrypted = service.encrypt(&arguments.ledger, &mut |done, all| {
        if let Some(terminal) = &mut terminal {
            let _ = write!(terminal, "\r{done} of {all} slots are encrypted");
            let _ = terminal.flush();
        }
    });
    if terminal.is_some() {
        eprintln!();
    }
    service.close();
    encrypted.map_err(|error| error.message)?;
    println!("ledger {} is encrypted", arguments.ledger);
    Ok(ExitCode::SUCCESS)
}

/// Make a master key, or replace one
///
/// The master key seals the data keys of encrypted ledgers. Whoever has it and the data folder can read them. Whoever loses it
/// has lost them, so keep a copy where no copy of the data lies.
#[derive(clap::Args)]
pub(crate) struct MasterKeyCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Write a new master key to a file that only you can read
    New {
        /// The new file
        file: PathBuf,
    },
    /// Seal all data keys of a data folder under another master key. No data is written again
    ///
    /// The present master key is the one that --master-key-file, --master-key-command or EVERSTRAND_MASTER_KEY names. Afterwards
    /// start the server with the new one. The old one still opens earlier backups of the data folder.
    Replace {
        /// The file with the new master key
        #[arg(long, value_name = "FILE")]
        with: PathBuf,
        /// The secrets of users are sealed under the key in this file, and stay so [default: users.key in the data folder if it
        /// exists; else they are sealed under the master key, and again under the new one]
        #[arg(long, env = "EVERSTRAND_USERS_KEY", value_name = "FILE")]
        users_key: Option<PathBuf>,
        /// The data folder of the server, which must not be running [default: the variable EVERSTRAND_DATA, else ./everstrand-data]
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
}

/// Exits with 0, or with 2 if it failed.
pub(crate) fn run_master_key(arguments: &MasterKeyCommand) -> Result<ExitCode, Box<dyn Error>> {
    match &arguments.command {
        Command::New { file } => {
            if file.exists() {
                return Err(format!("{} exists; a master key is never overwritten", file.display()).into());
            }
            let key = MasterKey::from_file_or_new(file)?;
            println!("{} holds the master key with the fingerprint {}", file.display(), key.fingerprint());
        }
        Command::Replace { with, users_key, data } => {
            let new = MasterKey::from_file(with)?;
            let service = open(data.clone())?;
            let has_own = users_key.is_some() || users_key::is_in(&place::data_folder(data.as_deref()));
            let users = if has_own { Ok(()) } else { seal_users_again(&service, &new) };
            let sealed = users.and_then(|()| service.seal_keys_again(&new));
            service.close();
            let sealed = sealed?;
            println!(
                "{sealed} data keys are sealed under the master key with the fingerprint {}",
                new.fingerprint()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Seals the secrets of users, which are sealed under the master key, under another one.
fn seal_users_again(service: &Service, new: &MasterKey) -> Result<(), String> {
    let old = master_key::of_process()?.ok_or("there is no master key")?;
    let sealed = service.seal_users_again(&old, new);
    sealed
        .map(drop)
        .map_err(|why| format!("{why}; if the users have a key of their own, name it with --users-key"))
}

fn open(data: Option<PathBuf>) -> Result<Service, Box<dyn Error>> {
    let folder = place::data_folder(data.as_deref());
    if !folder.is_dir() {
        return Err(format!("there is no data folder {}", folder.display()).into());
    }
    open_with(Config::new(Storage::Folder(folder)))
}

fn open_with(mut config: Config) -> Result<Service, Box<dyn Error>> {
    master_key::configure(&mut config)?;
    if config.master_key.is_none() {
        return Err(
            "there is no master key; name it by --master-key-file, --master-key-command or the variable \
                    EVERSTRAND_MASTER_KEY (`everstrand master-key new FILE` makes one)"
                .into(),
        );
    }
    Ok(Service::open(config)?)
}
