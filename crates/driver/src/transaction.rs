//! A transaction: its statements, their results, and its end.

mod cursor;

use std::sync::{Arc, Weak};

use everstrand_ion::Document;
use everstrand_journal::{CommitDigest, Hash, statement_digest};
use everstrand_protocol::send_command::{CommitTransactionResult, FetchPageResult, PageToken};
use tokio::sync::{Mutex, MutexGuard};

use crate::error::Error;
use crate::parameters::Parameters;
use crate::session_client::SessionClient;
use crate::transport::Transport;

pub use cursor::{Cursor, Statistics, documents};

/// A transaction of a session. Clones are the same transaction.
///
/// Statements run one at a time and in the order of the calls, because the commit digest depends on the order. A statement
/// that the service refuses leaves the transaction open. It counts in the commit digest too.
#[derive(Debug)]
pub struct Transaction<T: Transport>(Arc<Inner<T>>);

impl<T: Transport> Clone for Transaction<T> {
    fn clone(&self) -> Transaction<T> {
        Transaction(Arc::clone(&self.0))
    }
}

/// A handle that does not keep the transaction. If only such handles are left, the transaction was abandoned.
pub(crate) struct WeakTransaction<T: Transport>(Weak<Inner<T>>);

impl<T: Transport> WeakTransaction<T> {
    pub(crate) fn upgrade(&self) -> Option<Transaction<T>> {
        self.0.upgrade().map(Transaction)
    }
}

#[derive(Debug)]
struct Inner<T: Transport> {
    session: Arc<SessionClient<T>>,
    id: String,
    read_ahead: usize,
    /// Locked while a command is sent and answered.
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    stage: Stage,
    digest: CommitDigest,
    statistics: Statistics,
    /// What the error of the last command means for the next attempt.
    retry: Retry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The transaction accepts statements.
    Open,
    /// The transaction is over in the service too, so the session can have another one.
    Over,
    /// The transaction is over for this client, but may still be open in the service.
    Uncertain,
}

/// What the error of a transaction means for the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The next attempt would fail too.
    No,
    /// The next attempt may succeed after a wait.
    Later,
    /// The next attempt may succeed with another session.
    WithNewSession,
}

impl<T: Transport> Transaction<T> {
    /// Starts a transaction in a session.
    pub(crate) async fn start(
        session: &Arc<SessionClient<T>>,
        read_ahead: usize,
    ) -> Result<Transaction<T>, Error> {
        let result = session.start_transaction().await?;
        let mut statistics = Statistics::default();
        statistics.add(result.timing_information.as_ref(), None);
        let digest = CommitDigest::from_text(&result.transaction_id);
        let progress = Progress { stage: Stage::Open, digest, statistics, retry: Retry::No };
        Ok(Transaction(Arc::new(Inner {
            session: Arc::clone(session),
            id: result.transaction_id,
            read_ahead,
            progress: Mutex::new(progress),
        })))
    }

    /// The id of the transaction.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Runs a statement, with the values for each `?`. An error of the service leaves the transaction open.
    pub async fn execute(&self, statement: &str, parameters: impl Parameters) -> Result<Cursor<T>, Error> {
        self.execute_documents(statement, parameters.into_documents()).await
    }

    /// Commits the transaction, which makes its changes permanent.
    ///
    /// After [`Error::CommitOutcomeUnknown`] the transaction may be permanent or not. After
    /// [`Error::CommitDigestMismatch`] it is permanent, with other statements than this client sent.
    pub async fn commit(&self) -> Result<CommitTransactionResult, Error> {
        let mut progress = self.open_progress().await?;
        let digest = progress.digest.value();
        // If this future is dropped, the outcome stays unknown.
        progress.stage = Stage::Uncertain;
        let result = self.0.session.commit_transaction(&self.0.id, digest).await;
        match progress.note(result) {
            Ok(result) => {
                progress.stage = Stage::Over;
                progress.statistics.add(result.timing_information.as_ref(), result.consumed_ios.as_ref());
                if result.transaction_id == self.0.id && result.commit_digest == digest.as_bytes() {
                    Ok(result)
                } else {
                    Err(Error::CommitDigestMismatch { transaction_id: self.0.id.clone() })
                }
            }
            Err(error) if error.leaves_commit_unknown() => {
                // The transaction may be permanent, so it must not run again.
                progress.retry = Retry::No;
                let transaction_id = self.0.id.clone();
                Err(Error::CommitOutcomeUnknown { transaction_id, source: Box::new(error) })
            }
            Err(error) => {
                progress.stage = if error.is_occ_conflict() { Stage::Over } else { Stage::Open };
                Err(error)
            }
        }
    }

