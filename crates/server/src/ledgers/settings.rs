//! The part of the configuration for the ledgers.

use std::sync::Arc;

use everstrand_ledger::{BufferedBytes, LedgerOptions};
use everstrand_sealing::MasterKey;

use crate::config::{Config, Storage};
use crate::data_keys::PlacesOfCopies;
use crate::kms::KmsKeys;

/// How the ledgers are stored and opened.
pub(crate) struct Settings {
    /// Where they are.
    pub(crate) storage: Storage,
    /// The options of every ledger.
    pub(crate) ledger: LedgerOptions,
    /// Seals the data keys of encrypted ledgers.
    pub(crate) master_key: Option<MasterKey>,
    /// Opens the places of copies, whose data keys a deletion removes, too.
    pub(crate) places_of_copies: Option<PlacesOfCopies>,
    /// The key management service that seals data keys of ledgers with a KMS key.
    pub(crate) kms: Option<Arc<KmsKeys>>,
    /// Bytes of the cache that all views share.
    pub(crate) cache_bytes: u64,
    /// A ledger that nobody has used for this time is closed.
    pub(crate) idle_millis: u64,
    /// The greatest number of open ledgers.
    pub(crate) open_max: usize,
    /// The greatest number of files of tables that each view keeps open.
    pub(crate) view_files_max: usize,
    /// The views of all ledgers keep about so many bytes of changes in memory before they write them to files.
    pub(crate) unwritten_bytes_max: u64,
}

impl Settings {
    pub(crate) fn of(config: &Config) -> Settings {
        Settings {
            storage: config.storage.clone(),
            ledger: LedgerOptions {
                limits: config.limits.clone(),
                extensions: config.extensions,
                record_reads: config.record_reads,
                redaction_refused: config.redaction_refused.clone(),
                buffered_bytes: BufferedBytes::new(config.memory.buffered_rows(), "--memory"),
                plan_bytes: BufferedBytes::new(config.memory.plans(), "--memory"),
                ..LedgerOptions::default()
            },
            master_key: config.master_key.clone(),
            places_of_copies: config.places_of_copies.clone(),
            kms: config.kms.clone(),
            cache_bytes: config.memory.caches() as u64,
            idle_millis: u64::try_from(config.ledger_idle.as_millis()).unwrap_or(u64::MAX),
            open_max: config.ledgers_open_max,
            view_files_max: config.view_files_max,
            unwritten_bytes_max: config.memory.unwritten_views() as u64,
        }
    }
}
