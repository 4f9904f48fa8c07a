//! How fast Everstrand is, beside what the machine could do: `cargo run --release -p everstrand-bench -- [NAME…]`.
//!
//! Prints Markdown. `docs/benchmarks.md` says what each workload does and how its figures are to be read.

use std::path::PathBuf;
use std::process::{Child, Command, ExitCode};
use std::time::Duration;

use clap::Parser;

mod commits;
mod data;
mod http;
mod journal;
mod large;
mod ledgers;
mod light;
mod machine;
mod measure;
mod reads;
mod report;

use measure::Failure;
use report::Report;

/// The workloads that run when none is named. `saving` and `large` run only when they are.
const USUAL: [&str; 4] = ["rmw", "insert", "reads", "journal"];

/// Measures Everstrand.
#[derive(Parser)]
#[command(name = "everstrand-bench")]
pub(crate) struct Arguments {
    /// rmw, insert, saving, reads, journal, large; without a name all but saving and large
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
    /// Commits that each writer of the journal has under way at a time
    #[arg(long, default_value = "1")]
    in_flight: u64,
    /// The folder of a ledger that an earlier run wrote, for the journal; it grows
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// How many clients commit at a time
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    clients: Vec<u64>,
    /// Leave HTTP out of rmw
    #[arg(long)]
    embedded_only: bool,
    /// The folder for data, on the disk that is to be measured; the system's for temporary files unless given
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Keep the processors from going to sleep by two processes of the lowest priority
    #[arg(long)]
    keep_awake: bool,
    #[arg(long, hide = true)]
    write_until_killed: Option<PathBuf>,
    #[arg(long, hide = true)]
    spin: bool,
}

impl Arguments {
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
    let arguments = Arguments::parse();
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
    if arguments.spin {
        return spin();
    }
    let _awake = if arguments.keep_awake { Some(Awake::start()?) } else { None };
    println!("{}\n", machine::description());
    let names: Vec<&str> = match arguments.names.as_slice() {
        [] => USUAL.to_vec(),
        names => names.iter().map(String::as_str).collect(),
    };
    for name in names {
        let mut report = Report::default();
        match name {
            "rmw" => commits::read_modify_write(arguments, &mut report)?,
            "insert" => commits::inserts(arguments, &mut report)?,
            "saving" => commits::saving(arguments, &mut report)?,
            "reads" => reads::reads(arguments, &mut report)?,
            "journal" => journal::journal(arguments, &mut report)?,
            "large" => large::large(arguments, &mut report)?,
            other => {
                return Err(format!(
                    "there is no workload {other:?}; there are rmw, insert, saving, reads, journal, large"
                )
                .into());
            }
        }
        println!("## {name}\n\n{}", report.table());
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
