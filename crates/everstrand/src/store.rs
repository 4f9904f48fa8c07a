//! Stores beyond this machine: `everstrand store probe`, and what `everstrand serve --store` opens.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use everstrand_ledger::storage::SharedStore;
use everstrand_stores::probe::{Need, Report, Seen, probe_objects, probe_sql};
use everstrand_stores::{
    Location, ObjectJournals, ObjectStoreOptions, Replication, RequestThreads, SqlStore,
};
use serde_json::json;

/// Examine stores for journals beyond this machine
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Probe(Probe),
}

/// Find out whether a store can keep journals
///
/// Several clients race for the same keys, and the command says what it saw. A store whose creates are not atomic forks
/// a ledger sooner or later, so a ledger must never be put there. Credentials and region of an object store come from the
/// usual AWS variables.
#[derive(clap::Args)]
struct Probe {
    /// s3://BUCKET/PREFIX or postgres://USER@HOST/DATABASE
    location: String,
    #[command(flatten)]
    access: Access,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What a location does not say
#[derive(clap::Args, Clone, Default)]
#[group(id = "store-access")]
pub(crate) struct Access {
    /// The endpoint of an object store that is not AWS, such as http://127.0.0.1:9000
    #[arg(long, env = "EVERSTRAND_STORE_ENDPOINT", value_name = "URL")]
    store_endpoint: Option<String>,
    /// PostgreSQL runs on one machine, and what its disk loses is lost
    #[arg(long, conflicts_with = "replicated_storage")]
    single_node: bool,
    /// The storage below PostgreSQL replicates, as Aurora's and Cloud SQL's does
    #[arg(long)]
    replicated_storage: bool,
}

type OpenStore = Box<dyn FnOnce() -> Result<Arc<dyn SharedStore>, Box<dyn Error>>>;

/// What the probe saw of a store, and how to open it.
struct Probed {
    report: Report,
    open: OpenStore,
}

/// A store that a server uses.
pub(crate) struct Served {
    pub(crate) store: Arc<dyn SharedStore>,
    pub(crate) redaction_refused: Option<String>,
}

impl Access {
    /// Opens a store without probing it.
    pub(crate) fn open(&self, location: &str) -> Result<Arc<dyn SharedStore>, Box<dyn Error>> {
        let threads = Arc::new(RequestThreads::start()?);
        match location.parse()? {
            Location::Objects(place) => {
                let endpoint = self.store_endpoint.clone();
                let bucket = place.open(&ObjectStoreOptions { endpoint, ..ObjectStoreOptions::default() })?;
                Ok(Arc::new(ObjectJournals::new(bucket, threads, &place.prefix)))
            }
            Location::Sql(place) => Ok(Arc::new(SqlStore::open(&place, threads, self.replication())?)),
        }
    }

    /// Opens a store for a server that only reads it. Writes nothing, so it does not probe.
    pub(crate) fn open_to_follow(&self, location: &str) -> Result<Arc<dyn SharedStore>, Box<dyn Error>> {
        match location.parse()? {
            Location::Objects(_) => self.open(location),
            Location::Sql(_) if self.replication() == Replication::Standby => Err(
                "--follow writes nothing, but over a PostgreSQL with standbys each read ends with a synchronous write, because an \
                 isolated old primary does not hear of the newest rows. Follow an object store, or a PostgreSQL with --single-node \
                 or --replicated-storage"
                    .into(),
            ),
            Location::Sql(place) => {
                let threads = Arc::new(RequestThreads::start()?);
                Ok(Arc::new(SqlStore::open_existing(&place, threads, self.replication())?))
            }
        }
    }

    fn replication(&self) -> Replication {
        match (self.single_node, self.replicated_storage) {
            (true, _) => Replication::SingleNode,
            (_, true) => Replication::Storage,
            _ => Replication::Standby,
        }
    }

    /// Probes the store of a location.
    fn probe(&self, location: &str) -> Result<Probed, Box<dyn Error>> {
        let threads = Arc::new(RequestThreads::start()?);
        match location.parse()? {
            Location::Objects(place) => {
                let endpoint = self.store_endpoint.clone();
                let bucket = place.open(&ObjectStoreOptions { endpoint, ..ObjectStoreOptions::default() })?;
                let report = probe_objects(&place, &bucket, &threads)?;
                let open = move || Ok(Arc::new(ObjectJournals::new(bucket, threads, &place.prefix)) as _);
                Ok(Probed { report, open: Box::new(open) })
            }
            Location::Sql(place) => {
                let replication = self.replication();
                let report = probe_sql(&place, replication, &threads)?;
                let open = move || Ok(Arc::new(SqlStore::open(&place, threads, replication)?) as _);
                Ok(Probed { report, open: Box::new(open) })
            }
        }
    }

    /// Opens a store for a server. The error has the evidence why a store is not fit.
    /// Answers also why data cannot be redacted in it, if they cannot.
    pub(crate) fn open_to_serve(&self, location: &str) -> Result<Served, Box<dyn Error>> {
        let Probed { report, open } = self.probe(location)?;
        for need in [Need::Journal, Need::Listing] {
            if !report.is_fit_for(need) {
                return Err(format!("the store is not fit to keep ledgers:\n{report}").into());
            }
        }
        let why = "the store cannot replace an object safely (see `everstrand store probe`)";
        let redaction_refused = (!report.is_fit_for(Need::Redaction)).then(|| why.to_owned());
        Ok(Served { store: open()?, redaction_refused })
    }
}

impl Access {
    /// Refuses a store to which a copy may not be written, with the evidence why.
    pub(crate) fn check_for_copies(&self, location: &str) -> Result<(), Box<dyn Error>> {
        let report = self.probe(location)?.report;
        match [Need::Journal, Need::Listing].into_iter().all(|need| report.is_fit_for(need)) {
            true => Ok(()),
            false => Err(format!("the store is not fit to keep copies of ledgers:\n{report}").into()),
        }
    }
}

/// Exits with 0 (fit for journals), 1 (unfit) or 2 (the store could not be probed).
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let Command::Probe(arguments) = &arguments.command;
    let report = arguments.access.probe(&arguments.location)?.report;
    if arguments.json {
        println!("{}", as_json(&report));
    } else {
        print!("{report}");
    }
    Ok(ExitCode::from(u8::from(!report.is_fit_for(Need::Journal))))
}

fn as_json(report: &Report) -> serde_json::Value {
    let needed_for = |need| match need {
        Need::Journal => "journal",
        Need::Redaction => "redaction",
        Need::Listing => "listing",
    };
    let checks: Vec<_> = report
        .checks
        .iter()
        .map(|check| {
            let seen = match check.seen {
                Seen::Holds => "holds",
                Seen::Fails => "fails",
                Seen::Unknown => "unknown",
            };
            json!({
                "check": check.name, "neededFor": needed_for(check.need), "seen": seen, "evidence": check.evidence,
            })
        })
        .collect();
    json!({
        "fitFor": {
            "journal": report.is_fit_for(Need::Journal),
            "redaction": report.is_fit_for(Need::Redaction),
            "listing": report.is_fit_for(Need::Listing),
        },
        "checks": checks,
    })
}
