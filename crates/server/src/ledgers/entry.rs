//! A ledger's entry among the server's ledgers: whether it is closed, open, or busy changing between them. Requests that need the
//! ledger open wait here while it is busy, without holding a lock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use everstrand_journal::Digest;
use everstrand_ledger::{Ledger, Status};
use tokio::sync::oneshot;

use super::note::Note;
use crate::record::Record;

/// After an attempt to open the ledger failed, requests get the same answer for this time. Then the next request tries again.
const FAILED_MILLIS: u64 = 1000;

/// The open ledger, or why it is not open.
pub(super) type Opened = Result<Ledger, OpenError>;

/// Why a ledger is not open.
#[derive(Clone, Debug)]
pub(super) enum OpenError {
    /// It was deleted, or its creation failed.
    Gone,
    /// It could not be opened, for this reason. A later attempt may succeed.
    Failed(String),
}

pub(super) struct Entry {
    pub(super) id: String,
    record: Mutex<Record>,
    note: Mutex<Note>,
    phase: Mutex<Phase>,
    /// The digest when the ledger was last taken out of this entry. It bridges the time until the note has it.
    last_digest: Mutex<Option<Digest>>,
    /// Signalled at each change of phase.
    changed: Condvar,
    /// Held while a thread writes the ledger's small files. Only threads that may wait take this lock.
    pub(super) files: Mutex<()>,
    /// The seed of the ledger's key, once it was needed.
    pub(super) seed: Mutex<Option<[u8; 32]>>,
}

/// What a ledger is doing.
enum Phase {
    /// It is closed. If the last attempt to open it failed: the reason, and the time of the attempt.
    Closed(Option<(String, u64)>),
    /// A thread is creating, opening, closing or deleting it, and these requests wait for the end of that.
    Busy(Vec<oneshot::Sender<Opened>>),
    /// It is open. `used` is the time of the last use, or [`u64::MAX`] if it must stay open.
    Open {
        ledger: Ledger,
        used: u64,
    },
    /// It cannot be opened until somebody repairs its files.
    Broken(String),
    Gone,
}

/// What a caller that needs the ledger open has to do.
pub(super) enum Access {
    /// Nothing: this is the answer.
    Ready(Opened),
    /// Wait for the answer.
    Wait(oneshot::Receiver<Opened>),
    /// Open the ledger, and report the outcome with [`Entry::settle`].
    MustOpen,
}

impl Entry {
    fn new(record: Record, note: Note, phase: Phase) -> Entry {
        Entry {
            id: record.id.clone(),
            record: Mutex::new(record),
            note: Mutex::new(note),
            phase: Mutex::new(phase),
            last_digest: Mutex::default(),
            changed: Condvar::new(),
            files: Mutex::default(),
            seed: Mutex::default(),
        }
    }

    /// The entry of an existing ledger, closed.
    pub(super) fn closed(record: Record, note: Note) -> Entry {
        Entry::new(record, note, Phase::Closed(None))
    }

    /// The entry of a ledger that the caller is about to create.
    pub(super) fn busy(record: Record, note: Note) -> Entry {
        Entry::new(record, note, Phase::Busy(Vec::new()))
    }

    /// The entry of a ledger that cannot be opened until somebody repairs its files.
    pub(super) fn broken(record: Record, note: Note, why: String) -> Entry {
        Entry::new(record, note, Phase::Broken(why))
    }

    /// Tells the caller how to get the open ledger. Only one caller at a time is told [`Access::MustOpen`].
    pub(super) fn access(&self, now: u64) -> Access {
        let mut phase = self.phase();
        match self.access_now(&mut phase, now) {
            Some(access) => access,
            None => {
                let (sender, receiver) = oneshot::channel();
                if let Phase::Busy(waiting) = &mut *phase {
                    waiting.push(sender);
                }
                Access::Wait(receiver)
            }
        }
    }

