//! A transaction: statements against one snapshot, with everything read and written noted, until the
//! commit tells whether it all still holds.

mod counts;
mod definitions;
mod documents;
mod found;
mod index_rows;
pub(crate) mod pages;
mod past;
pub(crate) mod propose;
pub(crate) mod read_set;
mod redact;
mod rows;
mod views;
pub(crate) mod write_set;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use everstrand_ion::Document;
use everstrand_journal::{CommitDigest, Hash, StatementInfo, UniqueId, statement_digest};
use everstrand_partiql::{self as partiql, HeldBytes, Rows};

use crate::commit::future::CommitFuture;
use crate::error::LedgerError;
use crate::ledger::{Core, Ledger, OpenTransaction};
use crate::pace::Pace;
use crate::planted::planted;
use crate::state::Snapshot;
use found::Found;
use pages::{OpenResult, Page};
use read_set::ReadSet;
use views::Scope;
use write_set::WriteSet;

/// An open transaction. Owned by whoever runs it; dropped, it has never been.
pub struct Transaction {
    ledger: Ledger,
    id: UniqueId,
    id_text: Arc<str>,
    /// What the transaction reads, the same from its start to its end.
    snapshot: Arc<Snapshot>,
    /// When it expires, on the monotonic clock.
    deadline: u64,
    digest: CommitDigest,
    statements: Vec<StatementInfo>,
    /// Bytes of the statements' texts, which are kept until the commit.
    statement_bytes: usize,
    work: Work,
    results: Vec<OpenResult>,
    /// What those and the statement that runs hold together.
    held: HeldBytes,
    interrupt: Interrupt,
    pace: Option<Arc<dyn Pace>>,
    /// Counts it among the ledger's open transactions.
    _open: OpenTransaction,
}

/// What was read and written so far.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) reads: ReadSet,
    pub(crate) writes: WriteSet,
    found: Found,
}

/// Stops the statements of a transaction from another thread.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on every statement of the transaction stops with an error, and it cannot be committed: what
    /// was stopped may have been meant to write.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was called.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Transaction {
    pub(crate) fn new(ledger: Ledger, open: OpenTransaction) -> Transaction {
        let core = ledger.core();
        let id = core.environment.ids.next();
        let snapshot = core.snapshot();
        let deadline = core.environment.clock.monotonic_millis() + core.options.limits.transaction_millis;
        Transaction {
            id,
            id_text: id.to_string().into(),
            snapshot,
            deadline,
            digest: CommitDigest::new(id),
            statements: Vec::new(),
            statement_bytes: 0,
            work: Work::default(),
            results: Vec::new(),
            held: core.options.held_bytes.part(core.options.limits.held_bytes_max, "held_bytes_max"),
            interrupt: Interrupt::default(),
            pace: None,
            _open: open,
            ledger,
        }
    }

    /// Its id, 22 characters.
    pub fn id(&self) -> &Arc<str> {
        &self.id_text
    }

    /// A handle by which another thread stops its statements.
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Its statements ask this one from now on when their turn is over.
    pub(crate) fn at_pace(&mut self, pace: Option<Arc<dyn Pace>>) -> &mut Transaction {
        self.pace = pace;
        self
    }

    /// Whether it outlived its time.
    pub fn is_expired(&self) -> bool {
        self.core().environment.clock.monotonic_millis() >= self.deadline && !planted!("expiry-not-enforced")
    }

    /// Runs a statement and answers the first page of its result. A statement that fails leaves
    /// nothing behind but its place in the commit digest; the transaction goes on.
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
        let answer = self.ledger.noting(&self.snapshot, answer);
        if answer.is_err() {
            self.work.writes.take_back(number);
        }
        answer
    }

    /// The next page of a result; each page is given once.
    pub fn fetch_page(&mut self, page_token: &str) -> Result<Page, LedgerError> {
        self.check_alive()?;
        let position = self.results.iter().position(|result| result.token == page_token);
        let OpenResult { statement, rows, ahead, told_ios, .. } =
            self.results.swap_remove(position.ok_or(LedgerError::InvalidPageToken)?);
        let page = self.page(statement, rows, Some(ahead), told_ios);
        self.ledger.noting(&self.snapshot, page)
    }

    /// Commits what was written, if what was read still holds and both ends heard the same
    /// statements. Whatever comes of it, the transaction is over.
    pub fn commit(self, commit_digest: Hash) -> CommitFuture {
        match self.check_alive() {
            Err(error) => CommitFuture::ready(Err(error)),
            Ok(()) if self.interrupt.is_stopped() => CommitFuture::ready(Err(LedgerError::Interrupted)),
            Ok(()) if commit_digest != self.digest.value() => {
                CommitFuture::ready(Err(LedgerError::DigestMismatch))
            }
            Ok(()) => propose::commit(self),
        }
    }

    /// Commits with the digest of the statements as this end heard them; for callers in the same
    /// process, who have nothing to compare.
    pub fn commit_unchecked(self) -> CommitFuture {
        let digest = self.digest.value();
        self.commit(digest)
    }

    /// What a bug leaves open when the transaction is committed.
    #[cfg(planted_bugs)]
    pub(crate) fn leave_pages(&mut self) -> Result<Transaction, LedgerError> {
        let mut left = self.ledger.start_transaction()?;
        left.id_text = Arc::clone(&self.id_text);
        left.results = std::mem::take(&mut self.results);
        Ok(left)
    }

    /// Ends it as if it had never been.
    pub fn abort(self) {}

    /// The digest of what was said so far.
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
        let options = partiql::Options {
            extensions: self.core().extensions(),
            held: self.held.clone(),
            ..Default::default()
        };
        let mut scope = self.scope(number);
        let plan = scope.core.statements.plan(text, parameters, &mut scope, &options)?;
        let rows = partiql::execute(plan, parameters.into(), &mut scope)?;
        self.page(number, rows, None, (0, 0))
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
            turn_ends: None,
        }
    }

    /// Takes a page's values from `rows`; where more remain, keeps them under a token.
    fn page(
        &mut self,
        statement: u32,
        mut rows: Rows,
        ahead: Option<Document>,
        told_ios: (u64, u64),
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
                let told_ios = ios;
                self.results.push(OpenResult { token: token.clone(), statement, rows, ahead, told_ios });
                Some(token)
            }
        };
        Ok(Page {
            values,
            next_page_token,
            read_ios: ios.0.saturating_sub(told_ios.0),
            write_ios: ios.1.saturating_sub(told_ios.1),
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
