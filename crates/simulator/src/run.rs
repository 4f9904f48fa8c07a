//! The life of one world under one seed, from its beginning to its end or to the first thing that must not be.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::counters::Counters;
use crate::panics;
use crate::trace::Lines;
use crate::world::World;

/// What was seen in a world where all was well.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How often what happened.
    pub counters: Counters,
    /// A number that stands for everything that happened, in its order.
    pub trace: u64,
    /// Everything that happened, in its order, where it was kept.
    pub lines: Vec<String>,
}

/// The first thing that must not be.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// After how many steps.
    pub step: u64,
    /// What it was.
    pub why: String,
}

/// Lets the world of a seed live for some steps. The same seed and number of steps always give the same.
pub fn run(seed: u64, steps: u64, lines: Lines) -> Result<Report, Failure> {
    let mut step = 0;
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, lines)?;
        while step < steps {
            step += 1;
            world.step()?;
        }
        world.end()
    }));
    let why = match lived {
        Ok(Ok((counters, trace))) => {
            let hash = trace.hash();
            return Ok(Report { seed, counters, trace: hash, lines: trace.into_lines() });
        }
        Ok(Err(why)) => why,
        Err(panic) => format!("panicked{}: {}", panics::place(), panics::message(&*panic)),
    };
    Err(Failure { seed, step, why })
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, step, why } = self;
        writeln!(formatter, "seed {seed}, step {step}: {why}")?;
        write!(
            formatter,
            "replay: cargo run --release -p everstrand-simulator -- --seed {seed} --steps {step} --trace"
        )
    }
}
