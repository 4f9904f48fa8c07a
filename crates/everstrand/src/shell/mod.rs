//! `everstrand shell LEDGER`: runs statements that are typed at a prompt or read from a pipe.

mod script;

use std::error::Error;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use everstrand::InProcess;
use everstrand_driver::{HttpTransport, SendCommandResponse, SessionClient, Transport, TransportError};
use everstrand_ion::{Document, text};
use everstrand_journal::{CommitDigest, statement_digest};
use everstrand_protocol::{Page, SendCommandRequest, ValueHolder};
use everstrand_server::Service;
use everstrand_server::config::{Config, Storage};
use rustyline::error::ReadlineError;
use script::Script;

use crate::remote;

/// The arguments of `shell`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The ledger's name
    ledger: String,
    /// Open the ledger in this data folder; no server may be running on it
    #[arg(long, value_name = "DIR", conflicts_with = "endpoint")]
    data: Option<PathBuf>,
    /// Talk to this server [default: the server that AWS_ENDPOINT_URL_QLDB_SESSION or AWS_ENDPOINT_URL_QLDB names, else
    /// http://127.0.0.1:8182]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

const HELP: &str = "\
A PartiQL statement ends with a semicolon and may have several lines. Each statement runs in a transaction of
its own. Ctrl-C drops the typed text, or stops the running statement. The shell has these words of its own:
  begin     open a transaction for the statements that follow
  commit    commit it
  abort     roll it back
  tables    list the active tables
  help      show this text
  quit      leave (so does the end of the input)";

/// Runs statements until the input ends. From a pipe, the first error ends the shell with exit code 1.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &arguments.data {
        Some(folder) => {
            // Opening a service creates a missing data folder. Here a missing folder is most likely a mistyped one.
            if !folder.is_dir() {
                return Err(format!("there is no folder {}", folder.display()).into());
            }
            let service = Arc::new(Service::open(Config::new(Storage::Folder(folder.clone())))?);
            let code =
                runtime.block_on(converse(&arguments.ledger, Spawned(InProcess::new(Arc::clone(&service)))));
            service.close();
            code
        }
        None => {
            let endpoint = remote::endpoint(arguments.endpoint.as_deref());
            let transport = HttpTransport::builder().endpoint(endpoint).build()?;
            runtime.block_on(converse(&arguments.ledger, transport))
        }
    }
}

async fn converse<T: Transport>(ledger: &str, transport: T) -> Result<ExitCode, Box<dyn Error>> {
    let session = SessionClient::start_session(ledger, Arc::new(transport)).await?;
    let mut shell = Shell { session, open: None };
    let code = if std::io::stdin().is_terminal() {
        prompted(ledger, &mut shell).await?
    } else {
        piped(&mut shell).await?
    };
    shell.session.close().await;
    Ok(code)
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

async fn prompted<T: Transport>(ledger: &str, shell: &mut Shell<T>) -> Result<ExitCode, Box<dyn Error>> {
    let mut editor = rustyline::DefaultEditor::new()?;
    let mut script = Script::default();
    loop {
        let mark = if shell.open.is_some() { "*>" } else { ">" };
        let prompt = if script.is_empty() {
            format!("{ledger} {mark} ")
        } else {
            format!("{:>1$} ", "->", ledger.chars().count() + 1 + mark.len())
        };
        let line = match editor.readline(&prompt) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => {
                script = Script::default();
                continue;
            }
            Err(ReadlineError::Eof) => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(error.into()),
        };
        editor.add_history_entry(&line)?;
        // Pasted text may come as one line that contains line feeds.
        for statement in line.split('\n').flat_map(|line| script.push(line)).collect::<Vec<_>>() {
            let outcome = tokio::select! {
                outcome = shell.run(&statement.text) => outcome,
                Ok(()) = tokio::signal::ctrl_c() => {
                    shell.interrupt().await;
                    Err("the statement was stopped, and its transaction was rolled back".into())
                }
            };
            match outcome {
                Ok(true) => {}
                Ok(false) => return Ok(ExitCode::SUCCESS),
                Err(error) => {
                    println!("{error}");
                    break;
                }
            }
        }
    }
}

