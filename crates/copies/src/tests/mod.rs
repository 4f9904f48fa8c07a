//! Copies of random histories, by copiers that die, of sources that empty their slots at any later time.

mod backup;
mod history;
mod restore;
mod sealed;
