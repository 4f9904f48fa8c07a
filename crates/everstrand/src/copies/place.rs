//! Where copies are, and where the ledgers are that they are made of.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use everstrand_copies::{Backup, Copies, Copy, Known, Watcher};
use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{DiskSlots, FileDisk, SealedSlots, SharedStore};
use everstrand_ledger::{Clock, Ids, RandomIds, SystemClock};
use everstrand_sealing::SealingKey;
use everstrand_server::{DataKeys, NotedCopy, StoredLedger, ledgers_in_folder, ledgers_in_store};
use everstrand_stores::FolderStore;

use crate::store::Access;
use crate::{master_key, place, places_of_copies};

/// The place of copies, for reading.
pub(super) fn read(location: &str, access: &Access) -> Result<Copies, Box<dyn Error>> {
    match location.contains("://") {
        true => Ok(Copies::new(access.open(location)?)),
        false => Ok(Copies::new(Arc::new(FolderStore::open_read_only(Path::new(location))?))),
    }
}

/// The place of copies, for writing.
pub(super) fn write(location: &str, access: &Access) -> Result<Copies, Box<dyn Error>> {
    Ok(Copies::new(places_of_copies::open_to_write(location, access)?))
}

/// Where ledgers are.
pub(super) enum Source {
    Folder(PathBuf),
    Store(Arc<dyn SharedStore>),
}

impl Source {
    /// The ledgers of a store, or of a data folder. A server may run on either.
    pub(super) fn find(
        data: Option<&Path>,
        store: Option<&str>,
        access: &Access,
    ) -> Result<(Source, Vec<StoredLedger>), Box<dyn Error>> {
        if let Some(location) = store {
            let store = access.open(location)?;
            let ledgers = ledgers_in_store(Arc::clone(&store))?;
            return Ok((Source::Store(store), ledgers));
        }
        let folder = place::data_folder(data);
        if !folder.is_dir() {
            return Err(format!("there is no data folder {}", folder.display()).into());
        }
        let ledgers = ledgers_in_folder(&folder)?;
        Ok((Source::Folder(folder), ledgers))
    }

    /// The journal of a ledger. The slots of a folder are the durable ones of this moment.
    pub(super) fn journal(&self, ledger: &StoredLedger) -> Result<Journal, Box<dyn Error>> {
        let slots = self.stored_slots(ledger)?;
        let keys = self.keys()?;
        let id = ledger.id.to_string();
        let because = |why: String| format!("ledger {}: {why}", ledger.name);
        let sealed = match keys.of(&id).map_err(because)? {
            Some(key) => Some(SealedJournal {
                slots: Arc::new(SealedSlots::new(Arc::clone(&slots), ledger.id, key.journal())),
                key: key.journal(),
                forms: keys.sealed_forms(&id).map_err(because)?,
            }),
            // Refuses a sealed journal without a data key.
            None => {
                keys.open_journal(ledger.id, Arc::clone(&slots)).map_err(because)?;
                None
            }
        };
        Ok(Journal { slots, sealed })
    }

    /// Notes beside the ledger's own data key that a copy of it has one, too.
    pub(super) fn note_copy(&self, ledger_id: UniqueId, place: &str, copy: UniqueId) -> Result<(), String> {
        // A server that deletes the ledger may run in another folder.
        let place = match place.contains("://") {
            true => place.to_owned(),
            false => std::path::absolute(place).map_err(|error| error.to_string())?.display().to_string(),
        };
        self.keys()?.note_copy(&ledger_id.to_string(), &NotedCopy { place, copy: copy.to_string() })
    }

    fn keys(&self) -> Result<DataKeys, String> {
        let (master, kms) = (master_key::of_process()?, master_key::kms_of_process()?);
        let keys = match self {
            Source::Folder(folder) => DataKeys::in_folder(folder, master),
            Source::Store(store) => DataKeys::in_store(Arc::clone(store), master),
        };
        Ok(keys.with_kms(kms))
    }

    fn stored_slots(&self, ledger: &StoredLedger) -> Result<Arc<dyn SlotStore>, Box<dyn Error>> {
        match (self, &ledger.journal) {
            (Source::Store(store), _) => Ok(store.journal(ledger.id)?),
            (Source::Folder(_), Some(folder)) => {
                let slots = DiskSlots::open_read_only(Arc::new(FileDisk::read_only(folder)?))?;
                slots.make_durable()?;
                Ok(Arc::new(slots))
            }
            (Source::Folder(_), None) => Err(format!("ledger {} has no folder", ledger.name).into()),
        }
    }
}

