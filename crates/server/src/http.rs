//! Sockets. The only file of the server that knows them: it reads one request, hands its parts to the [`Service`],
//! and writes what comes back in one piece.
//!
//! No client can make it hold much: there are so many connections, so many bytes of bodies that are not answered and
//! so many of answers that are not read, and no client has more than half of them.

mod answers;
mod bodies;
mod connections;
mod socket;
mod stream;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use everstrand_protocol::ServiceError;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use crate::client::{Client, Presence};
use crate::config::Config;
use crate::memory::CONNECTION_BYTES;
use crate::request;
use crate::scheduler::{Concurrency, LONG_WAITING_MAX};
use crate::service::Service;
use answers::Answers;
use bodies::Bodies;
use connections::{Connection, Connections};
use socket::Socket;
use stream::PatientStream;

pub use bodies::BODY_BYTES_MAX;

/// How long a client may take to send a request's head; so, too, how long a connection is kept on which nothing is
/// asked.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often sessions and transactions that have expired are cleared away.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// How long requests that are running may go on after a shutdown began.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// How many threads may wait for files, for answers from elsewhere, and for their turn.
const WAITING_THREADS_MAX: usize = 256 + LONG_WAITING_MAX.of_all;

/// A runtime for a server of this configuration: it has a thread more than there are statements at a time, so that there
/// is always one to accept connections, to answer what runs no statement, and to hear signals.
pub fn runtime(config: &Config) -> std::io::Result<Runtime> {
    let Concurrency { short, long } = config.concurrency;
    Builder::new_multi_thread()
        .worker_threads(short + long + 1)
        .max_blocking_threads(WAITING_THREADS_MAX)
        .thread_name("everstrand")
        .enable_all()
        .build()
}

/// A socket that listens.
pub struct Server {
    listener: TcpListener,
    service: Arc<Service>,
    shared: Arc<Shared>,
}

impl Server {
    /// Binds an address; port 0 picks one.
    pub async fn bind(service: Arc<Service>, address: SocketAddr) -> std::io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        let memory = service.config.memory;
        let connections = Connections::new(memory.connections().min(service.config.connections_max).max(2));
        let shared = Shared {
            service: Arc::clone(&service),
            bodies: Bodies::new(memory.bodies()),
            answers: Answers::new(memory.answers(), Arc::clone(&connections)),
            connections,
        };
        Ok(Server { listener, service, shared: Arc::new(shared) })
    }

    /// The address it listens on.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts connections until `shutdown` is ready, then stops statements that run long and lets requests end.
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
                    Ok((stream, peer)) => self.connect(stream, Client::at(peer.ip()), &graceful),
                    Err(error) => {
                        // Out of file descriptors, most likely: waiting a moment lets some be closed.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
        drop(self.listener);
        // Nobody could commit what they belong to: connections are closed after the request at hand.
        self.service.stop_statements();
        if tokio::time::timeout(SHUTDOWN_GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were still running when the server stopped");
        }
    }

    fn connect(&self, stream: TcpStream, client: Client, graceful: &GracefulShutdown) {
        let Some(place) = self.shared.connections.enter(client.clone()) else {
            tracing::debug!(%client, "a connection was closed at once: there are as many as there may be");
            return;
        };
        // Answers are written whole, so waiting to fill a segment only costs time.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection keeps Nagle's algorithm");
        }
        let connection = Arc::clone(&place.connection);
        let connections = Arc::clone(&self.shared.connections);
        let socket = Socket::new(stream);
        let presence: Arc<dyn Presence> = Arc::new(socket.clone());
        let stream = PatientStream::new(socket, WRITE_TIMEOUT, connections, Arc::clone(&connection));
        let shared = Arc::clone(&self.shared);
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(READ_TIMEOUT)
            .max_buf_size(CONNECTION_BYTES)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| {
                    let (shared, client, presence) =
                        (Arc::clone(&shared), client.clone(), Arc::clone(&presence));
                    let connection = Arc::clone(&connection);
                    async move {
                        Ok::<_, Infallible>(shared.answer(&connection, presence, &client, request).await)
                    }
                }),
            );
        let watched = graceful.watch(served);
        tokio::spawn(async move {
            tokio::select! {
                ended = watched => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                },
                () = place.connection.to_be_closed() => {
                    tracing::debug!("a connection was closed to make room");
                }
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

/// What all connections share.
struct Shared {
    service: Arc<Service>,
    connections: Arc<Connections>,
    bodies: Bodies,
    answers: Answers,
}

impl Shared {
    /// Lets a request in by its head, waits for its body, and answers it.
    async fn answer(
        &self,
        connection: &Arc<Connection>,
        presence: Arc<dyn Presence>,
        client: &Client,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        connection.is_busy();
        let (head, body) = request.into_parts();
        // A header that is not text is none that this service reads; where a signature covers it, the check fails.
        let headers =
            head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let headers: Vec<(&str, &str)> = headers.collect();
        let request = request::Request {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or(""),
            headers: &headers,
            body: b"",
        };
        let admitted = match self.service.admit(&request, client.clone()) {
            Ok(admission) => self.bodies.read(client, body).await.map(|body| (admission, body)),
            Err(error) => Err(error),
        };
        match admitted {
            Ok((admission, body)) => {
                let whole = request::Request { body: &body.bytes, ..request };
                let admission = admission.from_connection(presence);
                let answered = self.service.answer(admission, whole).await;
                // Its room is others' while the answer waits for its own.
                drop(body);
                let (status, headers) = (answered.status, answered.headers);
                match self.answers.admit(client, connection, answered.body).await {
                    Ok(bytes) => response(status, headers, bytes),
                    Err(error) => self.refuse(connection, client, &request, error),
                }
            }
            Err(error) => {
                let mut refused = self.refuse(connection, client, &request, error);
                // The body, or the rest of it, may still be on the way.
                refused.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                refused
            }
        }
    }

    fn refuse(
        &self,
        connection: &Arc<Connection>,
        client: &Client,
        request: &request::Request<'_>,
        error: ServiceError,
    ) -> Response<Full<Bytes>> {
        let refused = self.service.refuse(client, request, error);
        response(refused.status, refused.headers, self.answers.bytes(connection, refused.body, None))
    }
}

fn response(status: u16, headers: Vec<(&'static str, String)>, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
