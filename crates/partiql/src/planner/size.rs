//! The sizes of sources, as far as they are known.

use std::collections::HashMap;
use std::sync::Arc;

use crate::tables::Source;

/// How many rows a table is taken to have if the tables do not say.
const ROWS_UNKNOWN: f64 = 1000.0;

/// How many rows any other source is taken to have.
const ELEMENTS: f64 = 10.0;

/// About how many rows there are, and whether the tables say so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) rows: f64,
    pub(super) is_known: bool,
}

impl Size {
    /// The size of a table if the tables do not say.
    pub(super) const UNKNOWN: Size = Size { rows: ROWS_UNKNOWN, is_known: false };

    /// The size of a source that is no table.
    pub(super) const ELEMENTS: Size = Size { rows: ELEMENTS, is_known: false };

    /// The number that EXPLAIN shows.
    pub(super) fn shown(self) -> Option<u64> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "estimates are not negative"
        )]
        self.is_known.then(|| self.rows.ceil() as u64)
    }
}

/// The sizes of tables that the planner asked for.
#[derive(Default)]
pub(super) struct Sizes {
    pub(super) asked: HashMap<(Arc<str>, bool), (Source, Option<u64>)>,
}

impl Sizes {
    /// The tables and their sizes. A plan rests on them.
    pub(super) fn into_known(self) -> Vec<(Source, Option<u64>)> {
        self.asked.into_values().collect()
    }
}
