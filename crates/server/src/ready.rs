//! The answer to `GET /ready`: whether every ledger is fully usable, and the reasons why one is not.
//!
//! A ledger is impaired if it cannot be opened, if it takes no writes, if its journal is damaged, or if its journal does not
//! continue its newest published checkpoint.

use serde_json::json;

use crate::service::Service;

impl Service {
    /// Status and body of `GET /ready`: 200, or 503 with the impaired ledgers and the reasons.
    pub(crate) fn ready(&self) -> (u16, Vec<u8>) {
        let impaired = self.impaired();
        let reasons: Vec<_> =
            impaired.iter().map(|(ledger, why)| json!({"LedgerName": ledger, "Reason": why})).collect();
        match reasons.is_empty() {
            true => (200, json!({"status": "ready"}).to_string().into_bytes()),
            false => (503, json!({"status": "impaired", "reasons": reasons}).to_string().into_bytes()),
        }
    }

    /// The impaired ledgers, each with a reason. A ledger with two reasons is listed twice.
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
