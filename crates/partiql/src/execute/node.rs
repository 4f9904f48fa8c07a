//! The nodes of a query while they run. A node's state holds no reference to its plan, to the tables or
//! to its rows' source: it can rest between two pages for as long as the client likes.
//!
//! [`start`] makes the state of a node, [`next`] moves it to its next row, whose values stand in the
//! frame afterwards.

use everstrand_ion::Document;

use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::expression::{self, Scope};
use crate::execute::context::Context;
use crate::execute::group::GroupState;
use crate::execute::iterate::IterateState;
use crate::execute::join::{HashJoinState, JoinState};
use crate::execute::scan::ScanState;
use crate::execute::sort::SortState;
use crate::plan::{Expression, Node};

/// The slots of one query level.
pub(crate) type Frame = Vec<Datum>;

/// What lies around the rows of one query level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Around<'a> {
    pub(crate) outer: Option<&'a Scope<'a>>,
    pub(crate) parameters: &'a [Document],
}

impl<'a> Around<'a> {
    /// What an expression over this frame can see.
    pub(crate) fn scope<'s>(self, frame: &'s [Datum]) -> Scope<'s>
    where
        'a: 's,
    {
        Scope { frame, outer: self.outer, parameters: self.parameters }
    }

    /// What an expression over this frame yields, owned.
    pub(crate) fn datum(
        self,
        context: &mut Context<'_>,
        frame: &[Datum],
        expression: &Expression,
    ) -> Result<Datum, PartiqlError> {
        expression::datum(context, self.scope(frame), expression)
    }

    /// What an expression over this frame yields that will be written: a type error in it is refused.
    pub(crate) fn written(
        self,
        context: &mut Context<'_>,
        frame: &[Datum],
        expression: &Expression,
    ) -> Result<Datum, PartiqlError> {
        context.with_type_errors(true, |context| self.datum(context, frame, expression))
    }

    /// Whether a condition is TRUE of this frame.
    pub(crate) fn holds(
        self,
        context: &mut Context<'_>,
        frame: &[Datum],
        condition: &Expression,
    ) -> Result<bool, PartiqlError> {
        expression::holds(context, self.scope(frame), condition)
    }
}

/// The state of a node.
#[derive(Debug)]
pub(crate) enum State {
    Scan(ScanState),
    Iterate(IterateState),
    Join(Box<JoinState>),
    HashJoin(Box<HashJoinState>),
    Filter(Box<State>),
    Group(Box<GroupState>),
    Sort(Box<SortState>),
}

/// A node that has not yielded a row.
pub(crate) fn start(node: &Node) -> State {
    match node {
        Node::Scan(_) => State::Scan(ScanState::default()),
        Node::Iterate { .. } => State::Iterate(IterateState::default()),
        Node::Join { left, right, .. } => State::Join(Box::new(JoinState::new(start(left), start(right)))),
        Node::HashJoin { left, right, .. } => {
            State::HashJoin(Box::new(HashJoinState::new(start(left), start(right))))
        }
        Node::Filter { input, .. } => State::Filter(Box::new(start(input))),
        Node::Group(group) => State::Group(Box::new(GroupState::new(start(&group.input)))),
        Node::Sort { input, .. } => State::Sort(Box::new(SortState::new(start(input)))),
    }
}

/// Moves to the next row; `false` at the end.
pub(crate) fn next(
    state: &mut State,
    node: &Node,
    context: &mut Context<'_>,
    around: Around<'_>,
    frame: &mut Frame,
) -> Result<bool, PartiqlError> {
    match (state, node) {
        (State::Scan(state), Node::Scan(scan)) => state.next(scan, context, around, frame),
        (State::Iterate(state), Node::Iterate { value, unpivot, slots }) => {
            state.next(value, *unpivot, *slots, context, around, frame)
        }
        (State::Join(state), Node::Join { .. }) => state.next(node, context, around, frame),
        (State::HashJoin(state), Node::HashJoin { .. }) => state.next(node, context, around, frame),
        (State::Filter(state), Node::Filter { input, condition }) => {
            while next(state, input, context, around, frame)? {
                if around.holds(context, frame, condition)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        (State::Group(state), Node::Group(group)) => state.next(group, context, around, frame),
        (State::Sort(state), Node::Sort { input, terms }) => state.next(input, terms, context, around, frame),
        _ => unreachable!("a state is made of its node"),
    }
}

/// Roughly how many bytes a row takes besides the documents that it shares with the row before.
pub(crate) fn weight(frame: &[Datum], before: Option<&[Datum]>) -> usize {
    let address = |datum: &Datum| match datum {
        Datum::Slice(slice) => Some(slice.document().as_bytes().as_ptr().addr()),
        _ => None,
    };
    frame
        .iter()
        .enumerate()
        .map(|(slot, datum)| match address(datum) {
            Some(here) if before.is_some_and(|before| address(&before[slot]) == Some(here)) => {
                size_of::<Datum>()
            }
            _ => datum.weight(),
        })
        .sum()
}
