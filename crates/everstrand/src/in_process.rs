//! A transport to a service in the same process: no socket, no JSON.

use std::sync::Arc;

use everstrand_driver::{SendCommandResponse, Transport, TransportError};
use everstrand_protocol::SendCommandRequest;
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
}
