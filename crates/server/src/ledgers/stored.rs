//! A ledger as its place has it, for commands that read it without a server.

use std::path::PathBuf;

use everstrand_ion::Value;
use everstrand_journal::UniqueId;

use crate::record::Record;

/// A ledger that a place has.
#[derive(Clone, Debug)]
pub struct StoredLedger {
    /// Its id, which is never used again.
    pub id: UniqueId,
    /// Its name.
    pub name: String,
    /// Its record: options and tags.
    pub record: Value,
    /// The folder of its segments, if it lies in a data folder.
    pub journal: Option<PathBuf>,
    strict: bool,
}

impl StoredLedger {
    /// Whether its language is QLDB's only. Without a word of its own it has the extensions.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    pub(super) fn new(record: &Record, journal: Option<PathBuf>) -> Result<StoredLedger, String> {
        let id = record.id.parse().map_err(|_| format!("{} is not the id of a ledger", record.id))?;
        let strict = record.strict_by_tag().unwrap_or(false);
        Ok(StoredLedger { id, name: record.name.clone(), record: record.to_ion(), journal, strict })
    }
}
