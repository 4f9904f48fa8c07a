//! All that can go wrong for a client, and who must act.

use everstrand_ion::IonError;
use everstrand_protocol::{Exception, ServiceError};

use crate::transport::TransportError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service answered with an exception.
    #[error(transparent)]
    Service(ServiceError),
    /// No answer, or none that can be understood.
    #[error(transparent)]
    Transport(TransportError),
    /// The service answered another command than the one that was sent.
    #[error("{sent} was answered by a result of {received}")]
    UnexpectedReply {
        /// The command.
        sent: &'static str,
        /// The command that the answer belongs to.
        received: &'static str,
    },
    /// The commit was sent and its outcome is not known: the transaction may be permanent or not. It is
    /// not run again unless the caller said that running it twice does no harm.
    #[error("the outcome of committing transaction {transaction_id} is unknown: {source}")]
    CommitOutcomeUnknown {
        /// The transaction. Its id stands in the journal if it was committed.
        transaction_id: String,
        /// Why the outcome is unknown.
        source: Box<Error>,
    },
    /// The service committed something else than this client sent. The transaction is permanent.
    #[error("transaction {transaction_id} was committed, but the service's digest is not the client's")]
    CommitDigestMismatch {
        /// The transaction.
        transaction_id: String,
    },
    /// The transaction was committed, aborted or lost before this was asked of it.
    #[error("transaction {transaction_id} is over")]
    TransactionOver {
        /// The transaction.
        transaction_id: String,
    },
    /// A session has one transaction at a time.
    #[error("transaction {transaction_id} of this session is still in progress; commit or abort it first")]
    TransactionInProgress {
        /// The transaction.
        transaction_id: String,
    },
    /// A value of a result is not Ion.
    #[error("the service sent a value that is not Ion: {0}")]
    Ion(#[from] IonError),
    /// The driver was given a setting that it cannot work with.
    #[error("{0}")]
    Configuration(String),
}

impl Error {
    /// The service's exception, where there is one.
    pub fn service(&self) -> Option<&ServiceError> {
        match self {
            Error::Service(error) => Some(error),
            Error::CommitOutcomeUnknown { source, .. } => source.service(),
            _ => None,
        }
    }

    /// QLDB's number of the error, such as `412` for a table that exists.
    pub fn code(&self) -> Option<&str> {
        self.service()?.code.as_deref()
    }

    /// The HTTP status of the service's answer.
    pub fn http_status(&self) -> Option<u16> {
        self.service().map(ServiceError::http_status)
    }

    /// The service's name for the exchange that failed.
    pub fn request_id(&self) -> Option<&str> {
        self.service()?.request_id.as_deref()
    }

    /// The transaction, where the error is about one.
    pub fn transaction_id(&self) -> Option<&str> {
        match self {
            Error::CommitOutcomeUnknown { transaction_id, .. }
            | Error::CommitDigestMismatch { transaction_id }
            | Error::TransactionOver { transaction_id }
            | Error::TransactionInProgress { transaction_id } => Some(transaction_id),
            _ => None,
        }
    }

    /// Whether another transaction changed what this one has read. Running it again may succeed.
    pub fn is_occ_conflict(&self) -> bool {
        self.is(&Exception::OccConflict)
    }

    /// Whether the request or the statement is wrong.
    pub fn is_bad_request(&self) -> bool {
        self.is(&Exception::BadRequest) && !self.is_invalid_session()
    }

    /// Whether the session is gone. A new one is needed.
    pub fn is_invalid_session(&self) -> bool {
        // In 2020 QLDB answered expired tokens with a BadRequestException of this text.
        self.is(&Exception::InvalidSession)
            || matches!(self, Error::Service(error) if error.exception == Exception::BadRequest
                && error.message == "The parameter SessionToken is not valid")
    }

    /// Whether the transaction took longer than the service allows. Running it again would as well.
    pub fn is_transaction_expired(&self) -> bool {
        matches!(self, Error::Service(error) if error.exception == Exception::InvalidSession
            && error.message.split_once("Transaction ").is_some_and(|(_, rest)| rest.contains(" has expired")))
    }

    /// Whether it is the same request, sent again, that may succeed: a conflict, a lost session, a
    /// service that is overloaded or away, a connection that broke. Never an unknown commit.
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

    /// Whether the service may have committed although a commit was answered like this.
    pub(crate) fn leaves_commit_unknown(&self) -> bool {
        match self {
            // Refused for lack of room, before anything was done.
            Error::Service(error) if error.exception == Exception::CapacityExceeded => false,
            Error::Service(error) => error.http_status() >= 500,
            Error::Transport(_) | Error::UnexpectedReply { .. } => !self.is_of_request_not_sent(),
            _ => false,
        }
    }

    /// Whether the service certainly never saw the request.
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
