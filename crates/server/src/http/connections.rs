//! The open connections, with a bound for all and a bound for each client.
//!
//! The bounds leave file descriptors to the ledgers and memory to the requests. If a bound is reached, a new connection replaces
//! the one that has been idle longest. So clients that connect and send nothing keep nobody out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::client::Client;

/// The value of [`Connection::idle_since`] while a request is being answered.
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
    client: Client,
    number: u64,
    /// The time since which the connection has waited for a request; [`NEVER`] while a request is being answered.
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
            client: client.clone(),
            number: open.next,
            idle_since: AtomicU64::new(now),
            progress: AtomicU64::new(now),
            unsent: AtomicUsize::new(0),
            close: Notify::new(),
        });
        open.by_client.entry(client).or_default().insert(connection.number, Arc::clone(&connection));
        Some(ConnectionPermit { connections: Arc::clone(self), connection })
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
    /// Notes that a request is being answered.
    pub(crate) fn request_began(&self) {
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
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.connection.client, self.connection.number);
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
            permit.connection.request_began();
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
