//! Background work on ledgers, about once a second. It closes ledgers that nobody uses. It opens ledgers that were not closed
//! cleanly, because they may have work left. And it reads every journal again, a part at a time, to find damage.

use std::ops::Bound;
use std::sync::{Arc, TryLockError};

use everstrand_journal::Digest;
use everstrand_ledger::storage::slots::SlotStore;
use everstrand_ledger::storage::{DiskSlots, FileDisk};
use everstrand_ledger::{Checked, Ledger, LedgerError, Status, check_slots};

use super::entry::{Access, Entry, OpenError};
use super::{Ledgers, TOO_MANY_JOBS, opening};
use crate::data_keys::id_of;

/// Bytes of a journal that are read at a time, about once a second.
const CHECK_BYTES: usize = 4 << 20;

/// The number of parts of a journal that are checked before the note is written again.
const CHECK_PARTS_UNSAVED: u32 = 64;

/// The least time between the beginnings of two rounds over all journals.
const CHECK_ROUND_MILLIS: u64 = 600_000;

/// The progress of the background check of journals.
#[derive(Default)]
pub(super) struct Upkeep {
    /// When the present round began.
    round_began: Option<u64>,
    /// The ledger whose journal was read last. Rounds go through the ledgers in the order of their names.
    name: String,
    checking: Option<Checking>,
}

/// The check of one journal.
struct Checking {
    entry: Arc<Entry>,
    /// The first slot that this round has not read yet.
    from: u64,
    parts_unsaved: u32,
    /// The journal, opened for reading only, while the ledger is closed.
    closed: Option<Arc<dyn SlotStore>>,
}

