//! A view that forgets and fails. After a loss of power, the batches that were not persisted may be gone from some batch
//! on. A view that failed is followed by another one, and the next start uses the youngest, whole or not.

use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everstrand_ledger::storage::MemoryView;
use everstrand_ledger::storage::views::{Applied, Batch, Keyspace, ViewError, ViewSnapshot, ViewStore};
use everstrand_testkit::redb_view::RedbView;

use crate::planted;

/// A view in memory that knows which of its batches were persisted.
pub(crate) struct ForgetfulView {
    inner: Mutex<Inner>,
    /// Whether the live view lies in a B-tree.
    in_tree: bool,
}

struct Inner {
    live: Box<dyn ViewStore>,
    persisted: MemoryView,
    /// Batches since the view was persisted.
    unpersisted: Vec<(Batch, Applied)>,
    /// A snapshot that a planted bug has taken in the middle of a batch.
    early: Option<Box<dyn ViewSnapshot>>,
    /// The next commit fails.
    failing: bool,
    is_distrusted: bool,
    discarded: bool,
    /// What is being built in its place.
    successor: Option<Arc<ForgetfulView>>,
}

impl ForgetfulView {
    /// An empty view: in the B-tree of `redb`, or in a map.
    pub(crate) fn new(in_tree: bool) -> ForgetfulView {
        ForgetfulView::holding(MemoryView::new(), in_tree)
    }

    /// A view that holds, durably, what another does.
    pub(crate) fn copy_of(other: &dyn ViewStore, in_tree: bool) -> ForgetfulView {
        let copy = MemoryView::new();
        fill(&copy, other);
        ForgetfulView::holding(copy, in_tree)
    }

    fn holding(persisted: MemoryView, in_tree: bool) -> ForgetfulView {
        let live: Box<dyn ViewStore> = match in_tree {
            true => Box::new(RedbView::in_memory().expect("memory takes every tree")),
            false => Box::new(MemoryView::new()),
        };
        fill(&*live, &persisted);
        let inner = Inner {
            persisted,
            live,
            unpersisted: Vec::new(),
            early: None,
            failing: false,
            is_distrusted: false,
            discarded: false,
            successor: None,
        };
        ForgetfulView { inner: Mutex::new(inner), in_tree }
    }

    /// The view that replaces this one now or later, if any.
    pub(crate) fn successor(&self) -> Option<Arc<ForgetfulView>> {
        self.inner().successor.clone().filter(|successor| !successor.inner().discarded)
    }

    /// Whether another has taken its place.
    pub(crate) fn is_discarded(&self) -> bool {
        self.inner().discarded
    }

    /// Whether it was distrusted, so that the next start begins an empty one.
    pub(crate) fn is_distrusted(&self) -> bool {
        self.inner().is_distrusted
    }

    /// How many batches a loss of power might forget.
    pub(crate) fn unpersisted(&self) -> usize {
        self.inner().unpersisted.len()
    }

    /// The view that is found after the process or the machine went down, if the first `kept` batches of those that were
    /// not persisted are left. It is a separate view, because the dead process may still hold this one.
    pub(crate) fn after_crash(&self, kept: usize) -> ForgetfulView {
        let inner = self.inner();
        let left = MemoryView::new();
        fill(&left, &inner.persisted);
        for (batch, applied) in inner.unpersisted.iter().take(kept).cloned() {
            left.commit(&batch, applied).expect("a view in memory takes every batch");
        }
        ForgetfulView::holding(left, self.in_tree)
    }

    /// Lets the next commit fail, as a full disk does.
    pub(crate) fn fail_next(&self) {
        self.inner().failing = true;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many entries there are in all indexes.
pub(crate) fn index_entries(view: &dyn ViewStore) -> usize {
    let snapshot = view.snapshot().expect("a view in memory answers");
    let all = snapshot.range(Keyspace::Indexes, Bound::Unbounded, Bound::Unbounded, false, usize::MAX);
    all.expect("a view in memory answers").len()
}

/// Puts all entries of a view into an empty one.
pub(crate) fn fill(empty: &dyn ViewStore, view: &dyn ViewStore) {
    let applied = view.applied().expect("a view in memory answers");
    let Some(applied) = applied else { return };
    let snapshot = view.snapshot().expect("a view in memory answers");
    let mut batch = Batch::default();
    for keyspace in Keyspace::ALL {
        let all = snapshot.range(keyspace, Bound::Unbounded, Bound::Unbounded, false, usize::MAX);
        for (key, value) in all.expect("a view in memory answers") {
            batch.put(keyspace, key, value);
        }
    }
    empty.commit(&batch, applied).expect("a view in memory takes every batch");
}

impl ViewStore for ForgetfulView {
    fn applied(&self) -> Result<Option<Applied>, ViewError> {
        self.inner().live.applied()
    }

    fn commit(&self, batch: &Batch, applied: Applied) -> Result<(), ViewError> {
        let mut inner = self.inner();
        if std::mem::take(&mut inner.failing) {
            return Err(ViewError("no space left".to_owned()));
        }
        let parts = planted::parts(batch);
        let last = parts.len() - 1;
        for (number, part) in parts.into_iter().enumerate() {
            inner.live.commit(&part, applied)?;
            inner.unpersisted.push((part, applied));
            if number < last && planted::is_loose("snapshot-during-a-commit") {
                inner.early = Some(inner.live.snapshot()?);
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn ViewSnapshot>, ViewError> {
        let mut inner = self.inner();
        let early = inner.early.take();
        early.map_or_else(|| inner.live.snapshot(), Ok)
    }

    fn persist(&self) -> Result<(), ViewError> {
        let mut inner = self.inner();
        for (batch, applied) in std::mem::take(&mut inner.unpersisted) {
            inner.persisted.commit(&batch, applied)?;
        }
        Ok(())
    }

    fn distrust(&self, _why: &str) {
        self.inner().is_distrusted = true;
    }

    fn fresh(&self) -> Result<Option<Arc<dyn ViewStore>>, ViewError> {
        let fresh = Arc::new(ForgetfulView::new(self.in_tree));
        self.inner().successor = Some(Arc::clone(&fresh));
        Ok(Some(fresh))
    }

    /// True as for engines on disk, so that the view is replaced after a redaction.
    fn keeps_what_was_removed(&self) -> bool {
        true
    }

    fn discard(&self) {
        self.inner().discarded = true;
    }

    fn wipe(&self) -> Result<(), ViewError> {
        let mut inner = self.inner();
        inner.is_distrusted = false;
        inner.unpersisted.clear();
        inner.persisted.wipe()?;
        inner.live.wipe()
    }
}
