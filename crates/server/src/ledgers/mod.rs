//! Names and the ledgers behind them. In a data folder:
//!
//! ```text
//! DIR/lock                     held while a server runs; a second one is refused
//! DIR/<ledgerId>/meta          name, state, options and tags, replaced whole
//! DIR/<ledgerId>/note          what the server remembers of it while it is closed, and what is wrong with it
//! DIR/<ledgerId>/key           the secret key that signs the ledger's checkpoints, made when it is first needed
//! DIR/<ledgerId>/journal/      the slots: the truth
//! DIR/<ledgerId>/view/         what was derived from them; may be deleted while no server runs
//! DIR/<ledgerId>/view-ahead/   a view that holds blocks which the journal lacks, until that is decided
//! DIR/<ledgerId>.deleted/      what was a ledger, until its files are removed
//! ```
//!
//! Names are an index over the `meta` files: a folder is found by an id that is never given twice, and a name can
//! be used again as soon as its ledger was deleted. A ledger is opened when somebody asks for it, and closed when
//! nobody has for a while. Work on files is done on threads that may wait; no lock that a session's command needs is
//! held meanwhile.

mod entry;
mod folder;
mod note;
mod opening;
mod upkeep;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use everstrand_journal::{Digest, UniqueId};
use everstrand_ledger::{Environment, Importer, Ledger, LedgerOptions, Loss};
use everstrand_protocol::control::{LedgerState, PermissionsMode, Tags};
use everstrand_protocol::{Exception, ServiceError};
use tokio::sync::oneshot;

use self::entry::{Entry, Opened, Refused, Want};
use self::folder::{Broken, DataFolder};
use self::note::Note;
use self::opening::Beginning;
use self::upkeep::Upkeep;
use crate::record::{Record, STRICT_TAG, check_tags};
use crate::workers::Workers;

pub use folder::ledger_folders;

/// So many ledgers are opened, closed or read at once.
const FILE_THREADS: usize = 8;

/// So many are created, changed or deleted at once: enough to keep the disk busy, and few beside the sessions.
const CHANGE_THREADS: usize = 2;

/// So many are closed at once when the service ends.
const CLOSING_THREADS: usize = 32;

/// How ledgers are kept.
pub(crate) struct Settings {
    /// The data folder; without one they are in memory.
    pub(crate) folder: Option<PathBuf>,
    /// What every ledger is opened with.
    pub(crate) ledger: LedgerOptions,
    /// The memory for blocks of all views' files.
    pub(crate) cache_bytes: u64,
    /// A ledger that nobody has used for so long is closed.
    pub(crate) idle_millis: u64,
    /// So many may be open at once.
    pub(crate) open_max: usize,
}

/// All ledgers of a service.
pub(crate) struct Ledgers {
    folder: Option<DataFolder>,
    options: LedgerOptions,
    environment: Environment,
    by_name: RwLock<BTreeMap<String, Arc<Entry>>>,
    /// Folders of ledgers whose names are not known: whichever they are, they are taken.
    nameless: Vec<Broken>,
    /// Opens and closes ledgers, and reads their proofs.
    pub(crate) files: Workers,
    /// Creates, changes and deletes ledgers.
    pub(crate) changes: Workers,
    upkeep: Mutex<Upkeep>,
    idle_millis: u64,
    open_max: usize,
}

impl Ledgers {
    /// Finds every ledger of the storage. None is opened.
    pub(crate) fn find(settings: Settings, environment: Environment) -> Result<Ledgers, String> {
        let Settings { folder, ledger: options, cache_bytes, idle_millis, open_max } = settings;
        let folder = folder.map(|folder| DataFolder::open(&folder, cache_bytes)).transpose()?;
        let threads = |number: usize| if folder.is_some() { number } else { 0 };
        let mut ledgers = Ledgers {
            files: Workers::new("everstrand-files", threads(FILE_THREADS)),
            changes: Workers::new("everstrand-changes", threads(CHANGE_THREADS)),
            folder,
            options,
            environment,
            by_name: RwLock::default(),
            nameless: Vec::new(),
            upkeep: Mutex::default(),
            idle_millis,
            open_max,
        };
        ledgers.take_up_found()?;
        Ok(ledgers)
    }

