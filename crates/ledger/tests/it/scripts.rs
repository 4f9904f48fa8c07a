//! Golden scripts: sessions by name, statements as they are typed, and what came of them.
//!
//! ```text
//! > SELECT …                    a statement in a transaction of its own, or in the session's open one
//! > SELECT … WHERE a = ? -- [1] with parameters, an Ion list
//! ana: begin | commit | abort   a session's transaction
//! ana:> UPDATE …                a statement in it
//! advance 5                     moves the clock by milliseconds
//! journal 3                     the blocks from this number on
//! reopen                        closes the ledger, opens it again, and once more from the journal alone
//! limit NAME=NUMBER             opens it again with another limit
//! ```
//!
//! Indexes are built, and redactions done in the journal, before the next command.
//!
//! Ids are numbers in the order in which they were given, printed as `#7`, and can be written so.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;

use everstrand_ion::{Value, text};
use everstrand_journal::{Block, Hash};
use everstrand_ledger::storage::MemoryView;
use everstrand_ledger::{Committed, DuplicateKey, Ledger, LedgerError, Session};
use goldenscript::Argument;

use crate::support::{World, all, documents, texts};

struct Runner {
    world: World,
    ledger: Option<Ledger>,
    sessions: BTreeMap<String, Session>,
    /// The next page's token, by session.
    tokens: BTreeMap<String, String>,
}

impl Runner {
    fn new() -> Runner {
        let world = World::new();
        let ledger = Some(world.open());
        Runner { world, ledger, sessions: BTreeMap::new(), tokens: BTreeMap::new() }
    }

    fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().expect("open but while it is opened again")
    }

    fn reopen(&mut self) {
        self.sessions.clear();
        self.ledger = None;
        self.ledger = Some(self.world.open());
    }

    fn session(&mut self, name: &str) -> &mut Session {
        let ledger = self.ledger.as_ref().expect("open");
        self.sessions.entry(name.to_owned()).or_insert_with(|| ledger.start_session())
    }

    fn statement(&mut self, session: Option<&str>, line: &str) -> Result<String, LedgerError> {
        let (statement, parameters) = match line.split_once(" -- ") {
            Some((statement, parameters)) => (statement, text::read_one(&expand(parameters)).unwrap()),
            None => (line, Value::from(Vec::<Value>::new())),
        };
        let statement = expand(statement);
        let parameters: Vec<String> = parameters.as_sequence().unwrap().iter().map(text::write).collect();
        let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
        match session {
            Some(name) => {
                let session = self.session(name);
                let id = session.transaction_id().cloned().unwrap_or_else(|| "none".into());
                let page = session.execute(&id, &statement, &documents(&parameters))?;
                let mut output = lines(&texts(&page));
                if let Some(token) = page.next_page_token {
                    self.tokens.insert(name.to_owned(), token);
                    output.push_str("…\n");
                }
                Ok(output)
            }
            None => {
                let mut transaction = self.ledger().start_transaction()?;
                let values = all(&mut transaction, &statement, &parameters)?;
                transaction.commit_unchecked().wait()?;
                Ok(lines(&values))
            }
        }
    }

    fn command(&mut self, session: Option<&str>, name: &str, argument: &str) -> Result<String, LedgerError> {
        let who = session.unwrap_or("me");
        match name {
            "begin" => drop(self.session(who).start_transaction()?),
            "commit" => {
                let session = self.session(who);
                let id = session.transaction_id().cloned().unwrap_or_else(|| "none".into());
                let digest = session.commit_digest().unwrap_or(Hash([0; 32]));
                return Ok(committed(&session.commit(&id, digest)?.wait()?));
            }
            "commit_wrongly" => {
                let session = self.session(who);
                let id = session.transaction_id().cloned().unwrap_or_else(|| "none".into());
                session.commit(&id, Hash([0; 32]))?.wait()?;
            }
            "abort" => self.session(who).abort()?,
            "end" => self.session(who).end(),
            "fetch" => {
                let token = self.tokens.remove(who).unwrap_or_default();
                let session = self.session(who);
                let id = session.transaction_id().cloned().unwrap_or_else(|| "none".into());
                let page = session.fetch_page(&id, &token)?;
                let mut output = lines(&texts(&page));
                if let Some(token) = page.next_page_token {
                    self.tokens.insert(who.to_owned(), token);
                    output.push_str("…\n");
                }
                return Ok(output);
            }
            "advance" => self.world.clock.advance(argument.parse().unwrap()),
            "journal" => return self.journal(argument.parse().unwrap()),
            "reopen" => {
                let digest = self.ledger().digest();
                self.reopen();
                assert_eq!(self.ledger().digest(), digest, "the digest after opening again");
                self.world.views = std::sync::Arc::new(MemoryView::new());
                self.reopen();
                assert_eq!(self.ledger().digest(), digest, "the digest from the journal alone");
            }
            "limit" => {
                self.world.options.limits.set(argument).unwrap();
                self.reopen();
            }
            "record_reads" => {
                self.world.options.record_reads = true;
                self.reopen();
            }
            other => panic!("no command {other}"),
        }
        Ok(String::new())
    }

    fn journal(&self, from: u64) -> Result<String, LedgerError> {
        let mut output = String::new();
        let mut number = from;
        while let Some(block) = self.ledger().block(number)? {
            output.push_str(&block_line(block.own().expect("made here")));
            number += 1;
        }
        Ok(output)
    }
}

