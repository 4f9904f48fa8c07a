//! What the parts of an open ledger share: its stores, what transactions start from, what was changed lately.
//! Nothing here knows a thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use everstrand_journal::{Slot, UniqueId};

use crate::ahead::decode;
use crate::clock::Clock;
use crate::error::LedgerError;
use crate::ids::Ids;
use crate::limits::LedgerOptions;
use crate::occ::read_set::ReadSet;
use crate::occ::recent_writes::{RecentWrites, lock};
use crate::state::snapshot::Snapshot;
use crate::statements::Statements;
use crate::storage::slots::SlotStore;
use crate::storage::views::ViewStore;

/// What a ledger needs from outside, beside its stores: time and ids.
#[derive(Clone)]
pub struct Environment {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
}

/// Whether a ledger takes writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It takes writes.
    Open,
    /// It takes no more writes, for this reason. It can still be read. Opening it again shows what was committed. If
    /// the reason is a view that failed, the ledger builds another view, and then takes writes again.
    Faulted(LedgerError),
    /// It was closed.
    Closed,
}

/// The inside of an open ledger, shared by its sessions, its transactions and its committing thread.
pub(crate) struct Core {
    pub(crate) environment: Environment,
    pub(crate) options: LedgerOptions,
    pub(crate) strand_id: UniqueId,
    pub(crate) slots: Arc<dyn SlotStore>,
    /// Replaced by the committing thread alone.
    views: Mutex<Arc<dyn ViewStore>>,
    /// What transactions start from; replaced by the committing thread alone.
    published: ArcSwap<Snapshot>,
    pub(crate) news: News,
    /// Written by the committing thread alone.
    pub(crate) recent: Arc<Mutex<RecentWrites>>,
    status: Mutex<Status>,
    pub(crate) statements: Statements,
    open_transactions: Arc<AtomicUsize>,
    /// Whether the view is known to be damaged, and was reported.
    view_is_distrusted: AtomicBool,
    /// See [`LedgerOptions::extensions`], with which it begins.
    extensions: AtomicBool,
}

/// Counts a transaction among the open ones, as long as it lives.
pub(crate) struct OpenTransaction(Arc<AtomicUsize>);

/// Wakes those who wait for a newer snapshot, or for the ledger to be closed.
#[derive(Debug, Default)]
pub(crate) struct News {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Core {
    /// The inside of a ledger that has this state. With a reason why nothing may be written, it begins faulted.
    pub(crate) fn new(
        environment: Environment,
        options: LedgerOptions,
        slots: Arc<dyn SlotStore>,
        views: Arc<dyn ViewStore>,
        snapshot: Arc<Snapshot>,
        read_only: Option<LedgerError>,
    ) -> Core {
        Core {
            environment,
            strand_id: snapshot.head.strand_id,
            slots,
            views: Mutex::new(views),
            recent: Arc::new(Mutex::new(RecentWrites::new(snapshot.head.tip.block_no))),
            published: ArcSwap::new(snapshot),
            news: News::default(),
            status: Mutex::new(read_only.map_or(Status::Open, Status::Faulted)),
            statements: Statements::new(&options.plan_bytes),
            open_transactions: Arc::default(),
            view_is_distrusted: AtomicBool::new(false),
            extensions: AtomicBool::new(options.extensions),
            options,
        }
    }

    /// Whether the ledger takes writes.
    pub(crate) fn status(&self) -> Status {
        self.lock_status().clone()
    }

    /// Takes no more writes, for this reason.
    pub(crate) fn fault(&self, error: LedgerError) {
        tracing::error!(strand_id = %self.strand_id, %error, "the ledger takes no more writes");
        let mut status = self.lock_status();
        if *status != Status::Closed {
            *status = Status::Faulted(error);
        }
    }

    /// Takes nothing more. Answers whether it was open or faulted before.
    pub(crate) fn close(&self) -> bool {
        std::mem::replace(&mut *self.lock_status(), Status::Closed) != Status::Closed
    }

