//! A view on disk, in the log-structured engine `fjall`: one of its keyspaces for each of ours, and one for
//! what the view says about itself. A batch goes through the engine's one journal, which it syncs before it
//! moves anything from memory to a keyspace's files: whatever a crash leaves is what some commit left, with
//! that commit's slot and link beside it.
//!
//! Commits and snapshots exclude each other, because the engine's snapshots may be torn when they are taken
//! during a commit: its background work can make half of a batch visible. The mutex below is the whole
//! remedy; the stress test `views::fjall_snapshots_are_never_torn` watches over it.
//!
//! A view is only ever derived. Whatever is wrong with the files, opening begins an empty one, and whatever
//! goes wrong while it is open marks it, so that the next opening does.

use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fjall::{Database, KeyspaceCreateOptions, PersistMode, Readable};

use super::file;
use super::view_engine::{self, EngineError, FORMAT, failed};
use super::views::{
    Applied, Batch, Entry, Keyspace, ViewError, ViewSnapshot, ViewStore, decode_applied, encode_applied,
    is_empty_range, last_changes,
};

/// The least that the engine takes. What is in its journal is read again after a crash.
const JOURNAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Of two the engine keeps one free for writing memory out, and lets it turn in a busy loop while the other one
/// compacts.
const WORKERS: usize = 1;

/// In the order of [`Keyspace::ALL`].
const KEYSPACES: [&str; Keyspace::ALL.len()] =
    ["catalog", "ids", "documents", "history", "indexes", "blocks", "tiles"];

const ABOUT: &str = "about";
const FORMAT_KEY: &[u8] = b"format";
const APPLIED_KEY: &[u8] = b"applied";

/// In the directory of a view that shall not be opened again.
const DISTRUSTED: &str = "doubtful";

/// In the directory of a view: what it held when it was last saved. The engine takes a damaged journal for
/// one that a crash has cut, so it may come back with less, and then not with the same of each keyspace.
const SAVED: &str = "saved";

/// The longest key that the engine takes.
const KEY_BYTES_MAX: usize = 65_535;

/// The engine keeps so many of a view's files open; the others are opened when they are read.
const FILES_OPEN_MAX: usize = 64;

/// How a view uses the machine.
#[derive(Clone, Debug)]
pub struct FjallViewOptions {
    /// Where blocks of the files are kept in memory.
    pub cache: FjallCache,
    /// Changes of one keyspace kept in memory, in bytes, until they are written to a file of their own.
    pub memtable_bytes: u64,
}

impl Default for FjallViewOptions {
    fn default() -> Self {
        FjallViewOptions { cache: FjallCache::new(64 * 1024 * 1024), memtable_bytes: 16 * 1024 * 1024 }
    }
}

/// Memory for blocks of files. Clones are the same memory, which many views may share.
#[derive(Clone)]
pub struct FjallCache(fjall::Config);

impl FjallCache {
    /// At most about so many bytes.
    pub fn new(bytes: u64) -> FjallCache {
        FjallCache(Database::builder(".").cache_size(bytes).into_config())
    }
}

impl std::fmt::Debug for FjallCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FjallCache").field("bytes", &self.0.cache.capacity()).finish()
    }
}

/// A view in a directory.
pub struct FjallView {
    path: PathBuf,
    options: FjallViewOptions,
    /// Held during a commit, a snapshot and a wipe. `None` when a wipe could not begin anew, or it was discarded.
    generation: Mutex<Option<Arc<Generation>>>,
}

/// One life of the view, from empty to wiped. Lies in a directory of its own, so that a wipe does not
/// disturb those who still read the old one.
struct Generation {
    database: Database,
    about: fjall::Keyspace,
    /// In the order of [`Keyspace::ALL`].
    entries: Vec<fjall::Keyspace>,
    /// Dropped last, when the database is closed.
    directory: GenerationDirectory,
}

struct GenerationDirectory {
    path: PathBuf,
    is_wiped: AtomicBool,
}

