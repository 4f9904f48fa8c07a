//! A transaction in progress: what was said in it, and how it ended.

use std::sync::{Arc, Weak};

use everstrand_ion::Document;
use everstrand_journal::{CommitDigest, Hash, statement_digest};
use everstrand_protocol::send_command::{CommitTransactionResult, FetchPageResult, PageToken};
use tokio::sync::{Mutex, MutexGuard};

use crate::cursor::{Cursor, Statistics};
use crate::error::Error;
use crate::parameters::Parameters;
use crate::session_client::SessionClient;
use crate::transport::Transport;

/// A transaction of a session. Clones are the same transaction.
///
/// Statements run one at a time, in the order in which they were asked for: the commit digest depends on
/// it. A statement that the service refuses leaves the transaction open and counts in the digest.
#[derive(Debug)]
pub struct Transaction<T: Transport>(Arc<Inner<T>>);

impl<T: Transport> Clone for Transaction<T> {
    fn clone(&self) -> Transaction<T> {
        Transaction(Arc::clone(&self.0))
    }
}

/// A handle that does not count: who has it alone has given the transaction up.
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
    /// Held while a command is under way.
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    stage: Stage,
    digest: CommitDigest,
    statistics: Statistics,
    /// What the last command's failure, if it failed, means for the next attempt.
    retry: Retry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Takes statements.
    Open,
    /// Over, and the service knows it too: the session can have another transaction.
    Over,
    /// Over for this client; what the service thinks is not known.
    Uncertain,
}

/// What a failed transaction means for the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It would fail again.
    No,
    /// It may succeed, after a while.
    Later,
    /// It may succeed, with another session.
    WithNewSession,
}

impl<T: Transport> Transaction<T> {
    /// Asks the session for a new transaction.
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

    /// The transaction's id.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Runs a statement, with a value for each `?`.
    pub async fn execute(&self, statement: &str, parameters: impl Parameters) -> Result<Cursor<T>, Error> {
        self.execute_documents(statement, parameters.into_documents()).await
    }

    /// Makes the transaction permanent.
    pub async fn commit(&self) -> Result<CommitTransactionResult, Error> {
        let mut progress = self.open_progress().await?;
        let digest = progress.digest.value();
        // Whoever drops this future leaves the outcome open.
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
                // Nothing may run again what is perhaps permanent, whatever kept us from knowing.
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

    /// Rolls the transaction back.
    pub async fn abort(&self) -> Result<(), Error> {
        let mut progress = self.open_progress().await?;
        self.abort_open(&mut progress).await
    }

    /// The digest of all that was said so far, as the commit will send it.
    pub async fn commit_digest(&self) -> Hash {
        self.0.progress.lock().await.digest.value()
    }

    /// What the transaction has cost so far.
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

    /// Commits, unless whoever ran the transaction has ended it already.
    pub(crate) async fn commit_if_open(&self) -> Result<(), Error> {
        match self.commit().await {
            Err(Error::TransactionOver { .. }) => Ok(()),
            result => result.map(|_| ()),
        }
    }

    /// Aborts the transaction if it is still open. Says whether the session can have another one.
    pub(crate) async fn leave(&self) -> bool {
        let mut progress = self.0.progress.lock().await;
        if progress.stage == Stage::Open && !self.0.session.is_ended() {
            // What cannot be aborted makes the session unusable, and that is said below.
            if let Err(error) = self.abort_open(&mut progress).await {
                tracing::debug!(transaction = self.0.id, %error, "could not abort");
            }
        }
        progress.stage == Stage::Over && !self.0.session.is_ended()
    }

    /// Whether commands may still be sent.
    pub(crate) async fn is_open(&self) -> bool {
        self.0.progress.lock().await.stage == Stage::Open
    }

    /// Whether nobody but the caller holds the transaction.
    pub(crate) fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    pub(crate) fn downgrade(&self) -> WeakTransaction<T> {
        WeakTransaction(Arc::downgrade(&self.0))
    }

    /// What the last command's failure, if it failed, means for the next attempt.
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
        // Before the answer is known: the service counts statements that fail.
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
