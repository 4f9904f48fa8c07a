//! Window functions: they have a value for each row, computed from the rows around it.

use std::sync::Arc;

use super::{Expression, Node, SortTerm};
pub use crate::ast::{Frame, FrameBound, FrameUnit};
use crate::expression::AggregateFunction;
use crate::position::Position;

/// The same rows in the same order, each with the values of window functions. All rows are held meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The node whose rows are seen.
    pub input: Node,
    /// The functions, together where they see the rows in the same order.
    pub orders: Vec<WindowOrder>,
}

/// Functions that see the rows in the same partitions and the same order.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowOrder {
    /// Rows with equal values form a partition. NULL and MISSING are equal.
    pub partition: Vec<Expression>,
    /// The order of the rows of a partition. Rows that are equal in it are *peers*; without terms all rows are.
    pub order: Vec<SortTerm>,
    /// The functions.
    pub functions: Vec<WindowFunction>,
}

/// A window function.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowFunction {
    /// What it computes.
    pub kind: WindowKind,
    /// The arguments.
    pub arguments: Vec<Expression>,
    /// The condition that a row must meet to be aggregated.
    pub filter: Option<Expression>,
    /// The rows that it sees, if it looks at a frame. The number of rows in a bound reads no slot.
    pub frame: Frame<Expression>,
    /// The slot that it fills.
    pub slot: usize,
    /// The name of the slot. EXPLAIN shows it.
    pub name: Arc<str>,
    /// Where the call stands. Errors name it.
    pub position: Position,
}

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

impl Window {
    /// Calls back for each expression over the frame of the rows.
    pub(crate) fn for_each_expression<'p>(&'p self, visit: &mut dyn FnMut(&'p Expression)) {
        for WindowOrder { partition, order, functions } in &self.orders {
            partition.iter().for_each(&mut *visit);
            order.iter().for_each(|term| visit(&term.value));
            for function in functions {
                function.arguments.iter().chain(&function.filter).for_each(&mut *visit);
            }
        }
    }
}
