//! Tokens and the sessions behind them.
//!
//! The commands of one session run one at a time, in the order in which they came in: a client that sends
//! two at once gets the commit digest that belongs to the order of arrival. [`tokio::sync::Mutex`] keeps
//! that order and needs no runtime. One thing does not wait for its turn: when a client gives its transaction up, the
//! statement that keeps it waiting is stopped.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_ledger::{Interrupt, Session};
use everstrand_protocol::{Exception, ServiceError, SessionToken};

/// A session, in the hands of one command at a time.
pub(crate) struct SharedSession {
    session: tokio::sync::Mutex<Session>,
    /// Stops the statement that is running.
    running: Mutex<Option<Interrupt>>,
}

/// The sessions that clients hold.
pub(crate) struct Sessions {
    alive: Mutex<Alive>,
    sessions_max: usize,
}

#[derive(Default)]
struct Alive {
    by_token: HashMap<Arc<str>, Arc<SharedSession>>,
    /// When to forget which token, earliest first: sessions all live equally long. Tokens of sessions that were
    /// ended stay in it for a while.
    forget: VecDeque<(u64, Arc<str>)>,
}

impl Sessions {
    /// No session yet, and never more than `sessions_max`.
    pub(crate) fn new(sessions_max: usize) -> Sessions {
        Sessions { alive: Mutex::default(), sessions_max }
    }

    /// Keeps a session under a token, at least until `forget_at` (milliseconds of the monotonic clock).
    pub(crate) fn insert(&self, token: &str, session: Session, forget_at: u64) -> Result<(), ServiceError> {
        let mut alive = self.lock();
        if alive.by_token.len() >= self.sessions_max {
            return Err(ServiceError::new(
                Exception::LimitExceeded,
                format!("Exceeded the session limit: {} sessions are open; end some", self.sessions_max),
            ));
        }
        let token: Arc<str> = Arc::from(token);
        alive.by_token.insert(Arc::clone(&token), Arc::new(SharedSession::new(session)));
        alive.forget.push_back((forget_at, token));
        alive.forget_no_more_than_twice();
        Ok(())
    }

    /// The session of a token.
    pub(crate) fn get(&self, token: &SessionToken) -> Result<Arc<SharedSession>, ServiceError> {
        self.lock()
            .by_token
            .get(token.as_str())
            .cloned()
            .ok_or_else(|| ServiceError::new(Exception::InvalidSession, "No such session"))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.lock().by_token.len()
    }

    /// Forgets a session.
    pub(crate) fn remove(&self, token: &SessionToken) {
        self.lock().by_token.remove(token.as_str());
    }

    /// Forgets the sessions whose time is over, and lets the others drop transactions that have expired.
    pub(crate) fn sweep(&self, now: u64) {
        let (forgotten, rest) = {
            let mut alive = self.lock();
            let mut forgotten = Vec::new();
            while alive.forget.front().is_some_and(|(at, _)| *at <= now) {
                if let Some((_, token)) = alive.forget.pop_front() {
                    forgotten.extend(alive.by_token.remove(&token));
                }
            }
            (forgotten, alive.by_token.values().cloned().collect::<Vec<_>>())
        };
        drop(forgotten);
        for session in rest {
            // A session that is busy right now looks at the clock itself.
            if let Ok(mut session) = session.session.try_lock() {
                session.is_dead();
            }
        }
    }

    /// Forgets all sessions; what was open in them is rolled back.
    pub(crate) fn clear(&self) {
        let mut alive = self.lock();
        alive.by_token.clear();
        alive.forget.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Alive> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedSession {
    fn new(session: Session) -> SharedSession {
        SharedSession { session: tokio::sync::Mutex::new(session), running: Mutex::default() }
    }

    /// Waits for the commands that came before.
    pub(crate) async fn lock(&self) -> tokio::sync::MutexGuard<'_, Session> {
        self.session.lock().await
    }

    /// Runs a statement of the session's open transaction, which [`stop`](SharedSession::stop) may stop meanwhile.
    pub(crate) fn stoppable<T>(&self, session: &mut Session, statement: impl FnOnce(&mut Session) -> T) -> T {
        *self.running() = session.interrupt();
        let answer = statement(session);
        *self.running() = None;
        answer
    }

    /// Stops the statement that is running, if there is one; its transaction cannot be committed any more.
    pub(crate) fn stop(&self) {
        if let Some(interrupt) = &*self.running() {
            interrupt.stop();
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Interrupt>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Alive {
    /// Keeps clients that start and end sessions all day from making the queue longer and longer.
    fn forget_no_more_than_twice(&mut self) {
        if self.forget.len() > 1000 + 2 * self.by_token.len() {
            let by_token = &self.by_token;
            self.forget.retain(|(_, token)| by_token.contains_key(token));
        }
    }
}

#[cfg(test)]
mod tests {
    use everstrand_ledger::storage::{MemorySlots, MemoryView};
    use everstrand_ledger::{Environment, Ledger, LedgerOptions, ManualClock, SeededIds, link_of};

    use super::*;

    #[test]
    fn sessions_that_come_and_go_leave_little_behind() {
        let environment =
            Environment { clock: Arc::new(ManualClock::new(0)), ids: Arc::new(SeededIds::new(1)) };
        let (slots, view) = (Arc::new(MemorySlots::new(link_of)), Arc::new(MemoryView::new()));
        let ledger = Ledger::open(slots, view, environment, LedgerOptions::default()).expect("a ledger");
        let sessions = Sessions::new(10);
        sessions.insert("stays", ledger.start_session(), 100).expect("room");
        for number in 0..5000_u64 {
            let token = format!("token{number}");
            sessions.insert(&token, ledger.start_session(), 100 + number).expect("room");
            sessions.remove(&SessionToken::from(token));
        }
        assert_eq!(sessions.count(), 1);
        assert!(sessions.lock().forget.len() < 1100);
        // What stayed is forgotten in its time all the same.
        sessions.sweep(100);
        assert_eq!(sessions.count(), 0);
    }
}
