//! Tokens and the sessions behind them.
//!
//! The commands of one session run one at a time, in the order in which they came in: a client that sends
//! two at once gets the commit digest that belongs to the order of arrival. [`tokio::sync::Mutex`] keeps
//! that order and needs no runtime. One thing does not wait for its turn: a client that gives its transaction or its
//! session up, by a command or by going away, is answered at once, and the statement that runs is stopped.
//!
//! No client and no ledger has all the sessions of the server, and no client all the transactions of a ledger. A
//! session in which nothing was ever done is forgotten soon: official drivers begin one when they need it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_journal::UniqueId;
use everstrand_ledger::{LedgerError, Pace, Session};
use everstrand_protocol::{Exception, ServiceError, SessionToken};
use tokio::sync::OwnedMutexGuard;

use crate::client::{Caller, Client};
use crate::counts::{Counted, Counts};
use crate::scheduler::{Account, Place, Scheduler, Turn, on_a_task_of_its_own, unless_it_panics};

/// How long a session lives in which nothing was done yet.
const UNUSED_MILLIS: u64 = 60_000;
/// The part of the server's sessions that one client may have, and the part that one ledger may have.
const CLIENT_PART: usize = 5;
const LEDGER_PART: usize = 2;
/// The part of a ledger's transactions that one client may have open.
const TRANSACTIONS_PART: usize = 2;

/// A session, in the hands of one command at a time.
pub(crate) struct SharedSession {
    session: Arc<tokio::sync::Mutex<Session>>,
    running: Mutex<Option<Running>>,
    /// On whose account its statements run.
    account: Account,
    /// Whether there ever was a command in it.
    used: AtomicBool,
    /// Its open transaction, among those of its client in its ledger.
    transaction: Mutex<Option<Counted<(UniqueId, Client)>>>,
    transactions: Arc<Counts<(UniqueId, Client)>>,
    _of_the_client: Counted<Client>,
    _of_the_ledger: Counted<UniqueId>,
}

/// The statement that a session runs.
struct Running {
    turn: Arc<Turn>,
    /// What becomes of the session when the statement is over.
    given_up: Option<GivenUp>,
}

/// What a client gives up that does not wait for its statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GivenUp {
    /// The transaction.
    Transaction,
    /// The session and its transaction.
    Session,
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
            account: Account { client: client.clone(), ledger: session.ledger().strand_id() },
            session: Arc::new(tokio::sync::Mutex::new(session)),
            running: Mutex::default(),
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
        for session in alive.by_token.values() {
            session.give_up(GivenUp::Session);
        }
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
    pub(crate) async fn lock(&self) -> OwnedMutexGuard<Session> {
        Arc::clone(&self.session).lock_owned().await
    }

    /// On whose account its statements run.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Begins a transaction, unless the client has its part of those that a ledger may have open.
    pub(crate) fn start_transaction(
        &self,
        session: &mut Session,
        transactions_max: usize,
    ) -> Result<Arc<str>, LedgerError> {
        self.settle(session);
        let client_max = match self.account.client {
            Client::InProcess => transactions_max,
            _ => transactions_max.div_ceil(TRANSACTIONS_PART),
        };
        // One that is open already is refused for that.
        if session.transaction_id().is_some() {
            return session.start_transaction();
        }
        let key = (self.account.ledger, self.account.client.clone());
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

    /// Runs a statement of the session's open transaction in its turn, and answers with the place that it had at the
    /// end. When the caller leaves before the answer, the statement is stopped, and its transaction is aborted.
    ///
    /// A statement of a connection runs on this thread: a hand-over to another one costs as much as a short statement.
    /// The statement looks after its caller itself. A caller in this process leaves by dropping the future, so its
    /// statement runs on a task of its own.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<SharedSession>,
        session: OwnedMutexGuard<Session>,
        scheduler: &Arc<Scheduler>,
        caller: &Caller,
        statement: impl FnOnce(&mut Session) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<(T, Option<Place>), LedgerError> {
        let interrupt = session.interrupt().unwrap_or_default();
        let presence = caller.presence.clone();
        let runs_here = presence.is_some();
        let turn = Turn::new(Arc::clone(scheduler), self.account.clone(), interrupt, presence);
        let turn = Arc::new(turn);
        *self.running() = Some(Running { turn: Arc::clone(&turn), given_up: None });
        let mut waits = Waits { shared: self, turn: &turn, session: Some(session), for_an_answer: false };
        turn.begin().await?;
        let Some(mut session) = waits.session.take() else { return Err(LedgerError::NoSuchSession) };
        waits.for_an_answer = true;
        let (own, turn) = (Arc::clone(self), Arc::clone(&turn));
        let run = move || {
            let _end = End(&turn);
            let answer = turn.run_here().and_then(|()| {
                session.set_pace(Some(Arc::clone(&turn) as Arc<dyn Pace>));
                statement(&mut session)
            });
            session.set_pace(None);
            if turn.is_deserted() {
                own.give_up(GivenUp::Transaction);
            }
            own.end_statement(&mut session);
            answer.map(|answer| (answer, turn.end()))
        };
        let answer = if runs_here { unless_it_panics(run) } else { on_a_task_of_its_own(run).await };
        waits.for_an_answer = false;
        answer
    }

    /// Stops the statement that is running or waits for its turn, if there is one, and gives up what it belongs to as
    /// soon as it is over. Answers whether there was one.
    pub(crate) fn give_up(&self, given_up: GivenUp) -> bool {
        let mut running = self.running();
        let Some(running) = &mut *running else { return false };
        running.given_up = running.given_up.max(Some(given_up));
        running.turn.stop();
        true
    }

    /// Does what was asked for while the statement ran that is over now.
    fn end_statement(&self, session: &mut Session) {
        let over = self.running().take();
        match over.and_then(|running| running.given_up) {
            None => {}
            // An error means that it is dead already.
            Some(GivenUp::Transaction) => drop(session.abort()),
            Some(GivenUp::Session) => session.end(),
        }
        self.settle(session);
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The command that waits for a statement's turn, and then for its answer. Dropped before, its client is gone.
struct Waits<'s> {
    shared: &'s SharedSession,
    turn: &'s Arc<Turn>,
    /// Until the statement begins.
    session: Option<OwnedMutexGuard<Session>>,
    for_an_answer: bool,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let Some(session) = &mut self.session {
            // The statement has never been.
            self.shared.end_statement(session);
        } else if self.for_an_answer
            && let Some(running) = &mut *self.shared.running()
            && Arc::ptr_eq(&running.turn, self.turn)
        {
            running.given_up = running.given_up.max(Some(GivenUp::Transaction));
            running.turn.stop();
        }
    }
}

/// The end of a statement, also of one that panics.
struct End<'t>(&'t Turn);

impl Drop for End<'_> {
    fn drop(&mut self) {
        drop(self.0.end());
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
