//! What a shell such as bash completes: this program's arguments, and the names of ledgers among them.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};
use everstrand_server::ledger_folders;

use crate::place::{self, Place};
use crate::remote::{self, Certificates};

/// The variable by which a shell asks this program for completions.
const VARIABLE: &str = "EVERSTRAND_COMPLETE";

/// How long a shell's user waits for the names of ledgers at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers a shell that asks for completions, and ends the program then.
pub(crate) fn answer(command: fn() -> clap::Command) {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}

/// Prints the script by which a shell asks this program.
pub(crate) fn print(shell: clap_complete::Shell) -> Result<ExitCode, Box<dyn Error>> {
    let shells = Shells::builtins();
    let name = shell.to_string();
    let shell = shells.completer(&name).ok_or_else(|| format!("there are no completions for {name}"))?;
    // A program that was called by its path is not found by its name.
    let called = std::env::args().next().unwrap_or_default();
    let program = match Path::new(&called).components().count() {
        0 | 1 => "everstrand".to_owned(),
        _ => std::env::current_exe()?.display().to_string(),
    };
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "everstrand", "everstrand", &program, &mut script)?;
    std::io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// The ledgers of the server or the folder that the arguments so far name. Nobody hears of an error while a word is being completed.
pub(crate) fn ledgers() -> Vec<CompletionCandidate> {
    candidates(ledgers_named(&words()).unwrap_or_default())
}

/// The ledgers of the folder that the arguments so far name, for commands that work on folders only.
pub(crate) fn ledgers_in_folder() -> Vec<CompletionCandidate> {
    let words = words();
    let folder = place::data_folder(value_of(&words, "--data").map(Path::new));
    candidates(names_in(&folder).unwrap_or_default())
}

fn candidates(names: Vec<String>) -> Vec<CompletionCandidate> {
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// The words of the command line, which the shell puts behind `--`.
fn words() -> Vec<String> {
    std::env::args().skip_while(|word| word != "--").skip(1).collect()
}

fn value_of<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    let behind = |(at, word): (usize, &'a String)| match word.strip_prefix(name)? {
        "" => words.get(at + 1).map(String::as_str),
        rest => rest.strip_prefix('='),
    };
    words.iter().enumerate().find_map(behind)
}

fn names_in(folder: &Path) -> Result<Vec<String>, String> {
    Ok(ledger_folders(folder)?.into_iter().map(|(name, _)| name).collect())
}

fn ledgers_named(words: &[String]) -> Result<Vec<String>, Box<dyn Error>> {
    if let Some(folder) = value_of(words, "--data") {
        return Ok(names_in(Path::new(folder))?);
    }
    // What is audited stands without a name before it.
    let is_source = |word: &&String| word.starts_with("http") || Path::new(word).is_dir();
    let source = match words.get(1).map(String::as_str) {
        Some("audit") => words.iter().skip(2).find(is_source),
        _ => None,
    };
    let endpoint = match source {
        Some(url) if url.starts_with("http") => url.clone(),
        Some(folder) => return Ok(names_in(Path::new(folder))?),
        None => remote::endpoint(value_of(words, "--endpoint")),
    };
    let certificates = Certificates::of(value_of(words, "--ca").map(Into::into));
    let transport = certificates.transport_builder(&endpoint)?.timeout(PATIENCE).build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(Place::Server(transport.into()).ledgers())
}
