//! Names and the ledgers behind them. The only file of the server that knows the data folder:
//!
//! ```text
//! DIR/lock                 held while a server runs; a second one is refused
//! DIR/<ledgerId>/meta      name, state, options and tags, replaced whole
//! DIR/<ledgerId>/key       the secret key that signs the ledger's checkpoints, made when it is first needed
//! DIR/<ledgerId>/journal/  the slots: the truth
//! DIR/<ledgerId>/view/     what was derived from them; may be deleted while no server runs
//! ```
//!
//! Names are an index over the `meta` files: a folder is found by an id that is never given twice, and a name can
//! be used again as soon as its ledger was deleted.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use everstrand_ion::text;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{
    DiskSlots, DiskSlotsOptions, FileDisk, FjallView, FjallViewOptions, MemorySlots, MemoryView, meta,
};
use everstrand_ledger::{Environment, HeldBytes, Importer, Ledger, LedgerOptions, link_of};
use everstrand_protocol::control::{LedgerState, PermissionsMode, Tags};
use everstrand_protocol::{Exception, ServiceError};

use crate::config::{Config, Storage};
use crate::record::{Record, STRICT_TAG, check_tags};

/// The file that names a ledger.
const META: &str = "meta";
/// The file with the seed of a ledger's key.
const KEY: &str = "key";

/// What there is of a ledger that is opened.
enum Beginning<'a> {
    /// It was there before.
    Existing,
    /// Nothing yet.
    New,
    /// Nothing yet, and these will be its first blocks.
    Imported(&'a mut dyn FnMut(&mut Importer<'_>) -> Result<(), String>),
}

/// All ledgers of a service.
pub(crate) struct Ledgers {
    storage: Storage,
    options: LedgerOptions,
    environment: Environment,
    by_name: RwLock<BTreeMap<String, Arc<Entry>>>,
    /// Held from the look at a name until the name is taken or given back.
    changing: Mutex<()>,
    /// Locked as long as the service lives.
    _lock: Option<File>,
}

struct Entry {
    record: Mutex<Record>,
    /// The open ledger, or why it could not be opened: one broken ledger does not keep the others closed.
    ledger: Result<Ledger, String>,
    /// The seed of its key, once it was needed.
    seed: Mutex<Option<[u8; 32]>>,
}

impl Ledgers {
    /// Opens every ledger of the storage.
    pub(crate) fn open_all(config: &Config, environment: Environment) -> Result<Ledgers, String> {
        let options = LedgerOptions {
            limits: config.limits.clone(),
            extensions: config.extensions,
            record_reads: config.record_reads,
            held_bytes: HeldBytes::new(config.memory.held_rows(), "--memory"),
            ..LedgerOptions::default()
        };
        let lock = match &config.storage {
            Storage::Memory => None,
            Storage::Folder(folder) => Some(lock_folder(folder)?),
        };
        let ledgers = Ledgers {
            storage: config.storage.clone(),
            options,
            environment,
            by_name: RwLock::default(),
            changing: Mutex::default(),
            _lock: lock,
        };
        if let Storage::Folder(folder) = &config.storage {
            for record in records(folder)? {
                ledgers.take_up(folder, record)?;
            }
        }
        Ok(ledgers)
    }

    fn take_up(&self, folder: &Path, record: Record) -> Result<(), String> {
        if record.state != LedgerState::Active {
            // The server stopped before it had answered, or while it was removing files.
            return fs::remove_dir_all(folder.join(&record.id))
                .map_err(|error| format!("cannot remove what is left of ledger {}: {error}", record.name));
        }
        let ledger = self.open_ledger(&record, Beginning::Existing);
        if let Err(why) = &ledger {
            tracing::error!(ledger = %record.name, %why, "a ledger could not be opened");
        }
        let name = record.name.clone();
        let entry = Arc::new(Entry::new(record, ledger));
        match self.names_mut().insert(name.clone(), entry) {
            None => Ok(()),
            Some(_) => Err(format!("two ledgers in {} are called {name}", folder.display())),
        }
    }

