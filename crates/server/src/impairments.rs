//! What somebody found out to be wrong with ledgers: noted by whoever finds it, and taken back when it is over.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is wrong with ledgers, by ledger and by who found it.
#[derive(Debug, Default)]
pub(crate) struct Impairments(Mutex<BTreeMap<(String, &'static str), String>>);

impl Impairments {
    /// Notes what is wrong with a ledger, in place of what the same finder noted of it before.
    #[allow(dead_code, reason = "for whoever finds something")]
    pub(crate) fn note(&self, ledger: &str, finder: &'static str, why: impl Into<String>) {
        self.lock().insert((ledger.to_owned(), finder), why.into());
    }

    /// Takes back what a finder noted of a ledger.
    #[allow(dead_code, reason = "for whoever finds something")]
    pub(crate) fn clear(&self, ledger: &str, finder: &'static str) {
        self.lock().remove(&(ledger.to_owned(), finder));
    }

    /// Takes back all that was noted of a ledger, because there is no such ledger any more.
    pub(crate) fn forget(&self, ledger: &str) {
        self.lock().retain(|(noted, _), _| noted != ledger);
    }

    /// What is noted: ledgers, and what is wrong with them.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        self.lock().iter().map(|((ledger, _), why)| (ledger.clone(), why.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, &'static str), String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finder_takes_back_what_it_noted() {
        let impairments = Impairments::default();
        impairments.note("a", "check", "slot 7 is damaged");
        impairments.note("a", "check", "slot 8 is damaged");
        impairments.note("a", "checkpoints", "contradicted");
        impairments.note("b", "check", "slot 1 is damaged");
        assert_eq!(impairments.all().len(), 3);
        impairments.clear("a", "check");
        assert_eq!(impairments.all()[0], ("a".to_owned(), "contradicted".to_owned()));
        impairments.forget("a");
        assert_eq!(impairments.all(), [("b".to_owned(), "slot 1 is damaged".to_owned())]);
    }
}
