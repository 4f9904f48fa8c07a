//! The way of a command to the service, and of its answer back.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;

use everstrand_protocol::send_command::ReplyError;
use everstrand_protocol::{Reply, SendCommandRequest, ServiceError};

/// A way to the service: over HTTP, in the same process, or a script for tests.
pub trait Transport: Send + Sync + 'static {
    /// Sends one command and waits for its answer. A transport must not try again, because only the caller knows whether
    /// that is safe.
    fn send_command(
        &self,
        request: SendCommandRequest,
    ) -> impl Future<Output = Result<SendCommandResponse, TransportError>> + Send;
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
}
