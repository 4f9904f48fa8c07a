//! What may go wrong, sorted by who must act.

use everstrand_partiql::tables::TablesError;
use everstrand_partiql::{Category, PartiqlError};

use crate::loss::Loss;
use crate::storage::slots::SlotError;
use crate::storage::views::ViewError;

/// Why a ledger did not do what it was asked. The text is QLDB's where QLDB's is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The statement's author must act. A transaction stays open.
    #[error("{message}")]
    BadRequest {
        /// QLDB's code where one is known (`412`: table exists, `432`: semantic error).
        code: Option<&'static str>,
        /// What is wrong.
        message: String,
    },
    /// The caller works on a transaction that is not open, or no longer.
    #[error("No open transaction")]
    NoOpenTransaction,
    /// The session has an open transaction, which stays open.
    #[error("Transaction already open")]
    TransactionAlreadyOpen,
    /// The statements that came in are not those that the client sent. The transaction is rolled back.
    #[error("Digests don't match")]
    DigestMismatch,
    /// A page token that this transaction did not give, or whose page was fetched already.
    #[error("The parameter NextPageToken is not valid")]
    InvalidPageToken,

    /// The client should try again: a block committed meanwhile changed what the transaction read.
    #[error("Optimistic concurrency control (OCC) failure encountered while committing the transaction")]
    OccConflict {
        /// What was read and changed, for logs and tests.
        what: String,
        /// The block that changed it; `None` when it is an earlier transaction of the same group.
        block: Option<u64>,
    },
    /// The client should begin a new session: the transaction outlived its time.
    #[error("Transaction {transaction_id} has expired")]
    TransactionExpired {
        /// Which transaction.
        transaction_id: String,
    },
    /// The client should begin a new session: this one outlived its time.
    #[error("Session {session_id} has expired")]
    SessionExpired {
        /// Which session.
        session_id: String,
    },
    /// The client should begin a new session: this one was ended.
    #[error("No such session")]
    NoSuchSession,
    /// The client should wait: more is going on than the ledger was set to allow.
    #[error("{0}")]
    LimitExceeded(String),
    /// The client should try again a little later: too many statements run already.
    #[error("{0}")]
    Busy(String),
    /// Somebody asked a statement to stop.
    #[error("The statement was interrupted")]
    Interrupted,

    /// The operator must act: the journal is not written. The transaction has certainly not happened.
    #[error("the ledger cannot be written: {0}")]
    Unavailable(String),
    /// The operator must act: nobody knows whether the transaction has happened; opening the ledger
    /// again decides it.
    #[error("the outcome of the commit is unknown: {0}")]
    OutcomeUnknown(String),
    /// The operator must act: the journal is damaged, or is not this ledger's.
    #[error("the journal is damaged: {0}")]
    Damaged(String),
    /// The operator must act: blocks that were acknowledged are not in the journal.
    #[error(
        "blocks that were acknowledged are missing: {0}. Either the journal was cut or put back to an older copy, or \
         this folder was copied while a server wrote to it; put the missing segments back, or accept the loss with \
         `everstrand accept-loss`"
    )]
    BlocksMissing(Loss),
    /// The client should try again later: what is derived from the journal failed or is damaged, and is being
    /// built anew. Nothing is lost.
    #[error("{0}. Nothing is lost: it is built anew from the journal, by a restart at the latest")]
    View(String),
    /// The ledger was closed.
    #[error("the ledger is closed")]
    Closed,
    /// We must act.
    #[error("internal failure: {0}")]
    Internal(String),
}

impl LedgerError {
    /// A bad request without a code.
    pub(crate) fn bad_request(message: impl Into<String>) -> LedgerError {
        LedgerError::BadRequest { code: None, message: message.into() }
    }

    /// What a commit is told that comes after this has closed the ledger for writing: whatever became of
    /// others, it has not happened.
    pub(crate) fn refusal(&self) -> LedgerError {
        match self {
            LedgerError::Unavailable(_) => self.clone(),
            other => LedgerError::Unavailable(other.to_string()),
        }
    }
}

impl From<ViewError> for LedgerError {
    fn from(error: ViewError) -> LedgerError {
        LedgerError::View(error.to_string())
    }
}

impl From<SlotError> for LedgerError {
    fn from(error: SlotError) -> LedgerError {
        match error {
            SlotError::Unknown(_) => LedgerError::OutcomeUnknown(error.to_string()),
            SlotError::NotSent(_) | SlotError::Denied(_) | SlotError::Full(_) => {
                LedgerError::Unavailable(error.to_string())
            }
            SlotError::Corrupt { .. } => LedgerError::Damaged(error.to_string()),
        }
    }
}

impl From<LedgerError> for TablesError {
    /// Wrapped so that it crosses the language unseen and comes out again whole.
    fn from(error: LedgerError) -> TablesError {
        match error {
            LedgerError::BadRequest { code, message } => TablesError::Refused { code, message },
            other => TablesError::Failed(Box::new(other)),
        }
    }
}

impl From<PartiqlError> for LedgerError {
    fn from(error: PartiqlError) -> LedgerError {
        match error.into_tables_failure() {
            Ok(failure) => match failure.downcast::<LedgerError>() {
                Ok(own) => *own,
                Err(other) => LedgerError::Internal(other.to_string()),
            },
            Err(error) if error.category() == Category::Capacity => {
                LedgerError::LimitExceeded(error.to_string())
            }
            Err(error) => LedgerError::BadRequest { code: error.code(), message: error.to_string() },
        }
    }
}
