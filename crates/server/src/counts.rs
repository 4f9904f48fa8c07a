//! How many of something each of many has, and a bound for each: sessions of a client, transactions of a client in a
//! ledger.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many each key has. Keys that have none are not kept.
#[derive(Debug)]
pub(crate) struct Counts<K: Hash + Eq>(Mutex<HashMap<K, usize>>);

/// One of those that are counted, until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted<K: Hash + Eq> {
    counts: Arc<Counts<K>>,
    key: K,
}

impl<K: Hash + Eq + Clone> Counts<K> {
    /// Nobody has any.
    pub(crate) fn new() -> Arc<Counts<K>> {
        Arc::new(Counts(Mutex::default()))
    }

    /// Counts one more for a key, unless it has as many as it may.
    pub(crate) fn count(self: &Arc<Self>, key: K, count_max: usize) -> Option<Counted<K>> {
        let mut counts = self.lock();
        let count = counts.entry(key.clone()).or_default();
        if *count >= count_max {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Counted { counts: Arc::clone(self), key })
    }
}

impl<K: Hash + Eq> Counts<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq> Drop for Counted<K> {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        match counts.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_bound_and_who_has_none_is_forgotten() {
        let counts = Counts::new();
        let first = counts.count("a", 2).expect("room");
        let _second = counts.count("a", 2).expect("room");
        assert!(counts.count("a", 2).is_none());
        let other = counts.count("b", 2).expect("room");
        drop((first, other));
        assert!(counts.count("a", 2).is_some());
        assert_eq!(counts.lock().len(), 1);
    }
}
