//! The memory of answers that clients have not read yet.
//!
//! Small answers are part of the memory that each connection has. A large answer takes room from a common budget. If there is none,
//! it waits a moment until other clients read their answers; meanwhile connections whose clients read nothing are closed. If that
//! is not enough, the server answers with an error instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use everstrand_protocol::{Exception, ServiceError};
use hyper::body::Bytes;

use super::connections::{Connection, Connections};
use crate::budget::{Budget, Share};
use crate::client::Client;

/// Answers up to this size take no room from the budget.
const SMALL_ANSWER_BYTES: usize = 16 * 1024;
/// How long an answer waits for room.
const ROOM_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a client may read nothing of a large answer while other answers wait for its room.
const STALL: Duration = Duration::from_secs(1);

/// All answers that are being sent.
pub(crate) struct Answers {
    budget: Budget,
    connections: Arc<Connections>,
    /// Bytes of the answers that wait for room.
    waiting: AtomicUsize,
    waiting_max: usize,
}

/// An answer that is being sent. It is dropped when the socket has taken all of it.
struct Answer {
    body: Vec<u8>,
    /// The bytes that count as unsent on its connection; 0 for a small answer.
    unsent: usize,
    _share: Option<Share>,
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Answers {
    /// No answers yet. All of them take at most `bytes_max`, those of one client half of that. Further answers of up to half of
    /// `bytes_max` may wait for room.
    pub(crate) fn new(bytes_max: usize, connections: Arc<Connections>) -> Answers {
        let budget = Budget::new(bytes_max, bytes_max / 2);
        Answers { budget, connections, waiting: AtomicUsize::new(0), waiting_max: bytes_max / 2 }
    }

    /// The bytes to send on a connection, once there is room for them. They take room until they are sent.
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

    /// The bytes to send on a connection, without waiting for room. An error takes no room.
    pub(crate) fn bytes(&self, connection: &Arc<Connection>, body: Vec<u8>, share: Option<Share>) -> Bytes {
        let unsent = if share.is_some() { body.len() } else { 0 };
        connection.answer_began(unsent, self.connections.now());
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

/// Counts the bytes of an answer as waiting, until it is dropped.
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
        self.connection.answer_ended(self.unsent, self.connections.now());
    }
}

fn no_room() -> ServiceError {
    let message = "the server has no memory left for this answer, because other clients do not read theirs; try again later";
    ServiceError::new(Exception::CapacityExceeded, message)
}