impl Ledgers {
    /// Starts the next part of the background work on a thread that may wait. To be called about once a second. A ledger is closed
    /// only if `is_published` answers true for its digest.
    pub(crate) fn start_upkeep(self: &Arc<Self>, is_published: impl Fn(&Digest) -> bool + Send + 'static) {
        // A ledger in memory would be lost if it was closed, and it has no files that could rot.
        if self.folder.is_none() && self.shared.is_none() {
            return;
        }
        let ledgers = Arc::clone(self);
        // If too many jobs wait already, this one is refused, and the next call a second later tries again.
        self.files.start(move || {
            let mut upkeep = match ledgers.upkeep.try_lock() {
                Ok(upkeep) => upkeep,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            let now = ledgers.now();
            let entries: Vec<Arc<Entry>> = ledgers.names().values().cloned().collect();
            for entry in &entries {
                ledgers.close_if_idle(entry, now.saturating_sub(ledgers.idle_millis), &is_published);
            }
            ledgers.write_views_out(&entries);
            if ledgers.folder.is_some() {
                ledgers.open_after_unclean_stop(&entries, now);
            }
            ledgers.check(&mut upkeep, now);
        });
    }

    /// Closes the ledger of an entry if no request has used it since `not_since` and it has no work left.
    fn close_if_idle(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        not_since: u64,
        is_published: &dyn Fn(&Digest) -> bool,
    ) -> bool {
        let now = self.now();
        let Some(ledger) = entry.take_idle(not_since, now) else { return false };
        if !may_close(&ledger, is_published) {
            // One that only follows looks with each barrier whether another server has carried a redaction out.
            drop(ledger.options().follows.is_some().then(|| ledger.read_barrier()));
            entry.settle(&Ok(ledger), now);
            return false;
        }
        self.close_taken(entry, ledger);
        true
    }

    fn close_taken(&self, entry: &Arc<Entry>, ledger: Ledger) {
        self.close_opened(entry, ledger);
        tracing::debug!(ledger = %entry.record().name, "the ledger was closed, because nobody uses it");
        let waiting = entry.settle_closed();
        if waiting.is_empty() {
            return;
        }
        // Requests came while the ledger was being closed: open it again for them.
        let opened = match entry.access_blocking(self.now()) {
            Access::Ready(opened) => opened,
            _ => self.open_busy(entry),
        };
        waiting.into_iter().for_each(|waiting| drop(waiting.send(opened.clone())));
    }

    /// Closes ledgers that nobody uses, the least recently used first, until one more may be opened.
    pub(super) fn make_room(&self) -> Result<(), String> {
        let open = |entry: &Arc<Entry>| entry.last_used().map(|used| (used, Arc::clone(entry)));
        let mut used: Vec<_> = self.names().values().filter_map(open).collect();
        if used.len() < self.open_max {
            return Ok(());
        }
        used.sort_by_key(|(used, _)| *used);
        let mut excess = used.len() - self.open_max + 1;
        for (_, entry) in used {
            if excess == 0 {
                break;
            }
            let now = self.now();
            let Some(ledger) = entry.take_idle(u64::MAX - 1, now) else { continue };
            if ledger.has_work() || ledger.status() != Status::Open {
                entry.settle(&Ok(ledger), now);
                continue;
            }
            self.close_taken(&entry, ledger);
            excess -= 1;
        }
        match excess {
            0 => Ok(()),
            _ => Err(format!(
                "{} ledgers are in use at once, and the process may not open more files; raise its limit of open files \
                 (ulimit -n), or end some sessions",
                self.open_max
            )),
        }
    }

    /// Lets views write their changes to files, the largest first, if those of all open ledgers together take too much memory. One view
    /// has a bound of its own, but there may be a thousand.
    fn write_views_out(&self, entries: &[Arc<Entry>]) {
        let unwritten =
            |entry: &Arc<Entry>| entry.ledger().map(|ledger| (ledger.unwritten_view_bytes(), ledger));
        let mut unwritten: Vec<(u64, Ledger)> = entries.iter().filter_map(unwritten).collect();
        let mut all: u64 = unwritten.iter().map(|(bytes, _)| bytes).sum();
        unwritten.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        for (bytes, ledger) in unwritten {
            if all <= self.unwritten_bytes_max {
                return;
            }
            ledger.write_view_out();
            all -= bytes;
        }
    }

    /// Opens one of the ledgers that were not closed cleanly, as after a crash, because it may have a redaction to finish.
    fn open_after_unclean_stop(self: &Arc<Self>, entries: &[Arc<Entry>], now: u64) {
        let open = entries.iter().filter(|entry| entry.last_used().is_some()).count();
        // Half of the ledgers that may be open are kept for requests.
        if open >= self.open_max.div_ceil(2) {
            return;
        }
        let unclean = |entry: &&Arc<Entry>| entry.is_closed() && entry.note().closed.is_none();
        if let Some(entry) = entries.iter().find(unclean)
            && let Access::MustOpen = entry.access(now)
        {
            let (ledgers, opening) = (Arc::clone(self), Arc::clone(entry));
            if !self.files.start(move || drop(ledgers.open_busy(&opening))) {
                entry.settle(&Err(OpenError::Failed(TOO_MANY_JOBS.to_owned())), now);
            }
        }
    }

    /// Checks the next part of a journal.
    fn check(&self, upkeep: &mut Upkeep, now: u64) {
        let Some(folder) = &self.folder else { return };
        if upkeep.checking.is_none() {
            upkeep.checking = self.next_to_check(upkeep, now);
        }
        let Some(checking) = &mut upkeep.checking else { return };
        let entry = Arc::clone(&checking.entry);
        let note = |checked: u64, damage: Option<(u64, String)>| {
            let noted = opening::change_note(folder, &entry, |note| {
                note.checked = checked;
                note.damage = damage.or(note.damage.take());
            });
            if let Err(why) = noted {
                tracing::warn!(ledger = %entry.record().name, %why, "the progress of the journal's check could not be noted");
            }
        };
        let open = || {
            let unavailable = |why: String| LedgerError::Unavailable(why);
            let disk = FileDisk::read_only(folder.journal(&entry.id));
            let disk = disk.map_err(|error| unavailable(error.to_string()))?;
            let slots = Arc::new(DiskSlots::open_read_only(Arc::new(disk))?);
            let id = id_of(&entry.id).map_err(unavailable)?;
            self.keys.open_journal(id, slots).map_err(unavailable)
        };
        match checking.part(open) {
            Ok(Checked::UpTo(next)) => {
                checking.from = next;
                checking.parts_unsaved += 1;
                if checking.parts_unsaved < CHECK_PARTS_UNSAVED {
                    return;
                }
                checking.parts_unsaved = 0;
                note(next, None);
                return;
            }
            Ok(Checked::All(_)) => note(0, None),
            Ok(Checked::Damaged { slot, why }) => {
                if !entry.is_gone() {
                    let ledger = &entry.record().name.clone();
                    tracing::error!(
                        ledger,
                        slot,
                        why,
                        "the journal is damaged, so the ledger takes no more writes; restore the segment from a copy and \
                         restart the server"
                    );
                    note(0, Some((slot, why)));
                }
            }
            Err(error) => {
                if !entry.is_gone() {
                    tracing::warn!(ledger = %entry.record().name, %error, "the journal could not be checked");
                }
            }
        }
        upkeep.checking = None;
    }

    /// The next journal of the round, from the slot at which its last check stopped. `None` if the round is over; then a new one
    /// begins when its time has come.
    fn next_to_check(&self, upkeep: &mut Upkeep, now: u64) -> Option<Checking> {
        let after = (Bound::Excluded(upkeep.name.clone()), Bound::Unbounded);
        let is_due = |entry: &&Arc<Entry>| {
            let is_sound = entry.note().damage.is_none();
            is_sound && (entry.last_used().is_some() || entry.is_closed())
        };
        if let Some(entry) = self.names().range(after).map(|(_, entry)| entry).find(is_due) {
            upkeep.round_began.get_or_insert(now);
            upkeep.name.clone_from(&entry.record().name);
            let from = entry.note().checked;
            return Some(Checking { entry: Arc::clone(entry), from, parts_unsaved: 0, closed: None });
        }
        if upkeep.round_began.is_none_or(|began| now >= began.saturating_add(CHECK_ROUND_MILLIS)) {
            upkeep.round_began = None;
            upkeep.name.clear();
        }
        None
    }
}

impl Checking {
    /// Checks the next part: through the ledger while it is open, else in files that are opened for reading only.
    fn part(
        &mut self,
        open: impl FnOnce() -> Result<Arc<dyn SlotStore>, LedgerError>,
    ) -> Result<Checked, LedgerError> {
        if let Some(ledger) = self.entry.ledger() {
            self.closed = None;
            return ledger.check_journal(self.from, CHECK_BYTES);
        }
        let journal = match &mut self.closed {
            Some(journal) => journal,
            closed => closed.insert(open()?),
        };
        check_slots(&**journal, self.from, CHECK_BYTES)
    }
}

/// Whether the ledger has no work left, so that it may be closed.
fn may_close(ledger: &Ledger, is_published: &dyn Fn(&Digest) -> bool) -> bool {
    ledger.status() == Status::Open && !ledger.has_work() && is_published(&ledger.digest())
}
