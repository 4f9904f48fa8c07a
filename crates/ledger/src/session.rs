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
//! A session lives for a time, busy or not; then it is dead too. One command runs at a time: whoever
//! shares a session between callers puts their commands in order.

use std::fmt;
use std::sync::Arc;

use everstrand_ion::Document;
use everstrand_journal::{Hash, UniqueId};

use crate::commit::future::{CommitFuture, Committed};
use crate::error::LedgerError;
use crate::handle::Handle;
use crate::pace::{Interrupt, Pace};
use crate::planted::planted;
use crate::transaction::Transaction;
use crate::transaction::pages::Page;

/// One client's conversation with a ledger. Dropped, it rolls back what is open.
pub struct Session {
    ledger: Arc<Handle>,
    id: UniqueId,
    /// When the session dies, on the monotonic clock.
    deadline: u64,
    pace: Option<Arc<dyn Pace>>,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle,
    Open(Box<Transaction>),
    /// With the answer to all further commands.
    Dead(LedgerError),
}

impl Session {
    pub(crate) fn new(ledger: Arc<Handle>) -> Session {
        let core = ledger.core();
        let id = core.environment.ids.next();
        let lifetime = core.options.limits.session_millis;
        let deadline = core.environment.clock.monotonic_millis().saturating_add(lifetime);
        Session { ledger, id, deadline, pace: None, state: State::Idle }
    }

    /// Its id.
    pub fn id(&self) -> UniqueId {
        self.id
    }

    /// The strand of the ledger it talks to.
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

    /// A handle by which another thread stops the statement that this session runs.
    pub fn interrupt(&self) -> Option<Interrupt> {
        match &self.state {
            State::Open(transaction) => Some(transaction.interrupt()),
            State::Idle | State::Dead(_) => None,
        }
    }

    /// Says by whom the next statements are told when their turn is over; by nobody, and they run to their end, unless
    /// this was called.
    pub fn set_pace(&mut self, pace: Option<Arc<dyn Pace>>) {
        self.pace = pace;
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
        let pace = self.pace.clone();
        let answer = self.open(transaction_id)?.at_pace(pace).execute(statement, parameters);
        self.die_if_expired(answer)
    }

    /// FetchPage.
    pub fn fetch_page(&mut self, transaction_id: &str, page_token: &str) -> Result<Page, LedgerError> {
        let pace = self.pace.clone();
        let answer = self.open(transaction_id)?.at_pace(pace).fetch_page(page_token);
        self.die_if_expired(answer)
    }

    /// CommitTransaction. Whatever the answer will be, the transaction is no longer open.
    pub fn commit(&mut self, transaction_id: &str, commit_digest: Hash) -> Result<CommitFuture, LedgerError> {
        if planted!("duplicate-acknowledgement")
            && self.open(transaction_id).err() == Some(LedgerError::NoOpenTransaction)
            && let Ok(transaction_id) = transaction_id.parse()
        {
            let committed = Committed { transaction_id, commit_digest, block_address: None };
            return Ok(CommitFuture::ready(Ok(committed)));
        }
        self.open(transaction_id)?;
        match std::mem::replace(&mut self.state, State::Idle) {
            #[cfg(planted_bugs)]
            State::Open(mut transaction) if planted!("page-after-commit") => {
                self.state = State::Open(Box::new(transaction.leave_pages()?));
                Ok(transaction.commit(commit_digest))
            }
            State::Open(transaction) => Ok(transaction.commit(commit_digest)),
            State::Idle | State::Dead(_) => Err(LedgerError::NoOpenTransaction),
        }
    }

    /// AbortTransaction; nothing to do is no error.
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
            State::Open(transaction)
                if &**transaction.id() == transaction_id || planted!("foreign-transaction-id") =>
            {
                Ok(transaction)
            }
            State::Open(_) | State::Idle => Err(LedgerError::NoOpenTransaction),
        }
    }

    /// Dies when its time, or its transaction's, is over.
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
