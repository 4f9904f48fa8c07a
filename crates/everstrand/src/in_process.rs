//! A transport to a service in the same process: no socket, no JSON.

use std::sync::Arc;

use everstrand_driver::{
    ControlTransport, SendCommandResponse, TransactionOutcome, TransactionOutcomeRequest, Transport,
    TransportError,
};
use everstrand_protocol::SendCommandRequest;
use everstrand_protocol::control::{ControlReply, ControlRequest};
use everstrand_protocol::outcome::GetTransactionOutcomeRequest;
use everstrand_server::Service;

/// A transport that calls a service in the same process.
#[derive(Clone)]
pub struct InProcess {
    service: Arc<Service>,
}

impl InProcess {
    /// A transport to this service.
    pub fn new(service: Arc<Service>) -> InProcess {
        InProcess { service }
    }
}

impl Transport for InProcess {
    async fn send_command(&self, request: SendCommandRequest) -> Result<SendCommandResponse, TransportError> {
        let reply = self.service.send_command(request).await?;
        Ok(SendCommandResponse { request_id: Some(self.service.next_request_id()), reply })
    }

    async fn transaction_outcome(
        &self,
        request: TransactionOutcomeRequest,
    ) -> Result<TransactionOutcome, TransportError> {
        let TransactionOutcomeRequest { session_token, transaction_id, .. } = request;
        let request = GetTransactionOutcomeRequest { session_token, transaction_id };
        TransactionOutcome::of(self.service.transaction_outcome(&request).await.map_err(TransportError::from))
    }
}

impl ControlTransport for InProcess {
    async fn control(&self, request: &ControlRequest) -> Result<ControlReply, TransportError> {
        let (service, request) = (Arc::clone(&self.service), request.clone());
        // Control operations wait for files.
        let work = tokio::task::spawn_blocking(move || service.control(request));
        Ok(work.await.map_err(|error| TransportError::Lost(error.into()))??)
    }
}
