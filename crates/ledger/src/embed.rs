//! The short way to a ledger inside a program: journal and view in memory or in one folder, over the machine's
//! clock and random ids. [`Ledger::open`] is the long way, which takes each of them from its caller.

use std::path::Path;
use std::sync::Arc;

use everstrand_journal::UniqueId;
use everstrand_sealing::SealingKey;

use crate::clock::SystemClock;
use crate::core::Environment;
use crate::error::LedgerError;
use crate::ids::RandomIds;
use crate::ledger::Ledger;
use crate::limits::LedgerOptions;
use crate::storage::disk_slots::{DiskSlots, DiskSlotsOptions};
use crate::storage::file::FileDisk;
use crate::storage::fjall_view::{FjallView, FjallViewOptions};
use crate::storage::memory_slots::MemorySlots;
use crate::storage::memory_view::MemoryView;
use crate::storage::sealed_form::is_sealed;
use crate::storage::sealed_slots::SealedSlots;
use crate::storage::sealed_view::{SealedView, SealedViewOptions};
use crate::storage::slots::SlotStore;
use crate::storage::views::ViewStore;

/// The folders of the journal and of the view, named as in the data folder of a server.
const JOURNAL: &str = "journal";
const VIEW: &str = "view";

/// What names the journal in the slots of an encrypted folder: its key belongs to no other.
const ONLY_LEDGER: UniqueId = UniqueId::from_bytes([0; 16]);

impl Ledger {
    /// A new ledger in memory. It is gone when its last clone is dropped.
    ///
    /// ```
    /// use everstrand_ledger::Ledger;
    ///
    /// # fn main() -> Result<(), everstrand_ledger::LedgerError> {
    /// let ledger = Ledger::in_memory()?;
    /// let mut transaction = ledger.start_transaction()?;
    /// transaction.execute("CREATE TABLE Car", &[])?;
    /// transaction.execute("INSERT INTO Car VALUE {'VIN': '1N4AL11D75C'}", &[])?;
    /// let committed = transaction.commit_unchecked().wait()?;
    /// assert_eq!(committed.block_address.map(|address| address.sequence_no), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_memory() -> Result<Ledger, LedgerError> {
        let (slots, views) = (Arc::new(MemorySlots::new()), Arc::new(MemoryView::new()));
        Ledger::open(slots, views, Environment::of_machine(), LedgerOptions::default())
    }

    /// The ledger in a folder, or a new one where there is none yet. The folder holds the journal and the view of
    /// this one ledger, and no other process may have it open. `everstrand audit FOLDER` reads it.
    ///
    /// ```
    /// use everstrand_ledger::Ledger;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("cars");
    /// let ledger = Ledger::in_folder(&path)?;
    /// let mut transaction = ledger.start_transaction()?;
    /// transaction.execute("CREATE TABLE Car", &[])?;
    /// transaction.commit_unchecked().wait()?;
    /// let digest = ledger.digest();
    /// drop(ledger);
    ///
    /// assert_eq!(Ledger::in_folder(&path)?.digest(), digest);
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_folder(path: impl AsRef<Path>) -> Result<Ledger, LedgerError> {
        open_folder(path.as_ref(), None)
    }

    /// The same, but everything in the folder is encrypted under `key`, which must be this ledger's alone. Whoever loses
    /// the key has lost the ledger. A ledger that was created in clear cannot be opened with a key, nor the other way
    /// round.
    ///
    /// ```
    /// use everstrand_ledger::{Ledger, SealingKey};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("cars");
    /// let key = SealingKey::random();
    /// let ledger = Ledger::in_encrypted_folder(&path, &key)?;
    /// let digest = ledger.digest();
    /// drop(ledger);
    ///
    /// // Keep `key.as_bytes()` where the folder is not.
    /// assert_eq!(Ledger::in_encrypted_folder(&path, &key)?.digest(), digest);
    /// assert!(Ledger::in_encrypted_folder(&path, &SealingKey::random()).is_err());
    /// assert!(Ledger::in_folder(&path).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_encrypted_folder(path: impl AsRef<Path>, key: &SealingKey) -> Result<Ledger, LedgerError> {
        open_folder(path.as_ref(), Some(key))
    }
}

fn open_folder(path: &Path, key: Option<&SealingKey>) -> Result<Ledger, LedgerError> {
    let unusable = |why: &dyn std::fmt::Display| {
        LedgerError::Unavailable(format!("cannot open the ledger in {}: {why}", path.display()))
    };
    let disk = FileDisk::create(path.join(JOURNAL)).map_err(|error| unusable(&error))?;
    // The view is made after the journal, so where there is a view there was a journal. A new journal beside it
    // would hide that the old one is gone.
    let options = DiskSlotsOptions { must_exist: path.join(VIEW).exists(), ..DiskSlotsOptions::default() };
    let slots = Arc::new(DiskSlots::open(Arc::new(disk), options).map_err(|error| unusable(&error))?);
    // A first slot that cannot be read says nothing about keys; opening the ledger tells what is wrong with it.
    let first = slots.read(0).ok().flatten();
    match (key, first.as_deref().map(is_sealed)) {
        (None, Some(true)) => {
            return Err(unusable(&"it is encrypted; open it with Ledger::in_encrypted_folder"));
        }
        (Some(_), Some(false)) => {
            return Err(unusable(&"it is not encrypted; open it with Ledger::in_folder"));
        }
        _ => {}
    }
    let slots: Arc<dyn SlotStore> = match key {
        None => slots,
        Some(key) => Arc::new(SealedSlots::new(slots, ONLY_LEDGER, key.derive("journal"))),
    };
    if first.is_some() {
        // Before the view is opened, because a view that another key has sealed would be built anew.
        slots.read(0).map_err(|error| unusable(&error))?;
    }
    let views: Arc<dyn ViewStore> = match key {
        None => {
            let views = FjallView::open(path.join(VIEW), FjallViewOptions::default());
            Arc::new(views.map_err(|error| unusable(&error))?)
        }
        Some(key) => {
            let options = SealedViewOptions::default();
            let views = SealedView::open(path.join(VIEW), key.derive("view"), options);
            Arc::new(views.map_err(|error| unusable(&error))?)
        }
    };
    if slots.tip_hint()?.is_none() && views.applied()?.is_some() {
        return Err(unusable(&"its journal is empty, though its view holds blocks"));
    }
    Ledger::open(slots, views, Environment::of_machine(), LedgerOptions::default())
}

/// The machine's clock, and ids that nobody can guess.
impl Environment {
    /// The clock of this machine, and random ids.
    pub fn of_machine() -> Environment {
        let clock = Arc::new(SystemClock::new());
        Environment { clock: clock.clone(), ids: Arc::new(RandomIds::new(clock)) }
    }
}
