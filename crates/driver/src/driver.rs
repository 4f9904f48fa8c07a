//! Runs closures in transactions, and runs them again if that is safe.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use everstrand_ion::Document;
use tracing::Instrument;

use crate::error::{Error, ErrorKind};
use crate::parameters::Parameters;
use crate::pool::{DriverMetrics, Lease, Pool, PoolSettings, Shutdown};
use crate::retry::{Chance, Failure, Retry, RetryPolicy, Runs};
use crate::session::{QldbSession, TABLES, texts};
use crate::transaction::Transaction;
use crate::transaction::core::{Committed, Core, TransactionSettings};
use crate::transport::Transport;

/// Runs transactions on a ledger. Clones share their sessions.
///
/// A closure may run more than once: after a conflict with another transaction, after the end of the session, after the
/// loss of the connection, and if the service is not available. Nothing of the run before was committed then. If the
/// outcome of a commit is unknown, the service is asked. If it does not know such questions, the closure does not run again,
/// unless [`ExecuteOptions::idempotent`] allows it; the error is [`Error::CommitOutcomeUnknown`].
///
/// A closure need not clone what it uses for each run: it copies references.
///
/// ```
/// # async fn example<T: everstrand_driver::Transport>(driver: everstrand_driver::QldbDriver<T>) -> Result<(), everstrand_driver::Error> {
/// let (name, tags) = (String::from("Ann"), vec!["new"]);
/// let (name, tags) = (&name, &tags);
/// driver
///     .execute(|transaction| async move {
///         let insert = transaction.query("INSERT INTO people VALUE {'name': ?, 'tags': ?}");
///         insert.bind(name)?.bind(tags)?.count().await
///     })
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct QldbDriver<T: Transport>(Arc<Inner<T>>);

impl<T: Transport> Clone for QldbDriver<T> {
    fn clone(&self) -> QldbDriver<T> {
        QldbDriver(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Inner<T: Transport> {
    pool: Arc<Pool<T>>,
    settings: Settings,
}

/// What a driver knows beside its sessions.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) policy: RetryPolicy,
    pub(crate) read_ahead: usize,
    pub(crate) transaction_lifetime: Duration,
    pub(crate) chance: Chance,
}

/// Settings of one call of [`QldbDriver::execute_with`].
#[derive(Clone, Debug, Default)]
pub struct ExecuteOptions {
    /// How often the closure may run again, and after which waits. `None` stands for the driver's policy.
    pub retry: Option<RetryPolicy>,
    /// Whether running the closure twice does the same as running it once. If it does, the closure runs again even if the
    /// outcome of a commit is unknown.
    pub idempotent: bool,
    /// Whether the transaction is aborted even if the closure succeeds. What it read may then be out of date.
    pub rolls_back: bool,
}

/// The result of a closure, and what its transaction was.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Executed<R> {
    /// What the closure returned.
    pub value: R,
    /// The transaction; `None` if the closure ended it, or if it was rolled back.
    pub committed: Option<Committed>,
    /// How often the closure ran, from 1.
    pub runs: u32,
}

impl<T: Transport> QldbDriver<T> {
    pub(crate) fn new(
        ledger_name: String,
        transport: Arc<T>,
        pool: PoolSettings,
        settings: Settings,
    ) -> QldbDriver<T> {
        QldbDriver(Arc::new(Inner { pool: Arc::new(Pool::new(ledger_name, transport, pool)), settings }))
    }

    /// Runs a closure in a transaction and commits it. [`QldbDriver`] says when the closure runs again.
    ///
    /// If the closure fails or calls [`Transaction::abort`], the transaction is rolled back. The error is that of the
    /// closure, or that of the last command which failed.
    pub async fn execute<R, E, F, Fut>(&self, run: F) -> Result<R, E>
    where
        F: FnMut(Transaction<T>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        self.execute_with(ExecuteOptions::default(), run).await
    }

    /// Does what [`execute`](QldbDriver::execute) does, with other settings than the driver's. It fails for the same
    /// reasons.
    pub async fn execute_with<R, E, F, Fut>(&self, options: ExecuteOptions, run: F) -> Result<R, E>
    where
        F: FnMut(Transaction<T>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        self.execute_reported(options, run).await.map(|executed| executed.value)
    }

