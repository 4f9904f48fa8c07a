//! Removes the data keys that copies of a deleted ledger have, where this process can reach the copies.

use std::fmt;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use everstrand_ledger::storage::SharedStore;

use super::entry::NotedCopy;
use super::place::id_of;

/// How long a deletion waits for one place of copies.
const PATIENCE: Duration = Duration::from_secs(10);

type Open = dyn Fn(&str) -> Result<Arc<dyn SharedStore>, String> + Send + Sync;

/// Opens the places in which copies of ledgers lie: folders, buckets and databases.
#[derive(Clone)]
pub struct PlacesOfCopies(Arc<Open>);

impl PlacesOfCopies {
    /// This function opens the place of a location, for writing, and makes none.
    pub fn new(
        open: impl Fn(&str) -> Result<Arc<dyn SharedStore>, String> + Send + Sync + 'static,
    ) -> PlacesOfCopies {
        PlacesOfCopies(Arc::new(open))
    }

    /// Removes the data key of a copy.
    pub(super) fn remove_key(&self, copy: &NotedCopy) -> Result<(), String> {
        let (open, noted) = (Arc::clone(&self.0), copy.clone());
        let (done, waited) = mpsc::channel();
        let remove = move || {
            let removed = open(&noted.place)
                .and_then(|store| store.remove_keys(id_of(&noted.copy)?).map_err(|error| error.to_string()));
            drop(done.send(removed));
        };
        let started = thread::Builder::new().name("everstrand-shredding".into()).spawn(remove);
        started.map_err(|error| error.to_string())?;
        waited.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")))
    }
}

impl fmt::Debug for PlacesOfCopies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PlacesOfCopies")
    }
}
