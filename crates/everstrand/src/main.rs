//! The program: arguments in, one of the commands out.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

mod accept_loss;
mod announce;
mod audit;
mod client_variables;
mod completions;
mod config_file;
mod copies;
mod demo;
mod dump;
mod encrypt;
mod env;
mod export;
mod exported;
mod exported_indexes;
mod health;
mod identity;
mod import;
mod import_endpoint;
mod journal_folder;
mod ledger;
mod listen;
mod load;
mod master_key;
mod place;
mod places_of_copies;
mod progress;
mod read_only;
mod remote;
mod report_file;
mod saved;
mod serve;
mod shell;
mod store;
mod tls;
mod verify;

/// A read-modify-write takes a seventh less processor time with it than with glibc's allocator. musl's has one lock for all threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An open ledger database, compatible with Amazon QLDB.
#[derive(Parser)]
#[command(name = "everstrand", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Arguments,
    /// What to log on standard error: error, warn, info (start, stop, progress of a replay), debug (one line for each
    /// request) or trace. A part of the program can have a level of its own, as in warn,everstrand_server=debug
    /// [default: the variable EVERSTRAND_LOG, else warn]
    #[arg(long, global = true, value_name = "LEVEL")]
    log: Option<String>,
    #[command(flatten)]
    master_key: master_key::MasterKeyArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Serve ledgers over QLDB's two protocols (the default without a command)
    Serve(Box<serve::Arguments>),
    /// Run statements that you type, or that come from a pipe
    Shell(shell::Arguments),
    Ledger(ledger::Arguments),
    /// Verify a revision or a block against a saved digest, or an old digest against a newer one
    Verify(verify::Arguments),
    /// Compute every hash of a journal again
    Audit(audit::Arguments),
    /// Write a ledger's journal to a folder, in the layout of QLDB's exports
    Export(export::Arguments),
    /// Create a ledger that begins with an exported journal
    Import(import::Arguments),
    Load(load::Arguments),
    Dump(dump::Arguments),
    AcceptLoss(accept_loss::Arguments),
    Encrypt(encrypt::Arguments),
    MasterKey(encrypt::MasterKeyCommand),
    Env(env::Arguments),
    Init(identity::init::Arguments),
    User(identity::user::Arguments),
    Group(identity::group::Arguments),
    Policy(identity::policy::Arguments),
    Credentials(identity::credentials::Arguments),
    UsersKey(identity::users_key::Arguments),
    Demo(demo::Arguments),
    Store(store::Arguments),
    /// Make certificates for trials of TLS
    #[command(subcommand)]
    Tls(tls::Command),
    Backup(copies::backup::Arguments),
    Restore(copies::restore::Arguments),
    Copy(copies::between::Arguments),
    Drill(copies::drill::Arguments),
    /// Print a script that completes this program's arguments, and names of ledgers, in a shell, for example:
    /// source <(everstrand completions bash)
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    Health(health::Arguments),
}

fn main() -> ExitCode {
    completions::answer(Arguments::command);
    let given = std::env::args_os().collect();
    let arguments = match config_file::with_arguments_of_file(Arguments::command(), given) {
        Ok(arguments) => Arguments::parse_from(arguments),
        Err(error) => {
            eprintln!("everstrand: {error}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = log_to_stderr(arguments.log) {
        eprintln!("everstrand: {error}");
        return ExitCode::from(2);
    }
    arguments.master_key.hold();
    let outcome = match arguments.command.unwrap_or(Command::Serve(Box::new(arguments.serve))) {
        Command::Serve(arguments) => serve::run(*arguments),
        Command::Shell(arguments) => shell::run(&arguments),
        Command::Ledger(arguments) => ledger::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Load(arguments) => load::run(&arguments),
        Command::Dump(arguments) => dump::run(&arguments),
        Command::AcceptLoss(arguments) => accept_loss::run(&arguments),
        Command::Encrypt(arguments) => encrypt::run(&arguments),
        Command::MasterKey(arguments) => encrypt::run_master_key(&arguments),
        Command::Env(arguments) => env::run(&arguments),
        Command::Init(arguments) => identity::init::run(&arguments),
        Command::User(arguments) => identity::user::run(arguments),
        Command::Group(arguments) => identity::group::run(arguments),
        Command::Policy(arguments) => identity::policy::run(arguments),
        Command::Credentials(arguments) => identity::credentials::run(&arguments),
        Command::UsersKey(arguments) => identity::users_key::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Store(arguments) => store::run(&arguments),
        Command::Tls(command) => tls::run(&command),
        Command::Backup(arguments) => copies::backup::run(&arguments),
        Command::Restore(arguments) => copies::restore::run(&arguments),
        Command::Copy(arguments) => copies::between::run(&arguments),
        Command::Drill(arguments) => copies::drill::run(&arguments),
        Command::Completions { shell } => completions::print(shell),
        Command::Health(arguments) => health::run(&arguments),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("everstrand: {error}");
            ExitCode::from(2)
        }
    }
}

/// Starts the log. By default it shows warnings, errors, and the progress of a long replay.
fn log_to_stderr(asked: Option<String>) -> Result<(), String> {
    let asked = asked.or_else(|| std::env::var("EVERSTRAND_LOG").ok().filter(|levels| !levels.is_empty()));
    let levels = asked.as_deref().unwrap_or("warn,everstrand_ledger::recover=info");
    let filter = tracing_subscriber::EnvFilter::builder().parse(levels);
    let filter = filter.map_err(|error| {
        format!("{levels:?} is not a log level: {error}; write error, warn, info, debug or trace")
    })?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    Ok(())
}
