//! Runs worlds by their seeds: `everstrand-simulator --seed 7`, `everstrand-simulator --seeds 0..1000`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use everstrand_simulator::{Counters, Lines, note_panics, run};

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
    /// Go on from the first seed until so many minutes are over.
    #[arg(long, conflicts_with = "seeds")]
    minutes: Option<u64>,
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
    let (first, end) = match (arguments.seed, arguments.seeds, arguments.minutes) {
        (seed, _, Some(_)) => (seed.unwrap_or(0), u64::MAX),
        (Some(seed), _, None) => (seed, seed.saturating_add(1)),
        (None, Some(range), None) => range,
        (None, None, None) => (0, 100),
    };
    let patience = arguments.minutes.map(|minutes| Duration::from_secs(60 * minutes));
    let started = Instant::now();
    let mut counters = Counters::default();
    // A panic is reported as a failure of its seed, with how to replay it.
    note_panics();
    let lines = if arguments.trace { Lines::Print } else { Lines::Forget };
    let mut seeds = 0;
    for seed in first..end {
        if patience.is_some_and(|patience| started.elapsed() >= patience) {
            break;
        }
        seeds += 1;
        match run(seed, arguments.steps, lines) {
            Ok(report) => {
                counters.add(&report.counters);
                if arguments.seed.is_some() && arguments.minutes.is_none() {
                    println!("seed {seed}: all is well, trace {:016x}", report.trace);
                }
            }
            Err(failure) => {
                println!("{failure}");
                println!("failed after {} seeds", seeds);
                return ExitCode::FAILURE;
            }
        }
    }
    if !arguments.quiet {
        print!("{counters}");
    }
    println!("{seeds} seeds, {} steps each, {:.1} s", arguments.steps, started.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let wrong = || format!("{text:?} is no range of seeds; write 0..1000");
    let (first, end) = text.split_once("..").ok_or_else(wrong)?;
    let (first, end) = (first.parse().map_err(|_| wrong())?, end.parse().map_err(|_| wrong())?);
    if first < end { Ok((first, end)) } else { Err(wrong()) }
}