impl FjallView {
    /// Opens the view in a directory, or begins an empty one where there is none or none that can be
    /// trusted. Fails when another process has it, or the directory cannot be written.
    pub fn open(path: impl Into<PathBuf>, options: FjallViewOptions) -> Result<Self, ViewError> {
        let path = path.into();
        file::create_directories(&path).map_err(|error| failed(&path, &error))?;
        let mut numbers = generations(&path)?;
        let newest = numbers.pop();
        for older in numbers {
            remove(&path.join(older.to_string()));
        }
        let generation = match newest {
            None => Generation::open(&path.join("0"), &options)?,
            Some(newest) => {
                let directory = path.join(newest.to_string());
                let opened = match file::exists(&directory.join(DISTRUSTED)) {
                    true => Err(EngineError::failed(&directory, &"it failed earlier")),
                    false => Generation::open(&directory, &options),
                };
                match opened {
                    Ok(generation) => generation,
                    Err(EngineError::Locked(error)) => return Err(error),
                    Err(EngineError::Failed(error)) => {
                        tracing::warn!(path = %directory.display(), %error, "the view is begun anew");
                        let generation = Generation::open(&path.join((newest + 1).to_string()), &options)?;
                        remove(&directory);
                        generation
                    }
                }
            }
        };
        Ok(FjallView { path, options, generation: Mutex::new(Some(Arc::new(generation))) })
    }

    fn generation(&self) -> MutexGuard<'_, Option<Arc<Generation>>> {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ViewStore for FjallView {
    fn applied(&self) -> Result<Option<Applied>, ViewError> {
        open(&self.generation())?.applied()
    }

    fn commit(&self, batch: &Batch, applied: Applied) -> Result<(), ViewError> {
        let generation = self.generation();
        let generation = open(&generation)?;
        let last_changes = last_changes(batch)?;
        generation.guard(|| {
            let mut changes = generation.database.batch();
            for (keyspace, key, value) in last_changes {
                let entries = &generation.entries[keyspace.index()];
                match value {
                    Some(value) => changes.insert(entries, key.as_slice(), value.as_slice()),
                    None => changes.remove(entries, key.as_slice()),
                }
            }
            changes.insert(&generation.about, APPLIED_KEY, encode_applied(applied));
            changes.commit()
        })
    }

    fn snapshot(&self) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        let generation = self.generation();
        let generation = open(&generation)?;
        let snapshot = generation.guard(|| Ok(generation.database.snapshot()))?;
        Ok(Box::new(FjallSnapshot { snapshot, generation: Arc::clone(generation) }))
    }

    fn persist(&self) -> Result<(), ViewError> {
        let Some(applied) = self.applied()? else { return Ok(()) };
        // Not under the lock: commits need not wait for the sync.
        let generation = Arc::clone(open(&self.generation())?);
        generation.guard(|| generation.database.persist(PersistMode::SyncData))?;
        let path = generation.directory.path.join(SAVED);
        file::replace(&path, &encode_saved(applied)).map_err(|error| failed(&path, &error))
    }

    fn distrust(&self, why: &str) {
        if let Some(generation) = &*self.generation() {
            let _ = generation.distrust(why);
        }
    }

    fn fresh(&self) -> Result<Option<Arc<dyn ViewStore>>, ViewError> {
        let next = generations(&self.path)?.last().map_or(0, |newest| newest + 1);
        let directory = self.path.join(next.to_string());
        let generation = Generation::open(&directory, &self.options).inspect_err(|_| remove(&directory))?;
        let generation = Mutex::new(Some(Arc::new(generation)));
        Ok(Some(Arc::new(FjallView { path: self.path.clone(), options: self.options.clone(), generation })))
    }

    /// In the engine's log until it is full, and in the files of a keyspace until they happen to be merged.
    fn keeps_what_was_removed(&self) -> bool {
        true
    }

    fn discard(&self) {
        if let Some(generation) = self.generation().take() {
            // Whoever still reads it is the last to hold it, and removes it.
            generation.directory.is_wiped.store(true, Ordering::Relaxed);
            let _ = generation.directory.mark_distrusted();
        }
    }

    fn wipe(&self) -> Result<(), ViewError> {
        self.discard();
        let mut generation = self.generation();
        let next = generations(&self.path)?.last().map_or(0, |newest| newest + 1);
        *generation = Some(Arc::new(Generation::open(&self.path.join(next.to_string()), &self.options)?));
        Ok(())
    }
}

