//! Who waits, in an order that is fair: clients take turns, whatever each of them asks for; within a client its
//! ledgers take turns; within those, who came first is first.

use std::collections::VecDeque;

use everstrand_journal::UniqueId;

use crate::client::Client;

/// On whose account something runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// The client.
    pub(crate) client: Client,
    /// The ledger.
    pub(crate) ledger: UniqueId,
}

impl Account {
    /// Of a client whose request was not read yet, so that nobody knows what ledger it is for.
    pub(crate) fn of(client: &Client) -> Account {
        Account { client: client.clone(), ledger: UniqueId::from_bytes([0; 16]) }
    }
}

/// A queue for each key; the keys take turns.
#[derive(Debug)]
struct InTurn<K, Q>(VecDeque<(K, Q)>);

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

impl<K, Q> Default for InTurn<K, Q> {
    fn default() -> InTurn<K, Q> {
        InTurn(VecDeque::new())
    }
}

impl<K: PartialEq + Clone, Q: Queue> InTurn<K, Q> {
    fn of(&mut self, key: &K) -> &mut Q {
        let place = self.0.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
            self.0.push_back((key.clone(), Q::default()));
            self.0.len() - 1
        });
        &mut self.0[place].1
    }
}

impl<K: PartialEq + Clone, Q: Queue> Queue for InTurn<K, Q> {
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

/// How many may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitingMax {
    pub(crate) of_a_client: usize,
    pub(crate) of_all: usize,
}

/// Those who wait.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    by_client: InTurn<Client, InTurn<UniqueId, VecDeque<T>>>,
    count: usize,
    max: WaitingMax,
}

impl<T> Waiting<T> {
    pub(crate) fn new(max: WaitingMax) -> Waiting<T> {
        Waiting { by_client: InTurn::default(), count: 0, max }
    }

    /// Queues up; too many wait already when this answers the bound that is reached.
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

    /// Queues up, however many wait: for one who was let in before.
    pub(crate) fn push_again(&mut self, account: &Account, item: T) {
        self.by_client.of(&account.client).of(&account.ledger).push_back(item);
        self.count += 1;
    }

    /// Whose turn it is.
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
        let mut waiting = Waiting::new(WaitingMax { of_a_client: 100, of_all: 100 });
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
        let mut waiting = Waiting::new(WaitingMax { of_a_client: 2, of_all: 3 });
        waiting.push(&account("many", 1), 1).expect("room");
        waiting.push(&account("many", 2), 2).expect("room");
        assert_eq!(waiting.push(&account("many", 3), 3), Err(2));
        waiting.push(&account("one", 1), 4).expect("room for others");
        assert_eq!(waiting.push(&account("two", 1), 5), Err(3));
        assert_eq!(waiting.len(), 3);
        // Who was refused does not take a turn.
        let order: Vec<i32> = std::iter::from_fn(|| waiting.pop()).collect();
        assert_eq!(order, [1, 4, 2]);
    }
}
