//! A ledger in a folder, as the server opens it, with its syncs counted.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use everstrand_ion::{Document, Value};
use everstrand_journal::UniqueId;
use everstrand_ledger::storage::disk::{Disk, DiskFile, DiskLock};
use everstrand_ledger::storage::{
    DiskSlots, DiskSlotsOptions, FileDisk, FjallView, FjallViewOptions, SealedSlots, SealedView,
    SealedViewOptions,
};
use everstrand_ledger::{Environment, Ledger, LedgerOptions, Limits, Transaction};
use everstrand_sealing::SealingKey;

use crate::data::{DEFINITIONS, registration};
use crate::measure::Failure;

/// A ledger and the number of times that its journal was synced.
pub(crate) struct Opened {
    /// The ledger.
    pub(crate) ledger: Ledger,
    syncs: Arc<AtomicU64>,
}

impl Opened {
    /// Opens the ledger in a folder.
    pub(crate) fn open(folder: &Path, limits: Limits) -> Result<Opened, Failure> {
        Opened::open_with(folder, LedgerOptions { limits, ..LedgerOptions::default() })
    }

    /// Opens the ledger in a folder with other options than the usual ones.
    pub(crate) fn open_with(folder: &Path, options: LedgerOptions) -> Result<Opened, Failure> {
        let syncs = Arc::<AtomicU64>::default();
        let disk =
            CountingDisk { disk: FileDisk::create(folder.join("journal"))?, syncs: Arc::clone(&syncs) };
        let slots = DiskSlots::open(Arc::new(disk), DiskSlotsOptions::default())?;
        let view = FjallView::open(folder.join("view"), FjallViewOptions::default())?;
        let ledger = Ledger::open(Arc::new(slots), Arc::new(view), Environment::of_machine(), options)?;
        Ok(Opened { ledger, syncs })
    }

    /// Opens an encrypted ledger in a folder.
    pub(crate) fn open_encrypted(folder: &Path, limits: Limits) -> Result<Opened, Failure> {
        let syncs = Arc::<AtomicU64>::default();
        let disk =
            CountingDisk { disk: FileDisk::create(folder.join("journal"))?, syncs: Arc::clone(&syncs) };
        let slots = Arc::new(DiskSlots::open(Arc::new(disk), DiskSlotsOptions::default())?);
        let (key, id) = (SealingKey::random(), UniqueId::from_bytes([1; 16]));
        let slots = SealedSlots::new(slots, id, key.derive("journal"));
        let view = SealedView::open(folder.join("view"), key.derive("view"), SealedViewOptions::default())?;
        let options = LedgerOptions { limits, ..LedgerOptions::default() };
        let ledger = Ledger::open(Arc::new(slots), Arc::new(view), Environment::of_machine(), options)?;
        Ok(Opened { ledger, syncs })
    }

    /// How often the journal was synced so far.
    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }
}

/// Limits under which a thousand documents go into one transaction, and nothing expires.
pub(crate) fn raised_limits() -> Limits {
    Limits {
        documents_per_transaction: 10_000,
        transaction_bytes: 64 << 20,
        transaction_millis: 600_000,
        session_millis: 24 * 3_600_000,
        open_transactions: 100_000,
        ..Limits::default()
    }
}

/// Creates the table and its indexes, and fills it with documents, a thousand a transaction.
pub(crate) fn fill(ledger: &Ledger, documents: u64) -> Result<(), Failure> {
    define(ledger, &DEFINITIONS)?;
    let mut first = 0;
    while first < documents {
        let next = documents.min(first + 1000);
        insert(ledger, (first..next).map(registration).collect())?;
        first = next;
    }
    settle(ledger);
    Ok(())
}

/// Runs definitions, each in a transaction of its own.
pub(crate) fn define(ledger: &Ledger, definitions: &[&str]) -> Result<(), Failure> {
    for definition in definitions {
        let mut transaction = ledger.start_transaction()?;
        transaction.execute(definition, &[])?;
        transaction.commit_unchecked().wait()?;
    }
    Ok(())
}

/// Inserts documents in one transaction by one statement.
pub(crate) fn insert(ledger: &Ledger, documents: Vec<Value>) -> Result<(), Failure> {
    let mut transaction = ledger.start_transaction()?;
    insert_in(&mut transaction, documents)?;
    transaction.commit_unchecked().wait()?;
    Ok(())
}

fn insert_in(transaction: &mut Transaction, documents: Vec<Value>) -> Result<(), Failure> {
    let list = Document::from(&Value::from(documents));
    transaction.execute("INSERT INTO Registration ?", &[list])?;
    Ok(())
}

/// Waits until no index is being built.
pub(crate) fn settle(ledger: &Ledger) {
    while ledger.is_building_index() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A directory whose files count how often they are synced.
struct CountingDisk {
    disk: FileDisk,
    syncs: Arc<AtomicU64>,
}

struct CountingFile {
    file: Arc<dyn DiskFile>,
    syncs: Arc<AtomicU64>,
}

impl CountingDisk {
    fn counting(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(CountingFile { file, syncs: Arc::clone(&self.syncs) })
    }
}

impl Disk for CountingDisk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create(name).map(|file| self.counting(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(name).map(|file| self.counting(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.disk.sync_directory()
    }

    fn lock(&self) -> io::Result<Box<dyn DiskLock>> {
        self.disk.lock()
    }

    fn nonce(&self) -> io::Result<u64> {
        self.disk.nonce()
    }
}

impl DiskFile for CountingFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(offset, bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.file.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
}
