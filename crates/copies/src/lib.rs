//! Copies of ledgers: made while a server runs, verified without one, restored to any block.
//!
//! A copy is a journal in a place of its own, a [`SharedStore`]: a folder, a bucket or a database. It has the slots of
//! its source, created in order and each only once, so it is a beginning of the source's journal whenever the copying
//! stops. What the copy's own slots say is redacted is taken out of its slots once the slot that says so is there.
//! `docs/decisions/0003-many-servers.md` has the rules (13 and 16), and `models/copies.py` searches them.
//!
//! Nothing here touches a disk or a socket: stores do.
//!
//! [`SharedStore`]: everstrand_ledger::storage::SharedStore

mod backup;
mod copy;
mod error;
mod planted;
mod restore;
mod slots;
mod sweep;
mod verify;
mod watch;

#[cfg(test)]
mod tests;

pub use backup::{Backup, Run};
pub use copy::{Copies, Copy, Known, Mark, Origin};
pub use error::CopyError;
pub use restore::{Point, Restore, Restored};
pub use verify::{Emptied, Standing, Verdict, Verified, verify};
pub use watch::{Watcher, Way};
