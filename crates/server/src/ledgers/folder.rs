//! The data folder: the ledgers in it, and the small files beside their journals.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use everstrand_ion::{Value, text};
use everstrand_journal::UniqueId;
use everstrand_ledger::storage::disk::Disk as _;
use everstrand_ledger::storage::{FileDisk, FileLock, FjallCache, FjallViewOptions, meta};
use everstrand_protocol::control::LedgerState;

use super::note::Note;
use super::stored::StoredLedger;
use crate::data_keys::{DataKey, DataKeys};
use crate::open_error::ServiceOpenError;
use crate::record::Record;

/// The file with a ledger's record.
const META: &str = "meta";
/// The file with the seed of a ledger's key.
const KEY: &str = "key";
/// The file with a ledger's note.
const NOTE: &str = "note";
const JOURNAL: &str = "journal";
const VIEW: &str = "view";
/// A view that holds blocks which the journal lacks. It is kept until the operator has decided about the loss.
const VIEW_AHEAD: &str = "view-ahead";
/// The suffix that the name of a ledger's folder gets when the ledger is deleted.
const DELETED: &str = ".deleted";

/// The data folders that this process uses, so that the error can tell whether the other service is in this process.
static IN_USE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A data folder that only this service uses.
pub(super) struct DataFolder {
    path: PathBuf,
    lock: Mutex<Option<(FileLock, PathBuf)>>,
    /// The options of every ledger's view; all views share one cache.
    pub(super) view_options: FjallViewOptions,
}

/// The content of a data folder.
pub(super) struct Found {
    /// The ledgers, each with its note.
    pub(super) ledgers: Vec<(Record, Note)>,
    /// Folders that have a journal but no readable record.
    pub(super) broken: Vec<Broken>,
    /// The names of folders to remove: their ledgers were never finished, or were deleted.
    pub(super) leftovers: Vec<String>,
}

/// A folder that has a journal but no readable record.
pub(super) struct Broken {
    pub(super) id: String,
    /// The ledger's name, if the note has it.
    pub(super) name: Option<String>,
    pub(super) why: String,
}

