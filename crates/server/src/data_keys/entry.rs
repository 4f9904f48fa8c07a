//! What an entry of a ledger's chain of keys says: the data key in a sealed form, or where a copy of the ledger has one.

use std::sync::Arc;

use everstrand_ion::{Data, Struct, Value, text};
use everstrand_sealing::{MasterKey, SealingKey};

use super::key::DataKey;
use crate::kms::{KmsError, KmsKeys, Sealed};

/// An entry.
pub(super) enum Entry {
    Key(SealedKey),
    Copy(NotedCopy),
}

/// A sealed data key.
#[derive(Clone)]
pub(super) struct SealedKey {
    pub(super) under: Under,
    sealed: Vec<u8>,
}

/// What opens a data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Under {
    /// The master key with this fingerprint.
    Master(String),
    /// The key with this ARN of a key management service.
    Kms(String),
}

/// What this process has to open data keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Openers {
    pub(super) master: Option<MasterKey>,
    pub(super) kms: Option<Arc<KmsKeys>>,
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
            Entry::Key(key) => {
                let (name, under) = match &key.under {
                    Under::Master(fingerprint) => ("master_key", fingerprint),
                    Under::Kms(arn) => ("kms_key", arn),
                };
                Value::from(Struct::from_iter([
                    (name, Value::from(under.as_str())),
                    ("data_key", Value::new(Data::Blob(key.sealed.clone()))),
                ]))
            }
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
        let text = |field: &str| entry.get(field)?.as_text().map(str::to_owned);
        let under = text("master_key").map(Under::Master).or_else(|| text("kms_key").map(Under::Kms))?;
        let sealed = entry.get("data_key")?.as_bytes()?.to_vec();
        Some(Entry::Key(SealedKey { under, sealed }))
    }
}

impl SealedKey {
    pub(super) fn seal(ledger_id: &str, key: &DataKey, master: &MasterKey) -> SealedKey {
        let sealed = master.key_for("data keys").seal(ledger_id.as_bytes(), key.0.as_bytes());
        SealedKey { under: Under::Master(master.fingerprint()), sealed }
    }

    /// Seals a data key under a key of a key management service, which is named by its ARN.
    pub(super) fn seal_by_kms(
        ledger_id: &str,
        key: &DataKey,
        kms: &KmsKeys,
        arn: &str,
    ) -> Result<SealedKey, KmsError> {
        let sealed = kms.client().encrypt(arn, ledger_id, &key.0)?;
        Ok(SealedKey { under: Under::Kms(arn.to_owned()), sealed })
    }

    /// What the key management service is asked for, if it sealed this key.
    pub(super) fn sealed_by_kms<'a>(&'a self, ledger_id: &'a str) -> Option<Sealed<'a>> {
        match &self.under {
            Under::Master(_) => None,
            Under::Kms(arn) => Some(Sealed { ledger_id, arn, bytes: &self.sealed }),
        }
    }

    pub(super) fn open(&self, ledger_id: &str, openers: &Openers) -> Result<DataKey, String> {
        match (&self.under, openers) {
            (Under::Master(fingerprint), Openers { master: Some(master), .. }) => {
                self.open_by(ledger_id, fingerprint, master)
            }
            (Under::Master(fingerprint), _) => Err(format!(
                "it is encrypted, and there is no master key; give the one with the fingerprint {fingerprint} by \
                 --master-key-file, --master-key-command or EVERSTRAND_MASTER_KEY"
            )),
            (Under::Kms(arn), Openers { kms: Some(kms), .. }) => {
                kms.open(Sealed { ledger_id, arn, bytes: &self.sealed }).map(DataKey)
            }
            (Under::Kms(arn), _) => Err(format!(
                "it is encrypted under the KMS key {arn}, and there is no KMS; name its endpoint by --kms-endpoint or \
                 EVERSTRAND_KMS_ENDPOINT"
            )),
        }
    }

    fn open_by(&self, ledger_id: &str, fingerprint: &str, master: &MasterKey) -> Result<DataKey, String> {
        if fingerprint != master.fingerprint() {
            return Err(format!(
                "its data key is sealed under the master key with the fingerprint {fingerprint}; the one given has {}",
                master.fingerprint()
            ));
        }
        let opened = master.key_for("data keys").open(ledger_id.as_bytes(), &self.sealed);
        let key = opened.ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
        let key = key.ok_or("its data key is damaged, or another ledger's; put it back from a backup")?;
        Ok(DataKey(SealingKey::from_bytes(&key)))
    }
}
