//! What a transaction hands to the committer.

use std::sync::Arc;

use everstrand_journal::Draft;

use super::future::Committed;
use crate::occ::read_set::ReadSet;
use crate::occ::recent_writes::Footprint;
use crate::state::snapshot::Snapshot;

/// A transaction that is over for its author, with everything prepared that can be before its place
/// in the journal is known.
pub(crate) struct Proposal {
    /// The answer, but for the block.
    pub(crate) committed: Committed,
    /// What it read. Held until it is validated, so that nothing younger is forgotten before.
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) reads: ReadSet,
    pub(crate) footprint: Footprint,
    pub(crate) draft: Draft,
}
