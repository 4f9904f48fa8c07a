//! Where copies are, and where the ledgers are that they are made of.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use everstrand_copies::{Copies, Known};
use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{DiskSlots, FileDisk, SharedStore};
use everstrand_ledger::{Clock, Ids, RandomIds, SystemClock};
use everstrand_server::{DataKeys, StoredLedger, ledgers_in_folder, ledgers_in_store};
use everstrand_stores::FolderStore;

use crate::place;
use crate::store::Access;

/// The place of copies, for reading.
pub(super) fn read(location: &str, access: &Access) -> Result<Copies, Box<dyn Error>> {
    match location.contains("://") {
        true => Ok(Copies::new(access.open(location)?)),
        false => Ok(Copies::new(Arc::new(FolderStore::open_read_only(Path::new(location))?))),
    }
}

/// The place of copies, for writing.
pub(super) fn write(location: &str, access: &Access) -> Result<Copies, Box<dyn Error>> {
    match location.contains("://") {
        true => Ok(Copies::new(access.open(location)?)),
        false => Ok(Copies::new(Arc::new(FolderStore::open(Path::new(location))?))),
    }
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

    /// The slots of a ledger. Those of a folder are the durable ones of this moment.
    pub(super) fn slots(&self, ledger: &StoredLedger) -> Result<Arc<dyn SlotStore>, Box<dyn Error>> {
        let keys = match self {
            Source::Folder(folder) => DataKeys::in_folder(folder, None),
            Source::Store(store) => DataKeys::in_store(Arc::clone(store), None),
        };
        if keys.has(&ledger.id.to_string())? {
            return Err(format!(
                "ledger {} is encrypted at rest, and such a ledger cannot be copied yet",
                ledger.name
            )
            .into());
        }
        self.stored_slots(ledger)
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
