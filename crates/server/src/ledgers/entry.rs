//! A ledger's place among the others: closed, open, or on the way. Whoever needs it open waits here, and nobody holds
//! a lock meanwhile.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use everstrand_journal::Digest;
use everstrand_ledger::{Ledger, Status};
use tokio::sync::oneshot;

use super::note::Note;
use crate::record::Record;

/// After a failed opening the same answer is given for so long, before somebody may try again.
const FAILED_MILLIS: u64 = 1000;

/// The open ledger, or why there is none.
pub(super) type Opened = Result<Ledger, Refused>;

/// Why a ledger is not opened.
#[derive(Clone, Debug)]
pub(super) enum Refused {
    /// It was deleted, or its creation failed.
    Gone,
    /// This, for now.
    Failed(String),
}

pub(super) struct Entry {
    pub(super) id: String,
    record: Mutex<Record>,
    note: Mutex<Note>,
    life: Mutex<Life>,
    /// The last digest that is known of it, for as long as it is neither open nor noted.
    seen: Mutex<Option<Digest>>,
    /// Signalled when something that was under way has ended.
    changed: Condvar,
    /// Held through work on the ledger's own small files, by threads that may wait.
    pub(super) files: Mutex<()>,
    /// The seed of its key, once it was needed.
    pub(super) seed: Mutex<Option<[u8; 32]>>,
}

/// What a ledger is doing.
enum Life {
    /// Nothing. With why the last opening failed, and when.
    Closed(Option<(String, u64)>),
    /// It is being created, opened, closed or deleted, and these wait for the end of it.
    Busy(Vec<oneshot::Sender<Opened>>),
    /// At the end of time where it has to stay open.
    Open {
        ledger: Ledger,
        used: u64,
    },
    /// It cannot be opened at all.
    Broken(String),
    Gone,
}

/// What somebody has to do who wants a ledger open.
pub(super) enum Want {
    /// Nothing.
    Have(Opened),
    /// Wait for this.
    Wait(oneshot::Receiver<Opened>),
    /// Open it, and say so with [`Entry::settle`].
    Open,
}

impl Entry {
    fn new(record: Record, note: Note, life: Life) -> Entry {
        Entry {
            id: record.id.clone(),
            record: Mutex::new(record),
            note: Mutex::new(note),
            life: Mutex::new(life),
            seen: Mutex::default(),
            changed: Condvar::new(),
            files: Mutex::default(),
            seed: Mutex::default(),
        }
    }

    /// Of a ledger that is there and closed.
    pub(super) fn closed(record: Record, note: Note) -> Entry {
        Entry::new(record, note, Life::Closed(None))
    }

    /// Of a ledger that its creator is busy with.
    pub(super) fn busy(record: Record, note: Note) -> Entry {
        Entry::new(record, note, Life::Busy(Vec::new()))
    }

    /// Of a ledger that cannot be opened, for a reason that stays.
    pub(super) fn broken(record: Record, note: Note, why: String) -> Entry {
        Entry::new(record, note, Life::Broken(why))
    }

    /// What has to be done to have the ledger open. [`Want::Open`] is answered to one at a time.
    pub(super) fn want(&self, now: u64) -> Want {
        let mut life = self.life();
        match self.look(&mut life, now) {
            Some(want) => want,
            None => {
                let (sender, receiver) = oneshot::channel();
                if let Life::Busy(waiting) = &mut *life {
                    waiting.push(sender);
                }
                Want::Wait(receiver)
            }
        }
    }