/// The journal of a ledger.
pub(super) struct Journal {
    slots: Arc<dyn SlotStore>,
    /// What else there is, if the ledger is encrypted.
    pub(super) sealed: Option<SealedJournal>,
}

/// The journal of an encrypted ledger.
pub(super) struct SealedJournal {
    pub(super) slots: Arc<SealedSlots>,
    /// Seals the slots.
    pub(super) key: SealingKey,
    /// The sealed forms of the ledger's data key.
    pub(super) forms: Vec<Vec<u8>>,
}

impl Journal {
    /// The slots in clear.
    pub(super) fn clear(&self) -> Arc<dyn SlotStore> {
        match &self.sealed {
            None => Arc::clone(&self.slots),
            Some(sealed) => Arc::clone(&sealed.slots) as _,
        }
    }

    /// A run of a backup to a copy.
    pub(super) fn backup<'a>(
        &'a self,
        copy: &'a Copy,
        watcher: &'a mut dyn Watcher,
        now_millis: i64,
    ) -> Backup<'a> {
        match &self.sealed {
            None => Backup::new(&*self.slots, copy, watcher, now_millis),
            Some(sealed) => Backup::of_sealed(&sealed.slots, copy, watcher, now_millis),
        }
    }
}

/// Opens a copy. One of an encrypted ledger needs the master key.
pub(super) fn open(copies: &Copies, known: &Known) -> Result<Copy, Box<dyn Error>> {
    Ok(copies.open(known.clone(), key_of(copies, known)?)?)
}

/// What seals the slots of a copy, if they are sealed.
pub(super) fn key_of(copies: &Copies, known: &Known) -> Result<Option<SealingKey>, Box<dyn Error>> {
    if !known.origin.is_sealed {
        return Ok(None);
    }
    let keys = DataKeys::of_copies(master_key::of_process()?).with_kms(master_key::kms_of_process()?);
    let opened = keys.open_forms(&known.origin.ledger_id.to_string(), &copies.data_key(known)?);
    let key = opened.map_err(|why| format!("copy {} of ledger {}: {why}", known.id, known.origin.name))?;
    Ok(Some(key.journal()))
}

/// The copies of a ledger, or the copy with an id; all of them without a name.
pub(super) fn named(copies: Vec<Known>, name: Option<&str>) -> Result<Vec<Known>, String> {
    let Some(name) = name else { return Ok(copies) };
    let is_meant = |copy: &Known| copy.origin.name == name || copy.id.to_string() == name;
    let found: Vec<Known> = copies.into_iter().filter(is_meant).collect();
    match found.is_empty() {
        true => Err(format!("the place holds no copy of a ledger {name}, and none with this id")),
        false => Ok(found),
    }
}

/// The newest copy of a ledger, or the copy with an id. Without a name the place must have copies of one ledger only.
pub(super) fn newest(copies: &Copies, name: Option<&str>) -> Result<Known, Box<dyn Error>> {
    let found = named(copies.list()?, name)?;
    let newest = found.last().ok_or("the place holds no copy")?;
    if let Some(other) = found.iter().find(|copy| copy.origin.ledger_id != newest.origin.ledger_id) {
        return Err(format!(
            "the place has copies of several ledgers, {} ({}) and {} ({}): name one, or the id of a copy",
            newest.origin.name, newest.id, other.origin.name, other.id
        )
        .into());
    }
    Ok(newest.clone())
}

/// The newest copy of each ledger, or of one.
pub(super) fn newest_of_each(copies: &Copies, name: Option<&str>) -> Result<Vec<Known>, Box<dyn Error>> {
    let mut newest: Vec<Known> = Vec::new();
    for known in named(copies.list()?, name)? {
        newest.retain(|other| other.origin.ledger_id != known.origin.ledger_id);
        newest.push(known);
    }
    match newest.is_empty() {
        true => Err("the place holds no copy".into()),
        false => Ok(newest),
    }
}

/// A new id.
pub(super) fn new_id() -> UniqueId {
    RandomIds::new(Arc::new(SystemClock::new())).next()
}

/// The time, in milliseconds since 1970-01-01T00:00Z.
pub(super) fn now_millis() -> i64 {
    SystemClock::new().unix_millis()
}
