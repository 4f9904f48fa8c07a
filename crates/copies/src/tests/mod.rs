//! Copies of random histories, by copiers that die, of sources that empty their slots at any later time.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod backup;
mod history;
mod restore;