    /// The same, but blocks this thread while the ledger is busy. It never answers [`Access::Wait`].
    pub(super) fn access_blocking(&self, now: u64) -> Access {
        let mut phase = self.phase();
        loop {
            match self.access_now(&mut phase, now) {
                Some(access) => return access,
                None => phase = self.changed.wait(phase).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// The answer of [`Entry::access`]; `None` while the ledger is busy.
    fn access_now(&self, phase: &mut Phase, now: u64) -> Option<Access> {
        Some(match phase {
            Phase::Busy(_) => return None,
            Phase::Open { ledger, used } => {
                *used = now.max(*used);
                Access::Ready(Ok(ledger.clone()))
            }
            Phase::Broken(why) => Access::Ready(Err(OpenError::Failed(why.clone()))),
            Phase::Gone => Access::Ready(Err(OpenError::Gone)),
            Phase::Closed(Some((why, at))) if now < at.saturating_add(FAILED_MILLIS) => {
                Access::Ready(Err(OpenError::Failed(why.clone())))
            }
            Phase::Closed(_) => {
                *phase = Phase::Busy(Vec::new());
                Access::MustOpen
            }
        })
    }

    /// Ends the phase [`Phase::Busy`] with its outcome, and answers all requests that wait.
    pub(super) fn settle(&self, opened: &Opened, now: u64) {
        let next = match opened {
            Ok(ledger) => Phase::Open { ledger: ledger.clone(), used: now },
            Err(OpenError::Failed(why)) => Phase::Closed(Some((why.clone(), now))),
            Err(OpenError::Gone) => Phase::Gone,
        };
        for waiting in self.change_phase(next) {
            // Sending fails if the request was dropped; then nobody needs the answer.
            let _ = waiting.send(opened.clone());
        }
    }

    /// Changes the phase, and answers with the requests that waited in the one before.
    fn change_phase(&self, next: Phase) -> Vec<oneshot::Sender<Opened>> {
        let before = std::mem::replace(&mut *self.phase(), next);
        self.changed.notify_all();
        match before {
            Phase::Busy(waiting) => waiting,
            _ => Vec::new(),
        }
    }

    /// Waits until the ledger is not busy, then takes it out so that the caller can delete it or close it. `None` if it is gone or
    /// broken, `Some(None)` if it is closed. From now on the ledger is busy, until the caller ends that.
    pub(super) fn take(&self) -> Option<Option<Ledger>> {
        let mut phase = self.phase();
        while matches!(&*phase, Phase::Busy(_)) {
            phase = self.changed.wait(phase).unwrap_or_else(PoisonError::into_inner);
        }
        if matches!(&*phase, Phase::Broken(_) | Phase::Gone) {
            return None;
        }
        match std::mem::replace(&mut *phase, Phase::Busy(Vec::new())) {
            Phase::Open { ledger, .. } => {
                self.remember_digest(&ledger);
                Some(Some(ledger))
            }
            _ => Some(None),
        }
    }

    /// Takes the ledger out if it is open and no request has used it since the time `not_since`.
    pub(super) fn take_idle(&self, not_since: u64, now: u64) -> Option<Ledger> {
        let mut phase = self.phase();
        let Phase::Open { ledger, used } = &mut *phase else { return None };
        // A session holds the ledger, so the time of its last use is now.
        if !ledger.is_held_alone() {
            *used = now.max(*used);
            return None;
        }
        if *used > not_since {
            return None;
        }
        self.remember_digest(ledger);
        match std::mem::replace(&mut *phase, Phase::Busy(Vec::new())) {
            Phase::Open { ledger, .. } => Some(ledger),
            _ => None,
        }
    }

    fn remember_digest(&self, ledger: &Ledger) {
        *self.last_digest.lock().unwrap_or_else(PoisonError::into_inner) = Some(ledger.digest());
    }

    /// Ends the phase [`Phase::Busy`] with a closed ledger. Answers the requests that waited; the caller must reply to them.
    pub(super) fn settle_closed(&self) -> Vec<oneshot::Sender<Opened>> {
        self.change_phase(Phase::Closed(None))
    }

    /// Lets the next request open the ledger at once, if the last attempt failed.
    pub(super) fn forget_failure(&self) {
        let mut phase = self.phase();
        if matches!(&*phase, Phase::Closed(Some(_))) {
            *phase = Phase::Closed(None);
        }
    }

    /// The time of the last use; `None` if the ledger is not open.
    pub(super) fn last_used(&self) -> Option<u64> {
        match &*self.phase() {
            Phase::Open { used, .. } => Some(*used),
            _ => None,
        }
    }

    /// Whether the ledger is closed, and not because it could not be opened.
    pub(super) fn is_closed(&self) -> bool {
        matches!(&*self.phase(), Phase::Closed(None))
    }

    /// Whether the ledger was deleted.
    pub(super) fn is_gone(&self) -> bool {
        matches!(&*self.phase(), Phase::Gone)
    }

    /// The ledger, if it is open.
    pub(super) fn ledger(&self) -> Option<Ledger> {
        match &*self.phase() {
            Phase::Open { ledger, .. } => Some(ledger.clone()),
            _ => None,
        }
    }

    /// Why the ledger cannot be opened until somebody repairs its files, if so.
    pub(super) fn why_broken(&self) -> Option<String> {
        match &*self.phase() {
            Phase::Broken(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// Why the ledger cannot be opened or takes no writes, if so.
    pub(super) fn impaired(&self) -> Option<String> {
        match &*self.phase() {
            Phase::Open { ledger, .. } => match ledger.status() {
                Status::Open | Status::Closed => {}
                Status::Faulted(error) => return Some(error.to_string()),
            },
            Phase::Broken(why) | Phase::Closed(Some((why, _))) => {
                return Some(format!("it cannot be opened: {why}"));
            }
            Phase::Closed(None) | Phase::Busy(_) | Phase::Gone => {}
        }
        let note = self.note();
        match (&note.loss, &note.damage) {
            (Some(loss), _) => Some(format!("acknowledged blocks are missing: {loss}")),
            (None, Some((slot, why))) => Some(format!("the journal is damaged at slot {slot}: {why}")),
            (None, None) => None,
        }
    }

    /// The digest of the ledger's whole journal; if the ledger is closed, the digest when it was closed. `None` if that is not
    /// known.
    pub(super) fn digest(&self) -> Option<Digest> {
        match self.ledger() {
            Some(ledger) => Some(ledger.digest()),
            None => {
                let last_digest = *self.last_digest.lock().unwrap_or_else(PoisonError::into_inner);
                self.note().closed.or(last_digest)
            }
        }
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self) -> MutexGuard<'_, Note> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An entry in the phase *busy*. Dropping it without an outcome answers the waiting requests with an error, so that a panic leaves
/// no request waiting for ever.
pub(super) struct Unfinished<'a> {
    entry: &'a Entry,
    is_over: bool,
}

impl<'a> Unfinished<'a> {
    pub(super) fn new(entry: &'a Entry) -> Unfinished<'a> {
        Unfinished { entry, is_over: false }
    }

    pub(super) fn settle(mut self, opened: &Opened, now: u64) {
        self.is_over = true;
        self.entry.settle(opened, now);
    }

    /// Leaves the ledger closed, and tells the waiting requests to try again.
    pub(super) fn settle_closed(mut self) {
        self.is_over = true;
        for waiting in self.entry.settle_closed() {
            let _ = waiting.send(Err(OpenError::Failed("it was closed; try again".to_owned())));
        }
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.entry.settle(&Err(OpenError::Failed("an earlier operation on it panicked".to_owned())), 0);
        }
    }
}
