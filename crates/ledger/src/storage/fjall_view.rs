//! A view on disk, in the log-structured engine `fjall`.
//!
//! Everything lies in one of its keyspaces, ours told apart by the first byte of the key. With several, one
//! could reach the disk without the others: the engine flushes each by itself and does not wait for its
//! journal. So each crash leaves what some commit left, with that commit's slot and link beside it.
//!
//! Commits and snapshots exclude each other, because the engine's snapshots may be torn when they are taken
//! during a commit: its background work can make half of a batch visible. The mutex below is the whole
//! remedy; the stress test `views::snapshots_are_never_torn` watches over it.
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

/// Before all keys of ours; those of keyspace `n` begin with the byte `n + 1`.
const FORMAT_KEY: &[u8] = b"\0format";
const APPLIED_KEY: &[u8] = b"\0applied";

/// In the directory of a view that shall not be opened again.
const DOUBTFUL: &str = "doubtful";

/// How a view uses the machine.
#[derive(Clone, Copy, Debug)]
pub struct FjallViewOptions {
    /// Blocks of the files kept in memory, in bytes.
    pub cache_bytes: u64,
    /// Changes kept in memory, in bytes, until they are written to a file of their own.
    pub memtable_bytes: u64,
}

impl Default for FjallViewOptions {
    fn default() -> Self {
        FjallViewOptions { cache_bytes: 64 * 1024 * 1024, memtable_bytes: 32 * 1024 * 1024 }
    }
}

/// A view in a directory.
pub struct FjallView {
    path: PathBuf,
    options: FjallViewOptions,
    /// Held during a commit, a snapshot and a wipe. `None` when a wipe could not begin anew.
    generation: Mutex<Option<Arc<Generation>>>,
}

