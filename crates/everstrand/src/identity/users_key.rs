//! The file of the key that seals the secrets of users, and `everstrand users-key`, which replaces it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use everstrand_ledger::storage::FileDisk;
use everstrand_ledger::storage::disk::Disk as _;
use everstrand_server::config::{Config, Storage};
use everstrand_server::{MasterKey, Service};

use crate::{master_key, place};

/// The name of the file in a data folder, where no other file is named.
const FILE: &str = "users.key";
/// The name of the next one, until everything is sealed under it.
const NEXT_FILE: &str = "users.key.new";

/// Replace the key that seals the secrets of users
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Seal the secrets of all users under another key. Users keep their keys; temporary keys end
    ///
    /// It may be stopped at any time; run it again then. The journal still holds what was sealed under the old key: if that key was
    /// stolen, give the users new keys, too (everstrand user rotate).
    Replace {
        /// The data folder of the server, which must not be running [default: the variable EVERSTRAND_DATA, else ./everstrand-data]
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// The file of the present key [default: users.key in the data folder if it exists, else the master key]
        #[arg(long, env = "EVERSTRAND_USERS_KEY", value_name = "FILE")]
        users_key: Option<PathBuf>,
        /// The file of the new key, with which the server starts afterwards (--users-key). It is made if it does not exist
        /// [default: a new users.key in the data folder]
        #[arg(long, value_name = "FILE")]
        with: Option<PathBuf>,
    },
}

/// Exits with 0 (done) or 2 (refused).
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let Command::Replace { data, users_key, with } = &arguments.command;
    let folder = place::data_folder(data.as_deref());
    if !folder.is_dir() {
        return Err(format!("there is no data folder {}", folder.display()).into());
    }
    let old = of_folder(&folder, users_key.as_deref())?.ok_or("there is no key of users here")?;
    let next = folder.join(NEXT_FILE);
    let new = MasterKey::from_file_or_new(with.as_deref().unwrap_or(&next))?;
    let mut config = Config::new(Storage::Folder(folder.clone()));
    master_key::configure(&mut config)?;
    let service = Service::open(config)?;
    let sealed = service.seal_users_again(&old, &new);
    service.close();
    let sealed = sealed?;
    if with.is_none() {
        // Until this succeeds, the old file says nothing true any more, and the next call goes on from here.
        std::fs::rename(&next, folder.join(FILE))?;
        FileDisk::read_only(&folder)?.sync_directory()?;
    }
    println!("{sealed} secrets are sealed under the key with the fingerprint {}", new.fingerprint());
    Ok(ExitCode::SUCCESS)
}

fn file_of(folder: &Path, named: Option<&Path>) -> PathBuf {
    named.map_or_else(|| folder.join(FILE), Path::to_owned)
}

/// Whether a data folder holds a key.
pub(crate) fn is_in(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

/// The key in the named file, else the key in the data folder, else the master key of the process, if there is one.
pub(crate) fn of_folder(
    folder: &Path,
    named: Option<&Path>,
) -> Result<Option<MasterKey>, Box<dyn std::error::Error>> {
    if named.is_none() && !is_in(folder) {
        return Ok(master_key::of_process()?);
    }
    Ok(Some(MasterKey::from_file(&file_of(folder, named))?))
}

/// The same, but makes a key with the mode 0600 where there is none.
pub(crate) fn of_folder_or_new(
    folder: &Path,
    named: Option<&Path>,
) -> Result<MasterKey, Box<dyn std::error::Error>> {
    if named.is_none() {
        if let Some(key) = of_folder(folder, None)? {
            return Ok(key);
        }
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    Ok(MasterKey::from_file_or_new(&file_of(folder, named))?)
}
