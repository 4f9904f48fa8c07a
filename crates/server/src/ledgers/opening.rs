//! Opens one ledger over its files, and closes it. Both wait for the disk, so they run on threads that may wait.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::views::{ViewError, ViewStore};
use everstrand_ledger::storage::{
    DiskSlots, DiskSlotsOptions, FileDisk, FjallView, FjallViewOptions, MemorySlots, MemoryView, SealedView,
    SealedViewOptions,
};
use everstrand_ledger::{Checked, Environment, Importer, Ledger, LedgerError, LedgerOptions, Loss, Status};

use super::entry::{Entry, OpenError};
use super::folder::DataFolder;
use super::note::Note;
use crate::data_keys::{DataKey, check_first, id_of};

/// How long closing waits for requests that still use the ledger.
const CLOSING_PATIENCE: Duration = Duration::from_secs(2);

/// The cache of an encrypted view belongs to it alone, because the engine has no cache for several. It is so small a part of the
/// cache that views in clear share, and at least so many bytes.
const SEALED_VIEW_PART: u64 = 8;
const SEALED_VIEW_BYTES_MIN: usize = 1024 * 1024;

/// What the journal of a ledger holds before the ledger is opened.
pub(super) enum Origin<'a> {
    /// The blocks of an existing ledger.
    Existing,
    /// Nothing.
    New,
    /// Nothing yet; this function writes the imported blocks.
    Imported(&'a mut dyn FnMut(&mut Importer<'_>) -> Result<(), String>),
    /// Nothing yet; this function writes the slots of another ledger, and the fork behind them.
    Restored(&'a mut dyn FnMut(&dyn SlotStore) -> Result<(), String>),
}

/// Opens the ledger of an entry. If the entry's ledger existed before, its journal must not be empty: an empty journal under its
/// name would look like a ledger that nobody had ever written to.
pub(super) fn open(
    folder: Option<&DataFolder>,
    entry: &Entry,
    key: Option<&DataKey>,
    environment: &Environment,
    options: LedgerOptions,
    mut origin: Origin<'_>,
) -> Result<Ledger, String> {
    let Some(folder) = folder else {
        let slots = MemorySlots::new();
        import_blocks(&slots, environment, &mut origin)?;
        let (slots, view) = (Arc::new(slots), Arc::new(MemoryView::new()));
        return Ledger::open(slots, view, environment.clone(), options).map_err(|error| error.to_string());
    };
    // From now on the ledger may get blocks, so the digest of its last close no longer holds.
    change_note(folder, entry, |note| note.closed = None)?;
    let known_loss = entry.note().loss.clone();
    let mut attempt = |known_loss: Option<Loss>| {
        let slots = open_slots(folder, entry, key, environment, &mut origin)?;
        let options = LedgerOptions { known_loss, ..options.clone() };
        let view = open_view(folder.view(&entry.id), &folder.view_options, key)
            .map_err(|error| LedgerError::View(error.to_string()))?;
        Ledger::open(slots, view, environment.clone(), options)
    };
    let ledger = match attempt(known_loss) {
        Err(LedgerError::BlocksMissing(loss)) => {
            // Write the note before moving the view. Until the note is durable, the view is the only proof of the loss.
            change_note(folder, entry, |note| note.loss = Some(loss.clone()))?;
            folder.put_view_aside(&entry.id)?;
            attempt(Some(loss))
        }
        opened => opened,
    };
    let ledger = ledger.map_err(|error| error.to_string())?;
    forget_repaired_faults(folder, entry, &ledger)?;
    Ok(ledger)
}

