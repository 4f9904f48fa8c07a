//! Decides which statements run at a time.
//!
//! A statement runs while it holds a permit. It begins with a short permit, on the thread that read its request; there are as
//! many short permits as processors. Most statements end within 10 ms. A statement that does not gives its short permit to the
//! next one and goes on with a long permit; there is one long permit fewer than processors. If other statements wait for a
//! long permit, it gives its own up every 10 ms and queues again. A large request needs a long permit to be parsed. An answer is
//! encoded with the permit that its statement had.
//!
//! A statement that goes on with a long permit has left its thread's tasks to another thread. So statements never take all threads of
//! the runtime that [`crate::http::runtime`] builds: it has one thread more than there are short permits. Therefore a request that runs no statement is answered at once, however many statements run.

mod permits;
mod threads;
mod turn;
mod waiting;

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use everstrand_ledger::{Clock, LedgerError};

pub(crate) use permits::Permit;
use permits::{Asked, NoPermit, Permits};
use threads::block_in_place;
pub(crate) use threads::{catch_panic, on_own_task};
pub(crate) use turn::Turn;
pub(crate) use waiting::Account;
use waiting::WaitingMax;

/// How many statements run at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// Statements that began less than 10 ms ago.
    pub short: usize,
    /// Statements that have run for more than 10 ms.
    pub long: usize,
}

/// The bound of statements that wait to begin. The bodies of their requests stay in memory meanwhile.
const SHORT_WAITING_MAX: WaitingMax = WaitingMax { of_a_client: 1024, of_all: 4096 };

/// The bound of long statements that wait for their next turn. Each of them blocks a thread.
pub(crate) const LONG_WAITING_MAX: WaitingMax = WaitingMax { of_a_client: 128, of_all: 256 };

/// Parsing a request or encoding an answer of this size takes so long that other statements would notice.
const LARGE_BYTES: usize = 64 << 10;

impl Concurrency {
    /// The numbers for this machine. If it has several processors, long statements leave one of them free.
    pub fn of_this_machine() -> Concurrency {
        let processors = available_parallelism().map_or(1, NonZero::get);
        Concurrency { short: processors, long: processors.saturating_sub(1).max(1) }
    }
}

/// Gives permits to statements.
pub(crate) struct Scheduler {
    short: Arc<Permits>,
    long: Arc<Permits>,
    clock: Arc<dyn Clock>,
}

impl Scheduler {
    pub(crate) fn new(concurrency: Concurrency, clock: Arc<dyn Clock>) -> Scheduler {
        Scheduler {
            short: Permits::new(concurrency.short, SHORT_WAITING_MAX),
            long: Permits::new(concurrency.long, LONG_WAITING_MAX),
            clock,
        }
    }

    /// Waits for a short permit.
    pub(crate) async fn begin(&self, account: &Account) -> Result<Permit, LedgerError> {
        permit_of(&self.short, account).await
    }

    /// Parses a client's request. A large one waits for a long permit first, so that it delays neither short statements nor
    /// requests that need no permit.
    pub(crate) async fn read<T>(
        &self,
        account: &Account,
        bytes: usize,
        read: impl FnOnce() -> T,
    ) -> Result<T, LedgerError> {
        if bytes < LARGE_BYTES {
            return Ok(read());
        }
        let _permit = permit_of(&self.long, account).await?;
        Ok(block_in_place(read))
    }

    /// Encodes a statement's answer with the permit that the statement had.
    pub(crate) fn write<T>(permit: Option<Permit>, bytes: usize, write: impl FnOnce() -> T) -> T {
        let _permit = permit;
        if bytes < LARGE_BYTES { write() } else { block_in_place(write) }
    }

    /// Ends the long statements within their next 10 ms, and refuses new ones.
    pub(crate) fn close(&self) {
        self.short.close();
        self.long.close();
    }

    /// The number of statements that wait to begin, and of long statements that wait for their next turn.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.short.waiting(), self.long.waiting())
    }
}

async fn permit_of(permits: &Arc<Permits>, account: &Account) -> Result<Permit, LedgerError> {
    match permits.ask(account).map_err(refusal)? {
        Asked::Now(permit) => Ok(permit),
        Asked::Later(permit) => permit.await.map_err(|_| LedgerError::Closed),
    }
}

fn refusal(why: NoPermit) -> LedgerError {
    match why {
        NoPermit::Full(number) => LedgerError::Busy(format!(
            "The server is busy: {number} statements wait already; try again in a moment"
        )),
        NoPermit::Closed => LedgerError::Closed,
    }
}
