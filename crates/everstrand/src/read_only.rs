//! A ledger in a data folder that a server has open: read as it is at this moment, and never written.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use everstrand_ledger::storage::MemoryView;
use everstrand_ledger::{Environment, Ledger, LedgerOptions};
use everstrand_server::config::{Config, Storage};
use everstrand_server::{Service, ledgers_in_folder};

use crate::journal_folder;
use crate::place::Place;

/// Opens the ledger with this name, or the only one. Its tables are computed from the journal, in memory. A statement that
/// changes something is refused when it is committed.
pub(crate) fn open(folder: &Path, name: Option<&str>) -> Result<Place, Box<dyn Error>> {
    let mut ledgers = ledgers_in_folder(folder)?;
    let names = ledgers.iter().map(|ledger| ledger.name.as_str()).collect::<Vec<_>>().join(", ");
    let wanted = match name {
        Some(name) => ledgers.iter().position(|ledger| ledger.name == name),
        None if ledgers.len() > 1 => return Err(format!("which ledger? There are: {names}").into()),
        None => (!ledgers.is_empty()).then_some(0),
    };
    let Some(wanted) = wanted else {
        return Err(format!("{} holds no such ledger; there are: {names}", folder.display()).into());
    };
    let stored = ledgers.swap_remove(wanted);
    let journal = stored.journal.as_deref().ok_or("the ledger has no folder of its own")?;
    let slots = journal_folder::open(journal)?;
    let options = LedgerOptions { extensions: !stored.is_strict(), ..LedgerOptions::default() };
    let ledger = Ledger::open(slots, Arc::new(MemoryView::new()), Environment::of_machine(), options)?;
    let service = Service::open(Config::new(Storage::Memory))?;
    service.serve_ledger(&stored.name, ledger).map_err(|error| error.message)?;
    Ok(Place::Folder(Arc::new(service)))
}
