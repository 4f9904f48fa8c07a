//! The program: arguments in, one of the commands out.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod audit;
mod export;
mod exported;
mod import;
mod remote;
mod saved;
mod serve;
mod shell;
mod verify;

/// An open ledger database, compatible with Amazon QLDB.
#[derive(Parser)]
#[command(name = "everstrand", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Arguments,
}

#[derive(Subcommand)]
enum Command {
    /// Serve ledgers over QLDB's two protocols (what happens without a command, too)
    Serve(serve::Arguments),
    /// Type statements at a ledger
    Shell(shell::Arguments),
    /// Verify a revision or a block against a saved digest, or an old digest against a newer one
    Verify(verify::Arguments),
    /// Compute every hash of a journal again
    Audit(audit::Arguments),
    /// Write a ledger's journal to a folder, in the layout of QLDB's exports
    Export(export::Arguments),
    /// Begin a ledger with an exported journal
    Import(import::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr();
    let outcome = match arguments.command.unwrap_or(Command::Serve(arguments.serve)) {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Shell(arguments) => shell::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("everstrand: {error}");
            ExitCode::from(2)
        }
    }
}

/// Warnings and worse, and how far a long replay of a journal is, unless `EVERSTRAND_LOG` asks for something else.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("EVERSTRAND_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,everstrand_ledger::recover=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
