//! The settings of a service, with their defaults.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use everstrand_ledger::Limits;
use everstrand_ledger::storage::SharedStore;
use everstrand_policy::Network;
use everstrand_sealing::MasterKey;
use hyper::Uri;

use crate::access_keys::AccessKeys;
use crate::audit_trail::AuditTrail;
use crate::checkpoints::CheckpointUrl;
use crate::data_keys::PlacesOfCopies;
use crate::kms::KmsKeys;
use crate::memory::Memory;
use crate::oidc::Oidc;
use crate::origins::Origin;
use crate::scheduler::Concurrency;
use crate::tokens::ClusterKey;

/// Where the ledgers are stored.
#[derive(Clone, Debug)]
pub enum Storage {
    /// In memory. The ledgers are gone when the service is dropped.
    Memory,
    /// In a folder, with one sub-folder for each ledger.
    Folder(PathBuf),
    /// In a store that other servers use, too. A server that loses a race for a slot goes on behind the winner.
    Shared {
        /// The store.
        store: Arc<dyn SharedStore>,
        /// A folder for views, which may be lost at any time. Without one, views are in memory and are built again at each
        /// opening of a ledger.
        cache: Option<PathBuf>,
    },
    /// In a store that other servers write to. This one only reads: it refuses what writes, and needs no permission to write.
    Followed {
        /// The store.
        store: Arc<dyn SharedStore>,
        /// As in [`Storage::Shared`].
        cache: Option<PathBuf>,
    },
}

/// The publication of signed checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoints {
    /// Where checkpoints go. The best place is one whose content the server's operator cannot change afterwards.
    pub place: CheckpointPlace,
    /// The time between two checkpoints of a ledger that gets new blocks.
    pub every: Duration,
    /// How long the server waits for one answer of a URL.
    pub patience: Duration,
}

impl Checkpoints {
    /// Publishes checkpoints in a place and waits ten seconds for each of its answers.
    pub fn new(place: CheckpointPlace, every: Duration) -> Checkpoints {
        Checkpoints { place, every, patience: Duration::from_secs(10) }
    }
}

/// Where checkpoints are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointPlace {
    /// A folder.
    Folder(PathBuf),
    /// A URL below which a web server accepts `PUT`.
    Url(CheckpointUrl),
}

impl CheckpointPlace {
    /// Reads a URL if the text contains `://`, else the path of a folder.
    pub fn parse(place: &str) -> Result<CheckpointPlace, String> {
        if place.contains("://") {
            CheckpointUrl::parse(place).map(CheckpointPlace::Url)
        } else {
            Ok(CheckpointPlace::Folder(PathBuf::from(place)))
        }
    }
}

/// How the other servers over a store reach this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSettings {
    /// The URL of this server for the others: `http://` or `https://`, a host, and a port unless it is the usual one.
    pub url: String,
    /// A file with the certificates by which servers with `https://` are known.
    pub certificates: Option<PathBuf>,
}

impl PeerSettings {
    /// Checks a URL as an operator writes it.
    pub fn new(url: &str, certificates: Option<PathBuf>) -> Result<PeerSettings, String> {
        let url = url.trim_end_matches('/');
        let refused = |why: &str| Err(format!("{url:?} is not the URL of a server: {why}"));
        let Ok(uri) = url.parse::<Uri>() else { return refused("it is no URL") };
        match (uri.scheme_str(), uri.authority()) {
            (Some("http" | "https"), Some(authority)) if !authority.as_str().contains('@') => {}
            _ => return refused("write http://HOST:PORT or https://HOST:PORT"),
        }
        if uri.path() != "/" || uri.query().is_some() {
            return refused("nothing may stand behind the port");
        }
        if uri.scheme_str() == Some("https") && certificates.is_none() {
            return refused("over https, name the file with the certificates by which servers are known");
        }
        Ok(PeerSettings { url: url.to_owned(), certificates })
    }
}

/// The audit trail in a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditLedger {
    /// Whether commands of the session API are recorded, not operations of the control API alone.
    pub data_events: bool,
}

