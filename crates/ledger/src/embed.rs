//! The short way to a ledger inside a program: journal and view in memory or in one folder, over the machine's
//! clock and random ids. [`Ledger::open`] is the long way, which takes each of them from its caller.

use std::path::Path;
use std::sync::Arc;

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
use crate::storage::slots::SlotStore;
use crate::storage::views::ViewStore;

/// The folders of the journal and of the view, named as in the data folder of a server.
const JOURNAL: &str = "journal";
const VIEW: &str = "view";

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
        let path = path.as_ref();
        let unusable = |why: &dyn std::fmt::Display| {
            LedgerError::Unavailable(format!("cannot open the ledger in {}: {why}", path.display()))
        };
        let disk = FileDisk::create(path.join(JOURNAL)).map_err(|error| unusable(&error))?;
        // The view is made after the journal, so where there is a view there was a journal. A new journal beside it
        // would hide that the old one is gone.
        let options =
            DiskSlotsOptions { must_exist: path.join(VIEW).exists(), ..DiskSlotsOptions::default() };
        let slots = DiskSlots::open(Arc::new(disk), options).map_err(|error| unusable(&error))?;
        let views = FjallView::open(path.join(VIEW), FjallViewOptions::default())
            .map_err(|error| unusable(&error))?;
        if slots.tip_hint()?.is_none() && views.applied()?.is_some() {
            return Err(unusable(&"its journal is empty, though its view holds blocks"));
        }
        Ledger::open(Arc::new(slots), Arc::new(views), Environment::of_machine(), LedgerOptions::default())
    }
}

/// The machine's clock, and ids that nobody can guess.
impl Environment {
    /// The clock of this machine, and random ids.
    pub fn of_machine() -> Environment {
        let clock = Arc::new(SystemClock::new());
        Environment { clock: clock.clone(), ids: Arc::new(RandomIds::new(clock)) }
    }
}