    fn take_up_found(&mut self) -> Result<(), String> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut found = folder.found()?;
        let mut by_name = BTreeMap::new();
        for (record, note) in found.ledgers {
            if record.state != LedgerState::Active {
                // The server stopped before it had answered, or before it had renamed the folder.
                found.left.push(folder.forget(&record.id)?);
                continue;
            }
            let name = record.name.clone();
            if by_name.insert(name.clone(), Arc::new(Entry::closed(record, note))).is_some() {
                return Err(format!("two ledgers in {} are called {name}", folder.path().display()));
            }
        }
        for mut broken in found.broken {
            let Broken { id, name, why } = &mut broken;
            tracing::error!(
                folder = %folder.path().join(&*id).display(), ledger = name.as_deref().unwrap_or("unknown"), %why,
                "a ledger has a journal and no readable record: it cannot be served until its file meta is put back"
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
        if !found.left.is_empty() {
            // On a thread of its own, and beside everything else: there may be gigabytes.
            let folder = folder.path().to_owned();
            self.changes.start(move || found.left.iter().for_each(|left| folder::remove(&folder, left)));
        }
        Ok(())
    }

    /// Takes up a ledger that somebody else has opened. It stays open.
    pub(crate) fn take_up_open(&self, name: &str, ledger: Ledger) -> Result<(), ServiceError> {
        let record = Record {
            id: ledger.strand_id().to_string(),
            name: name.to_owned(),
            state: LedgerState::Active,
            created_millis: self.environment.clock.unix_millis(),
            permissions_mode: PermissionsMode::AllowAll,
            deletion_protection: true,
            tags: Tags::new(),
        };
        let entry = self.reserve(record)?;
        entry.settle(&Ok(ledger), u64::MAX);
        Ok(())
    }

    /// The open ledger of a name; opens it where it is closed, and waits for that without holding a thread.
    pub(crate) async fn open(self: &Arc<Self>, name: &str) -> Result<Ledger, ServiceError> {
        let entry = self.entry(name)?;
        let opened = match entry.want(self.now()) {
            Want::Have(opened) => opened,
            Want::Wait(opened) => opened.await.unwrap_or_else(|_| Err(Refused::Gone)),
            Want::Open => {
                let (ledgers, wanted) = (Arc::clone(self), Arc::clone(&entry));
                let (done, opened) = oneshot::channel();
                if self.files.start(move || drop(done.send(ledgers.open_wanted(&wanted)))) {
                    opened.await.unwrap_or_else(|_| Err(Refused::Failed("opening it failed".to_owned())))
                } else {
                    let refused =
                        Err(Refused::Failed("too much waits for the disk; try again later".to_owned()));
                    entry.settle(&refused, 0);
                    refused
                }
            }
        };
        opened.map_err(|refused| not_opened(name, refused))
    }

    /// The same for who may wait here.
    pub(crate) fn open_here(&self, name: &str) -> Result<Ledger, ServiceError> {
        let entry = self.entry(name)?;
        let opened = match entry.want_here(self.now()) {
            Want::Have(opened) => opened,
            _ => self.open_wanted(&entry),
        };
        opened.map_err(|refused| not_opened(name, refused))
    }

    /// Opens the ledger of an entry that is busy because of it, and tells all who wait.
    fn open_wanted(&self, entry: &Entry) -> Opened {
        // Whatever happens on the way, those who wait hear of it.
        let unfinished = Unfinished { entry, is_over: false };
        let opened = self.make_room().map_err(Refused::Failed).and_then(|()| {
            let options = self.options_of(&entry.record());
            let folder = self.folder.as_ref();
            let opened = opening::open(folder, entry, &self.environment, options, Beginning::Existing);
            opened.map_err(Refused::Failed)
        });
        if let Err(Refused::Failed(why)) = &opened {
            tracing::error!(ledger = %entry.record().name, %why, "a ledger could not be opened");
        }
        unfinished.settle(&opened, self.now());
        opened
    }

    fn options_of(&self, record: &Record) -> LedgerOptions {
        LedgerOptions { extensions: !self.is_strict(record), ..self.options.clone() }
    }

    /// The seed of the key that signs a ledger's checkpoints; made now where there is none yet.
    pub(crate) fn checkpoint_seed(&self, name: &str) -> Result<[u8; 32], String> {
        let entry = self.entry(name).map_err(|error| error.message)?;
        let mut known = entry.seed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seed) = *known {
            return Ok(seed);
        }
        let seed = match &self.folder {
            None => random_seed()?,
            Some(folder) => folder.seed(&entry.id, random_seed)?,
        };
        *known = Some(seed);
        Ok(seed)
    }

