//! The beginning of a connection: its handshake within a time, or an answer to a client that speaks plain HTTP.

use std::future::Future;
use std::io;
use std::time::Duration;

use everstrand_protocol::{Exception, ServiceError};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Tls;
use crate::memory::CONNECTION_BYTES;

/// How long a client may take from its connection to the end of the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The first byte of every record that begins a handshake.
const HANDSHAKE_RECORD: u8 = 22;

/// Why there is no TLS with a client.
#[derive(Debug)]
pub(in crate::http) enum HandshakeError {
    /// The client did not begin with a handshake.
    NotTls,
    /// The handshake took too long.
    TimedOut,
    /// The two could not agree, or the client left.
    Failed(io::Error),
}

/// Makes a stream one of TLS. `first_byte` shows the stream's first byte without taking it.
pub(in crate::http) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    tls: &Tls,
    mut stream: S,
    first_byte: impl Future<Output = io::Result<Option<u8>>>,
) -> Result<TlsStream<S>, HandshakeError> {
    let handshake = async {
        match first_byte.await {
            Ok(Some(HANDSHAKE_RECORD)) => {}
            Ok(Some(_)) => {
                // If the client does not take the answer, it has left.
                let _ = stream.write_all(&plain_answer()).await;
                let _ = stream.shutdown().await;
                return Err(HandshakeError::NotTls);
            }
            Ok(None) => return Err(HandshakeError::Failed(io::ErrorKind::UnexpectedEof.into())),
            Err(error) => return Err(HandshakeError::Failed(error)),
        }
        let acceptor = TlsAcceptor::from(tls.config());
        // What waits to be sent is part of the memory of a connection.
        let accepted =
            acceptor.accept_with(stream, |connection| connection.set_buffer_limit(Some(CONNECTION_BYTES)));
        accepted.await.map_err(HandshakeError::Failed)
    };
    tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await.unwrap_or(Err(HandshakeError::TimedOut))
}

/// What a client of plain HTTP is told, in the form of the service's errors, because clients show that.
fn plain_answer() -> Vec<u8> {
    let message =
        "This port speaks TLS, and the request was plain HTTP: use an endpoint that begins with https://";
    let body = ServiceError::new(Exception::Validation, message).to_json();
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}
