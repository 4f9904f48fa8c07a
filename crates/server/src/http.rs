//! The HTTP server: it accepts connections, reads each request, passes its parts to the [`Service`], and writes the answer in one
//! piece.
//!
//! It bounds the connections, the bytes of bodies that are not answered, and the bytes of answers that are not read. One client has at
//! most half of each.

mod answers;
mod bodies;
mod connections;
mod early_answers;
mod socket;
mod stream;
mod tls;

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
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
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

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
use tls::HandshakeError;

pub use bodies::BODY_BYTES_MAX;
pub use tls::{Tls, TlsFiles};

/// How many connections may wait to be accepted. The system may allow fewer (`net.core.somaxconn`, 4096 on Linux).
const WAITING_CONNECTIONS: u32 = 4096;

/// How long a client may take to send a request's head. An idle connection is closed after this time too.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may read nothing of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often [`Service::sweep`] is called.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// How often the files of TLS are looked at. A change is taken at the second look that sees it.
const LOOK_AT_FILES_INTERVAL: Duration = Duration::from_secs(2);
/// How long running requests may go on after a shutdown began.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// The greatest number of threads that block: for files, for the answers of a checkpoint URL, or for a long statement's next turn.
const WAITING_THREADS_MAX: usize = 256 + LONG_WAITING_MAX.of_all;

/// A runtime for a server of this configuration. It has one thread more than short statements can occupy, so that one is always free
/// to accept connections, to answer requests that run no statement, and to receive signals. A long statement has left its thread's work
/// to another thread. Each further thread would cost every request: the threads that find no work wake one another.
pub fn runtime(config: &Config) -> std::io::Result<Runtime> {
    let Concurrency { short, .. } = config.concurrency;
    Builder::new_multi_thread()
        .worker_threads(short + 1)
        .max_blocking_threads(WAITING_THREADS_MAX)
        .thread_name("everstrand")
        .enable_all()
        .build()
}

/// A server that listens on a socket.
pub struct Server {
    listener: TcpListener,
    service: Arc<Service>,
    shared: Arc<Shared>,
    tls: Option<Arc<Tls>>,
}

/// Listens on an address. While so many clients connect at once, the system keeps them waiting until they are accepted. It drops
/// the others, who try again after a second.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server may listen again at once after its predecessor on this address ended. Windows means something else by it.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_CONNECTIONS)
}

impl Server {
    /// Binds an address; port 0 picks a free port.
    pub async fn bind(service: Arc<Service>, address: SocketAddr) -> std::io::Result<Server> {
        Server::bind_with(service, address, None).await
    }

    /// The same for HTTP over TLS, and nothing else.
    pub async fn bind_tls(
        service: Arc<Service>,
        address: SocketAddr,
        tls: Arc<Tls>,
    ) -> std::io::Result<Server> {
        Server::bind_with(service, address, Some(tls)).await
    }

    async fn bind_with(
        service: Arc<Service>,
        address: SocketAddr,
        tls: Option<Arc<Tls>>,
    ) -> std::io::Result<Server> {
        let listener = listen(address)?;
        let memory = service.config.memory;
        let room = if tls.is_some() { memory.tls_connections() } else { memory.connections() };
        let connections = Connections::new(room.min(service.config.connections_max).max(2));
        let shared = Shared {
            service: Arc::clone(&service),
            bodies: Bodies::new(memory.bodies()),
            answers: Answers::new(memory.answers(), Arc::clone(&connections)),
            connections,
        };
        Ok(Server { listener, service, shared: Arc::new(shared), tls })
    }

    /// The address that the server listens on.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts connections until `shutdown` is ready. Then stops long statements and lets running requests end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut publish = self.service.checkpoint_interval().map(tokio::time::interval);
        let mut look_at_files = self.tls.as_ref().map(|_| tokio::time::interval(LOOK_AT_FILES_INTERVAL));
        // Ends the handshakes that are not finished. A connection whose handshake is finished ends by `graceful`.
        let (stop_handshakes, stopping) = watch::channel(false);
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = sweep.tick() => self.service.sweep(),
                () = next(&mut publish) => {
                    let service = Arc::clone(&self.service);
                    tokio::task::spawn_blocking(move || service.publish_checkpoints_on_cadence());
                }
                () = next(&mut look_at_files) => self.look_at_files(),
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => self.connect(stream, peer.ip(), &graceful, &stopping),
                    Err(error) => {
                        // Most likely the process has no file descriptor left. A pause gives time to close some.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
        drop(self.listener);
        // Connections are closed after the present request, so no client could commit a transaction whose statement still runs.
        self.service.stop_statements();
        stop_handshakes.send_replace(true);
        if tokio::time::timeout(SHUTDOWN_GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were still running when the server stopped");
        }
    }

    /// Looks on a thread that may wait whether the files of TLS changed.
    fn look_at_files(&self) {
        let Some(tls) = self.tls.clone() else { return };
        tokio::task::spawn_blocking(move || match tls.reload_if_changed() {
            None => {}
            Some(Ok(())) => tracing::info!("the files of TLS changed; new connections use them"),
            Some(Err(error)) => {
                tracing::error!(%error, "the files of TLS changed and cannot be used; the server keeps what it has");
            }
        });
    }

