//! The sessions of all clients, by their tokens.
//!
//! The commands of one session run one at a time, in their order of arrival, because the commit digest depends on the order of
//! statements. [`tokio::sync::Mutex`] keeps that order and needs no runtime. AbortTransaction and EndSession do not wait: they stop
//! the statement that runs and are answered at once. A client that goes away stops its statement too.
//!
//! One client and one ledger have only a part of the server's sessions, and one client only a part of a ledger's open
//! transactions. A session in which no command followed StartSession is forgotten soon. This does not disturb the official
//! drivers, because they begin a session when they need it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_journal::UniqueId;
use everstrand_ledger::{LedgerError, Pace, Session};
use everstrand_protocol::{Exception, ServiceError, SessionToken};
use tokio::sync::OwnedMutexGuard;

use crate::client::{Caller, Client};
use crate::counts::{Counted, Counts};
use crate::scheduler::{Account, Permit, Scheduler, Turn, catch_panic, on_own_task};

/// How long a session lives in which no command followed StartSession.
const UNUSED_MILLIS: u64 = 60_000;
/// One client may have a fifth of the server's sessions.
const CLIENT_PART: usize = 5;
/// One ledger may have half of the server's sessions.
const LEDGER_PART: usize = 2;
/// One client may have half of a ledger's open transactions.
const TRANSACTIONS_PART: usize = 2;

/// A session, which one command at a time uses.
pub(crate) struct SharedSession {
    session: Arc<tokio::sync::Mutex<Session>>,
    running: Mutex<Option<Running>>,
    /// The client and the ledger that its statements count for.
    account: Account,
    /// The principal to whom it answers.
    principal: Box<str>,
    /// The name of its ledger.
    ledger: Arc<str>,
    /// Whether a command has used the session.
    used: AtomicBool,
    /// Counts the open transaction among those of its client in its ledger.
    transaction: Mutex<Option<Counted<(UniqueId, Client)>>>,
    transactions: Arc<Counts<(UniqueId, Client)>>,
    _of_the_client: Counted<Client>,
    _of_the_ledger: Counted<UniqueId>,
}

/// The statement that a session runs, or that waits for its turn.
struct Running {
    turn: Arc<Turn>,
    /// What to end when the statement is over.
    cancellation: Option<Cancellation>,
}

/// What a client cancels while its statement runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cancellation {
    /// The transaction.
    Transaction,
    /// The session and its transaction.
    Session,
}

/// Whose a new session is.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    /// The client that it counts for.
    pub(crate) client: &'a Client,
    /// The principal to whom it answers.
    pub(crate) principal: &'a str,
    /// The name of its ledger.
    pub(crate) ledger: &'a str,
}

/// All sessions.
pub(crate) struct Sessions {
    registry: Mutex<Registry>,
    sessions_max: usize,
    by_client: Arc<Counts<Client>>,
    by_ledger: Arc<Counts<UniqueId>>,
    transactions: Arc<Counts<(UniqueId, Client)>>,
}

#[derive(Default)]
struct Registry {
    by_token: HashMap<Arc<str>, Arc<SharedSession>>,
    /// The times at which to forget tokens. They are in order, because all sessions live equally long. Tokens of ended sessions
    /// stay in this queue for a while.
    expiry_queue: VecDeque<(u64, Arc<str>)>,
    /// The times at which to forget tokens that no command has used by then, in order.
    unused_queue: VecDeque<(u64, Arc<str>)>,
}

impl Sessions {
    /// No sessions yet, and `sessions_max` at most.
    pub(crate) fn new(sessions_max: usize) -> Sessions {
        Sessions {
            registry: Mutex::default(),
            sessions_max,
            by_client: Counts::new(),
            by_ledger: Counts::new(),
            transactions: Counts::new(),
        }
    }

