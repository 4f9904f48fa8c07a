//! The same durable read-modify-write by others beside us: PostgreSQL in four forms, SQLite with history and chain.
//!
//! Rounds go through all of them in turn, so that what the machine does meanwhile befalls all alike; a ratio is taken
//! within a round. All clients are on this machine's processors, as their servers are.

mod columns;
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(not(feature = "sqlite"))]
#[path = "no_sqlite.rs"]
mod sqlite;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Arguments;
use crate::commits::{change_embedded, change_over_http, insert_over_http, speed_of_light};
use crate::data::registration;
use crate::http::Served;
use crate::ledgers::{Opened, fill, insert, raised_limits};
use crate::measure::{self, Failure, Turn};
use crate::plot::{Bar, bars};
use crate::report::Report;
use postgres::{Postgres, Work};
use sqlite::Sqlite;

/// Ours, the first of every comparison.
const OWN: [&str; 2] = ["Everstrand, HTTP", "Everstrand, embedded"];
/// PostgreSQL's forms, by their schemas.
const FORMS: [(&str, &str); 4] = [
    ("plain", "PostgreSQL, plain"),
    ("audit", "PostgreSQL, audit trigger"),
    ("chain", "PostgreSQL, audit and hash chain"),
    ("sealed", "PostgreSQL, audit and background sealer"),
];
const SQLITE: &str = "SQLite, history and hash chain";
const OWN_INSERT: [&str; 2] = ["insert, Everstrand, HTTP", "insert, Everstrand, embedded"];
const INSERT: &str = "insert, PostgreSQL, plain";
const WITHOUT_SQLITE: &str = "skipped, since it was built without SQLite: cargo run --features sqlite";
const MISSING: &str =
    "skipped, since PostgreSQL is not installed: apt-get install postgresql, or --postgres FOLDER";

/// All systems in turn, as often as there are rounds.
pub(crate) fn rivals(arguments: &Arguments, report: &mut Report) -> Result<(), Failure> {
    let folder = arguments.scratch()?;
    let opened = Opened::open(folder.path(), raised_limits())?;
    fill(&opened.ledger, arguments.documents)?;
    let served = Served::start(&opened.ledger)?;
    let postgres = Postgres::start(arguments)?;
    let sqlite = Sqlite::start(arguments)?;
    report.setting(
        "Everstrand, defaults, limits raised; HTTP with signed requests, client and server in one process",
    );
    match &sqlite {
        Some(sqlite) => report.setting(&sqlite.description()),
        None => report.skipped(SQLITE, WITHOUT_SQLITE),
    }
    if let Some(postgres) = &postgres {
        report.setting(&postgres.description());
        // What follows a checkpoint, and what was never read, is over before anything is noted.
        for (schema, _) in FORMS {
            postgres.measure(schema, Work::Change, 16, arguments.time())?;
        }
    }
    let next = Arc::new(AtomicU64::new(arguments.documents));
    for round in 0..arguments.rounds {
        eprintln!("round {} of {}", round + 1, arguments.rounds);
        for &clients in &arguments.clients {
            let mut note =
                |what: &str, sample, syncs| report.sample(what, clients, "tx/s", &sample, 1, syncs);
            let before = opened.syncs();
            let sample = change_embedded(&opened.ledger, clients, arguments)?;
            note(OWN[1], sample, Some(opened.syncs() - before));
            let before = opened.syncs();
            let sample = change_over_http(&served, clients, arguments)?;
            note(OWN[0], sample, Some(opened.syncs() - before));
            if let Some(sqlite) = &sqlite {
                note(SQLITE, sqlite.measure(clients, arguments.time(), arguments.documents)?, None);
            }
            for (schema, what) in FORMS {
                if let Some(postgres) = &postgres {
                    note(what, postgres.measure(schema, Work::Change, clients, arguments.time())?, None);
                }
            }
            let sample = measure::run(
                clients,
                arguments.time(),
                |_| Ok(()),
                |()| {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    insert(&opened.ledger, vec![registration(number)])?;
                    Ok(Turn::Done)
                },
            )?;
            note(OWN_INSERT[1], sample, None);
            note(OWN_INSERT[0], insert_over_http(&served, clients, arguments, &next)?, None);
            if let Some(postgres) = &postgres {
                note(INSERT, postgres.measure("plain", Work::Insert, clients, arguments.time())?, None);
            }
        }
        speed_of_light(arguments, report)?;
    }
    for &clients in &arguments.clients {
        let rivals = FORMS.iter().map(|(_, what)| *what).chain([SQLITE]).map(|what| (OWN, what));
        for (own, rival) in rivals.chain([(OWN_INSERT, INSERT)]) {
            own.iter().for_each(|own| report.ratio(own, rival, clients));
        }
    }
    if postgres.is_none() {
        FORMS.iter().map(|(_, what)| *what).chain([INSERT]).for_each(|what| report.skipped(what, MISSING));
    }
    opened.ledger.close();
    Ok(())
}

/// Pictures of what was measured, two for each number of clients.
pub(crate) fn plots(arguments: &Arguments, report: &Report, folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    for &clients in &arguments.clients {
        let names: Vec<&str> = report.names(clients).filter(|name| !name.starts_with("insert, ")).collect();
        for (file, title, processor) in [
            ("rivals", "durable read-modify-writes a second", false),
            ("rivals-processor", "processor time of each, in µs", true),
        ] {
            let bar = |name: &&str| {
                let (rate, time) = report.figures(name, clients)?;
                let spread = if processor { time } else { rate };
                Some(Bar { label: (*name).to_owned(), spread, own: OWN.contains(name) })
            };
            let title = format!("{title}, {clients} {}", if clients == 1 { "client" } else { "clients" });
            let picture = bars(&title, &names.iter().filter_map(bar).collect::<Vec<_>>());
            std::fs::write(folder.join(format!("{file}-{clients}.svg")), picture)?;
        }
    }
    Ok(())
}
