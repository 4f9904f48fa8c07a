//! A session: at most one open transaction, and every command's answer in every state.
//!
//! ```text
//!              start      execute, fetch    commit               abort      end
//! idle         → open     405               405                  ok         → ended
//! open         refused    run, stays open   → idle               → idle     → ended
//! open, late   expired, and the session is dead from then on                → ended
//! dead         expired, as before                                           → ended
//! ```
//!
//! A session also dies when its own time is over, busy or not. It runs one command at a time: if several callers share
//! a session, they must order their commands.

use std::fmt;
use std::sync::Arc;

use everstrand_ion::Document;
use everstrand_journal::{Hash, UniqueId};

use crate::authorize::Authorize;
use crate::commit::future::{BarrierFuture, CommitFuture};
use crate::error::LedgerError;
use crate::handle::Handle;
use crate::pace::{Interrupt, Pace};
use crate::transaction::Transaction;
use crate::transaction::pages::Page;

/// A client's context on one ledger. Dropping it rolls back its open transaction.
pub struct Session {
    ledger: Arc<Handle>,
    id: UniqueId,
    /// When the session dies, on the monotonic clock.
    deadline: u64,
    pace: Option<Arc<dyn Pace>>,
    authorize: Option<Arc<dyn Authorize>>,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle,
    Open(Box<Transaction>),
    /// Every further command gets this answer.
    Dead(LedgerError),
}

impl Session {
    pub(crate) fn new(ledger: Arc<Handle>) -> Session {
        let core = ledger.core();
        let id = core.environment.ids.next();
        let lifetime = core.options.limits.session_millis;
        let deadline = core.environment.clock.monotonic_millis().saturating_add(lifetime);
        Session { ledger, id, deadline, pace: None, authorize: None, state: State::Idle }
    }

    /// Its id.
    pub fn id(&self) -> UniqueId {
        self.id
    }

    /// The strand of its ledger.
    pub fn strand_id(&self) -> UniqueId {
        self.ledger.core().strand_id
    }

    /// The open transaction's id.
    pub fn transaction_id(&self) -> Option<&Arc<str>> {
        match &self.state {
            State::Open(transaction) => Some(transaction.id()),
            State::Idle | State::Dead(_) => None,
        }
    }

    /// The digest of the open transaction's statements so far.
    pub fn commit_digest(&self) -> Option<Hash> {
        match &self.state {
            State::Open(transaction) => Some(transaction.commit_digest()),
            State::Idle | State::Dead(_) => None,
        }
    }

    /// Whether every further command but the end will be refused.
    pub fn is_dead(&mut self) -> bool {
        self.expire();
        matches!(self.state, State::Dead(_))
    }

    /// Stops the statement that this session runs, from another thread.
    pub fn interrupt(&self) -> Option<Interrupt> {
        match &self.state {
            State::Open(transaction) => Some(transaction.interrupt()),
            State::Idle | State::Dead(_) => None,
        }
    }

    /// Lets this pace decide when the next long statements go on. Without one they run to their end.
    pub fn set_pace(&mut self, pace: Option<Arc<dyn Pace>>) {
        self.pace = pace;
    }

    /// Lets this decide what the next statements may do. Without one they may do everything.
    pub fn set_authorize(&mut self, authorize: Option<Arc<dyn Authorize>>) {
        self.authorize = authorize;
    }

    /// [`Ledger::read_barrier`](crate::Ledger::read_barrier) of its ledger.
    pub fn read_barrier(&self) -> BarrierFuture {
        self.ledger.read_barrier()
    }

    /// StartTransaction: answers the new transaction's id.
    pub fn start_transaction(&mut self) -> Result<Arc<str>, LedgerError> {
        self.expire();
        match &self.state {
            State::Dead(error) => Err(error.clone()),
            State::Open(_) => Err(LedgerError::TransactionAlreadyOpen),
            State::Idle => {
                let transaction = Transaction::start(&self.ledger)?;
                let id = Arc::clone(transaction.id());
                self.state = State::Open(Box::new(transaction));
                Ok(id)
            }
        }
    }

    /// ExecuteStatement.
    pub fn execute(
        &mut self,
        transaction_id: &str,
        statement: &str,
        parameters: &[Document],
    ) -> Result<Page, LedgerError> {
        let (pace, authorize) = (self.pace.clone(), self.authorize.clone());
        let transaction = self.open(transaction_id)?.at_pace(pace);
        transaction.set_authorize(authorize);
        let answer = transaction.execute(statement, parameters);
        self.die_if_expired(answer)
    }

    /// FetchPage.
    pub fn fetch_page(&mut self, transaction_id: &str, page_token: &str) -> Result<Page, LedgerError> {
        let (pace, authorize) = (self.pace.clone(), self.authorize.clone());
        let transaction = self.open(transaction_id)?.at_pace(pace);
        transaction.set_authorize(authorize);
        let answer = transaction.fetch_page(page_token);
        self.die_if_expired(answer)
    }

    /// CommitTransaction. The transaction is no longer open, whatever the answer is.
    pub fn commit(&mut self, transaction_id: &str, commit_digest: Hash) -> Result<CommitFuture, LedgerError> {
        self.open(transaction_id)?;
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Open(transaction) => Ok(transaction.commit(commit_digest)),
            State::Idle | State::Dead(_) => Err(LedgerError::NoOpenTransaction),
        }
    }

    /// AbortTransaction. It is no error if no transaction is open.
    pub fn abort(&mut self) -> Result<(), LedgerError> {
        self.expire();
        if let State::Dead(error) = &self.state {
            return Err(error.clone());
        }
        self.state = State::Idle;
        Ok(())
    }

    /// EndSession: every further command is refused.
    pub fn end(&mut self) {
        self.state = State::Dead(LedgerError::NoSuchSession);
    }

    fn open(&mut self, transaction_id: &str) -> Result<&mut Transaction, LedgerError> {
        self.expire();
        match &mut self.state {
            State::Dead(error) => Err(error.clone()),
            State::Open(transaction) if &**transaction.id() == transaction_id => Ok(transaction),
            State::Open(_) | State::Idle => Err(LedgerError::NoOpenTransaction),
        }
    }

    /// Dies if its time is over, or its transaction's.
    fn expire(&mut self) {
        let now = self.ledger.core().environment.clock.monotonic_millis();
        match &self.state {
            State::Dead(_) => {}
            State::Open(transaction) if transaction.is_expired() => {
                self.state = State::Dead(transaction.expired());
            }
            State::Open(_) | State::Idle if now >= self.deadline => {
                self.state = State::Dead(LedgerError::SessionExpired { session_id: self.id.to_string() });
            }
            State::Open(_) | State::Idle => {}
        }
    }

    /// Dies if this answer says that its transaction expired.
    fn die_if_expired<T>(&mut self, answer: Result<T, LedgerError>) -> Result<T, LedgerError> {
        if let Err(error @ LedgerError::TransactionExpired { .. }) = &answer {
            self.state = State::Dead(error.clone());
        }
        answer
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Session");
        shown.field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}