    /// Registers a client's session under a token until `expires_at`. Both times are milliseconds of the monotonic clock.
    pub(crate) fn insert(
        &self,
        token: &str,
        session: Session,
        owner: Owner<'_>,
        now: u64,
        expires_at: u64,
    ) -> Result<(), ServiceError> {
        let Owner { client, principal, ledger } = owner;
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
        let of_the_ledger = self.by_ledger.count(session.strand_id(), ledger_max);
        let of_the_ledger = of_the_ledger.ok_or_else(|| exceeded(ledger_max, "of this ledger"))?;
        let mut registry = self.lock();
        if registry.by_token.len() >= self.sessions_max {
            return Err(exceeded(self.sessions_max, "of this server"));
        }
        let token: Arc<str> = Arc::from(token);
        let shared = SharedSession {
            account: Account { client: client.clone(), ledger: session.strand_id() },
            session: Arc::new(tokio::sync::Mutex::new(session)),
            running: Mutex::default(),
            principal: principal.into(),
            ledger: ledger.into(),
            used: AtomicBool::new(*client == Client::InProcess),
            transaction: Mutex::default(),
            transactions: Arc::clone(&self.transactions),
            _of_the_client: of_the_client,
            _of_the_ledger: of_the_ledger,
        };
        registry.by_token.insert(Arc::clone(&token), Arc::new(shared));
        if *client != Client::InProcess {
            registry.unused_queue.push_back((now.saturating_add(UNUSED_MILLIS), Arc::clone(&token)));
        }
        registry.expiry_queue.push_back((expires_at, token));
        registry.compact_expiry_queue();
        Ok(())
    }

    /// The session of a token, if it is the principal's.
    pub(crate) fn get(
        &self,
        token: &SessionToken,
        principal: &str,
    ) -> Result<Arc<SharedSession>, ServiceError> {
        self.lock()
            .by_token
            .get(token.as_str())
            .filter(|session| *session.principal == *principal)
            .cloned()
            .inspect(|session| session.used.store(true, Ordering::Relaxed))
            .ok_or_else(|| ServiceError::new(Exception::InvalidSession, "No such session"))
    }

    /// The number of sessions.
    pub(crate) fn count(&self) -> usize {
        self.lock().by_token.len()
    }

    /// Forgets a session.
    pub(crate) fn remove(&self, token: &SessionToken) {
        self.lock().by_token.remove(token.as_str());
    }

    /// Forgets expired sessions, and lets the others drop their expired transactions.
    pub(crate) fn sweep(&self, now: u64) {
        let (forgotten, rest) = {
            let mut registry = self.lock();
            let mut forgotten = Vec::new();
            while registry.expiry_queue.front().is_some_and(|(at, _)| *at <= now) {
                if let Some((_, token)) = registry.expiry_queue.pop_front() {
                    forgotten.extend(registry.by_token.remove(&token));
                }
            }
            while registry.unused_queue.front().is_some_and(|(at, _)| *at <= now) {
                if let Some((_, token)) = registry.unused_queue.pop_front()
                    && registry
                        .by_token
                        .get(&token)
                        .is_some_and(|session| !session.used.load(Ordering::Relaxed))
                {
                    forgotten.extend(registry.by_token.remove(&token));
                }
            }
            (forgotten, registry.by_token.values().cloned().collect::<Vec<_>>())
        };
        drop(forgotten);
        for shared in rest {
            // A session whose lock is taken runs a command, which checks the clock itself.
            if let Ok(mut session) = shared.session.try_lock() {
                session.is_dead();
                shared.release_ended_transaction(&session);
            }
        }
    }

    /// Ends all sessions of a ledger, which is named by its strand, and stops their statements.
    pub(crate) fn end_those_of(&self, ledger: UniqueId) {
        let mut ended = Vec::new();
        self.lock().by_token.retain(|_, session| {
            let stays = session.account.ledger != ledger;
            if !stays {
                session.cancel(Cancellation::Session);
                ended.push(Arc::clone(session));
            }
            stays
        });
        // Outside of the lock, because dropping a session rolls its transaction back.
        drop(ended);
    }

