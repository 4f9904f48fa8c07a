//! Ledgers in a store that several servers share: whose a name is, and where its journal lies.
//!
//! A name is a chain of revisions, each created once ([`SharedStore`]). A revision is a ledger's record with its state:
//!
//! ```text
//! ACTIVE     the ledger has the name, with these options and tags
//! DELETING   nobody may write to the ledger any more. Whoever meets this finishes the deletion
//! DELETED    the name is free
//! ```
//!
//! A new ledger takes a name at the revision after DELETED, or at the first, when its own slot 0 exists. So a ledger that
//! had the name and is not sealed has it still. That a name is free is never kept: it is read each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_ion::{Struct, Value, text};
use everstrand_journal::UniqueId;
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::views::ViewStore;
use everstrand_ledger::storage::{MemoryView, SealedSlots, SharedStore};
use everstrand_ledger::{Environment, Ledger, LedgerError, LedgerOptions};
use everstrand_protocol::control::LedgerState;
use everstrand_sealing::SealingKey;

use super::entry::Entry;
use super::folder::DataFolder;
use super::opening::{self, Origin, import_blocks};
use super::stored::StoredLedger;
use crate::data_keys::{DataKey, check_first, id_of};
use crate::record::Record;
use crate::revisions::{because, create_revision};

/// How often the end of a journal is tried again because the store did not answer. Whoever meets the deletion next goes on.
const SILENCES_MAX: u32 = 5;

/// The ledgers of a store, as this server knows them.
pub(super) struct Shared {
    store: Arc<dyn SharedStore>,
    /// The folder of the views, which may be lost at any time. Without one, views are in memory.
    pub(super) cache: Option<DataFolder>,
    /// The last revision of each name that this server has read.
    last: Mutex<HashMap<String, Revision>>,
}

/// A revision of a name.
#[derive(Clone)]
pub(super) struct Revision {
    pub(super) number: u64,
    pub(super) record: Record,
}

impl Shared {
    pub(super) fn new(store: Arc<dyn SharedStore>, cache: Option<DataFolder>) -> Shared {
        Shared { store, cache, last: Mutex::default() }
    }

    /// The names that have a revision which this server has not read yet.
    pub(super) fn news(&self) -> Result<Vec<String>, String> {
        let names = self.store.names().map_err(|error| because(&error))?;
        let last = self.last();
        // A copy of a ledger has a name with a point, which no ledger has.
        let is_new = |name: &str, number| {
            !name.contains('.') && last.get(name).is_none_or(|known| known.number < number)
        };
        Ok(names.into_iter().filter(|(name, number)| is_new(name, *number)).map(|(name, _)| name).collect())
    }

    /// The last revision of a name. `None` if it never had one.
    pub(super) fn read(&self, name: &str) -> Result<Option<Revision>, String> {
        let chain = self.store.name(name).map_err(|error| because(&error))?;
        let mut last = self.last().get(name).cloned();
        loop {
            let number = last.as_ref().map_or(0, |revision| revision.number + 1);
            let Some(bytes) = chain.read(number).map_err(|error| because(&error))? else { break };
            let record = decode(&bytes).ok_or_else(|| format!("revision {number} of its name is damaged"))?;
            last = Some(Revision { number, record });
        }
        if let Some(revision) = &last {
            self.note(name, revision);
        }
        Ok(last)
    }

    /// Creates the revision after `after`. Answers whether it is ours; if not, somebody else's is there.
    pub(super) fn advance(
        &self,
        name: &str,
        after: Option<u64>,
        record: &Record,
        token: UniqueId,
    ) -> Result<bool, String> {
        let chain = self.store.name(name).map_err(|error| because(&error))?;
        let number = after.map_or(0, |number| number + 1);
        let bytes = encode(record, token);
        if !create_revision(&*chain, number, &bytes)? {
            return Ok(false);
        }
        self.note(name, &Revision { number, record: record.clone() });
        Ok(true)
    }

    fn note(&self, name: &str, revision: &Revision) {
        let mut last = self.last();
        if last.get(name).is_none_or(|known| known.number <= revision.number) {
            last.insert(name.to_owned(), revision.clone());
        }
    }

