//! One statement on its way through the scheduler: it begins, runs, waits for its next turn, and can be stopped from outside.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use everstrand_ledger::{Interrupt, LedgerError, Pace};
use tokio::sync::oneshot;

use super::threads::leave_tasks_and_wait;
use super::{Account, Asked, Permit, Scheduler, refusal};
use crate::client::Presence;

/// How often a waiting statement asks whether its client has left.
const PRESENCE_INTERVAL: Duration = Duration::from_millis(100);

/// A statement in the scheduler.
pub(crate) struct Turn {
    scheduler: Arc<Scheduler>,
    account: Account,
    interrupt: Interrupt,
    /// Tells whether the client has left. `None` for a caller in this process, which stops the turn itself when it leaves.
    presence: Option<Arc<dyn Presence>>,
    /// The thread that runs the statement, once it runs.
    thread: OnceLock<Thread>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    permit: Option<Permit>,
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

    /// Waits for a short permit.
    pub(crate) async fn begin(&self) -> Result<(), LedgerError> {
        let permit = self.scheduler.begin(&self.account).await?;
        self.held().permit = Some(permit);
        Ok(())
    }

    /// Notes that the statement runs on this thread. An error if it was stopped before.
    pub(crate) fn run_here(&self) -> Result<(), LedgerError> {
        self.thread.get_or_init(thread::current);
        if self.interrupt.is_stopped() { Err(LedgerError::Interrupted) } else { Ok(()) }
    }

    /// Stops the statement, whether it runs or waits.
    pub(crate) fn stop(&self) {
        self.interrupt.stop();
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Whether the client left while its statement ran. A short statement that nobody stopped does not ask, because the connection
    /// notices as soon as it writes the answer.
    pub(crate) fn is_deserted(&self) -> bool {
        (self.interrupt.is_stopped() || self.held().is_long) && self.client_is_gone()
    }

    fn client_is_gone(&self) -> bool {
        self.presence.as_ref().is_some_and(|presence| presence.is_gone())
    }

    /// Ends the turn. Answers its permit, for the encoding of the answer.
    pub(crate) fn end(&self) -> Option<Permit> {
        self.held().permit.take()
    }

    /// Blocks this thread until a long permit comes. `None` if the statement is stopped first, or the time is over.
    fn wait(&self, asked: Asked, at_most: Duration) -> Result<Option<Permit>, LedgerError> {
        let mut later = match asked {
            Asked::Now(permit) => return Ok(Some(permit)),
            Asked::Later(later) => later,
        };
        let clock = &self.scheduler.clock;
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let until = clock.monotonic_millis().saturating_add(millis(at_most));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            if let Some(permit) = poll(&mut later, &waker)? {
                return Ok(Some(permit));
            }
            let left = until.saturating_sub(clock.monotonic_millis());
            if self.client_is_gone() {
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
        if self.client_is_gone() {
            self.interrupt.stop();
            return Err(LedgerError::Interrupted);
        }
        let mut held = self.held();
        let long = &self.scheduler.long;
        let (short, asked) = match held.permit.take() {
            Some(permit) if held.is_long => (None, long.ask_again(&self.account, permit).map_err(refusal)?),
            permit => (permit, long.ask(&self.account).map_err(refusal)?),
        };
        held.is_long = true;
        held.permit = match (short, asked) {
            (None, Asked::Now(permit)) => Some(permit),
            (short, asked) => leave_tasks_and_wait(|| {
                // Give the short permit up only here, where another thread takes over this thread's tasks. The statement that gets
                // it is woken as a task of this thread, and would otherwise have to wait for this statement.
                drop(short);
                self.wait(asked, at_most)
            })?,
        };
        Ok(())
    }
}

fn poll(later: &mut oneshot::Receiver<Permit>, waker: &Waker) -> Result<Option<Permit>, LedgerError> {
    match Future::poll(Pin::new(later), &mut Context::from_waker(waker)) {
        Poll::Ready(Ok(permit)) => Ok(Some(permit)),
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