impl DataFolder {
    /// Takes the folder for this service; fails if another service uses it.
    pub(super) fn open(
        path: &Path,
        cache_bytes: u64,
        view_files_max: usize,
    ) -> Result<DataFolder, ServiceOpenError> {
        let named = |error: io::Error| {
            let (folder, why) = (path.to_owned(), error.to_string());
            match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    ServiceOpenError::Denied { folder, why }
                }
                _ => ServiceOpenError::Folder { folder, why },
            }
        };
        let in_use_by = |by| ServiceOpenError::InUse { folder: path.to_owned(), by };
        if path.is_file() {
            let why = "it is a file, not a folder".to_owned();
            return Err(ServiceOpenError::Folder { folder: path.to_owned(), why });
        }
        FileDisk::create(path).map_err(named)?;
        let known = path.canonicalize().map_err(named)?;
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        if in_use.contains(&known) {
            return Err(in_use_by("another service of this process is using it; close that service first"));
        }
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(path.join("lock"));
        let lock = FileLock::acquire(lock.map_err(named)?).map_err(|error| match error {
            fs::TryLockError::WouldBlock => in_use_by("another server is using it; stop that one first"),
            fs::TryLockError::Error(error) => named(error),
        })?;
        in_use.insert(known.clone());
        let lock = Mutex::new(Some((lock, known)));
        let cache = FjallCache::new(cache_bytes);
        let view_options =
            FjallViewOptions { cache, files_open_max: view_files_max, ..FjallViewOptions::default() };
        Ok(DataFolder { path: path.to_owned(), lock, view_options })
    }

    /// Lets other services use the folder.
    pub(super) fn release(&self) {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((lock, known)) = lock {
            drop(lock);
            IN_USE.lock().unwrap_or_else(PoisonError::into_inner).remove(&known);
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn journal(&self, id: &str) -> PathBuf {
        self.path.join(id).join(JOURNAL)
    }

    pub(super) fn view(&self, id: &str) -> PathBuf {
        self.path.join(id).join(VIEW)
    }

    /// The folder of a view in a cache, which is made if it does not exist.
    pub(super) fn make_view_folder(&self, id: &str) -> Result<PathBuf, String> {
        let folder = self.path.join(id);
        fs::create_dir_all(&folder).map_err(|error| {
            format!("the folder {} of its view cannot be made: {error}", folder.display())
        })?;
        Ok(folder.join(VIEW))
    }

    /// Removes what a cache has of a ledger.
    pub(super) fn remove_cached(&self, id: &str) {
        let folder = self.path.join(id);
        if folder.exists()
            && let Err(error) = fs::remove_dir_all(&folder)
        {
            tracing::warn!(folder = %folder.display(), %error, "the view of a deleted ledger could not be removed");
        }
    }

    /// Reads which ledgers the folder has.
    pub(super) fn found(&self) -> Result<Found, String> {
        let mut found = Found { ledgers: Vec::new(), broken: Vec::new(), leftovers: Vec::new() };
        for id in folders(&self.path)? {
            if id.ends_with(DELETED) {
                found.leftovers.push(id);
                continue;
            }
            let folder = self.path.join(&id);
            let note = read::<Note>(&folder, NOTE, Note::from_ion);
            match read::<Record>(&folder, META, Record::from_ion) {
                Ok(Some(record)) => {
                    let note = note.unwrap_or_else(|why| {
                        tracing::warn!(ledger = %record.name, %why, "the ledger's note cannot be read");
                        None
                    });
                    // Ledgers of earlier versions have no note.
                    found.ledgers.push((record, note.unwrap_or_default()));
                }
                // A server died while it created this ledger or removed its files.
                Ok(None) if !folder.join(JOURNAL).exists() => {
                    if is_leftover(&id, &folder) {
                        found.leftovers.push(id);
                    }
                }
                missing => {
                    let why = match missing {
                        Err(why) => why,
                        Ok(_) => format!("{} is missing", folder.join(META).display()),
                    };
                    let name = note.ok().flatten().map(|note| note.name);
                    found.broken.push(Broken { id, name, why });
                }
            }
        }
        found.ledgers.sort_by(|a, b| a.0.name.cmp(&b.0.name));
        Ok(found)
    }

    pub(super) fn write_record(&self, record: &Record) -> Result<(), String> {
        self.write(&record.id, META, &record.to_ion())
    }

    pub(super) fn write_note(&self, id: &str, note: &Note) -> Result<(), String> {
        self.write(id, NOTE, &note.to_ion())
    }

    fn write(&self, id: &str, name: &str, value: &Value) -> Result<(), String> {
        let disk = FileDisk::create(self.path.join(id)).map_err(|error| error.to_string())?;
        meta::replace(&disk, name, text::write(value).as_bytes()).map_err(|error| error.to_string())
    }

    /// The seed of a ledger's key. If the ledger has none, `make` makes it and the folder keeps it.
    pub(super) fn seed(
        &self,
        id: &str,
        key: Option<&DataKey>,
        make: impl FnOnce() -> Result<[u8; 32], String>,
    ) -> Result<[u8; 32], String> {
        let disk = FileDisk::create(self.path.join(id)).map_err(|error| error.to_string())?;
        let stored = meta::read(&disk, KEY).map_err(|error| error.to_string())?;
        // A seed that was written before the ledger was encrypted is replaced by its sealed form.
        let is_clear = stored.as_ref().is_none_or(|stored| stored.len() == 32);
        let seed = match stored {
            None => make()?,
            Some(stored) if is_clear => stored.try_into().expect("32 bytes"),
            Some(stored) => {
                let opened = key.and_then(|key| key.seed().open(id.as_bytes(), &stored).ok());
                let seed = opened.and_then(|seed| seed.try_into().ok());
                seed.ok_or("the file key is damaged, or sealed under another data key")?
            }
        };
        if is_clear {
            let stored = key.map_or(seed.to_vec(), |key| key.seed().seal(id.as_bytes(), &seed));
            meta::replace(&disk, KEY, &stored).map_err(|error| error.to_string())?;
        }
        Ok(seed)
    }

    /// Marks a ledger's folder as deleted by a rename, which is atomic and durable. Answers the new name; [`remove`] removes the
    /// files later.
    pub(super) fn mark_deleted(&self, id: &str) -> Result<String, String> {
        let leftover = format!("{id}{DELETED}");
        fs::rename(self.path.join(id), self.path.join(&leftover))
            .and_then(|()| sync_directory(&self.path))
            .map_err(|error| format!("its folder could not be renamed: {error}"))?;
        Ok(leftover)
    }

    /// Puts a ledger's view aside, because the view holds blocks that the journal lacks.
    pub(super) fn put_view_aside(&self, id: &str) -> Result<(), String> {
        let (view, aside) = (self.view(id), self.path.join(id).join(VIEW_AHEAD));
        if aside.exists() {
            // Keep the first one as the proof: a later view was built from the journal and cannot hold more.
            return Ok(());
        }
        fs::rename(&view, &aside)
            .and_then(|()| sync_directory(&self.path.join(id)))
            .map_err(|error| format!("its view could not be put aside: {error}"))
    }

    /// Removes a ledger's view. The next opening builds it from the journal.
    pub(super) fn remove_view(&self, id: &str) -> Result<(), String> {
        match fs::remove_dir_all(self.view(id)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("its view could not be removed: {error}"))
            }
            _ => Ok(()),
        }
    }

    /// Removes a view that was put aside.
    pub(super) fn drop_view_aside(&self, id: &str) {
        let aside = self.path.join(id).join(VIEW_AHEAD);
        if aside.exists()
            && let Err(error) = fs::remove_dir_all(&aside)
        {
            tracing::warn!(path = %aside.display(), %error, "the view that was put aside could not be removed");
        }
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        self.release();
    }
}

