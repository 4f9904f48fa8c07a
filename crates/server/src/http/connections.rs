//! The open connections, with a bound for all and a bound for each client.
//!
//! The bounds leave file descriptors to the ledgers and memory to the requests. If a bound is reached, a new connection replaces
//! the one that has been idle longest. So clients that connect and send nothing keep nobody out. A connection is idle until a request
//! has arrived on it whole, so clients that never finish their requests keep nobody out either.
//!
//! A connection counts for its address until a request on it is verified, and then for the client that signed its last request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::client::Client;

/// The value of [`Connection::idle_since`] while a whole request is being answered.
const NEVER: u64 = u64::MAX;

/// All open connections.
pub(crate) struct Connections {
    begin: Instant,
    connections_max: usize,
    client_connections_max: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    count: usize,
    next: u64,
    by_client: HashMap<Client, HashMap<u64, Arc<Connection>>>,
}

/// An open connection.
pub(crate) struct Connection {
    /// The client that the connection counts for. It changes only while [`Connections::open`] is locked.
    client: Mutex<Client>,
    number: u64,
    /// The time since which the connection has waited for a request or for the rest of one; [`NEVER`] while a whole request is
    /// being answered.
    idle_since: AtomicU64,
    /// The time at which the client last read a part of an answer.
    progress: AtomicU64,
    /// Bytes of large answers that the client has not read.
    unsent: AtomicUsize,
    close: Notify,
}

/// Counts a connection as open, until it is dropped.
pub(crate) struct ConnectionPermit {
    connections: Arc<Connections>,
    pub(crate) connection: Arc<Connection>,
}

impl Connections {
    /// No connections yet. There are at most `connections_max`, and one client has at most half of them.
    pub(crate) fn new(connections_max: usize) -> Arc<Connections> {
        Arc::new(Connections {
            begin: Instant::now(),
            connections_max,
            client_connections_max: connections_max.div_ceil(2),
            open: Mutex::default(),
        })
    }

    /// Admits a new connection, in place of an idle one if a bound is reached. `None` if a bound is reached and no connection that
    /// could be closed is idle.
    pub(crate) fn enter(self: &Arc<Self>, client: Client) -> Option<ConnectionPermit> {
        let now = self.now();
        let mut open = self.lock();
        let of_the_client = open.by_client.get(&client).map_or(0, HashMap::len);
        if of_the_client >= self.client_connections_max {
            open.close_longest_idle(&client)?;
        } else if open.count >= self.connections_max {
            // Close a connection of the client that has most, because that one is the likeliest cause.
            let most = open.by_client.iter().max_by_key(|(_, connections)| connections.len());
            let greediest = most.map(|(client, _)| client.clone())?;
            open.close_longest_idle(&greediest)?;
        }
        open.next += 1;
        open.count += 1;
        let connection = Arc::new(Connection {
            client: Mutex::new(client.clone()),
            number: open.next,
            idle_since: AtomicU64::new(now),
            progress: AtomicU64::new(now),
            unsent: AtomicUsize::new(0),
            close: Notify::new(),
        });
        open.by_client.entry(client).or_default().insert(connection.number, Arc::clone(&connection));
        Some(ConnectionPermit { connections: Arc::clone(self), connection })
    }

    /// The client that a connection counts for.
    pub(crate) fn client_of(&self, connection: &Connection) -> Client {
        connection.client().clone()
    }

    /// Counts a connection for the client of its last request. Answers false if that client has its part of the connections already
    /// and none of them is idle. Then the connection must be closed after the present request.
    pub(crate) fn assign(&self, connection: &Connection, client: &Client) -> bool {
        if *connection.client() == *client {
            return true;
        }
        let mut open = self.lock();
        let of_the_client = open.by_client.get(client).map_or(0, HashMap::len);
        if of_the_client >= self.client_connections_max && open.close_longest_idle(client).is_none() {
            return false;
        }
        let before = std::mem::replace(&mut *connection.client(), client.clone());
        // The connection is not there if it was closed meanwhile to make room.
        if let Some(moved) = open.remove(&before, connection.number) {
            open.count += 1;
            open.by_client.entry(client.clone()).or_default().insert(connection.number, moved);
        }
        true
    }

    /// Closes the connections whose clients have read nothing of a large answer for the time `patience`.
    pub(crate) fn close_stalled(&self, patience: Duration) {
        let now = self.now();
        for connection in self.lock().by_client.values().flat_map(HashMap::values) {
            let still = now.saturating_sub(connection.progress.load(Ordering::Relaxed));
            if connection.unsent.load(Ordering::Relaxed) > 0 && u128::from(still) >= patience.as_millis() {
                connection.close.notify_one();
            }
        }
    }

