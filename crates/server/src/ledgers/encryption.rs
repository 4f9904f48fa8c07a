//! Encrypts a ledger that lies in clear, and seals data keys under another master key. Both need the data folder for
//! themselves, so they run while no server does.

use std::sync::Arc;

use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions, FileDisk};
use everstrand_protocol::ServiceError;
use everstrand_sealing::MasterKey;

use super::Ledgers;
use super::entry::Unfinished;
use super::errors::{not_found, unavailable};
use crate::data_keys::id_of;
use crate::kms::KmsError;

impl Ledgers {
    /// The ARN of the KMS key that a name stands for; `None` if there is no key management service.
    pub(crate) fn kms_key(&self, name: &str) -> Option<Result<String, KmsError>> {
        self.keys.kms_key(name)
    }

    /// Encrypts everything that the data folder holds of a ledger. `progress` is told the number of slots that are
    /// encrypted, and of all. May be interrupted at any time: the ledger can be used, and the next call goes on.
    pub(crate) fn encrypt(&self, name: &str, progress: &mut dyn FnMut(u64, u64)) -> Result<(), ServiceError> {
        // Opening finds what is wrong with the ledger, before its files are changed.
        let ledger = self.open_blocking(name)?;
        let is_sound = ledger.status() == everstrand_ledger::Status::Open;
        drop(ledger);
        let entry = self.entry(name)?;
        if !is_sound {
            let why = "it is read-only, because something is wrong with its journal; repair that first";
            return Err(unavailable(name, why));
        }
        let Some(open) = entry.take() else { return Err(not_found(name)) };
        let unfinished = Unfinished::new(&entry);
        if let Some(ledger) = open {
            self.close_opened(&entry, ledger);
        }
        let encrypted = self.encrypt_files(&entry.id, progress);
        unfinished.settle_closed();
        encrypted.map_err(|why| unavailable(name, &why))?;
        // Reading the seed replaces its clear form.
        *entry.seed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        self.checkpoint_seed(name).map(drop).map_err(|why| unavailable(name, &why))
    }

    fn encrypt_files(&self, ledger_id: &str, progress: &mut dyn FnMut(u64, u64)) -> Result<(), String> {
        let Some(folder) = &self.folder else {
            return Err("a ledger in a store is encrypted by making another one of it. Run these with the master key: \
                        `everstrand backup LEDGER --store STORE --to PLACE`, then `everstrand restore PLACE LEDGER --store STORE \
                        --as NEW_NAME`. Digests and proofs stay as they are. Then delete the ledger in clear, and remove its \
                        slots and PLACE, where it lies in clear still"
                .to_owned());
        };
        let key = self
            .keys
            .create(ledger_id, None)?
            .ok_or("there is no master key; name one by --master-key-file")?;
        // From here on the ledger counts as encrypted, and what lies in clear is read as it is.
        let id = id_of(ledger_id)?;
        let disk = FileDisk::create(folder.journal(ledger_id)).map_err(|error| error.to_string())?;
        let options = DiskSlotsOptions { must_exist: true, ..DiskSlotsOptions::default() };
        let slots = DiskSlots::open(Arc::new(disk), options).map_err(|error| error.to_string())?;
        let count = slots.tip_hint().map_err(|error| error.to_string())?.map_or(0, |last| last + 1);
        let mut next = 0;
        while let Some(after) =
            slots.seal_segment(next, id, &key.journal()).map_err(|error| error.to_string())?
        {
            next = after;
            progress(next, count);
        }
        folder.remove_view(ledger_id)
    }

    /// Seals every data key of the data folder or the store under another master key. Answers how many there were to seal.
    pub(crate) fn seal_keys_again(&self, master: &MasterKey) -> Result<usize, String> {
        let ids: Vec<(String, String)> =
            self.names().iter().map(|(name, entry)| (name.clone(), entry.id.clone())).collect();
        let mut sealed = 0;
        for (name, id) in ids {
            let again = self.keys.seal_again(&id, master).map_err(|why| format!("ledger {name}: {why}"))?;
            sealed += usize::from(again);
        }
        Ok(sealed)
    }
}
