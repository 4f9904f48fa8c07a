//! `everstrand store probe`: whether a store beyond this machine can keep journals.

use std::error::Error;
use std::process::ExitCode;

use everstrand_stores::probe::{Need, Report, Seen, probe_objects, probe_sql};
use everstrand_stores::{Location, ObjectStoreOptions, Replication, RequestThreads};
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
    /// The endpoint of an object store that is not AWS, such as http://127.0.0.1:9000
    #[arg(long, value_name = "URL")]
    store_endpoint: Option<String>,
    /// PostgreSQL runs on one machine, and what its disk loses is lost
    #[arg(long, conflicts_with = "replicated_storage")]
    single_node: bool,
    /// The storage below PostgreSQL replicates, as Aurora's and Cloud SQL's does
    #[arg(long)]
    replicated_storage: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Exits with 0 (fit for journals), 1 (unfit) or 2 (the store could not be probed).
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let Command::Probe(arguments) = &arguments.command;
    let threads = RequestThreads::start()?;
    let report = match arguments.location.parse()? {
        Location::Objects(place) => {
            let endpoint = arguments.store_endpoint.clone();
            let store = place.open(&ObjectStoreOptions { endpoint, ..ObjectStoreOptions::default() })?;
            probe_objects(&place, &store, &threads)?
        }
        Location::Sql(place) => {
            let replication = match (arguments.single_node, arguments.replicated_storage) {
                (true, _) => Replication::SingleNode,
                (_, true) => Replication::Storage,
                _ => Replication::Standby,
            };
            probe_sql(&place, replication, &threads)?
        }
    };
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
