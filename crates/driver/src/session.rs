//! A session with a transaction in progress.

use std::sync::Arc;

use everstrand_ion::Document;

use crate::error::Error;
use crate::parameters::Parameters;
use crate::session_client::SessionClient;
use crate::transaction::Transaction;
use crate::transport::Transport;

/// A session to a ledger that has one transaction at a time. It retries nothing; see
/// [`crate::driver::QldbDriver`] for that.
#[derive(Debug)]
pub struct QldbSession<T: Transport> {
    client: Arc<SessionClient<T>>,
    /// The last transaction that was started.
    transaction: Option<Transaction<T>>,
    /// The service may have a transaction open that was lost here.
    adrift: bool,
    read_ahead: usize,
}

impl<T: Transport> QldbSession<T> {
    /// Starts a session to a ledger.
    pub async fn start(ledger_name: impl Into<String>, client: Arc<T>) -> Result<QldbSession<T>, Error> {
        SessionClient::start_session(ledger_name, client).await.map(QldbSession::new)
    }

    /// A session over one that was started before and has no transaction.
    pub fn new(client: SessionClient<T>) -> QldbSession<T> {
        QldbSession { client: Arc::new(client), transaction: None, adrift: false, read_ahead: 0 }
    }

    /// Results are read ahead, up to this many pages; 0 turns it off and 1 makes no sense.
    #[must_use]
    pub fn with_read_ahead(mut self, read_ahead: usize) -> QldbSession<T> {
        self.read_ahead = read_ahead;
        self
    }

    /// Starts a transaction. The one before must be over; if all its handles were dropped without commit
    /// or abort, it is aborted, and so is one of which the service alone knows whether it is over.
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
        // Until the answer is here: whoever drops this future loses it.
        self.adrift = true;
        let transaction = Transaction::start(&self.client, self.read_ahead).await?;
        self.adrift = false;
        self.transaction = Some(transaction.clone());
        Ok(transaction)
    }

    /// Runs one statement in a transaction of its own and returns all its rows.
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

    /// The session underneath.
    pub fn session_client(&self) -> &SessionClient<T> {
        &self.client
    }

    /// Ends the session, and with it its transaction. Errors are logged.
    pub async fn close(self) {
        self.client.end_or_log().await;
    }

    /// Whether the session is known to be gone.
    pub(crate) fn is_ended(&self) -> bool {
        self.client.is_ended()
    }
}