impl Generation {
    fn open(path: &Path, options: &FjallViewOptions) -> Result<Self, EngineError> {
        check_manifests(path).map_err(|error| EngineError::failed(path, &error))?;
        let open = || -> fjall::Result<_> {
            let mut config = Database::builder(path)
                .max_journaling_size(JOURNAL_BYTES_MAX)
                .max_cached_files(Some(FILES_OPEN_MAX))
                .worker_threads(WORKERS)
                .into_config();
            config.cache = Arc::clone(&options.cache.0.cache);
            let database = Database::open(config)?;
            // The engine begins a keyspace anew when its files are gone.
            let there = database.list_keyspace_names();
            let is_whole = KEYSPACES.iter().all(|name| there.iter().any(|there| &**there == *name));
            let keyspace = |name| {
                database.keyspace(name, || {
                    KeyspaceCreateOptions::default().max_memtable_size(options.memtable_bytes)
                })
            };
            let about = keyspace(ABOUT)?;
            let entries = KEYSPACES.into_iter().map(keyspace).collect::<fjall::Result<Vec<_>>>()?;
            let format = about.get(FORMAT_KEY)?;
            if format.is_none() && about.is_empty()? {
                about.insert(FORMAT_KEY, FORMAT)?;
                return Ok((database, about, entries, true, true));
            }
            let is_ours = format.is_some_and(|format| *format == *FORMAT);
            Ok((database, about, entries, is_ours, is_whole))
        };
        let (database, about, entries, is_ours, is_whole) = guard(path, open)?;
        if is_ours && !is_whole {
            return Err(EngineError::failed(path, &"files of it are gone"));
        }
        if !is_ours {
            return Err(EngineError::failed(path, &"it has another format than this program's"));
        }
        let directory = GenerationDirectory { path: path.to_owned(), is_wiped: AtomicBool::new(false) };
        let generation = Generation { database, about, entries, directory };
        let saved = file::read(&path.join(SAVED)).or_else(if_absent);
        let saved = saved.map_err(|error| EngineError::failed(path, &error))?;
        if !saved.is_empty() {
            let saved =
                decode_saved(&saved).ok_or_else(|| EngineError::failed(path, &"its mark is damaged"))?;
            let applied = generation.applied().map_err(EngineError::Failed)?;
            if applied.is_none_or(|applied| applied.slot < saved.slot) {
                return Err(EngineError::failed(path, &"it holds less than was saved"));
            }
        }
        Ok(generation)
    }

    fn applied(&self) -> Result<Option<Applied>, ViewError> {
        let value = self.guard(|| self.about.get(APPLIED_KEY))?;
        match value.map(|value| decode_applied(&value)) {
            None => Ok(None),
            Some(Some(applied)) => Ok(Some(applied)),
            Some(None) => Err(self.distrust("its applied slot cannot be read")),
        }
    }

    /// Runs something of the engine's. After a failure the view is not opened again.
    fn guard<T>(&self, run: impl FnOnce() -> fjall::Result<T>) -> Result<T, ViewError> {
        guard(&self.directory.path, run).map_err(|error| {
            let _ = self.directory.mark_distrusted();
            error.into()
        })
    }

    fn distrust(&self, why: &str) -> ViewError {
        let _ = self.directory.mark_distrusted();
        failed(&self.directory.path, &why)
    }
}

impl GenerationDirectory {
    /// Where even this fails, the same failure will be met again.
    fn mark_distrusted(&self) -> io::Result<()> {
        file::touch(&self.path.join(DISTRUSTED))
    }
}

impl Drop for GenerationDirectory {
    fn drop(&mut self) {
        if self.is_wiped.load(Ordering::Relaxed) {
            remove(&self.path);
        }
    }
}