    fn lock_status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the language goes beyond QLDB's.
    pub(crate) fn extensions(&self) -> bool {
        self.extensions.load(Ordering::Relaxed)
    }

    pub(crate) fn set_extensions(&self, extensions: bool) {
        self.extensions.store(extensions, Ordering::Relaxed);
    }

    /// The time that is written: never before the last block's, whatever the clock says.
    pub(crate) fn now(&self) -> i64 {
        self.environment.clock.unix_millis().max(self.snapshot().head.tip.timestamp)
    }

    /// What transactions start from.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.published.load_full()
    }

    /// Makes a newer snapshot the one that transactions start from.
    pub(crate) fn publish(&self, snapshot: Arc<Snapshot>) {
        self.published.store(snapshot);
        self.news.tell();
    }

    /// A slot that has to be there.
    pub(crate) fn read_slot(&self, slot: u64) -> Result<Slot, LedgerError> {
        let gone = || LedgerError::Damaged(format!("slot {slot} is missing"));
        decode(slot, self.slots.read(slot)?.ok_or_else(gone)?)
    }

    /// The view store.
    pub(crate) fn views(&self) -> Arc<dyn ViewStore> {
        Arc::clone(&self.views.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes this the view store, and takes writes again if it was a view that failed.
    pub(crate) fn adopt_views(&self, views: Arc<dyn ViewStore>) {
        let old = std::mem::replace(&mut *self.views.lock().unwrap_or_else(PoisonError::into_inner), views);
        old.discard();
        self.view_is_distrusted.store(false, Ordering::Relaxed);
        let mut status = self.lock_status();
        if let Status::Faulted(_) = *status {
            *status = Status::Open;
        }
    }

    /// Whether the view failed, so that another one must be built.
    pub(crate) fn view_is_distrusted(&self) -> bool {
        self.view_is_distrusted.load(Ordering::Relaxed)
    }

    /// Marks the view as failed, so that another one is built, at the latest by the next opening. Answers whether it was
    /// trusted until now.
    pub(crate) fn distrust_view(&self, why: &str) -> bool {
        self.views().distrust(why);
        let was_trusted = !self.view_is_distrusted.swap(true, Ordering::Relaxed);
        if was_trusted {
            let strand_id = self.strand_id;
            tracing::error!(%strand_id, why, "the view failed; nothing is lost: another view is built from the journal");
        }
        was_trusted
    }

    /// Whether reads on a snapshot still hold after the last block.
    pub(crate) fn validate(&self, reads: &ReadSet, snapshot: &Snapshot) -> Result<(), LedgerError> {
        lock(&self.recent).validate(reads, snapshot.head.tip.block_no, &snapshot.head.catalog)
    }

    /// How many transactions are open.
    pub(crate) fn open_transactions(&self) -> usize {
        self.open_transactions.load(Ordering::Relaxed)
    }

    /// Counts one more open transaction, unless there are as many as may be.
    pub(crate) fn open_transaction(&self) -> Result<OpenTransaction, LedgerError> {
        if self.status() == Status::Closed {
            return Err(LedgerError::Closed);
        }
        let bound = self.options.limits.open_transactions;
        let opened = OpenTransaction(Arc::clone(&self.open_transactions));
        if self.open_transactions.fetch_add(1, Ordering::Relaxed) >= bound {
            return Err(LedgerError::LimitExceeded(format!(
                "Exceeded the limit of {bound} open transactions"
            )));
        }
        Ok(opened)
    }
}

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl News {
    /// Wakes all who wait.
    pub(crate) fn tell(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    pub(crate) fn count(&self) -> u64 {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something that is told after the count was this.
    pub(crate) fn wait(&self, count: u64, timeout: Duration) {
        let told = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_timeout_while(told, timeout, |told| *told == count));
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Environment").finish_non_exhaustive()
    }
}
