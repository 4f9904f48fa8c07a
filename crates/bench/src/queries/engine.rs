//! What all engines have in common: they answer queries.

use super::list::Query;
use crate::measure::Failure;

/// One value of a row, as far as both engines have it.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(super) enum Cell {
    Null,
    Number(f64),
    Text(String),
}

/// All rows of an answer, and how many documents or rows were read for it, where the engine tells.
pub(super) struct Answer {
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) reads: Option<u64>,
}

/// Something that answers queries.
pub(super) trait Engine {
    /// The rows; `None` if it took too long.
    fn ask(&mut self, query: &Query) -> Result<Option<Answer>, Failure>;
    /// Reads all rows and looks at no value. Answers whether it came to the end.
    fn run(&mut self, query: &Query) -> Result<bool, Failure>;
}
