//! `everstrand shell [LEDGER]`: runs statements that are typed at a prompt, read from a pipe or a file, or given as arguments.

mod command;
mod completion;
mod edit;
mod output;
mod prompt;
mod script;
mod session;
mod spelling;

use std::error::Error;
use std::io::{BufRead, IsTerminal, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap_complete::engine::ArgValueCandidates;
use everstrand::InProcess;
use everstrand_driver::{SendCommandResponse, Transport, TransportError};
use everstrand_protocol::SendCommandRequest;
use everstrand_server::is_data_folder_in_use;
use reedline::{EditCommand, Signal};

use self::command::{Command, HELP, meant_beginning};
use self::completion::{Known, Names};
use self::output::{Format, Output};
use self::prompt::LedgerPrompt;
use self::script::Script;
use self::session::{Session, State};
use self::spelling::meant;
use crate::completions;
use crate::place::Place;
use crate::remote::Certificates;
use crate::{read_only, remote, verify};

/// The arguments of `shell`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The ledger's name. Without it the shell takes the only ledger that there is
    #[arg(add = ArgValueCandidates::new(completions::ledgers))]
    ledger: Option<String>,
    /// Open the ledger in this data folder. While a server is running on it, the shell shows the ledger as it is at the start, and changes
    /// nothing
    #[arg(long, value_name = "DIR", conflicts_with = "endpoint")]
    data: Option<PathBuf>,
    /// Talk to this server [default: the server that AWS_ENDPOINT_URL_QLDB_SESSION or AWS_ENDPOINT_URL_QLDB names, else
    /// http://127.0.0.1:8182]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    #[command(flatten)]
    certificates: Certificates,
    /// Run these statements and end (may be repeated)
    #[arg(short = 'c', long = "command", value_name = "STATEMENTS")]
    commands: Vec<String>,
    /// Run the statements in this file and end; - stands for the standard input
    #[arg(short = 'f', long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How to print rows: table, ion, json, csv or expanded [default: table on a terminal, else ion]
    #[arg(long, value_name = "FORM")]
    format: Option<Format>,
    /// Print rows as JSON, one a line, and nothing else
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Print rows and nothing else
    #[arg(short, long)]
    quiet: bool,
}

/// Runs statements until the input ends. Where nobody types, the first error ends the shell with exit code 1.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let in_use = arguments.data.as_deref().filter(|folder| is_data_folder_in_use(folder));
    let place = match in_use {
        Some(folder) => {
            let place = read_only::open(folder, arguments.ledger.as_deref())?;
            eprintln!(
                "-- a server has this folder open: the ledger is shown as it is now, and nothing can be changed here"
            );
            place
        }
        None => {
            Place::open(arguments.data.as_deref(), arguments.endpoint.as_deref(), &arguments.certificates)?
        }
    };
    let code = runtime.block_on(async {
        match &place {
            Place::Folder(service) => {
                let transport = Arc::new(Spawned(InProcess::new(Arc::clone(service))));
                converse(arguments, transport, &place, in_use.is_some()).await
            }
            Place::Server(transport) => converse(arguments, Arc::clone(transport), &place, false).await,
        }
    });
    place.close();
    code.map_err(with_advice)
}

/// An error that there is no server, with what its reader can do about it.
fn with_advice(error: Box<dyn Error>) -> Box<dyn Error> {
    let transport = match error.downcast_ref::<everstrand_driver::Error>() {
        Some(everstrand_driver::Error::Transport(error)) => Some(error),
        _ => error.downcast_ref::<TransportError>(),
    };
    match transport {
        Some(TransportError::NotSent(_)) => {
            format!("{error}. Start a server with `everstrand`, or open a data folder with --data").into()
        }
        _ => error,
    }
}

async fn converse<T: Transport>(
    arguments: &Arguments,
    transport: Arc<T>,
    place: &Place,
    only_reads: bool,
) -> Result<ExitCode, Box<dyn Error>> {
    let ledger = match &arguments.ledger {
        Some(ledger) => ledger.clone(),
        None => only_ledger(place).await?,
    };
    let is_given = !arguments.commands.is_empty() || arguments.file.is_some();
    let is_typed = !is_given && std::io::stdin().is_terminal();
    let is_shown = std::io::stdout().is_terminal();
    let format = match (arguments.json, arguments.format) {
        (true, _) => Format::Json,
        (false, Some(format)) => format,
        (false, None) if is_shown => Format::Table,
        (false, None) => Format::Ion,
    };
    let output = Output::new(format, (is_typed && is_shown).then_some(terminal_size));
    let mut session = Session::start(&ledger, transport, place.clone(), output).await?;
    session.says_more &= !arguments.quiet;
    session.is_timed = is_typed;
    session.only_reads = only_reads;
    let code =
        if is_typed { prompted(&mut session).await? } else { unattended(&mut session, arguments).await? };
    session.close().await;
    Ok(code)
}