    /// Opens a ledger, which begins a new one where nothing is. One that existed before must still be there: an
    /// empty journal under its name would look like a ledger that nobody had ever written to.
    fn open_ledger(&self, record: &Record, beginning: Beginning<'_>) -> Result<Ledger, String> {
        let ledger_options = LedgerOptions { extensions: !self.is_strict(record), ..self.options.clone() };
        let existed = matches!(beginning, Beginning::Existing);
        let begin = |slots: &dyn SlotStore| match beginning {
            Beginning::Existing | Beginning::New => Ok(()),
            Beginning::Imported(write_blocks) => {
                let mut importer =
                    Importer::new(slots, self.environment.ids.next()).map_err(|error| error.to_string())?;
                write_blocks(&mut importer)?;
                match importer.finish().map_err(|error| error.to_string())? {
                    Some(_) => Ok(()),
                    None => Err("there are no blocks to begin with".to_owned()),
                }
            }
        };
        let opened = match &self.storage {
            Storage::Memory => {
                let slots = MemorySlots::new(link_of);
                begin(&slots)?;
                let view = Arc::new(MemoryView::new());
                Ledger::open(Arc::new(slots), view, self.environment.clone(), ledger_options)
            }
            Storage::Folder(folder) => {
                let folder = folder.join(&record.id);
                let disk = FileDisk::create(folder.join("journal")).map_err(|error| error.to_string())?;
                let options = DiskSlotsOptions { must_exist: existed, ..DiskSlotsOptions::default() };
                let slots =
                    DiskSlots::open(Arc::new(disk), link_of, options).map_err(|error| error.to_string())?;
                if existed && slots.tip_hint().map_err(|error| error.to_string())?.is_none() {
                    return Err("its journal is empty, though it was written to before".to_owned());
                }
                begin(&slots)?;
                let view = FjallView::open(folder.join("view"), FjallViewOptions::default())
                    .map_err(|error| error.to_string())?;
                Ledger::open(Arc::new(slots), Arc::new(view), self.environment.clone(), ledger_options)
            }
        };
        opened.map_err(|error| error.to_string())
    }

    /// Takes up a ledger that somebody else has opened.
    pub(crate) fn take_up_open(&self, name: &str, ledger: Ledger) -> Result<(), ServiceError> {
        let _changing = self.changing();
        if self.names().contains_key(name) {
            return Err(exists_already(name));
        }
        let record = Record {
            id: ledger.strand_id().to_string(),
            name: name.to_owned(),
            state: LedgerState::Active,
            created_millis: self.environment.clock.unix_millis(),
            permissions_mode: PermissionsMode::AllowAll,
            deletion_protection: true,
            tags: Tags::new(),
        };
        let entry = Arc::new(Entry::new(record, Ok(ledger)));
        self.names_mut().insert(name.to_owned(), entry);
        Ok(())
    }

    /// The open ledger of a name.
    pub(crate) fn open(&self, name: &str) -> Result<Ledger, ServiceError> {
        self.entry(name)?.ledger.clone().map_err(|why| {
            ServiceError::new(
                Exception::ServiceUnavailable,
                format!("The Ledger with name {name} could not be opened: {why}"),
            )
        })
    }

    /// The ledgers that could not be opened, by name, each with the reason.
    pub(crate) fn unavailable(&self) -> Vec<(String, String)> {
        let why = |(name, entry): (&String, &Arc<Entry>)| {
            Some((name.clone(), entry.ledger.as_ref().err()?.clone()))
        };
        self.names().iter().filter_map(why).collect()
    }

    /// The ledgers that are open, by name.
    pub(crate) fn opened(&self) -> Vec<(String, Ledger)> {
        let opened = |(name, entry): (&String, &Arc<Entry>)| Some((name.clone(), entry.ledger.clone().ok()?));
        self.names().iter().filter_map(opened).collect()
    }

