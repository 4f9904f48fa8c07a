//! A transaction: runs statements against one snapshot, and notes everything that they read and write, until the
//! committer decides whether what was read still holds.

mod authorized;
mod counts;
mod definitions;
mod diff;
mod different_keys;
mod documents;
mod filtered;
mod found;
mod index_rows;
pub(crate) mod pages;
mod past;
mod propose;
mod redact;
mod rows;
mod scope;
mod skip;
mod work;
pub(crate) mod write_set;

use std::fmt;
use std::sync::Arc;

use everstrand_ion::Document;
use everstrand_journal::{CommitDigest, Hash, StatementInfo, UniqueId, statement_digest};
use everstrand_partiql::{self as partiql, BufferedBytes, Charge, Rows};

use crate::authorize::Authorize;
use crate::commit::future::{CommitFuture, Committed, pair};
use crate::commit::proposal::Proposal;
use crate::core::{Core, OpenTransaction};
use crate::error::LedgerError;
use crate::handle::Handle;
use crate::pace::{Interrupt, Pace};
use crate::planted::planted;
use crate::state::snapshot::Snapshot;
use found::Found;
use pages::{OpenResult, Page};
use scope::Scope;
use work::Work;

/// So many bytes of what a transaction keeps are not counted, so that small transactions go on when large ones have used all up.
const KEPT_FREE_BYTES: usize = 32 << 10;

/// About how many bytes the plan of an unfinished result takes for each byte of its statement.
const PLAN_BYTES: usize = 64;

/// An open transaction. Dropping it rolls it back.
pub struct Transaction {
    ledger: Arc<Handle>,
    id: UniqueId,
    id_text: Arc<str>,
    /// What the transaction reads, from its start to its end.
    snapshot: Arc<Snapshot>,
    /// When it expires, on the monotonic clock.
    deadline: u64,
    digest: CommitDigest,
    statements: Vec<StatementInfo>,
    /// The bytes of all statements' texts, which are kept until the commit.
    statement_bytes: usize,
    work: Work,
    results: Vec<OpenResult>,
    /// Counts the rows that the results and the running statement buffer.
    held: BufferedBytes,
    /// Counts what the transaction keeps until its end, beyond [`KEPT_FREE_BYTES`].
    kept: Charge,
    interrupt: Interrupt,
    pace: Option<Arc<dyn Pace>>,
    /// Decides what its statements may do.
    authorize: Option<Arc<dyn Authorize>>,
    /// Counts it among the ledger's open transactions.
    _open: OpenTransaction,
}

impl Transaction {
    /// A new transaction, on the snapshot after the last block.
    pub(crate) fn start(ledger: &Arc<Handle>) -> Result<Transaction, LedgerError> {
        let core = ledger.core();
        let open = core.open_transaction()?;
        let id = core.environment.ids.next();
        let snapshot = core.snapshot();
        let deadline = core.environment.clock.monotonic_millis() + core.options.limits.transaction_millis;
        Ok(Transaction {
            id,
            id_text: id.to_string().into(),
            snapshot,
            deadline,
            digest: CommitDigest::new(id),
            statements: Vec::new(),
            statement_bytes: 0,
            work: Work::default(),
            results: Vec::new(),
            held: core
                .options
                .buffered_bytes
                .part(core.options.limits.buffered_bytes_max, "buffered_bytes_max"),
            // A part, so that the error says that all transactions together are the reason.
            kept: core.options.buffered_bytes.part(usize::MAX, "buffered_bytes").charge(),
            interrupt: Interrupt::default(),
            pace: None,
            authorize: None,
            _open: open,
            ledger: Arc::clone(ledger),
        })
    }

    /// Its id, in 22 characters.
    pub fn id(&self) -> &Arc<str> {
        &self.id_text
    }

    /// Stops its statements, from any thread.
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Lets this pace decide when the next long statements go on.
    pub(crate) fn at_pace(&mut self, pace: Option<Arc<dyn Pace>>) -> &mut Transaction {
        self.pace = pace;
        self
    }

