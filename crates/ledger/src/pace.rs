//! How a statement is told from outside to wait for others, or to stop.
//!
//! The engine says when the turn of a long statement is over. Its caller, who runs many statements at once, decides
//! when it goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::error::LedgerError;

/// How long a statement runs before it must ask whether others should run first. Most statements end sooner.
pub(crate) const TURN_MILLIS: u64 = 10;

/// Decides when a long statement goes on. [`Session::set_pace`](crate::Session::set_pace) gives one to a session.
pub trait Pace: Send + Sync {
    /// The statement's thread calls this each time that it has run for about 10 ms. The statement goes on when this
    /// returns `Ok`, and ends with the error otherwise. Do not wait longer than `at_most`, because the transaction
    /// expires then.
    fn turn_is_over(&self, at_most: Duration) -> Result<(), LedgerError>;
}

/// Stops the statements of a transaction, from any thread.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on every statement of the transaction fails, and so does its commit, because a statement that was
    /// stopped may have been meant to write.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Interrupt::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
