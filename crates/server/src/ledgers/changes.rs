//! Creates, changes and deletes ledgers. Each change is durable when its method returns.

use std::sync::{Arc, PoisonError};

use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::{Importer, Ledger, Loss};
use everstrand_protocol::control::{LedgerState, PermissionsMode, Tags};
use everstrand_protocol::{Exception, ServiceError};

use super::entry::{Entry, OpenError, Unfinished};
use super::errors::{exists_already, not_found, protected, unavailable};
use super::note::Note;
use super::opening::Origin;
use super::{Ledgers, folder, opening};
use crate::record::{Record, check_tags};

impl Ledgers {
    /// Creates a ledger. It is active when this returns.
    pub(crate) fn create(
        &self,
        name: &str,
        permissions_mode: PermissionsMode,
        deletion_protection: bool,
        tags: Tags,
        kms_key: Option<String>,
    ) -> Result<Record, ServiceError> {
        let record = self.new_record(name, permissions_mode, deletion_protection, tags);
        self.create_with(Origin::New, Record { kms_key, ..record })
    }

    /// Creates a ledger that begins with imported blocks. If `write_blocks` fails, no ledger is created.
    pub(crate) fn import(
        &self,
        name: &str,
        write_blocks: &mut dyn FnMut(&mut Importer<'_>) -> Result<(), String>,
    ) -> Result<Record, ServiceError> {
        let record = self.new_record(name, PermissionsMode::AllowAll, true, Tags::new());
        self.create_with(Origin::Imported(write_blocks), record)
    }

    /// Creates a ledger that begins with the slots of another one. `copied` is the record of that ledger, whose options the
    /// new one gets. If `write_slots` fails, no ledger is created.
    pub(crate) fn restore(
        &self,
        name: &str,
        copied: Option<Record>,
        restored_from: &str,
        write_slots: &mut dyn FnMut(&dyn SlotStore) -> Result<(), String>,
    ) -> Result<Record, ServiceError> {
        let (mode, tags, kms_key) = copied.map_or((PermissionsMode::AllowAll, Tags::new(), None), |copied| {
            (copied.permissions_mode, copied.tags, copied.kms_key)
        });
        let record = self.new_record(name, mode, true, tags);
        let record = Record { restored_from: Some(restored_from.to_owned()), kms_key, ..record };
        self.create_with(Origin::Restored(write_slots), record)
    }

    fn new_record(
        &self,
        name: &str,
        permissions_mode: PermissionsMode,
        deletion_protection: bool,
        tags: Tags,
    ) -> Record {
        Record {
            id: self.environment.ids.next().to_string(),
            name: name.to_owned(),
            state: LedgerState::Creating,
            created_millis: self.environment.clock.unix_millis(),
            permissions_mode,
            deletion_protection,
            tags,
            restored_from: None,
            kms_key: None,
            clear_slots: None,
        }
    }

    fn create_with(&self, origin: Origin<'_>, record: Record) -> Result<Record, ServiceError> {
        let name = &record.name.clone();
        self.may_write(name)?;
        if let Some(shared) = &self.shared {
            return self.create_shared(shared, origin, record);
        }
        if self.names().contains_key(name) {
            return Err(exists_already(name));
        }
        check_tags(&record.tags)?;
        let entry = self.reserve(record)?;
        let unfinished = Unfinished::new(&entry);
        let made = self.make(&entry, origin);
        match made {
            Ok(ledger) => {
                unfinished.settle(&Ok(ledger), self.now());
                let record = entry.record().clone();
                Ok(record)
            }
            Err(why) => {
                self.names_mut().remove(name);
                unfinished.settle(&Err(OpenError::Gone), self.now());
                self.discard(&entry);
                Err(unavailable(name, &why))
            }
        }
    }

    /// Takes a name for a new ledger. Fails if another ledger has it, or if a ledger with an unknown name might have it.
    pub(super) fn reserve(&self, record: Record) -> Result<Arc<Entry>, ServiceError> {
        if let Some(broken) = self.nameless.first() {
            let why = format!(
                "the folder {} holds a ledger whose name is not known, so the name may be taken; restore its file meta, or \
                 move the folder away",
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

    fn make(&self, entry: &Entry, origin: Origin<'_>) -> Result<Ledger, String> {
        self.make_room()?;
        let mut record = entry.record().clone();
        // The record goes first, with the state CREATING: if the server dies before the last line, the next start removes the
        // unfinished ledger.
        if let Some(folder) = &self.folder {
            folder.write_record(&record)?;
        }
        let options = self.options_of(&record);
        let ledger = self.open_files(entry, options, origin)?;
        record.state = LedgerState::Active;
        if let Some(folder) = &self.folder {
            folder.write_note(&entry.id, &entry.note())?;
            folder.write_record(&record)?;
        }
        *entry.record() = record;
        Ok(ledger)
    }

    /// Removes the files of a ledger whose creation failed. If this fails, the next start tries again.
    fn discard(&self, entry: &Entry) {
        // A creation that was refused before it wrote anything leaves no folder.
        if let Some(folder) = self.folder.as_ref().filter(|folder| folder.path().join(&entry.id).is_dir()) {
            match folder.mark_deleted(&entry.id) {
                Ok(leftover) => folder::remove(folder.path(), &leftover, &self.keys),
                Err(why) => {
                    tracing::warn!(
                        ledger = %entry.record().name, %why,
                        "the files of a ledger that could not be created could not be removed; the next start tries again"
                    );
                }
            }
        }
    }

    /// Changes a ledger's record durably.
    pub(crate) fn update(&self, name: &str, change: impl Fn(&mut Record)) -> Result<Record, ServiceError> {
        self.may_write(name)?;
        if let Some(shared) = &self.shared {
            return self.update_shared(shared, name, &change);
        }
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

    /// Deletes a ledger, unless it is protected. When this returns the deletion is durable. The files are removed in the background.
    pub(crate) fn delete(&self, name: &str) -> Result<(), ServiceError> {
        self.may_write(name)?;
        if let Some(shared) = &self.shared {
            return self.delete_shared(shared, name);
        }
        let entry = self.entry(name)?;
        if let Some(why) = entry.why_broken() {
            return Err(unavailable(name, &why));
        }
        if entry.record().deletion_protection {
            return Err(protected(name));
        }
        let Some(open) = entry.take() else { return Err(not_found(name)) };
        let unfinished = Unfinished::new(&entry);
        let _files = entry.files.lock().unwrap_or_else(PoisonError::into_inner);
        entry.record().state = LedgerState::Deleting;
        if let Some(ledger) = open {
            ledger.close();
        }
        if let Some(folder) = &self.folder {
            match folder.mark_deleted(&entry.id) {
                Ok(leftover) => {
                    // Before the answer, because the key's removal is the point of many a deletion.
                    if let Err(why) = self.keys.remove(&entry.id) {
                        tracing::warn!(ledger = name, %why, "the next start tries again");
                    }
                    let (folder, keys) = (folder.path().to_owned(), self.keys.clone());
                    self.changes.start(move || folder::remove(&folder, &leftover, &keys));
                }
                Err(why) => {
                    entry.record().state = LedgerState::Active;
                    unfinished.settle(&Err(OpenError::Failed(why.clone())), 0);
                    return Err(unavailable(name, &why));
                }
            }
        }
        self.names_mut().remove(name);
        unfinished.settle(&Err(OpenError::Gone), 0);
        Ok(())
    }

    /// Accepts that blocks are missing from a ledger's journal, so that the ledger takes writes again. Answers the accepted loss.
    pub(crate) fn accept_loss(&self, name: &str) -> Result<Loss, ServiceError> {
        // Opening the ledger finds a loss that nobody has noticed yet.
        drop(self.open_blocking(name)?);
        let entry = self.entry(name)?;
        let Some(open) = entry.take() else { return Err(not_found(name)) };
        let unfinished = Unfinished::new(&entry);
        let folder = self.folder.as_ref();
        if let Some(ledger) = open {
            self.close_opened(&entry, ledger);
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
                "The journal of ledger {name} lacks no block that is known of, so there is no loss to accept"
            ))),
        };
        unfinished.settle_closed();
        accepted
    }
}
