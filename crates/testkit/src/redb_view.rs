//! A view in the B-tree engine `redb`, as a second opinion beside the one of the product: slower and simpler.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::backends::InMemoryBackend;
use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, TableDefinition};

use everstrand_ledger::storage::views::{
    Applied, Batch, Change, EachEntry, Keyspace, ViewError, ViewSnapshot, ViewStore,
};

type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// In the order of [`Keyspace::ALL`].
const TABLES: [Table; Keyspace::ALL.len()] = [
    TableDefinition::new("catalog"),
    TableDefinition::new("ids"),
    TableDefinition::new("documents"),
    TableDefinition::new("history"),
    TableDefinition::new("indexes"),
    TableDefinition::new("blocks"),
    TableDefinition::new("tiles"),
];

const ABOUT: Table = TableDefinition::new("about");
/// The first entry of a view in a file; one with another is built anew.
const FORMAT: &[u8] = b"everstrand view pre-2";
const FORMAT_KEY: &[u8] = b"format";
const APPLIED_KEY: &[u8] = b"applied";
/// Why the file shall not be opened again.
const DISTRUSTED_KEY: &[u8] = b"doubtful";

/// How a view uses the machine.
#[derive(Clone, Copy, Debug)]
pub struct RedbViewOptions {
    /// Pages kept in memory, in bytes.
    pub cache_bytes: usize,
}

impl Default for RedbViewOptions {
    fn default() -> Self {
        RedbViewOptions { cache_bytes: 64 * 1024 * 1024 }
    }
}

/// A view in a file.
pub struct RedbView {
    path: PathBuf,
    /// Held during a commit, a snapshot and a wipe.
    database: Mutex<Database>,
}

impl RedbView {
    /// Opens the view in a file, or begins an empty one where there is none or none that can be trusted.
    /// All of the file is checked, which takes as long as reading it: nothing else would notice that
    /// bytes of it have changed.
    pub fn open(path: impl Into<PathBuf>, options: RedbViewOptions) -> Result<Self, ViewError> {
        let path = path.into();
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| failed(&path, &error))?;
        }
        let database = match open(&path, options) {
            Ok(database) => database,
            Err(EngineError::Locked(error)) => return Err(error),
            Err(EngineError::Failed(error)) => {
                eprintln!("the view is begun anew: {error}");
                std::fs::remove_file(&path).map_err(|error| failed(&path, &error))?;
                open(&path, options)?
            }
        };
        Ok(RedbView { path, database: Mutex::new(database) })
    }

    /// A view in the same engine and gone when it is dropped: no clock, no file, and nothing left to chance.
    pub fn in_memory() -> Result<Self, ViewError> {
        let path = PathBuf::from("memory");
        let (database, _) =
            guard(&path, || begin(Database::builder().create_with_backend(InMemoryBackend::new())?))?;
        Ok(RedbView { path, database: Mutex::new(database) })
    }

    fn database(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ViewStore for RedbView {
    fn applied(&self) -> Result<Option<Applied>, ViewError> {
        let database = self.database();
        let stored = run(&self.path, || {
            let value = database.begin_read()?.open_table(ABOUT)?.get(APPLIED_KEY)?;
            Ok(value.map(|value| decode_applied(value.value())))
        })?;
        match stored {
            None => Ok(None),
            Some(Some(applied)) => Ok(Some(applied)),
            Some(None) => Err(failed(&self.path, &"its applied slot cannot be read")),
        }
    }

    fn commit(&self, batch: &Batch, applied: Applied) -> Result<(), ViewError> {
        let mut changes = last_changes(batch)?.into_iter().peekable();
        let database = self.database();
        run(&self.path, || {
            let mut transaction = database.begin_write()?;
            transaction.set_durability(Durability::None)?;
            while let Some(&&(keyspace, ..)) = changes.peek() {
                let mut table = transaction.open_table(TABLES[keyspace.index()])?;
                while let Some((_, key, value)) = changes.next_if(|next| next.0 == keyspace) {
                    match value {
                        Some(value) => drop(table.insert(key.as_slice(), value.as_slice())?),
                        None => drop(table.remove(key.as_slice())?),
                    }
                }
            }
            transaction.open_table(ABOUT)?.insert(APPLIED_KEY, encode_applied(applied).as_slice())?;
            Ok(transaction.commit()?)
        })
    }

    fn snapshot(&self) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        let database = self.database();
        let tables = run(&self.path, || {
            let transaction = database.begin_read()?;
            let mut tables = Vec::with_capacity(TABLES.len());
            for table in TABLES {
                tables.push(transaction.open_table(table)?);
            }
            Ok(tables)
        })?;
        Ok(Box::new(RedbSnapshot { path: self.path.clone(), tables }))
    }

    fn persist(&self) -> Result<(), ViewError> {
        let database = self.database();
        run(&self.path, || {
            let mut transaction = database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            Ok(transaction.commit()?)
        })
    }

    fn distrust(&self, why: &str) {
        let database = self.database();
        let noted = run(&self.path, || {
            let mut transaction = database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            transaction.open_table(ABOUT)?.insert(DISTRUSTED_KEY, why.as_bytes())?;
            Ok(transaction.commit()?)
        });
        if let Err(error) = noted {
            eprintln!("the view's doubt was not noted: {error}");
        }
    }

    fn wipe(&self) -> Result<(), ViewError> {
        let database = self.database();
        run(&self.path, || {
            let transaction = database.begin_write()?;
            for table in TABLES {
                transaction.delete_table(table)?;
                transaction.open_table(table)?;
            }
            let mut about = transaction.open_table(ABOUT)?;
            about.remove(APPLIED_KEY)?;
            about.remove(DISTRUSTED_KEY)?;
            drop(about);
            Ok(transaction.commit()?)
        })
    }
}

