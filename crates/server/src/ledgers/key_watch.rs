//! Watches the data keys that a key management service opens. A ledger whose key was taken away is *impaired*: it is closed, and every
//! request gets the reason, until the service opens its data key again.

use std::sync::{Arc, TryLockError};

use everstrand_journal::UniqueId;
use everstrand_protocol::ServiceError;
use everstrand_protocol::control::{EncryptionStatus, EpochMillis, LedgerEncryptionDescription};

use super::Ledgers;
use super::entry::{Entry, OpenError, Unfinished};
use super::errors::unavailable;
use crate::record::Record;

impl Ledgers {
    /// Starts the next round of questions for data keys on a thread that may wait, unless one is under way. To be called about once a
    /// second; each key is asked for much less often.
    /// `end_sessions` ends those of the ledger with a strand.
    pub(crate) fn start_watching_keys(self: &Arc<Self>, end_sessions: impl Fn(UniqueId) + Send + 'static) {
        let is_watched = |entry: &&Arc<Entry>| entry.record().kms_key.is_some();
        let watched: Vec<Arc<Entry>> = self.names().values().filter(is_watched).cloned().collect();
        if watched.is_empty() {
            return;
        }
        let ledgers = Arc::clone(self);
        self.files.start(move || {
            let _one = match ledgers.key_watch.try_lock() {
                Ok(one) => one,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            watched.iter().for_each(|entry| ledgers.watch_key(entry, &end_sessions));
        });
    }

    fn watch_key(&self, entry: &Arc<Entry>, end_sessions: &dyn Fn(UniqueId)) {
        let was_lost = self.keys.lost(&entry.id).is_some();
        let is_lost = match self.keys.check(&entry.id) {
            Ok(is_lost) => is_lost,
            Err(why) => {
                tracing::warn!(ledger = %entry.record().name, %why, "the ledger's data key could not be asked for");
                return;
            }
        };
        if was_lost && !is_lost {
            entry.forget_failure();
        }
        if !is_lost {
            return;
        }
        // Also those that had begun to open when the ledger was closed: they hold its files.
        if let Some(digest) = entry.digest() {
            end_sessions(digest.digest_tip_address.strand_id);
        }
        if entry.ledger().is_none() {
            return;
        }
        let Some(open) = entry.take() else { return };
        let unfinished = Unfinished::new(entry);
        if let Some(ledger) = open {
            end_sessions(ledger.strand_id());
            self.close_opened(entry, ledger);
        }
        let why = self.keys.of(&entry.id).err();
        let why = why.unwrap_or_else(|| "its KMS key was inaccessible; try again".to_owned());
        unfinished.settle(&Err(OpenError::Failed(why)), self.now());
    }

    /// The key of an encrypted ledger, as the control API shows it. `owned` is the name of the master key there.
    pub(crate) fn encryption(
        &self,
        record: &Record,
        owned: &str,
    ) -> Result<Option<LedgerEncryptionDescription>, ServiceError> {
        let has_key = self.keys.has(&record.id).map_err(|why| unavailable(&record.name, &why))?;
        let lost = self.keys.lost(&record.id);
        Ok(has_key.then(|| LedgerEncryptionDescription {
            kms_key_arn: record.kms_key.clone().unwrap_or_else(|| owned.to_owned()),
            encryption_status: match lost {
                Some(_) => EncryptionStatus::KmsKeyInaccessible,
                None => EncryptionStatus::Enabled,
            },
            inaccessible_kms_key_date_time: lost.map(|lost| EpochMillis(lost.since_millis)),
        }))
    }

    /// Seals the data key of a ledger under another KMS key, or under the master key, and notes which. No data is written again.
    pub(crate) fn change_key(&self, name: &str, kms_key: Option<&str>) -> Result<(), ServiceError> {
        self.may_write(name)?;
        self.refresh(name)?;
        let id = self.entry(name)?.id.clone();
        self.keys.seal_under(&id, kms_key).map_err(|why| unavailable(name, &why))?;
        self.update(name, |record| record.kms_key = kms_key.map(str::to_owned)).map(drop)
    }
}