async fn only_ledger(place: &Place) -> Result<String, Box<dyn Error>> {
    let ledgers = place.ledgers().await?;
    match &ledgers[..] {
        [only] => Ok(only.clone()),
        [] => Err("there is no ledger yet; create one with: everstrand ledger create NAME".into()),
        several => Err(format!("which ledger? There are: {}", several.join(", ")).into()),
    }
}

fn terminal_size() -> Option<(usize, usize)> {
    let (columns, lines) = crossterm::terminal::size().ok()?;
    (columns > 0 && lines > 0).then_some((columns.into(), lines.into()))
}

/// A ledger in this process that runs each command on a task of its own, so that the prompt's task can hear Ctrl-C.
struct Spawned(InProcess);

impl Transport for Spawned {
    async fn send_command(&self, request: SendCommandRequest) -> Result<SendCommandResponse, TransportError> {
        let ledger = self.0.clone();
        let work = tokio::spawn(async move { ledger.send_command(request).await });
        work.await.map_err(|error| TransportError::Lost(error.into()))?
    }
}

async fn prompted<T: Transport>(session: &mut Session<T>) -> Result<ExitCode, Box<dyn Error>> {
    let names: Names = Arc::new(Mutex::new(Known::default()));
    let mut editor = prompt::editor(&names);
    let mut shell = Shell { session, last: None, names_are_old: true, is_typed: true };
    loop {
        shell.tell_names(&names).await;
        let mark = match &shell.session.state {
            State::Single => ">".to_owned(),
            State::Open(transaction) => format!("{} s*>", transaction.seconds_left()),
            State::Lost => "!>".to_owned(),
        };
        let prompt = LedgerPrompt { ledger: shell.session.ledger().to_owned(), mark };
        let typed = match editor.read_line(&prompt)? {
            Signal::Success(typed) => typed,
            Signal::CtrlD => return Ok(ExitCode::SUCCESS),
            _ => continue,
        };
        // At once, because a shell may be killed. One that cannot be kept is no reason to stop.
        let _ = editor.sync_history();
        let mut script = Script::default();
        let statements: Vec<_> = typed.split('\n').flat_map(|line| script.push(line)).collect();
        for (number, statement) in statements.iter().enumerate() {
            let outcome = tokio::select! {
                outcome = shell.run(&statement.text) => outcome,
                Ok(()) = tokio::signal::ctrl_c() => {
                    shell.session.interrupt().await;
                    Err("the statement was stopped, and its transaction was rolled back".into())
                }
            };
            match outcome {
                Ok(Go::On) => {}
                Ok(Go::Away) => return Ok(ExitCode::SUCCESS),
                Ok(Go::OnWith(text)) => editor.run_edit_commands(&[EditCommand::InsertString(text)]),
                Err(error) => {
                    println!("{}", with_caret(&error.to_string(), &statement.text));
                    match statements.len() - number - 1 {
                        0 => {}
                        rest => println!("-- {rest} of the statements were not run"),
                    }
                    break;
                }
            }
        }
    }
}

