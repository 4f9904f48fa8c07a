//! Finds out whether a store can keep journals: a store whose creates are not atomic would fork a ledger, and no test
//! of one client alone would notice. The probe lets clients race and says what it saw.

mod objects;
mod races;
mod report;
mod slow_body;
mod sql;

use everstrand_ledger::storage::slots::SlotError;
use object_store::aws::AmazonS3;

use crate::location::{ObjectPlace, Replication, SqlPlace};
use crate::threads::RequestThreads;
pub use report::{Check, Need, Report, Seen};

/// Probes an object store. It leaves a few small objects under `PREFIX/probe/`, if it may not delete them.
pub fn probe_objects(
    place: &ObjectPlace,
    store: &AmazonS3,
    threads: &RequestThreads,
) -> Result<Report, SlotError> {
    let (prefix, store) = (place.prefix.clone(), store.clone());
    threads
        .wait(async move { objects::probe(&store, &prefix).await })
        .unwrap_or_else(|| Err(SlotError::NotSent("the probe failed".to_owned())))
}

/// Probes a PostgreSQL database: its settings, and a race of creators.
pub fn probe_sql(
    place: &SqlPlace,
    replication: Replication,
    threads: &RequestThreads,
) -> Result<Report, SlotError> {
    let place = place.clone();
    threads
        .wait(async move { sql::probe(&place, replication).await })
        .unwrap_or_else(|| Err(SlotError::NotSent("the probe failed".to_owned())))
}