    /// The seed of the key that signs a ledger's checkpoints; made now where there is none yet.
    pub(crate) fn checkpoint_seed(&self, name: &str) -> Result<[u8; 32], String> {
        let _changing = self.changing();
        let entry = self.entry(name).map_err(|error| error.message)?;
        let mut made = entry.seed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seed) = *made {
            return Ok(seed);
        }
        let seed = match &self.storage {
            Storage::Memory => random_seed()?,
            Storage::Folder(folder) => {
                let disk =
                    FileDisk::create(folder.join(&entry.record().id)).map_err(|error| error.to_string())?;
                match meta::read(&disk, KEY).map_err(|error| error.to_string())? {
                    Some(seed) => seed.try_into().map_err(|_| "the key's file holds no key".to_owned())?,
                    None => {
                        let seed = random_seed()?;
                        meta::replace(&disk, KEY, &seed).map_err(|error| error.to_string())?;
                        seed
                    }
                }
            }
        };
        *made = Some(seed);
        Ok(seed)
    }

    /// What is known of a ledger.
    pub(crate) fn describe(&self, name: &str) -> Result<Record, ServiceError> {
        Ok(self.entry(name)?.record().clone())
    }

    /// Whether a ledger's language is QLDB's and nothing else.
    pub(crate) fn is_strict(&self, record: &Record) -> bool {
        match record.tags.get(STRICT_TAG) {
            Some(strict) => strict == "true",
            None => !self.options.extensions,
        }
    }

    /// At most `limit` ledgers whose names come after another, in order.
    pub(crate) fn list(&self, after: Option<&str>, limit: usize) -> Vec<Record> {
        use std::ops::Bound;
        let lower = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.to_owned()));
        self.names()
            .range((lower, Bound::Unbounded))
            .take(limit)
            .map(|(_, entry)| entry.record().clone())
            .collect()
    }

    /// Creates a ledger; it is active when this returns.
    pub(crate) fn create(
        &self,
        name: &str,
        permissions_mode: PermissionsMode,
        deletion_protection: bool,
        tags: Tags,
    ) -> Result<Record, ServiceError> {
        self.create_from(Beginning::New, name, permissions_mode, deletion_protection, tags)
    }

    /// Creates a ledger that begins with blocks that were made elsewhere. Without them there is no ledger.
    pub(crate) fn import(
        &self,
        name: &str,
        write_blocks: &mut dyn FnMut(&mut Importer<'_>) -> Result<(), String>,
    ) -> Result<Record, ServiceError> {
        self.create_from(
            Beginning::Imported(write_blocks),
            name,
            PermissionsMode::AllowAll,
            true,
            Tags::new(),
        )
    }

    fn create_from(
        &self,
        beginning: Beginning<'_>,
        name: &str,
        permissions_mode: PermissionsMode,
        deletion_protection: bool,
        tags: Tags,
    ) -> Result<Record, ServiceError> {
        let _changing = self.changing();
        if self.names().contains_key(name) {
            return Err(exists_already(name));
        }
        check_tags(&tags)?;
        let mut record = Record {
            id: self.environment.ids.next().to_string(),
            name: name.to_owned(),
            state: LedgerState::Creating,
            created_millis: self.environment.clock.unix_millis(),
            permissions_mode,
            deletion_protection,
            tags,
        };
        self.write(&record)?;
        let ledger = self.open_ledger(&record, beginning).inspect_err(|_| self.discard(&record));
        let ledger = ledger.map_err(|why| unavailable(name, &why))?;
        record.state = LedgerState::Active;
        self.write(&record)?;
        let entry = Arc::new(Entry::new(record.clone(), Ok(ledger)));
        self.names_mut().insert(name.to_owned(), entry);
        Ok(record)
    }

    /// Removes what there is of a ledger that never was. What cannot be removed now is at the next start.
    fn discard(&self, record: &Record) {
        if let Storage::Folder(folder) = &self.storage
            && let Err(error) = fs::remove_dir_all(folder.join(&record.id))
        {
            tracing::warn!(ledger = %record.name, %error, "what was begun of a ledger could not be removed");
        }
    }

    /// Changes what is known of a ledger, durably.
    pub(crate) fn update(
        &self,
        name: &str,
        change: impl FnOnce(&mut Record),
    ) -> Result<Record, ServiceError> {
        let _changing = self.changing();
        let entry = self.entry(name)?;
        let mut changed = entry.record().clone();
        change(&mut changed);
        check_tags(&changed.tags)?;
        self.write(&changed)?;
        *entry.record() = changed.clone();
        if let Ok(ledger) = &entry.ledger {
            ledger.set_extensions(!self.is_strict(&changed));
        }
        Ok(changed)
    }

    /// Deletes a ledger with all that is in it, unless it is protected.
    pub(crate) fn delete(&self, name: &str) -> Result<(), ServiceError> {
        let _changing = self.changing();
        let entry = self.entry(name)?;
        let mut record = entry.record().clone();
        if record.deletion_protection {
            return Err(ServiceError::new(
                Exception::ResourcePreconditionNotMet,
                format!(
                    "Preventing deletion of ledger {name} with DeletionProtection enabled; update it to false first"
                ),
            )
            .with_resource("Ledger", name));
        }
        record.state = LedgerState::Deleting;
        self.write(&record)?;
        self.names_mut().remove(name);
        if let Ok(ledger) = &entry.ledger {
            ledger.close();
        }
        if let Storage::Folder(folder) = &self.storage {
            fs::remove_dir_all(folder.join(&record.id))
                .map_err(|error| unavailable(name, &error.to_string()))?;
        }
        Ok(())
    }

    /// Closes every ledger; what was acknowledged is durable already.
    pub(crate) fn close(&self) {
        for entry in self.names().values() {
            if let Ok(ledger) = &entry.ledger {
                ledger.close();
            }
        }
    }

    fn write(&self, record: &Record) -> Result<(), ServiceError> {
        let Storage::Folder(folder) = &self.storage else { return Ok(()) };
        let failed = |error: &dyn std::fmt::Display| unavailable(&record.name, &error.to_string());
        let disk = FileDisk::create(folder.join(&record.id)).map_err(|error| failed(&error))?;
        meta::replace(&disk, META, text::write(&record.to_ion()).as_bytes()).map_err(|error| failed(&error))
    }

    fn entry(&self, name: &str) -> Result<Arc<Entry>, ServiceError> {
        self.names().get(name).cloned().ok_or_else(|| {
            ServiceError::new(
                Exception::ResourceNotFound,
                format!("The Ledger with name {name} is not found"),
            )
            .with_resource("Ledger", name)
        })
    }

    fn names(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn names_mut(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.by_name.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn new(record: Record, ledger: Result<Ledger, String>) -> Entry {
        Entry { record: Mutex::new(record), ledger, seed: Mutex::default() }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn exists_already(name: &str) -> ServiceError {
    ServiceError::new(Exception::ResourceAlreadyExists, format!("Ledger with name {name} already exists"))
        .with_resource("Ledger", name)
}

fn random_seed() -> Result<[u8; 32], String> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| format!("the system has no random numbers: {error}"))?;
    Ok(seed)
}

fn unavailable(name: &str, why: &str) -> ServiceError {
    ServiceError::new(Exception::ServiceUnavailable, format!("Ledger {name} could not be written: {why}"))
}

fn lock_folder(folder: &Path) -> Result<File, String> {
    let named =
        |error: &dyn std::fmt::Display| format!("cannot use the data folder {}: {error}", folder.display());
    FileDisk::create(folder).map_err(|error| named(&error))?;
    let lock = File::create(folder.join("lock")).map_err(|error| named(&error))?;
    lock.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => named(&"another server is using it; stop that one first"),
        fs::TryLockError::Error(error) => named(&error),
    })?;
    Ok(lock)
}