    /// Every ledger by its name, as far as it can be told without opening it.
    pub(crate) fn all(&self) -> Vec<Known> {
        let known = |(name, entry): (&String, &Arc<Entry>)| Known {
            name: name.clone(),
            ledger: entry.ledger(),
            digest: entry.digest(),
            impaired: entry.impaired(),
        };
        let entries: Vec<_> =
            self.names().iter().map(|(name, entry)| (name.clone(), Arc::clone(entry))).collect();
        let mut all: Vec<Known> = entries.iter().map(|(name, entry)| known((name, entry))).collect();
        all.extend(self.nameless.iter().map(|broken| Known {
            name: broken.id.clone(),
            ledger: None,
            digest: None,
            impaired: Some(broken.why.clone()),
        }));
        all
    }

    /// What is known of a ledger, and what is wrong with it.
    pub(crate) fn describe(&self, name: &str) -> Result<(Record, Option<String>), ServiceError> {
        let entry = self.entry(name)?;
        let record = entry.record().clone();
        Ok((record, entry.impaired()))
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
        let mode = PermissionsMode::AllowAll;
        self.create_from(Beginning::Imported(write_blocks), name, mode, true, Tags::new())
    }

    fn create_from(
        &self,
        beginning: Beginning<'_>,
        name: &str,
        permissions_mode: PermissionsMode,
        deletion_protection: bool,
        tags: Tags,
    ) -> Result<Record, ServiceError> {
        if self.names().contains_key(name) {
            return Err(exists_already(name));
        }
        check_tags(&tags)?;
        let entry = self.reserve(Record {
            id: self.environment.ids.next().to_string(),
            name: name.to_owned(),
            state: LedgerState::Creating,
            created_millis: self.environment.clock.unix_millis(),
            permissions_mode,
            deletion_protection,
            tags,
        })?;
        let unfinished = Unfinished { entry: &entry, is_over: false };
        let made = self.make(&entry, beginning);
        match made {
            Ok(ledger) => {
                unfinished.settle(&Ok(ledger), self.now());
                let record = entry.record().clone();
                Ok(record)
            }
            Err(why) => {
                self.names_mut().remove(name);
                unfinished.settle(&Err(Refused::Gone), self.now());
                self.discard(&entry);
                Err(unavailable(name, &why))
            }
        }
    }

    /// Takes a name; fails where it is taken, or may be.
    fn reserve(&self, record: Record) -> Result<Arc<Entry>, ServiceError> {
        if let Some(broken) = self.nameless.first() {
            let why = format!(
                "the folder {} holds a ledger whose name is not known, and it may be this one; put its file meta back, \
                 or move the folder away",
                broken.id
            );
            let message = format!("Ledger {} cannot be created: {why}", record.name);
            return Err(
                ServiceError::new(Exception::ResourceInUse, message).with_resource("Ledger", &record.name)
            );
        }
        let mut names = self.names_mut();
        if names.contains_key(&record.name) {
            return Err(exists_already(&record.name));
        }
        let (name, note) = (record.name.clone(), Note { name: record.name.clone(), ..Note::default() });
        let entry = Arc::new(Entry::busy(record, note));
        names.insert(name, Arc::clone(&entry));
        Ok(entry)
    }

