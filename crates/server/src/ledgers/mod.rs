//! The ledgers of a service, by name. A data folder holds:
//!
//! ```text
//! DIR/lock                     held while a server runs, so that a second server is refused
//! DIR/<ledgerId>/meta          the record: name, state, options and tags; each change replaces the file
//! DIR/<ledgerId>/note          the note: what the server must know of a closed ledger, and what is wrong with it
//! DIR/<ledgerId>/key           the secret key that signs the ledger's checkpoints, made when it is first needed
//! DIR/<ledgerId>/journal/      the slots: the truth
//! DIR/<ledgerId>/view/         everything derived from the slots; may be deleted while no server runs
//! DIR/<ledgerId>/view-ahead/   a view that holds blocks which the journal lacks, until the operator has decided
//! DIR/<ledgerId>.deleted/      a deleted ledger, until its files are removed
//! ```
//!
//! The ledger id is an id of its own, not the strand id. It is never used again, while a name can be used again as soon as its
//! ledger was deleted; the server finds the names by reading all `meta` files. A ledger is opened when somebody asks for it, and
//! closed when nobody has used it for a while. Work on files runs on threads that may wait, and never under a lock that a
//! session's command needs.

mod changes;
mod encryption;
mod entry;
mod errors;
mod folder;
mod key_watch;
mod note;
mod opening;
mod overview;
pub(crate) mod settings;
mod shared;
mod shared_changes;
mod stored;
mod upkeep;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::{ReadOnlyStore, SharedStore};
use everstrand_ledger::{Environment, Ledger, LedgerOptions};
use everstrand_protocol::control::{LedgerState, PermissionsMode, Tags};
use everstrand_protocol::{Exception, ServiceError};
use tokio::sync::oneshot;

use self::entry::{Access, Entry, OpenError, Opened, Unfinished};
use self::errors::{not_found, not_opened, unavailable};
use self::folder::{Broken, DataFolder};
use self::note::Note;
use self::opening::Origin;
use self::settings::Settings;
use self::shared::Shared;
use self::upkeep::Upkeep;
use crate::config::Storage;
use crate::data_keys::DataKeys;
use crate::open_error::ServiceOpenError;
use crate::own_ledgers::{AUDIT_LEDGER, USERS_LEDGER};
use crate::record::Record;
use crate::workers::Workers;

pub use folder::{is_data_folder_in_use, ledger_folders, ledgers_in_folder};
pub(crate) use overview::LedgerOverview;
pub use shared::ledgers_in_store;
pub use stored::StoredLedger;

/// The number of threads that open, close and read ledgers.
const FILE_THREADS: usize = 8;

/// The number of threads that create, change and delete ledgers. Two keep the disk busy and leave the processors to sessions.
const CHANGE_THREADS: usize = 2;

/// The number of threads that close ledgers when the service ends.
const CLOSING_THREADS: usize = 32;

/// Why a server that follows a store refuses what writes.
const FOLLOWS: &str = "this server only reads its store, because it was started with --follow; ask a server that writes to the store";

const TOO_MANY_JOBS: &str = "too many operations wait for the disk; try again later";

/// All ledgers of a service.
pub(crate) struct Ledgers {
    /// The data folder, if the ledgers lie in one.
    folder: Option<DataFolder>,
    /// The store, if other servers serve the same ledgers.
    shared: Option<Shared>,
    /// The data keys of the ledgers that are encrypted.
    keys: DataKeys,
    options: LedgerOptions,
    environment: Environment,
    by_name: RwLock<BTreeMap<String, Arc<Entry>>>,
    /// Broken folders whose ledgers' names are not known. While there is one, no ledger can be created, because the new name might
    /// be its name.
    nameless: Vec<Broken>,
    /// The threads that open and close ledgers and read their proofs.
    pub(crate) files: Workers,
    /// The threads that create, change and delete ledgers.
    pub(crate) changes: Workers,
    upkeep: Mutex<Upkeep>,
    /// Held by the thread that asks the KMS for data keys.
    key_watch: Mutex<()>,
    idle_millis: u64,
    open_max: usize,
    unwritten_bytes_max: u64,
}