    /// Rolls the transaction back. An error means that it was over, or that the service did not answer.
    pub async fn abort(&self) -> Result<(), Error> {
        let mut progress = self.open_progress().await?;
        self.abort_open(&mut progress).await
    }

    /// The commit digest of all statements so far.
    pub async fn commit_digest(&self) -> Hash {
        self.0.progress.lock().await.digest.value()
    }

    /// The costs of the transaction so far.
    pub async fn statistics(&self) -> Statistics {
        self.0.progress.lock().await.statistics
    }

    pub(crate) async fn fetch_page(&self, token: &PageToken) -> Result<FetchPageResult, Error> {
        let mut progress = self.open_progress().await?;
        let result = self.0.session.fetch_page(&self.0.id, token).await;
        let result = progress.note(result)?;
        progress.statistics.add(result.timing_information.as_ref(), result.consumed_ios.as_ref());
        Ok(result)
    }

    /// Commits the transaction, unless the closure has already ended it.
    pub(crate) async fn commit_if_open(&self) -> Result<(), Error> {
        match self.commit().await {
            Err(Error::TransactionOver { .. }) => Ok(()),
            result => result.map(|_| ()),
        }
    }

    /// Aborts the transaction if it is open. Returns whether the session can have another one.
    pub(crate) async fn leave(&self) -> bool {
        let mut progress = self.0.progress.lock().await;
        if progress.stage == Stage::Open && !self.0.session.is_ended() {
            // If the abort fails, the stage stays uncertain, and the session is not used again.
            if let Err(error) = self.abort_open(&mut progress).await {
                tracing::debug!(transaction = self.0.id, %error, "could not abort");
            }
        }
        progress.stage == Stage::Over && !self.0.session.is_ended()
    }

    /// Whether the transaction accepts commands.
    pub(crate) async fn is_open(&self) -> bool {
        self.0.progress.lock().await.stage == Stage::Open
    }

    /// Whether the caller has the only handle of the transaction.
    pub(crate) fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    pub(crate) fn downgrade(&self) -> WeakTransaction<T> {
        WeakTransaction(Arc::downgrade(&self.0))
    }

    /// What the error of the last command means for the next attempt.
    pub(crate) async fn retry(&self) -> Retry {
        self.0.progress.lock().await.retry
    }

    pub(crate) fn over(&self) -> Error {
        Error::TransactionOver { transaction_id: self.0.id.clone() }
    }

    async fn execute_documents(
        &self,
        statement: &str,
        parameters: Vec<Document>,
    ) -> Result<Cursor<T>, Error> {
        let said = statement_digest(statement, &parameters);
        let mut progress = self.open_progress().await?;
        let before = progress.digest;
        // Added before the answer comes, because the service counts statements that fail too.
        progress.digest.add(said);
        let result = self.0.session.execute_statement(&self.0.id, statement, parameters).await;
        if result.as_ref().is_err_and(Error::is_of_request_not_sent) {
            progress.digest = before;
        }
        let result = progress.note(result)?;
        progress.statistics.add(result.timing_information.as_ref(), result.consumed_ios.as_ref());
        drop(progress);
        Ok(Cursor::new(self.clone(), result, self.0.read_ahead))
    }

    async fn abort_open(&self, progress: &mut Progress) -> Result<(), Error> {
        progress.stage = Stage::Uncertain;
        let result = self.0.session.abort_transaction().await?;
        progress.stage = Stage::Over;
        progress.statistics.add(result.timing_information.as_ref(), None);
        Ok(())
    }

    async fn open_progress(&self) -> Result<MutexGuard<'_, Progress>, Error> {
        let progress = self.0.progress.lock().await;
        if progress.stage == Stage::Open { Ok(progress) } else { Err(self.over()) }
    }
}

impl Progress {
    fn note<R>(&mut self, result: Result<R, Error>) -> Result<R, Error> {
        self.retry = result.as_ref().err().map_or(Retry::No, Retry::after);
        result
    }
}

impl Retry {
    /// What an error means for the next attempt.
    pub(crate) fn after(error: &Error) -> Retry {
        if !error.is_retriable() {
            Retry::No
        } else if error.is_invalid_session() {
            Retry::WithNewSession
        } else {
            Retry::Later
        }
    }
}