impl goldenscript::Runner for Runner {
    type Command = goldenscript::Command;

    fn run(
        &mut self,
        command: &goldenscript::Command,
        context: &goldenscript::Context,
    ) -> Result<String, Box<dyn Error>> {
        let session = context.prefix.as_deref();
        let statement = command.args.is_empty() && command.name.contains(|c: char| c.is_ascii_uppercase());
        let answer = if statement {
            self.statement(session, &command.name)
        } else {
            let arguments: Vec<String> = command.args.iter().map(argument).collect();
            self.command(session, &command.name, &arguments.join(" "))
        };
        while self.ledger().is_building_index() || self.ledger().is_redacting() {
            std::thread::yield_now();
        }
        let answer = match answer {
            Ok(output) => output,
            Err(error) => format!("{}\n", described(&error)),
        };
        Ok(shorten(&answer))
    }
}

fn argument(argument: &Argument) -> String {
    match argument {
        Argument::Positional(value) => value.clone(),
        Argument::KeyValue(key, value) => format!("{key}={value}"),
        other => other.to_string(),
    }
}

/// The kind of an error where its text does not tell, and what conflicts were about.
fn described(error: &LedgerError) -> String {
    match error {
        LedgerError::BadRequest { code: Some(code), message } => format!("error {code}: {message}"),
        LedgerError::DuplicateKey(duplicate) => {
            let key = duplicate.key.as_deref().unwrap_or("a long key");
            format!("error {}: {error}: {} {key}", DuplicateKey::CODE, duplicate.index)
        }
        LedgerError::OccConflict { what, block } => {
            format!("conflict: {what} changed in block {}", block.unwrap_or_default())
        }
        error => format!("error: {error}"),
    }
}

fn committed(committed: &Committed) -> String {
    match committed.block_address {
        Some(address) => format!("committed block {}\n", address.sequence_no),
        None => "committed without a block\n".to_owned(),
    }
}

fn block_line(block: &Block) -> String {
    let mut line = format!("{} tx={}", block.address().sequence_no, block.transaction_id());
    for change in block.catalog_changes().unwrap() {
        write!(line, " {}", text::write(&change.to_ion())).unwrap();
    }
    for revision in block.revisions() {
        let statements: Vec<String> = revision.statements().map(|number| number.to_string()).collect();
        write!(line, " {}/{} v{}", revision.table_name, revision.document_id, revision.version).unwrap();
        write!(line, " statements=[{}]", statements.join(",")).unwrap();
    }
    line + "\n"
}

fn lines(values: &[String]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

/// `#7` → `0000000000000000000007`.
fn expand(line: &str) -> String {
    let mut parts = line.split('#');
    let mut output = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        write!(output, "{:0>22}{}", &part[..digits], &part[digits..]).unwrap();
    }
    output
}

/// `0000000000000000000007` → `#7`.
fn shorten(output: &str) -> String {
    let mut shortened = String::new();
    let mut rest = output;
    while let Some(at) = rest.find("00000000000000") {
        let (before, id) = rest.split_at(at);
        let Some(id) = id.get(..22).filter(|id| id.bytes().all(|byte| byte.is_ascii_digit())) else {
            break;
        };
        write!(shortened, "{before}#{}", id.parse::<u64>().unwrap()).unwrap();
        rest = &rest[at + 22..];
    }
    shortened + rest
}

#[test]
fn scripts() {
    let mut paths: Vec<_> =
        std::fs::read_dir("tests/scripts").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        goldenscript::run(&mut Runner::new(), &path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
