//! What is done about ledgers although nobody asks: those that nobody uses are closed, those that were not closed in
//! order are opened to see what is left to be done, and every journal is read again, a little at a time.

use std::ops::Bound;
use std::sync::{Arc, TryLockError};

use everstrand_journal::Digest;
use everstrand_ledger::storage::{DiskSlots, FileDisk};
use everstrand_ledger::{Checked, Ledger, LedgerError, Status, check_slots, link_of};

use super::entry::{Entry, Refused, Want};
use super::{Ledgers, opening};

/// So much of one journal is read again each time, which is about once a second.
const CHECK_BYTES: usize = 4 << 20;

/// After so many parts of a journal it is noted how far the check has come.
const CHECK_PARTS_UNSAVED: u32 = 64;

/// Rounds over all journals begin at least this long after each other.
const CHECK_ROUND_MILLIS: u64 = 600_000;

/// Where the check of journals stands.
#[derive(Default)]
pub(super) struct Upkeep {
    /// When the present round began.
    round_began: Option<u64>,
    /// The ledger whose journal was read last.
    name: String,
    checking: Option<Checking>,
}

/// The check of one journal.
struct Checking {
    entry: Arc<Entry>,
    /// The first slot that was not read yet.
    from: u64,
    parts_unsaved: u32,
    /// Its journal, as long as the ledger is closed.
    closed: Option<DiskSlots>,
}

impl Ledgers {
    /// Does the next part, on a thread that may wait; to be called about once a second. A ledger is not closed before
    /// `is_published` says so of its digest.
    pub(crate) fn keep_up(self: &Arc<Self>, is_published: impl Fn(&Digest) -> bool + Send + 'static) {
        // In memory there is nothing to close, and nothing that could have changed by itself.
        if self.folder.is_none() {
            return;
        }
        let ledgers = Arc::clone(self);
        // Where too much waits already, it is done the next time.
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
            ledgers.look_after_unclean_stop(&entries, now);
            ledgers.check(&mut upkeep, now);
        });
    }

    /// Closes the ledger of an entry, if nobody uses it, nor has since `not_since`, and nothing is left to be done.
    fn close_if_idle(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        not_since: u64,
        is_published: &dyn Fn(&Digest) -> bool,
    ) -> bool {
        let now = self.now();
        let Some(ledger) = entry.take_idle(not_since, now) else { return false };
        if !may_close(&ledger, is_published) {
            entry.settle(&Ok(ledger), now);
            return false;
        }
        self.close_taken(entry, ledger);
        true
    }

    fn close_taken(&self, entry: &Arc<Entry>, ledger: Ledger) {
        opening::close(self.folder.as_ref(), entry, ledger);
        tracing::debug!(ledger = %entry.record().name, "a ledger that nobody uses was closed");
        let waiting = entry.is_closed();
        if waiting.is_empty() {
            return;
        }
        // Somebody came while it was being closed.
        let opened = match entry.want_here(self.now()) {
            Want::Have(opened) => opened,
            _ => self.open_wanted(entry),
        };
        waiting.into_iter().for_each(|waiting| drop(waiting.send(opened.clone())));
    }

    /// Closes ledgers that nobody uses, the longest unused first, until there is room for one more.
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
                "{} ledgers are in use at once, and the process may not open more files; raise its limit (ulimit -n), \
                 or end some sessions",
                self.open_max
            )),
        }
    }

    /// Opens one of the ledgers that were not closed in order, as after a crash: there may be a redaction to finish.
    fn look_after_unclean_stop(self: &Arc<Self>, entries: &[Arc<Entry>], now: u64) {
        let open = entries.iter().filter(|entry| entry.last_used().is_some()).count();
        // Room is left for those that somebody asks for.
        if open >= self.open_max.div_ceil(2) {
            return;
        }
        let unclean = |entry: &&Arc<Entry>| entry.is_at_rest() && entry.note().closed.is_none();
        if let Some(entry) = entries.iter().find(unclean)
            && let Want::Open = entry.want(now)
        {
            let (ledgers, opening) = (Arc::clone(self), Arc::clone(entry));
            if !self.files.start(move || drop(ledgers.open_wanted(&opening))) {
                entry.settle(&Err(Refused::Failed("too much waits for the disk".to_owned())), now);
            }
        }
    }

    /// Reads the next part of a journal.
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
                tracing::warn!(ledger = %entry.record().name, %why, "how far a journal was checked is not noted");
            }
        };
        match checking.part(|| FileDisk::read_only(folder.journal(&entry.id))) {
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
                        "the journal is damaged: the ledger takes no more writes; put the segment back from a copy and \
                         start again"
                    );
                    note(0, Some((slot, why)));
                }
            }
            Err(error) => {
                if !entry.is_gone() {
                    tracing::warn!(ledger = %entry.record().name, %error, "a journal could not be checked");
                }
            }
        }
        upkeep.checking = None;
    }

    /// The ledger whose journal is to be read next, from where that was left.
    fn next_to_check(&self, upkeep: &mut Upkeep, now: u64) -> Option<Checking> {
        let after = (Bound::Excluded(upkeep.name.clone()), Bound::Unbounded);
        let is_due = |entry: &&Arc<Entry>| {
            let is_sound = entry.note().damage.is_none();
            is_sound && (entry.last_used().is_some() || entry.is_at_rest())
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
    fn part(&mut self, disk: impl FnOnce() -> std::io::Result<FileDisk>) -> Result<Checked, LedgerError> {
        if let Some(ledger) = self.entry.ledger() {
            self.closed = None;
            return ledger.check_journal(self.from, CHECK_BYTES);
        }
        let journal = match &mut self.closed {
            Some(journal) => journal,
            closed => {
                let disk = disk().map_err(|error| LedgerError::Unavailable(error.to_string()))?;
                closed.insert(DiskSlots::open_read_only(Arc::new(disk), link_of)?)
            }
        };
        check_slots(journal, self.from, CHECK_BYTES)
    }
}

/// Whether nothing is left to be done for a ledger, so that it may be closed.
fn may_close(ledger: &Ledger, is_published: &dyn Fn(&Digest) -> bool) -> bool {
    ledger.status() == Status::Open && !ledger.has_work() && is_published(&ledger.digest())
}
