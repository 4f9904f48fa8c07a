//! The clock, timers, background tasks and chance. Beside the transports, only this file of the driver acts on the world.

use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

pub(crate) use tokio::time::Instant;
use tracing::Instrument;

/// The present time.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits.
pub(crate) async fn sleep(wait: Duration) {
    tokio::time::sleep(wait).await;
}

/// Waits for a future at most this long; `None` if it was not ready by then.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}

/// Runs a future in the background. Without a tokio runtime the future is dropped.
pub(crate) fn in_background(future: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(future);
    }
}

/// Runs a future to its end even if the caller does not wait for it; `None` if the runtime stops before that. Without a tokio
/// runtime the caller runs it.
pub(crate) async fn to_the_end<F>(future: F) -> Option<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn(future.in_current_span()).await.ok(),
        Err(_) => Some(future.await),
    }
}

/// A number that differs in every process.
pub(crate) fn seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}
