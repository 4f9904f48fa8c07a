//! How a statement that runs long shares a processor with others. The engine says when its turn is over; whoever
//! runs many statements at once says when it goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::error::LedgerError;

/// How long a statement runs until it has to ask whether others should run first. Most are over sooner.
pub(crate) const TURN_MILLIS: u64 = 10;

/// Says when statements go on. [`Session::set_pace`](crate::Session::set_pace) gives one to a session.
pub trait Pace: Send + Sync {
    /// Called on the statement's thread each time that it has run for about 10 ms. It goes on when this returns, or
    /// ends with the error. `at_most` is what is left of its transaction's time; to wait longer is of no use.
    fn turn_is_over(&self, at_most: Duration) -> Result<(), LedgerError>;
}

/// Stops the statements of a transaction from another thread.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on every statement of the transaction stops with an error, and it cannot be committed: what
    /// was stopped may have been meant to write.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was called.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