impl Ledgers {
    /// Finds every ledger of the storage, without opening one.
    pub(crate) fn find(settings: Settings, environment: Environment) -> Result<Ledgers, ServiceOpenError> {
        let Settings {
            storage,
            ledger: mut options,
            master_key,
            places_of_copies,
            kms,
            cache_bytes,
            idle_millis,
            open_max,
            view_files_max,
            unwritten_bytes_max,
        } = settings;
        let open_folder = |folder: &Path| DataFolder::open(folder, cache_bytes, view_files_max);
        let (folder, shared, keys) = match storage {
            Storage::Memory => (None, None, DataKeys::in_memory()),
            Storage::Folder(folder) => {
                (Some(open_folder(&folder)?), None, DataKeys::in_folder(&folder, master_key))
            }
            Storage::Followed { store, cache } => {
                let cache = cache.as_deref().map(open_folder).transpose()?;
                let store: Arc<dyn SharedStore> = Arc::new(ReadOnlyStore::new(store, FOLLOWS));
                let keys = DataKeys::in_store(Arc::clone(&store), master_key);
                options.follows = Some(FOLLOWS.to_owned());
                (None, Some(Shared::new(store, cache)), keys)
            }
            Storage::Shared { store, cache } => {
                let cache = cache.as_deref().map(open_folder).transpose()?;
                let keys = DataKeys::in_store(Arc::clone(&store), master_key);
                (None, Some(Shared::new(store, cache)), keys)
            }
        };
        let waits = folder.is_some() || shared.is_some();
        let threads = |number: usize| if waits { number } else { 0 };
        let mut ledgers = Ledgers {
            files: Workers::new("everstrand-files", threads(FILE_THREADS)),
            changes: Workers::new("everstrand-changes", threads(CHANGE_THREADS)),
            folder,
            shared,
            keys: keys.with_copies(places_of_copies).with_kms(kms),
            options,
            environment,
            by_name: RwLock::default(),
            nameless: Vec::new(),
            upkeep: Mutex::default(),
            key_watch: Mutex::default(),
            idle_millis,
            open_max,
            unwritten_bytes_max,
        };
        ledgers.register_found()?;
        ledgers.refresh_all().map_err(|error| error.message)?;
        Ok(ledgers)
    }

