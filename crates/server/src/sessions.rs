//! Tokens and the sessions behind them.
//!
//! The commands of one session run one at a time, in the order in which they came in: a client that sends
//! two at once gets the commit digest that belongs to the order of arrival. [`tokio::sync::Mutex`] keeps
//! that order and needs no runtime. One thing does not wait for its turn: when a client gives its transaction up, the
//! statement that keeps it waiting is stopped.
//!
//! No client and no ledger has all the sessions of the server, and no client all the transactions of a ledger. A
//! session in which nothing was ever done is forgotten soon: official drivers begin one when they need it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_journal::UniqueId;
use everstrand_ledger::{Interrupt, LedgerError, Session};
use everstrand_protocol::{Exception, ServiceError, SessionToken};

use crate::client::Client;
use crate::counts::{Counted, Counts};

/// How long a session lives in which nothing was done yet.
const UNUSED_MILLIS: u64 = 60_000;
/// The part of the server's sessions that one client may have, and the part that one ledger may have.
const CLIENT_PART: usize = 5;
const LEDGER_PART: usize = 2;
/// The part of a ledger's transactions that one client may have open.
const TRANSACTIONS_PART: usize = 2;

/// A session, in the hands of one command at a time.
pub(crate) struct SharedSession {
    session: tokio::sync::Mutex<Session>,
    /// Stops the statement that is running.
    running: Mutex<Option<Interrupt>>,
    client: Client,
    /// Whether there ever was a command in it.
    used: AtomicBool,
    /// Its open transaction, among those of its client in its ledger.
    transaction: Mutex<Option<Counted<(UniqueId, Client)>>>,
    transactions: Arc<Counts<(UniqueId, Client)>>,
    _of_the_client: Counted<Client>,
    _of_the_ledger: Counted<UniqueId>,
}

/// The sessions that clients hold.
pub(crate) struct Sessions {
    alive: Mutex<Alive>,
    sessions_max: usize,
    by_client: Arc<Counts<Client>>,
    by_ledger: Arc<Counts<UniqueId>>,
    transactions: Arc<Counts<(UniqueId, Client)>>,
}

#[derive(Default)]
struct Alive {
    by_token: HashMap<Arc<str>, Arc<SharedSession>>,
    /// When to forget which token, earliest first: sessions all live equally long. Tokens of sessions that were
    /// ended stay in it for a while.
    forget: VecDeque<(u64, Arc<str>)>,
    /// When to forget which token if nothing was done with it by then, earliest first.
    forget_unused: VecDeque<(u64, Arc<str>)>,
}

impl Sessions {
    /// No session yet, and never more than `sessions_max`.
    pub(crate) fn new(sessions_max: usize) -> Sessions {
        Sessions {
            alive: Mutex::default(),
            sessions_max,
            by_client: Counts::new(),
            by_ledger: Counts::new(),
            transactions: Counts::new(),
        }
    }

