//! What carries a command to the service and its answer back.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;

use everstrand_protocol::send_command::ReplyError;
use everstrand_protocol::{Reply, SendCommandRequest, ServiceError};

/// A way to the service. Over HTTP, in the same process, out of a script: nothing above knows which.
pub trait Transport: Send + Sync + 'static {
    /// Sends one command and waits for its answer. A transport does not try again: whoever calls knows
    /// whether that is safe.
    fn send_command(
        &self,
        request: SendCommandRequest,
    ) -> impl Future<Output = Result<SendCommandResponse, TransportError>> + Send;
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct SendCommandResponse {
    /// The service's name for the exchange, from the header `x-amzn-RequestId`.
    pub request_id: Option<String>,
    /// The command's result.
    pub reply: Reply,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The service answered with an exception.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The request cannot be sent as it is: it is too large, say. It never could be.
    #[error("the request cannot be sent: {0}")]
    Unsendable(#[source] Box<dyn StdError + Send + Sync>),
    /// The request did not leave: there was no connection. Nothing happened.
    #[error("the request was not sent: {0}")]
    NotSent(#[source] Box<dyn StdError + Send + Sync>),
    /// The request left and no answer came: a timeout, a broken connection. Whether the service did
    /// what was asked is unknown.
    #[error("the answer was lost: {0}")]
    Lost(#[source] Box<dyn StdError + Send + Sync>),
    /// An answer came that is no answer to a command. What the service did is unknown.
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