struct FjallSnapshot {
    snapshot: fjall::Snapshot,
    generation: Arc<Generation>,
}

impl ViewSnapshot for FjallSnapshot {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        if key.len() > KEY_BYTES_MAX {
            return Ok(None);
        }
        let entries = &self.generation.entries[keyspace.index()];
        let value = self.generation.guard(|| self.snapshot.get(entries, key))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn range(
        &self,
        keyspace: Keyspace,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, ViewError> {
        if is_empty_range(lower, upper) || limit == 0 {
            return Ok(Vec::new());
        }
        // No key is as long as a bound may be: one that is longer lies just behind its beginning.
        let lower = match lower {
            Bound::Included(key) | Bound::Excluded(key) if key.len() > KEY_BYTES_MAX => {
                Bound::Excluded(&key[..KEY_BYTES_MAX])
            }
            bound => bound,
        };
        let upper = match upper {
            Bound::Included(key) | Bound::Excluded(key) if key.len() > KEY_BYTES_MAX => {
                Bound::Included(&key[..KEY_BYTES_MAX])
            }
            bound => bound,
        };
        let owned = |guard: fjall::Guard| {
            let (key, value) = guard.into_inner()?;
            Ok((key.to_vec(), value.to_vec()))
        };
        self.generation.guard(|| {
            let range =
                self.snapshot.range::<&[u8], _>(&self.generation.entries[keyspace.index()], (lower, upper));
            match descending {
                false => range.take(limit).map(owned).collect(),
                true => range.rev().take(limit).map(owned).collect(),
            }
        })
    }
}

fn guard<T>(path: &Path, run: impl FnOnce() -> fjall::Result<T>) -> Result<T, EngineError> {
    view_engine::guard(path, |error| matches!(error, fjall::Error::Locked), run)
}

fn open(generation: &Option<Arc<Generation>>) -> Result<&Arc<Generation>, ViewError> {
    generation.as_ref().ok_or_else(|| ViewError("it was wiped".into()))
}

fn encode_saved(applied: Applied) -> [u8; 44] {
    let mut bytes = [0; 44];
    bytes[..40].copy_from_slice(&encode_applied(applied));
    let check = crc32c::crc32c(&bytes[..40]);
    bytes[40..].copy_from_slice(&check.to_le_bytes());
    bytes
}

fn decode_saved(bytes: &[u8]) -> Option<Applied> {
    let (applied, check) = bytes.split_at_checked(40)?;
    decode_applied(applied).filter(|_| *check == crc32c::crc32c(applied).to_le_bytes())
}

/// Compares each of the engine's manifests with the checksum that it writes beside it and, in this version,
/// does not read: a changed bit in one can hide a table or claim memory that no machine has.
fn check_manifests(path: &Path) -> io::Result<()> {
    let keyspaces = path.join("keyspaces");
    for name in file::names(&keyspaces).or_else(if_absent)? {
        let keyspace = keyspaces.join(name);
        let current = file::read(&keyspace.join("current")).or_else(if_absent)?;
        let Some((number, rest)) = current.split_first_chunk() else { continue };
        let manifest = keyspace.join(format!("v{}", u64::from_le_bytes(*number)));
        let checksum = xxhash_rust::xxh3::xxh3_128(&file::read(&manifest)?);
        if rest.first_chunk() != Some(&checksum.to_le_bytes()) {
            return Err(io::Error::other(format!("{} is not as it was written", manifest.display())));
        }
    }
    Ok(())
}

/// What is not there is left for the engine to say.
fn if_absent<T>(error: io::Error) -> io::Result<Vec<T>> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(Vec::new()),
        _ => Err(error),
    }
}

/// The generations in a directory, the newest last.
fn generations(path: &Path) -> Result<Vec<u64>, ViewError> {
    let names = file::names(path).map_err(|error| failed(path, &error))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// What cannot be removed now is tried again at the next opening.
fn remove(path: &Path) {
    if let Err(error) = file::remove_directory(path) {
        tracing::warn!(path = %path.display(), %error, "an old view was not removed");
    }
}
