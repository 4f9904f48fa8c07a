//! One independent session to a ledger: the seven commands, sent and answered.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use everstrand_journal::Hash;
use everstrand_protocol::send_command::{
    AbortTransactionResult, Command, CommitTransactionResult, EndSessionResult, ExecuteStatementResult,
    FetchPageResult, PageToken, Reply, SendCommandRequest, SessionToken, StartTransactionResult, ValueHolder,
};

use crate::error::Error;
use crate::parameters::Parameters;
use crate::transport::{SendCommandResponse, Transport};

/// An independent session to a ledger, over which single commands are sent.
///
/// It keeps no transaction, retries nothing and checks nothing: that is what [`crate::session::QldbSession`] and
/// [`crate::driver::QldbDriver`] are for. Whoever drops it without [`close`](SessionClient::close) leaves it to
/// a task in the background to end the session, or, where no tokio runtime is at hand, to the service
/// to let it expire.
pub struct SessionClient<T: Transport> {
    client: Arc<T>,
    ledger_name: String,
    token: SessionToken,
    id: Option<String>,
    /// Set when there is nothing left to end.
    ended: AtomicBool,
}

impl<T: Transport> SessionClient<T> {
    /// A session from its parts, as a service gave them out before. `id` is the request id of the answer
    /// to StartSession.
    pub fn new(
        ledger_name: impl Into<String>,
        token: SessionToken,
        client: Arc<T>,
        id: Option<String>,
    ) -> SessionClient<T> {
        SessionClient { client, ledger_name: ledger_name.into(), token, id, ended: AtomicBool::new(false) }
    }

    /// Asks the service for a new session to a ledger.
    pub async fn start_session(
        ledger_name: impl Into<String>,
        client: Arc<T>,
    ) -> Result<SessionClient<T>, Error> {
        let ledger_name = ledger_name.into();
        let command = Command::StartSession { ledger_name: ledger_name.clone() };
        tracing::debug!(ledger = ledger_name, "starting a session");
        let response = client.send_command(SendCommandRequest { session_token: None, command }).await?;
        match response.reply {
            Reply::StartSession(result) => {
                Ok(SessionClient::new(ledger_name, result.session_token, client, response.request_id))
            }
            reply => Err(unexpected("StartSession", &reply)),
        }
    }

    /// Runs `body` with a session of its own, and ends the session whatever becomes of it.
    pub async fn scope<R, E, F>(ledger_name: impl Into<String>, client: Arc<T>, body: F) -> Result<R, E>
    where
        F: AsyncFnOnce(&SessionClient<T>) -> Result<R, E>,
        E: From<Error>,
    {
        let session = SessionClient::start_session(ledger_name, client).await?;
        // If `body` panics or this future is dropped, the session's own drop ends it.
        let result = body(&session).await;
        session.close().await;
        result
    }

    /// Opens a transaction.
    pub async fn start_transaction(&self) -> Result<StartTransactionResult, Error> {
        match self.send(Command::StartTransaction).await? {
            Reply::StartTransaction(result) => Ok(result),
            reply => Err(unexpected("StartTransaction", &reply)),
        }
    }

    /// Runs a statement in the transaction, with a value for each `?`.
    pub async fn execute_statement(
        &self,
        transaction_id: &str,
        statement: &str,
        parameters: impl Parameters,
    ) -> Result<ExecuteStatementResult, Error> {
        let parameters = parameters.into_documents();
        let parameters =
            parameters.iter().map(|value| ValueHolder::IonBinary(value.as_bytes().to_vec())).collect();
        let command = Command::ExecuteStatement {
            transaction_id: transaction_id.to_owned(),
            statement: statement.to_owned(),
            parameters,
        };
        match self.send(command).await? {
            Reply::ExecuteStatement(result) => Ok(result),
            reply => Err(unexpected("ExecuteStatement", &reply)),
        }
    }

    /// Asks for the next page of a statement's result.
    pub async fn fetch_page(
        &self,
        transaction_id: &str,
        next_page_token: &PageToken,
    ) -> Result<FetchPageResult, Error> {
        let command = Command::FetchPage {
            transaction_id: transaction_id.to_owned(),
            next_page_token: next_page_token.clone(),
        };
        match self.send(command).await? {
            Reply::FetchPage(result) => Ok(result),
            reply => Err(unexpected("FetchPage", &reply)),
        }
    }

