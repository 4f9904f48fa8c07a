//! A session that sends single commands.

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
use crate::runtime::in_background;
use crate::transport::{SendCommandResponse, Transport};

/// The result of a command in its reply. A reply to another command is an error.
macro_rules! result_of {
    ($command:ident, $reply:expr) => {
        match $reply {
            Reply::$command(result) => Ok(result),
            reply => Err(Error::UnexpectedReply { sent: stringify!($command), received: reply.name() }),
        }
    };
}

/// A session with a ledger, which sends single commands and returns the answers.
///
/// An error of a command means that the service refused it, or did not answer.
///
/// The session does not keep a transaction, check anything or try again; [`crate::QldbSession`] and [`crate::QldbDriver`] do.
///
/// A session that is dropped without [`close`](SessionClient::close) is ended by a background task. Without a tokio runtime
/// it stays open in the service until it expires.
pub struct SessionClient<T: Transport> {
    client: Arc<T>,
    ledger_name: String,
    token: SessionToken,
    id: Option<String>,
    /// Whether the session has ended, or ending it was tried.
    ended: AtomicBool,
}

impl<T: Transport> SessionClient<T> {
    /// A session that was started before. `id` is the request id of the answer to StartSession.
    pub fn new(
        ledger_name: impl Into<String>,
        token: SessionToken,
        client: Arc<T>,
        id: Option<String>,
    ) -> SessionClient<T> {
        SessionClient { client, ledger_name: ledger_name.into(), token, id, ended: AtomicBool::new(false) }
    }

    /// Starts a session with a ledger. An error means that the service refused, or did not answer.
    pub async fn start_session(
        ledger_name: impl Into<String>,
        client: Arc<T>,
    ) -> Result<SessionClient<T>, Error> {
        let ledger_name = ledger_name.into();
        let command = Command::StartSession { ledger_name: ledger_name.clone() };
        tracing::debug!(ledger = ledger_name, "starting a session");
        let response = client.send_command(SendCommandRequest { session_token: None, command }).await?;
        let result = result_of!(StartSession, response.reply)?;
        Ok(SessionClient::new(ledger_name, result.session_token, client, response.request_id))
    }

    /// Starts a session, runs `body` with it, and ends the session even if `body` fails.
    pub async fn scope<R, E, F>(ledger_name: impl Into<String>, client: Arc<T>, body: F) -> Result<R, E>
    where
        F: AsyncFnOnce(&SessionClient<T>) -> Result<R, E>,
        E: From<Error>,
    {
        let session = SessionClient::start_session(ledger_name, client).await?;
        // If `body` panics or this future is dropped, dropping the session ends it.
        let result = body(&session).await;
        session.close().await;
        result
    }

    /// Starts a transaction. The session can have only one.
    pub async fn start_transaction(&self) -> Result<StartTransactionResult, Error> {
        result_of!(StartTransaction, self.send(Command::StartTransaction).await?)
    }

    /// Runs a statement in the transaction, with the values for each `?`.
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
        result_of!(ExecuteStatement, self.send(command).await?)
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
        result_of!(FetchPage, self.send(command).await?)
    }

    /// Commits the transaction. The service refuses the commit if its own commit digest differs. The digest in the answer is
    /// not checked here.
    pub async fn commit_transaction(
        &self,
        transaction_id: &str,
        commit_digest: impl Into<Hash>,
    ) -> Result<CommitTransactionResult, Error> {
        let command = Command::CommitTransaction {
            transaction_id: transaction_id.to_owned(),
            commit_digest: commit_digest.into().as_bytes().to_vec(),
        };
        result_of!(CommitTransaction, self.send(command).await?)
    }

    /// Aborts the session's transaction. It is not an error if there is none.
    pub async fn abort_transaction(&self) -> Result<AbortTransactionResult, Error> {
        result_of!(AbortTransaction, self.send(Command::AbortTransaction).await?)
    }

    /// Ends the session, and returns the service's answer.
    pub async fn end_session(&self) -> Result<EndSessionResult, Error> {
        let result = result_of!(EndSession, self.send(Command::EndSession).await?)?;
        self.ended.store(true, Ordering::Relaxed);
        Ok(result)
    }

    /// Ends the session. Errors are logged, because the caller can do nothing about them.
    pub async fn close(self) {
        self.end_or_log().await;
    }

    /// The transport.
    pub fn client(&self) -> &Arc<T> {
        &self.client
    }

    /// The id of the session: the request id of the answer to StartSession. `None` if the service did not send one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The name of the ledger.
    pub fn ledger_name(&self) -> &str {
        &self.ledger_name
    }

    /// The token that names the session on the wire.
    pub fn token(&self) -> &SessionToken {
        &self.token
    }

    /// Whether the session has ended, as far as this client knows.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Does what [`close`](SessionClient::close) does, for a session that is shared.
    pub(crate) async fn end_or_log(&self) {
        if self.is_ended() {
            return;
        }
        if let Err(error) = self.end_session().await {
            tracing::warn!(ledger = self.ledger_name, error = error.kind().name(), "could not end a session");
        }
        // Set after the attempt, even if it failed, so that dropping the session does not try again. Not before it,
        // because this future may be dropped before anything was sent.
        self.ended.store(true, Ordering::Relaxed);
    }

    async fn send(&self, command: Command) -> Result<Reply, Error> {
        let name = command.name();
        tracing::trace!(command = name, ledger = self.ledger_name, "sending");
        let request = SendCommandRequest { session_token: Some(self.token.clone()), command };
        match self.client.send_command(request).await.map_err(Error::from) {
            Ok(SendCommandResponse { reply, .. }) => Ok(reply),
            Err(error) => {
                // The text of an error may hold values of documents, so it is for the caller alone.
                let (kind, request_id) = (error.kind().name(), error.request_id());
                tracing::debug!(command = name, ledger = self.ledger_name, kind, request_id, "failed");
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
        let (client, ledger) = (Arc::clone(&self.client), std::mem::take(&mut self.ledger_name));
        let request =
            SendCommandRequest { session_token: Some(self.token.clone()), command: Command::EndSession };
        in_background(async move {
            if let Err(error) = client.send_command(request).await {
                tracing::debug!(
                    ledger,
                    error = Error::from(error).kind().name(),
                    "could not end a session that was dropped"
                );
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
