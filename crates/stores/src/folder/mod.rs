//! Journals and names in a folder, for copies of ledgers: on another disk, or where another machine's disk is mounted.
//!
//! ```text
//! DIR/JOURNAL/journal/      the segment files of a journal
//! DIR/names/NAME/REVISION   a revision of a name, a number of sixteen hexadecimal digits
//! DIR/keys/JOURNAL/REVISION   a revision of an encrypted journal's data key
//! DIR/JOURNAL.removed/      a journal that is being removed
//! ```

mod revisions;

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::{SlotError, SlotStore};
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions, FileDisk, MemorySlots, SharedStore};

use self::revisions::{Revisions, failed};

/// The journals and names in a folder.
pub struct FolderStore {
    path: PathBuf,
    is_read_only: bool,
}

impl FolderStore {
    /// The store in a folder, which is made if it does not exist. Each journal has one writer at a time.
    pub fn open(path: &Path) -> Result<FolderStore, SlotError> {
        FileDisk::create(path).map_err(|error| failed(path, &error))?;
        Ok(FolderStore { path: path.to_owned(), is_read_only: false })
    }

    /// The store in a folder, for reading only, also beside a process that writes to it.
    pub fn open_read_only(path: &Path) -> Result<FolderStore, SlotError> {
        FileDisk::read_only(path).map_err(|error| failed(path, &error))?;
        Ok(FolderStore { path: path.to_owned(), is_read_only: true })
    }

    fn keys_of(&self, journal_id: UniqueId) -> Revisions {
        Revisions::new(self.path.join("keys").join(journal_id.to_string()), self.is_read_only)
    }

    fn names_folder(&self) -> PathBuf {
        self.path.join("names")
    }
}

impl SharedStore for FolderStore {
    fn journal(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        let folder = self.path.join(journal_id.to_string()).join("journal");
        let denied = |error: io::Error| failed(&folder, &error);
        if self.is_read_only {
            return match FileDisk::read_only(&folder) {
                Ok(disk) => Ok(Arc::new(DiskSlots::open_read_only(Arc::new(disk))?)),
                // Nothing was ever written to it.
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(Arc::new(MemorySlots::new())),
                Err(error) => Err(denied(error)),
            };
        }
        let disk = FileDisk::create(&folder).map_err(denied)?;
        Ok(Arc::new(DiskSlots::open(Arc::new(disk), DiskSlotsOptions::default())?))
    }

    fn name(&self, name: &str) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(Arc::new(Revisions::new(self.names_folder().join(name), self.is_read_only)))
    }

    fn keys(&self, journal_id: UniqueId) -> Result<Arc<dyn SlotStore>, SlotError> {
        Ok(Arc::new(self.keys_of(journal_id)))
    }

    fn remove_keys(&self, journal_id: UniqueId) -> Result<(), SlotError> {
        match self.is_read_only {
            true => Err(SlotError::Denied("the folder was opened for reading only".to_owned())),
            false => self.keys_of(journal_id).remove(),
        }
    }

    fn names(&self) -> Result<Vec<(String, u64)>, SlotError> {
        let folder = self.names_folder();
        let mut names = Vec::new();
        for name in revisions::entries(&folder).map_err(|error| failed(&folder, &error))? {
            let last = Revisions::new(folder.join(&name), true).tip_hint()?;
            names.extend(last.map(|last| (name, last)));
        }
        Ok(names)
    }

    fn remove(&self, journal_id: UniqueId, name: &str) -> Result<(), SlotError> {
        if self.is_read_only {
            return Err(SlotError::Denied("the folder was opened for reading only".to_owned()));
        }
        let folder = self.path.join(journal_id.to_string());
        let leftover = self.path.join(format!("{journal_id}.removed"));
        // A rename, because a journal that is half removed must not look like a shorter one.
        let renamed = match fs::rename(&folder, &leftover) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        let removed = renamed.and_then(|()| match fs::remove_dir_all(&leftover) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        });
        removed.map_err(|error| failed(&folder, &error))?;
        Revisions::new(self.names_folder().join(name), false).remove()
    }
}

impl fmt::Debug for FolderStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FolderStore").field("path", &self.path).finish_non_exhaustive()
    }
}
