//! Random statements, run here and by another engine, whose answers must be the same.
//!
//! `everstrand-differential sqlite --queries 100000 --changes 20000`; `crates/differential/reference/run`

mod reference;
mod sqlite;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Random statements, run here and by another engine, whose answers must be the same.
#[derive(Parser)]
#[command(name = "everstrand-differential")]
struct Arguments {
    #[command(subcommand)]
    beside: Beside,
}

#[derive(Subcommand)]
enum Beside {
    /// Queries and changes of the subset that SQLite has too, with and without indexes.
    Sqlite(sqlite::Arguments),
    /// Expressions and queries, beside PartiQL's reference implementation.
    Reference(reference::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().beside {
        Beside::Sqlite(arguments) => sqlite::run(&arguments),
        Beside::Reference(arguments) => reference::run(&arguments),
    }
}
