//! Calls with clauses after their parentheses: FILTER and OVER.

use super::{Clause, Expression, FunctionForm, OrderTerm, Position, Written};
use crate::expression::{Located, Parts};

/// `function(…) [FILTER (WHERE e)] [OVER (…)]` with at least one of the clauses. An extension.
#[derive(Clone, Debug, PartialEq)]
pub struct ClausedCall {
    /// The function.
    pub function: FunctionForm,
    /// The arguments.
    pub arguments: Vec<Expression>,
    /// The condition that a row must meet to be aggregated.
    pub filter: Option<Clause>,
    /// The window. With it the function has a value for each row, without it one for each group.
    pub over: Option<Window>,
    /// Where the function's name stands.
    pub position: Position,
}

/// `OVER ([PARTITION BY e, …] [ORDER BY term, …] [frame])`
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Rows with equal values form a partition.
    pub partition: Vec<Expression>,
    /// The order of the rows of a partition.
    pub order: Vec<OrderTerm>,
    /// The rows around a row that the function sees, if they are given.
    pub frame: Option<Frame<Expression>>,
    /// Where the parenthesis after OVER stands.
    pub position: Position,
}

/// `ROWS | RANGE BETWEEN start AND end`
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<E> {
    /// What the bounds count.
    pub unit: FrameUnit,
    /// The first row.
    pub start: FrameBound<E>,
    /// The last row.
    pub end: FrameBound<E>,
}

/// What the bounds of a frame count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameUnit {
    /// Single rows.
    Rows,
    /// Rows that are equal in the order of the window. They are in a frame together or not at all.
    Range,
}

/// A bound of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum FrameBound<E> {
    /// The first row of the partition.
    UnboundedPreceding,
    /// So many rows before the current row.
    Preceding(E),
    /// The current row.
    CurrentRow,
    /// So many rows after the current row.
    Following(E),
    /// The last row of the partition.
    UnboundedFollowing,
}

impl<E> FrameBound<E> {
    /// The number of rows, if the bound gives one.
    pub(crate) fn offset(&self) -> Option<&E> {
        match self {
            FrameBound::Preceding(rows) | FrameBound::Following(rows) => Some(rows),
            _ => None,
        }
    }

    /// A place in the order in which the bounds of a frame must come.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            FrameBound::UnboundedPreceding => 0,
            FrameBound::Preceding(_) => 1,
            FrameBound::CurrentRow => 2,
            FrameBound::Following(_) => 3,
            FrameBound::UnboundedFollowing => 4,
        }
    }
}

impl Parts<Written> for ClausedCall {
    fn for_each_part<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        self.arguments.iter().for_each(&mut *visit);
        self.filter.iter().for_each(|filter| visit(&filter.value));
        if let Some(Window { partition, order, frame, .. }) = &self.over {
            partition.iter().for_each(&mut *visit);
            order.iter().for_each(|term| visit(&term.value));
            let bounds = frame.iter().flat_map(|frame| [&frame.start, &frame.end]);
            bounds.filter_map(FrameBound::offset).for_each(visit);
        }
    }
}

impl Located for ClausedCall {
    fn position(&self) -> Position {
        self.position
    }
}
