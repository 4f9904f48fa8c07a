//! The revisions of a name: one small file each. A file is written and synced under another name and then linked under
//! its own, which fails if the name exists. So one creator wins, and a revision is never half there.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use everstrand_ledger::storage::FileDisk;
use everstrand_ledger::storage::disk::Disk as _;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};

pub(super) struct Revisions {
    folder: PathBuf,
    is_read_only: bool,
}

impl Revisions {
    pub(super) fn new(folder: PathBuf, is_read_only: bool) -> Revisions {
        Revisions { folder, is_read_only }
    }

    fn path(&self, revision: u64) -> PathBuf {
        self.folder.join(file_name(revision))
    }

    /// Removes all revisions, the first one first.
    pub(super) fn remove(&self) -> Result<(), SlotError> {
        let removed = entries(&self.folder).and_then(|names| {
            names.iter().try_for_each(|name| fs::remove_file(self.folder.join(name)))?;
            match fs::remove_dir(&self.folder) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        });
        removed.map_err(|error| failed(&self.folder, &error))
    }
}

impl SlotStore for Revisions {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        if self.is_read_only {
            return Err(SlotError::Denied("the folder was opened for reading only".to_owned()));
        }
        if slot > 0 && !self.path(slot - 1).exists() {
            return Err(SlotError::NotSent(format!("revision {} does not exist", slot - 1)));
        }
        let not_created = |error| failed(&self.folder, &error);
        let disk = FileDisk::create(&self.folder).map_err(not_created)?;
        let is_ours = disk.create_once(&file_name(slot), bytes).map_err(not_created)?;
        let unknown = |error| SlotError::Unknown(format!("{}: {error}", self.folder.display()));
        disk.sync_directory().map_err(unknown)?;
        Ok(if is_ours { Created::Won } else { Created::Exists })
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        match fs::read(self.path(slot)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&self.path(slot), &error)),
        }
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        let names = entries(&self.folder).map_err(|error| failed(&self.folder, &error))?;
        Ok(names.iter().filter_map(|name| u64::from_str_radix(name, 16).ok()).max())
    }

    fn redact(&self, slot: u64, _stored: &[u8], _bytes: &[u8]) -> Result<(), SlotError> {
        Err(SlotError::Denied(format!("revision {slot} of a name holds nothing to redact")))
    }
}

fn file_name(revision: u64) -> String {
    format!("{revision:016x}")
}

/// The names in a folder, sorted; none if it does not exist.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<String>>>()?;
    names.sort();
    Ok(names)
}

/// What a failure at a path means, before anything was written there.
pub(super) fn failed(path: &Path, error: &io::Error) -> SlotError {
    let why = format!("{}: {error}", path.display());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => SlotError::Full(why),
        _ => SlotError::Denied(why),
    }
}
