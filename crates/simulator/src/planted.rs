//! Bugs on purpose in what stands around the engine: its disk, its slot store, its clock, and the way of a command
//! to its session. `PLANTED_BUG` lets one loose; `crates/simulator/planted-bugs` runs them all, together with those
//! that only a condition in the engine can plant.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use everstrand_ledger::Clock;
use everstrand_ledger::storage::disk::{Disk, DiskFile, DiskLock};
use everstrand_ledger::storage::slots::{Created, SlotError, SlotStore};
use everstrand_ledger::storage::views::{Batch, Keyspace};
use everstrand_protocol::{
    Command, CommitTransactionResult, Exception, FetchPageResult, Page, Reply, SendCommandRequest,
    ServiceError,
};

/// Whether this bug was let loose.
pub(crate) fn is_loose(name: &str) -> bool {
    static LOOSE: OnceLock<Option<String>> = OnceLock::new();
    LOOSE.get_or_init(|| std::env::var("PLANTED_BUG").ok()).as_deref() == Some(name)
}

/// A disk whose syncs are not what they seem to be.
pub(crate) struct PlantedDisk<D>(pub(crate) D);

struct PlantedFile(Arc<dyn DiskFile>);

impl<D: Disk> Disk for PlantedDisk<D> {
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(PlantedFile(self.0.create(name)?)))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(PlantedFile(self.0.open(name)?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.0.sync_directory()
    }

    fn lock(&self) -> io::Result<Box<dyn DiskLock>> {
        self.0.lock()
    }

    fn nonce(&self) -> io::Result<u64> {
        self.0.nonce()
    }
}

impl DiskFile for PlantedFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_at(offset, bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        if is_loose("acknowledge-before-sync") {
            return Ok(());
        }
        match self.0.sync_data() {
            Err(_) if is_loose("failed-sync-is-retried") => self.0.sync_data(),
            synced => synced,
        }
    }

    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }
}

/// A slot store that answers too well.
pub(crate) struct PlantedSlots {
    inner: Arc<dyn SlotStore>,
    /// A slot that was called durable and is not yet appended.
    owed: Mutex<Option<(u64, Vec<u8>)>>,
}

impl PlantedSlots {
    pub(crate) fn over(inner: Arc<dyn SlotStore>) -> Arc<dyn SlotStore> {
        Arc::new(PlantedSlots { inner, owed: Mutex::default() })
    }

    /// The store, after what it owes was appended, if that succeeds.
    fn paid(&self) -> &dyn SlotStore {
        let owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((slot, bytes)) = owed {
            drop(self.inner.create(slot, &bytes));
        }
        &*self.inner
    }
}

impl SlotStore for PlantedSlots {
    fn create(&self, slot: u64, bytes: &[u8]) -> Result<Created, SlotError> {
        let store = self.paid();
        // The first slot is the ledger itself.
        if is_loose("apply-before-append") && slot > 0 {
            *self.owed.lock().unwrap_or_else(PoisonError::into_inner) = Some((slot, bytes.to_vec()));
            return Ok(Created::Won);
        }
        match store.create(slot, bytes) {
            Ok(Created::Exists) if is_loose("wrong-batch-on-exists") => Ok(Created::Won),
            Err(SlotError::NotSent(_) | SlotError::Full(_) | SlotError::Denied(_))
                if is_loose("refused-commit-is-visible") =>
            {
                Ok(Created::Won)
            }
            created => created,
        }
    }

    fn read(&self, slot: u64) -> Result<Option<Vec<u8>>, SlotError> {
        self.paid().read(slot)
    }

    fn tip_hint(&self) -> Result<Option<u64>, SlotError> {
        self.paid().tip_hint()
    }

    fn damage(&self) -> Option<SlotError> {
        self.inner.damage()
    }

    fn redact(&self, slot: u64, stored: &[u8], bytes: &[u8]) -> Result<(), SlotError> {
        self.paid().redact(slot, stored, bytes)
    }

    fn read_many(&self, from: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, SlotError> {
        self.paid().read_many(from, bytes_max)
    }
}

/// A batch in the parts in which the view takes it: what the view says of itself, and the rest, where one of two bugs
/// is loose.
pub(crate) fn parts(batch: &Batch) -> Vec<Batch> {
    if !is_loose("checkpoint-without-its-slot") && !is_loose("snapshot-during-a-commit") {
        return vec![batch.clone()];
    }
    let says = |keyspace| matches!(keyspace, Keyspace::Catalog | Keyspace::Blocks | Keyspace::Tiles);
    let (first, rest) = batch.changes.iter().cloned().partition(|(keyspace, ..)| says(*keyspace));
    vec![Batch { changes: first }, Batch { changes: rest }]
}

/// A clock whose moving hand stands, so that nothing is ever over.
pub(crate) struct PlantedClock(pub(crate) Arc<dyn Clock>);

impl Clock for PlantedClock {
    fn unix_millis(&self) -> i64 {
        self.0.unix_millis()
    }

    fn monotonic_millis(&self) -> u64 {
        if is_loose("expiry-not-enforced") { 0 } else { self.0.monotonic_millis() }
    }
}

/// The command as it reaches its session, in which `open` is the transaction that was begun last.
pub(crate) fn command(mut request: SendCommandRequest, open: Option<&String>) -> SendCommandRequest {
    if let Some(open) = open.filter(|_| is_loose("foreign-transaction-id"))
        && let Command::ExecuteStatement { transaction_id, .. }
        | Command::FetchPage { transaction_id, .. }
        | Command::CommitTransaction { transaction_id, .. } = &mut request.command
    {
        transaction_id.clone_from(open);
    }
    request
}

/// The answer to a command as it leaves its session.
pub(crate) fn answer(command: &Command, answer: Result<Reply, ServiceError>) -> Result<Reply, ServiceError> {
    let is_over = answer
        .as_ref()
        .is_err_and(|error| error.exception == Exception::BadRequest && error.code.as_deref() == Some("405"));
    match command {
        Command::CommitTransaction { transaction_id, commit_digest }
            if is_over && is_loose("duplicate-acknowledgement") =>
        {
            Ok(Reply::CommitTransaction(CommitTransactionResult {
                transaction_id: transaction_id.clone(),
                commit_digest: commit_digest.clone(),
                timing_information: None,
                consumed_ios: None,
                other: Default::default(),
            }))
        }
        Command::FetchPage { .. } if is_over && is_loose("page-after-commit") => {
            Ok(Reply::FetchPage(FetchPageResult {
                page: Page::default(),
                timing_information: None,
                consumed_ios: None,
                other: Default::default(),
            }))
        }
        _ => answer,
    }
}
