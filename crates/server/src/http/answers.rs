//! The answers that clients have not taken yet: how much all of them may take together.
//!
//! Small ones are in the room that each connection has. A large one that finds no room waits a moment for others to
//! be read; those that nobody reads lose their connections. Where that is not enough, an error is answered instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use everstrand_protocol::{Exception, ServiceError};
use hyper::body::Bytes;

use super::connections::{Connection, Connections};
use crate::budget::{Budget, Share};
use crate::client::Client;

/// What is sent without asking for room.
const SMALL_ANSWER_BYTES: usize = 16 * 1024;
/// How long an answer waits for room.
const ROOM_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a client may take nothing of a large answer while others wait for its room.
const STALL: Duration = Duration::from_secs(1);

/// Answers that are being sent, all of them together.
pub(crate) struct Answers {
    budget: Budget,
    connections: Arc<Connections>,
    /// Bytes that wait for room, and how many may.
    waiting: AtomicUsize,
    waiting_max: usize,
}

/// An answer on its way. It is dropped when the client's socket has taken all of it.
struct Answer {
    body: Vec<u8>,
    /// How many of its bytes count as unsent.
    unsent: usize,
    _share: Option<Share>,
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Answers {
    /// None yet, and never more bytes than these, half of them one client's; half as many may wait.
    pub(crate) fn new(bytes_max: usize, connections: Arc<Connections>) -> Answers {
        let budget = Budget::new(bytes_max, bytes_max / 2);
        Answers { budget, connections, waiting: AtomicUsize::new(0), waiting_max: bytes_max / 2 }
    }

    /// The bytes to send on a connection, which take room until they are sent.
    pub(crate) async fn admit(
        &self,
        client: &Client,
        connection: &Arc<Connection>,
        body: Vec<u8>,
    ) -> Result<Bytes, ServiceError> {
        let share = match body.len() > SMALL_ANSWER_BYTES {
            true => Some(self.room(client, body.len()).await.ok_or_else(no_room)?),
            false => None,
        };
        Ok(self.bytes(connection, body, share))
    }

    /// The bytes of an answer that always finds room, such as an error.
    pub(crate) fn bytes(&self, connection: &Arc<Connection>, body: Vec<u8>, share: Option<Share>) -> Bytes {
        let unsent = if share.is_some() { body.len() } else { 0 };
        connection.is_answered(unsent, self.connections.now());
        let connections = Arc::clone(&self.connections);
        let connection = Arc::clone(connection);
        Bytes::from_owner(Answer { body, unsent, _share: share, connections, connection })
    }

    async fn room(&self, client: &Client, length: usize) -> Option<Share> {
        if let Some(share) = self.budget.try_take(client, length) {
            return Some(share);
        }
        let _waiting = Waiting::begin(&self.waiting, length, self.waiting_max)?;
        let waited = tokio::time::timeout(ROOM_TIMEOUT, async {
            let mut share = std::pin::pin!(self.budget.take(client, length));
            loop {
                self.connections.close_stalled(STALL);
                match tokio::time::timeout(STALL / 4, &mut share).await {
                    Ok(share) => return share,
                    Err(_) => continue,
                }
            }
        });
        waited.await.ok().flatten()
    }
}

/// Bytes that wait, as long as they do.
struct Waiting<'a>(&'a AtomicUsize, usize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize, bytes: usize, bytes_max: usize) -> Option<Waiting<'a>> {
        let begun = Waiting(waiting, bytes);
        (waiting.fetch_add(bytes, Ordering::Relaxed) + bytes <= bytes_max).then_some(begun)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.connection.is_idle(self.unsent, self.connections.now());
    }
}

fn no_room() -> ServiceError {
    let message =
        "the server keeps as many answers as it has memory for until clients read them; ask again later";
    ServiceError::new(Exception::CapacityExceeded, message)
}
