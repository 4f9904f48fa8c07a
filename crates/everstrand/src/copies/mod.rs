//! Copies of ledgers: the commands that make, verify and restore them.

pub(crate) mod backup;
mod place;
mod progress;
