//! A session of the shell: statements, transactions, and what the shell's words ask of the ledger.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everstrand_driver::{SessionClient, Transport};
use everstrand_ion::{Document, IonError, Value, text};
use everstrand_journal::{CommitDigest, statement_digest};
use everstrand_protocol::{IoUsage, Page, ValueHolder};

use super::output::Output;
use crate::place::Place;

/// How long a transaction lives, unless the server's operator has set another limit.
const TRANSACTION: Duration = Duration::from_secs(30);

/// What becomes of the next statement.
pub(super) enum State {
    /// It runs in a transaction of its own.
    Single,
    /// It runs in the open transaction.
    Open(Transaction),
    /// It is refused. The transaction that it would belong to is over and nothing of it was committed; the user has to
    /// say that he knows.
    Lost,
}

pub(super) struct Transaction {
    id: String,
    write_ios: i64,
    digest: CommitDigest,
    begun: Instant,
}

impl Transaction {
    /// How many seconds are left.
    pub(super) fn seconds_left(&self) -> u64 {
        TRANSACTION.saturating_sub(self.begun.elapsed()).as_secs()
    }
}

/// Why statements are refused until the user says that he knows.
const LOST: &str = "the transaction is over, and nothing of it was committed. Type abort; then statements run again, each in a \
                    transaction of its own";

pub(super) struct Session<T: Transport> {
    client: SessionClient<T>,
    pub(super) place: Place,
    pub(super) state: State,
    pub(super) output: Output,
    /// Whether lines beside the rows say how many rows there were.
    pub(super) says_more: bool,
    pub(super) is_timed: bool,
    /// Whether the ledger cannot be changed here.
    pub(super) only_reads: bool,
    /// The names of tables and fields that were seen, for completion.
    pub(super) seen: Vec<String>,
}

impl<T: Transport> Session<T> {
    pub(super) async fn start(
        ledger: &str,
        transport: Arc<T>,
        place: Place,
        output: Output,
    ) -> Result<Session<T>, Box<dyn Error>> {
        let client = session_of(ledger, transport, &place).await?;
        let says_more = !output.is_for_programs();
        let (state, seen) = (State::Single, Vec::new());
        Ok(Session { client, place, state, output, says_more, is_timed: false, only_reads: false, seen })
    }

    pub(super) fn ledger(&self) -> &str {
        self.client.ledger_name()
    }

    /// Goes on with another ledger.
    pub(super) async fn connect(&mut self, ledger: &str) -> Result<(), Box<dyn Error>> {
        if !matches!(self.state, State::Single) {
            return Err("the open transaction belongs to this ledger; commit or abort it first".into());
        }
        let client = session_of(ledger, Arc::clone(self.client.client()), &self.place).await?;
        std::mem::replace(&mut self.client, client).close().await;
        self.seen.clear();
        Ok(())
    }

    pub(super) async fn close(self) {
        self.client.close().await;
    }

    /// Opens a transaction for the statements that follow.
    pub(super) async fn open(&mut self) -> Result<(), Box<dyn Error>> {
        match self.state {
            State::Open(_) => Err("a transaction is open already; commit or abort it first".into()),
            State::Lost => Err(LOST.into()),
            State::Single => {
                self.state = State::Open(self.begin().await?);
                Ok(())
            }
        }
    }

    /// Commits the open transaction.
    pub(super) async fn commit(&mut self) -> Result<(), Box<dyn Error>> {
        match std::mem::replace(&mut self.state, State::Single) {
            State::Open(transaction) => {
                let (id, has_written) = (transaction.id.clone(), transaction.write_ios > 0);
                self.commit_this(transaction).await?;
                if self.says_more && self.is_timed && has_written {
                    println!("-- committed transaction {id}");
                }
                Ok(())
            }
            State::Lost => Err("the transaction was over before; nothing of it was committed".into()),
            State::Single => Err("no transaction is open".into()),
        }
    }

    /// Rolls the open transaction back.
    pub(super) async fn abort(&mut self) -> Result<(), Box<dyn Error>> {
        match std::mem::replace(&mut self.state, State::Single) {
            State::Open(_) => Ok(self.client.abort_transaction().await.map(drop)?),
            State::Lost => Ok(()),
            State::Single => Err("no transaction is open".into()),
        }
    }

    /// Stops the running statement, by rolling its transaction back.
    pub(super) async fn interrupt(&mut self) {
        // A statement leaves `Lost` behind while it runs in an open transaction, so the state is right already. An error means that the session is gone, and its transaction with it.
        let _ = self.client.abort_transaction().await;
    }

