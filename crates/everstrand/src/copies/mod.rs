//! Copies of ledgers: the commands that make, verify and restore them.

pub(crate) mod backup;
pub(crate) mod between;
pub(crate) mod drill;
mod place;
pub(crate) mod restore;