/// The settings of a [`Service`](crate::Service).
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the ledgers are stored.
    pub storage: Storage,
    /// The limits of every ledger.
    pub limits: Limits,
    /// Whether statements may use more than QLDB's language in ledgers without the tag `everstrand:strict`. If not, such
    /// statements are refused with QLDB's errors.
    pub extensions: bool,
    /// Whether a read-only transaction writes a block, as QLDB's did.
    pub record_reads: bool,
    /// If set, `REDACT_REVISION` is refused with this reason, because the storage cannot remove data from a slot.
    pub redaction_refused: Option<String>,
    /// The region in the ARNs of ledgers. It is not compared with the region in a client's signature.
    pub region: String,
    /// The account in the ARNs of ledgers, twelve digits.
    pub account: String,
    /// The memory that clients can make the service use.
    pub memory: Memory,
    /// The greatest number of open connections. The bound that follows from [`Memory`] may be lower.
    pub connections_max: usize,
    /// The greatest number of sessions, over all ledgers.
    pub sessions_max: usize,
    /// How many requests a second one client may send, except those that end a transaction or a session. Without it there is no
    /// such bound.
    pub requests_per_second: Option<NonZeroU32>,
    /// If set, only requests signed with one of these keys are answered. `GET /health`, `/ready` and `/metrics` need no
    /// signature.
    pub access_keys: Option<AccessKeys>,
    /// Seals the secrets of users. A service with users needs it.
    pub users_key: Option<MasterKey>,
    /// The issuer of OpenID Connect whose tokens are exchanged for temporary keys of users. Without it none are.
    pub oidc: Option<Arc<Oidc>>,
    /// Proxies whose header `X-Forwarded-For` is believed, when a policy asks where a request came from.
    pub trusted_proxies: Vec<Network>,
    /// The secret that makes session tokens genuine on several servers, and across restarts. Without one, each start makes
    /// its own.
    pub cluster_key: Option<ClusterKey>,
    /// How the other servers over the store reach this one. With it and a cluster key, clients may send each command to any of the
    /// servers. Without it, a session is known to the server that began it alone.
    pub peers: Option<PeerSettings>,
    /// Seals the data keys of encrypted ledgers. With it new ledgers are encrypted; without it encrypted ledgers cannot be opened.
    pub master_key: Option<MasterKey>,
    /// Opens the places of copies, so that DeleteLedger also removes the data keys of copies. Without it the log names them all.
    pub places_of_copies: Option<PlacesOfCopies>,
    /// The key management service whose keys CreateLedger and UpdateLedger may name. Without it they are refused.
    pub kms: Option<Arc<KmsKeys>>,
    /// If set, only requests for these host names and for loopback names are answered; `*` stands for any name.
    pub host_names: Option<Vec<String>>,
    /// Where it is recorded who did what. Without it nothing is recorded.
    pub audit_trail: Option<Arc<AuditTrail>>,
    /// Whether it is recorded in a ledger of the service, too, and whether commands of the session API are. Clients can read, verify and
    /// audit the ledger `everstrand-audit`, and not write it.
    pub audit_ledger: Option<AuditLedger>,
    /// The origins whose web pages may send requests to a server with access keys, signed like all others.
    pub allowed_origins: Vec<Origin>,
    /// Where and how often signed checkpoints are published. Without it none are.
    pub checkpoints: Option<Checkpoints>,
    /// A ledger that nobody has used for this time is closed. The next session opens it again.
    pub ledger_idle: Duration,
    /// The greatest number of open ledgers. To open one more, the service closes a ledger that nobody uses.
    pub ledgers_open_max: usize,
    /// The greatest number of files of tables that each ledger's view keeps open.
    pub view_files_max: usize,
    /// How many statements run at once, over all ledgers.
    pub concurrency: Concurrency,
}

impl Config {
    /// The defaults for a storage.
    pub fn new(storage: Storage) -> Config {
        Config {
            storage,
            limits: Limits::default(),
            extensions: true,
            record_reads: false,
            redaction_refused: None,
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            memory: Memory::default(),
            connections_max: usize::MAX,
            sessions_max: 100_000,
            requests_per_second: None,
            access_keys: None,
            users_key: None,
            oidc: None,
            trusted_proxies: Vec::new(),
            cluster_key: None,
            peers: None,
            master_key: None,
            places_of_copies: None,
            kms: None,
            host_names: None,
            audit_trail: None,
            audit_ledger: None,
            allowed_origins: Vec::new(),
            checkpoints: None,
            ledger_idle: Duration::from_secs(60),
            ledgers_open_max: usize::MAX,
            view_files_max: 64,
            concurrency: Concurrency::of_this_machine(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_scheme_a_host_and_a_port() {
        let file = || Some(PathBuf::from("ca.pem"));
        for (url, certificates) in
            [("http://10.0.0.1:8182", None), ("https://one.example", file()), ("http://[::1]:80/", None)]
        {
            let settings = PeerSettings::new(url, certificates).expect(url);
            assert!(!settings.url.ends_with('/'));
        }
        for url in
            ["", "10.0.0.1:8182", "ftp://x", "http://", "http://x/y", "http://x?y", "http://a@x", "https://x"]
        {
            assert!(PeerSettings::new(url, None).is_err(), "{url}");
        }
    }
}