fn open_slots(
    folder: &DataFolder,
    entry: &Entry,
    key: Option<&DataKey>,
    environment: &Environment,
    origin: &mut Origin<'_>,
) -> Result<Arc<dyn SlotStore>, LedgerError> {
    let existed = matches!(origin, Origin::Existing);
    let unavailable = |error: &dyn std::fmt::Display| LedgerError::Unavailable(error.to_string());
    let disk = FileDisk::create(folder.journal(&entry.id)).map_err(|error| unavailable(&error))?;
    let options = DiskSlotsOptions { must_exist: existed, ..DiskSlotsOptions::default() };
    let slots = DiskSlots::open(Arc::new(disk), options)?;
    check_first(slots.read(0).ok().flatten().as_deref(), key).map_err(|why| unavailable(&why))?;
    let id = id_of(&entry.id).map_err(|why| unavailable(&why))?;
    let slots = DataKey::seal_if(key, Arc::new(slots), id);
    if existed && slots.tip_hint()?.is_none() {
        return Err(unavailable(&"its journal is empty, but this ledger had blocks before"));
    }
    import_blocks(&*slots, environment, origin).map_err(|error| unavailable(&error))?;
    Ok(slots)
}

/// Opens the view of a ledger, which is encrypted if the ledger has a data key.
pub(super) fn open_view(
    path: PathBuf,
    options: &FjallViewOptions,
    key: Option<&DataKey>,
) -> Result<Arc<dyn ViewStore>, ViewError> {
    match key {
        None => Ok(Arc::new(FjallView::open(path, options.clone())?)),
        Some(key) => {
            let part = options.cache.bytes() / SEALED_VIEW_PART;
            let cache_bytes = usize::try_from(part).unwrap_or(usize::MAX).max(SEALED_VIEW_BYTES_MIN);
            let options = SealedViewOptions { cache_bytes, ..SealedViewOptions::default() };
            Ok(Arc::new(SealedView::open(path, key.view(), options)?))
        }
    }
}

/// Writes the imported blocks into an empty journal, if there are any to import.
pub(super) fn import_blocks(
    slots: &dyn SlotStore,
    environment: &Environment,
    origin: &mut Origin<'_>,
) -> Result<(), String> {
    let write_blocks = match origin {
        Origin::Existing | Origin::New => return Ok(()),
        Origin::Restored(write_slots) => return write_slots(slots),
        Origin::Imported(write_blocks) => write_blocks,
    };
    let mut importer = Importer::new(slots, environment.ids.next()).map_err(|error| error.to_string())?;
    write_blocks(&mut importer)?;
    match importer.finish().map_err(|error| error.to_string())? {
        Some(_) => Ok(()),
        None => Err("there are no blocks to import".to_owned()),
    }
}

/// Removes a loss or a damage from the note if the journal has the blocks again.
fn forget_repaired_faults(folder: &DataFolder, entry: &Entry, ledger: &Ledger) -> Result<(), String> {
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

/// Changes a ledger's note durably. Writes nothing if the change leaves the note as it was, or if the ledger was deleted.
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

/// Closes a ledger that was taken out of its entry. Afterwards its files are closed, unless a request still holds the ledger
/// after [`CLOSING_PATIENCE`].
pub(super) fn close(folder: Option<&DataFolder>, entry: &Entry, ledger: Ledger, has_files: bool) {
    let is_clean = ledger.status() == Status::Open && !ledger.has_work();
    ledger.close();
    let digest = ledger.digest();
    if has_files {
        wait_until_held_alone(&ledger);
    }
    drop(ledger);
    if let Some(folder) = folder
        && is_clean
        && let Err(why) = change_note(folder, entry, |note| note.closed = Some(digest))
    {
        // Without this note the next start opens the ledger to see whether work is left.
        tracing::warn!(ledger = %entry.record().name, %why, "the note of a closed ledger could not be written");
    }
}

/// Waits, for a bounded time, until no request holds the ledger, because the ledger's files stay open as long as one does.
fn wait_until_held_alone(ledger: &Ledger) {
    let mut waited = Duration::ZERO;
    while !ledger.is_held_alone() && waited < CLOSING_PATIENCE {
        let step = Duration::from_millis(1);
        std::thread::sleep(step);
        waited += step;
    }
}

impl From<String> for OpenError {
    fn from(why: String) -> OpenError {
        OpenError::Failed(why)
    }
}