/// One life of the view, from empty to wiped. Lies in a directory of its own, so that a wipe does not
/// disturb those who still read the old one.
struct Generation {
    database: Database,
    entries: fjall::Keyspace,
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
            None => Generation::open(&path.join("0"), options)?,
            Some(newest) => {
                let directory = path.join(newest.to_string());
                let opened = match file::exists(&directory.join(DOUBTFUL)) {
                    true => Err(EngineError::failed(&directory, &"it failed earlier")),
                    false => Generation::open(&directory, options),
                };
                match opened {
                    Ok(generation) => generation,
                    Err(EngineError::Locked(error)) => return Err(error),
                    Err(EngineError::Failed(error)) => {
                        tracing::warn!(path = %directory.display(), %error, "the view is begun anew");
                        let generation = Generation::open(&path.join((newest + 1).to_string()), options)?;
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
        let generation = self.generation();
        let generation = open(&generation)?;
        let value = generation.guard(|| generation.entries.get(APPLIED_KEY))?;
        match value.map(|value| decode_applied(&value)) {
            None => Ok(None),
            Some(Some(applied)) => Ok(Some(applied)),
            Some(None) => Err(generation.doubt("its applied slot cannot be read")),
        }
    }

    fn commit(&self, batch: Batch, applied: Applied) -> Result<(), ViewError> {
        let generation = self.generation();
        let generation = open(&generation)?;
        generation.guard(|| {
            let mut changes = generation.database.batch();
            for (keyspace, key, value) in last_changes(batch) {
                let key = stored_key(keyspace, &key);
                match value {
                    Some(value) => changes.insert(&generation.entries, key, value),
                    None => changes.remove(&generation.entries, key),
                }
            }
            changes.insert(&generation.entries, APPLIED_KEY, encode_applied(applied));
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
        // Not under the lock: commits need not wait for the sync.
        let generation = Arc::clone(open(&self.generation())?);
        generation.guard(|| generation.database.persist(PersistMode::SyncData))
    }

    fn wipe(&self) -> Result<(), ViewError> {
        let mut generation = self.generation();
        if let Some(wiped) = generation.take() {
            // Whoever still reads it is the last to hold it, and removes it.
            wiped.directory.is_wiped.store(true, Ordering::Relaxed);
            let _ = wiped.directory.mark_doubtful();
        }
        let next = generations(&self.path)?.last().map_or(0, |newest| newest + 1);
        *generation = Some(Arc::new(Generation::open(&self.path.join(next.to_string()), self.options)?));
        Ok(())
    }
}

impl Generation {
    fn open(path: &Path, options: FjallViewOptions) -> Result<Self, EngineError> {
        check_manifests(path).map_err(|error| EngineError::failed(path, &error))?;
        let open = || -> fjall::Result<_> {
            let database = Database::builder(path)
                .cache_size(options.cache_bytes)
                .max_journaling_size(JOURNAL_BYTES_MAX)
                .worker_threads(2)
                .open()?;
            let entries = database.keyspace("view", || {
                KeyspaceCreateOptions::default().max_memtable_size(options.memtable_bytes)
            })?;
            let format = entries.get(FORMAT_KEY)?;
            if format.is_none() && entries.is_empty()? {
                entries.insert(FORMAT_KEY, FORMAT)?;
                return Ok((database, entries, true));
            }
            Ok((database, entries, format.is_some_and(|format| *format == *FORMAT)))
        };
        let (database, entries, is_ours) = guard(path, open)?;
        match is_ours {
            true => {
                let directory =
                    GenerationDirectory { path: path.to_owned(), is_wiped: AtomicBool::new(false) };
                Ok(Generation { database, entries, directory })
            }
            false => Err(EngineError::failed(path, &"it has another format than pre-1")),
        }
    }

    /// Runs something of the engine's. After a failure the view is not opened again.
    fn guard<T>(&self, run: impl FnOnce() -> fjall::Result<T>) -> Result<T, ViewError> {
        guard(&self.directory.path, run).map_err(|error| {
            let _ = self.directory.mark_doubtful();
            error.into()
        })
    }

    fn doubt(&self, why: &str) -> ViewError {
        let _ = self.directory.mark_doubtful();
        failed(&self.directory.path, &why)
    }
}

impl GenerationDirectory {
    /// Where even this fails, the same failure will be met again.
    fn mark_doubtful(&self) -> io::Result<()> {
        file::touch(&self.path.join(DOUBTFUL))
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
        let key = stored_key(keyspace, key);
        let value = self.generation.guard(|| self.snapshot.get(&self.generation.entries, key))?;
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
        let prefix = prefix(keyspace);
        let lower = match lower.map(|key| stored_key(keyspace, key)) {
            Bound::Unbounded => Bound::Included(vec![prefix]),
            bound => bound,
        };
        let upper = match upper.map(|key| stored_key(keyspace, key)) {
            Bound::Unbounded => Bound::Excluded(vec![prefix + 1]),
            bound => bound,
        };
        let owned = |guard: fjall::Guard| {
            let (key, value) = guard.into_inner()?;
            Ok((key.get(1..).unwrap_or_default().to_vec(), value.to_vec()))
        };
        self.generation.guard(|| {
            let range = self.snapshot.range::<Vec<u8>, _>(&self.generation.entries, (lower, upper));
            match descending {
                false => range.take(limit).map(owned).collect(),
                true => range.rev().take(limit).map(owned).collect(),
            }
        })
    }
}

fn prefix(keyspace: Keyspace) -> u8 {
    keyspace as u8 + 1
}

fn stored_key(keyspace: Keyspace, key: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(1 + key.len());
    stored.push(prefix(keyspace));
    stored.extend_from_slice(key);
    stored
}

fn guard<T>(path: &Path, run: impl FnOnce() -> fjall::Result<T>) -> Result<T, EngineError> {
    view_engine::guard(path, |error| matches!(error, fjall::Error::Locked), run)
}

fn open(generation: &Option<Arc<Generation>>) -> Result<&Arc<Generation>, ViewError> {
    generation.as_ref().ok_or_else(|| ViewError("it was wiped and could not be begun anew".into()))
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
