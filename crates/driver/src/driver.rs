//! Takes a session, runs a closure in a transaction, and tries again where that is safe.

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
/// A closure may run more than once: after a conflict with another transaction, a session that is gone,
/// a broken connection, a service that is away or overloaded. Then nothing of the run before was
/// committed. Where it is unknown whether something was, the error says so and nothing is run again,
/// unless [`ExecuteOptions::idempotent`] allows it.
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
    /// Sessions without a transaction; the last one used is the first to be used again.
    idle: Mutex<Vec<QldbSession<T>>>,
}

/// How one call of [`QldbDriver::execute_with`] differs from the driver's settings.
#[derive(Clone, Debug, Default)]
pub struct ExecuteOptions {
    /// How often to run the closure again; the driver's policy when `None`.
    pub retry: Option<RetryPolicy>,
    /// Running the closure twice to its end does no more than running it once. Then it is run again also
    /// where the outcome of a commit is unknown.
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

/// A failed attempt.
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
    /// How often a transaction is run again after the first time; 4 unless set.
    #[must_use]
    pub fn retry_limit(mut self, retry_limit: u32) -> QldbDriverBuilder {
        self.policy.retry_limit = retry_limit;
        self
    }

    /// How often, and after which waits.
    #[must_use]
    pub fn retry_policy(mut self, policy: RetryPolicy) -> QldbDriverBuilder {
        self.policy = policy;
        self
    }

    /// How many pages of a result are held at most, the one being read included, the others fetched in
    /// the background. 0, the default, fetches a page when it is needed; 1 is not allowed.
    #[must_use]
    pub fn read_ahead(mut self, pages: usize) -> QldbDriverBuilder {
        self.read_ahead = pages;
        self
    }

    /// The region, for the endpoint and the signatures; else `AWS_REGION` or `AWS_DEFAULT_REGION`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> QldbDriverBuilder {
        self.http = self.http.region(region);
        self
    }

    /// Where the service listens; else `AWS_ENDPOINT_URL_QLDB_SESSION` or `AWS_ENDPOINT_URL`, else
    /// QLDB's own address in the region.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> QldbDriverBuilder {
        self.http = self.http.endpoint(url);
        self
    }

    /// Who signs; else `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> QldbDriverBuilder {
        self.http = self.http.credentials(credentials);
        self
    }

    /// How long to wait for an answer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> QldbDriverBuilder {
        self.http = self.http.timeout(timeout);
        self
    }

    /// Makes the waits between attempts the same in every run.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> QldbDriverBuilder {
        self.seed = Some(seed);
        self
    }

    /// A driver over HTTP. No connection is made yet.
    pub fn build(mut self) -> Result<QldbDriver<HttpTransport>, Error> {
        let transport = std::mem::take(&mut self.http).build()?;
        self.build_over(Arc::new(transport))
    }

    /// A driver over another transport; what was said about HTTP does not matter then.
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
    /// Runs a closure in a transaction and commits it; see [`QldbDriver`] for when it runs again. An
    /// error of the closure rolls the transaction back, and so does its own
    /// [`abort`](Transaction::abort).
    pub async fn execute<R, E, F, Fut>(&self, run: F) -> Result<R, E>
    where
        F: FnMut(Transaction<T>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        self.execute_with(ExecuteOptions::default(), run).await
    }

    /// [`execute`](QldbDriver::execute) under other rules than the driver's.
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
            // A session that died of old age is nobody's fault: the first is replaced for free.
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

    /// The names of the ledger's active tables.
    pub async fn list_tables(&self) -> Result<Vec<String>, Error> {
        let names = self
            .execute(|transaction| async move {
                let names = "SELECT VALUE name FROM information_schema.user_tables WHERE status = 'ACTIVE'";
                transaction.execute(names, ()).await?.fetch_all().await
            })
            .await?;
        Ok(names.iter().filter_map(|name: &Document| name.root().as_text().map(str::to_owned)).collect())
    }

    /// The ledger's name.
    pub fn ledger_name(&self) -> &str {
        &self.0.ledger_name
    }

    /// The transport.
    pub fn transport(&self) -> &Arc<T> {
        &self.0.transport
    }

    /// Ends the idle sessions. Those in use end when their transactions do and the last clone of the
    /// driver is gone.
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
                // Refused for want of room, the session is as good as before; otherwise nobody knows.
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