    /// Forgets all sessions and rolls their open transactions back.
    pub(crate) fn clear(&self) {
        let mut registry = self.lock();
        for session in registry.by_token.values() {
            session.cancel(Cancellation::Session);
        }
        registry.by_token.clear();
        registry.expiry_queue.clear();
        registry.unused_queue.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedSession {
    /// Waits for the session's earlier commands.
    pub(crate) async fn lock(&self) -> OwnedMutexGuard<Session> {
        Arc::clone(&self.session).lock_owned().await
    }

    /// The name that its ledger had when it began.
    pub(crate) fn ledger(&self) -> &Arc<str> {
        &self.ledger
    }

    /// The client and the ledger that its statements count for.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Begins a transaction, unless the client has its part of the ledger's open transactions.
    pub(crate) fn start_transaction(
        &self,
        session: &mut Session,
        transactions_max: usize,
    ) -> Result<Arc<str>, LedgerError> {
        self.release_ended_transaction(session);
        let client_max = match self.account.client {
            Client::InProcess => transactions_max,
            _ => transactions_max.div_ceil(TRANSACTIONS_PART),
        };
        // If a transaction is open already, the session's own error must win over the limit.
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

    /// Decrements the count of open transactions if the session's transaction is over.
    pub(crate) fn release_ended_transaction(&self, session: &Session) {
        if session.transaction_id().is_none() {
            *self.transaction() = None;
        }
    }

    fn transaction(&self) -> MutexGuard<'_, Option<Counted<(UniqueId, Client)>>> {
        self.transaction.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a statement of the session's open transaction in its turn. Answers also the permit that the statement held at its end.
    /// If the caller leaves before the answer, the statement is stopped and its transaction is aborted.
    ///
    /// A statement of a connection runs on this thread, because a hand-over to another thread costs as much as a short statement.
    /// Such a statement asks itself whether its client has left. A caller in this process leaves by dropping the future, so its
    /// statement runs on a task of its own.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<SharedSession>,
        session: OwnedMutexGuard<Session>,
        scheduler: &Arc<Scheduler>,
        caller: &Caller,
        statement: impl FnOnce(&mut Session) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<(T, Option<Permit>), LedgerError> {
        let interrupt = session.interrupt().unwrap_or_default();
        let presence = caller.presence.clone();
        let runs_here = presence.is_some();
        let turn = Turn::new(Arc::clone(scheduler), self.account.clone(), interrupt, presence);
        let turn = Arc::new(turn);
        *self.running() = Some(Running { turn: Arc::clone(&turn), cancellation: None });
        let mut pending =
            PendingStatement { shared: self, turn: &turn, session: Some(session), is_running: false };
        turn.begin().await?;
        let Some(mut session) = pending.session.take() else { return Err(LedgerError::NoSuchSession) };
        pending.is_running = true;
        let (own, turn) = (Arc::clone(self), Arc::clone(&turn));
        let run = move || {
            let _end = EndTurn(&turn);
            let answer = turn.run_here().and_then(|()| {
                session.set_pace(Some(Arc::clone(&turn) as Arc<dyn Pace>));
                statement(&mut session)
            });
            session.set_pace(None);
            if turn.is_deserted() {
                own.cancel(Cancellation::Transaction);
            }
            own.end_statement(&mut session);
            answer.map(|answer| (answer, turn.end()))
        };
        let answer = if runs_here { catch_panic(run) } else { on_own_task(run).await };
        pending.is_running = false;
        answer
    }

    /// Stops the statement that runs or waits for its turn, and ends its transaction or its session as soon as it is over. Answers
    /// whether there is such a statement.
    pub(crate) fn cancel(&self, cancellation: Cancellation) -> bool {
        let mut running = self.running();
        let Some(running) = &mut *running else { return false };
        running.cancellation = running.cancellation.max(Some(cancellation));
        running.turn.stop();
        true
    }

    /// Ends the transaction or the session if a client cancelled it while the statement ran.
    fn end_statement(&self, session: &mut Session) {
        let over = self.running().take();
        match over.and_then(|running| running.cancellation) {
            None => {}
            // An error means that the transaction is over already.
            Some(Cancellation::Transaction) => drop(session.abort()),
            Some(Cancellation::Session) => session.end(),
        }
        self.release_ended_transaction(session);
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A statement that waits for its turn, and then runs. If this is dropped before the answer, its caller is gone, and the statement
/// is stopped.
struct PendingStatement<'s> {
    shared: &'s SharedSession,
    turn: &'s Arc<Turn>,
    /// Held here until the statement begins.
    session: Option<OwnedMutexGuard<Session>>,
    is_running: bool,
}

impl Drop for PendingStatement<'_> {
    fn drop(&mut self) {
        if let Some(session) = &mut self.session {
            // The statement has not begun.
            self.shared.end_statement(session);
        } else if self.is_running
            && let Some(running) = &mut *self.shared.running()
            && Arc::ptr_eq(&running.turn, self.turn)
        {
            running.cancellation = running.cancellation.max(Some(Cancellation::Transaction));
            running.turn.stop();
        }
    }
}

/// Ends the turn of a statement when it is dropped, so that a statement that panics gives its permit back.
struct EndTurn<'t>(&'t Turn);

impl Drop for EndTurn<'_> {
    fn drop(&mut self) {
        drop(self.0.end());
    }
}

impl Registry {
    /// Removes ended sessions from the queues when these have become too long, because clients that start and end sessions all day
    /// would otherwise fill them.
    fn compact_expiry_queue(&mut self) {
        if self.expiry_queue.len() > 1000 + 2 * self.by_token.len() {
            let by_token = &self.by_token;
            self.expiry_queue.retain(|(_, token)| by_token.contains_key(token));
            self.unused_queue.retain(|(_, token)| by_token.contains_key(token));
        }
    }
}

#[cfg(test)]
mod tests {
    use everstrand_ledger::storage::{MemorySlots, MemoryView};
    use everstrand_ledger::{Environment, Ledger, LedgerOptions, ManualClock, SeededIds};