async fn piped<T: Transport>(shell: &mut Shell<T>) -> Result<ExitCode, Box<dyn Error>> {
    let mut script = Script::default();
    let mut lines = std::io::stdin().lock().lines();
    loop {
        let line = lines.next().transpose()?;
        let statements = match &line {
            Some(line) => script.push(line),
            None => script.rest().into_iter().collect(),
        };
        for statement in statements {
            match shell.run(&statement.text).await {
                Ok(true) => {}
                Ok(false) => return Ok(ExitCode::SUCCESS),
                Err(error) => {
                    eprintln!("the statement that begins in line {} of the input: {error}", statement.line);
                    return Ok(ExitCode::FAILURE);
                }
            }
        }
        if line.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

struct Shell<T: Transport> {
    session: SessionClient<T>,
    open: Option<Transaction>,
}

struct Transaction {
    id: String,
    digest: CommitDigest,
}

impl<T: Transport> Shell<T> {
    /// Runs a statement or a word of the shell. Answers `false` if the word ends the shell.
    async fn run(&mut self, statement: &str) -> Result<bool, Box<dyn Error>> {
        match statement.to_ascii_lowercase().as_str() {
            "quit" | "exit" => return Ok(false),
            "help" => println!("{HELP}"),
            "begin" | "start" if self.open.is_some() => {
                return Err("a transaction is open already; commit or abort it first".into());
            }
            "begin" | "start" => self.open = Some(self.begin().await?),
            "commit" => {
                let transaction = self.open.take().ok_or("no transaction is open")?;
                self.commit(transaction).await?;
            }
            "abort" => {
                self.open.take().ok_or("no transaction is open")?;
                self.session.abort_transaction().await?;
            }
            "tables" => {
                self.statement(
                    "SELECT VALUE name FROM information_schema.user_tables WHERE status = 'ACTIVE'",
                )
                .await?;
            }
            _ => self.statement(statement).await?,
        }
        Ok(true)
    }

    /// Rolls the transaction back, so that the service stops the running statement too.
    async fn interrupt(&mut self) {
        self.open = None;
        // An error means that the session is gone, and its transaction with it.
        let _ = self.session.abort_transaction().await;
    }

    /// Runs a statement in the open transaction, or in one of its own.
    async fn statement(&mut self, statement: &str) -> Result<(), Box<dyn Error>> {
        if let Some(mut transaction) = self.open.take() {
            let outcome = self.execute(&mut transaction, statement).await;
            // A refused statement leaves the transaction open. If the session is gone, the transaction is too.
            if !matches!(&outcome, Err(error) if error.is_invalid_session()) {
                self.open = Some(transaction);
            }
            return Ok(outcome?);
        }
        let mut transaction = self.begin().await?;
        match self.execute(&mut transaction, statement).await {
            Ok(()) => self.commit(transaction).await,
            Err(error) => {
                // If this fails too, the statement's error tells more.
                let _ = self.session.abort_transaction().await;
                Err(error.into())
            }
        }
    }

    async fn begin(&mut self) -> Result<Transaction, everstrand_driver::Error> {
        let started = match self.session.start_transaction().await {
            // The session has expired, because nobody typed anything for a while.
            Err(error) if error.is_invalid_session() => {
                let (ledger, transport) = (self.session.ledger_name(), Arc::clone(self.session.client()));
                self.session = SessionClient::start_session(ledger, transport).await?;
                self.session.start_transaction().await?
            }
            started => started?,
        };
        let id = started.transaction_id;
        Ok(Transaction { digest: CommitDigest::from_text(&id), id })
    }

    async fn execute(
        &self,
        transaction: &mut Transaction,
        statement: &str,
    ) -> Result<(), everstrand_driver::Error> {
        transaction.digest.add(statement_digest(statement, &[]));
        let result = self.session.execute_statement(&transaction.id, statement, ()).await?;
        let mut read_ios = result.consumed_ios.map_or(0, |usage| usage.read_ios);
        let mut rows = print_page(&result.first_page)?;
        let mut next = result.first_page.next_page_token;
        while let Some(token) = next {
            let result = self.session.fetch_page(&transaction.id, &token).await?;
            read_ios += result.consumed_ios.map_or(0, |usage| usage.read_ios);
            rows += print_page(&result.page)?;
            next = result.page.next_page_token;
        }
        println!("-- {rows} row{}, {read_ios} read IOs", if rows == 1 { "" } else { "s" });
        if rows == 0 && !statement.to_ascii_lowercase().starts_with("explain") {
            self.print_hints(transaction, statement).await?;
        }
        Ok(())
    }

    /// Prints EXPLAIN's hints for a statement that found nothing. A strict ledger gives no hints.
    async fn print_hints(
        &self,
        transaction: &mut Transaction,
        statement: &str,
    ) -> Result<(), everstrand_driver::Error> {
        let explain = format!("EXPLAIN {statement}");
        transaction.digest.add(statement_digest(&explain, &[]));
        let rows = match self.session.execute_statement(&transaction.id, &explain, ()).await {
            Ok(result) => result.first_page.values,
            Err(error) if error.is_invalid_session() => return Err(error),
            Err(_) => return Ok(()),
        };
        for row in rows {
            let ValueHolder::IonBinary(bytes) = row else { continue };
            let row = Document::from_binary(&bytes)?.to_value();
            let text = |name: &str| row.get(name).and_then(|value| value.as_text().map(str::to_owned));
            if let (Some("Hint"), Some(hint)) = (text("operation").as_deref(), text("detail")) {
                println!("-- hint: {hint}");
            }
        }
        Ok(())
    }

    async fn commit(&self, transaction: Transaction) -> Result<(), Box<dyn Error>> {
        self.session.commit_transaction(&transaction.id, transaction.digest.value()).await?;
        Ok(())
    }
}

fn print_page(page: &Page) -> Result<usize, everstrand_driver::Error> {
    for value in &page.values {
        match value {
            ValueHolder::IonBinary(bytes) => {
                println!("{}", text::write(&Document::from_binary(bytes)?.to_value()))
            }
            ValueHolder::IonText(written) => println!("{written}"),
        }
    }
    Ok(page.values.len())
}
