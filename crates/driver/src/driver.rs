//! Runs closures in transactions, and runs them again if that is safe.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use everstrand_ion::Document;
use everstrand_protocol::send_command::is_ledger_name;
use everstrand_protocol::signature::Credentials;
use tracing::Instrument;

use crate::error::Error;
use crate::http::{HttpTransport, HttpTransportBuilder};
use crate::retry::{Chance, RetryPolicy};
use crate::session::QldbSession;
use crate::transaction::{Retry, Transaction};
use crate::transport::Transport;

/// Runs transactions on a ledger. Clones share their sessions.
///
/// A closure may run more than once: after a conflict with another transaction, after the end of the session, after the
/// loss of the connection, and if the service is not available. Nothing of the run before was committed then. If the
/// outcome of a commit is unknown, the closure does not run again, unless [`ExecuteOptions::idempotent`] allows it; the
/// error is [`Error::CommitOutcomeUnknown`].
#[derive(Debug)]
pub struct QldbDriver<T: Transport>(Arc<Inner<T>>);

impl<T: Transport> Clone for QldbDriver<T> {
    fn clone(&self) -> QldbDriver<T> {
        QldbDriver(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Inner<T: Transport> {
    ledger_name: String,
    transport: Arc<T>,
    policy: RetryPolicy,
    read_ahead: usize,
    chance: Chance,
    /// Sessions without a transaction. The one that was used last is used first.
    idle: Mutex<Vec<QldbSession<T>>>,
}

/// Settings of one call of [`QldbDriver::execute_with`].
#[derive(Clone, Debug, Default)]
pub struct ExecuteOptions {
    /// How often the closure may run again, and after which waits. `None` stands for the driver's policy.
    pub retry: Option<RetryPolicy>,
    /// Whether running the closure twice does the same as running it once. If it does, the closure runs again even if the
    /// outcome of a commit is unknown.
    pub idempotent: bool,
}

/// Sets up a [`QldbDriver`].
#[derive(Debug)]
pub struct QldbDriverBuilder {
    ledger_name: String,
    policy: RetryPolicy,
    read_ahead: usize,
    seed: Option<u64>,
    http: HttpTransportBuilder,
}

/// The error of an attempt, and what it means for the next one.
struct Failure<E> {
    error: E,
    retry: Retry,
}

impl QldbDriver<HttpTransport> {
    /// Begins to set up a driver for a ledger.
    pub fn builder(ledger_name: impl Into<String>) -> QldbDriverBuilder {
        QldbDriverBuilder {
            ledger_name: ledger_name.into(),
            policy: RetryPolicy::default(),
            read_ahead: 0,
            seed: None,
            http: HttpTransport::builder(),
        }
    }
}

impl QldbDriverBuilder {
    /// How often a closure may run again after its first run; 4 unless set.
    #[must_use]
    pub fn retry_limit(mut self, retry_limit: u32) -> QldbDriverBuilder {
        self.policy.retry_limit = retry_limit;
        self
    }

    /// How often a closure may run again, and after which waits.
    #[must_use]
    pub fn retry_policy(mut self, policy: RetryPolicy) -> QldbDriverBuilder {
        self.policy = policy;
        self
    }

    /// The most pages of a result that are held: the one that is read, and those that a background task has fetched. With
    /// 0, which is the default, a page is fetched when it is needed. 1 is not allowed.
    #[must_use]
    pub fn read_ahead(mut self, pages: usize) -> QldbDriverBuilder {
        self.read_ahead = pages;
        self
    }

    /// The region, which endpoint and signatures need. If it is not set, it is `AWS_REGION` or `AWS_DEFAULT_REGION`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> QldbDriverBuilder {
        self.http = self.http.region(region);
        self
    }

    /// The URL of the service. If it is not set, it is `AWS_ENDPOINT_URL_QLDB_SESSION`, `AWS_ENDPOINT_URL` or QLDB's own
    /// address in the region.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> QldbDriverBuilder {
        self.http = self.http.endpoint(url);
        self
    }

    /// The access key that signs requests. If it is not set, it is `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
    /// `AWS_SESSION_TOKEN`.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> QldbDriverBuilder {
        self.http = self.http.credentials(credentials);
        self
    }

