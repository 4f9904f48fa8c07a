//! One connection to PostgreSQL, made again when it is lost, and what a failure says of a write.

use std::future::poll_fn;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use everstrand_ledger::storage::slots::SlotError;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Row};

use crate::object::chain;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a statement may take. A standby that is gone holds a commit for ever.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection, and what it needs to be made again.
pub(crate) struct Connection {
    config: Config,
    client: Option<Client>,
    /// How many warnings the database has sent over this connection.
    warnings: Arc<AtomicU64>,
}

/// Why a statement did not succeed.
pub(crate) enum Failed {
    /// No connection was made, so nothing was sent.
    NotConnected(String),
    /// The database refused the statement, so it did nothing.
    Refused { why: String, state: SqlState },
    /// It was sent, and the answer is missing, or came with a warning.
    Unknown(String),
}

impl Connection {
    /// Nothing is sent before the first statement.
    pub(crate) fn new(url: &str) -> Result<Connection, tokio_postgres::Error> {
        let mut config = Config::from_str(url)?;
        config.connect_timeout(CONNECT_TIMEOUT).application_name("everstrand");
        Ok(Connection { config, client: None, warnings: Arc::default() })
    }

    async fn client(&mut self) -> Result<&Client, Failed> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            let connected = self.config.connect(NoTls).await;
            let (client, mut connection) = connected.map_err(|error| Failed::NotConnected(chain(&error)))?;
            let warnings = Arc::clone(&self.warnings);
            tokio::spawn(async move {
                // A warning is counted before the answer behind it is passed on, because both come in order.
                while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                    if let AsyncMessage::Notice(notice) = message
                        && notice.severity() == "WARNING"
                    {
                        tracing::warn!(%notice, "PostgreSQL warns");
                        warnings.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
            self.client = Some(client);
        }
        self.client.as_ref().ok_or_else(|| Failed::NotConnected("there is no connection".to_owned()))
    }

    /// Executes statements without values.
    pub(crate) async fn run(&mut self, statements: &str) -> Result<(), Failed> {
        let sent = self.client().await?.batch_execute(statements);
        let answer = timeout(STATEMENT_TIMEOUT, sent).await;
        self.ended(answer)
    }

    /// Executes a change. A warning makes its outcome unknown.
    pub(crate) async fn execute(
        &mut self,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Failed> {
        let before = self.warnings.load(Ordering::SeqCst);
        let sent = self.client().await?.execute(statement, values);
        let answer = timeout(STATEMENT_TIMEOUT, sent).await;
        let changed = self.ended(answer)?;
        if self.warnings.load(Ordering::SeqCst) != before {
            return Err(Failed::Unknown("the database answered with a warning".to_owned()));
        }
        Ok(changed)
    }

    /// Executes a query.
    pub(crate) async fn query(
        &mut self,
        query: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failed> {
        let sent = self.client().await?.query(query, values);
        let answer = timeout(STATEMENT_TIMEOUT, sent).await;
        self.ended(answer)
    }

    /// Drops the connection after a failure that leaves open what it will still do.
    fn ended<T>(&mut self, answer: Result<Result<T, tokio_postgres::Error>, Elapsed>) -> Result<T, Failed> {
        let failed = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => match error.code() {
                Some(state) if refuses(state) => {
                    return Err(Failed::Refused { why: chain(&error), state: state.clone() });
                }
                _ => Failed::Unknown(chain(&error)),
            },
            Err(_) => Failed::Unknown(format!("no answer within {} s", STATEMENT_TIMEOUT.as_secs())),
        };
        self.client = None;
        Err(failed)
    }
}

/// Whether an error with this state proves that the statement did nothing. A connection that ends, a server that shuts
/// down and a cancelled wait for a standby do not prove it.
fn refuses(state: &SqlState) -> bool {
    let class = &state.code()[..2];
    !matches!(class, "08" | "57" | "58" | "40" | "XX" | "F0")
}

impl Failed {
    /// What this failure says of a write.
    pub(crate) fn of_write(self) -> SlotError {
        match self {
            Failed::NotConnected(why) => SlotError::NotSent(why),
            Failed::Refused { why, state } if is_full(&state) => SlotError::Full(why),
            Failed::Refused { why, .. } => SlotError::Denied(why),
            Failed::Unknown(why) => SlotError::Unknown(why),
        }
    }

    /// What this failure says of a read.
    pub(crate) fn of_read(self, what: &str) -> SlotError {
        match self {
            Failed::Refused { why, .. } => SlotError::Denied(format!("{what} could not be read: {why}")),
            Failed::NotConnected(why) | Failed::Unknown(why) => {
                SlotError::NotSent(format!("{what} could not be read: {why}"))
            }
        }
    }
}

fn is_full(state: &SqlState) -> bool {
    *state == SqlState::DISK_FULL || *state == SqlState::OUT_OF_MEMORY
}
