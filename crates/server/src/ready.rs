//! Whether the server can do all that it is there for, and where not, why: what `GET /ready` answers.
//!
//! That is asked of the ledgers (one cannot be opened, takes no writes, or its journal is damaged), and of the checkpoints
//! (the journal does not continue what was published of it).

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
        let mut impaired = Vec::new();
        for known in self.ledgers.all() {
            let contradiction =
                known.strand_id().and_then(|strand_id| self.published.contradiction(strand_id));
            let reasons = [known.impaired, contradiction].into_iter().flatten();
            impaired.extend(reasons.map(|why| (known.name.clone(), why)));
        }
        impaired.sort();
        impaired
    }
}
