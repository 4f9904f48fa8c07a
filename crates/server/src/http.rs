//! Sockets. The only file of the server that knows them: it reads one request, hands its bytes to
//! [`Service::handle`], and writes what comes back in one piece.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use everstrand_protocol::{Exception, ServiceError};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};

use crate::Service;
use crate::service;

/// The largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a client may take to send a request's head, and as long again for its body; so, too, how long a
/// connection is kept on which nothing is asked.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How often sessions and transactions that have expired are cleared away.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// How long requests that are running may go on after a shutdown began.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// A socket that listens.
pub struct Server {
    listener: TcpListener,
    service: Arc<Service>,
}

impl Server {
    /// Binds an address; port 0 picks one.
    pub async fn bind(service: Arc<Service>, address: SocketAddr) -> std::io::Result<Server> {
        Ok(Server { listener: TcpListener::bind(address).await?, service })
    }

    /// The address it listens on.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts connections until `shutdown` is ready, then lets running requests end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut publish = self.service.checkpoint_interval().map(tokio::time::interval);
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = sweep.tick() => self.service.sweep(),
                () = next(&mut publish) => {
                    let service = Arc::clone(&self.service);
                    tokio::task::spawn_blocking(move || service.publish_checkpoints_on_cadence());
                }
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => self.connect(stream, &graceful),
                    Err(error) => {
                        // Out of file descriptors, most likely: waiting a moment lets some be closed.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
        drop(self.listener);
        if tokio::time::timeout(SHUTDOWN_GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were still running when the server stopped");
        }
    }

    fn connect(&self, stream: TcpStream, graceful: &GracefulShutdown) {
        // Answers are written whole, so waiting to fill a segment only costs time.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection keeps Nagle's algorithm");
        }
        let service = Arc::clone(&self.service);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(READ_TIMEOUT)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| {
                    let service = Arc::clone(&service);
                    async move { Ok::<_, Infallible>(answer(&service, request).await) }
                }),
            );
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
}

/// The next tick, never where there is nothing to tick.
async fn next(interval: &mut Option<tokio::time::Interval>) {
    match interval {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}

/// Leaves the requests that wait for this thread to another one, as long as the request at hand takes. For
/// [`on_long_statement`](crate::config::Config::on_long_statement), on a runtime of several threads.
pub fn give_way() {
    // A thread that comes back at once gets its requests back. Within a millisecond another one has most likely
    // taken them; where not, a statement that goes on gives way again.
    tokio::task::block_in_place(|| std::thread::sleep(Duration::from_millis(1)));
}

async fn answer(service: &Service, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(error) => {
            let mut refused = response(service.refuse(error));
            // The rest of the body may still be on the way.
            refused.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return refused;
        }
    };
    // A header that is not text is none that this service reads; where a signature covers it, the check fails.
    let headers = head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let headers: Vec<(&str, &str)> = headers.collect();
    let answered = service
        .handle(service::Request {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or(""),
            headers: &headers,
            body: &body,
        })
        .await;
    response(answered)
}

/// Waits for the whole body, unless it is too large or too slow.
async fn read(body: Incoming) -> Result<Bytes, ServiceError> {
    let too_large =
        || ServiceError::new(Exception::RequestEntityTooLarge, "the request's body is larger than 16 MiB");
    // Where its length is declared, it is refused without being waited for.
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(READ_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(ServiceError::new(Exception::Validation, "the request's body could not be read")),
        Err(_) => Err(ServiceError::new(Exception::Validation, "the request's body did not arrive in time")
            .with_http_status(408)),
    }
}

fn response(answered: service::Response) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answered.body)));
    *response.status_mut() =
        StatusCode::from_u16(answered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answered.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_request_that_runs_long_leaves_the_others_to_another_thread() {
        static SERVED: AtomicBool = AtomicBool::new(false);
        let long = tokio::spawn(async {
            tokio::spawn(async { SERVED.store(true, Ordering::SeqCst) });
            for _ in 0..10_000 {
                give_way();
                if SERVED.load(Ordering::SeqCst) {
                    return true;
                }
            }
            false
        });
        assert!(long.await.expect("it does not panic"), "the other request waited for this one");
    }
}
