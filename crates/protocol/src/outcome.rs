//! `EverstrandSession.GetTransactionOutcome`: what became of a transaction whose commit brought no answer. QLDB had no such
//! operation. Its clients had to look for traces of the transaction, or to run it again and perhaps do its work twice.

use serde::{Deserialize, Serialize};

use crate::error::ServiceError;
use crate::send_command::SessionToken;
use crate::wire::from_json;

/// The value of the header `X-Amz-Target`.
pub const TARGET: &str = "EverstrandSession.GetTransactionOutcome";

/// Asks what became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetTransactionOutcomeRequest {
    /// The token of the session that began the transaction. The session may be over.
    pub session_token: SessionToken,
    /// The id of the transaction.
    pub transaction_id: String,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// A block holds it.
    Committed,
    /// No block holds it, and none ever will. A transaction that only read is answered so too, because it has no block.
    Never,
    /// The server could not find out in time. Ask again.
    Undecided,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetTransactionOutcomeResult {
    /// What became of it.
    pub outcome: Outcome,
    /// The number of its block, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence_no: Option<u64>,
}

impl GetTransactionOutcomeRequest {
    /// The body of the request.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are always JSON")
    }

    /// Reads the body of a request.
    pub fn from_json(body: &[u8]) -> Result<GetTransactionOutcomeRequest, ServiceError> {
        from_json(body)
    }
}

impl GetTransactionOutcomeResult {
    /// Reads the body of an answer.
    pub fn from_json(body: &[u8]) -> Result<GetTransactionOutcomeResult, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// Whether the body of an answer says what became of the transaction.
    pub fn is_decided(body: &[u8]) -> bool {
        GetTransactionOutcomeResult::from_json(body).is_ok_and(|answer| answer.outcome != Outcome::Undecided)
    }

    /// The body of an answer.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("names and numbers are always JSON")
    }
}
