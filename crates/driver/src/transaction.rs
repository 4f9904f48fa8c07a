//! A transaction: its statements, their results, and its end.

pub(crate) mod core;
pub(crate) mod cursor;
pub(crate) mod query;
pub(crate) mod rows;

use std::sync::Arc;
use std::time::Duration;

use everstrand_journal::Hash;
use everstrand_protocol::send_command::{Page, PageToken};

use self::core::{Committed, Core, Stage, Statistics};
use self::cursor::Cursor;
use self::query::Query;
use crate::error::Error;
use crate::parameters::Parameters;
use crate::pool::Lease;
use crate::runtime::{in_background, within};
use crate::transport::Transport;

/// A transaction of a session.
///
/// Statements run one at a time and in the order of the calls, because the commit digest depends on the order. A statement
/// that the service refuses leaves the transaction open. It counts in the commit digest too.
///
/// A transaction that is dropped without [`commit`](Transaction::commit) is aborted in the background. If the future of a
/// statement is dropped before it is ready, nobody knows whether the service ran the statement, so the transaction is over
/// for this client: everything but dropping it is [`Error::TransactionOver`]. Neither harms the session's other users.
#[derive(Debug)]
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction<T: Transport> {
    core: Arc<Core<T>>,
    end: End<T>,
}

/// What has to happen when the transaction is dropped.
#[derive(Debug)]
enum End<T: Transport> {
    /// Nothing, because the driver that lent it commits or aborts it.
    Lent,
    /// It is aborted, because its session goes on.
    Abort,
    /// It is aborted, and its session returns to the pool.
    GiveBack(Option<Box<Lease<T>>>),
}

/// How long an abort in the background may take. After it the session is not used again.
const ABORT_MAX: Duration = Duration::from_secs(5);

impl<T: Transport> Transaction<T> {
    /// The transaction of a session that goes on after it.
    pub(crate) fn of_session(core: Arc<Core<T>>) -> Transaction<T> {
        Transaction { core, end: End::Abort }
    }

    /// The transaction of a session that returns to the pool after it.
    pub(crate) fn of_lease(core: Arc<Core<T>>, lease: Lease<T>) -> Transaction<T> {
        Transaction { core, end: End::GiveBack(Some(Box::new(lease))) }
    }

    /// The same transaction for a closure, whose caller keeps the responsibility for its end.
    pub(crate) fn lend(&self) -> Transaction<T> {
        Transaction { core: Arc::clone(&self.core), end: End::Lent }
    }

    pub(crate) fn core(&self) -> &Arc<Core<T>> {
        &self.core
    }

    /// The id of the transaction.
    pub fn id(&self) -> &str {
        self.core.id()
    }

    /// How long the transaction may still take. The service refuses it afterwards, and this client sends nothing any more:
    /// the error is [`Error::TransactionExpired`].
    pub fn time_left(&self) -> Duration {
        self.core.time_left()
    }

    /// Runs a statement, with the values for each `?`. An error of the service leaves the transaction open.
    pub async fn execute(
        &self,
        statement: &str,
        parameters: impl Parameters,
    ) -> Result<Cursor<'_, T>, Error> {
        let result = self.core.execute(statement, parameters.into_documents()).await?;
        Ok(Cursor::new(&self.core, result))
    }

    /// A statement whose parameters and rows are Rust types.
    pub fn query<'s>(&self, statement: &'s str) -> Query<'_, 's, T> {
        Query::new(&self.core, statement)
    }

    /// The page with this token. The token comes from [`Cursor::page_token`] of the same transaction, or from a page.
    pub async fn fetch_page(&self, token: &PageToken) -> Result<Page, Error> {
        self.core.fetch_page(token).await.map(|result| result.page)
    }

    /// Commits the transaction, which makes its changes permanent.
    ///
    /// If the answer is lost, the service is asked what became of the transaction. A service that does not know such
    /// questions leaves [`Error::CommitOutcomeUnknown`]: the transaction may be permanent or not. After
    /// [`Error::CommitDigestMismatch`] it is permanent, with other statements than this client sent.
    pub async fn commit(self) -> Result<Committed, Error> {
        self.core.commit().await
    }

    /// Rolls the transaction back. An error means that it was over, or that the service did not answer.
    pub async fn abort(self) -> Result<(), Error> {
        self.core.abort().await
    }

    /// The commit digest of all statements so far.
    pub async fn commit_digest(&self) -> Hash {
        self.core.commit_digest().await
    }

    /// The costs of the transaction so far.
    pub async fn statistics(&self) -> Statistics {
        self.core.statistics().await
    }

    /// Aborts the transaction if it is open, and gives its session back.
    pub(crate) async fn finish(mut self) {
        let reusable = self.core.leave().await;
        if let End::GiveBack(lease) = &mut self.end
            && let Some(mut lease) = lease.take()
        {
            lease.reusable = reusable;
        }
    }
}

impl<T: Transport> Drop for Transaction<T> {
    fn drop(&mut self) {
        match &mut self.end {
            End::Lent => {}
            End::Abort => {
                self.core.abandon();
                if !matches!(self.core.stage(), Some(Stage::Over | Stage::Uncertain)) {
                    let core = Arc::clone(&self.core);
                    in_background(async move {
                        core.leave().await;
                    });
                }
            }
            End::GiveBack(lease) => {
                let Some(mut lease) = lease.take() else { return };
                match self.core.stage() {
                    // Dropping the lease gives the session back, or ends it.
                    Some(Stage::Over) => lease.reusable = true,
                    Some(Stage::Uncertain) => {}
                    Some(Stage::Open) if lease.client().is_ended() => {}
                    Some(Stage::Open) | None => {
                        let core = Arc::clone(&self.core);
                        in_background(async move {
                            lease.reusable = within(ABORT_MAX, core.leave()).await == Some(true);
                        });
                    }
                }
            }
        }
    }
}
