//! A fixed number of permits to run, and a fair queue of statements that wait for one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::waiting::{Account, WaitQueue, WaitingMax};

/// The permits of one kind.
#[derive(Debug)]
pub(crate) struct Permits {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    waiting: WaitQueue<oneshot::Sender<Permit>>,
    is_closed: bool,
}

/// A permit to run. Dropping it passes it to the next statement in the queue.
#[derive(Debug)]
pub(crate) struct Permit {
    /// `None` if dropping this value shall do nothing, because the permit is already on its way to another statement.
    permits: Option<Arc<Permits>>,
}

/// The answer to a statement that asks for a permit.
#[derive(Debug)]
pub(crate) enum Asked {
    Now(Permit),
    /// The statement is in the queue. The permit comes by this channel; an error means that the server stops.
    Later(oneshot::Receiver<Permit>),
}

/// Why a statement gets no permit and no place in the queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoPermit {
    /// So many statements, the greatest number, wait already.
    Full(usize),
    /// The server stops.
    Closed,
}

impl Permits {
    pub(crate) fn new(number: usize, waiting_max: WaitingMax) -> Arc<Permits> {
        let state = State { free: number, waiting: WaitQueue::new(waiting_max), is_closed: false };
        Arc::new(Permits { state: Mutex::new(state) })
    }

    /// Takes a permit if one is free, else joins the queue.
    pub(crate) fn ask(self: &Arc<Permits>, account: &Account) -> Result<Asked, NoPermit> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(NoPermit::Closed);
        }
        if state.free > 0 {
            state.free -= 1;
            return Ok(Asked::Now(Permit { permits: Some(Arc::clone(self)) }));
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.push(account, sender).map_err(NoPermit::Full)?;
        Ok(Asked::Later(receiver))
    }

    /// Passes a permit to the next statement in the queue and joins the queue again. Keeps the permit if the queue is empty.
    pub(crate) fn ask_again(
        self: &Arc<Permits>,
        account: &Account,
        permit: Permit,
    ) -> Result<Asked, NoPermit> {
        let mut state = self.lock();
        if state.is_closed {
            drop(state);
            return Err(NoPermit::Closed);
        }
        let Some(next) = state.waiting.pop() else { return Ok(Asked::Now(permit)) };
        let (sender, receiver) = oneshot::channel();
        state.waiting.push_again(account, sender);
        drop(state);
        // If that statement no longer waits, the permit comes back here, and dropping it passes it on.
        drop(next.send(permit));
        Ok(Asked::Later(receiver))
    }

    /// The length of the queue.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Refuses all statements in the queue and all that ask later.
    pub(crate) fn close(&self) {
        let mut refused = Vec::new();
        let mut state = self.lock();
        state.is_closed = true;
        refused.extend(std::iter::from_fn(|| state.waiting.pop()));
        // Dropping the senders wakes the statements, which must not happen under the lock.
        drop(state);
        drop(refused);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(permits) = self.permits.take() else { return };
        loop {
            let mut state = permits.lock();
            let Some(next) = state.waiting.pop() else {
                state.free += 1;
                return;
            };
            drop(state);
            match next.send(Permit { permits: Some(Arc::clone(&permits)) }) {
                Ok(()) => return,
                // That statement no longer waits. Disarm the permit that came back, and try the next statement.
                Err(mut permit) => permit.permits = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use everstrand_journal::UniqueId;

    use crate::client::Client;

    use super::*;

    fn permits(number: usize) -> (Arc<Permits>, Account) {
        let permits = Permits::new(number, WaitingMax { of_a_client: 10, of_all: 10 });
        (permits, Account { client: Client::InProcess, ledger: UniqueId::from_bytes([0; 16]) })
    }

    fn later(asked: Result<Asked, NoPermit>) -> oneshot::Receiver<Permit> {
        match asked {
            Ok(Asked::Later(receiver)) => receiver,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_permit_that_its_statement_no_longer_wants_goes_to_the_next() {
        let (permits, account) = permits(1);
        let Ok(Asked::Now(first)) = permits.ask(&account) else { panic!("it is free") };
        let gone = later(permits.ask(&account));
        let mut waits = later(permits.ask(&account));
        assert!(waits.try_recv().is_err());
        drop(gone);
        drop(first);
        let second = waits.try_recv().expect("a permit");
        // A permit that was sent but never received comes back too.
        let unread = later(permits.ask(&account));
        drop(second);
        drop(unread);
        assert!(matches!(permits.ask(&account), Ok(Asked::Now(_))));
        assert!(matches!(permits.ask(&account), Ok(Asked::Now(_))), "the one before was dropped");
    }

    #[test]
    fn a_running_statement_may_queue_again_even_if_the_queue_is_full() {
        let (permits, account) = permits(1);
        let Ok(Asked::Now(permit)) = permits.ask(&account) else { panic!("it is free") };
        let Ok(Asked::Now(permit)) = permits.ask_again(&account, permit) else { panic!("nobody waits") };
        let mut waiting: Vec<_> = (0..10).map(|_| later(permits.ask(&account))).collect();
        assert_eq!(permits.ask(&account).err(), Some(NoPermit::Full(10)));
        let mut again = later(permits.ask_again(&account, permit));
        assert_eq!(permits.waiting(), 10);
        for waits in &mut waiting {
            assert!(again.try_recv().is_err());
            drop(waits.try_recv().expect("a permit"));
        }
        again.try_recv().expect("its turn");
    }

    #[test]
    fn closing_refuses_the_statements_in_the_queue() {
        let (permits, account) = permits(0);
        let mut waits = later(permits.ask(&account));
        assert_eq!(permits.waiting(), 1);
        permits.close();
        assert_eq!(waits.try_recv().err(), Some(oneshot::error::TryRecvError::Closed));
        assert_eq!(permits.ask(&account).err(), Some(NoPermit::Closed));
    }
}
