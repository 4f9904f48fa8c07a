//! What a transaction, its cursors and its driver share: the state, and the commands that change it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use everstrand_ion::Document;
use everstrand_journal::{CommitDigest, Hash, statement_digest};
use everstrand_protocol::send_command::{
    ExecuteStatementResult, FetchPageResult, IoUsage, PageToken, TimingInformation,
};
use tokio::sync::{Mutex, MutexGuard};

use crate::error::Error;
use crate::retry::Trouble;
use crate::runtime::{self, Instant};
use crate::session_client::SessionClient;
use crate::transport::{TransactionOutcome, TransactionOutcomeRequest, Transport};

/// The costs of statements, as the service reports them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The number of documents that were read.
    pub read_ios: i64,
    /// The number of writes.
    pub write_ios: i64,
    /// The time in the service, in milliseconds.
    pub processing_time_milliseconds: i64,
}

/// A transaction that was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The id of the transaction, which its block in the journal has.
    pub transaction_id: String,
    /// The hash of the id and all statements. Client and service agree on it.
    pub commit_digest: Hash,
    /// The costs of the transaction, with its begin and its commit.
    pub statistics: Statistics,
}

/// Settings of transactions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransactionSettings {
    pub(crate) read_ahead: usize,
    /// How long a transaction may take in the service.
    pub(crate) lifetime: Duration,
    /// When the caller gives up.
    pub(crate) deadline: Option<Instant>,
}

/// How long a transaction may take, unless the service's operator has set another limit.
pub(crate) const LIFETIME: Duration = Duration::from_secs(30);

impl Default for TransactionSettings {
    fn default() -> TransactionSettings {
        TransactionSettings { read_ahead: 0, lifetime: LIFETIME, deadline: None }
    }
}

/// The waits between the questions what became of a transaction, in milliseconds. Together they are a little longer than a
/// server takes to decide.
const OUTCOME_WAITS: [u64; 9] = [0, 50, 200, 500, 1_000, 2_000, 5_000, 7_000, 7_000];

#[derive(Debug)]
pub(crate) struct Core<T: Transport> {
    session: Arc<SessionClient<T>>,
    id: String,
    read_ahead: usize,
    /// From this time on the transaction has certainly expired.
    expires: Instant,
    /// Whether nobody can go on with the transaction.
    abandoned: AtomicBool,
    /// Locked while a command is sent and answered.
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    stage: Stage,
    digest: CommitDigest,
    statistics: Statistics,
    /// What the error of the last command means for the next run.
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The transaction accepts statements.
    Open,
    /// The transaction is over in the service too, so the session can have another one.
    Over,
    /// The transaction is over for this client, but may still be open in the service. A transaction is in this stage while a
    /// command of it is on its way, so that it stays there if the caller does not wait for the answer.
    Uncertain,
}