    /// Keeps a client's session under a token, until `forget_at` where it is used (in milliseconds of the monotonic
    /// clock, by which it is `now`).
    pub(crate) fn insert(
        &self,
        token: &str,
        session: Session,
        client: &Client,
        now: u64,
        forget_at: u64,
    ) -> Result<(), ServiceError> {
        let exceeded = |count: usize, whose: &str| {
            let message = format!("Exceeded the session limit: {count} sessions {whose} are open; end some");
            ServiceError::new(Exception::LimitExceeded, message)
        };
        let client_max = match client {
            Client::InProcess => self.sessions_max,
            _ => self.sessions_max.div_ceil(CLIENT_PART),
        };
        let of_the_client = self.by_client.count(client.clone(), client_max);
        let of_the_client = of_the_client.ok_or_else(|| exceeded(client_max, "of this client"))?;
        let ledger_max = match client {
            Client::InProcess => self.sessions_max,
            _ => self.sessions_max.div_ceil(LEDGER_PART),
        };
        let of_the_ledger = self.by_ledger.count(session.ledger().strand_id(), ledger_max);
        let of_the_ledger = of_the_ledger.ok_or_else(|| exceeded(ledger_max, "of this ledger"))?;
        let mut alive = self.lock();
        if alive.by_token.len() >= self.sessions_max {
            return Err(exceeded(self.sessions_max, "of this server"));
        }
        let token: Arc<str> = Arc::from(token);
        let shared = SharedSession {
            session: tokio::sync::Mutex::new(session),
            running: Mutex::default(),
            client: client.clone(),
            used: AtomicBool::new(*client == Client::InProcess),
            transaction: Mutex::default(),
            transactions: Arc::clone(&self.transactions),
            _of_the_client: of_the_client,
            _of_the_ledger: of_the_ledger,
        };
        alive.by_token.insert(Arc::clone(&token), Arc::new(shared));
        if *client != Client::InProcess {
            alive.forget_unused.push_back((now.saturating_add(UNUSED_MILLIS), Arc::clone(&token)));
        }
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
            .inspect(|session| session.used.store(true, Ordering::Relaxed))
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
            while alive.forget_unused.front().is_some_and(|(at, _)| *at <= now) {
                if let Some((_, token)) = alive.forget_unused.pop_front()
                    && alive.by_token.get(&token).is_some_and(|session| !session.used.load(Ordering::Relaxed))
                {
                    forgotten.extend(alive.by_token.remove(&token));
                }
            }
            (forgotten, alive.by_token.values().cloned().collect::<Vec<_>>())
        };
        drop(forgotten);
        for shared in rest {
            // A session that is busy right now looks at the clock itself.
            if let Ok(mut session) = shared.session.try_lock() {
                session.is_dead();
                shared.settle(&session);
            }
        }
    }

    /// Forgets all sessions; what was open in them is rolled back.
    pub(crate) fn clear(&self) {
        let mut alive = self.lock();
        alive.by_token.values().for_each(|session| session.stop());
        alive.by_token.clear();
        alive.forget.clear();
        alive.forget_unused.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Alive> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedSession {
    /// Waits for the commands that came before.
    pub(crate) async fn lock(&self) -> tokio::sync::MutexGuard<'_, Session> {
        self.session.lock().await
    }

    /// Begins a transaction, unless the client has its part of those that a ledger may have open.
    pub(crate) fn start_transaction(
        &self,
        session: &mut Session,
        transactions_max: usize,
    ) -> Result<Arc<str>, LedgerError> {
        self.settle(session);
        let client_max = match self.client {
            Client::InProcess => transactions_max,
            _ => transactions_max.div_ceil(TRANSACTIONS_PART),
        };
        // One that is open already is refused for that.
        if session.transaction_id().is_some() {
            return session.start_transaction();
        }
        let key = (session.ledger().strand_id(), self.client.clone());
        let counted = self.transactions.count(key, client_max).ok_or_else(|| {
            LedgerError::LimitExceeded(format!(
                "Exceeded the limit of {client_max} open transactions of one client in a ledger"
            ))
        })?;
        let id = session.start_transaction()?;
        *self.transaction() = Some(counted);
        Ok(id)
    }

    /// Gives the place of a transaction back that is over.
    pub(crate) fn settle(&self, session: &Session) {
        if session.transaction_id().is_none() {
            *self.transaction() = None;
        }
    }

    fn transaction(&self) -> MutexGuard<'_, Option<Counted<(UniqueId, Client)>>> {
        self.transaction.lock().unwrap_or_else(PoisonError::into_inner)
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
            self.forget_unused.retain(|(_, token)| by_token.contains_key(token));
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
        let client = Client::at(core::net::Ipv4Addr::LOCALHOST.into());
        sessions.insert("stays", ledger.start_session(), &client, 0, 100).expect("room");
        sessions.get(&SessionToken::from("stays")).expect("it is used");
        for number in 0..5000_u64 {
            let token = format!("token{number}");
            sessions.insert(&token, ledger.start_session(), &client, 0, 100 + number).expect("room");
            sessions.remove(&SessionToken::from(token));
        }
        assert_eq!(sessions.count(), 1);
        assert!(sessions.lock().forget.len() < 1100);
        // What stayed is forgotten in its time all the same.
        sessions.sweep(100);
        assert_eq!(sessions.count(), 0);
    }

    #[test]
    fn no_client_has_all_sessions_and_unused_ones_are_forgotten_soon() {
        let environment =
            Environment { clock: Arc::new(ManualClock::new(0)), ids: Arc::new(SeededIds::new(1)) };
        let (slots, view) = (Arc::new(MemorySlots::new(link_of)), Arc::new(MemoryView::new()));
        let ledger = Ledger::open(slots, view, environment, LedgerOptions::default()).expect("a ledger");
        let sessions = Sessions::new(20);
        let client = |last| Client::at(core::net::Ipv4Addr::new(10, 0, 0, last).into());
        let insert = |token: &str, last| {
            sessions
                .insert(token, ledger.start_session(), &client(last), 0, 900_000)
                .map_err(|error| error.message)
        };
        for number in 0..4 {
            insert(&format!("greedy{number}"), 1).expect("a fifth of all");
        }
        assert!(insert("one-more", 1).expect_err("no more").contains("4 sessions of this client"));
        for (last, number) in [(2, 0), (2, 1), (2, 2), (2, 3), (3, 0), (3, 1)] {
            insert(&format!("other{last}{number}"), last).expect("half of all are the ledger's");
        }
        assert!(insert("last", 4).expect_err("no more").contains("10 sessions of this ledger"));
        let in_process = ledger.start_session();
        let refused = sessions.insert("in-process", in_process, &Client::InProcess, 0, 900_000);
        assert!(refused.is_ok(), "the bounds are those of clients that come from elsewhere");
        sessions.get(&SessionToken::from("greedy0")).expect("a session");
        sessions.sweep(UNUSED_MILLIS - 1);
        assert_eq!(sessions.count(), 11);
        sessions.sweep(UNUSED_MILLIS);
        assert_eq!(sessions.count(), 2, "the one that was used, and the one in this process");
        insert("greedy4", 1).expect("room again");
    }
}
