//! The data keys of encrypted ledgers. Each encrypted ledger has one, which seals its journal and its view. The master
//! key, or a key of a key management service, seals the data keys, and lies elsewhere.
//!
//! A sealed data key is an entry in a chain, created once. When the master key is replaced, a new entry holds the
//! same data key, sealed under the new one. So a replacement rewrites no data. Whoever removes the chain has
//! made the ledger unreadable for ever, wherever copies of its journal lie, unless a copy of the key lies there. So the chain
//! also says which copies have one, as far as they were made from this place.

mod entry;
mod key;
mod place;
mod shredding;

use std::path::Path;
use std::sync::Arc;

use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{SharedStore, is_sealed};
use everstrand_sealing::{MasterKey, SealingKey};

use self::entry::{Entry, Openers, SealedKey, Under};
use self::place::Place;

use crate::kms::{KmsError, KmsKeys, Lost};

pub use entry::NotedCopy;
pub use key::DataKey;
pub(crate) use place::id_of;
pub use shredding::PlacesOfCopies;

/// Where the sealed data keys of all ledgers lie, and the master key that opens them.
#[derive(Clone, Debug)]
pub struct DataKeys {
    openers: Openers,
    place: Place,
    /// Opens the places of copies, so that a deletion reaches the keys there.
    copies: Option<PlacesOfCopies>,
}

/// What a chain says.
#[derive(Default)]
struct Chain {
    /// How many entries it has.
    entries: u64,
    /// The sealed forms of the key, the oldest first.
    keys: Vec<SealedKey>,
    copies: Vec<NotedCopy>,
}

impl DataKeys {
    /// No keys: for ledgers in memory.
    pub fn in_memory() -> DataKeys {
        DataKeys::new(Place::Memory, None)
    }

    /// The keys beside the ledgers of a data folder. Without a master key, encrypted ledgers cannot be opened, and new ones are not
    /// encrypted.
    pub fn in_folder(data: &Path, master: Option<MasterKey>) -> DataKeys {
        DataKeys::new(Place::in_folder(data), master)
    }

    /// The keys in a store that other servers use, too.
    pub fn in_store(store: Arc<dyn SharedStore>, master: Option<MasterKey>) -> DataKeys {
        DataKeys::new(Place::Store(store), master)
    }

    /// No keys of ledgers, but the master key that opens those of copies.
    pub fn of_copies(master: Option<MasterKey>) -> DataKeys {
        DataKeys::new(Place::Memory, master)
    }

    fn new(place: Place, master: Option<MasterKey>) -> DataKeys {
        DataKeys { openers: Openers { master, kms: None }, place, copies: None }
    }

    /// The same keys, some of which a key management service opens.
    pub fn with_kms(self, kms: Option<Arc<KmsKeys>>) -> DataKeys {
        DataKeys { openers: Openers { kms, ..self.openers }, ..self }
    }

    /// The same keys. Removing one also removes the copies of it that these places have.
    pub(crate) fn with_copies(self, copies: Option<PlacesOfCopies>) -> DataKeys {
        DataKeys { copies, ..self }
    }

    /// The data key of a ledger. `None` if the ledger is not encrypted.
    pub fn of(&self, ledger_id: &str) -> Result<Option<DataKey>, String> {
        let chain = self.chain(ledger_id)?;
        chain.keys.last().map(|key| key.open(ledger_id, &self.openers)).transpose()
    }

    /// Whether a ledger has a data key, which needs no master key to find out.
    pub fn has(&self, ledger_id: &str) -> Result<bool, String> {
        self.place.read(ledger_id, 0).map(|entry| entry.is_some())
    }

    /// The data key of a new ledger, or of one that becomes encrypted. It is durable when this answers. It is sealed under the KMS key
    /// with an ARN, if one is given, else under the master key. `None` without either.
    pub fn create(&self, ledger_id: &str, kms_key: Option<&str>) -> Result<Option<DataKey>, String> {
        if matches!(self.place, Place::Memory) && kms_key.is_some() {
            return Err("ledgers in memory are not encrypted, so they have no KMS key".to_owned());
        }
        if matches!(self.place, Place::Memory) || kms_key.is_none() && self.openers.master.is_none() {
            return Ok(None);
        }
        if let Some(key) = self.of(ledger_id)? {
            return Ok(Some(key));
        }
        let key = self.seal(ledger_id, &DataKey(SealingKey::random()), kms_key)?;
        // Another server may be faster. What is stored holds.
        self.place.create(ledger_id, 0, &Entry::Key(key).encode())?;
        self.of(ledger_id)
    }

    /// Seals a data key under the KMS key with an ARN, or under the master key.
    fn seal(&self, ledger_id: &str, key: &DataKey, kms_key: Option<&str>) -> Result<SealedKey, String> {
        match (kms_key, &self.openers) {
            (Some(arn), Openers { kms: Some(kms), .. }) => {
                SealedKey::seal_by_kms(ledger_id, key, kms, arn).map_err(|error| error.to_string())
            }
            (Some(_), _) => Err("there is no KMS; name its endpoint by --kms-endpoint".to_owned()),
            (None, Openers { master: Some(master), .. }) => Ok(SealedKey::seal(ledger_id, key, master)),
            (None, _) => Err("there is no master key; name one by --master-key-file".to_owned()),
        }
    }

