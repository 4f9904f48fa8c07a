//! The errors of a client.

use std::time::Duration;

use everstrand_ion::IonError;
use everstrand_ion::serde::SerdeError;
use everstrand_protocol::{Conflict, DuplicateKey, Exception, ServiceError};

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
    /// The transaction has reached the time that it may take, by the client's clock, so nothing was sent. It was not committed.
    #[error("transaction {transaction_id} has expired: it has taken longer than the service allows")]
    TransactionExpired {
        /// The transaction.
        transaction_id: String,
    },
    /// The answer to the commit was lost, and the service says that the transaction was not committed and never will be.
    #[error("transaction {transaction_id} was not committed, and never will be")]
    NotCommitted {
        /// The transaction.
        transaction_id: String,
    },
    /// All sessions of the pool were in use for as long as the caller wanted to wait.
    #[error("no session became free within {waited:?}: all {sessions_max} are in use")]
    PoolTimeout {
        /// How long the caller waited.
        waited: Duration,
        /// The most sessions of the pool.
        sessions_max: usize,
    },
    /// The driver was closed.
    #[error("the driver is closed")]
    DriverClosed,
    /// A parameter has no form in Ion.
    #[error("parameter {position}{}: {message}", at(path))]
    Parameter {
        /// Which `?` of the statement, from 1.
        position: usize,
        /// The field in it, as in `owner.cars[2]`; empty for the whole value.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// A row does not fit the type that it was asked for as.
    #[error("row {row}{}: {message}", at(path))]
    Row {
        /// Which row of the result, from 1.
        row: u64,
        /// The field in it, as in `owner.cars[2]`; empty for the whole row.
        path: String,
        /// What does not fit.
        message: String,
    },
    /// One row was asked for, and the result has none.
    #[error("the result has no row")]
    NoRow,
    /// One row was asked for, and the result has more.
    #[error("the result has more than one row")]
    ManyRows,
    /// What the service sent does not prove what it should.
    #[error("not verified: {0}")]
    NotVerified(String),
    /// A value of a result is not Ion.
    #[error("the service sent a value that is not Ion: {0}")]
    Ion(#[from] IonError),
    /// A setting of the driver is missing or wrong.
    #[error("{0}")]
    Configuration(String),
}

/// Who must act about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Another transaction changed what this one has read: [`Error::conflict`] says what. Run it again.
    Conflict,
    /// Another document has this key in a unique index: [`Error::duplicate_key`] says which.
    DuplicateKey,
    /// The transaction took longer than it may. Make it shorter.
    TransactionExpired,
    /// The session is over. Start another one.
    InvalidSession,
    /// There is no such ledger or document.
    NotFound,
    /// The caller has no permission, or its signature is wrong.
    Denied,
    /// The statement or the request is wrong.
    BadRequest,
    /// The caller asks for more than it may. Wait.
    Throttled,
    /// The service is not available, or failed. Wait.
    Unavailable,
    /// There was no connection, or it broke.
    Connection,
    /// The transaction may be committed or not.
    CommitOutcomeUnknown,
    /// All sessions of the pool are in use.
    PoolTimeout,
    /// The driver is closed.
    DriverClosed,
    /// The program used the driver wrongly: a setting, a parameter, a type, a transaction that is over.
    Usage,
    /// The service sent what it should not: another result, another digest, a proof that does not hold.
    Service,
}

impl ErrorKind {
    /// A short name, for metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Conflict => "conflict",
            ErrorKind::DuplicateKey => "duplicate key",
            ErrorKind::TransactionExpired => "transaction expired",
            ErrorKind::InvalidSession => "invalid session",
            ErrorKind::NotFound => "not found",
            ErrorKind::Denied => "denied",
            ErrorKind::BadRequest => "bad request",
            ErrorKind::Throttled => "throttled",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Connection => "connection",
            ErrorKind::CommitOutcomeUnknown => "commit outcome unknown",
            ErrorKind::PoolTimeout => "pool timeout",
            ErrorKind::DriverClosed => "driver closed",
            ErrorKind::Usage => "usage",
            ErrorKind::Service => "service",
        }
    }
}