    /// Runs a statement in the open transaction, or in one of its own, and prints its rows.
    pub(super) async fn run(&mut self, statement: &str) -> Result<(), Box<dyn Error>> {
        if self.only_reads && is_change(statement) {
            return Err("a server has the folder open, so this shell only reads; to change the ledger, leave --data out, and \
                        the shell talks to a server"
                .into());
        }
        let begun = Instant::now();
        let counted = match std::mem::replace(&mut self.state, State::Lost) {
            State::Open(mut transaction) => {
                let outcome = self.execute(&mut transaction, statement).await;
                // A refused statement leaves the transaction open. If the session is gone, the transaction is too.
                match outcome {
                    Err(error) if is_invalid_session(&*error) => {
                        return Err(format!("{error}; {LOST}").into());
                    }
                    outcome => {
                        self.state = State::Open(transaction);
                        outcome?
                    }
                }
            }
            State::Lost => return Err(LOST.into()),
            State::Single => {
                self.state = State::Single;
                let mut transaction = self.begin().await?;
                match self.execute(&mut transaction, statement).await {
                    Ok(mut counted) => {
                        counted.committed = Some(transaction.id.clone());
                        self.commit_this(transaction).await?;
                        counted
                    }
                    Err(error) => {
                        // If this fails too, the statement's error tells more.
                        let _ = self.client.abort_transaction().await;
                        return Err(error);
                    }
                }
            }
        };
        if self.says_more {
            let Counted { rows, read_ios, write_ios, committed, hints } = counted;
            let plural = |count: i64| if count == 1 { "" } else { "s" };
            let mut line = format!("-- {rows} row{}, {read_ios} read IOs", plural(rows as i64));
            if write_ios > 0 {
                line += &format!(", {write_ios} write IO{}", plural(write_ios));
            }
            if self.is_timed {
                line += &format!(", {:.1?}", begun.elapsed());
                // Its id leads to the block of a change.
                let id = committed.filter(|_| write_ios > 0 || is_change(statement));
                line += &id.map(|id| format!("; transaction {id}")).unwrap_or_default();
            }
            println!("{line}");
            hints.iter().for_each(|hint| println!("-- hint: {hint}"));
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result<Transaction, everstrand_driver::Error> {
        let started = match self.client.start_transaction().await {
            // The session has expired, because nobody typed anything for a while.
            Err(error) if error.is_invalid_session() => {
                let (ledger, transport) = (self.client.ledger_name(), Arc::clone(self.client.client()));
                self.client = SessionClient::start_session(ledger, transport).await?;
                self.client.start_transaction().await?
            }
            started => started?,
        };
        let id = started.transaction_id;
        Ok(Transaction { digest: CommitDigest::from_text(&id), id, write_ios: 0, begun: Instant::now() })
    }

    async fn execute(
        &mut self,
        transaction: &mut Transaction,
        statement: &str,
    ) -> Result<Counted, Box<dyn Error>> {
        transaction.digest.add(statement_digest(statement, &[]));
        let result = self.client.execute_statement(&transaction.id, statement, ()).await?;
        let mut counted = Counted::default();
        counted.add(result.consumed_ios);
        counted.rows = self.print(&result.first_page)?;
        let mut next = result.first_page.next_page_token;
        while let Some(token) = next {
            let result = self.client.fetch_page(&transaction.id, &token).await?;
            counted.add(result.consumed_ios);
            counted.rows += self.print(&result.page)?;
            next = result.page.next_page_token;
        }
        self.output.end()?;
        transaction.write_ios += counted.write_ios;
        if counted.rows == 0 && self.says_more && !statement.to_ascii_lowercase().starts_with("explain") {
            counted.hints = self.hints(transaction, statement).await?;
        }
        Ok(counted)
    }

    fn print(&mut self, page: &Page) -> Result<usize, Box<dyn Error>> {
        let rows = values(page)?;
        for (name, _) in rows.iter().filter_map(Value::as_struct).flat_map(|row| row.iter()) {
            if let Some(name) = name.text()
                && !self.seen.iter().any(|seen| seen == name)
                && self.seen.len() < SEEN_MAX
            {
                self.seen.push(name.to_owned());
            }
        }
        let count = rows.len();
        self.output.page(rows)?;
        Ok(count)
    }

    /// EXPLAIN's hints for a statement that found nothing. A strict ledger gives none.
    async fn hints(
        &self,
        transaction: &mut Transaction,
        statement: &str,
    ) -> Result<Vec<String>, Box<dyn Error>> {
        let explain = format!("EXPLAIN {statement}");
        transaction.digest.add(statement_digest(&explain, &[]));
        let page = match self.client.execute_statement(&transaction.id, &explain, ()).await {
            Ok(result) => result.first_page,
            Err(error) if error.is_invalid_session() => return Err(error.into()),
            Err(_) => return Ok(Vec::new()),
        };
        let hint = |row: Value| {
            let text = |name: &str| row.get(name).and_then(|value| value.as_text().map(str::to_owned));
            (text("operation").as_deref() == Some("Hint")).then(|| text("detail")).flatten()
        };
        Ok(values(&page)?.into_iter().filter_map(hint).collect())
    }

    async fn commit_this(&self, transaction: Transaction) -> Result<(), Box<dyn Error>> {
        self.client.commit_transaction(&transaction.id, transaction.digest.value()).await?;
        Ok(())
    }

    /// The rows of a query that the shell asks for itself, in a transaction of its own.
    async fn ask(&mut self, statement: &str) -> Result<Vec<Value>, Box<dyn Error>> {
        if !matches!(self.state, State::Single) {
            return Err(
                "the shell asks this in a transaction of its own; commit or abort the open one first".into(),
            );
        }
        let mut transaction = self.begin().await?;
        transaction.digest.add(statement_digest(statement, &[]));
        let mut rows = Vec::new();
        match self.client.execute_statement(&transaction.id, statement, ()).await {
            Ok(result) => {
                rows.extend(values(&result.first_page)?);
                let mut next = result.first_page.next_page_token;
                while let Some(token) = next {
                    let page = self.client.fetch_page(&transaction.id, &token).await?.page;
                    rows.extend(values(&page)?);
                    next = page.next_page_token;
                }
            }
            Err(error) => {
                let _ = self.client.abort_transaction().await;
                return Err(error.into());
            }
        }
        self.commit_this(transaction).await?;
        Ok(rows)
    }

    /// The names of the active tables.
    pub(super) async fn tables(&mut self) -> Result<Vec<String>, Box<dyn Error>> {
        let names =
            self.ask("SELECT VALUE name FROM information_schema.user_tables WHERE status = 'ACTIVE'").await?;
        Ok(names.iter().filter_map(|name| name.as_text().map(str::to_owned)).collect())
    }
}

/// A session of a ledger. An error that there is no such ledger names those that there are.
async fn session_of<T: Transport>(
    ledger: &str,
    transport: Arc<T>,
    place: &Place,
) -> Result<SessionClient<T>, Box<dyn Error>> {
    let error = match SessionClient::start_session(ledger, transport).await {
        Ok(client) => return Ok(client),
        Err(error) => error,
    };
    let there = place.ledgers().await.unwrap_or_default();
    match there.is_empty() || there.iter().any(|name| name == ledger) {
        true => Err(error.into()),
        false => Err(format!("{error}; there are: {}", there.join(", ")).into()),
    }
}

/// Whether a statement begins as those do that change something. What it overlooks, the ledger refuses.
fn is_change(statement: &str) -> bool {
    let first = statement.split(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default();
    ["INSERT", "UPDATE", "DELETE", "FROM", "CREATE", "DROP", "UNDROP", "EXEC"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(first))
}

/// How many names of fields are remembered.
const SEEN_MAX: usize = 1000;

#[derive(Default)]
struct Counted {
    rows: usize,
    read_ios: i64,
    write_ios: i64,
    /// The transaction, if it was the statement's own.
    committed: Option<String>,
    hints: Vec<String>,
}

impl Counted {
    fn add(&mut self, usage: Option<IoUsage>) {
        let usage = usage.unwrap_or_default();
        self.read_ios += usage.read_ios;
        self.write_ios += usage.write_ios;
    }
}

fn values(page: &Page) -> Result<Vec<Value>, IonError> {
    let value = |value: &ValueHolder| match value {
        ValueHolder::IonBinary(bytes) => Ok(Document::from_binary(bytes)?.to_value()),
        ValueHolder::IonText(written) => Ok(text::read_one(written)?),
    };
    page.values.iter().map(value).collect()
}

fn is_invalid_session(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<everstrand_driver::Error>().is_some_and(everstrand_driver::Error::is_invalid_session)
}
