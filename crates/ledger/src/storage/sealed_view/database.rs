//! The B-tree engine `redb` under a sealed view: one file, of which every page is encrypted.

use std::io;
use std::ops::Bound;
use std::path::Path;

use everstrand_sealing::SealingKey;
use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, TableDefinition};

use super::pages::SealedPages;
use crate::storage::file;
use crate::storage::generations::GenerationDirectory;
use crate::storage::layer::Changes;
use crate::storage::view_engine::{self, EngineError, FORMAT, failed};
use crate::storage::views::{
    Applied, EachEntry, Keyspace, ViewError, decode_applied, encode_applied, is_empty_range,
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
const FORMAT_KEY: &[u8] = b"format";
const APPLIED_KEY: &[u8] = b"applied";
const FILE: &str = "pages";

/// One life of the view, from empty to wiped.
pub(super) struct Generation {
    database: Database,
    /// Dropped last, after the database was closed.
    directory: GenerationDirectory,
}

impl Generation {
    pub(super) fn open(path: &Path, key: &SealingKey, cache_bytes: usize) -> Result<Generation, EngineError> {
        let begin = || -> io::Result<SealedPages> {
            if file::exists(path) && !file::exists(&path.join(FILE)) {
                return Err(io::Error::other("it is no encrypted view"));
            }
            file::create_directories(path)?;
            SealedPages::open(&path.join(FILE), key)
        };
        let pages = begin().map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => EngineError::Locked(failed(path, &"another process has it open")),
            _ => EngineError::failed(path, &error),
        })?;
        let (database, is_ours) = guard(path, || {
            let database = Database::builder().set_cache_size(cache_bytes).create_with_backend(pages)?;
            let is_ours = prepare(&database)?;
            Ok((database, is_ours))
        })?;
        match is_ours {
            true => Ok(Generation { database, directory: GenerationDirectory::new(path) }),
            false => Err(EngineError::failed(path, &"it has another format than this program's")),
        }
    }

    pub(super) fn applied(&self) -> Result<Option<Applied>, ViewError> {
        let stored = self.run(|| {
            let value = self.database.begin_read()?.open_table(ABOUT)?.get(APPLIED_KEY)?;
            Ok(value.map(|value| decode_applied(value.value())))
        })?;
        match stored {
            None => Ok(None),
            Some(Some(applied)) => Ok(Some(applied)),
            Some(None) => {
                self.distrust();
                Err(failed(&self.directory.path, &"its applied slot cannot be read"))
            }
        }
    }

    /// Writes changes and the slot up to which they reach, all or none of them, and syncs them.
    pub(super) fn write(&self, changes: &Changes, applied: Applied) -> Result<(), ViewError> {
        self.run(|| {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            // After a crash the engine then need not read the whole file to know which pages are free.
            transaction.set_quick_repair(true);
            for keyspace in Keyspace::ALL {
                let mut changes = changes.of(keyspace).peekable();
                if changes.peek().is_none() {
                    continue;
                }
                let mut table = transaction.open_table(TABLES[keyspace.index()])?;
                for (key, value) in changes {
                    match value {
                        Some(value) => drop(table.insert(key, value)?),
                        None => drop(table.remove(key)?),
                    }
                }
            }
            transaction.open_table(ABOUT)?.insert(APPLIED_KEY, encode_applied(applied).as_slice())?;
            Ok(transaction.commit()?)
        })
    }

    pub(super) fn snapshot(&self) -> Result<Tables, ViewError> {
        let tables = self.run(|| {
            let transaction = self.database.begin_read()?;
            TABLES.into_iter().map(|table| Ok(transaction.open_table(table)?)).collect()
        })?;
        Ok(Tables { tables })
    }

    /// The next opening begins an empty view.
    pub(super) fn distrust(&self) {
        let _ = self.directory.mark_distrusted();
    }

    /// Its files go when the last snapshot of it is dropped.
    pub(super) fn wipe(&self) {
        self.directory.wipe();
    }

    /// Calls the engine. After a failure the view is marked, so that it is not opened again.
    pub(super) fn run<T>(&self, run: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, ViewError> {
        guard(&self.directory.path, run).map_err(|error| {
            self.distrust();
            error.into()
        })
    }
}

/// Makes the tables of an empty database, and answers whether those of another one are ours.
fn prepare(database: &Database) -> Result<bool, redb::Error> {
    if database.begin_read()?.list_tables()?.next().is_some() {
        let about = database.begin_read()?.open_table(ABOUT)?;
        return Ok(about.get(FORMAT_KEY)?.is_some_and(|format| format.value() == FORMAT));
    }
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    for table in TABLES {
        transaction.open_table(table)?;
    }
    transaction.open_table(ABOUT)?.insert(FORMAT_KEY, FORMAT)?;
    transaction.commit()?;
    Ok(true)
}

/// All tables as one transaction left them.
pub(super) struct Tables {
    /// In the order of [`Keyspace::ALL`].
    tables: Vec<ReadOnlyTable<&'static [u8], &'static [u8]>>,
}

impl Tables {
    pub(super) fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, redb::Error> {
        Ok(self.tables[keyspace.index()].get(key)?.map(|value| value.value().to_vec()))
    }

    /// As [`ViewSnapshot::visit`].
    pub(super) fn visit(
        &self,
        keyspace: Keyspace,
        (lower, upper): (Bound<&[u8]>, Bound<&[u8]>),
        descending: bool,
        limit: usize,
        each: &mut EachEntry<'_>,
    ) -> Result<Result<(), ViewError>, redb::Error> {
        if is_empty_range(lower, upper) {
            return Ok(Ok(()));
        }
        let mut range = self.tables[keyspace.index()].range::<&[u8]>((lower, upper))?;
        for _ in 0..limit {
            let next = if descending { range.next_back() } else { range.next() };
            let Some(next) = next else { break };
            let (key, value) = next?;
            match each(key.value(), value.value()) {
                Ok(true) => {}
                Ok(false) => break,
                // What `each` answers is no failure of the engine.
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }
}

fn guard<T>(path: &Path, run: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, EngineError> {
    view_engine::guard(path, |error| matches!(error, redb::Error::DatabaseAlreadyOpen), run)
}