    /// Does what [`execute_with`](QldbDriver::execute_with) does, and says which transaction it was and what it cost. It fails
    /// for the same reasons.
    pub async fn execute_reported<R, E, F, Fut>(
        &self,
        options: ExecuteOptions,
        mut run: F,
    ) -> Result<Executed<R>, E>
    where
        F: FnMut(Transaction<T>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        let Settings { policy, chance, .. } = &self.0.settings;
        let mut runs = Runs::new(options.retry.as_ref().unwrap_or(policy));
        let mut new_session = false;
        let mut count = 0;
        loop {
            count += 1;
            let span =
                tracing::debug_span!("transaction", ledger = self.ledger_name(), attempt = runs.number());
            let deadline = runs.deadline();
            let attempt = self.attempt(
                &mut run,
                new_session,
                &options,
                TransactionSettings { deadline, ..self.transaction_settings() },
            );
            let failure = match attempt.instrument(span).await {
                Ok((value, committed)) => return Ok(Executed { value, committed, runs: count }),
                Err(failure) => failure,
            };
            self.count(&failure);
            if self.0.pool.is_closed() && failure.trouble.as_ref().is_some_and(|it| it.retry != Retry::No) {
                return Err(E::from(Error::DriverClosed));
            }
            new_session = runs.after(failure, chance).await?.with_new_session;
            self.0.pool.counters.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Runs one statement in a transaction of its own, commits it, and returns all rows. It runs again as
    /// [`execute`](QldbDriver::execute) does, and fails for the same reasons.
    pub async fn execute_statement(
        &self,
        statement: &str,
        parameters: impl Parameters,
    ) -> Result<Vec<Document>, Error> {
        let parameters = &parameters.into_documents();
        self.execute(|transaction| async move {
            transaction.execute(statement, parameters).await?.fetch_all().await
        })
        .await
    }

    /// Begins a transaction that the caller commits or aborts. Nothing is tried again. An error means that there was no session
    /// for it, that the service refused, or that it did not answer.
    pub async fn begin(&self) -> Result<Transaction<T>, Error> {
        let lease = self.0.pool.acquire(false).await?;
        match begin(lease, self.transaction_settings()).await {
            // The session had ended while nobody used it.
            Err(error) if error.is_invalid_session() => {
                begin(self.0.pool.acquire(true).await?, self.transaction_settings()).await
            }
            result => result,
        }
    }

    /// A session of the pool, which returns there when it is dropped. An error means that none became free, that the service
    /// refused, or that it did not answer.
    pub async fn get_session(&self) -> Result<QldbSession<T>, Error> {
        let lease = self.0.pool.acquire(false).await?;
        Ok(QldbSession::of_lease(lease, self.transaction_settings()))
    }

    /// The names of the ledger's active tables. An error means that the service refused, or did not answer.
    pub async fn list_tables(&self) -> Result<Vec<String>, Error> {
        self.execute_statement(TABLES, ()).await.map(|names| texts(&names))
    }

    /// Starts as many sessions as [`PoolSettings::idle_min`] says, so that the first transactions do not wait for one. An error
    /// means that the service refused, or did not answer.
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.0.pool.warm_up(self.0.pool.settings().idle_min).await
    }

    /// Begins no transaction any more, and ends the sessions that are idle. A session in use ends after its transaction.
    pub async fn close(&self) {
        self.0.pool.close().await;
    }

    /// Closes the driver and waits for its transactions, at most as long as `wait`. Transactions that are still open then are
    /// aborted in the service; their callers get [`Error::DriverClosed`] or an error of the session. At the end no session is
    /// left, except those that the report calls unanswered.
    pub async fn shutdown(&self, wait: Duration) -> Shutdown {
        self.0.pool.shutdown(wait).await
    }

    /// The name of the ledger.
    pub fn ledger_name(&self) -> &str {
        self.0.pool.ledger_name()
    }

    /// The transport.
    pub fn transport(&self) -> &Arc<T> {
        self.0.pool.transport()
    }

    /// How often a closure may run again.
    pub fn retry_policy(&self) -> &RetryPolicy {
        &self.0.settings.policy
    }

    /// The most pages of a result that are held; 0 if the driver does not read ahead.
    pub fn read_ahead(&self) -> usize {
        self.0.settings.read_ahead
    }

    /// How many sessions the driver keeps, and how long.
    pub fn pool_settings(&self) -> &PoolSettings {
        self.0.pool.settings()
    }

    /// What the sessions do at this moment, and what became of the transactions so far.
    pub fn metrics(&self) -> DriverMetrics {
        self.0.pool.metrics()
    }

    async fn attempt<R, E, F, Fut>(
        &self,
        run: &mut F,
        new_session: bool,
        options: &ExecuteOptions,
        settings: TransactionSettings,
    ) -> Result<(R, Option<Committed>), Failure<E>>
    where
        F: FnMut(Transaction<T>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        let lease = self.0.pool.acquire(new_session).await.map_err(Failure::of)?;
        let transaction = begin(lease, settings).await.map_err(Failure::of)?;
        let result = match run(transaction.lend()).await {
            Ok(value) if options.rolls_back => Ok((value, None)),
            Ok(value) => match transaction.core().commit_if_open().await {
                Ok(committed) => {
                    self.0.pool.counters.commits.fetch_add(1, Ordering::Relaxed);
                    Ok((value, committed))
                }
                Err(error) => Err(failed_commit(error, options.idempotent)),
            },
            Err(error) => Err(Failure { error, trouble: transaction.core().trouble().await }),
        };
        transaction.finish().await;
        result
    }

    fn transaction_settings(&self) -> TransactionSettings {
        let Settings { read_ahead, transaction_lifetime, .. } = self.0.settings;
        TransactionSettings { read_ahead, lifetime: transaction_lifetime, deadline: None }
    }

    fn count<E>(&self, failure: &Failure<E>) {
        let counter = match failure.trouble.as_ref().map(|trouble| trouble.kind) {
            Some(ErrorKind::Conflict) => &self.0.pool.counters.conflicts,
            Some(ErrorKind::CommitOutcomeUnknown) => &self.0.pool.counters.outcomes_unknown,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Begins a transaction, which has the session until it is dropped.
async fn begin<T: Transport>(
    mut lease: Lease<T>,
    settings: TransactionSettings,
) -> Result<Transaction<T>, Error> {
    match Core::start(lease.client(), settings).await {
        Ok(core) => Ok(Transaction::of_lease(core, lease)),
        Err(error) => {
            lease.note(&error);
            Err(error)
        }
    }
}

/// What the error of a commit means. An idempotent closure may run again after an unknown outcome.
fn failed_commit<E: From<Error>>(error: Error, idempotent: bool) -> Failure<E> {
    let is_unknown = matches!(error, Error::CommitOutcomeUnknown { .. });
    let mut failure = Failure::of(error);
    if let Some(trouble) = &mut failure.trouble
        && is_unknown
        && idempotent
    {
        trouble.retry = Retry::Later;
    }
    failure
}
