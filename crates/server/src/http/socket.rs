//! A client's socket. The client's statement can ask it whether the client has left.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::client::Presence;

/// A socket with two users. The connection reads and writes it. The statement that the connection waits for asks whether the client
/// has left. They never use it at the same time, so nobody waits for the lock.
#[derive(Clone)]
pub(crate) struct Socket(Arc<Mutex<TcpStream>>);

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Socket {
        Socket(Arc::new(Mutex::new(stream)))
    }

    /// The first byte that the client sends, which stays to be read; `None` if the client leaves without one.
    pub(crate) async fn first_byte(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        let count =
            std::future::poll_fn(|context| self.stream().poll_peek(context, &mut ReadBuf::new(&mut byte)));
        Ok((count.await? == 1).then_some(byte[0]))
    }

    fn stream(&self) -> MutexGuard<'_, TcpStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence for Socket {
    #[cfg(unix)]
    fn is_gone(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        // Ask the system rather than read: bytes that the client sent before it left may still be unread.
        #[cfg(target_os = "linux")]
        let closed = PollFlags::RDHUP;
        #[cfg(not(target_os = "linux"))]
        let closed = PollFlags::HUP;
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(&*self.stream(), closed)], Some(&at_once)).is_ok_and(|ready| ready > 0)
    }

    /// This system does not tell, so the statement runs to its end, or until its transaction expires.
    #[cfg(not(unix))]
    fn is_gone(&self) -> bool {
        false
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream()).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream()).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let theirs = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("connected");
        let (ours, _) = listener.accept().await.expect("accepted");
        (Socket::new(ours), theirs)
    }

    #[tokio::test]
    #[cfg(unix)]
    async fn a_client_that_left_is_gone_whatever_it_sent_before() {
        let (socket, mut client) = pair().await;
        assert!(!socket.is_gone());
        client.write_all(b"another request").await.expect("sent");
        assert!(!socket.is_gone());
        drop(client);
        for _ in 0..100 {
            if socket.is_gone() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the socket does not show that the client left");
    }
}