/// Removes a folder that was marked as deleted. If this fails, the next start tries again.
/// The data key goes first, because without it the files mean nothing.
pub(super) fn remove(folder: &Path, leftover: &str, keys: &DataKeys) {
    let id = leftover.strip_suffix(DELETED).unwrap_or(leftover);
    if let Err(error) = keys.remove(id) {
        tracing::warn!(folder = leftover, %error, "the data key of a deleted ledger could not be removed; the next start tries again");
        return;
    }
    if let Err(error) = fs::remove_dir_all(folder.join(leftover)) {
        tracing::warn!(folder = leftover, %error, "the files of a deleted ledger could not be removed; the next start tries again");
    }
}

/// Whether a service, of this process or of another one, has a data folder open.
pub fn is_data_folder_in_use(folder: &Path) -> bool {
    let lock = OpenOptions::new().write(true).open(folder.join("lock"));
    lock.is_ok_and(|lock| matches!(FileLock::acquire(lock), Err(fs::TryLockError::WouldBlock)))
}

/// The ledgers of a data folder: each one's name and its own folder. A server may be running on the data folder meanwhile.
pub fn ledger_folders(folder: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let mut ledgers = Vec::new();
    for id in folders(folder)?.into_iter().filter(|id| !id.ends_with(DELETED)) {
        let path = folder.join(id);
        if let Some(record) = read::<Record>(&path, META, Record::from_ion)? {
            ledgers.push((record.name, path));
        }
    }
    ledgers.sort();
    Ok(ledgers)
}

/// The ledgers of a data folder that serve or did serve, with their records. A server may be running on it meanwhile.
pub fn ledgers_in_folder(folder: &Path) -> Result<Vec<StoredLedger>, String> {
    let mut ledgers = Vec::new();
    for id in folders(folder)?.into_iter().filter(|id| !id.ends_with(DELETED)) {
        let path = folder.join(&id);
        let Some(record) = read::<Record>(&path, META, Record::from_ion)? else { continue };
        if record.state == LedgerState::Active {
            ledgers.push(StoredLedger::new(&record, Some(path.join(JOURNAL)))?);
        }
    }
    ledgers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(ledgers)
}

/// Whether a folder without a journal was a ledger's, and holds no file that somebody else has put there.
fn is_leftover(id: &str, folder: &Path) -> bool {
    const OURS: [&str; 5] = [VIEW, VIEW_AHEAD, KEY, NOTE, META];
    let is_ours = |name: &str| OURS.iter().any(|ours| name == *ours || name.starts_with(&format!("{ours}.")));
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut names = entries.map(|entry| entry.ok().and_then(|entry| entry.file_name().into_string().ok()));
    id.parse::<UniqueId>().is_ok() && names.all(|name| name.is_some_and(|name| is_ours(&name)))
}

/// The names of the folders in a folder.
fn folders(folder: &Path) -> Result<Vec<String>, String> {
    let unreadable = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.file_type().map_err(unreadable)?.is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// Reads a small file of a ledger; `None` if it does not exist.
fn read<T>(folder: &Path, name: &str, from_ion: fn(&Value) -> Option<T>) -> Result<Option<T>, String> {
    let path = folder.join(name);
    let unreadable = |why: &dyn std::fmt::Display| format!("cannot read {}: {why}", path.display());
    let disk = FileDisk::read_only(folder).map_err(|error| unreadable(&error))?;
    let Some(bytes) = meta::read(&disk, name).map_err(|error| unreadable(&error))? else { return Ok(None) };
    let value = std::str::from_utf8(&bytes).ok().and_then(|written| text::read_one(written).ok());
    match value.as_ref().and_then(from_ion) {
        Some(read) => Ok(Some(read)),
        None => Err(unreadable(&"it does not describe a ledger")),
    }
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    FileDisk::read_only(path)?.sync_directory()
}
