//! Which thread a statement runs on.

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

/// Runs a statement so that whoever waits for it can go away meanwhile. On a runtime of several threads the task begins
/// on this thread as soon as the caller waits, without a hand-over; on none, or one of one thread, it runs right here.
pub(crate) async fn on_a_task_of_its_own<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    if !is_on_several_threads() {
        return run();
    }
    match tokio::spawn(async move { run() }).await {
        Ok(answer) => answer,
        Err(error) if error.is_cancelled() => Err(LedgerError::Closed),
        Err(_) => Err(LedgerError::Internal("the statement's task panicked".to_owned())),
    }
}

/// Whether the caller runs on a runtime that has other threads for other tasks.
fn is_on_several_threads() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}