    /// Seals a ledger's data key again: under the KMS key with an ARN, or under the master key. No data is written again.
    pub(crate) fn seal_under(&self, ledger_id: &str, kms_key: Option<&str>) -> Result<(), String> {
        loop {
            let chain = self.chain(ledger_id)?;
            let last = chain.keys.last().ok_or("it is not encrypted; see `everstrand encrypt`")?;
            let key = last.open(ledger_id, &self.openers)?;
            let again = Entry::Key(self.seal(ledger_id, &key, kms_key)?);
            if self.place.create(ledger_id, chain.entries, &again.encode())? {
                // A key that cannot be opened again must not be the last one that anybody hears of.
                return self.of(ledger_id).map(drop);
            }
        }
    }

    /// Seals a ledger's data key under another master key, unless a KMS key seals it. Answers whether there was something to do.
    pub fn seal_again(&self, ledger_id: &str, master: &MasterKey) -> Result<bool, String> {
        let chain = self.chain(ledger_id)?;
        match chain.keys.last().map(|last| &last.under) {
            Some(Under::Master(fingerprint)) if *fingerprint != master.fingerprint() => {}
            _ => return Ok(false),
        }
        let Some(key) = self.of(ledger_id)? else { return Ok(false) };
        let again = Entry::Key(SealedKey::seal(ledger_id, &key, master));
        if !self.place.create(ledger_id, chain.entries, &again.encode())? {
            return self.seal_again(ledger_id, master);
        }
        let openers = Openers { master: Some(master.clone()), ..self.openers.clone() };
        DataKeys { openers, ..self.clone() }.of(ledger_id).map(|_| true)
    }

    /// The ARN of the KMS key that a name stands for, if data keys can be sealed under it.
    pub(crate) fn kms_key(&self, name: &str) -> Option<Result<String, KmsError>> {
        self.openers.kms.as_ref().map(|kms| kms.client().describe(name))
    }

    /// Asks the KMS for a ledger's data key, if it was not asked lately. Answers whether the ledger is impaired.
    pub(crate) fn check(&self, ledger_id: &str) -> Result<bool, String> {
        let Some(kms) = &self.openers.kms else { return Ok(false) };
        // The chain is read only then, because it may lie in a store that takes money for it.
        if kms.is_due(ledger_id) {
            let chain = self.chain(ledger_id)?;
            match chain.keys.last().and_then(|key| key.sealed_by_kms(ledger_id)) {
                Some(sealed) => kms.check(sealed),
                None => kms.forget(ledger_id),
            }
        }
        Ok(kms.lost(ledger_id).is_some())
    }

    /// Since when the KMS does not open a ledger's data key, if it is so.
    pub(crate) fn lost(&self, ledger_id: &str) -> Option<Lost> {
        self.openers.kms.as_ref()?.lost(ledger_id)
    }

    /// Every sealed form of a ledger's data key, the oldest first, for a copy of the ledger. None if the ledger is not encrypted.
    pub fn sealed_forms(&self, ledger_id: &str) -> Result<Vec<Vec<u8>>, String> {
        let keys = self.chain(ledger_id)?.keys;
        Ok(keys.into_iter().map(|key| Entry::Key(key).encode()).collect())
    }

    /// Opens the data key that came with a copy of a ledger.
    pub fn open_forms(&self, ledger_id: &str, forms: &[Vec<u8>]) -> Result<DataKey, String> {
        let Some(last) = forms.last() else {
            return Err("its data key is gone, so nobody can read it. It was removed with the ledger, or it lies with another \
                        copy of the place"
                .to_owned());
        };
        match Entry::decode(last) {
            Some(Entry::Key(key)) => key.open(ledger_id, &self.openers),
            _ => Err(
                "its data key is damaged, so nobody can read it; put it back from another copy of the place"
                    .to_owned(),
            ),
        }
    }

    /// Notes that a copy of a ledger has a sealed form of its data key.
    pub fn note_copy(&self, ledger_id: &str, copy: &NotedCopy) -> Result<(), String> {
        loop {
            let chain = self.chain(ledger_id)?;
            if chain.copies.contains(copy)
                || self.place.create(ledger_id, chain.entries, &Entry::Copy(copy.clone()).encode())?
            {
                return Ok(());
            }
        }
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

    /// Removes a deleted ledger's data key, if it has one, and those of its copies that can be reached. The log names the others.
    pub fn remove(&self, ledger_id: &str) -> Result<(), String> {
        // A chain that cannot be read names no copy, and is removed nevertheless.
        let copies = self.chain(ledger_id).map(|chain| chain.copies).unwrap_or_default();
        for copy in copies {
            let removed = match &self.copies {
                Some(places) => places.remove_key(&copy),
                None => Err("this process opens no places of copies".to_owned()),
            };
            let NotedCopy { place, copy } = copy;
            match removed {
                Ok(()) => tracing::info!(ledger_id, place, copy, "the data key of a copy was removed"),
                Err(why) => tracing::warn!(
                    ledger_id, place, copy, %why,
                    "a copy of a deleted ledger still holds its data key; remove it with `everstrand backup shred PLACE COPY`"
                ),
            }
        }
        if let Some(kms) = &self.openers.kms {
            kms.forget(ledger_id);
        }
        self.place.remove(ledger_id)
    }

    fn chain(&self, ledger_id: &str) -> Result<Chain, String> {
        let mut chain = Chain::default();
        while let Some(bytes) = self.place.read(ledger_id, chain.entries)? {
            match Entry::decode(&bytes) {
                Some(Entry::Key(key)) => chain.keys.push(key),
                Some(Entry::Copy(copy)) => chain.copies.push(copy),
                None => {
                    return Err(format!(
                        "revision {} of its data key is damaged; put it back from a backup",
                        chain.entries
                    ));
                }
            }
            chain.entries += 1;
        }
        Ok(chain)
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
