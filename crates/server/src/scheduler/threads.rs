//! Chooses the thread that a statement runs on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use everstrand_ledger::LedgerError;
use tokio::runtime::{Handle, RuntimeFlavor};

/// How long it takes until another thread has taken over a thread's tasks.
const HAND_OVER: Duration = Duration::from_micros(500);

/// Runs a function that may block for long. On a runtime of several threads another thread takes over this thread's other tasks.
pub(crate) fn block_in_place<T>(wait: impl FnOnce() -> T) -> T {
    if !is_on_several_threads() {
        return wait();
    }
    tokio::task::block_in_place(|| {
        // If the wait ends at once, this thread takes its tasks back before another thread has looked at them. It may be the one
        // thread that polls the sockets while all others sleep. Spawning a task wakes another thread, which polls from now on.
        tokio::spawn(async {});
        wait()
    })
}

/// The same, and another thread keeps this thread's tasks after the wait, because a long statement goes on here.
pub(crate) fn leave_tasks_and_wait<T>(wait: impl FnOnce() -> T) -> T {
    block_in_place(|| {
        let begin = Instant::now();
        let waited = wait();
        std::thread::sleep(HAND_OVER.saturating_sub(begin.elapsed()));
        waited
    })
}

/// Runs a statement on this thread and turns a panic into an error, so that the client's connection stays open.
pub(crate) fn catch_panic<T>(run: impl FnOnce() -> Result<T, LedgerError>) -> Result<T, LedgerError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(panicked()))
}

/// Runs a statement on a task of its own, so that the statement reaches its end even if its caller drops this future. On a
/// runtime of one thread, or without a runtime, it runs on this thread.
pub(crate) async fn on_own_task<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    if !is_on_several_threads() {
        return catch_panic(run);
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

/// Whether this thread belongs to a runtime of several threads.
fn is_on_several_threads() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}
