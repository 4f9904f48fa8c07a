//! A budget of bytes that many requests share. No client takes more than its part. A request that finds no bytes left
//! waits in order of arrival.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::client::Client;

/// The bytes that requests share.
#[derive(Debug)]
pub(crate) struct Budget {
    whole: Arc<Semaphore>,
    client_bytes_max: usize,
    clients: Mutex<HashMap<Client, Weak<Semaphore>>>,
}

/// Bytes taken from a budget. Dropping it gives them back.
#[derive(Debug)]
pub(crate) struct Share {
    _of_the_client: Option<OwnedSemaphorePermit>,
    _of_the_whole: OwnedSemaphorePermit,
}

impl Budget {
    /// A budget of `bytes_max`, of which one client has at most `client_bytes_max`.
    pub(crate) fn new(bytes_max: usize, client_bytes_max: usize) -> Budget {
        let whole = Arc::new(Semaphore::new(bytes_max.min(Semaphore::MAX_PERMITS)));
        Budget { whole, client_bytes_max: client_bytes_max.min(bytes_max), clients: Mutex::default() }
    }

    /// Takes bytes if they are available now.
    pub(crate) fn try_take(&self, client: &Client, bytes: usize) -> Option<Share> {
        let bytes = u32::try_from(bytes).ok()?;
        let of_the_client = match self.part_of(client) {
            Some(part) => Some(part.try_acquire_many_owned(bytes).ok()?),
            None => None,
        };
        let of_the_whole = Arc::clone(&self.whole).try_acquire_many_owned(bytes).ok()?;
        Some(Share { _of_the_client: of_the_client, _of_the_whole: of_the_whole })
    }

    /// Waits for bytes; `None` if a client never has so many. It waits for the client's own part first, because a client that
    /// has used its part up must not block the queue of all clients.
    pub(crate) async fn take(&self, client: &Client, bytes: usize) -> Option<Share> {
        if bytes > self.client_bytes_max {
            return None;
        }
        let bytes = u32::try_from(bytes).ok()?;
        let of_the_client = match self.part_of(client) {
            Some(part) => Some(part.acquire_many_owned(bytes).await.ok()?),
            None => None,
        };
        let of_the_whole = Arc::clone(&self.whole).acquire_many_owned(bytes).await.ok()?;
        Some(Share { _of_the_client: of_the_client, _of_the_whole: of_the_whole })
    }

    /// The part of a client; a caller in the process has no bound of its own. A part exists only while a request holds or
    /// awaits bytes of it: the map has weak references.
    fn part_of(&self, client: &Client) -> Option<Arc<Semaphore>> {
        if *client == Client::InProcess {
            return None;
        }
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(part) = clients.get(client).and_then(Weak::upgrade) {
            return Some(part);
        }
        clients.retain(|_, part| part.strong_count() > 0);
        let part = Arc::new(Semaphore::new(self.client_bytes_max.min(Semaphore::MAX_PERMITS)));
        clients.insert(client.clone(), Arc::downgrade(&part));
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn client(last: u8) -> Client {
        Client::at(Ipv4Addr::new(10, 0, 0, last).into())
    }

    #[test]
    fn a_client_has_its_part_and_others_the_rest() {
        let budget = Budget::new(100, 60);
        let first = budget.try_take(&client(1), 50).expect("room");
        assert!(budget.try_take(&client(1), 20).is_none(), "more than its part");
        let second = budget.try_take(&client(2), 50).expect("room");
        assert!(budget.try_take(&client(3), 1).is_none(), "all is taken");
        assert!(budget.try_take(&Client::InProcess, 1).is_none());
        drop(first);
        assert!(budget.try_take(&client(3), 50).is_some());
        drop(second);
        assert!(budget.try_take(&client(1), 61).is_none());
        assert!(budget.try_take(&Client::InProcess, 100).is_some(), "a caller in the process has no part");
        assert!(budget.try_take(&client(4), 1).is_some());
        assert_eq!(budget.clients.lock().expect("no panic").len(), 1, "clients that are gone are forgotten");
    }

    #[tokio::test]
    async fn a_waiting_request_gets_bytes_that_are_given_back() {
        let budget = Arc::new(Budget::new(100, 100));
        let held = budget.take(&client(1), 80).await.expect("room");
        let waiting = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.take(&client(2), 50).await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(held);
        assert!(waiting.await.expect("no panic"));
        assert!(budget.take(&client(1), 101).await.is_none(), "a request that never fits does not wait");
    }
}
