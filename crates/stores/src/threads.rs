//! The threads that send requests, and how a call waits for the answer.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Runtime};

/// How many threads send requests. They wait for sockets and compute little.
const THREADS: usize = 2;

/// The threads that send the requests of all stores of a process.
pub struct RequestThreads {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl RequestThreads {
    /// Starts the threads.
    pub fn start() -> io::Result<RequestThreads> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("everstrand-store")
            .enable_all()
            .build()?;
        Ok(RequestThreads { runtime: Some(runtime) })
    }

    /// Runs the request on one of the threads and waits for its end. `None` if it panicked.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        request: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (sender, receiver) = oneshot::channel();
        self.start_request(async move {
            // Nobody waits any more only if the caller's thread is gone.
            let _ = sender.send(request.await);
        });
        receiver.recv().ok()
    }

    /// Runs the request on one of the threads; nobody waits for it.
    pub(crate) fn start_request(&self, request: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(request);
        }
    }
}

impl Drop for RequestThreads {
    /// Does not wait for requests under way, because the thread that drops this may belong to another runtime.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
