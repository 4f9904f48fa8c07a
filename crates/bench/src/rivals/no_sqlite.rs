//! In place of SQLite, where this program was built without it.

use std::time::Duration;

use crate::Arguments;
use crate::measure::{Failure, Sample};

/// There is none.
pub(crate) enum Sqlite {}

impl Sqlite {
    pub(crate) fn start(_: &Arguments) -> Result<Option<Sqlite>, Failure> {
        Ok(None)
    }

    pub(crate) fn description(&self) -> String {
        match *self {}
    }

    pub(crate) fn measure(&self, _: u64, _: Duration, _: u64) -> Result<Sample, Failure> {
        match *self {}
    }
}