    fn make(&self, entry: &Entry, beginning: Beginning<'_>) -> Result<Ledger, String> {
        self.make_room()?;
        let mut record = entry.record().clone();
        if let Some(folder) = &self.folder {
            folder.write_record(&record)?;
        }
        let options = self.options_of(&record);
        let ledger = opening::open(self.folder.as_ref(), entry, &self.environment, options, beginning)?;
        record.state = LedgerState::Active;
        if let Some(folder) = &self.folder {
            folder.write_note(&entry.id, &entry.note())?;
            folder.write_record(&record)?;
        }
        *entry.record() = record;
        Ok(ledger)
    }

    /// Removes what there is of a ledger that never was. What cannot be removed now is at the next start.
    fn discard(&self, entry: &Entry) {
        if let Some(folder) = &self.folder {
            match folder.forget(&entry.id) {
                Ok(left) => folder::remove(folder.path(), &left),
                Err(why) => {
                    tracing::warn!(ledger = %entry.record().name, %why, "what was begun is still there")
                }
            }
        }
    }

    /// Changes what is known of a ledger, durably.
    pub(crate) fn update(
        &self,
        name: &str,
        change: impl FnOnce(&mut Record),
    ) -> Result<Record, ServiceError> {
        let entry = self.entry(name)?;
        let _files = entry.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = entry.why_broken() {
            return Err(unavailable(name, &why));
        }
        let mut changed = entry.record().clone();
        if changed.state != LedgerState::Active {
            return Err(not_found(name));
        }
        change(&mut changed);
        check_tags(&changed.tags)?;
        if let Some(folder) = &self.folder {
            folder.write_record(&changed).map_err(|why| unavailable(name, &why))?;
        }
        *entry.record() = changed.clone();
        if let Some(ledger) = entry.ledger() {
            ledger.set_extensions(!self.is_strict(&changed));
        }
        Ok(changed)
    }

    /// Deletes a ledger with all that is in it, unless it is protected. It is gone, durably, when this returns; its
    /// files go after that.
    pub(crate) fn delete(&self, name: &str) -> Result<(), ServiceError> {
        let entry = self.entry(name)?;
        if let Some(why) = entry.why_broken() {
            return Err(unavailable(name, &why));
        }
        if entry.record().deletion_protection {
            let message = format!(
                "Preventing deletion of ledger {name} with DeletionProtection enabled; update it to false first"
            );
            let error = ServiceError::new(Exception::ResourcePreconditionNotMet, message);
            return Err(error.with_resource("Ledger", name));
        }
        let Some(open) = entry.take() else { return Err(not_found(name)) };
        let unfinished = Unfinished { entry: &entry, is_over: false };
        let _files = entry.files.lock().unwrap_or_else(PoisonError::into_inner);
        entry.record().state = LedgerState::Deleting;
        if let Some(ledger) = open {
            ledger.close();
        }
        if let Some(folder) = &self.folder {
            match folder.forget(&entry.id) {
                Ok(left) => {
                    let folder = folder.path().to_owned();
                    self.changes.start(move || folder::remove(&folder, &left));
                }
                Err(why) => {
                    entry.record().state = LedgerState::Active;
                    unfinished.settle(&Err(Refused::Failed(why.clone())), 0);
                    return Err(unavailable(name, &why));
                }
            }
        }
        self.names_mut().remove(name);
        unfinished.settle(&Err(Refused::Gone), 0);
        Ok(())
    }

