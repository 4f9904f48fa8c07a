//! Where the sealed data keys lie: each ledger's in a chain of entries, of which each is created once and never replaced.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::disk::Disk as _;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{FileDisk, SharedStore, meta};

use crate::revisions::create_revision;

/// The folder of a data folder in which the sealed data keys lie.
const FOLDER: &str = "keys";

#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Nothing outlives the process, so nothing is encrypted.
    Memory,
    Folder(PathBuf),
    Store(Arc<dyn SharedStore>),
}

impl Place {
    pub(super) fn in_folder(data: &Path) -> Place {
        Place::Folder(data.join(FOLDER))
    }

    /// An entry of a ledger's chain.
    pub(super) fn read(&self, ledger_id: &str, number: u64) -> Result<Option<Vec<u8>>, String> {
        match self {
            Place::Memory => Ok(None),
            Place::Store(_) => self.chain(ledger_id)?.read(number).map_err(|error| not_read(&error)),
            Place::Folder(folder) => {
                if !folder.exists() {
                    return Ok(None);
                }
                let disk = FileDisk::read_only(folder).map_err(|error| not_read(&error))?;
                meta::read(&disk, &file_name(ledger_id, number)).map_err(|error| not_read(&error))
            }
        }
    }

    /// Creates an entry durably. Answers whether it is this one; if not, somebody else's is there.
    pub(super) fn create(&self, ledger_id: &str, number: u64, bytes: &[u8]) -> Result<bool, String> {
        let failed = |error: &dyn std::fmt::Display| format!("its data key was not stored: {error}");
        match self {
            Place::Memory => Ok(true),
            Place::Store(_) => {
                create_revision(&*self.chain(ledger_id)?, number, bytes).map_err(|error| failed(&error))
            }
            Place::Folder(folder) => {
                let disk = FileDisk::create(folder).map_err(|error| failed(&error))?;
                // A backup notes its copy while a server replaces the key, so only one may get the number.
                meta::create(&disk, &file_name(ledger_id, number), bytes).map_err(|error| failed(&error))
            }
        }
    }

    /// Removes the chain of a ledger.
    pub(super) fn remove(&self, ledger_id: &str) -> Result<(), String> {
        let failed =
            |error: &dyn std::fmt::Display| format!("the data key of {ledger_id} was not removed: {error}");
        match self {
            Place::Memory => Ok(()),
            Place::Store(store) => store.remove_keys(id_of(ledger_id)?).map_err(|error| failed(&error)),
            Place::Folder(folder) => {
                if !folder.exists() {
                    return Ok(());
                }
                let disk = FileDisk::create(folder).map_err(|error| failed(&error))?;
                let mut names = disk.list().map_err(|error| failed(&error))?;
                names.retain(|name| name.starts_with(&format!("{ledger_id}.")));
                // What a stopped process left behind goes first, then the newest: whatever an interrupted removal leaves, the next
                // one finds.
                let number = |name: &String| name.rsplit('.').next().and_then(|end| end.parse::<u64>().ok());
                let is_entry =
                    |name: &String| number(name).is_some_and(|end| *name == file_name(ledger_id, end));
                names.sort_by_key(|name| (is_entry(name), std::cmp::Reverse(number(name))));
                let mut removed = names.iter().try_for_each(|name| disk.remove(name));
                if !names.is_empty() {
                    removed = removed.and_then(|()| disk.sync_directory());
                }
                removed.map_err(|error| failed(&error))
            }
        }
    }

    fn chain(&self, ledger_id: &str) -> Result<Arc<dyn SlotStore>, String> {
        match self {
            Place::Store(store) => store.keys(id_of(ledger_id)?).map_err(|error| not_read(&error)),
            Place::Memory | Place::Folder(_) => Err("its data key lies in no store".to_owned()),
        }
    }
}

pub(crate) fn id_of(ledger_id: &str) -> Result<UniqueId, String> {
    ledger_id.parse().map_err(|_| format!("{ledger_id} is not the id of a ledger"))
}

fn file_name(ledger_id: &str, number: u64) -> String {
    format!("{ledger_id}.{number}")
}

fn not_read(error: &dyn std::fmt::Display) -> String {
    format!("its data key cannot be read: {error}")
}