fn open(path: &Path, options: RedbViewOptions) -> Result<Database, EngineError> {
    let (database, is_ours) = guard(path, || {
        let mut builder = Database::builder();
        builder.set_cache_size(options.cache_bytes).set_check_integrity_on_open(true);
        begin(builder.create(path)?)
    })?;
    match is_ours {
        true => Ok(database),
        false => Err(EngineError::Failed(failed(
            path,
            &"it failed earlier, or has another format than this program's",
        ))),
    }
}

/// Makes the tables of an empty database; whether those that are there are ours.
fn begin(database: Database) -> Result<(Database, bool), redb::Error> {
    let transaction = database.begin_write()?;
    let mut is_ours = true;
    if transaction.list_tables()?.next().is_none() {
        for table in TABLES {
            transaction.open_table(table)?;
        }
        transaction.open_table(ABOUT)?.insert(FORMAT_KEY, FORMAT)?;
    } else {
        let about = transaction.open_table(ABOUT)?;
        is_ours = about.get(FORMAT_KEY)?.is_some_and(|it| it.value() == FORMAT)
            && about.get(DISTRUSTED_KEY)?.is_none();
    }
    transaction.commit()?;
    Ok((database, is_ours))
}

struct RedbSnapshot {
    path: PathBuf,
    /// In the order of [`Keyspace::ALL`], all of one transaction.
    tables: Vec<ReadOnlyTable<&'static [u8], &'static [u8]>>,
}

impl ViewSnapshot for RedbSnapshot {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        run(&self.path, || {
            let value = self.tables[keyspace.index()].get(key)?;
            Ok(value.map(|value| value.value().to_vec()))
        })
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
        if is_empty_range(lower, upper) {
            return Ok(());
        }
        // What `each` answers is no failure of the engine.
        let mut refused = Ok(());
        run(&self.path, || {
            let mut range = self.tables[keyspace.index()].range::<&[u8]>((lower, upper))?;
            for _ in 0..limit {
                let next = if descending { range.next_back() } else { range.next() };
                let Some(next) = next else { break };
                let (key, value) = next?;
                match each(key.value(), value.value()) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        refused = Err(error);
                        break;
                    }
                }
            }
            Ok(())
        })?;
        refused
    }
}

fn run<T>(path: &Path, run: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, ViewError> {
    Ok(guard(path, run)?)
}

/// Runs something of the engine's. Damaged files make it panic in places, which is a failure like any other.
fn guard<T>(path: &Path, run: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, EngineError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(redb::Error::DatabaseAlreadyOpen)) => {
            Err(EngineError::Locked(failed(path, &"another process has it open")))
        }
        Ok(Err(error)) => Err(EngineError::Failed(failed(path, &error))),
        Err(_) => Err(EngineError::Failed(failed(path, &"the engine panicked"))),
    }
}

/// Why the engine did not do something.
enum EngineError {
    /// Another process has the file; nothing is wrong with it.
    Locked(ViewError),
    /// The file or the disk is not as it should be.
    Failed(ViewError),
}

impl From<EngineError> for ViewError {
    fn from(error: EngineError) -> ViewError {
        match error {
            EngineError::Locked(error) | EngineError::Failed(error) => error,
        }
    }
}

fn failed(path: &Path, why: &dyn Display) -> ViewError {
    ViewError(format!("{}: {why}", path.display()))
}

/// The last change of each key, in order. Fails where a key is one that not every engine takes.
fn last_changes(batch: &Batch) -> Result<Vec<&Change>, ViewError> {
    let is_bad = |(_, key, _): &&Change| key.is_empty() || key.len() > usize::from(u16::MAX);
    if let Some((keyspace, key, _)) = batch.changes.iter().find(is_bad) {
        return Err(ViewError(format!("a key of {keyspace:?} has {} bytes", key.len())));
    }
    let last: BTreeMap<_, _> = batch.changes.iter().map(|change| ((change.0, &change.1), change)).collect();
    Ok(last.into_values().collect())
}

/// Whether no key can lie between two bounds; the engine panics when it is asked for such a range.
fn is_empty_range(lower: Bound<&[u8]>, upper: Bound<&[u8]>) -> bool {
    match (lower, upper) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (
            Bound::Included(lower) | Bound::Excluded(lower),
            Bound::Included(upper) | Bound::Excluded(upper),
        ) => lower >= upper,
    }
}

/// As it is stored: slot, link.
fn encode_applied(applied: Applied) -> [u8; 40] {
    let mut bytes = [0; 40];
    bytes[..8].copy_from_slice(&applied.slot.to_be_bytes());
    bytes[8..].copy_from_slice(&applied.link);
    bytes
}

/// `None` when these are not the bytes of one.
fn decode_applied(bytes: &[u8]) -> Option<Applied> {
    let bytes: &[u8; 40] = bytes.try_into().ok()?;
    let (slot, link) = bytes.split_first_chunk()?;
    Some(Applied { slot: u64::from_be_bytes(*slot), link: link.try_into().ok()? })
}
