//! Random queries and changes beside SQLite, with and without indexes.
//!
//! A run is made of worlds, each with its own seed: tables, and statements about them. A statement that is answered
//! differently is made as short as it can be, and printed with the documents that it needs.

mod compare;
mod engines;
mod generate;
mod report;
mod tree;
mod value;
mod world;
mod write;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use everstrand_testkit::Random;

use compare::{Engines, Failure};
use report::Report;
use tree::Tree;
use world::World;

/// How many statements are tried in one world.
const QUERIES_A_WORLD: u64 = 50;
const CHANGES_A_WORLD: u64 = 10;
/// How much is written as files of sqllogictest.
const TEST_FILES: u64 = 5;
const QUERIES_A_FILE: usize = 100;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many queries are tried.
    #[arg(long, default_value_t = 10_000)]
    queries: u64,
    /// How many changes are tried.
    #[arg(long, default_value_t = 2_000)]
    changes: u64,
    /// The seed of the first world. The next worlds have the next numbers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Go on until so many differences are found.
    #[arg(long, default_value_t = 1)]
    differences: usize,
    /// Instead, write queries with SQLite's answers to files in this folder.
    #[arg(long, value_name = "FOLDER")]
    write_tests: Option<PathBuf>,
    /// Print every statement before it runs.
    #[arg(long)]
    trace: bool,
}

/// Tries queries, then changes, and prints what was tried.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if let Some(folder) = &arguments.write_tests {
        return write_tests(folder, arguments.seed);
    }
    let mut differences = 0;
    let mut is_well_mixed = true;
    for (what, count, world) in [
        ("queries", arguments.queries, query_world as fn(&mut Run)),
        ("changes", arguments.changes, change_world),
    ] {
        let mut run = Run {
            seed: arguments.seed,
            trace: arguments.trace,
            report: Report::new(what),
            failures: Vec::new(),
        };
        while run.report.statements < count && run.failures.len() < arguments.differences {
            world(&mut run);
            run.failures.drain(..).for_each(|failure| {
                differences += 1;
                println!("{failure}\nreplay with --seed {} --{what} 1\n", run.seed);
            });
            run.seed += 1;
            if differences >= arguments.differences {
                break;
            }
        }
        println!("{}", run.report);
        is_well_mixed &= run.report.is_well_mixed();
    }
    println!("{differences} differences");
    if differences == 0 && is_well_mixed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Files of queries, each about a world of its own.
fn write_tests(folder: &Path, seed: u64) -> ExitCode {
    for number in 0..TEST_FILES {
        let path = folder.join(format!("random-{}.test", seed + number));
        std::fs::write(&path, write::file(seed + number, QUERIES_A_FILE)).expect("a file");
    }
    ExitCode::SUCCESS
}

/// One run of worlds.
struct Run {
    /// The seed of the world that is tried.
    seed: u64,
    trace: bool,
    report: Report,
    failures: Vec<String>,
}

impl Run {
    fn trace(&self, tree: &Tree) {
        if self.trace {
            println!("{}", tree.print().ours);
        }
    }
}

fn query_world(run: &mut Run) {
    let mut random = Random::new(run.seed);
    let world = World::random(&mut random, true);
    let engines = Engines::of(&world);
    for _ in 0..QUERIES_A_WORLD {
        let mut query = generate::query(&mut random.split());
        // Of queries that find nothing, half are thrown away, because they show little.
        while random.permille(500) && engines.finds_nothing(&query.tree) {
            query = generate::query(&mut random.split());
        }
        run.trace(&query.tree);
        match engines.compare_query(&query.tree, query.is_ordered) {
            Ok(answer) => run.report.note(&query.tree, &answer),
            Err(failure) => {
                let fails = |world: &World, tree: &Tree| {
                    let outcome = Engines::of(world).compare_query(tree, query.is_ordered);
                    outcome.err().filter(|other| other.is_like(&failure))
                };
                let failure = shortest(&world, &query.tree, failure.clone(), &fails);
                run.failures.push(failure);
                return;
            }
        }
    }
}

fn change_world(run: &mut Run) {
    let mut random = Random::new(run.seed);
    let mut world = World::random(&mut random, false);
    world.indexes.retain(|index| *index != "u (uid)");
    world.is_unique = true;
    let engines = Engines::of(&world);
    let mut history = Vec::new();
    for number in 0..CHANGES_A_WORLD {
        let change = generate::change(&mut random.split(), i64::try_from(number).expect("a few"));
        run.trace(&change);
        history.push(change.print().ours);
        match engines.compare_change(&change) {
            Ok(answer) => run.report.note(&change, &answer),
            Err(failure) => {
                let fails = |world: &World, tree: &Tree| {
                    let outcome = Engines::of(world).compare_change(tree);
                    outcome.err().filter(|other| other.is_like(&failure))
                };
                run.failures.push(match fails(&world, &change) {
                    Some(failure) => shortest(&world, &change, failure, &fails),
                    // It takes the changes before it, too.
                    None => format!("{}\n{failure}", history.join("\n")),
                });
                return;
            }
        }
        world = engines.dump(&world);
    }
}

/// A statement that fails, with the documents that it needs, as short as can be.
fn shortest(
    world: &World,
    tree: &Tree,
    failure: Box<Failure>,
    fails: &dyn Fn(&World, &Tree) -> Option<Box<Failure>>,
) -> String {
    let tree = tree.clone().shrink(&mut |tree| fails(world, tree).is_some());
    let world = world.clone().shrink(&mut |world| fails(world, &tree).is_some());
    let tree = tree.shrink(&mut |tree| fails(&world, tree).is_some());
    let failure = fails(&world, &tree).unwrap_or(failure);
    format!("{}\n{failure}", world.script().join("\n"))
}
