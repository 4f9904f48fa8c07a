//! The way of a command to the service, and of its answer back.

use std::error::Error as StdError;
use std::future::{Future, ready};
use std::sync::Arc;

use everstrand_protocol::control::{ControlReply, ControlRequest};
use everstrand_protocol::outcome::{GetTransactionOutcomeResult, Outcome};
use everstrand_protocol::send_command::{ReplyError, SessionToken};
use everstrand_protocol::{Exception, Reply, SendCommandRequest, ServiceError};

/// A way to the service: over HTTP, in the same process, or a script for tests.
pub trait Transport: Send + Sync + 'static {
    /// Sends one command and waits for its answer. A transport must not try again, because only the caller knows whether
    /// that is safe.
    fn send_command(
        &self,
        request: SendCommandRequest,
    ) -> impl Future<Output = Result<SendCommandResponse, TransportError>> + Send;

    /// Asks what became of a transaction whose commit was not answered. QLDB has no such operation, so a transport answers
    /// [`TransactionOutcome::NotSupported`] unless it says otherwise.
    fn transaction_outcome(
        &self,
        _request: TransactionOutcomeRequest,
    ) -> impl Future<Output = Result<TransactionOutcome, TransportError>> + Send {
        ready(Ok(TransactionOutcome::NotSupported))
    }
}

/// A way to the control API, which gives digests, proofs and blocks.
pub trait ControlTransport: Send + Sync + 'static {
    /// Runs one operation of the control API. An error means that the service refused, or did not answer.
    fn control(
        &self,
        request: &ControlRequest,
    ) -> impl Future<Output = Result<ControlReply, TransportError>> + Send;
}

/// The question what became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionOutcomeRequest {
    /// The name of the ledger.
    pub ledger_name: String,
    /// The id of the transaction.
    pub transaction_id: String,
    /// The token of the session that the transaction belongs to.
    pub session_token: SessionToken,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionOutcome {
    /// It is in the journal.
    Committed,
    /// It is not in the journal and never will be.
    Never,
    /// It had nothing to write, and its commit succeeded.
    ReadOnly,
    /// This is not decided yet. The answer later will be another one.
    Undecided,
    /// The service does not answer such questions.
    NotSupported,
}

impl TransactionOutcome {
    /// What a service said of a transaction. A service that knows neither the operation nor the session cannot tell.
    pub fn of(
        answer: Result<GetTransactionOutcomeResult, TransportError>,
    ) -> Result<TransactionOutcome, TransportError> {
        match answer {
            Ok(result) => Ok(match result.outcome {
                Outcome::Committed => TransactionOutcome::Committed,
                Outcome::Never => TransactionOutcome::Never,
                Outcome::Undecided => TransactionOutcome::Undecided,
            }),
            Err(TransportError::Service(error))
                if matches!(error.exception, Exception::UnknownOperation | Exception::InvalidSession) =>
            {
                Ok(TransactionOutcome::NotSupported)
            }
            Err(error) => Err(error),
        }
    }
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq)]
pub struct SendCommandResponse {
    /// The id of the request, from the header `x-amzn-RequestId`.
    pub request_id: Option<String>,
    /// The result of the command.
    pub reply: Reply,
}

/// There is no result of a command.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The service answered with an exception.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The request cannot be sent, for example because it is too large. Trying again does not help.
    #[error("the request cannot be sent: {0}")]
    Unsendable(#[source] Box<dyn StdError + Send + Sync>),
    /// The request was not sent, because there was no connection. The service has done nothing.
    #[error("{0}; nothing was sent")]
    NotSent(#[source] Box<dyn StdError + Send + Sync>),
    /// The request was sent, and no answer came: the time ran out, or the connection broke. It is not known whether the
    /// service has done what was asked.
    #[error("the answer was lost: {0}")]
    Lost(#[source] Box<dyn StdError + Send + Sync>),
    /// An answer came that is not the result of a command. It is not known what the service has done.
    #[error("the answer is not understood: {0}")]
    Answer(#[from] ReplyError),
}

impl<T: Transport> Transport for Arc<T> {
    fn send_command(
        &self,
        request: SendCommandRequest,
    ) -> impl Future<Output = Result<SendCommandResponse, TransportError>> + Send {
        T::send_command(self, request)
    }

    fn transaction_outcome(
        &self,
        request: TransactionOutcomeRequest,
    ) -> impl Future<Output = Result<TransactionOutcome, TransportError>> + Send {
        T::transaction_outcome(self, request)
    }
}

impl<T: ControlTransport> ControlTransport for Arc<T> {
    fn control(
        &self,
        request: &ControlRequest,
    ) -> impl Future<Output = Result<ControlReply, TransportError>> + Send {
        T::control(self, request)
    }
}