    /// Lets this decide what the next statements may do. Without one they may do everything.
    pub fn set_authorize(&mut self, authorize: Option<Arc<dyn Authorize>>) {
        self.authorize = authorize;
    }

    /// Whether its time is over.
    pub fn is_expired(&self) -> bool {
        self.core().environment.clock.monotonic_millis() >= self.deadline
    }

    /// Runs a statement and answers the first page of its result. If the statement fails, only its place in the commit
    /// digest remains of it, and the transaction stays open.
    pub fn execute(&mut self, statement: &str, parameters: &[Document]) -> Result<Page, LedgerError> {
        self.check_alive()?;
        if planted!("two-snapshots") {
            self.snapshot = self.core().snapshot();
            self.work.found = Found::default();
        }
        let limits = &self.core().options.limits;
        if statement.chars().count() > limits.statement_characters {
            let bound = limits.statement_characters;
            return Err(LedgerError::bad_request(format!("The statement is longer than {bound} characters")));
        }
        if self.statements.len() >= limits.statements_per_transaction {
            let bound = limits.statements_per_transaction;
            return Err(LedgerError::bad_request(format!("The transaction has {bound} statements already")));
        }
        let bound = limits.statement_bytes_per_transaction;
        if self.statement_bytes + statement.len() > bound {
            return Err(LedgerError::bad_request(format!(
                "The transaction's statements are longer than {bound} bytes together"
            )));
        }
        self.statement_bytes += statement.len();
        let number = u32::try_from(self.statements.len()).expect("there are not that many statements");
        let digest = statement_digest(statement, parameters);
        self.digest.add(digest);
        self.statements.push(StatementInfo {
            statement: statement.to_owned(),
            start_time: self.core().now(),
            statement_digest: digest,
        });

        let answer = self.run(number, statement, parameters);
        let answer = authorized::told(self.authorize.as_deref(), answer);
        let answer = answer.and_then(|page| self.count_kept().map(|()| page));
        let answer = self.ledger.rebuild_if_view_failed(&self.snapshot, answer);
        if answer.is_err() {
            self.work.writes.take_back(number);
        }
        answer
    }

    /// The next page of a result. Each page is given once.
    pub fn fetch_page(&mut self, page_token: &str) -> Result<Page, LedgerError> {
        self.check_alive()?;
        let position = self.results.iter().position(|result| result.token == page_token);
        let OpenResult { statement, rows, ahead, reported_ios, .. } =
            self.results.swap_remove(position.ok_or(LedgerError::InvalidPageToken)?);
        let page = self.page(statement, rows, Some(ahead), reported_ios);
        let page = page.and_then(|page| self.count_kept().map(|()| page));
        self.ledger.rebuild_if_view_failed(&self.snapshot, page)
    }

    /// Commits what was written, if what was read still holds, and if the client's commit digest equals ours. The
    /// transaction is over, whatever the answer is.
    pub fn commit(self, commit_digest: Hash) -> CommitFuture {
        self.propose(commit_digest).unwrap_or_else(|error| CommitFuture::ready(Err(error)))
    }

    /// Hands the transaction to the committer. One that only read is validated and answered here.
    fn propose(self, commit_digest: Hash) -> Result<CommitFuture, LedgerError> {
        self.check_alive()?;
        if self.interrupt.is_stopped() {
            return Err(LedgerError::Interrupted);
        }
        if commit_digest != self.digest.value() {
            return Err(LedgerError::DigestMismatch);
        }
        let Transaction { ledger, id: transaction_id, snapshot, statements, work, kept, .. } = self;
        let (core, Work { reads, writes, .. }) = (ledger.core(), work);
        let committed = Committed { transaction_id, commit_digest, block_address: None };
        if writes.is_empty() && (!core.options.record_reads || core.options.follows.is_some()) {
            core.validate(&reads, &snapshot)?;
            return Ok(CommitFuture::ready(Ok(committed)));
        }
        let draft = propose::draft(transaction_id, core.now(), statements, &writes)?;
        let footprint = propose::footprint(&writes, &snapshot.head.catalog);
        let (reply, future) = pair();
        ledger.submit(Proposal { committed, snapshot, reads, footprint, draft, kept }, reply);
        Ok(future)
    }