    /// How long to wait for an answer; 60 seconds unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> QldbDriverBuilder {
        self.http = self.http.timeout(timeout);
        self
    }

    /// Draws the waits between attempts from this seed, so that they are the same in every run.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> QldbDriverBuilder {
        self.seed = Some(seed);
        self
    }

    /// Makes a driver over HTTP. It connects with its first command. An error says which setting is missing or wrong.
    pub fn build(mut self) -> Result<QldbDriver<HttpTransport>, Error> {
        let transport = std::mem::take(&mut self.http).build()?;
        self.build_over(Arc::new(transport))
    }

    /// Makes a driver over another transport; the settings for HTTP are ignored. An error says which setting is wrong.
    pub fn build_over<T: Transport>(self, transport: Arc<T>) -> Result<QldbDriver<T>, Error> {
        if !is_ledger_name(&self.ledger_name) {
            let message = format!("{:?} is not the name of a ledger", self.ledger_name);
            return Err(Error::Configuration(message));
        }
        if self.read_ahead == 1 {
            let message = "read_ahead must be 0 or at least 2: the page being read counts";
            return Err(Error::Configuration(message.to_owned()));
        }
        Ok(QldbDriver(Arc::new(Inner {
            ledger_name: self.ledger_name,
            transport,
            policy: self.policy,
            read_ahead: self.read_ahead,
            chance: self.seed.map_or_else(Chance::new, Chance::from_seed),
            idle: Mutex::new(Vec::new()),
        })))
    }
}

impl<T: Transport> QldbDriver<T> {
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
    pub async fn execute_with<R, E, F, Fut>(&self, options: ExecuteOptions, mut run: F) -> Result<R, E>
    where
        F: FnMut(Transaction<T>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        let policy = options.retry.as_ref().unwrap_or(&self.0.policy);
        let mut retries = 0;
        let mut replaced = false;
        let mut new_session = false;
        loop {
            let span =
                tracing::debug_span!("transaction", ledger = self.0.ledger_name, attempt = retries + 1);
            let attempt = self.attempt(&mut run, new_session, options.idempotent).instrument(span);
            let failure = match attempt.await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            new_session = failure.retry == Retry::WithNewSession;
            if failure.retry == Retry::No {
                return Err(failure.error);
            }
            // Sessions expire. Replacing the first one does not count as an attempt.
            if new_session && !replaced {
                replaced = true;
                continue;
            }
            if retries >= policy.retry_limit {
                return Err(failure.error);
            }
            retries += 1;
            let wait = policy.wait(retries, self.0.chance.next());
            tracing::debug!(ledger = self.0.ledger_name, retries, ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    /// The names of the ledger's active tables. An error means that the service refused, or did not answer.
    pub async fn list_tables(&self) -> Result<Vec<String>, Error> {
        let names = self
            .execute(|transaction| async move {
                let names = "SELECT VALUE name FROM information_schema.user_tables WHERE status = 'ACTIVE'";
                transaction.execute(names, ()).await?.fetch_all().await
            })
            .await?;
        Ok(names.iter().filter_map(|name: &Document| name.root().as_text().map(str::to_owned)).collect())
    }

    /// The name of the ledger.
    pub fn ledger_name(&self) -> &str {
        &self.0.ledger_name
    }

    /// The transport.
    pub fn transport(&self) -> &Arc<T> {
        &self.0.transport
    }

    /// Ends the sessions that are idle. A session in use ends after its transaction, when the last clone of the driver is
    /// dropped.
    pub async fn close(self) {
        let idle = std::mem::take(&mut *self.idle());
        for session in idle {
            session.close().await;
        }
    }

    async fn attempt<R, E, F, Fut>(
        &self,
        run: &mut F,
        new_session: bool,
        idempotent: bool,
    ) -> Result<R, Failure<E>>
    where
        F: FnMut(Transaction<T>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        let mut session = self.session(new_session).await.map_err(Failure::of)?;
        let transaction = match session.start_transaction().await {
            Ok(transaction) => transaction,
            Err(error) => {
                // A service that refused the command has kept the session as it was. After other errors its state is not
                // known.
                if error.service().is_some_and(|error| error.http_status() < 500) {
                    self.give_back(session);
                }
                return Err(Failure::of(error));
            }
        };
        let result = match run(transaction.clone()).await {
            Ok(value) => match transaction.commit_if_open().await {
                Ok(()) => Ok(value),
                Err(error @ Error::CommitOutcomeUnknown { .. }) if idempotent => {
                    Err(Failure { error: error.into(), retry: Retry::Later })
                }
                Err(error) => Err(Failure::of(error)),
            },
            Err(error) => Err(Failure { error, retry: transaction.retry().await }),
        };
        if transaction.leave().await {
            self.give_back(session);
        }
        result
    }

    async fn session(&self, new_session: bool) -> Result<QldbSession<T>, Error> {
        if !new_session && let Some(session) = self.idle().pop() {
            return Ok(session);
        }
        let session = QldbSession::start(&self.0.ledger_name, Arc::clone(&self.0.transport)).await?;
        Ok(session.with_read_ahead(self.0.read_ahead))
    }

    fn give_back(&self, session: QldbSession<T>) {
        if !session.is_ended() {
            self.idle().push(session);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<QldbSession<T>>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: From<Error>> Failure<E> {
    fn of(error: Error) -> Failure<E> {
        Failure { retry: Retry::after(&error), error: error.into() }
    }
}