async fn unattended<T: Transport>(
    session: &mut Session<T>,
    arguments: &Arguments,
) -> Result<ExitCode, Box<dyn Error>> {
    let mut shell = Shell { session, last: None, names_are_old: false, is_typed: false };
    for statements in &arguments.commands {
        if shell.run_all(statements.as_bytes(), "--command").await? == Ended::Early {
            return Ok(ExitCode::FAILURE);
        }
    }
    let is_given = !arguments.commands.is_empty() || arguments.file.is_some();
    let from_file = arguments.file.as_deref().filter(|file| *file != Path::new("-"));
    let ended = match from_file {
        Some(file) => shell.run_file(file).await?,
        None if !is_given || arguments.file.is_some() => {
            shell.run_all(std::io::stdin().lock(), "the input").await?
        }
        None => Ended::Whole,
    };
    if ended == Ended::Early {
        return Ok(ExitCode::FAILURE);
    }
    if !matches!(shell.session.state, State::Single) {
        eprintln!("the input ended within a transaction; it was rolled back");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the shell goes on.
#[derive(PartialEq)]
enum Go {
    On,
    /// With this text at the prompt, which the user may change before it runs.
    OnWith(String),
    Away,
}

/// How far statements were run.
#[derive(PartialEq)]
enum Ended {
    Whole,
    /// One failed, and the error was printed.
    Early,
}

struct Shell<'a, T: Transport> {
    session: &'a mut Session<T>,
    /// The last statement, which can be watched and edited.
    last: Option<String>,
    /// Whether what runs was typed at the prompt, and does not come from a file or a pipe.
    is_typed: bool,
    /// Whether tables may have come or gone since the names were told.
    names_are_old: bool,
}

impl<T: Transport> Shell<'_, T> {
    /// Runs statements from a text. The first error ends it.
    async fn run_all(&mut self, text: impl BufRead, name: &str) -> Result<Ended, Box<dyn Error>> {
        let mut script = Script::default();
        let mut lines = text.lines();
        loop {
            let line = lines.next().transpose()?;
            let statements = match &line {
                Some(line) => script.push(line),
                None => script.rest().into_iter().collect(),
            };
            for statement in statements {
                match self.run(&statement.text).await {
                    Ok(Go::On | Go::OnWith(_)) => {}
                    Ok(Go::Away) => return Ok(Ended::Whole),
                    Err(error) => {
                        let error = with_caret(&error.to_string(), &statement.text);
                        eprintln!("the statement that begins in line {} of {name}: {error}", statement.line);
                        return Ok(Ended::Early);
                    }
                }
            }
            if line.is_none() {
                return Ok(Ended::Whole);
            }
        }
    }

    async fn run_file(&mut self, file: &Path) -> Result<Ended, Box<dyn Error>> {
        let unreadable = |error: std::io::Error| format!("{}: {error}", file.display());
        let mut text = String::new();
        std::fs::File::open(file).map_err(unreadable)?.read_to_string(&mut text).map_err(unreadable)?;
        // A file may include others, so the future of this call holds itself.
        let is_typed = std::mem::replace(&mut self.is_typed, false);
        let ended = Box::pin(self.run_all(text.as_bytes(), &file.display().to_string())).await;
        self.is_typed = is_typed;
        ended
    }

    /// Runs a statement or a word of the shell.
    async fn run(&mut self, text: &str) -> Result<Go, Box<dyn Error>> {
        match Command::parse(text)? {
            Command::Quit => return Ok(Go::Away),
            Command::Help => println!("{HELP}"),
            Command::Begin => self.session.open().await?,
            Command::Commit => self.session.commit().await?,
            Command::Abort => self.session.abort().await?,
            Command::Statement(statement) => {
                self.names_are_old |= changes_tables(&statement);
                self.last = Some(statement.clone());
                if let Err(error) = self.session.run(&statement).await {
                    return Err(self.with_guess(error, &statement).await);
                }
            }
            command @ (Command::Tables
            | Command::Describe { .. }
            | Command::History { .. }
            | Command::Tail { .. }) => {
                for query in command.queries() {
                    self.session.run(&query).await?;
                }
            }
            Command::Digest => {
                let digest =
                    self.session.place.control(remote::digest_request(self.session.ledger())).await?;
                println!("{}", String::from_utf8_lossy(&digest.to_json()));
            }
            Command::Verify { id } => {
                println!("{}", verify::latest(&self.session.place, self.session.ledger(), &id).await?);
            }
            Command::Edit if self.is_typed => {
                return Ok(Go::OnWith(edit::edit(self.last.as_deref().unwrap_or_default())?));
            }
            Command::Edit => return Err("\\edit is for who types at the prompt".into()),
            Command::Watch { seconds } => {
                let statement = self.last.clone().ok_or("there is no statement to watch yet")?;
                loop {
                    self.session.run(&statement).await?;
                    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
                }
            }
            Command::Format(format) => self.session.output.format = format,
            Command::Expanded => {
                self.session.output.format = match self.session.output.format {
                    Format::Expanded => Format::Table,
                    _ => Format::Expanded,
                };
            }
            Command::Output(file) => self.session.output.redirect(file.as_deref())?,
            Command::Include(file) => {
                if self.run_file(Path::new(&file)).await? == Ended::Early {
                    return Err(format!("the rest of {file} was not run").into());
                }
            }
            Command::Timing => {
                self.session.is_timed = !self.session.is_timed;
                println!("-- timing is {}", if self.session.is_timed { "on" } else { "off" });
            }
            Command::Connect { ledger } => {
                self.session.connect(&ledger).await?;
                self.names_are_old = true;
            }
            Command::Ledgers => {
                for ledger in self.session.place.ledgers().await? {
                    match self.session.place.restored_from(&ledger).await {
                        Some(from) => println!("{ledger}  (restored from {from})"),
                        None => println!("{ledger}"),
                    }
                }
            }
        }
        Ok(Go::On)
    }

    /// The error of a statement, with what the statement's author may have meant.
    async fn with_guess(&mut self, error: Box<dyn Error>, statement: &str) -> Box<dyn Error> {
        let text = error.to_string();
        if let Some(beginning) = meant_beginning(statement) {
            return format!("{text}; did you mean {beginning}?").into();
        }
        let name = text.split_once("No such variable named '").and_then(|(_, rest)| rest.split_once('\''));
        let Some((name, _)) = name.filter(|_| !text.contains("did you mean")) else { return error };
        // In an open transaction the question would need another one. There the names that were seen have to do.
        let tables = self.session.tables().await.unwrap_or_default();
        let known = if tables.is_empty() { &self.session.seen } else { &tables };
        if let Some(guess) = meant(name, known.iter().map(String::as_str)) {
            return format!("{text}; did you mean '{guess}'?").into();
        }
        match self.is_typed && !tables.is_empty() {
            true => format!("{text}; tables: {}", tables.join(", ")).into(),
            false => error,
        }
    }

    /// Gives the prompt the names that it can complete.
    async fn tell_names(&mut self, names: &Names) {
        let mut ledgers = None;
        if self.names_are_old && matches!(self.session.state, State::Single) {
            // Without names the prompt completes keywords only.
            let tables = self.session.tables().await.unwrap_or_default();
            self.session.seen.extend(tables);
            ledgers = self.session.place.ledgers().await.ok();
            self.names_are_old = false;
        }
        let mut told = names.lock().unwrap_or_else(PoisonError::into_inner);
        told.names.clone_from(&self.session.seen);
        if let Some(ledgers) = ledgers {
            told.ledgers = ledgers;
        }
    }
}

