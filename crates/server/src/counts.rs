//! A counter for each key, with a bound: the sessions of each client, the transactions of each client in a ledger.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One counter for each key. A key with a count of zero is removed, so that clients that are gone take no memory.
#[derive(Debug)]
pub(crate) struct Counts<K: Hash + Eq>(Mutex<HashMap<K, usize>>);

/// One unit of a key's count. Dropping it decrements the count.
#[derive(Debug)]
pub(crate) struct Counted<K: Hash + Eq> {
    counts: Arc<Counts<K>>,
    key: K,
}

impl<K: Hash + Eq + Clone> Counts<K> {
    /// Counters that are all zero.
    pub(crate) fn new() -> Arc<Counts<K>> {
        Arc::new(Counts(Mutex::default()))
    }

    /// Increments the count of a key; `None` if the count has reached `count_max`.
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
    fn each_key_has_its_own_bound_and_a_key_with_count_zero_is_removed() {
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
