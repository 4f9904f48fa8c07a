//! Places to run in: so many there are, and who finds none free waits until somebody leaves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::waiting::{Account, Waiting, WaitingMax};

/// Places of one kind.
#[derive(Debug)]
pub(crate) struct Places {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    waiting: Waiting<oneshot::Sender<Place>>,
    is_closed: bool,
}

/// A place that is taken; dropped, it goes to the next who waits.
#[derive(Debug)]
pub(crate) struct Place {
    /// Nothing when it was given to nobody.
    places: Option<Arc<Places>>,
}

/// What came of asking for a place.
#[derive(Debug)]
pub(crate) enum Asked {
    Now(Place),
    /// The place comes by this; an error when there will be none any more.
    Later(oneshot::Receiver<Place>),
}

/// Why there is no place, and none to wait in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// As many wait already as may.
    Full(usize),
    /// Nothing is begun any more.
    Closed,
}

impl Places {
    pub(crate) fn new(number: usize, waiting_max: WaitingMax) -> Arc<Places> {
        let state = State { free: number, waiting: Waiting::new(waiting_max), is_closed: false };
        Arc::new(Places { state: Mutex::new(state) })
    }

    /// Takes a place, or queues up for one.
    pub(crate) fn ask(self: &Arc<Places>, account: &Account) -> Result<Asked, NoPlace> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(NoPlace::Closed);
        }
        if state.free > 0 {
            state.free -= 1;
            return Ok(Asked::Now(Place { places: Some(Arc::clone(self)) }));
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.push(account, sender).map_err(NoPlace::Full)?;
        Ok(Asked::Later(receiver))
    }

    /// Leaves a place to the next who waits, and queues up again; keeps it where nobody waits.
    pub(crate) fn ask_again(self: &Arc<Places>, account: &Account, place: Place) -> Result<Asked, NoPlace> {
        let mut state = self.lock();
        if state.is_closed {
            drop(state);
            return Err(NoPlace::Closed);
        }
        let Some(next) = state.waiting.pop() else { return Ok(Asked::Now(place)) };
        let (sender, receiver) = oneshot::channel();
        state.waiting.push_again(account, sender);
        drop(state);
        // One who does not wait any more leaves it to the next in turn.
        drop(next.send(place));
        Ok(Asked::Later(receiver))
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Sends away all who wait, and who will ask.
    pub(crate) fn close(&self) {
        let mut sent_away = Vec::new();
        let mut state = self.lock();
        state.is_closed = true;
        sent_away.extend(std::iter::from_fn(|| state.waiting.pop()));
        drop(state);
        drop(sent_away);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(places) = self.places.take() else { return };
        loop {
            let mut state = places.lock();
            let Some(next) = state.waiting.pop() else {
                state.free += 1;
                return;
            };
            drop(state);
            match next.send(Place { places: Some(Arc::clone(&places)) }) {
                Ok(()) => return,
                // It does not wait any more.
                Err(mut place) => place.places = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use everstrand_journal::UniqueId;

    use crate::client::Client;

    use super::*;

    fn places(number: usize) -> (Arc<Places>, Account) {
        let places = Places::new(number, WaitingMax { of_a_client: 10, of_all: 10 });
        (places, Account { client: Client::InProcess, ledger: UniqueId::from_bytes([0; 16]) })
    }

    fn later(asked: Result<Asked, NoPlace>) -> oneshot::Receiver<Place> {
        match asked {
            Ok(Asked::Later(receiver)) => receiver,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_place_that_nobody_takes_any_more_goes_to_the_next() {
        let (places, account) = places(1);
        let Ok(Asked::Now(first)) = places.ask(&account) else { panic!("it is free") };
        let gone = later(places.ask(&account));
        let mut waits = later(places.ask(&account));
        assert!(waits.try_recv().is_err());
        drop(gone);
        drop(first);
        let second = waits.try_recv().expect("a place");
        // One that was sent and never looked at comes back as well.
        let unread = later(places.ask(&account));
        drop(second);
        drop(unread);
        assert!(matches!(places.ask(&account), Ok(Asked::Now(_))));
        assert!(matches!(places.ask(&account), Ok(Asked::Now(_))), "the one before was dropped");
    }

    #[test]
    fn who_runs_already_queues_up_again_however_many_wait() {
        let (places, account) = places(1);
        let Ok(Asked::Now(place)) = places.ask(&account) else { panic!("it is free") };
        let Ok(Asked::Now(place)) = places.ask_again(&account, place) else { panic!("nobody waits") };
        let mut waiting: Vec<_> = (0..10).map(|_| later(places.ask(&account))).collect();
        assert_eq!(places.ask(&account).err(), Some(NoPlace::Full(10)));
        let mut again = later(places.ask_again(&account, place));
        assert_eq!(places.waiting(), 10);
        for waits in &mut waiting {
            assert!(again.try_recv().is_err());
            drop(waits.try_recv().expect("a place"));
        }
        again.try_recv().expect("its turn");
    }

    #[test]
    fn who_waits_is_sent_away_when_it_is_over() {
        let (places, account) = places(0);
        let mut waits = later(places.ask(&account));
        assert_eq!(places.waiting(), 1);
        places.close();
        assert_eq!(waits.try_recv().err(), Some(oneshot::error::TryRecvError::Closed));
        assert_eq!(places.ask(&account).err(), Some(NoPlace::Closed));
    }
}
