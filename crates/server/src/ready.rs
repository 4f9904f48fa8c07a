//! Whether the server can do all that it is there for, and where not, why: what `GET /ready` answers.
//!
//! What is known of a ledger at any moment (it could not be opened, it takes no writes) is asked for; what somebody
//! finds out now and then (a damaged segment, a checkpoint that contradicts the journal) is noted among the impairments.

use everstrand_ledger::Status;
use serde_json::json;

use crate::service::Service;

impl Service {
    /// Status and body of `GET /ready`: 200, or 503 with what is wrong with which ledger.
    pub(crate) fn ready(&self) -> (u16, Vec<u8>) {
        let impaired = self.impaired();
        let reasons: Vec<_> =
            impaired.iter().map(|(ledger, why)| json!({"LedgerName": ledger, "Reason": why})).collect();
        match reasons.is_empty() {
            true => (200, json!({"status": "ready"}).to_string().into_bytes()),
            false => (503, json!({"status": "impaired", "reasons": reasons}).to_string().into_bytes()),
        }
    }

    /// The ledgers that cannot do all that a ledger does, each with the reason.
    pub(crate) fn impaired(&self) -> Vec<(String, String)> {
        let mut impaired = self.ledgers.unavailable();
        for (name, ledger) in self.ledgers.opened() {
            match ledger.status() {
                Status::Open => {}
                Status::Faulted(why) => impaired.push((name, format!("it takes no writes: {why}"))),
                Status::Closed => impaired.push((name, "it is closed".to_owned())),
            }
        }
        impaired.extend(self.impairments.all());
        impaired.sort();
        impaired
    }
}
