//! Creates, changes and deletes ledgers of a store that several servers share, and takes over what other servers did.

use std::sync::Arc;

use everstrand_ledger::storage::is_sealed;
use everstrand_ledger::{Ledger, ends_deleted};
use everstrand_protocol::control::LedgerState;
use everstrand_protocol::{Exception, ServiceError};

use super::Ledgers;
use super::entry::{Entry, OpenError, Unfinished};
use super::errors::{exists_already, not_found, unavailable};
use super::note::Note;
use super::opening::Origin;
use super::shared::{Revision, Shared};
use crate::record::{Record, check_tags};

impl Ledgers {
    /// Reads the last revision of a name, if the ledgers lie in a shared store, and takes over what it says. This waits for
    /// the store.
    pub(crate) fn refresh(&self, name: &str) -> Result<(), ServiceError> {
        match &self.shared {
            None => Ok(()),
            Some(shared) => self.take_over(shared, name).map(drop),
        }
    }

    /// The same for all names.
    pub(crate) fn refresh_all(&self) -> Result<(), ServiceError> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let news = shared.news().map_err(|why| {
            ServiceError::new(Exception::ServiceUnavailable, format!("The ledgers cannot be listed: {why}"))
        })?;
        news.iter().try_for_each(|name| self.take_over(shared, name).map(drop))
    }

    /// Reads the last revision of a name until it is ACTIVE, DELETED or absent, and takes it over.
    fn take_over(&self, shared: &Shared, name: &str) -> Result<Option<Revision>, ServiceError> {
        loop {
            let last = shared.read(name).map_err(|why| unavailable(name, &why))?;
            match &last {
                Some(Revision { record, .. })
                    if record.state == LedgerState::Deleting && self.options.follows.is_some() =>
                {
                    return self.take_over_deleting(shared, record).map(|()| last);
                }
                Some(Revision { number, record }) if record.state == LedgerState::Deleting => {
                    self.finish_deletion(shared, *number, record)?;
                }
                Some(Revision { record, .. }) => {
                    self.adopt(record);
                    return Ok(last);
                }
                None => return Ok(None),
            }
        }
    }

    /// Takes over a deletion that another server has to finish. Until its journal has ended, the ledger has its name, because
    /// others may still write to it.
    fn take_over_deleting(&self, shared: &Shared, record: &Record) -> Result<(), ServiceError> {
        let has_ended = || {
            let key = self.keys.of(&record.id)?;
            let slots = shared.slots(&record.id, key.as_ref())?;
            let first = slots.read(0).map_err(|error| error.to_string())?;
            // The key of an encrypted ledger goes when the journal has ended.
            if key.is_none() && first.is_some_and(|first| is_sealed(&first)) {
                return Ok(true);
            }
            ends_deleted(&*slots).map_err(|error| error.to_string())
        };
        let has_ended = has_ended().map_err(|why: String| unavailable(&record.name, &why))?;
        let state = if has_ended { LedgerState::Deleted } else { LedgerState::Active };
        self.adopt(&Record { state, ..record.clone() });
        Ok(())
    }

    /// Makes a record the one of its name on this server.
    fn adopt(&self, record: &Record) {
        let known = self.names().get(&record.name).cloned();
        let is_active = record.state == LedgerState::Active;
        if let Some(entry) = known {
            // A request of this server is creating it; it will learn from the store whose the name is.
            if entry.record().state == LedgerState::Creating {
                return;
            }
            if entry.id == record.id && is_active {
                *entry.record() = record.clone();
                if let Some(ledger) = entry.ledger() {
                    ledger.set_extensions(!self.is_strict(record));
                }
                return;
            }
            self.forget(&entry);
        }
        if is_active {
            let note = Note { name: record.name.clone(), ..Note::default() };
            let entry = Arc::new(Entry::closed(record.clone(), note));
            self.names_mut().entry(record.name.clone()).or_insert(entry);
        }
    }

    /// Closes and forgets a ledger that no longer has its name.
    fn forget(&self, entry: &Arc<Entry>) {
        let Some(open) = entry.take() else { return };
        let unfinished = Unfinished::new(entry);
        if let Some(ledger) = open {
            self.close_opened(entry, ledger);
        }
        let mut names = self.names_mut();
        let name = entry.record().name.clone();
        if names.get(&name).is_some_and(|other| Arc::ptr_eq(other, entry)) {
            names.remove(&name);
        }
        drop(names);
        if let Some(cache) = self.shared.as_ref().and_then(|shared| shared.cache.as_ref()) {
            cache.remove_cached(&entry.id);
        }
        unfinished.settle(&Err(OpenError::Gone), 0);
    }

    /// Creates a ledger in the store. It is active when this returns.
    pub(super) fn create_shared(
        &self,
        shared: &Shared,
        origin: Origin<'_>,
        record: Record,
    ) -> Result<Record, ServiceError> {
        let name = record.name.clone();
        check_tags(&record.tags)?;
        let after = match self.take_over(shared, &name)? {
            Some(Revision { record, .. }) if record.state == LedgerState::Active => {
                return Err(exists_already(&name));
            }
            last => last.map(|revision| revision.number),
        };
        let entry = self.reserve(record)?;
        let unfinished = Unfinished::new(&entry);
        match self.make_shared(shared, &entry, after, origin) {
            Ok(Some(ledger)) => {
                unfinished.settle(&Ok(ledger), self.now());
                let record = entry.record().clone();
                Ok(record)
            }
            made => {
                self.names_mut().remove(&name);
                unfinished.settle(&Err(OpenError::Gone), self.now());
                match made {
                    Err(why) => Err(unavailable(&name, &why)),
                    // What has the name now is another server's.
                    Ok(_) => Err(exists_already(&name)),
                }
            }
        }
    }

    /// Opens the new journal, and then takes the name. `None` if another server was faster.
    fn make_shared(
        &self,
        shared: &Shared,
        entry: &Arc<Entry>,
        after: Option<u64>,
        origin: Origin<'_>,
    ) -> Result<Option<Ledger>, String> {
        self.make_room()?;
        let mut record = entry.record().clone();
        let ledger = self.open_files(entry, self.options_of(&record), origin)?;
        record.state = LedgerState::Active;
        let taken = shared.advance(&record.name, after, &record, self.environment.ids.next());
        if !matches!(taken, Ok(true)) {
            // Its journal stays behind in the store, under an id that nobody will use.
            ledger.close();
            let _ = self.keys.remove(&entry.id);
            if let Some(cache) = &shared.cache {
                cache.remove_cached(&entry.id);
            }
        }
        if taken? {
            *entry.record() = record;
            return Ok(Some(ledger));
        }
        Ok(None)
    }

    /// Changes a ledger's record in the store.
    pub(super) fn update_shared(
        &self,
        shared: &Shared,
        name: &str,
        change: &dyn Fn(&mut Record),
    ) -> Result<Record, ServiceError> {
        loop {
            let Some(Revision { number, mut record }) = self.take_over(shared, name)? else {
                return Err(not_found(name));
            };
            if record.state != LedgerState::Active {
                return Err(not_found(name));
            }
            change(&mut record);
            check_tags(&record.tags)?;
            let token = self.environment.ids.next();
            if shared.advance(name, Some(number), &record, token).map_err(|why| unavailable(name, &why))? {
                self.adopt(&record);
                return Ok(record);
            }
        }
    }

    /// Deletes a ledger in the store, unless it is protected. Its slots stay, under an id that nobody will use again.
    pub(super) fn delete_shared(&self, shared: &Shared, name: &str) -> Result<(), ServiceError> {
        loop {
            let Some(Revision { number, mut record }) = self.take_over(shared, name)? else {
                return Err(not_found(name));
            };
            if record.state != LedgerState::Active {
                return Err(not_found(name));
            }
            if record.deletion_protection {
                return Err(super::errors::protected(name));
            }
            record.state = LedgerState::Deleting;
            let token = self.environment.ids.next();
            if shared.advance(name, Some(number), &record, token).map_err(|why| unavailable(name, &why))? {
                return self.finish_deletion(shared, number + 1, &record);
            }
        }
    }

    /// Ends the journal of a deleted ledger, and then removes its data key. So an encrypted journal without a key has its end.
    ///
    /// A data key that nobody can open, because its KMS key is gone or its master key lost, does not keep a ledger from being deleted.
    fn seal_and_forget_key(&self, shared: &Shared, ledger_id: &str) -> Result<(), String> {
        let key = match self.keys.of(ledger_id) {
            Err(why) if self.keys.has(ledger_id)? => {
                tracing::warn!(ledger_id, %why, "a ledger is deleted whose data key cannot be opened");
                shared.end_unreadably(ledger_id)?;
                return self.keys.remove(ledger_id);
            }
            key => key?,
        };
        let slots = shared.slots(ledger_id, key.as_ref())?;
        let first = slots.read(0).map_err(|error| error.to_string())?;
        if key.is_none() && first.is_some_and(|first| is_sealed(&first)) {
            return Ok(());
        }
        everstrand_ledger::seal_deleted(&*slots, self.environment.ids.next())
            .map_err(|error| error.to_string())?;
        self.keys.remove(ledger_id)
    }

    /// Finishes a deletion that is marked at revision `number`: by whomever, and however often.
    fn finish_deletion(&self, shared: &Shared, number: u64, record: &Record) -> Result<(), ServiceError> {
        let name = &record.name;
        self.seal_and_forget_key(shared, &record.id).map_err(|why| unavailable(name, &why))?;
        let deleted = Record { state: LedgerState::Deleted, ..record.clone() };
        // If it is somebody else's, they have finished the same deletion.
        let token = self.environment.ids.next();
        shared.advance(name, Some(number), &deleted, token).map_err(|why| unavailable(name, &why))?;
        let known = self.names().get(name).filter(|entry| entry.id == record.id).cloned();
        if let Some(entry) = known {
            self.forget(&entry);
        }
        Ok(())
    }
}
