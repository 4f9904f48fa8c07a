//! Which thread a statement runs on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use everstrand_ledger::LedgerError;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs what may take its time: on a runtime of several threads another thread takes over this one's other tasks.
pub(crate) fn where_waiting_is_allowed<T>(wait: impl FnOnce() -> T) -> T {
    if !is_on_several_threads() {
        return wait();
    }
    tokio::task::block_in_place(|| {
        // Where the wait is over at once this thread keeps its part of the runtime. It may be the one that listens for
        // what comes in, and the others asleep: one of them is woken, and listens from now on.
        tokio::spawn(async {});
        wait()
    })
}

/// Runs a statement on this thread. A panic in it is its answer, and the caller's connection goes on.
pub(crate) fn unless_it_panics<T>(run: impl FnOnce() -> Result<T, LedgerError>) -> Result<T, LedgerError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(panicked()))
}

/// Runs a statement on a task of its own, so that it goes on to its end when its caller drops this future. On a runtime
/// of one thread, or on none, it runs on this thread.
pub(crate) async fn on_a_task_of_its_own<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    if !is_on_several_threads() {
        return unless_it_panics(run);
    }
    match tokio::spawn(async move { run() }).await {
        Ok(answer) => answer,
        Err(error) if error.is_cancelled() => Err(LedgerError::Closed),
        Err(_) => Err(panicked()),
    }
}

fn panicked() -> LedgerError {
    LedgerError::Internal("the statement panicked".to_owned())
}

/// Whether the caller runs on a runtime that has other threads for other tasks.
fn is_on_several_threads() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}