    use super::*;

    fn owner(client: &Client) -> Owner<'_> {
        Owner { client, principal: "", ledger: "ledger" }
    }

    #[test]
    fn sessions_that_come_and_go_leave_little_behind() {
        let environment =
            Environment { clock: Arc::new(ManualClock::new(0)), ids: Arc::new(SeededIds::new(1)) };
        let (slots, view) = (Arc::new(MemorySlots::new()), Arc::new(MemoryView::new()));
        let ledger = Ledger::open(slots, view, environment, LedgerOptions::default()).expect("a ledger");
        let sessions = Sessions::new(10);
        let client = Client::at(core::net::Ipv4Addr::LOCALHOST.into());
        sessions.insert("stays", ledger.start_session(), owner(&client), 0, 100).expect("room");
        sessions.get(&SessionToken::from("stays"), "").expect("it is used");
        for number in 0..5000_u64 {
            let token = format!("token{number}");
            sessions.insert(&token, ledger.start_session(), owner(&client), 0, 100 + number).expect("room");
            sessions.remove(&SessionToken::from(token));
        }
        assert_eq!(sessions.count(), 1);
        assert!(sessions.lock().expiry_queue.len() < 1100);
        // The session that was not ended is still forgotten at its time.
        sessions.sweep(100);
        assert_eq!(sessions.count(), 0);
    }

    #[test]
    fn no_client_has_all_sessions_and_unused_ones_are_forgotten_soon() {
        let environment =
            Environment { clock: Arc::new(ManualClock::new(0)), ids: Arc::new(SeededIds::new(1)) };
        let (slots, view) = (Arc::new(MemorySlots::new()), Arc::new(MemoryView::new()));
        let ledger = Ledger::open(slots, view, environment, LedgerOptions::default()).expect("a ledger");
        let sessions = Sessions::new(20);
        let client = |last| Client::at(core::net::Ipv4Addr::new(10, 0, 0, last).into());
        let insert = |token: &str, last| {
            sessions
                .insert(token, ledger.start_session(), owner(&client(last)), 0, 900_000)
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
        let refused = sessions.insert("in-process", in_process, owner(&Client::InProcess), 0, 900_000);
        assert!(refused.is_ok(), "the bounds are those of clients that come from elsewhere");
        sessions.get(&SessionToken::from("greedy0"), "").expect("a session");
        sessions.sweep(UNUSED_MILLIS - 1);
        assert_eq!(sessions.count(), 11);
        sessions.sweep(UNUSED_MILLIS);
        assert_eq!(sessions.count(), 2, "the one that was used, and the one in this process");
        insert("greedy4", 1).expect("room again");
    }
}
