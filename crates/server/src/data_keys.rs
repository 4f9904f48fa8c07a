//! The data keys of encrypted ledgers. Each encrypted ledger has one, which seals its journal and its view. The master
//! key seals the data keys, and lies elsewhere.
//!
//! A sealed data key is a revision in a chain, created once. When the master key is replaced, a new revision holds the
//! same data key, sealed under the new master key. So a replacement rewrites no data. Whoever removes the chain has
//! made the ledger unreadable for ever, wherever copies of its journal lie.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use everstrand_ion::{Data, Struct, Value, text};
use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{FileDisk, SealedSlots, SharedStore, is_sealed, meta};
use everstrand_sealing::{MasterKey, SealingKey};

use crate::revisions::create_revision;

/// The folder of a data folder in which the sealed data keys lie.
const FOLDER: &str = "keys";

/// Where the sealed data keys of all ledgers lie, and the master key that opens them.
#[derive(Clone, Debug)]
pub struct DataKeys {
    master: Option<MasterKey>,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    /// Nothing outlives the process, so nothing is encrypted.
    Memory,
    Folder(PathBuf),
    Store(Arc<dyn SharedStore>),
}

/// The data key of one ledger.
#[derive(Clone, Debug)]
pub struct DataKey(SealingKey);

impl DataKeys {
    /// No keys: for ledgers in memory.
    pub fn in_memory() -> DataKeys {
        DataKeys { master: None, place: Place::Memory }
    }

    /// The keys beside the ledgers of a data folder. Without a master key, encrypted ledgers cannot be opened, and new ones are not
    /// encrypted.
    pub fn in_folder(data: &Path, master: Option<MasterKey>) -> DataKeys {
        DataKeys { master, place: Place::Folder(data.join(FOLDER)) }
    }

    /// The keys in a store that other servers use, too.
    pub fn in_store(store: Arc<dyn SharedStore>, master: Option<MasterKey>) -> DataKeys {
        DataKeys { master, place: Place::Store(store) }
    }

    /// The data key of a ledger. `None` if the ledger is not encrypted.
    pub fn of(&self, ledger_id: &str) -> Result<Option<DataKey>, String> {
        let Some((_, revision)) = self.last(ledger_id)? else { return Ok(None) };
        let Some(master) = &self.master else {
            return Err(format!(
                "it is encrypted, and there is no master key; give the one with the fingerprint {} by --master-key-file, \
                 --master-key-command or EVERSTRAND_MASTER_KEY",
                revision.fingerprint
            ));
        };
        revision.open(ledger_id, master).map(Some)
    }

    /// Whether a ledger has a data key, which needs no master key to find out.
    pub fn has(&self, ledger_id: &str) -> Result<bool, String> {
        self.get(ledger_id, 0).map(|revision| revision.is_some())
    }

    /// The data key of a new ledger, or of one that becomes encrypted. It is durable when this answers. `None` without a master key.
    pub fn create(&self, ledger_id: &str) -> Result<Option<DataKey>, String> {
        let Some(master) = self.master.as_ref().filter(|_| !matches!(self.place, Place::Memory)) else {
            return Ok(None);
        };
        if let Some(key) = self.of(ledger_id)? {
            return Ok(Some(key));
        }
        self.put(ledger_id, 0, &Revision::seal(ledger_id, &DataKey(SealingKey::random()), master))?;
        // Another server may have been faster. What is stored holds.
        self.of(ledger_id)
    }

    /// Seals a ledger's data key under another master key. Answers whether there was something to do.
    pub fn seal_again(&self, ledger_id: &str, master: &MasterKey) -> Result<bool, String> {
        let Some((number, revision)) = self.last(ledger_id)? else { return Ok(false) };
        if revision.fingerprint == master.fingerprint() {
            return Ok(false);
        }
        let Some(key) = self.of(ledger_id)? else { return Ok(false) };
        self.put(ledger_id, number + 1, &Revision::seal(ledger_id, &key, master))?;
        let other = DataKeys { master: Some(master.clone()), place: self.place.clone() };
        other.of(ledger_id).map(|_| true)
    }

    /// The slots of a journal as they were written, in clear or encrypted.
    pub fn open_journal(
        &self,
        ledger_id: UniqueId,
        slots: Arc<dyn SlotStore>,
    ) -> Result<Arc<dyn SlotStore>, String> {
        let key = self.of(&ledger_id.to_string())?;
        if key.is_none() {
            // A first slot that cannot be read says nothing about keys.
            check_first(slots.read(0).ok().flatten().as_deref(), None)?;
        }
        Ok(DataKey::seal_if(key.as_ref(), slots, ledger_id))
    }

    /// Removes a deleted ledger's data key, if it has one.
    pub fn remove(&self, ledger_id: &str) -> Result<(), String> {
        match &self.place {
            Place::Memory => Ok(()),
            Place::Store(store) => {
                store.remove_keys(id_of(ledger_id)?).map_err(|error| not_removed(ledger_id, &error))
            }
            Place::Folder(folder) => {
                let mut number = 0;
                while folder.join(file_name(ledger_id, number)).exists() {
                    number += 1;
                }
                // The newest first: an interrupted removal leaves an older revision of the same key, which the next one removes.
                for number in (0..number).rev() {
                    std::fs::remove_file(folder.join(file_name(ledger_id, number)))
                        .map_err(|error| not_removed(ledger_id, &error))?;
                }
                Ok(())
            }
        }
    }

