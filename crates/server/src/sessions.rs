//! Tokens and the sessions behind them.
//!
//! The commands of one session run one at a time, in the order in which they came in: a client that sends
//! two at once gets the commit digest that belongs to the order of arrival. [`tokio::sync::Mutex`] keeps
//! that order and needs no runtime.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_ledger::Session;
use everstrand_protocol::{Exception, ServiceError, SessionToken};

/// A session, in the hands of one command at a time.
pub(crate) type SharedSession = Arc<tokio::sync::Mutex<Session>>;

/// The sessions that clients hold.
pub(crate) struct Sessions {
    alive: Mutex<Alive>,
    sessions_max: usize,
}

#[derive(Default)]
struct Alive {
    by_token: HashMap<Arc<str>, SharedSession>,
    /// When to forget which token, earliest first: sessions all live equally long.
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
        alive.by_token.insert(Arc::clone(&token), Arc::new(tokio::sync::Mutex::new(session)));
        alive.forget.push_back((forget_at, token));
        Ok(())
    }

    /// The session of a token.
    pub(crate) fn get(&self, token: &SessionToken) -> Result<SharedSession, ServiceError> {
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
            if let Ok(mut session) = session.try_lock() {
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