/// The ledgers of a data folder by name, each with its own folder; to be read while no server changes them, or beside one.
pub fn ledger_folders(folder: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    Ok(records(folder)?.into_iter().map(|record| (record.name, folder.join(record.id))).collect())
}

/// The records of a data folder. A folder without a readable `meta` is an error: it may hold somebody's ledger.
fn records(folder: &Path) -> Result<Vec<Record>, String> {
    let unreadable =
        |path: &PathBuf, why: &dyn std::fmt::Display| format!("cannot read {}: {why}", path.display());
    let mut records = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(&folder.to_path_buf(), &error))? {
        let path = entry.map_err(|error| unreadable(&folder.to_path_buf(), &error))?.path();
        if !path.is_dir() {
            continue;
        }
        let file = path.join(META);
        let disk = FileDisk::read_only(&path).map_err(|error| unreadable(&file, &error))?;
        let Some(bytes) = meta::read(&disk, META).map_err(|error| unreadable(&file, &error))? else {
            // A server died before a new ledger had a name.
            continue;
        };
        let record = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|written| text::read_one(written).ok())
            .and_then(|value| Record::from_ion(&value))
            .ok_or_else(|| unreadable(&file, &"it does not describe a ledger"))?;
        records.push(record);
    }
    records.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(records)
}
