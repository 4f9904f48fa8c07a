//! Opening one ledger over the files that are its own, and closing it: on threads that may wait.

use std::sync::Arc;
use std::time::Duration;

use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{DiskSlots, DiskSlotsOptions, FileDisk, FjallView, MemorySlots, MemoryView};
use everstrand_ledger::{
    Checked, Environment, Importer, Ledger, LedgerError, LedgerOptions, Loss, Status, link_of,
};

use super::entry::{Entry, Refused};
use super::folder::DataFolder;
use super::note::Note;

/// How long closing waits for a request that is still at it.
const LET_GO: Duration = Duration::from_secs(2);

/// What there is of a ledger that is opened.
pub(super) enum Beginning<'a> {
    /// It was there before.
    Existing,
    /// Nothing yet.
    New,
    /// Nothing yet, and these will be its first blocks.
    Imported(&'a mut dyn FnMut(&mut Importer<'_>) -> Result<(), String>),
}

/// Opens the ledger of an entry, which begins a new one where nothing is. One that existed before must still be there:
/// an empty journal under its name would look like a ledger that nobody had ever written to.
pub(super) fn open(
    folder: Option<&DataFolder>,
    entry: &Entry,
    environment: &Environment,
    options: LedgerOptions,
    mut beginning: Beginning<'_>,
) -> Result<Ledger, String> {
    let Some(folder) = folder else {
        let slots = MemorySlots::new(link_of);
        begin(&slots, environment, &mut beginning)?;
        let (slots, view) = (Arc::new(slots), Arc::new(MemoryView::new()));
        return Ledger::open(slots, view, environment.clone(), options).map_err(|error| error.to_string());
    };
    // From now on it may change: what was noted when it was closed says nothing any more.
    change_note(folder, entry, |note| note.closed = None)?;
    let known_loss = entry.note().loss.clone();
    let mut attempt = |known_loss: Option<Loss>| {
        let slots = open_slots(folder, entry, environment, &mut beginning)?;
        let options = LedgerOptions { known_loss, ..options.clone() };
        let view = FjallView::open(folder.view(&entry.id), folder.view_options.clone())
            .map_err(|error| LedgerError::View(error.to_string()))?;
        Ledger::open(slots, Arc::new(view), environment.clone(), options)
    };
    let ledger = match attempt(known_loss) {
        Err(LedgerError::BlocksMissing(loss)) => {
            // In this order: the view is the proof until the note is.
            change_note(folder, entry, |note| note.loss = Some(loss.clone()))?;
            folder.put_view_aside(&entry.id)?;
            attempt(Some(loss))
        }
        opened => opened,
    };
    let ledger = ledger.map_err(|error| error.to_string())?;
    note_what_was_found(folder, entry, &ledger)?;
    Ok(ledger)
}

fn open_slots(
    folder: &DataFolder,
    entry: &Entry,
    environment: &Environment,
    beginning: &mut Beginning<'_>,
) -> Result<Arc<DiskSlots>, LedgerError> {
    let existed = matches!(beginning, Beginning::Existing);
    let unavailable = |error: &dyn std::fmt::Display| LedgerError::Unavailable(error.to_string());
    let disk = FileDisk::create(folder.journal(&entry.id)).map_err(|error| unavailable(&error))?;
    let options = DiskSlotsOptions { must_exist: existed, ..DiskSlotsOptions::default() };
    let slots = DiskSlots::open(Arc::new(disk), link_of, options)?;
    if existed && slots.tip_hint()?.is_none() {
        return Err(unavailable(&"its journal is empty, though it was written to before"));
    }
    begin(&slots, environment, beginning).map_err(|error| unavailable(&error))?;
    Ok(Arc::new(slots))
}

fn begin(
    slots: &dyn SlotStore,
    environment: &Environment,
    beginning: &mut Beginning<'_>,
) -> Result<(), String> {
    let Beginning::Imported(write_blocks) = beginning else { return Ok(()) };
    let mut importer = Importer::new(slots, environment.ids.next()).map_err(|error| error.to_string())?;
    write_blocks(&mut importer)?;
    match importer.finish().map_err(|error| error.to_string())? {
        Some(_) => Ok(()),
        None => Err("there are no blocks to begin with".to_owned()),
    }
}

/// Keeps what is known to be wrong, and forgets what is right again.
fn note_what_was_found(folder: &DataFolder, entry: &Entry, ledger: &Ledger) -> Result<(), String> {
    let (loss, damage) = {
        let note = entry.note();
        (note.loss.clone(), note.damage.clone())
    };
    if loss.is_some() && !matches!(ledger.status(), Status::Faulted(LedgerError::BlocksMissing(_))) {
        tracing::warn!(ledger = %entry.record().name, "the blocks that were missing are in the journal again");
        change_note(folder, entry, |note| note.loss = None)?;
        folder.drop_view_aside(&entry.id);
    }
    if let Some((slot, _)) = damage
        && !matches!(ledger.check_journal(slot, 1), Ok(Checked::Damaged { .. }))
    {
        tracing::warn!(ledger = %entry.record().name, slot, "the slot that was damaged can be read again");
        change_note(folder, entry, |note| note.damage = None)?;
    }
    Ok(())
}

/// Changes what is remembered of a ledger, durably; writes nothing where nothing changes.
pub(super) fn change_note(
    folder: &DataFolder,
    entry: &Entry,
    change: impl FnOnce(&mut Note),
) -> Result<(), String> {
    let _files = entry.files.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if entry.is_gone() {
        return Ok(());
    }
    let mut note = entry.note().clone();
    change(&mut note);
    note.name.clone_from(&entry.record().name);
    let is_same = *entry.note() == note;
    if !is_same {
        folder.write_note(&entry.id, &note)?;
        *entry.note() = note;
    }
    Ok(())
}

/// Closes a ledger that was taken out of its entry. Afterwards its files are nobody's, unless a request does not let
/// go of it.
pub(super) fn close(folder: Option<&DataFolder>, entry: &Entry, ledger: Ledger) {
    let is_whole = ledger.status() == Status::Open && !ledger.has_work();
    ledger.close();
    let digest = ledger.digest();
    if folder.is_some() {
        wait_until_held_alone(&ledger);
    }
    drop(ledger);
    if let Some(folder) = folder
        && is_whole
        && let Err(why) = change_note(folder, entry, |note| note.closed = Some(digest))
    {
        // The next start opens it to see.
        tracing::warn!(ledger = %entry.record().name, %why, "what a ledger was like when it was closed is not noted");
    }
}

/// Waits, for a bounded time, until no request holds the ledger, because its files are open as long as one does.
fn wait_until_held_alone(ledger: &Ledger) {
    let mut waited = Duration::ZERO;
    while !ledger.is_held_alone() && waited < LET_GO {
        let step = Duration::from_millis(1);
        std::thread::sleep(step);
        waited += step;
    }
}

impl From<String> for Refused {
    fn from(why: String) -> Refused {
        Refused::Failed(why)
    }
}
