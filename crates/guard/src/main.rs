//! What the hot paths cost, without a clock: `cargo run --release -p everstrand-guard -- instructions|allocations`.
//!
//! The same paths over the same documents, with ids and times that follow from a seed, take nearly the same number of
//! instructions and exactly the same number of allocations on a busy machine as on a quiet one. Both are compared with
//! `crates/guard/baseline.txt`. `docs/testing.md` says what the tolerances are and how the baseline is rewritten.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod baseline;
mod callgrind;
mod counted;
#[path = "../../bench/src/data.rs"]
mod data;
mod engine;
mod formats;
mod paths;
mod service;

use baseline::{Baseline, Compared};
use paths::{PATHS, Path};

/// Why a path could not be counted.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Counts what the hot paths cost, and compares it with the baseline.
#[derive(Parser)]
#[command(name = "everstrand-guard")]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Compares the instructions of every path with the baseline (needs valgrind)
    Instructions {
        /// Only the paths of these names
        names: Vec<String>,
        /// How often each path is counted; the scatter is printed
        #[arg(long, default_value = "1")]
        runs: u32,
    },
    /// Compares the allocations of every path with the baseline
    Allocations {
        /// Only the paths of these names
        names: Vec<String>,
    },
    /// Writes the baseline anew from what is counted now (needs valgrind)
    Rewrite,
    /// Runs one path: what callgrind looks at
    Run {
        /// The path's name
        name: String,
    },
    /// Lists the paths
    List,
}

fn main() -> ExitCode {
    match run(Arguments::parse().action) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("everstrand-guard: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is as it should be.
fn run(action: Action) -> Result<bool, Failure> {
    match action {
        Action::Instructions { names, runs } => instructions(&named(&names)?, runs),
        Action::Allocations { names } => allocations(&named(&names)?),
        Action::Rewrite => rewrite(),
        Action::Run { name } => {
            let counted = named(&[name])?[0].run()?;
            println!("{} allocations, {} bytes", counted.allocations, counted.bytes);
            Ok(true)
        }
        Action::List => {
            PATHS.iter().for_each(|path| println!("{:<18} {}", path.name, path.what));
            Ok(true)
        }
    }
}

fn instructions(paths: &[&Path], runs: u32) -> Result<bool, Failure> {
    let baseline = Baseline::read()?;
    let valgrind = callgrind::version()?;
    let compiler = callgrind::compiler()?;
    println!("{compiler}, {valgrind}; counted for one operation:\n");
    let counted: Vec<Vec<_>> =
        (0..runs.max(1)).map(|_| callgrind::all(paths)).collect::<Result<_, Failure>>()?;
    let mut judged = Compared::default();
    for (place, path) in paths.iter().enumerate() {
        let mut counts: Vec<_> = counted.iter().map(|run| run[place]).collect();
        counts.sort_unstable_by_key(|count| count.work);
        let (least, most) = (counts[0].work, counts[counts.len() - 1].work);
        if runs > 1 {
            let scatter = (most - least) as f64 * 100.0 / least.max(1) as f64;
            println!("{:<18} {least} to {most} in {runs} runs: {scatter:.3} %", path.name);
        }
        let shows = callgrind::where_they_went(path);
        judged.instructions(path.name, baseline.of(path.name), counts[counts.len() / 2], &shows);
    }
    print!("{}", judged.text());
    if baseline.compiler != compiler {
        println!(
            "\nNOT JUDGED: the baseline was counted with {}. Compare with that compiler, or write the baseline anew \
             from code that is known to be good:\n  {}",
            baseline.compiler,
            baseline::REWRITE
        );
        return Ok(true);
    }
    Ok(judged.holds())
}

fn allocations(paths: &[&Path]) -> Result<bool, Failure> {
    let baseline = Baseline::read()?;
    let mut judged = Compared::default();
    for path in paths {
        judged.allocations(path.name, baseline.of(path.name), path.run()?);
    }
    print!("{}", judged.text());
    Ok(judged.holds())
}

fn rewrite() -> Result<bool, Failure> {
    callgrind::version()?;
    let mut baseline = Baseline::new(callgrind::compiler()?);
    let paths = named(&[])?;
    for (path, instructions) in paths.iter().zip(callgrind::all(&paths)?) {
        baseline.insert(path.name, instructions, path.run()?);
    }
    baseline.write()?;
    print!("{}", baseline.to_text());
    Ok(true)
}

/// The paths of these names; all of them where none is named.
fn named(names: &[String]) -> Result<Vec<&'static Path>, Failure> {
    if names.is_empty() {
        return Ok(PATHS.iter().collect());
    }
    names
        .iter()
        .map(|name| {
            let found = PATHS.iter().find(|path| path.name == name);
            found.ok_or_else(|| format!("there is no path {name:?}; `list` shows which there are").into())
        })
        .collect()
}
