//! What an entry of a ledger's chain of keys says: the data key in a sealed form, or where a copy of the ledger has one.

use everstrand_ion::{Data, Struct, Value, text};
use everstrand_sealing::{MasterKey, SealingKey};

use super::key::DataKey;

/// An entry.
pub(super) enum Entry {
    Key(SealedKey),
    Copy(NotedCopy),
}

/// A sealed data key.
#[derive(Clone)]
pub(super) struct SealedKey {
    /// Whose master key opens it.
    pub(super) fingerprint: String,
    sealed: Vec<u8>,
}

/// A copy of a ledger, which holds a sealed form of the ledger's data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedCopy {
    /// The place of the copy: a folder, a bucket or a database.
    pub place: String,
    /// The id of the copy.
    pub copy: String,
}

impl Entry {
    pub(super) fn encode(&self) -> Vec<u8> {
        let value = match self {
            Entry::Key(key) => Value::from(Struct::from_iter([
                ("master_key", Value::from(key.fingerprint.as_str())),
                ("data_key", Value::new(Data::Blob(key.sealed.clone()))),
            ])),
            Entry::Copy(noted) => {
                let copy = Struct::from_iter([
                    ("place", Value::from(noted.place.as_str())),
                    ("id", Value::from(noted.copy.as_str())),
                ]);
                Value::from(Struct::from_iter([("copy", Value::from(copy))]))
            }
        };
        text::write(&value).into_bytes()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Entry> {
        let entry = text::read_one(std::str::from_utf8(bytes).ok()?).ok()?;
        if let Some(copy) = entry.get("copy") {
            let text = |field: &str| copy.get(field)?.as_text().map(str::to_owned);
            return Some(Entry::Copy(NotedCopy { place: text("place")?, copy: text("id")? }));
        }
        let fingerprint = entry.get("master_key")?.as_text()?.to_owned();
        let sealed = entry.get("data_key")?.as_bytes()?.to_vec();
        Some(Entry::Key(SealedKey { fingerprint, sealed }))
    }
}

impl SealedKey {
    pub(super) fn seal(ledger_id: &str, key: &DataKey, master: &MasterKey) -> SealedKey {
        let sealed = master.key_for("data keys").seal(ledger_id.as_bytes(), key.0.as_bytes());
        SealedKey { fingerprint: master.fingerprint(), sealed }
    }

    pub(super) fn open(&self, ledger_id: &str, master: Option<&MasterKey>) -> Result<DataKey, String> {
        let Some(master) = master else {
            return Err(format!(
                "it is encrypted, and there is no master key; give the one with the fingerprint {} by --master-key-file, \
                 --master-key-command or EVERSTRAND_MASTER_KEY",
                self.fingerprint
            ));
        };
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
}
