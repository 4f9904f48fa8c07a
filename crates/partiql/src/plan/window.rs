//! What window functions compute.

use crate::expression::AggregateFunction;

/// What a window function computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKind {
    /// The number of the row in its partition.
    RowNumber,
    /// One more than the number of rows before the row and its peers.
    Rank,
    /// One more than the number of different peers before the row.
    DenseRank,
    /// The number of the row's part, if the partition is cut into so many equal parts.
    Ntile,
    /// The argument at a row before, by default the row just before.
    Lag,
    /// The argument at a row after, by default the row just after.
    Lead,
    /// The argument at the first row of the frame.
    FirstValue,
    /// The argument at the last row of the frame.
    LastValue,
    /// An aggregate of the rows of the frame.
    Aggregate(AggregateFunction),
}

impl WindowKind {
    /// The name in a statement.
    pub(crate) fn name(self) -> String {
        match self {
            WindowKind::RowNumber => "ROW_NUMBER".to_owned(),
            WindowKind::Rank => "RANK".to_owned(),
            WindowKind::DenseRank => "DENSE_RANK".to_owned(),
            WindowKind::Ntile => "NTILE".to_owned(),
            WindowKind::Lag => "LAG".to_owned(),
            WindowKind::Lead => "LEAD".to_owned(),
            WindowKind::FirstValue => "FIRST_VALUE".to_owned(),
            WindowKind::LastValue => "LAST_VALUE".to_owned(),
            WindowKind::Aggregate(function) => function.to_string(),
        }
    }

    /// Whether the function looks at a frame.
    pub(crate) fn has_frame(self) -> bool {
        matches!(self, WindowKind::FirstValue | WindowKind::LastValue | WindowKind::Aggregate(_))
    }
}
