//! How fast Everstrand is, beside what the machine could do: `cargo run --release -p everstrand-bench -- [NAME…]`.
//!
//! Prints Markdown. `docs/benchmarks.md` says what each workload does and how its figures are to be read.

use std::path::PathBuf;
use std::process::{Child, Command, ExitCode};
use std::time::Duration;

use clap::Parser;

mod client;
mod commits;
mod data;
mod hostile;
#[path = "../../everstrand/tests/processes/hostile_clients/mod.rs"]
mod hostile_clients;
mod http;
mod journal;
mod large;
mod ledgers;
mod light;
mod load;
mod machine;
mod measure;
mod network;
mod pairing;
mod plot;
mod queries;
mod reads;
mod report;
mod rivals;

use measure::Failure;
use report::Report;

/// The allocator of the program.
#[cfg(not(feature = "system-allocator"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The workloads that run when none is named. The others run only when they are.
const USUAL: [&str; 5] = ["rmw", "insert", "reads", "journal", "rivals"];

/// Measures Everstrand.
#[derive(Parser)]
#[command(name = "everstrand-bench")]
pub(crate) struct Arguments {
    /// rmw, encryption, insert, saving, reads, journal, large, rivals, queries, client, load, tls, users, share, hostile; without a name
    /// the first of them: rmw, insert, reads, journal, rivals
    names: Vec<String>,
    /// Rounds of every measurement; medians are shown
    #[arg(long, default_value = "5")]
    rounds: u32,
    /// Seconds of every measurement in a round
    #[arg(long, default_value = "2")]
    seconds: u64,
    /// Documents in the table
    #[arg(long, default_value = "100000")]
    documents: u64,
    /// Blocks of the journal
    #[arg(long, default_value = "1000000")]
    blocks: u64,
    /// Lines that are loaded
    #[arg(long, default_value = "1000000")]
    lines: u64,
    /// Commits that each writer of the journal has under way at a time
    #[arg(long, default_value = "1")]
    in_flight: u64,
    /// The folder of a ledger that an earlier run wrote, for the journal; it grows
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// How many clients commit at a time
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    clients: Vec<u64>,
    /// The program that is attacked, or that loads; the one beside this unless given
    #[arg(long)]
    program: Option<PathBuf>,
    /// Attack only with what has this in its name
    #[arg(long)]
    attack: Option<String>,
    /// Measure only the queries with this in their name
    #[arg(long)]
    only: Option<String>,
    /// Time queries by the processor's clock, for a machine that is busy with other work
    #[arg(long)]
    processor: bool,
    /// Seconds after which one of the queries is given up
    #[arg(long, default_value = "10")]
    patience: u64,
    /// Leave HTTP out of rmw
    #[arg(long)]
    embedded_only: bool,
    /// The folder for data, on the disk that is to be measured; the system's for temporary files unless given
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Keep the processors from going to sleep by two processes of the lowest priority
    #[arg(long)]
    keep_awake: bool,
    /// Three rounds of two seconds with 64 clients, and a journal of 50,000 blocks; `rivals` then take less than 3 min
    #[arg(long)]
    quick: bool,
    /// Another everstrand-bench, built earlier: both do each workload in turn, and are compared
    #[arg(long, value_name = "PROGRAM")]
    baseline: Option<PathBuf>,
    /// A file for all figures as JSON, those of every round
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A folder for the pictures of `rivals`
    #[arg(long, value_name = "FOLDER")]
    plots: Option<PathBuf>,
    /// The folder of PostgreSQL's programs, where they are not found in the usual places
    #[arg(long, value_name = "FOLDER")]
    postgres: Option<PathBuf>,
    #[arg(long, hide = true)]
    write_until_killed: Option<PathBuf>,
    #[arg(long, hide = true)]
    serve_until_killed: bool,
    #[arg(long, hide = true)]
    spin: bool,
}

impl Arguments {
    /// With what `--quick` stands for.
    fn quickened(mut self) -> Arguments {
        if self.quick {
            (self.rounds, self.seconds, self.clients, self.blocks) = (3, 2, vec![64], 50_000);
        }
        self
    }

    /// How long one measurement takes.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// A new folder that is removed when it is dropped.
    pub(crate) fn scratch(&self) -> std::io::Result<tempfile::TempDir> {
        tempfile::tempdir_in(self.folder.clone().unwrap_or_else(std::env::temp_dir))
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse().quickened();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("everstrand-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(folder) = &arguments.write_until_killed {
        return journal::write_until_killed(folder, arguments);
    }
    if arguments.serve_until_killed {
        return client::serve_until_killed(arguments);
    }
    if arguments.spin {
        return spin();
    }
    let _awake = if arguments.keep_awake { Some(Awake::start()?) } else { None };
    println!("{}\n", machine::description());
    let names: Vec<&str> = match arguments.names.as_slice() {
        [] => USUAL.to_vec(),
        names => names.iter().map(String::as_str).collect(),
    };
    let mut all = serde_json::Map::new();
    all.insert("machine".to_owned(), machine::description().into());
    for name in names {
        if name == "hostile" {
            hostile::report(arguments)?;
            continue;
        }
        if let Some(earlier) = &arguments.baseline {
            println!("## {name}, now and earlier\n\n{}", pairing::compare(name, earlier, arguments)?);
            continue;
        }
        if name == "queries" {
            let (table, json) = queries::queries(arguments)?;
            println!("## {name}\n\n{table}");
            all.insert(name.to_owned(), json);
            continue;
        }
        let mut report = Report::default();
        match name {
            "rmw" => commits::read_modify_write(arguments, &mut report)?,
            "encryption" => commits::encryption(arguments, &mut report)?,
            "insert" => commits::inserts(arguments, &mut report)?,
            "saving" => commits::saving(arguments, &mut report)?,
            "reads" => reads::reads(arguments, &mut report)?,
            "journal" => journal::journal(arguments, &mut report)?,
            "large" => large::large(arguments, &mut report)?,
            "client" => client::client(arguments, &mut report)?,
            "load" => load::load(arguments, &mut report)?,
            "tls" => network::tls(arguments, &mut report)?,
            "users" => network::users(arguments, &mut report)?,
            "share" => network::share(arguments, &mut report)?,
            "rivals" => rivals::rivals(arguments, &mut report)?,
            other => {
                return Err(format!(
                    "there is no workload {other:?}; there are rmw, encryption, insert, saving, reads, journal, large, rivals, \
                     queries, client, load, tls, users, share, hostile"
                )
                .into());
            }
        }
        println!("## {name}\n\n{}", report.table());
        if let (Some(folder), "rivals") = (&arguments.plots, name) {
            rivals::plots(arguments, &report, folder)?;
        }
        all.insert(name.to_owned(), report.json());
    }
    if let Some(file) = &arguments.json {
        std::fs::write(file, serde_json::to_string_pretty(&all)?)?;
    }
    Ok(())
}

/// Two processes that do nothing, as long as this lives, and end with it.
struct Awake(Vec<Child>);

impl Awake {
    fn start() -> Result<Awake, Failure> {
        let program = std::env::current_exe()?;
        let spinner = || Command::new("nice").args(["-n", "19"]).arg(&program).arg("--spin").spawn();
        Ok(Awake(vec![spinner()?, spinner()?]))
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Keeps a processor busy until the process that began it is gone.
fn spin() -> Result<(), Failure> {
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        for _ in 0..10_000_000 {
            std::hint::spin_loop();
        }
    }
    Ok(())
}
