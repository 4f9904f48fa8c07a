//! Runs worlds by their seeds: `everstrand-simulator --seed 7`, `everstrand-simulator --seeds 0..1000`.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use everstrand_simulator::{Counters, run};

/// Clients, service, disk and network of a ledger in one deterministic world under one seed.
#[derive(Parser)]
#[command(name = "everstrand-simulator")]
struct Arguments {
    /// The world of this seed.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// The worlds of all seeds from the first up to, and without, the second.
    #[arg(long, value_name = "A..B", value_parser = range)]
    seeds: Option<(u64, u64)>,
    /// How long each world lives.
    #[arg(long, default_value_t = 3000)]
    steps: u64,
    /// Print everything that happens.
    #[arg(long)]
    trace: bool,
    /// Print only failures and the number of seeds.
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (first, end) = match (arguments.seed, arguments.seeds) {
        (Some(seed), _) => (seed, seed + 1),
        (None, Some(range)) => range,
        (None, None) => (0, 100),
    };
    let started = Instant::now();
    let mut counters = Counters::default();
    // A panic is reported as a failure of its seed, with how to replay it.
    std::panic::set_hook(Box::new(|_| {}));
    for seed in first..end {
        match run(seed, arguments.steps, arguments.trace) {
            Ok(report) => {
                counters.add(&report.counters);
                if first + 1 == end {
                    println!("seed {seed}: all is well, trace {:016x}", report.trace);
                }
            }
            Err(failure) => {
                println!("{failure}");
                println!("failed after {} seeds", seed - first + 1);
                return ExitCode::FAILURE;
            }
        }
    }
    if !arguments.quiet {
        print!("{counters}");
    }
    println!(
        "{} seeds, {} steps each, {:.1} s",
        end - first,
        arguments.steps,
        started.elapsed().as_secs_f64()
    );
    ExitCode::SUCCESS
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let wrong = || format!("{text:?} is no range of seeds; write 0..1000");
    let (first, end) = text.split_once("..").ok_or_else(wrong)?;
    let (first, end) = (first.parse().map_err(|_| wrong())?, end.parse().map_err(|_| wrong())?);
    if first < end { Ok((first, end)) } else { Err(wrong()) }
}
