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
