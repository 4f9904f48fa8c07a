//! What is known of every ledger without opening it, for the metrics and for the question whether the server is ready.

use std::sync::Arc;

use everstrand_journal::{Digest, UniqueId};
use everstrand_ledger::Ledger;

use super::Ledgers;
use super::entry::Entry;

/// What is known of a ledger without opening it.
pub(crate) struct LedgerOverview {
    pub(crate) name: String,
    /// The ledger, if it is open.
    pub(crate) ledger: Option<Ledger>,
    /// The digest of the whole journal; `None` if the ledger was not closed cleanly and not opened since.
    pub(crate) digest: Option<Digest>,
    /// Why the ledger cannot be opened or takes no writes, if so.
    pub(crate) impaired: Option<String>,
}

impl LedgerOverview {
    pub(crate) fn strand_id(&self) -> Option<UniqueId> {
        self.digest.map(|digest| digest.digest_tip_address.strand_id)
    }
}

impl Ledgers {
    /// Every ledger, with what is known without opening it.
    pub(crate) fn all(&self) -> Vec<LedgerOverview> {
        let known = |(name, entry): (&String, &Arc<Entry>)| LedgerOverview {
            name: name.clone(),
            ledger: entry.ledger(),
            digest: entry.digest(),
            impaired: entry.impaired(),
        };
        let entries: Vec<_> =
            self.names().iter().map(|(name, entry)| (name.clone(), Arc::clone(entry))).collect();
        let mut all: Vec<LedgerOverview> = entries.iter().map(|(name, entry)| known((name, entry))).collect();
        all.extend(self.nameless.iter().map(|broken| LedgerOverview {
            name: broken.id.clone(),
            ledger: None,
            digest: None,
            impaired: Some(broken.why.clone()),
        }));
        all
    }
}
