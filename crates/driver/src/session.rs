//! A session that runs transactions.

use std::future::Future;
use std::sync::Arc;

use everstrand_ion::Document;

use crate::error::Error;
use crate::parameters::Parameters;
use crate::pool::Lease;
use crate::retry::{Chance, Failure, RetryPolicy, Runs};
use crate::session_client::SessionClient;
use crate::transaction::Transaction;
use crate::transaction::core::{Core, Stage, TransactionSettings};
use crate::transport::Transport;

/// A session with a ledger, which runs one transaction at a time.
///
/// [`start_transaction`](QldbSession::start_transaction) and [`execute`](QldbSession::execute) do not try again;
/// [`execute_lambda`](QldbSession::execute_lambda) and [`QldbDriver`](crate::QldbDriver) do.
#[derive(Debug)]
pub struct QldbSession<T: Transport> {
    client: Arc<SessionClient<T>>,
    /// The last transaction that was started.
    transaction: Option<Arc<Core<T>>>,
    /// Whether the service may have an open transaction that this client does not know.
    adrift: bool,
    settings: TransactionSettings,
    /// The place in the pool, if the session is of one.
    lease: Option<Lease<T>>,
}

/// The statement whose rows are the names of the active tables.
pub(crate) const TABLES: &str =
    "SELECT VALUE name FROM information_schema.user_tables WHERE status = 'ACTIVE'";

impl<T: Transport> QldbSession<T> {
    /// Starts a session with a ledger. An error means that the service refused, or did not answer.
    pub async fn start(ledger_name: impl Into<String>, client: Arc<T>) -> Result<QldbSession<T>, Error> {
        SessionClient::start_session(ledger_name, client).await.map(QldbSession::new)
    }

    /// Takes a session that has no open transaction.
    pub fn new(client: SessionClient<T>) -> QldbSession<T> {
        QldbSession {
            client: Arc::new(client),
            transaction: None,
            adrift: false,
            settings: TransactionSettings::default(),
            lease: None,
        }
    }

    /// A session that returns to its pool when it is dropped.
    pub(crate) fn of_lease(lease: Lease<T>, settings: TransactionSettings) -> QldbSession<T> {
        let client = Arc::clone(lease.client());
        QldbSession { client, transaction: None, adrift: false, settings, lease: Some(lease) }
    }

    /// Sets the most pages of a result that are held, see [`crate::QldbDriverBuilder::read_ahead`]. 0 and 1 turn reading
    /// ahead off.
    #[must_use]
    pub fn with_read_ahead(mut self, read_ahead: usize) -> QldbSession<T> {
        self.settings.read_ahead = read_ahead;
        self
    }

    /// Starts a transaction. The transaction before it must be over, else the error is [`Error::TransactionInProgress`].
    ///
    /// A transaction that was dropped without commit or abort is aborted first. So is one that may still be open in the
    /// service.
    pub async fn start_transaction(&mut self) -> Result<Transaction<T>, Error> {
        self.start_core().await.map(Transaction::of_session)
    }

    async fn start_core(&mut self) -> Result<Arc<Core<T>>, Error> {
        if let Some(last) = &self.transaction {
            if !last.is_abandoned() && last.is_open().await {
                return Err(Error::TransactionInProgress { transaction_id: last.id().to_owned() });
            }
            self.adrift = !last.leave().await;
            self.transaction = None;
        }
        if self.adrift && !self.client.is_ended() {
            self.client.abort_transaction().await?;
        }
        // If this future is dropped before the answer comes, the service has an open transaction.
        self.adrift = true;
        let core = Core::start(&self.client, self.settings).await?;
        self.adrift = false;
        self.transaction = Some(Arc::clone(&core));
        Ok(core)
    }

    /// Runs one statement in a transaction of its own, commits it, and returns all rows. It fails as
    /// [`Transaction::execute`], [`Cursor::next`](crate::Cursor::next) and [`Transaction::commit`] do.
    pub async fn execute(
        &mut self,
        statement: &str,
        parameters: impl Parameters,
    ) -> Result<Vec<Document>, Error> {
        let parameters = parameters.into_documents();
        let transaction = self.start_transaction().await?;
        let rows = async { transaction.execute(statement, parameters).await?.fetch_all().await }.await;
        match rows {
            Ok(rows) => transaction.commit().await.map(|_| rows),
            Err(error) => {
                transaction.finish().await;
                Err(error)
            }
        }
    }

    /// Runs a closure in a transaction and commits it, and runs it again as [`QldbDriver`](crate::QldbDriver) does. A session
    /// that has ended is replaced by another one in this object.
    pub async fn execute_lambda<R, E, F, Fut>(&mut self, policy: &RetryPolicy, mut run: F) -> Result<R, E>
    where
        F: FnMut(Transaction<T>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        let mut runs = Runs::new(policy);
        let chance = Chance::new(None);
        loop {
            let failure = match self.run_once(&mut run).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            if runs.after(failure, &chance).await?.with_new_session {
                self.replace().await?;
            }
        }
    }

    /// Takes another session in the place of one that has ended.
    async fn replace(&mut self) -> Result<(), Error> {
        self.client = match self.lease.take() {
            Some(lease) => {
                // The old session leaves the pool before the new one enters.
                let pool = lease.into_pool();
                let lease = pool.acquire(true).await?;
                let client = Arc::clone(lease.client());
                self.lease = Some(lease);
                client
            }
            None => {
                let (ledger, transport) = (self.client.ledger_name(), Arc::clone(self.client.client()));
                Arc::new(SessionClient::start_session(ledger, transport).await?)
            }
        };
        (self.transaction, self.adrift) = (None, false);
        Ok(())
    }

    async fn run_once<R, E, F, Fut>(&mut self, run: &mut F) -> Result<R, Failure<E>>
    where
        F: FnMut(Transaction<T>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        let transaction = self.start_transaction().await.map_err(Failure::of)?;
        let result = match run(transaction.lend()).await {
            Ok(value) => transaction.core().commit_if_open().await.map(|_| value).map_err(Failure::of),
            Err(error) => Err(Failure { error, trouble: transaction.core().trouble().await }),
        };
        transaction.finish().await;
        result
    }

    /// The names of the ledger's active tables. An error means that the service refused, or did not answer.
    pub async fn list_tables(&mut self) -> Result<Vec<String>, Error> {
        self.execute(TABLES, ()).await.map(|names| texts(&names))
    }

    /// The session that sends the commands.
    pub fn session_client(&self) -> &SessionClient<T> {
        &self.client
    }

    /// Ends the session and its transaction; a session of a pool returns there instead. Errors are logged.
    pub async fn close(mut self) {
        match self.lease.take() {
            None => self.client.end_or_log().await,
            Some(mut lease) => {
                let left = match &self.transaction {
                    Some(last) => last.leave().await,
                    None => true,
                };
                lease.reusable = left && !self.adrift;
            }
        }
    }
}

impl<T: Transport> Drop for QldbSession<T> {
    fn drop(&mut self) {
        if let Some(lease) = &mut self.lease {
            let is_over = |core: &Arc<Core<T>>| core.stage() == Some(Stage::Over);
            lease.reusable = !self.adrift && self.transaction.as_ref().is_none_or(is_over);
        }
    }
}

/// The rows that are texts.
pub(crate) fn texts(rows: &[Document]) -> Vec<String> {
    rows.iter().filter_map(|row| row.root().as_text().map(str::to_owned)).collect()
}