    fn connect(
        &self,
        stream: TcpStream,
        peer: IpAddr,
        graceful: &GracefulShutdown,
        stopping: &watch::Receiver<bool>,
    ) {
        let client = Client::at(peer);
        let Some(permit) = self.shared.connections.enter(client.clone()) else {
            tracing::debug!(%client, "a connection was closed at once, because the bound of open connections is reached");
            return;
        };
        // Answers are written in one piece, so Nagle's algorithm would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "Nagle's algorithm could not be switched off for a connection");
        }
        let socket = Socket::new(stream);
        let connections = Arc::clone(&self.shared.connections);
        let patient =
            PatientStream::new(socket.clone(), WRITE_TIMEOUT, connections, Arc::clone(&permit.connection));
        let serving = Serving {
            shared: Arc::clone(&self.shared),
            peer,
            client,
            presence: Arc::new(socket.clone()),
            connection: Arc::clone(&permit.connection),
            watcher: graceful.watcher(),
        };
        let (tls, stopping) = (self.tls.clone(), stopping.clone());
        tokio::spawn(async move {
            let served = async move {
                match tls {
                    None => serving.serve(patient).await,
                    // In a box, so that a connection without TLS takes no memory for it.
                    Some(tls) => Box::pin(serving.serve_over_tls(&tls, patient, &socket, stopping)).await,
                }
            };
            tokio::select! {
                () = served => {}
                () = permit.connection.wait_for_close() => {
                    tracing::debug!("a connection was closed to make room");
                }
            }
        });
    }
}

/// What a connection is served with.
struct Serving {
    shared: Arc<Shared>,
    peer: IpAddr,
    client: Client,
    presence: Arc<dyn Presence>,
    connection: Arc<Connection>,
    watcher: Watcher,
}

impl Serving {
    /// Serves after a handshake. A connection without one counts as idle, so it makes room for others.
    async fn serve_over_tls(
        self,
        tls: &Tls,
        stream: PatientStream<Socket>,
        socket: &Socket,
        mut stopping: watch::Receiver<bool>,
    ) {
        let accepted = tokio::select! {
            accepted = tls::accept(tls, stream, socket.first_byte()) => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        let client = &self.client;
        match accepted {
            Ok(stream) => self.serve(stream).await,
            Err(HandshakeError::NotTls) => {
                tracing::info!(%client, "a client did not speak TLS; its endpoint must begin with https://");
            }
            Err(HandshakeError::TimedOut) => tracing::info!(%client, "a TLS handshake took too long"),
            Err(HandshakeError::Failed(error)) => tracing::info!(%client, %error, "a TLS handshake failed"),
        }
    }

    /// Answers the requests on a stream until it ends.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self, stream: S) {
        let Serving { shared, peer, client, presence, connection, watcher } = self;
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
                        Ok::<_, Infallible>(
                            shared.answer(&connection, presence, (&client, peer), request).await,
                        )
                    }
                }),
            );
        if let Err(error) = watcher.watch(served).await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// Waits for the next tick; for ever if there is no interval.
async fn next(interval: &mut Option<tokio::time::Interval>) {
    match interval {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}

/// The state that all connections share.
struct Shared {
    service: Arc<Service>,
    connections: Arc<Connections>,
    bodies: Bodies,
    answers: Answers,
}

impl Shared {
    /// Admits a request by its head, reads its body, checks its signature, and answers it.
    async fn answer(
        &self,
        connection: &Arc<Connection>,
        presence: Arc<dyn Presence>,
        (sender, peer): (&Client, IpAddr),
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>> {
        connection.request_began(self.connections.now());
        let (head, body) = request.into_parts();
        // Headers that are not visible ASCII are ignored. If a signature covers one of them, the check of the signature fails.
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
        if let Some(headers) = self.service.preflight(&request) {
            return response(204, headers, self.answers.bytes(connection, Vec::new(), None));
        }
        let admitted = match self.service.admit(&request, sender.clone()) {
            Ok(admission) => {
                let client = admission.client_so_far(&self.connections.client_of(connection));
                self.bodies.read(&client, body).await.map(|body| (admission, body))
            }
            Err(error) => Err(error),
        };
        let (admission, body) = match admitted {
            Ok(admitted) => admitted,
            // The client may still be sending the body, and the next request on this connection would begin within it.
            Err(error) => return closing(self.refuse(connection, sender, &request, error)),
        };
        connection.request_arrived();
        let whole = request::Request { body: &body.bytes, ..request };
        let caller = match self.service.verify(admission, &whole) {
            Ok(caller) => caller.at(peer).with_presence(presence),
            Err(error) => return self.refuse(connection, sender, &request, error),
        };
        let client = caller.client.clone();
        let has_room = self.connections.assign(connection, &client);
        let answered = self.service.answer(&caller, whole).await;
        // The answer may wait for room. Give the body's room to other requests meanwhile.
        drop(body);
        early_answers::wait_for_the_request_to_end(&request, answered.body.len()).await;
        let (status, headers) = (answered.status, answered.headers);
        let answer = match self.answers.admit(&client, connection, answered.body).await {
            Ok(bytes) => response(status, headers, bytes),
            Err(error) => self.refuse(connection, &client, &request, error),
        };
        if has_room { answer } else { closing(answer) }
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

/// The answer after which its connection is closed.
fn closing(mut answer: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn response(status: u16, headers: Vec<(&'static str, String)>, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
