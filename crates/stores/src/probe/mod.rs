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

/// The store could not be probed, so nothing is known of it.
#[derive(Debug, thiserror::Error)]
#[error("the store could not be probed: {0}")]
pub struct NotProbed(String);

impl NotProbed {
    /// A slot's error says what did not happen to a slot. Here only the reason is of interest.
    fn because(error: SlotError) -> NotProbed {
        match error {
            SlotError::Unknown(why)
            | SlotError::NotSent(why)
            | SlotError::Denied(why)
            | SlotError::Full(why) => NotProbed(why),
            error @ SlotError::Corrupt { .. } => NotProbed(error.to_string()),
        }
    }

    fn of(probed: Option<Result<Report, SlotError>>) -> Result<Report, NotProbed> {
        let failed = || NotProbed("the thread that sent the requests failed".to_owned());
        probed.ok_or_else(failed)?.map_err(NotProbed::because)
    }
}

/// Probes an object store. It leaves a few small objects under `PREFIX/probe/`, if it may not delete them.
pub fn probe_objects(
    place: &ObjectPlace,
    store: &AmazonS3,
    threads: &RequestThreads,
) -> Result<Report, NotProbed> {
    let (prefix, store) = (place.prefix.clone(), store.clone());
    NotProbed::of(threads.wait(async move { objects::probe(&store, &prefix).await }))
}

/// Probes a PostgreSQL database: its settings, and a race of creators.
pub fn probe_sql(
    place: &SqlPlace,
    replication: Replication,
    threads: &RequestThreads,
) -> Result<Report, NotProbed> {
    let place = place.clone();
    NotProbed::of(threads.wait(async move { sql::probe(&place, replication).await }))
}
