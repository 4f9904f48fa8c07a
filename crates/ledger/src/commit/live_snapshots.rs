//! Which published snapshots open transactions may still read. Nobody asks what changed before the oldest of them.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use crate::state::snapshot::Snapshot;

/// Published snapshots that a transaction may still read; never empty.
pub(super) struct LiveSnapshots {
    /// Oldest first.
    snapshots: VecDeque<LiveSnapshot>,
    transaction_millis: i64,
}

struct LiveSnapshot {
    /// The last block in it.
    block: u64,
    /// When it was published.
    published: i64,
    snapshot: Weak<Snapshot>,
}

impl LiveSnapshots {
    /// Begins with one snapshot. No transaction lives longer than `transaction_millis`.
    pub(super) fn new(first: &Arc<Snapshot>, transaction_millis: u64) -> LiveSnapshots {
        let transaction_millis = i64::try_from(transaction_millis).unwrap_or(i64::MAX);
        let mut live = LiveSnapshots { snapshots: VecDeque::new(), transaction_millis };
        live.add(first, i64::MIN);
        live
    }

    /// Adds the snapshot from which transactions start from now on.
    pub(super) fn add(&mut self, snapshot: &Arc<Snapshot>, published: i64) {
        let block = snapshot.head.tip.block_no;
        self.snapshots.push_back(LiveSnapshot { block, published, snapshot: Arc::downgrade(snapshot) });
    }

    /// The last block of the oldest live snapshot. An older snapshot is dead when no transaction holds it, or when
    /// all that hold it have expired because the next one was published so long ago.
    pub(super) fn oldest_block(&mut self, now: i64) -> u64 {
        while let [oldest, next, ..] = self.snapshots.make_contiguous()
            && (oldest.snapshot.strong_count() == 0
                || next.published.saturating_add(self.transaction_millis) < now)
        {
            self.snapshots.pop_front();
        }
        self.snapshots.front().map_or(0, |oldest| oldest.block)
    }
}