    /// Commits the transaction. The digest says what the client has sent; the service refuses to
    /// commit anything else. It is not compared with the answer's here.
    pub async fn commit_transaction(
        &self,
        transaction_id: &str,
        commit_digest: impl Into<Hash>,
    ) -> Result<CommitTransactionResult, Error> {
        let command = Command::CommitTransaction {
            transaction_id: transaction_id.to_owned(),
            commit_digest: commit_digest.into().as_bytes().to_vec(),
        };
        match self.send(command).await? {
            Reply::CommitTransaction(result) => Ok(result),
            reply => Err(unexpected("CommitTransaction", &reply)),
        }
    }

    /// Aborts the session's transaction. With none open, the service agrees as well.
    pub async fn abort_transaction(&self) -> Result<AbortTransactionResult, Error> {
        match self.send(Command::AbortTransaction).await? {
            Reply::AbortTransaction(result) => Ok(result),
            reply => Err(unexpected("AbortTransaction", &reply)),
        }
    }

    /// Ends the session, and says what the service answered.
    pub async fn end_session(&self) -> Result<EndSessionResult, Error> {
        match self.send(Command::EndSession).await? {
            Reply::EndSession(result) => {
                self.ended.store(true, Ordering::Relaxed);
                Ok(result)
            }
            reply => Err(unexpected("EndSession", &reply)),
        }
    }

    /// Ends the session. Errors, the service's and the transport's, are logged: there is nothing that a
    /// caller could do about them.
    pub async fn close(self) {
        self.end_or_log().await;
    }

    /// The transport.
    pub fn client(&self) -> &Arc<T> {
        &self.client
    }

    /// The session's id: the request id of the answer to StartSession, where the service sent one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The ledger's name.
    pub fn ledger_name(&self) -> &str {
        &self.ledger_name
    }

    /// What stands for the session on the wire.
    pub fn token(&self) -> &SessionToken {
        &self.token
    }

    /// Whether the session is over as far as this client has heard.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// [`close`](SessionClient::close) for those who hold the session together with others.
    pub(crate) async fn end_or_log(&self) {
        if self.is_ended() {
            return;
        }
        if let Err(error) = self.end_session().await {
            tracing::warn!(ledger = self.ledger_name, %error, "could not end a session");
        }
        // Also when ending failed: dropping the session is not to try again what was tried. Not before, for a close
        // that nobody waits for any longer has tried nothing.
        self.ended.store(true, Ordering::Relaxed);
    }

    async fn send(&self, command: Command) -> Result<Reply, Error> {
        let name = command.name();
        tracing::trace!(command = name, ledger = self.ledger_name, "sending");
        let request = SendCommandRequest { session_token: Some(self.token.clone()), command };
        match self.client.send_command(request).await.map_err(Error::from) {
            Ok(SendCommandResponse { reply, .. }) => Ok(reply),
            Err(error) => {
                tracing::debug!(command = name, ledger = self.ledger_name, %error, "failed");
                if error.is_invalid_session() {
                    self.ended.store(true, Ordering::Relaxed);
                }
                Err(error)
            }
        }
    }
}

impl<T: Transport> Drop for SessionClient<T> {
    fn drop(&mut self) {
        if self.is_ended() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (client, ledger) = (Arc::clone(&self.client), std::mem::take(&mut self.ledger_name));
        let request =
            SendCommandRequest { session_token: Some(self.token.clone()), command: Command::EndSession };
        runtime.spawn(async move {
            if let Err(error) = client.send_command(request).await {
                tracing::debug!(ledger, %error, "could not end a session that was dropped");
            }
        });
    }
}

impl<T: Transport> fmt::Debug for SessionClient<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SessionClient")
            .field("ledger_name", &self.ledger_name)
            .field("id", &self.id)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

fn unexpected(sent: &'static str, reply: &Reply) -> Error {
    Error::UnexpectedReply { sent, received: reply.name() }
}
