//! One statement on its way through the scheduler, and how it is stopped from outside.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use everstrand_ledger::{Interrupt, LedgerError, Pace};
use tokio::sync::oneshot;

use super::threads::where_waiting_is_allowed;
use super::{Account, Asked, Place, Scheduler, refusal};
use crate::client::Presence;

/// How often a statement that waits for its next turn asks whether its caller is still there.
const PRESENCE_INTERVAL: Duration = Duration::from_millis(100);

/// A statement that begins, runs, or waits for its next turn.
pub(crate) struct Turn {
    scheduler: Arc<Scheduler>,
    account: Account,
    interrupt: Interrupt,
    /// Tells that the caller has left; nothing for a caller in this process, which stops the turn when it leaves.
    presence: Option<Arc<dyn Presence>>,
    /// Its thread, once it runs.
    thread: OnceLock<Thread>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    place: Option<Place>,
    is_long: bool,
}

impl Turn {
    pub(crate) fn new(
        scheduler: Arc<Scheduler>,
        account: Account,
        interrupt: Interrupt,
        presence: Option<Arc<dyn Presence>>,
    ) -> Turn {
        Turn { scheduler, account, interrupt, presence, thread: OnceLock::new(), held: Mutex::default() }
    }

    /// Waits for a place to begin in.
    pub(crate) async fn begin(&self) -> Result<(), LedgerError> {
        let place = self.scheduler.begin(&self.account).await?;
        self.held().place = Some(place);
        Ok(())
    }

    /// Says that it runs on this thread, unless it was stopped before.
    pub(crate) fn run_here(&self) -> Result<(), LedgerError> {
        self.thread.get_or_init(thread::current);
        if self.interrupt.is_stopped() { Err(LedgerError::Interrupted) } else { Ok(()) }
    }

    /// Stops it, whether it runs or waits.
    pub(crate) fn stop(&self) {
        self.interrupt.stop();
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Whether it ran for longer than a moment and its caller has left meanwhile. A short statement does not ask, because
    /// the connection notices as soon as it writes the answer.
    pub(crate) fn is_deserted(&self) -> bool {
        self.held().is_long && self.caller_is_gone()
    }

    fn caller_is_gone(&self) -> bool {
        self.presence.as_ref().is_some_and(|presence| presence.is_gone())
    }

    /// Gives its place out of hand; dropped, it goes to the next.
    pub(crate) fn end(&self) -> Option<Place> {
        self.held().place.take()
    }

    /// Waits on this thread for a long place; none comes when it is stopped meanwhile, or too much time passes.
    fn wait(&self, asked: Asked, at_most: Duration) -> Result<Option<Place>, LedgerError> {
        let mut later = match asked {
            Asked::Now(place) => return Ok(Some(place)),
            Asked::Later(later) => later,
        };
        let clock = &self.scheduler.clock;
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let until = clock.monotonic_millis().saturating_add(millis(at_most));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            if let Some(place) = poll(&mut later, &waker)? {
                return Ok(Some(place));
            }
            let left = until.saturating_sub(clock.monotonic_millis());
            if self.caller_is_gone() {
                self.interrupt.stop();
            }
            if self.interrupt.is_stopped() || left == 0 {
                return Ok(None);
            }
            thread::park_timeout(Duration::from_millis(left).min(PRESENCE_INTERVAL));
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pace for Turn {
    fn turn_is_over(&self, at_most: Duration) -> Result<(), LedgerError> {
        if self.caller_is_gone() {
            self.interrupt.stop();
            return Err(LedgerError::Interrupted);
        }
        let mut held = self.held();
        let long = &self.scheduler.long;
        let (left, asked) = match held.place.take() {
            Some(place) if held.is_long => (None, long.ask_again(&self.account, place).map_err(refusal)?),
            place => (place, long.ask(&self.account).map_err(refusal)?),
        };
        held.is_long = true;
        held.place = match (left, asked) {
            (None, Asked::Now(place)) => Some(place),
            (left, asked) => where_waiting_is_allowed(|| {
                // Not earlier: whoever it wakes would queue up behind this statement.
                drop(left);
                self.wait(asked, at_most)
            })?,
        };
        Ok(())
    }
}

fn poll(later: &mut oneshot::Receiver<Place>, waker: &Waker) -> Result<Option<Place>, LedgerError> {
    match Future::poll(Pin::new(later), &mut Context::from_waker(waker)) {
        Poll::Ready(Ok(place)) => Ok(Some(place)),
        Poll::Ready(Err(_)) => Err(LedgerError::Closed),
        Poll::Pending => Ok(None),
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Unpark>) {
        self.0.unpark();
    }
}
