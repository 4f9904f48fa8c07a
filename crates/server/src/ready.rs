//! Whether the server can do all that it is there for, and where not, why: what `GET /ready` answers.
//!
//! What is known of a ledger at any moment (it cannot be opened, it takes no writes, its journal is damaged) is asked
//! for; what somebody else finds out is noted among the impairments.

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
        let mut impaired = self.impairments.all();
        for known in self.ledgers.all() {
            impaired.extend(known.impaired.map(|why| (known.name, why)));
        }
        impaired.sort();
        impaired
    }
}
