//! The errors of a client.

use everstrand_ion::IonError;
use everstrand_protocol::{DuplicateKey, Exception, ServiceError};

use crate::transport::TransportError;

/// An error of a client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service answered with an exception.
    #[error(transparent)]
    Service(ServiceError),
    /// There was no answer, or one that cannot be understood.
    #[error(transparent)]
    Transport(TransportError),
    /// The service sent the result of another command.
    #[error("{sent} was answered by a result of {received}")]
    UnexpectedReply {
        /// The command that was sent.
        sent: &'static str,
        /// The command whose result came.
        received: &'static str,
    },
    /// The commit was sent, and its outcome is not known. The transaction may be permanent or not. The driver does not run
    /// it again, unless the caller has said that this does no harm.
    #[error("the outcome of committing transaction {transaction_id} is unknown: {source}")]
    CommitOutcomeUnknown {
        /// The id of the transaction. If it was committed, the journal has a block with this id.
        transaction_id: String,
        /// The reason why the outcome is unknown.
        source: Box<Error>,
    },
    /// The service committed other statements than this client sent. The transaction is permanent.
    #[error(
        "transaction {transaction_id} was committed, but the service's commit digest is not the client's"
    )]
    CommitDigestMismatch {
        /// The transaction.
        transaction_id: String,
    },
    /// The transaction cannot take commands any more, because it was committed, aborted or lost.
    #[error("transaction {transaction_id} is over")]
    TransactionOver {
        /// The transaction.
        transaction_id: String,
    },
    /// The session has another open transaction, and can have only one.
    #[error("transaction {transaction_id} of this session is still in progress; commit or abort it first")]
    TransactionInProgress {
        /// The transaction.
        transaction_id: String,
    },
    /// A value of a result is not Ion.
    #[error("the service sent a value that is not Ion: {0}")]
    Ion(#[from] IonError),
    /// A setting of the driver is missing or wrong.
    #[error("{0}")]
    Configuration(String),
}

impl Error {
    /// The exception of the service; `None` if the error is another one.
    pub fn service(&self) -> Option<&ServiceError> {
        match self {
            Error::Service(error) => Some(error),
            Error::CommitOutcomeUnknown { source, .. } => source.service(),
            _ => None,
        }
    }

    /// QLDB's number of the error, if the service sent one: `412` means that the table exists.
    pub fn code(&self) -> Option<&str> {
        self.service()?.code.as_deref()
    }

    /// The table, the index and the key, if the statement would have given two documents the same key in a unique index.
    pub fn duplicate_key(&self) -> Option<&DuplicateKey> {
        self.service()?.duplicate_key.as_deref()
    }

    /// The HTTP status of the exception, if the service sent one.
    pub fn http_status(&self) -> Option<u16> {
        self.service().map(ServiceError::http_status)
    }

    /// The id of the request that failed, if the service sent an exception.
    pub fn request_id(&self) -> Option<&str> {
        self.service()?.request_id.as_deref()
    }

    /// The id of the transaction that the error is about, if it is about one.
    pub fn transaction_id(&self) -> Option<&str> {
        match self {
            Error::CommitOutcomeUnknown { transaction_id, .. }
            | Error::CommitDigestMismatch { transaction_id }
            | Error::TransactionOver { transaction_id }
            | Error::TransactionInProgress { transaction_id } => Some(transaction_id),
            _ => None,
        }
    }

    /// Whether another transaction changed what this one has read. Running this one again may succeed.
    pub fn is_occ_conflict(&self) -> bool {
        self.is(&Exception::OccConflict)
    }

    /// Whether the request or the statement is wrong.
    pub fn is_bad_request(&self) -> bool {
        self.is(&Exception::BadRequest) && !self.is_invalid_session()
    }

    /// Whether the service does not know the session any more, so that a new one is needed.
    pub fn is_invalid_session(&self) -> bool {
        // In 2020 QLDB answered expired tokens with a BadRequestException of this text.
        self.is(&Exception::InvalidSession)
            || matches!(self, Error::Service(error) if error.exception == Exception::BadRequest
                && error.message == "The parameter SessionToken is not valid")
    }

    /// Whether the transaction took longer than the service allows. Running it again would take as long.
    pub fn is_transaction_expired(&self) -> bool {
        matches!(self, Error::Service(error) if error.exception == Exception::InvalidSession
            && error.message.split_once("Transaction ").is_some_and(|(_, rest)| rest.contains(" has expired")))
    }

    /// Whether the same transaction may succeed if it is run again: after a conflict, the loss of a session or a connection,
    /// or if the service is not available. It is false if the outcome of a commit is unknown.
    pub fn is_retriable(&self) -> bool {
        match self {
            Error::Service(error) => match error.exception {
                Exception::OccConflict
                | Exception::RateExceeded
                | Exception::LimitExceeded
                | Exception::CapacityExceeded => true,
                _ if self.is_transaction_expired() => false,
                _ => self.is_invalid_session() || error.http_status() >= 500,
            },
            Error::Transport(error) => !matches!(error, TransportError::Unsendable(_)),
            _ => false,
        }
    }

    /// Whether the service may have committed a transaction, although the answer to the commit was this error.
    pub(crate) fn leaves_commit_unknown(&self) -> bool {
        match self {
            // The service refuses a command for lack of capacity before it does anything.
            Error::Service(error) if error.exception == Exception::CapacityExceeded => false,
            Error::Service(error) => error.http_status() >= 500,
            Error::Transport(_) | Error::UnexpectedReply { .. } => !self.is_of_request_not_sent(),
            _ => false,
        }
    }

    /// Whether the service certainly did not get the request.
    pub(crate) fn is_of_request_not_sent(&self) -> bool {
        matches!(self, Error::Transport(TransportError::Unsendable(_) | TransportError::NotSent(_)))
    }

    fn is(&self, exception: &Exception) -> bool {
        matches!(self, Error::Service(error) if error.exception == *exception)
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Error {
        match error {
            TransportError::Service(error) => Error::Service(error),
            error => Error::Transport(error),
        }
    }
}
