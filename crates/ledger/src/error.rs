//! What can go wrong, sorted by who must act.

use everstrand_journal::Seal;
use everstrand_partiql::tables::TablesError;
use everstrand_partiql::{Category, PartiqlError};

use crate::loss::Loss;
use crate::occ::changed::Changed;
use crate::storage::slots::SlotError;
use crate::storage::views::ViewError;

/// A key that two documents would have in a unique index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateKey {
    /// The name of the table.
    pub table: String,
    /// The name of the index, or its paths as `[a, b.c]` if it has none.
    pub index: String,
    /// The paths of the index as `[a, b.c]`.
    pub expression: String,
    /// The values at these paths, as a list in Ion text; `None` if it would be longer than
    /// [`DuplicateKey::KEY_BYTES_MAX`].
    pub key: Option<String>,
}

impl DuplicateKey {
    /// The code of this error on the wire.
    pub const CODE: &str = "409";
    /// The longest key that the error has.
    pub const KEY_BYTES_MAX: usize = 4096;
}

/// Why a ledger did not do what it was asked. Where QLDB's text is known, the text is QLDB's.
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
    /// The statement's author must act: another document has the same key in a unique index. A transaction stays open.
    #[error("Another document of table {} has the same key in the unique index {}", .0.table, .0.expression)]
    DuplicateKey(Box<DuplicateKey>),
    /// The caller named a transaction that is not open, or no longer.
    #[error("No open transaction")]
    NoOpenTransaction,
    /// The session has an open transaction already, which stays open.
    #[error("Transaction already open")]
    TransactionAlreadyOpen,
    /// The ledger received other statements than the client sent. The transaction is rolled back.
    #[error("Digests don't match")]
    DigestMismatch,
    /// This transaction did not give the page token, or its page was fetched already.
    #[error("The parameter NextPageToken is not valid")]
    InvalidPageToken,

    /// The client should try again: a block that was committed meanwhile changed what the transaction read.
    #[error(
        "Optimistic concurrency control (OCC) failure encountered while committing the transaction: {what} was changed{}",
        in_block(*block)
    )]
    OccConflict {
        /// What the transaction read and the block changed. No data of documents is in it.
        what: Changed,
        /// The block that changed it, if it is known.
        block: Option<u64>,
    },
    /// The client should begin a new session: the transaction lived longer than it may.
    #[error("Transaction {transaction_id} has expired")]
    TransactionExpired {
        /// Which transaction.
        transaction_id: String,
    },
    /// The client should begin a new session: this one lived longer than it may.
    #[error("Session {session_id} has expired")]
    SessionExpired {
        /// Which session.
        session_id: String,
    },
    /// The client should begin a new session: this one was ended.
    #[error("No such session")]
    NoSuchSession,
    /// The client should begin a new session with the ledger that has the name now: nothing follows in this journal.
    #[error("the ledger takes no more writes: {0}")]
    Sealed(Seal),
    /// The client should wait: a limit of the ledger is reached.
    #[error("{0}")]
    LimitExceeded(String),
    /// The client should try again a little later: too many statements run already.
    #[error("{0}")]
    Busy(String),
    /// The statement was stopped, because the client aborted it or went away.
    #[error("The statement was interrupted")]
    Interrupted,

    /// The operator must act: the journal cannot be written. The transaction was certainly not committed.
    #[error("the ledger cannot be written: {0}")]
    Unavailable(String),
    /// The operator must act: nobody knows whether the transaction was committed. Opening the ledger again decides
    /// it.
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
    /// The client should try again later: the view failed or is damaged, and is being built again. Nothing is lost.
    #[error(
        "{0}. Nothing is lost: the ledger builds another view from the journal, at the latest when it is opened again"
    )]
    View(String),
    /// The ledger was closed.
    #[error("the ledger is closed")]
    Closed,
    /// The developers must act: this is a bug.
    #[error("internal failure: {0}")]
    Internal(String),
}

fn in_block(block: Option<u64>) -> String {
    block.map(|block| format!(" in block {block}")).unwrap_or_default()
}

impl LedgerError {
    /// A bad request without a code.
    pub(crate) fn bad_request(message: impl Into<String>) -> LedgerError {
        LedgerError::BadRequest { code: None, message: message.into() }
    }

    /// The answer to commits that come after this error has ended writing. They were certainly not committed,
    /// whatever became of those before.
    pub(crate) fn refusal(&self) -> LedgerError {
        match self {
            LedgerError::Unavailable(_) | LedgerError::Sealed(_) => self.clone(),
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
    /// The language passes the wrapped error on without looking into it, and it comes out again whole.
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
