//! Who runs when. A statement begins in one of as many short places as there are processors, on the thread that read
//! its request. Most are over within 10 ms. One that is not leaves its place to the next and goes on in a long place;
//! there is one processor's worth fewer of those, and whenever others wait for one it runs 10 ms at a time. Large requests
//! are read in long places too, and an answer is written in the place that its statement had.
//!
//! So statements never take all threads of the runtime that [`crate::http::runtime`] builds, which has one more than
//! there are places: a request that runs no statement is answered at once, however many of them run.

mod places;
mod threads;
mod turn;
mod waiting;

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use everstrand_ledger::{Clock, LedgerError};

pub(crate) use places::Place;
use places::{Asked, NoPlace, Places};
use threads::where_waiting_is_allowed;
pub(crate) use threads::{on_a_task_of_its_own, unless_it_panics};
pub(crate) use turn::Turn;
pub(crate) use waiting::Account;
use waiting::WaitingMax;

/// How many statements run at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// That have just begun.
    pub short: usize,
    /// That have run for more than 10 ms.
    pub long: usize,
}

/// How many statements may wait until they begin; their requests' bodies wait with them.
const SHORT_WAITING_MAX: WaitingMax = WaitingMax { of_a_client: 1024, of_all: 4096 };

/// How many statements that run long may wait for their turn; each has a thread.
pub(crate) const LONG_WAITING_MAX: WaitingMax = WaitingMax { of_a_client: 128, of_all: 256 };

/// From how many bytes on a request or an answer takes time that others would notice.
const LARGE_BYTES: usize = 64 << 10;

impl Concurrency {
    /// What suits this machine: a processor is left to all that is not a long statement, where there are two.
    pub fn of_this_machine() -> Concurrency {
        let processors = available_parallelism().map_or(1, NonZero::get);
        Concurrency { short: processors, long: processors.saturating_sub(1).max(1) }
    }
}

/// Gives statements their places.
pub(crate) struct Scheduler {
    short: Arc<Places>,
    long: Arc<Places>,
    clock: Arc<dyn Clock>,
}

impl Scheduler {
    pub(crate) fn new(concurrency: Concurrency, clock: Arc<dyn Clock>) -> Scheduler {
        Scheduler {
            short: Places::new(concurrency.short, SHORT_WAITING_MAX),
            long: Places::new(concurrency.long, LONG_WAITING_MAX),
            clock,
        }
    }

    /// Waits for a place to begin in.
    pub(crate) async fn begin(&self, account: &Account) -> Result<Place, LedgerError> {
        place_in(&self.short, account).await
    }

    /// Reads a client's request of so many bytes. A large one waits for a long place first, so that it delays neither
    /// short statements nor requests that need no place.
    pub(crate) async fn read<T>(
        &self,
        account: &Account,
        bytes: usize,
        read: impl FnOnce() -> T,
    ) -> Result<T, LedgerError> {
        if bytes < LARGE_BYTES {
            return Ok(read());
        }
        let _place = place_in(&self.long, account).await?;
        Ok(where_waiting_is_allowed(read))
    }

    /// Writes a statement's answer of so many bytes in the place that the statement had.
    pub(crate) fn write<T>(place: Option<Place>, bytes: usize, write: impl FnOnce() -> T) -> T {
        let _place = place;
        if bytes < LARGE_BYTES { write() } else { where_waiting_is_allowed(write) }
    }

    /// Ends the statements that run long, within their next 10 ms, and begins none any more.
    pub(crate) fn close(&self) {
        self.short.close();
        self.long.close();
    }

    /// How many statements wait: until they begin, and for the next turn.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.short.waiting(), self.long.waiting())
    }
}

async fn place_in(places: &Arc<Places>, account: &Account) -> Result<Place, LedgerError> {
    match places.ask(account).map_err(refusal)? {
        Asked::Now(place) => Ok(place),
        Asked::Later(place) => place.await.map_err(|_| LedgerError::Closed),
    }
}

fn refusal(why: NoPlace) -> LedgerError {
    match why {
        NoPlace::Full(number) => LedgerError::Busy(format!(
            "The server is busy: {number} statements wait to be run already; try again in a moment"
        )),
        NoPlace::Closed => LedgerError::Closed,
    }
}
