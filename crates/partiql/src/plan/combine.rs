//! Nodes that put the rows of two inputs together: UNION and its like, and FULL JOIN.

use std::ops::Range;

use super::{Expression, Node, QueryPlan};
pub use crate::ast::SetOperator;

/// The results of two queries as rows. Both queries have the frame of this node around them and not within, as the
/// query of this node itself has.
#[derive(Clone, Debug, PartialEq)]
pub struct Combine {
    /// Which results are yielded.
    pub operator: SetOperator,
    /// Whether equal results are kept as often as they come. If not, MISSING becomes NULL.
    pub all: bool,
    /// The query whose results come first.
    pub left: QueryPlan,
    /// The other query.
    pub right: QueryPlan,
    /// The slots to fill: one for each item of a select list, or one for the whole result.
    pub slots: usize,
    /// Whether results are select lists. They are compared item by item.
    pub is_list: bool,
}

/// All pairs of rows that match, each left row without a match, and then each right row without a match. The right
/// side reads no slot of the left side. It is read once.
#[derive(Clone, Debug, PartialEq)]
pub struct FullJoin {
    /// The side whose rows are looked up.
    pub left: Node,
    /// The side that is held.
    pub right: Node,
    /// The values that must be equal, of the left and of the right row. NULL and MISSING equal nothing.
    pub keys: Vec<(Expression, Expression)>,
    /// A further condition that a pair of rows must meet.
    pub condition: Option<Expression>,
    /// The slots that the left side fills. They are NULL for a right row without a match.
    pub left_slots: Range<usize>,
    /// The slots that the right side fills. They are NULL for a left row without a match.
    pub right_slots: Range<usize>,
}