    fn register_found(&mut self) -> Result<(), String> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut found = folder.found()?;
        let mut by_name = BTreeMap::new();
        for (record, note) in found.ledgers {
            if record.state != LedgerState::Active {
                // The server stopped while it created or deleted this ledger, so nobody has a promise about it.
                found.leftovers.push(folder.mark_deleted(&record.id)?);
                continue;
            }
            let name = record.name.clone();
            if by_name.insert(name.clone(), Arc::new(Entry::closed(record, note))).is_some() {
                return Err(format!("two ledgers in {} have the name {name}", folder.path().display()));
            }
        }
        for mut broken in found.broken {
            let Broken { id, name, why } = &mut broken;
            tracing::error!(
                folder = %folder.path().join(&*id).display(), ledger = name.as_deref().unwrap_or("unknown"), %why,
                "a ledger has a journal but no readable record, so it cannot be served until its file meta is restored"
            );
            match name.take().filter(|name| !by_name.contains_key(name)) {
                Some(name) => {
                    let entry = broken_entry(id, &name, why);
                    by_name.insert(name, Arc::new(entry));
                }
                None => self.nameless.push(broken),
            }
        }
        *self.by_name.get_mut().unwrap_or_else(PoisonError::into_inner) = by_name;
        if !found.leftovers.is_empty() {
            // In the background, because the files may have gigabytes.
            let (folder, keys) = (folder.path().to_owned(), self.keys.clone());
            self.changes.start(move || {
                found.leftovers.iter().for_each(|leftover| folder::remove(&folder, leftover, &keys));
            });
        }
        Ok(())
    }

    /// Serves a ledger that the caller has opened. It is never closed for being idle.
    pub(crate) fn serve_open(&self, name: &str, ledger: Ledger) -> Result<(), ServiceError> {
        let record = Record {
            id: ledger.strand_id().to_string(),
            name: name.to_owned(),
            state: LedgerState::Active,
            created_millis: self.environment.clock.unix_millis(),
            permissions_mode: PermissionsMode::AllowAll,
            deletion_protection: true,
            tags: Tags::new(),
            restored_from: None,
            kms_key: None,
            clear_slots: None,
        };
        let entry = self.reserve(record)?;
        entry.settle(&Ok(ledger), u64::MAX);
        Ok(())
    }

    /// The open ledger of a name. If it is closed, this opens it on another thread and awaits that.
    pub(crate) async fn open(self: &Arc<Self>, name: &str) -> Result<Ledger, ServiceError> {
        if self.shared.is_some() {
            let (ledgers, name) = (Arc::clone(self), name.to_owned());
            self.files.run(move || ledgers.refresh(&name)).await?;
        }
        let entry = self.entry(name)?;
        let opened = match entry.access(self.now()) {
            Access::Ready(opened) => opened,
            Access::Wait(opened) => opened.await.unwrap_or_else(|_| Err(OpenError::Gone)),
            Access::MustOpen => {
                let (ledgers, busy) = (Arc::clone(self), Arc::clone(&entry));
                let (done, opened) = oneshot::channel();
                if self.files.start(move || drop(done.send(ledgers.open_busy(&busy)))) {
                    opened.await.unwrap_or_else(|_| Err(OpenError::Failed("opening it panicked".to_owned())))
                } else {
                    let refused = Err(OpenError::Failed(TOO_MANY_JOBS.to_owned()));
                    entry.settle(&refused, 0);
                    refused
                }
            }
        };
        opened.map_err(|error| not_opened(name, error))
    }

    /// The same, but blocks this thread.
    pub(crate) fn open_blocking(&self, name: &str) -> Result<Ledger, ServiceError> {
        self.refresh(name)?;
        let entry = self.entry(name)?;
        let opened = match entry.access_blocking(self.now()) {
            Access::Ready(opened) => opened,
            _ => self.open_busy(&entry),
        };
        opened.map_err(|error| not_opened(name, error))
    }

    /// The same, with every block that any server acknowledged before this call.
    pub(crate) fn open_current(&self, name: &str) -> Result<Ledger, ServiceError> {
        let ledger = self.open_blocking(name)?;
        ledger.read_barrier().wait().map_err(|error| unavailable(name, &error.to_string()))?;
        Ok(ledger)
    }

    /// Opens the ledger of an entry that this caller has made busy, and answers the requests that wait for it.
    fn open_busy(&self, entry: &Entry) -> Opened {
        // Answers the waiting requests even if this function panics.
        let unfinished = Unfinished::new(entry);
        let opened = self.make_room().map_err(OpenError::Failed).and_then(|()| {
            let options = self.options_of(&entry.record());
            self.open_files(entry, options, Origin::Existing).map_err(OpenError::Failed)
        });
        if let Err(OpenError::Failed(why)) = &opened {
            tracing::error!(ledger = %entry.record().name, %why, "the ledger could not be opened");
        }
        unfinished.settle(&opened, self.now());
        opened
    }

    /// Opens a ledger over its journal and its view. A new ledger is encrypted if there is a master key.
    fn open_files(
        &self,
        entry: &Entry,
        options: LedgerOptions,
        origin: Origin<'_>,
    ) -> Result<Ledger, String> {
        let key = match &origin {
            Origin::Existing => self.keys.of(&entry.id)?,
            Origin::New | Origin::Imported(_) | Origin::Restored(_) => {
                let kms_key = entry.record().kms_key.clone();
                self.keys.create(&entry.id, kms_key.as_deref())?
            }
        };
        match (&self.shared, &self.folder) {
            (Some(shared), _) => shared.open(entry, key.as_ref(), &self.environment, options, origin),
            (None, folder) => {
                opening::open(folder.as_ref(), entry, key.as_ref(), &self.environment, options, origin)
            }
        }
    }

    /// Closes a ledger that was taken out of its entry.
    fn close_opened(&self, entry: &Entry, ledger: Ledger) {
        let has_files = self.folder.is_some() || self.shared.is_some();
        opening::close(self.folder.as_ref(), entry, ledger, has_files);
    }

    /// Whether other servers serve the same ledgers, so that what is known of them may be old.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Refuses to change a ledger of this name where nothing is written.
    pub(super) fn may_write(&self, name: &str) -> Result<(), ServiceError> {
        match &self.options.follows {
            Some(why) => Err(ServiceError::new(
                Exception::ResourcePreconditionNotMet,
                format!("Ledger {name} cannot be created, changed or deleted here: {why}"),
            )
            .with_resource("Ledger", name)),
            None => Ok(()),
        }
    }

    fn options_of(&self, record: &Record) -> LedgerOptions {
        // What clients do in the audit trail never makes it grow.
        let record_reads = self.options.record_reads && record.name != AUDIT_LEDGER;
        LedgerOptions { extensions: !self.is_strict(record), record_reads, ..self.options.clone() }
    }

    /// The seed of the key that signs a ledger's checkpoints. If the ledger has none, one is made now.
    pub(crate) fn checkpoint_seed(&self, name: &str) -> Result<[u8; 32], String> {
        let entry = self.entry(name).map_err(|error| error.message)?;
        let mut known = entry.seed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seed) = *known {
            return Ok(seed);
        }
        let seed = match &self.folder {
            None => random_seed()?,
            Some(folder) => folder.seed(&entry.id, self.keys.of(&entry.id)?.as_ref(), random_seed)?,
        };
        *known = Some(seed);
        Ok(seed)
    }

    /// A ledger's record, and why the ledger is impaired, if it is.
    pub(crate) fn describe(&self, name: &str) -> Result<(Record, Option<String>), ServiceError> {
        self.refresh(name)?;
        let entry = self.entry(name)?;
        let record = entry.record().clone();
        Ok((record, entry.impaired()))
    }

    /// The id of the ledger that has a name.
    pub(crate) fn id_of(&self, name: &str) -> Result<String, ServiceError> {
        Ok(self.entry(name)?.id.clone())
    }

    /// Whether this server knows a ledger of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names().contains_key(name)
    }

    /// Who decides about the tables of a ledger, as far as this server knows.
    pub(crate) fn permissions_mode(&self, name: &str) -> Option<PermissionsMode> {
        self.names().get(name).map(|entry| entry.record().permissions_mode)
    }

    /// Creates a ledger that only this server itself uses, unless it exists.
    pub(crate) fn create_if_missing(&self, name: &str) -> Result<(), ServiceError> {
        match self.create(name, PermissionsMode::Standard, true, Tags::new(), None) {
            Err(error) if error.exception == Exception::ResourceAlreadyExists => Ok(()),
            created => created.map(drop),
        }
    }

    /// The name of the ledger with an id, if this server knows it.
    pub(crate) fn name_of(&self, id: &str) -> Option<String> {
        self.names().iter().find(|(_, entry)| entry.id == id).map(|(name, _)| name.clone())
    }

    /// The strand of a ledger; `None` if the ledger was not closed cleanly and not opened since.
    pub(crate) fn strand_id(&self, name: &str) -> Result<Option<UniqueId>, ServiceError> {
        Ok(self.entry(name)?.digest().map(|digest| digest.digest_tip_address.strand_id))
    }

    /// Whether a ledger's language is QLDB's only.
    pub(crate) fn is_strict(&self, record: &Record) -> bool {
        record.strict_by_tag().unwrap_or(!self.options.extensions)
    }

    /// The first `limit` ledgers whose names come after `after`, in the order of names.
    pub(crate) fn list(&self, after: Option<&str>, limit: usize) -> Vec<Record> {
        use std::ops::Bound;
        let lower = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.to_owned()));
        self.names()
            .range((lower, Bound::Unbounded))
            .filter(|(name, _)| *name != USERS_LEDGER)
            .take(limit)
            .map(|(_, entry)| entry.record().clone())
            .collect()
    }

    /// Closes every ledger and releases the data folder. Everything acknowledged is durable already.
    pub(crate) fn close(&self) {
        let entries: Vec<Arc<Entry>> = self.names().values().cloned().collect();
        let next = Mutex::new(entries.iter());
        let close = || {
            loop {
                let Some(entry) = next.lock().unwrap_or_else(PoisonError::into_inner).next() else { return };
                if let Some(open) = entry.take() {
                    if let Some(ledger) = open {
                        self.close_opened(entry, ledger);
                    }
                    // This time lies in the far future, so no request opens the ledger again.
                    entry.settle(&Err(OpenError::Failed("the server has stopped".to_owned())), u64::MAX / 2);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..CLOSING_THREADS.min(entries.len()) {
                // If the system starts no further thread, the others close all ledgers.
                let _ = std::thread::Builder::new().spawn_scoped(scope, close);
            }
            close();
        });
        let cache = self.shared.as_ref().and_then(|shared| shared.cache.as_ref());
        if let Some(folder) = self.folder.as_ref().or(cache) {
            folder.release();
        }
    }

    fn now(&self) -> u64 {
        self.environment.clock.monotonic_millis()
    }

    fn entry(&self, name: &str) -> Result<Arc<Entry>, ServiceError> {
        self.names().get(name).cloned().ok_or_else(|| not_found(name))
    }

    fn names(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn names_mut(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.by_name.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn broken_entry(id: &str, name: &str, why: &str) -> Entry {
    let record = Record {
        id: id.to_owned(),
        name: name.to_owned(),
        state: LedgerState::Active,
        created_millis: 0,
        permissions_mode: PermissionsMode::AllowAll,
        deletion_protection: true,
        tags: Tags::new(),
        restored_from: None,
        kms_key: None,
        clear_slots: None,
    };
    Entry::broken(record, Note { name: name.to_owned(), ..Note::default() }, why.to_owned())
}

pub(crate) fn random_seed() -> Result<[u8; 32], String> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| format!("the system has no random numbers: {error}"))?;
    Ok(seed)
}
