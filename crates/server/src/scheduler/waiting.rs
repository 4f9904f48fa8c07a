//! A fair queue. Clients take turns, whatever each of them asks for. Within a client its ledgers take turns. Within a ledger the
//! order is that of arrival.

use std::collections::VecDeque;

use everstrand_journal::UniqueId;

use crate::client::Client;

/// The client and the ledger that a statement counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) client: Client,
    /// The strand id of the ledger.
    pub(crate) ledger: UniqueId,
}

impl Account {
    /// The account of a request that was not parsed yet, so that its ledger is not known.
    pub(crate) fn of(client: &Client) -> Account {
        Account { client: client.clone(), ledger: UniqueId::from_bytes([0; 16]) }
    }
}

/// One queue for each key. The keys take turns.
#[derive(Debug)]
struct RoundRobin<K, Q>(VecDeque<(K, Q)>);

trait Queue: Default {
    type Item;

    fn pop(&mut self) -> Option<Self::Item>;

    fn len(&self) -> usize;
}

impl<T> Queue for VecDeque<T> {
    type Item = T;

    fn pop(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn len(&self) -> usize {
        VecDeque::len(self)
    }
}

impl<K, Q> Default for RoundRobin<K, Q> {
    fn default() -> RoundRobin<K, Q> {
        RoundRobin(VecDeque::new())
    }
}

impl<K: PartialEq + Clone, Q: Queue> RoundRobin<K, Q> {
    fn of(&mut self, key: &K) -> &mut Q {
        let position = self.0.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
            self.0.push_back((key.clone(), Q::default()));
            self.0.len() - 1
        });
        &mut self.0[position].1
    }
}

impl<K: PartialEq + Clone, Q: Queue> Queue for RoundRobin<K, Q> {
    type Item = Q::Item;

    fn pop(&mut self) -> Option<Q::Item> {
        let (key, mut queue) = self.0.pop_front()?;
        let item = queue.pop();
        if queue.len() > 0 {
            self.0.push_back((key, queue));
        }
        item
    }

    fn len(&self) -> usize {
        self.0.iter().map(|(_, queue)| queue.len()).sum()
    }
}

/// The bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitingMax {
    pub(crate) of_a_client: usize,
    pub(crate) of_all: usize,
}

/// The fair queue.
#[derive(Debug)]
pub(crate) struct WaitQueue<T> {
    by_client: RoundRobin<Client, RoundRobin<UniqueId, VecDeque<T>>>,
    count: usize,
    max: WaitingMax,
}

impl<T> WaitQueue<T> {
    pub(crate) fn new(max: WaitingMax) -> WaitQueue<T> {
        WaitQueue { by_client: RoundRobin::default(), count: 0, max }
    }

    /// Joins the queue. If a bound is reached, answers the bound as the error.
    pub(crate) fn push(&mut self, account: &Account, item: T) -> Result<(), usize> {
        if self.count >= self.max.of_all {
            return Err(self.max.of_all);
        }
        let of_client = self.by_client.of(&account.client);
        if of_client.len() >= self.max.of_a_client {
            return Err(self.max.of_a_client);
        }
        self.push_again(account, item);
        Ok(())
    }

    /// Joins the queue without regard to the bounds, for a statement that was admitted before.
    pub(crate) fn push_again(&mut self, account: &Account, item: T) {
        self.by_client.of(&account.client).of(&account.ledger).push_back(item);
        self.count += 1;
    }

    /// Takes the item whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let item = self.by_client.pop()?;
        self.count -= 1;
        Some(item)
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(client: &str, ledger: u8) -> Account {
        Account { client: Client::AccessKey(client.into()), ledger: UniqueId::from_bytes([ledger; 16]) }
    }

    #[test]
    fn clients_take_turns_and_so_do_the_ledgers_of_each() {
        let mut waiting = WaitQueue::new(WaitingMax { of_a_client: 100, of_all: 100 });
        for number in 0..3 {
            waiting.push(&account("many", 1), format!("many 1 {number}")).expect("room");
        }
        waiting.push(&account("many", 2), "many 2 0".to_owned()).expect("room");
        waiting.push(&account("one", 1), "one 1 0".to_owned()).expect("room");
        let order: Vec<String> = std::iter::from_fn(|| waiting.pop()).collect();
        assert_eq!(order, ["many 1 0", "one 1 0", "many 2 0", "many 1 1", "many 1 2"]);
        assert_eq!(waiting.len(), 0);
    }

    #[test]
    fn a_client_cannot_take_all_the_room() {
        let mut waiting = WaitQueue::new(WaitingMax { of_a_client: 2, of_all: 3 });
        waiting.push(&account("many", 1), 1).expect("room");
        waiting.push(&account("many", 2), 2).expect("room");
        assert_eq!(waiting.push(&account("many", 3), 3), Err(2));
        waiting.push(&account("one", 1), 4).expect("room for others");
        assert_eq!(waiting.push(&account("two", 1), 5), Err(3));
        assert_eq!(waiting.len(), 3);
        // A refused item takes no turn.
        let order: Vec<i32> = std::iter::from_fn(|| waiting.pop()).collect();
        assert_eq!(order, [1, 4, 2]);
    }
}
