//! What a transaction hands to the committer.

use everstrand_journal::Draft;

use super::future::Committed;
use super::validate::Touched;
use crate::transaction::read_set::ReadSet;

/// A transaction that is over for its author, with everything prepared that can be before its place
/// in the journal is known.
#[derive(Debug)]
pub(crate) struct Proposal {
    /// The answer, but for the block.
    pub(crate) committed: Committed,
    /// The last block of its snapshot.
    pub(crate) since: u64,
    pub(crate) reads: ReadSet,
    pub(crate) touched: Touched,
    pub(crate) draft: Draft,
}
