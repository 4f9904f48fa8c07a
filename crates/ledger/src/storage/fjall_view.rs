//! A view on disk, in the log-structured engine `fjall`. Each of our keyspaces is one of the engine's, and one more
//! holds what the view says about itself.
//!
//! A batch goes through the engine's one journal. The engine syncs that before it moves anything from memory to a
//! keyspace's files. So after a crash the view is as some commit left it, with that commit's slot and link.
//!
//! Commits and snapshots exclude each other by a mutex. Without it a snapshot could show half of a batch, because the
//! engine's background work can make half of a batch visible. The stress test `views::fjall_snapshots_are_never_torn`
//! watches over it.
//!
//! A view can always be computed again. If anything is wrong with its files, opening begins an empty view. If
//! anything fails while the view is open, it is marked, so that the next opening begins an empty one.

use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fjall::{Database, KeyspaceCreateOptions, PersistMode, Readable};

use super::file;
use super::generations::{self, GenerationDirectory};
use super::view_engine::{self, EngineError, FORMAT, failed};
use super::views::{
    Applied, Batch, EachEntry, Keyspace, ViewError, ViewSnapshot, ViewStore, decode_applied, encode_applied,
    is_empty_range, last_changes,
};

/// The least that the engine accepts. After a crash it reads its whole journal again.
const JOURNAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// With two workers fjall reserves one for flushes, and that one spins while the other compacts.
const WORKERS: usize = 1;

/// In the order of [`Keyspace::ALL`].
const KEYSPACES: [&str; Keyspace::ALL.len()] =
    ["catalog", "ids", "documents", "history", "indexes", "blocks", "tiles"];

const ABOUT: &str = "about";
const FORMAT_KEY: &[u8] = b"format";
const APPLIED_KEY: &[u8] = b"applied";

/// A file of this name is in the directory of a view. It names the last slot of the view when it was last saved. The
/// engine takes a damaged journal for one that a crash has cut, so it may open with less than was saved, and even with
/// keyspaces of different slots. This file shows that.
const SAVED: &str = "saved";

/// The longest key that the engine accepts.
const KEY_BYTES_MAX: usize = 65_535;

/// How a view uses the machine.
#[derive(Clone, Debug)]
pub struct FjallViewOptions {
    /// The cache of the files' blocks.
    pub cache: FjallCache,
    /// So many bytes of changes of one keyspace are kept in memory before they are written to a file.
    pub memtable_bytes: u64,
    /// The engine keeps so many files of the view's tables open. It opens the others when it reads them.
    pub files_open_max: usize,
}

impl Default for FjallViewOptions {
    fn default() -> Self {
        FjallViewOptions {
            cache: FjallCache::new(64 * 1024 * 1024),
            memtable_bytes: 16 * 1024 * 1024,
            files_open_max: 64,
        }
    }
}

/// A cache of blocks of files. Its clones are the same cache, which many views may share.
#[derive(Clone)]
pub struct FjallCache(fjall::Config);

impl FjallCache {
    /// A cache of about so many bytes at most.
    pub fn new(bytes: u64) -> FjallCache {
        FjallCache(Database::builder(".").cache_size(bytes).into_config())
    }

    /// The most bytes that it holds.
    pub fn bytes(&self) -> u64 {
        self.0.cache.capacity()
    }
}

impl std::fmt::Debug for FjallCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FjallCache").field("bytes", &self.bytes()).finish()
    }
}

/// A view in a directory.
pub struct FjallView {
    path: PathBuf,
    options: FjallViewOptions,
    /// Locked during a commit, a snapshot and a wipe. `None` if a wipe failed half-way, or the view was discarded.
    generation: Mutex<Option<Arc<Generation>>>,
}

/// One life of the view, from empty to wiped.
struct Generation {
    database: Database,
    about: fjall::Keyspace,
    /// In the order of [`Keyspace::ALL`].
    entries: Vec<fjall::Keyspace>,
    /// Dropped last, after the database was closed.
    directory: GenerationDirectory,
}

impl FjallView {
    /// Opens the view in a directory. Begins an empty one if there is none, or if it is damaged or marked as failed.
    /// Fails if another process has it open, or if the directory cannot be written.
    pub fn open(path: impl Into<PathBuf>, options: FjallViewOptions) -> Result<Self, ViewError> {
        let path = path.into();
        let generation = generations::open_newest(&path, |directory| Generation::open(directory, &options))?;
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
        // The lock is released first, so that commits do not wait for the sync.
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
        let directory = generations::next(&self.path)?;
        let generation =
            Generation::open(&directory, &self.options).inspect_err(|_| generations::remove(&directory))?;
        let generation = Mutex::new(Some(Arc::new(generation)));
        Ok(Some(Arc::new(FjallView { path: self.path.clone(), options: self.options.clone(), generation })))
    }

    /// The engine's journal keeps old values until it is full, and its files keep them until they happen to be merged.
    fn keeps_what_was_removed(&self) -> bool {
        true
    }

