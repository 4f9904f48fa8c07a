//! What an operator may decide, each with its default.

use std::path::PathBuf;
use std::time::Duration;

use everstrand_ledger::Limits;

use crate::access_keys::AccessKeys;
use crate::checkpoints::CheckpointUrl;
use crate::memory::Memory;
use crate::scheduler::Concurrency;

/// Where ledgers lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In memory: gone when the service is.
    Memory,
    /// In a folder, one sub-folder a ledger.
    Folder(PathBuf),
}

/// The publication of signed checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoints {
    /// Where; best a place that the server's operator cannot change afterwards.
    pub place: CheckpointPlace,
    /// How often a checkpoint is published of a ledger that has new blocks.
    pub every: Duration,
    /// How long the place may take for an answer, where it answers.
    pub patience: Duration,
}

impl Checkpoints {
    /// Checkpoints in a place, with ten seconds' patience.
    pub fn new(place: CheckpointPlace, every: Duration) -> Checkpoints {
        Checkpoints { place, every, patience: Duration::from_secs(10) }
    }
}

/// Where checkpoints are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointPlace {
    /// A folder.
    Folder(PathBuf),
    /// A server on the web, which takes them with `PUT`.
    Url(CheckpointUrl),
}

impl CheckpointPlace {
    /// A URL where it begins like one, else a folder.
    pub fn parse(place: &str) -> Result<CheckpointPlace, String> {
        if place.contains("://") {
            CheckpointUrl::parse(place).map(CheckpointPlace::Url)
        } else {
            Ok(CheckpointPlace::Folder(PathBuf::from(place)))
        }
    }
}

/// The settings of a [`Service`](crate::Service).
#[derive(Clone, Debug)]
pub struct Config {
    /// Where ledgers lie.
    pub storage: Storage,
    /// The limits of every ledger.
    pub limits: Limits,
    /// Whether statements may go beyond QLDB's language, in ledgers that have no tag `everstrand:strict`; without,
    /// QLDB's errors come back.
    pub extensions: bool,
    /// Whether a transaction that only read writes a block, as QLDB's did.
    pub record_reads: bool,
    /// The region in the ARNs of ledgers; what clients sign for is not compared with it.
    pub region: String,
    /// The account in the ARNs of ledgers, twelve digits.
    pub account: String,
    /// What clients can make the service hold.
    pub memory: Memory,
    /// How many connections may be open at once; fewer where the memory is not enough for so many.
    pub connections_max: usize,
    /// How many sessions may be alive at once, over all ledgers.
    pub sessions_max: usize,
    /// Whose requests are answered; everybody's unless set. `GET /health`, `/ready` and `/metrics` stay open.
    pub access_keys: Option<AccessKeys>,
    /// The host names that requests may ask for besides those of the loopback address, `*` for any; any unless set.
    pub host_names: Option<Vec<String>>,
    /// Where signed checkpoints are published, and how often; nowhere unless set.
    pub checkpoints: Option<Checkpoints>,
    /// A ledger that nobody has used for so long is closed; the next session opens it again.
    pub ledger_idle: Duration,
    /// How many ledgers may be open at once; those that nobody uses give way to others.
    pub ledgers_open_max: usize,
    /// How many statements run at a time, over all ledgers.
    pub concurrency: Concurrency,
}

impl Config {
    /// The defaults over a storage.
    pub fn new(storage: Storage) -> Config {
        Config {
            storage,
            limits: Limits::default(),
            extensions: true,
            record_reads: false,
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            memory: Memory::default(),
            connections_max: usize::MAX,
            sessions_max: 100_000,
            access_keys: None,
            host_names: None,
            checkpoints: None,
            ledger_idle: Duration::from_secs(60),
            ledgers_open_max: usize::MAX,
            concurrency: Concurrency::of_this_machine(),
        }
    }
}