    /// The number of open connections.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.lock().count
    }

    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(NEVER)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Closes the connection of a client that has been idle longest, and counts it as closed from now on. `None` if none is idle.
    fn close_longest_idle(&mut self, client: &Client) -> Option<()> {
        let connections = self.by_client.get(client)?;
        let idle = connections.values().map(|one| (one.idle_since.load(Ordering::Relaxed), one.number));
        let (since, number) = idle.min()?;
        if since == NEVER {
            return None;
        }
        self.remove(client, number)?.close.notify_one();
        Some(())
    }

    fn remove(&mut self, client: &Client, number: u64) -> Option<Arc<Connection>> {
        let connections = self.by_client.get_mut(client)?;
        let removed = connections.remove(&number)?;
        if connections.is_empty() {
            self.by_client.remove(client);
        }
        self.count -= 1;
        Some(removed)
    }
}

impl Connection {
    /// Notes that the head of a request has arrived.
    pub(crate) fn request_began(&self, now: u64) {
        self.idle_since.store(now, Ordering::Relaxed);
    }

    /// Notes that a whole request has arrived and is being answered.
    pub(crate) fn request_arrived(&self) {
        self.idle_since.store(NEVER, Ordering::Relaxed);
    }

    /// Notes that the client read a part of an answer.
    pub(crate) fn client_read(&self, now: u64) {
        self.progress.store(now, Ordering::Relaxed);
    }

    /// Notes an answer that is about to be sent, with the number of its bytes that count as unsent.
    pub(crate) fn answer_began(&self, unsent: usize, now: u64) {
        self.client_read(now);
        self.unsent.fetch_add(unsent, Ordering::Relaxed);
    }

    /// Notes that an answer was sent whole, or was dropped.
    pub(crate) fn answer_ended(&self, sent: usize, now: u64) {
        self.unsent.fetch_sub(sent, Ordering::Relaxed);
        self.idle_since.store(now, Ordering::Relaxed);
    }

    /// Is ready when the connection has to be closed.
    pub(crate) async fn wait_for_close(&self) {
        self.close.notified().await;
    }

    fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        let client = self.connection.client().clone();
        open.remove(&client, self.connection.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn client(last: u8) -> Client {
        Client::at(Ipv4Addr::new(10, 0, 0, last).into())
    }

    #[tokio::test(start_paused = true)]
    async fn the_connection_that_is_idle_longest_makes_room() {
        let connections = Connections::new(4);
        let first = connections.enter(client(1)).expect("room");
        tokio::time::advance(Duration::from_millis(10)).await;
        let second = connections.enter(client(1)).expect("room");
        let third = connections.enter(client(1)).expect("in place of the first");
        first.connection.wait_for_close().await;
        assert_eq!(connections.count(), 2);
        drop(first);
        assert_eq!(connections.count(), 2, "it was counted as closed already");
        for permit in [&second, &third] {
            permit.connection.request_began(connections.now());
            permit.connection.request_arrived();
        }
        assert!(connections.enter(client(1)).is_none(), "no connection of the client is idle");
        let others =
            [connections.enter(client(2)).expect("room"), connections.enter(client(3)).expect("room")];
        assert!(connections.enter(client(4)).is_none(), "the one with the most is busy");
        second.connection.answer_ended(0, connections.now());
        connections.enter(client(4)).expect("in place of the second");
        second.connection.wait_for_close().await;
        drop((second, third, others));
        assert_eq!(connections.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_does_not_arrive_whole_keeps_nobody_out() {
        let connections = Connections::new(2);
        let half = connections.enter(client(1)).expect("room");
        half.connection.request_began(connections.now());
        let _whole = connections.enter(client(1)).expect("in place of the half request");
        half.connection.wait_for_close().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_verified_connection_counts_for_its_key_and_no_longer_for_its_address() {
        let key = |id: &str| Client::AccessKey(id.into());
        let connections = Connections::new(4);
        let permits: Vec<_> = (0..4)
            .map(|number| {
                let permit = connections.enter(client(1)).expect("room for two at one address");
                permit.connection.request_arrived();
                let owner = key(if number < 2 { "ONE" } else { "TWO" });
                assert!(connections.assign(&permit.connection, &owner), "{number}");
                assert_eq!(connections.client_of(&permit.connection), owner);
                permit
            })
            .collect();
        assert_eq!(connections.count(), 4);
        assert!(
            !connections.assign(&permits[2].connection, &key("ONE")),
            "it has half of all, and none is idle"
        );
        assert_eq!(connections.client_of(&permits[2].connection), key("TWO"));
        permits[0].connection.answer_ended(0, connections.now());
        assert!(connections.assign(&permits[2].connection, &key("ONE")), "in place of an idle one");
        permits[0].connection.wait_for_close().await;
        assert_eq!(connections.count(), 3);
        drop(permits);
        assert_eq!(connections.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_of_a_large_answer_is_stalled() {
        let connections = Connections::new(4);
        let (reads, stalls) =
            (connections.enter(client(1)).expect("room"), connections.enter(client(2)).expect("room"));
        for permit in [&reads, &stalls] {
            permit.connection.answer_began(1000, connections.now());
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        reads.connection.client_read(connections.now());
        tokio::time::advance(Duration::from_secs(1)).await;
        connections.close_stalled(Duration::from_secs(2));
        stalls.connection.wait_for_close().await;
        let closed = tokio::time::timeout(Duration::from_secs(1), reads.connection.wait_for_close()).await;
        assert!(closed.is_err(), "a client that reads keeps its connection");
    }
}