    /// The same for who may wait here.
    pub(super) fn want_here(&self, now: u64) -> Want {
        let mut life = self.life();
        loop {
            match self.look(&mut life, now) {
                Some(want) => return want,
                None => life = self.changed.wait(life).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// `None` while somebody is busy with it.
    fn look(&self, life: &mut Life, now: u64) -> Option<Want> {
        Some(match life {
            Life::Busy(_) => return None,
            Life::Open { ledger, used } => {
                *used = now.max(*used);
                Want::Have(Ok(ledger.clone()))
            }
            Life::Broken(why) => Want::Have(Err(Refused::Failed(why.clone()))),
            Life::Gone => Want::Have(Err(Refused::Gone)),
            Life::Closed(Some((why, at))) if now < at.saturating_add(FAILED_MILLIS) => {
                Want::Have(Err(Refused::Failed(why.clone())))
            }
            Life::Closed(_) => {
                *life = Life::Busy(Vec::new());
                Want::Open
            }
        })
    }

    /// What came of being busy; tells all who wait.
    pub(super) fn settle(&self, opened: &Opened, now: u64) {
        let next = match opened {
            Ok(ledger) => Life::Open { ledger: ledger.clone(), used: now },
            Err(Refused::Failed(why)) => Life::Closed(Some((why.clone(), now))),
            Err(Refused::Gone) => Life::Gone,
        };
        for waiting in self.become_(next) {
            // Who does not wait any more has no use for it.
            let _ = waiting.send(opened.clone());
        }
    }

    fn become_(&self, next: Life) -> Vec<oneshot::Sender<Opened>> {
        let before = std::mem::replace(&mut *self.life(), next);
        self.changed.notify_all();
        match before {
            Life::Busy(waiting) => waiting,
            _ => Vec::new(),
        }
    }

    /// Takes the ledger out, to delete it or to close it for good; waits for who is busy with it. `None` where it is
    /// gone or broken, `Some(None)` where it is closed. The caller is busy with it from now on.
    pub(super) fn take(&self) -> Option<Option<Ledger>> {
        let mut life = self.life();
        while matches!(&*life, Life::Busy(_)) {
            life = self.changed.wait(life).unwrap_or_else(PoisonError::into_inner);
        }
        if matches!(&*life, Life::Broken(_) | Life::Gone) {
            return None;
        }
        match std::mem::replace(&mut *life, Life::Busy(Vec::new())) {
            Life::Open { ledger, .. } => {
                self.see(&ledger);
                Some(Some(ledger))
            }
            _ => Some(None),
        }
    }

    /// Takes the ledger out if nobody uses it, nor has since `not_since`.
    pub(super) fn take_idle(&self, not_since: u64, now: u64) -> Option<Ledger> {
        let mut life = self.life();
        let Life::Open { ledger, used } = &mut *life else { return None };
        if !ledger.is_held_alone() {
            *used = now.max(*used);
            return None;
        }
        if *used > not_since {
            return None;
        }
        self.see(ledger);
        match std::mem::replace(&mut *life, Life::Busy(Vec::new())) {
            Life::Open { ledger, .. } => Some(ledger),
            _ => None,
        }
    }

    fn see(&self, ledger: &Ledger) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(ledger.digest());
    }

    /// It is closed again; who waits for it must ask anew.
    pub(super) fn is_closed(&self) -> Vec<oneshot::Sender<Opened>> {
        self.become_(Life::Closed(None))
    }

    /// When it was last used; `None` where it is not open.
    pub(super) fn last_used(&self) -> Option<u64> {
        match &*self.life() {
            Life::Open { used, .. } => Some(*used),
            _ => None,
        }
    }

    /// Whether it is closed, and not because it could not be opened.
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(&*self.life(), Life::Closed(None))
    }

    /// Whether it was deleted.
    pub(super) fn is_gone(&self) -> bool {
        matches!(&*self.life(), Life::Gone)
    }

    /// The ledger, where it is open.
    pub(super) fn ledger(&self) -> Option<Ledger> {
        match &*self.life() {
            Life::Open { ledger, .. } => Some(ledger.clone()),
            _ => None,
        }
    }

    /// Why it cannot be opened at all, if so.
    pub(super) fn why_broken(&self) -> Option<String> {
        match &*self.life() {
            Life::Broken(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// Why it cannot be opened or takes no writes, if so.
    pub(super) fn impaired(&self) -> Option<String> {
        match &*self.life() {
            Life::Open { ledger, .. } => match ledger.status() {
                Status::Open | Status::Closed => {}
                Status::Faulted(error) => return Some(error.to_string()),
            },
            Life::Broken(why) | Life::Closed(Some((why, _))) => {
                return Some(format!("it cannot be opened: {why}"));
            }
            Life::Closed(None) | Life::Busy(_) | Life::Gone => {}
        }
        let note = self.note();
        match (&note.loss, &note.damage) {
            (Some(loss), _) => Some(format!("blocks that were acknowledged are missing: {loss}")),
            (None, Some((slot, why))) => Some(format!("the journal is damaged at slot {slot}: {why}")),
            (None, None) => None,
        }
    }

    /// The digest of its whole journal, as it is or as it was when it was closed; `None` where neither is known.
    pub(super) fn digest(&self) -> Option<Digest> {
        match self.ledger() {
            Some(ledger) => Some(ledger.digest()),
            None => {
                let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                self.note().closed.or(seen)
            }
        }
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self) -> MutexGuard<'_, Note> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