    /// Commits with our own commit digest. For callers in the same process, which have no digest to compare.
    pub fn commit_unchecked(self) -> CommitFuture {
        let digest = self.digest.value();
        self.commit(digest)
    }

    /// Rolls it back.
    pub fn abort(self) {}

    /// The commit digest of the statements so far.
    pub fn commit_digest(&self) -> Hash {
        self.digest.value()
    }

    pub(crate) fn core(&self) -> &Core {
        self.ledger.core()
    }

    pub(crate) fn expired(&self) -> LedgerError {
        LedgerError::TransactionExpired { transaction_id: self.id_text.to_string() }
    }

    fn check_alive(&self) -> Result<(), LedgerError> {
        if self.is_expired() { Err(self.expired()) } else { Ok(()) }
    }

    fn run(&mut self, number: u32, text: &str, parameters: &[Document]) -> Result<Page, LedgerError> {
        let options = partiql::Options::new(self.core().extensions(), self.held.clone());
        let mut scope = self.scope(number);
        let plan = scope.core.statements.plan(text, parameters, &mut scope, &options)?;
        scope.require_all(&plan.uses)?;
        let rows = partiql::execute(plan, parameters.into(), &mut scope)?;
        self.page(number, rows, None, (0, 0))
    }

    /// Counts what the transaction keeps. Fails if all transactions together keep too much; the last statement is too much then.
    fn count_kept(&mut self) -> Result<(), LedgerError> {
        let of_result = |result: &OpenResult| {
            let statement = &self.statements[result.statement as usize].statement;
            PLAN_BYTES * statement.len() + result.ahead.as_bytes().len()
        };
        let results: usize = self.results.iter().map(of_result).sum();
        let kept = (self.statement_bytes + self.work.bytes() + results).saturating_sub(KEPT_FREE_BYTES);
        self.kept.keep(kept);
        Ok(self.kept.take(kept - self.kept.used(), "The transaction")?)
    }

    fn scope(&mut self, statement: u32) -> Scope<'_> {
        let now = self.statements[statement as usize].start_time;
        Scope {
            core: self.ledger.core(),
            snapshot: &self.snapshot,
            work: &mut self.work,
            statement,
            transaction_id: &self.id_text,
            now,
            deadline: self.deadline,
            interrupt: &self.interrupt,
            pace: self.pace.as_deref(),
            authorize: self.authorize.as_deref(),
            turn_ends: None,
        }
    }

    /// Takes a page of values from `rows`. If more remain, keeps `rows` under a page token.
    fn page(
        &mut self,
        statement: u32,
        mut rows: Rows,
        ahead: Option<Document>,
        reported_ios: (u64, u64),
    ) -> Result<Page, LedgerError> {
        let limits = self.core().options.limits.clone();
        let mut scope = self.scope(statement);
        let mut values = Vec::new();
        let mut bytes = 0;
        let mut next = match ahead {
            Some(ahead) => Some(ahead),
            None => rows.next(&mut scope)?,
        };
        while let Some(value) = next {
            let size = value.as_bytes().len();
            if values.len() >= limits.page_values || (bytes + size > limits.page_bytes && !values.is_empty())
            {
                next = Some(value);
                break;
            }
            bytes += size;
            values.push(value);
            next = rows.next(&mut scope)?;
        }
        let ios = (rows.read_ios(), rows.write_ios());
        let next_page_token = match next {
            None => None,
            Some(ahead) => {
                if self.results.len() >= limits.open_results {
                    let bound = limits.open_results;
                    let message = format!("The transaction has {bound} unfinished results already");
                    return Err(LedgerError::bad_request(message));
                }
                let token = self.core().environment.ids.next().to_string();
                let reported_ios = ios;
                self.results.push(OpenResult { token: token.clone(), statement, rows, ahead, reported_ios });
                Some(token)
            }
        };
        Ok(Page {
            values,
            next_page_token,
            read_ios: ios.0.saturating_sub(reported_ios.0),
            write_ios: ios.1.saturating_sub(reported_ios.1),
        })
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Transaction").field("id", &self.id_text).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
