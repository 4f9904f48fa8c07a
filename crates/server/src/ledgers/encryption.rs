//! Encrypts a ledger that lies in clear, and seals data keys under another master key. Both need the data folder for
//! themselves, or a store on which no server serves the ledger, so they run while no server does.

use std::sync::{Arc, PoisonError};

use everstrand_ledger::storage::slots::{SlotError, SlotStore};
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions, FileDisk, SealedSlots, is_sealed};
use everstrand_protocol::ServiceError;
use everstrand_sealing::MasterKey;

use super::Ledgers;
use super::entry::Unfinished;
use super::errors::{not_found, unavailable};
use super::folder::DataFolder;
use super::shared::Shared;
use crate::data_keys::{DataKey, id_of};
use crate::kms::KmsError;
use crate::record::ClearSlots;

/// About so many bytes of slots of a store are looked at together.
const BATCH_BYTES: usize = 4 << 20;
/// So many requests to a store are under way at the same time.
const REQUESTS_AT_ONCE: usize = 8;
/// How often a slot is read again that a redaction has changed meanwhile.
const ATTEMPTS_MAX: u32 = 5;

impl Ledgers {
    /// The ARN of the KMS key that a name stands for; `None` if there is no key management service.
    pub(crate) fn kms_key(&self, name: &str) -> Option<Result<String, KmsError>> {
        self.keys.kms_key(name)
    }

    /// Encrypts everything that the data folder or the store holds of a ledger. `progress` is told the number of slots that are
    /// encrypted, and of all. May be interrupted at any time: the ledger can be used, and the next call goes on.
    pub(crate) fn encrypt(&self, name: &str, progress: &mut dyn FnMut(u64, u64)) -> Result<(), ServiceError> {
        if let Some(why) = self.options.redaction_refused.as_ref().filter(|_| self.shared.is_some()) {
            return Err(unavailable(
                name,
                &format!("it cannot be encrypted where it lies, because {why}. {ANOTHER_WAY}"),
            ));
        }
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
        let encrypted = self.encrypt_slots(name, &entry.id, progress);
        unfinished.settle_closed();
        encrypted.map_err(|why| unavailable(name, &why))?;
        // Reading the seed replaces its clear form.
        *entry.seed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.checkpoint_seed(name).map_err(|why| unavailable(name, &why))?;
        self.update(name, |record| record.clear_slots = None).map(drop)
    }

    fn encrypt_slots(
        &self,
        name: &str,
        ledger_id: &str,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), String> {
        let kms_key = self.entry(name).map_err(|error| error.message)?.record().kms_key.clone();
        let key = self
            .keys
            .create(ledger_id, kms_key.as_deref())?
            .ok_or("there is no master key; name one by --master-key-file")?;
        // From here on the ledger counts as encrypted, and what lies in clear is read as it is.
        let mut noted = None;
        let mut note = |from: u64, of: u64| {
            progress(from, of);
            // Each note is a revision in a store, so only each twentieth of the way is noted.
            let step = from.saturating_mul(20) / of.max(1);
            if noted == Some(step) {
                return Ok(());
            }
            noted = Some(step);
            let slots = ClearSlots { from, of };
            self.update(name, |record| record.clear_slots = Some(slots))
                .map(drop)
                .map_err(|error| error.message)
        };
        match (&self.shared, &self.folder) {
            (Some(shared), _) => encrypt_in_store(shared, ledger_id, &key, &mut note),
            (None, Some(folder)) => encrypt_in_folder(folder, ledger_id, &key, &mut note),
            (None, None) => Err("ledgers in memory are not encrypted".to_owned()),
        }
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

/// What to do with a store whose slots cannot be replaced.
const ANOTHER_WAY: &str = "Make another ledger of it, with the master key: `everstrand backup LEDGER --store STORE --to PLACE`, then \
                           `everstrand restore PLACE LEDGER --store STORE --as NEW_NAME`. Digests and proofs stay as they are. Then \
                           delete the ledger in clear, and remove its slots and PLACE, where it lies in clear still";

/// Told how many slots are encrypted, and of how many.
type Note<'n> = dyn FnMut(u64, u64) -> Result<(), String> + 'n;

fn encrypt_in_folder(
    folder: &DataFolder,
    ledger_id: &str,
    key: &DataKey,
    note: &mut Note<'_>,
) -> Result<(), String> {
    let id = id_of(ledger_id)?;
    let disk = FileDisk::create(folder.journal(ledger_id)).map_err(|error| error.to_string())?;
    let options = DiskSlotsOptions { must_exist: true, ..DiskSlotsOptions::default() };
    let slots = DiskSlots::open(Arc::new(disk), options).map_err(|error| error.to_string())?;
    let count = slots.tip_hint().map_err(|error| error.to_string())?.map_or(0, |last| last + 1);
    let mut next = 0;
    note(next, count)?;
    while let Some(after) = slots.seal_segment(next, id, &key.journal()).map_err(|error| error.to_string())? {
        next = after;
        note(next, count)?;
    }
    folder.remove_view(ledger_id)
}

/// Replaces each clear slot by its encrypted form, as a redaction replaces a slot. Slots that a forgotten server writes in clear
/// meanwhile are encrypted, too, if they are there when the last one before them is done.
fn encrypt_in_store(
    shared: &Shared,
    ledger_id: &str,
    key: &DataKey,
    note: &mut Note<'_>,
) -> Result<(), String> {
    let stored = shared.slots(ledger_id, None)?;
    let sealed = SealedSlots::new(Arc::clone(&stored), id_of(ledger_id)?, key.journal());
    let count = stored.tip_hint().map_err(|error| error.to_string())?.map_or(0, |last| last + 1);
    let mut next = 0;
    note(next, count)?;
    loop {
        let batch = stored.read_many(next, BATCH_BYTES).map_err(|error| error.to_string())?;
        if batch.is_empty() {
            break;
        }
        let clear: Vec<u64> =
            (next..).zip(&batch).filter(|(_, held)| !is_sealed(held)).map(|(slot, _)| slot).collect();
        replace_all(&sealed, &clear).map_err(|error| error.to_string())?;
        next += batch.len() as u64;
        note(next, count.max(next))?;
    }
    if next < count {
        return Err(format!("slot {next} is gone, though the journal had {count}"));
    }
    if let Some(cache) = &shared.cache {
        cache.remove_cached(ledger_id);
    }
    Ok(())
}

fn replace_all(slots: &SealedSlots, clear: &[u64]) -> Result<(), SlotError> {
    let part = clear.len().div_ceil(REQUESTS_AT_ONCE).max(1);
    std::thread::scope(|scope| {
        let replace = |part: &[u64]| part.iter().try_for_each(|slot| replace(slots, *slot));
        let parts: Vec<_> = clear.chunks(part).map(|part| scope.spawn(move || replace(part))).collect();
        parts.into_iter().try_for_each(|part| {
            part.join()
                .unwrap_or_else(|_| Err(SlotError::Denied("a thread that encrypts has panicked".to_owned())))
        })
    })
}

fn replace(slots: &SealedSlots, slot: u64) -> Result<(), SlotError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let held =
            slots.stored().read(slot)?.ok_or_else(|| SlotError::NotSent(format!("slot {slot} is gone")))?;
        // Somebody else may have done it, or an attempt of ours whose answer was lost.
        if is_sealed(&held) {
            return Ok(());
        }
        match slots.redact(slot, &held, &held) {
            Err(SlotError::NotSent(_) | SlotError::Unknown(_)) if attempts < ATTEMPTS_MAX => {}
            done => return done,
        }
    }
}