    /// The last revision of a ledger's data key, with its number.
    fn last(&self, ledger_id: &str) -> Result<Option<(u64, Revision)>, String> {
        let mut last = None;
        for number in 0.. {
            let Some(bytes) = self.get(ledger_id, number)? else { break };
            let revision = Revision::decode(&bytes).ok_or_else(|| {
                format!("revision {number} of its data key is damaged; put it back from a backup")
            })?;
            last = Some((number, revision));
        }
        Ok(last)
    }

    fn get(&self, ledger_id: &str, number: u64) -> Result<Option<Vec<u8>>, String> {
        match &self.place {
            Place::Memory => Ok(None),
            Place::Store(store) => {
                let chain = store.keys(id_of(ledger_id)?).map_err(|error| not_read(&error))?;
                chain.read(number).map_err(|error| not_read(&error))
            }
            Place::Folder(folder) => {
                if !folder.exists() {
                    return Ok(None);
                }
                let disk = FileDisk::read_only(folder).map_err(|error| not_read(&error))?;
                meta::read(&disk, &file_name(ledger_id, number)).map_err(|error| not_read(&error))
            }
        }
    }

    /// Creates a revision durably. If another server created it first, that one stays.
    fn put(&self, ledger_id: &str, number: u64, revision: &Revision) -> Result<(), String> {
        let bytes = revision.encode();
        let failed = |error: &dyn std::fmt::Display| format!("its data key was not stored: {error}");
        match &self.place {
            Place::Memory => Ok(()),
            Place::Store(store) => {
                let chain = store.keys(id_of(ledger_id)?).map_err(|error| failed(&error))?;
                create_revision(&*chain, number, &bytes).map(drop).map_err(|error| failed(&error))
            }
            Place::Folder(folder) => {
                let disk = FileDisk::create(folder).map_err(|error| failed(&error))?;
                meta::replace(&disk, &file_name(ledger_id, number), &bytes).map_err(|error| failed(&error))
            }
        }
    }
}

impl DataKey {
    /// The slots of a journal, encrypted if there is a key.
    pub(crate) fn seal_if(
        key: Option<&DataKey>,
        slots: Arc<dyn SlotStore>,
        ledger_id: UniqueId,
    ) -> Arc<dyn SlotStore> {
        match key {
            None => slots,
            Some(key) => Arc::new(SealedSlots::new(slots, ledger_id, key.journal())),
        }
    }

    /// Seals the slots of the journal.
    pub(crate) fn journal(&self) -> SealingKey {
        self.0.derive("journal")
    }

    /// Seals the pages of the view.
    pub(crate) fn view(&self) -> SealingKey {
        self.0.derive("view")
    }

    /// Seals the seed of the key that signs checkpoints.
    pub(crate) fn seed(&self) -> SealingKey {
        self.0.derive("seed")
    }
}

/// A sealed data key.
struct Revision {
    /// Whose master key opens it.
    fingerprint: String,
    sealed: Vec<u8>,
}

impl Revision {
    fn seal(ledger_id: &str, key: &DataKey, master: &MasterKey) -> Revision {
        let sealed = master.key_for("data keys").seal(ledger_id.as_bytes(), key.0.as_bytes());
        Revision { fingerprint: master.fingerprint(), sealed }
    }

    fn open(&self, ledger_id: &str, master: &MasterKey) -> Result<DataKey, String> {
        if self.fingerprint != master.fingerprint() {
            return Err(format!(
                "its data key is sealed under the master key with the fingerprint {}; the one given has {}",
                self.fingerprint,
                master.fingerprint()
            ));
        }
        let opened = master.key_for("data keys").open(ledger_id.as_bytes(), &self.sealed);
        let key = opened.ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
        let key = key.ok_or("its data key is damaged, or another ledger's; put it back from a backup")?;
        Ok(DataKey(SealingKey::from_bytes(&key)))
    }

    fn encode(&self) -> Vec<u8> {
        let fields = [
            ("master_key", Value::from(self.fingerprint.as_str())),
            ("data_key", Value::new(Data::Blob(self.sealed.clone()))),
        ];
        text::write(&Value::from(Struct::from_iter(fields))).into_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<Revision> {
        let revision = text::read_one(std::str::from_utf8(bytes).ok()?).ok()?;
        let fingerprint = revision.get("master_key")?.as_text()?.to_owned();
        let sealed = revision.get("data_key")?.as_bytes()?.to_vec();
        Some(Revision { fingerprint, sealed })
    }
}

/// Refuses a journal whose first slot shows that it is encrypted, if there is no key.
pub(crate) fn check_first(first: Option<&[u8]>, key: Option<&DataKey>) -> Result<(), String> {
    match first {
        Some(first) if key.is_none() && is_sealed(first) => {
            Err("its journal is encrypted, and its data key is gone; put the key back from a backup, into the folder `keys` of its data \
                 folder or into its store".to_owned())
        }
        _ => Ok(()),
    }
}

fn file_name(ledger_id: &str, number: u64) -> String {
    format!("{ledger_id}.{number}")
}

pub(crate) fn id_of(ledger_id: &str) -> Result<UniqueId, String> {
    ledger_id.parse().map_err(|_| format!("{ledger_id} is not the id of a ledger"))
}

fn not_read(error: &dyn std::fmt::Display) -> String {
    format!("its data key cannot be read: {error}")
}

fn not_removed(ledger_id: &str, error: &dyn std::fmt::Display) -> String {
    format!("the data key of {ledger_id} was not removed: {error}")
}
