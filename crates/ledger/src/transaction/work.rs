//! What a transaction has read and written so far.

use super::found::Found;
use super::write_set::WriteSet;
use crate::occ::read_set::ReadSet;

/// What a transaction has read and written so far.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) reads: ReadSet,
    pub(crate) writes: WriteSet,
    pub(super) found: Found,
}

impl Work {
    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.reads.bytes() + self.writes.kept_bytes()
    }
}
