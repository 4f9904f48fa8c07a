//! Optimistic concurrency control: what transactions read and wrote, and whether the two conflict.

pub(crate) mod changed;
pub(crate) mod read_set;
pub(crate) mod recent_writes;
