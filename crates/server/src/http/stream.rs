//! A socket that ends with an error if its client reads nothing of an answer for a while.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::connections::{Connection, Connections};

/// A stream whose writes fail if the client reads nothing for the time `patience`.
pub(crate) struct PatientStream<S> {
    stream: S,
    patience: Duration,
    /// Set while a write waits for the client.
    deadline: Option<Pin<Box<Sleep>>>,
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl<S: AsyncWrite + Unpin> PatientStream<S> {
    /// Wraps the stream of a connection.
    pub(crate) fn new(
        stream: S,
        patience: Duration,
        connections: Arc<Connections>,
        connection: Arc<Connection>,
    ) -> PatientStream<S> {
        PatientStream { stream, patience, deadline: None, connections, connection }
    }

    /// Passes the result of a write on. A write that makes progress ends the wait; a wait that is too long is an error.
    fn within_patience<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.deadline = None;
            self.connection.client_read(self.connections.now());
            return written;
        }
        let end = Instant::now() + self.patience;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PatientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PatientStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within_patience(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.within_patience(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::client::Client;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn stream<S: AsyncWrite + Unpin>(stream: S) -> PatientStream<S> {
        let connections = Connections::new(2);
        let permit = connections.enter(Client::at(Ipv4Addr::LOCALHOST.into())).expect("room");
        PatientStream::new(stream, PATIENCE, connections, Arc::clone(&permit.connection))
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_loses_its_connection() {
        let (ours, _theirs) = tokio::io::duplex(1000);
        let begin = Instant::now();
        let error = stream(ours).write_all(&[0; 5000]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begin.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_gets_all() {
        let (ours, mut theirs) = tokio::io::duplex(1000);
        let reader = tokio::spawn(async move {
            let mut read = 0;
            while read < 5000 {
                tokio::time::sleep(PATIENCE - Duration::from_secs(1)).await;
                read += theirs.read(&mut [0; 100]).await.expect("bytes");
            }
        });
        stream(ours).write_all(&[0; 5000]).await.expect("all is read, in 25 minutes");
        reader.await.expect("no panic");
    }
}