/// The place of an error behind the number of the parameter or the row.
fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(", {path}") }
}

impl Error {
    /// Who must act about the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Service(error) => self.kind_of_service(error),
            Error::Transport(TransportError::Unsendable(_)) => ErrorKind::BadRequest,
            Error::Transport(TransportError::Answer(_)) => ErrorKind::Service,
            Error::Transport(_) => ErrorKind::Connection,
            Error::UnexpectedReply { .. }
            | Error::CommitDigestMismatch { .. }
            | Error::NotVerified(_)
            | Error::Ion(_) => ErrorKind::Service,
            Error::CommitOutcomeUnknown { .. } => ErrorKind::CommitOutcomeUnknown,
            Error::NotCommitted { .. } => ErrorKind::Conflict,
            Error::TransactionExpired { .. } => ErrorKind::TransactionExpired,
            Error::PoolTimeout { .. } => ErrorKind::PoolTimeout,
            Error::DriverClosed => ErrorKind::DriverClosed,
            Error::NoRow => ErrorKind::NotFound,
            Error::TransactionOver { .. }
            | Error::TransactionInProgress { .. }
            | Error::Parameter { .. }
            | Error::Row { .. }
            | Error::ManyRows
            | Error::Configuration(_) => ErrorKind::Usage,
        }
    }

    fn kind_of_service(&self, error: &ServiceError) -> ErrorKind {
        match error.exception {
            _ if self.is_transaction_expired() => ErrorKind::TransactionExpired,
            _ if self.is_invalid_session() => ErrorKind::InvalidSession,
            _ if error.duplicate_key().is_some() => ErrorKind::DuplicateKey,
            Exception::OccConflict => ErrorKind::Conflict,
            Exception::RateExceeded | Exception::LimitExceeded | Exception::CapacityExceeded => {
                ErrorKind::Throttled
            }
            Exception::ResourceNotFound => ErrorKind::NotFound,
            _ if error.http_status() == 403 => ErrorKind::Denied,
            _ if error.http_status() >= 500 => ErrorKind::Unavailable,
            _ => ErrorKind::BadRequest,
        }
    }

    /// Whether there is no such ledger, document or row.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Whether the caller has no permission, or its signature is wrong.
    pub fn is_denied(&self) -> bool {
        self.kind() == ErrorKind::Denied
    }

    /// Whether another document has the same key in a unique index.
    pub fn is_duplicate_key(&self) -> bool {
        self.kind() == ErrorKind::DuplicateKey
    }

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
        self.service()?.duplicate_key()
    }

    /// What another transaction changed under this one: the table, the document or the index, and the block. `None` if the error
    /// is not a conflict, or the service does not say it (QLDB did not).
    pub fn conflict(&self) -> Option<&Conflict> {
        self.service()?.conflict()
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
            | Error::TransactionExpired { transaction_id }
            | Error::NotCommitted { transaction_id }
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
        matches!(self, Error::TransactionExpired { .. })
            || matches!(self, Error::Service(error) if error.exception == Exception::InvalidSession
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
            Error::NotCommitted { .. } => true,
            _ => false,
        }
    }

    /// Whether the service may have committed a transaction, although the answer to the commit was this error.
    pub(crate) fn leaves_commit_unknown(&self) -> bool {
        match self {
            // The service refuses a command for lack of capacity before it does anything.
            Error::Service(error) if error.exception == Exception::CapacityExceeded => false,
            Error::Service(error) if error.exception == Exception::CommitOutcomeUnknown => true,
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

impl Error {
    /// The error of a value for the `position`th `?`.
    pub(crate) fn of_parameter(position: usize, error: &SerdeError) -> Error {
        Error::Parameter { position, path: error.path(), message: error.message().to_owned() }
    }

    /// The error of the `row`th row.
    pub(crate) fn of_row(row: u64, error: &SerdeError) -> Error {
        Error::Row { row, path: error.path(), message: error.message().to_owned() }
    }
}
