//! In place of SQLite, where this program was built without it.

use std::path::Path;

use super::engine::{Answer, Engine};
use super::list::Query;
use crate::measure::Failure;

/// There is none.
pub(super) enum Sqlite {}

impl Sqlite {
    pub(super) fn fill(_: &Path, _: u64, _: bool, _: &[String]) -> Result<Option<Sqlite>, Failure> {
        Ok(None)
    }
}

impl Engine for Sqlite {
    fn ask(&mut self, _: &Query) -> Result<Option<Answer>, Failure> {
        match *self {}
    }

    fn run(&mut self, _: &Query) -> Result<bool, Failure> {
        match *self {}
    }
}

/// The version of the library, which is not in this program.
pub(super) fn version() -> Option<&'static str> {
    None
}