fn changes_tables(statement: &str) -> bool {
    let first = statement.split_whitespace().next().unwrap_or_default();
    ["create", "drop", "undrop"].iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// An error text with the line of the statement that it names, and a mark under the place.
fn with_caret(error: &str, statement: &str) -> String {
    let number_after = |mark: &str, text: &str| -> Option<usize> {
        let (_, rest) = text.split_once(mark)?;
        let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
        digits.parse().ok()
    };
    let place = error.split_once("at line ").and_then(|(_, rest)| {
        let line = rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse::<usize>().ok()?;
        Some((line, number_after("column ", rest)?))
    });
    let Some((line, column)) = place else { return error.to_owned() };
    let Some(text) = line.checked_sub(1).and_then(|line| statement.lines().nth(line)) else {
        return error.to_owned();
    };
    let before: String = text.chars().take(column.saturating_sub(1)).collect();
    let indent: String = before
        .chars()
        .map(|letter| {
            if letter == '\t' {
                "\t".to_owned()
            } else {
                " ".repeat(unicode_width::UnicodeWidthChar::width(letter).unwrap_or(0))
            }
        })
        .collect();
    format!("{error}\n  {text}\n  {indent}^")
}

#[cfg(test)]
mod tests {
    use super::with_caret;

    #[test]
    fn an_error_points_at_its_place() {
        let error = "Semantic Error: at line 2, column 6: No such variable named 'Cat'";
        assert_eq!(with_caret(error, "SELECT *\nFROM Cat"), format!("{error}\n  FROM Cat\n       ^"));
        assert_eq!(with_caret("at line 1, column 3: x", "日本x"), "at line 1, column 3: x\n  日本x\n      ^");
        for error in ["no place", "at line 9, column 1: beyond", "at line 0, column 1: x"] {
            assert_eq!(with_caret(error, "SELECT"), error);
        }
    }
}