    /// The slots of a ledger.
    pub(super) fn slots(&self, ledger_id: &str, key: Option<&DataKey>) -> Result<Arc<dyn SlotStore>, String> {
        let id = id_of(ledger_id)?;
        let slots = self.store.journal(id).map_err(|error| because(&error))?;
        Ok(DataKey::seal_if(key, slots, id))
    }

    /// Ends a journal without its data key: by a slot that nobody can open. A server that has the key still finds it where it wanted to
    /// write, and can append nothing any more.
    pub(super) fn end_unreadably(&self, ledger_id: &str) -> Result<(), String> {
        let id = id_of(ledger_id)?;
        let stored = self.store.journal(id).map_err(|error| because(&error))?;
        let unreadable = SealedSlots::new(Arc::clone(&stored), id, SealingKey::random());
        let mut slot = stored.tip_hint().map_err(|error| because(&error))?.map_or(0, |last| last + 1);
        let mut silences = 0;
        loop {
            match unreadable.create(slot, &[]) {
                Ok(Created::Won) => return Ok(()),
                // Somebody else's, or an attempt of ours whose answer was lost; then one more does no harm.
                Ok(Created::Exists) => slot += 1,
                Err(SlotError::Unknown(_)) if silences < SILENCES_MAX => silences += 1,
                Err(error) => return Err(because(&error)),
            }
        }
    }

    /// Opens the ledger of an entry over its slots in the store and its view in the cache.
    pub(super) fn open(
        &self,
        entry: &Entry,
        key: Option<&DataKey>,
        environment: &Environment,
        options: LedgerOptions,
        mut origin: Origin<'_>,
    ) -> Result<Ledger, String> {
        let slots = self.slots(&entry.id, key)?;
        if matches!(origin, Origin::Existing) {
            let first = slots.read(0).map_err(|error| because(&error))?;
            let first = first.ok_or("its journal is not in the store, but this ledger had blocks before")?;
            check_first(Some(&first), key)?;
        }
        import_blocks(&*slots, environment, &mut origin)?;
        let view: Arc<dyn ViewStore> = match &self.cache {
            None => Arc::new(MemoryView::new()),
            Some(cache) => {
                let folder = cache.make_view_folder(&entry.id)?;
                opening::open_view(folder, &cache.view_options, key).map_err(|error| error.to_string())?
            }
        };
        // Many servers may write, and a silent store is waited for: nothing but its answer tells whose a slot is.
        let options = LedgerOptions { is_shared: true, unknown_outcome_attempts: u32::MAX, ..options };
        Ledger::open(slots, view, environment.clone(), options).map_err(|error| match error {
            LedgerError::BlocksMissing(loss) => format!(
                "the store lacks blocks that this server has seen: {loss}. Put them back, or remove this server's cache to \
                 go on without them"
            ),
            error => error.to_string(),
        })
    }

    fn last(&self) -> MutexGuard<'_, HashMap<String, Revision>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ledgers of a store. Servers may be running on it meanwhile.
pub fn ledgers_in_store(store: Arc<dyn SharedStore>) -> Result<Vec<StoredLedger>, String> {
    let shared = Shared::new(store, None);
    let mut ledgers = Vec::new();
    for name in shared.news()? {
        if let Some(Revision { record, .. }) = shared.read(&name)?
            && record.state == LedgerState::Active
        {
            ledgers.push(StoredLedger::new(&record, None)?);
        }
    }
    Ok(ledgers)
}

/// A revision's bytes. The token makes those of two servers different, so that each knows its own.
fn encode(record: &Record, token: UniqueId) -> Vec<u8> {
    let revision = [("record", record.to_ion()), ("token", Value::from(token.to_string()))];
    text::write(&Value::from(Struct::from_iter(revision))).into_bytes()
}

fn decode(bytes: &[u8]) -> Option<Record> {
    let revision = text::read_one(std::str::from_utf8(bytes).ok()?).ok()?;
    Record::from_ion(revision.get("record")?)
}
