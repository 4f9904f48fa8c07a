//! What the committer gets of a transaction.

use std::sync::Arc;

use everstrand_journal::Draft;
use everstrand_partiql::Charge;

use super::future::Committed;
use crate::occ::read_set::ReadSet;
use crate::occ::recent_writes::Footprint;
use crate::state::snapshot::Snapshot;

/// A transaction that asks to be committed. Everything is prepared that does not depend on its place in the journal.
pub(crate) struct Proposal {
    /// The answer, without the block's address.
    pub(crate) committed: Committed,
    /// What it read. It keeps the snapshot alive, so that no younger write is forgotten before it is validated.
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) reads: ReadSet,
    pub(crate) footprint: Footprint,
    pub(crate) draft: Draft,
    /// Counts what the transaction keeps, until it is in a group.
    pub(crate) kept: Charge,
}