    /// The ledger goes on without the blocks that are missing from its journal. Answers what they were.
    pub(crate) fn accept_loss(&self, name: &str) -> Result<Loss, ServiceError> {
        // Whether something is missing shows when it is opened.
        drop(self.open_here(name)?);
        let entry = self.entry(name)?;
        let Some(open) = entry.take() else { return Err(not_found(name)) };
        let unfinished = Unfinished { entry: &entry, is_over: false };
        let folder = self.folder.as_ref();
        if let Some(ledger) = open {
            opening::close(folder, &entry, ledger);
        }
        let loss = entry.note().loss.clone();
        let accepted = match (loss, folder) {
            (Some(loss), Some(folder)) => opening::change_note(folder, &entry, |note| note.loss = None)
                .map(|()| {
                    folder.drop_view_aside(&entry.id);
                    loss
                })
                .map_err(|why| unavailable(name, &why)),
            _ => Err(ServiceError::bad_request(format!(
                "Nothing is known to be missing from the journal of ledger {name}: there is no loss to accept"
            ))),
        };
        unfinished.reopen();
        accepted
    }

    /// Closes every ledger and gives the data folder back; what was acknowledged is durable already.
    pub(crate) fn close(&self) {
        let entries: Vec<Arc<Entry>> = self.names().values().cloned().collect();
        let next = Mutex::new(entries.iter());
        let close = || {
            loop {
                let Some(entry) = next.lock().unwrap_or_else(PoisonError::into_inner).next() else { return };
                if let Some(open) = entry.take() {
                    if let Some(ledger) = open {
                        opening::close(self.folder.as_ref(), entry, ledger);
                    }
                    entry.settle(&Err(Refused::Failed("the server has stopped".to_owned())), u64::MAX / 2);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..CLOSING_THREADS.min(entries.len()) {
                // Those that can be had do it.
                let _ = std::thread::Builder::new().spawn_scoped(scope, close);
            }
            close();
        });
        if let Some(folder) = &self.folder {
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

/// What is known of a ledger, open or closed.
pub(crate) struct Known {
    pub(crate) name: String,
    /// Where it is open.
    pub(crate) ledger: Option<Ledger>,
    /// Of its whole journal; `None` where it was not closed in order and not opened since.
    pub(crate) digest: Option<Digest>,
    /// Why it cannot be opened or takes no writes, if so.
    pub(crate) impaired: Option<String>,
}

impl Known {
    pub(crate) fn strand_id(&self) -> Option<UniqueId> {
        self.digest.map(|digest| digest.digest_tip_address.strand_id)
    }
}

/// An entry that somebody is busy with. Whatever becomes of that, those who wait hear of it.
struct Unfinished<'a> {
    entry: &'a Entry,
    is_over: bool,
}

impl Unfinished<'_> {
    fn settle(mut self, opened: &Opened, now: u64) {
        self.is_over = true;
        self.entry.settle(opened, now);
    }

    /// It is closed; whoever waits for it asks anew.
    fn reopen(mut self) {
        self.is_over = true;
        for waiting in self.entry.is_closed() {
            let _ = waiting.send(Err(Refused::Failed("it was closed; try again".to_owned())));
        }
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.entry.settle(&Err(Refused::Failed("an earlier operation on it failed".to_owned())), 0);
        }
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
    };
    Entry::broken(record, Note { name: name.to_owned(), ..Note::default() }, why.to_owned())
}

fn not_opened(name: &str, refused: Refused) -> ServiceError {
    match refused {
        Refused::Gone => not_found(name),
        Refused::Failed(why) => ServiceError::new(
            Exception::ServiceUnavailable,
            format!("The Ledger with name {name} could not be opened: {why}"),
        ),
    }
}

fn not_found(name: &str) -> ServiceError {
    ServiceError::new(Exception::ResourceNotFound, format!("The Ledger with name {name} is not found"))
        .with_resource("Ledger", name)
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