impl<T: Transport> Core<T> {
    /// Starts a transaction in a session.
    pub(crate) async fn start(
        session: &Arc<SessionClient<T>>,
        settings: TransactionSettings,
    ) -> Result<Arc<Core<T>>, Error> {
        let result = session.start_transaction().await?;
        // The service began to count before its answer arrived. So what is too late here is too late there.
        let expires = runtime::now() + settings.lifetime;
        let expires = settings.deadline.map_or(expires, |deadline| deadline.min(expires));
        let mut statistics = Statistics::default();
        statistics.add(result.timing_information.as_ref(), None);
        let digest = CommitDigest::from_text(&result.transaction_id);
        tracing::trace!(transaction = result.transaction_id, "started");
        Ok(Arc::new(Core {
            session: Arc::clone(session),
            id: result.transaction_id,
            read_ahead: settings.read_ahead,
            expires,
            abandoned: AtomicBool::new(false),
            progress: Mutex::new(Progress { stage: Stage::Open, digest, statistics, trouble: None }),
        }))
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn read_ahead(&self) -> usize {
        self.read_ahead
    }

    /// How long the transaction may still take.
    pub(crate) fn time_left(&self) -> Duration {
        self.expires.saturating_duration_since(runtime::now())
    }

    pub(crate) async fn execute(
        &self,
        statement: &str,
        parameters: Vec<Document>,
    ) -> Result<ExecuteStatementResult, Error> {
        let said = statement_digest(statement, &parameters);
        let mut progress = self.open_progress().await?;
        let before = progress.digest;
        // Added before the answer comes, because the service counts statements that fail too.
        progress.digest.add(said);
        progress.stage = Stage::Uncertain;
        let result = self.session.execute_statement(&self.id, statement, parameters).await;
        progress.stage = Stage::Open;
        if result.as_ref().is_err_and(Error::is_of_request_not_sent) {
            progress.digest = before;
        }
        let result = progress.note(result)?;
        progress.statistics.add(result.timing_information.as_ref(), result.consumed_ios.as_ref());
        let (ios, time) = (result.consumed_ios.as_ref(), result.timing_information.as_ref());
        tracing::debug!(
            transaction = self.id,
            read_ios = ios.map(|ios| ios.read_ios),
            write_ios = ios.map(|ios| ios.write_ios),
            milliseconds = time.map(|time| time.processing_time_milliseconds),
            "statement"
        );
        Ok(result)
    }

    pub(crate) async fn fetch_page(&self, token: &PageToken) -> Result<FetchPageResult, Error> {
        let mut progress = self.open_progress().await?;
        progress.stage = Stage::Uncertain;
        let result = self.session.fetch_page(&self.id, token).await;
        progress.stage = Stage::Open;
        let result = progress.note(result)?;
        progress.statistics.add(result.timing_information.as_ref(), result.consumed_ios.as_ref());
        Ok(result)
    }

    pub(crate) async fn commit(&self) -> Result<Committed, Error> {
        let mut progress = self.open_progress().await?;
        let digest = progress.digest.value();
        progress.stage = Stage::Uncertain;
        let result = self.session.commit_transaction(&self.id, digest).await;
        match progress.note(result) {
            Ok(result) => {
                progress.stage = Stage::Over;
                progress.statistics.add(result.timing_information.as_ref(), result.consumed_ios.as_ref());
                let Statistics { read_ios, write_ios, processing_time_milliseconds } = progress.statistics;
                let milliseconds = processing_time_milliseconds;
                tracing::debug!(transaction = self.id, read_ios, write_ios, milliseconds, "committed");
                if result.transaction_id == self.id && result.commit_digest == digest.as_bytes() {
                    Ok(self.committed(&progress, digest))
                } else {
                    Err(Error::CommitDigestMismatch { transaction_id: self.id.clone() })
                }
            }
            Err(error) if error.leaves_commit_unknown() => {
                let settled = self.settle(error).await;
                progress.note(settled)?;
                Ok(self.committed(&progress, digest))
            }
            Err(error) => {
                progress.stage = if error.is_occ_conflict() { Stage::Over } else { Stage::Open };
                Err(error)
            }
        }
    }

    /// Commits the transaction, unless it was ended before.
    pub(crate) async fn commit_if_open(&self) -> Result<Option<Committed>, Error> {
        match self.commit().await {
            Err(Error::TransactionOver { .. }) => Ok(None),
            result => result.map(Some),
        }
    }

    pub(crate) async fn abort(&self) -> Result<(), Error> {
        let mut progress = self.progress.lock().await;
        if progress.stage != Stage::Open {
            return Err(self.over());
        }
        self.abort_open(&mut progress).await
    }

    /// Aborts the transaction if it is open. Returns whether the session can have another one.
    pub(crate) async fn leave(&self) -> bool {
        let mut progress = self.progress.lock().await;
        if progress.stage == Stage::Open && !self.session.is_ended() {
            // If the abort fails, the stage stays uncertain, and the session is not used again.
            if let Err(error) = self.abort_open(&mut progress).await {
                tracing::debug!(transaction = self.id, kind = error.kind().name(), "could not abort");
            }
        }
        progress.stage == Stage::Over && !self.session.is_ended()
    }

    /// The stage; `None` while a command is on its way.
    pub(crate) fn stage(&self) -> Option<Stage> {
        self.progress.try_lock().ok().map(|progress| progress.stage)
    }

    /// Whether the transaction accepts commands.
    pub(crate) async fn is_open(&self) -> bool {
        self.progress.lock().await.stage == Stage::Open
    }

    /// Notes that nobody can go on with the transaction.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// What the error of the last command means for the next run.
    pub(crate) async fn trouble(&self) -> Option<Trouble> {
        self.progress.lock().await.trouble.clone()
    }

    pub(crate) async fn commit_digest(&self) -> Hash {
        self.progress.lock().await.digest.value()
    }

    pub(crate) async fn statistics(&self) -> Statistics {
        self.progress.lock().await.statistics
    }

    pub(crate) fn over(&self) -> Error {
        Error::TransactionOver { transaction_id: self.id.clone() }
    }

    /// Asks what became of the transaction, whose commit had this error.
    async fn settle(&self, error: Error) -> Result<(), Error> {
        let request = TransactionOutcomeRequest {
            ledger_name: self.session.ledger_name().to_owned(),
            transaction_id: self.id.clone(),
            session_token: self.session.token().clone(),
        };
        let transaction_id = self.id.clone();
        for wait in OUTCOME_WAITS {
            if wait > 0 {
                runtime::sleep(Duration::from_millis(wait)).await;
            }
            match self.session.client().transaction_outcome(request.clone()).await {
                Ok(TransactionOutcome::Committed | TransactionOutcome::ReadOnly) => return Ok(()),
                Ok(TransactionOutcome::Never) => return Err(Error::NotCommitted { transaction_id }),
                Ok(TransactionOutcome::NotSupported) => break,
                Ok(TransactionOutcome::Undecided) | Err(_) => {}
            }
        }
        Err(Error::CommitOutcomeUnknown { transaction_id, source: Box::new(error) })
    }

    fn committed(&self, progress: &Progress, commit_digest: Hash) -> Committed {
        Committed { transaction_id: self.id.clone(), commit_digest, statistics: progress.statistics }
    }

    async fn abort_open(&self, progress: &mut Progress) -> Result<(), Error> {
        progress.stage = Stage::Uncertain;
        let result = self.session.abort_transaction().await?;
        progress.stage = Stage::Over;
        progress.statistics.add(result.timing_information.as_ref(), None);
        Ok(())
    }

    async fn open_progress(&self) -> Result<MutexGuard<'_, Progress>, Error> {
        let mut progress = self.progress.lock().await;
        if progress.stage != Stage::Open {
            return Err(self.over());
        }
        if runtime::now() >= self.expires {
            let error = Error::TransactionExpired { transaction_id: self.id.clone() };
            progress.trouble = Some(Trouble::of(&error));
            return Err(error);
        }
        Ok(progress)
    }
}

impl Progress {
    fn note<R>(&mut self, result: Result<R, Error>) -> Result<R, Error> {
        self.trouble = result.as_ref().err().map(Trouble::of);
        result
    }
}

impl Statistics {
    pub(crate) fn add(&mut self, timing: Option<&TimingInformation>, ios: Option<&IoUsage>) {
        let milliseconds = timing.map_or(0, |timing| timing.processing_time_milliseconds);
        let (reads, writes) = ios.map_or((0, 0), |ios| (ios.read_ios, ios.write_ios));
        self.processing_time_milliseconds = self.processing_time_milliseconds.saturating_add(milliseconds);
        self.read_ios = self.read_ios.saturating_add(reads);
        self.write_ios = self.write_ios.saturating_add(writes);
    }
}