    fn unwritten_bytes(&self) -> u64 {
        self.generation().as_ref().map_or(0, |generation| generation.database.write_buffer_size())
    }

    fn write_out(&self) {
        let Some(generation) = self.generation().clone() else { return };
        let write = || generation.entries.iter().try_for_each(|entries| entries.rotate_memtable().map(drop));
        if let Err(error) = generation.guard(write) {
            tracing::warn!(path = %self.path.display(), %error, "the view's changes were not written to files");
        }
    }

    fn discard(&self) {
        if let Some(generation) = self.generation().take() {
            // The directory is removed when the last snapshot of the generation is dropped.
            generation.directory.wipe();
        }
    }

    fn wipe(&self) -> Result<(), ViewError> {
        self.discard();
        let mut generation = self.generation();
        *generation = Some(Arc::new(Generation::open(&generations::next(&self.path)?, &self.options)?));
        Ok(())
    }
}

impl Generation {
    fn open(path: &Path, options: &FjallViewOptions) -> Result<Self, EngineError> {
        check_manifests(path).map_err(|error| EngineError::failed(path, &error))?;
        let open = || -> fjall::Result<_> {
            let mut config = Database::builder(path)
                .max_journaling_size(JOURNAL_BYTES_MAX)
                .max_cached_files(Some(options.files_open_max))
                .worker_threads(WORKERS)
                .into_config();
            config.cache = Arc::clone(&options.cache.0.cache);
            let database = Database::open(config)?;
            // The engine silently creates a keyspace whose files are gone, so look for them before.
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
            return Err(EngineError::failed(path, &"some of its files are missing"));
        }
        if !is_ours {
            return Err(EngineError::failed(path, &"it has another format than this program's"));
        }
        let directory = GenerationDirectory::new(path);
        let generation = Generation { database, about, entries, directory };
        let saved = file::read(&path.join(SAVED)).or_else(if_absent);
        let saved = saved.map_err(|error| EngineError::failed(path, &error))?;
        if !saved.is_empty() {
            let saved = decode_saved(&saved).ok_or_else(|| {
                EngineError::failed(path, &"the file that names its last saved slot is damaged")
            })?;
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

    /// Calls the engine. After a failure the view is marked, so that it is not opened again.
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

    fn visit(
        &self,
        keyspace: Keyspace,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        descending: bool,
        limit: usize,
        each: &mut EachEntry<'_>,
    ) -> Result<(), ViewError> {
        if is_empty_range(lower, upper) || limit == 0 {
            return Ok(());
        }
        // A bound may be longer than any key. No key lies between such a bound and its longest allowed beginning.
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
        // What `each` answers is no failure of the engine.
        let mut refused = None;
        self.generation.guard(|| {
            // In each of its files the engine would look for the upper bound, too, before the first entry. To compare
            // each key with it costs less.
            let end = if descending { upper } else { Bound::Unbounded };
            let range =
                self.snapshot.range::<&[u8], _>(&self.generation.entries[keyspace.index()], (lower, end));
            let mut goes_on = |guard: fjall::Guard| {
                let (key, value) = guard.into_inner()?;
                if !descending && is_beyond(&key, upper) {
                    return fjall::Result::Ok(false);
                }
                fjall::Result::Ok(each(&key, &value).unwrap_or_else(|error| {
                    refused = Some(error);
                    false
                }))
            };
            match descending {
                false => while_wanted(range.take(limit), &mut goes_on),
                true => while_wanted(range.rev().take(limit), &mut goes_on),
            }
        })?;
        refused.map_or(Ok(()), Err)
    }
}

fn is_beyond(key: &[u8], upper: Bound<&[u8]>) -> bool {
    match upper {
        Bound::Included(upper) => key > upper,
        Bound::Excluded(upper) => key >= upper,
        Bound::Unbounded => false,
    }
}

fn while_wanted(
    entries: impl Iterator<Item = fjall::Guard>,
    goes_on: &mut impl FnMut(fjall::Guard) -> fjall::Result<bool>,
) -> fjall::Result<()> {
    for entry in entries {
        if !goes_on(entry)? {
            break;
        }
    }
    Ok(())
}

fn guard<T>(path: &Path, run: impl FnOnce() -> fjall::Result<T>) -> Result<T, EngineError> {
    view_engine::guard(path, |error| matches!(error, fjall::Error::Locked), run)
}

fn open(generation: &Option<Arc<Generation>>) -> Result<&Arc<Generation>, ViewError> {
    generation.as_ref().ok_or_else(|| ViewError("it was discarded".into()))
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

/// Compares each of the engine's manifests with its checksum. The engine writes that checksum but does not check it in
/// this version, and a changed bit in a manifest can hide a table or claim memory that no machine has.
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

/// A file that does not exist is empty here; the engine reports it when it opens.
fn if_absent<T>(error: io::Error) -> io::Result<Vec<T>> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(Vec::new()),
        _ => Err(error),
    }
}
