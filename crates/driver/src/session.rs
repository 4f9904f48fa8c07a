//! A session that runs transactions.

use std::sync::Arc;

use everstrand_ion::Document;

use crate::error::Error;
use crate::parameters::Parameters;
use crate::session_client::SessionClient;
use crate::transaction::Transaction;
use crate::transport::Transport;

/// A session with a ledger, which runs one transaction at a time. It does not try again; [`crate::QldbDriver`] does.
#[derive(Debug)]
pub struct QldbSession<T: Transport> {
    client: Arc<SessionClient<T>>,
    /// The last transaction that was started.
    transaction: Option<Transaction<T>>,
    /// Whether the service may have an open transaction that this client does not know.
    adrift: bool,
    read_ahead: usize,
}

impl<T: Transport> QldbSession<T> {
    /// Starts a session with a ledger. An error means that the service refused, or did not answer.
    pub async fn start(ledger_name: impl Into<String>, client: Arc<T>) -> Result<QldbSession<T>, Error> {
        SessionClient::start_session(ledger_name, client).await.map(QldbSession::new)
    }

    /// Takes a session that has no open transaction.
    pub fn new(client: SessionClient<T>) -> QldbSession<T> {
        QldbSession { client: Arc::new(client), transaction: None, adrift: false, read_ahead: 0 }
    }

    /// Sets the most pages of a result that are held, see [`crate::QldbDriverBuilder::read_ahead`]. 0 and 1 turn reading
    /// ahead off.
    #[must_use]
    pub fn with_read_ahead(mut self, read_ahead: usize) -> QldbSession<T> {
        self.read_ahead = read_ahead;
        self
    }

    /// Starts a transaction. The transaction before it must be over, else the error is [`Error::TransactionInProgress`].
    ///
    /// A transaction whose handles were all dropped without commit or abort is aborted first. So is one that may still be
    /// open in the service.
    pub async fn start_transaction(&mut self) -> Result<Transaction<T>, Error> {
        if let Some(last) = &self.transaction {
            if last.is_open().await && !last.is_abandoned() {
                return Err(Error::TransactionInProgress { transaction_id: last.id().to_owned() });
            }
            self.adrift = !last.leave().await;
            self.transaction = None;
        }
        if self.adrift && !self.is_ended() {
            self.client.abort_transaction().await?;
        }
        // If this future is dropped before the answer comes, the service has an open transaction.
        self.adrift = true;
        let transaction = Transaction::start(&self.client, self.read_ahead).await?;
        self.adrift = false;
        self.transaction = Some(transaction.clone());
        Ok(transaction)
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
                transaction.leave().await;
                Err(error)
            }
        }
    }

    /// The session that sends the commands.
    pub fn session_client(&self) -> &SessionClient<T> {
        &self.client
    }

    /// Ends the session and its transaction. Errors are logged.
    pub async fn close(self) {
        self.client.end_or_log().await;
    }

    /// Whether the session has ended, as far as this client knows.
    pub(crate) fn is_ended(&self) -> bool {
        self.client.is_ended()
    }
}
