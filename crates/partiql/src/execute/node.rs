//! The state of the nodes of a query while they run. It holds no reference to the plan or to the tables, so that it can
//! be kept between two pages for as long as the client likes.
//!
//! [`Input::start`] makes the state of a node. [`Input::next`] moves it to the next row, whose values then stand in the
//! frame.

use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::execute::combine::CombineState;
use crate::execute::frame::{Frame, Input, OuterScope};
use crate::execute::full_join::FullJoinState;
use crate::execute::group::GroupState;
use crate::execute::iterate::IterateState;
use crate::execute::join::{HashJoinState, JoinState};
use crate::execute::lookup::HashLookupState;
use crate::execute::query::QueryState;
use crate::execute::scan::ScanState;
use crate::execute::sort::SortState;
use crate::execute::window::WindowState;
use crate::plan::Node;

/// The state of a node.
#[derive(Debug)]
pub(crate) struct State {
    of: Kind,
    /// Whether it was asked for a row.
    has_begun: bool,
}

#[derive(Debug)]
enum Kind {
    /// Whether the row was yielded.
    One(bool),
    Scan(Box<ScanState>),
    Iterate(IterateState),
    Join(Box<JoinState<State>>),
    HashJoin(Box<HashJoinState<State>>),
    FullJoin(Box<FullJoinState<State>>),
    Combine(Box<CombineState<QueryState>>),
    HashLookup(Box<HashLookupState<State>>),
    Filter(Box<State>),
    Window(Box<WindowState<State>>),
    Group(Box<GroupState<State>>),
    Sort(Box<SortState<State>>),
}

impl State {
    /// Skips at most `rows` rows of a scan without reading them, and answers how many.
    pub(crate) fn skip(
        &mut self,
        node: &Node,
        rows: usize,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &Frame,
    ) -> Result<usize, PartiqlError> {
        match (&mut self.of, node) {
            (Kind::Scan(state), Node::Scan(scan)) => {
                let before = context.enter(node.into(), !std::mem::replace(&mut self.has_begun, true));
                let skipped = state.skip(scan, rows, context, outer, frame);
                context.leave(before, false);
                skipped
            }
            (Kind::Filter(state), Node::Filter { input, .. }) => {
                state.skip(input, rows, context, outer, frame)
            }
            _ => Ok(0),
        }
    }

    /// Notes how many rows of a scan are wanted at most, so that no more are read at first.
    pub(crate) fn expect(&mut self, rows: Option<usize>) {
        match &mut self.of {
            Kind::Scan(state) => state.wanted = rows,
            Kind::Filter(state) => state.expect(rows),
            _ => {}
        }
    }

    /// Whether the last row of a scan meets the filter above it, because the tables have checked that.
    fn has_checked(&self, node: &Node) -> bool {
        matches!((&self.of, node), (Kind::Scan(state), Node::Scan(scan)) if state.has_checked(scan))
    }

    /// Notes how many rows of a sort are wanted at most, so that it keeps no more.
    pub(crate) fn bound(&mut self, rows_max: usize) {
        if let Kind::Sort(state) = &mut self.of {
            state.rows_max = Some(rows_max);
        }
    }

    fn advance(
        &mut self,
        node: &Node,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        match (&mut self.of, node) {
            (Kind::One(is_over), Node::One) => {
                context.step()?;
                Ok(!std::mem::replace(is_over, true))
            }
            (Kind::Scan(state), Node::Scan(scan)) => state.next(scan, context, outer, frame),
            (Kind::Iterate(state), Node::Iterate { value, unpivot, slots }) => {
                state.next(value, *unpivot, *slots, context, outer, frame)
            }
            (Kind::Join(state), Node::Join { .. }) => state.next(node, context, outer, frame),
            (Kind::HashJoin(state), Node::HashJoin(join)) => state.next(join, context, outer, frame),
            (Kind::HashLookup(state), Node::HashLookup(lookup)) => state.next(lookup, context, outer, frame),
            (Kind::FullJoin(state), Node::FullJoin(join)) => state.next(join, context, outer, frame),
            (Kind::Combine(state), Node::Combine(combine)) => state.next(combine, context, outer, frame),
            (Kind::Filter(state), Node::Filter { input, condition }) => {
                while state.next(input, context, outer, frame)? {
                    if state.has_checked(input) || outer.holds(context, frame, condition)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Kind::Window(state), Node::Window(window)) => state.next(window, context, outer, frame),
            (Kind::Group(state), Node::Group(group)) => state.next(group, context, outer, frame),
            (Kind::Sort(state), Node::Sort { input, terms, presorted }) => {
                state.next(input, (terms, *presorted), context, outer, frame)
            }
            _ => unreachable!("a state is made of its node"),
        }
    }
}

impl Input for State {
    fn start(node: &Node) -> State {
        let start = State::start;
        let of = match node {
            Node::One => Kind::One(false),
            Node::Scan(_) => Kind::Scan(Box::default()),
            Node::Iterate { .. } => Kind::Iterate(IterateState::default()),
            Node::Join { left, right, .. } => Kind::Join(Box::new(JoinState::new(start(left), start(right)))),
            Node::HashJoin(join) => Kind::HashJoin(Box::new(HashJoinState::new(start(&join.left)))),
            Node::HashLookup(_) => Kind::HashLookup(Box::new(HashLookupState::new())),
            Node::FullJoin(join) => {
                Kind::FullJoin(Box::new(FullJoinState::new(start(&join.left), start(&join.right))))
            }
            Node::Combine(combine) => Kind::Combine(Box::new(CombineState::new(combine))),
            Node::Filter { input, .. } => Kind::Filter(Box::new(start(input))),
            Node::Window(window) => Kind::Window(Box::new(WindowState::new(start(&window.input)))),
            Node::Group(group) => Kind::Group(Box::new(GroupState::new(start(&group.input)))),
            Node::Sort { input, .. } => Kind::Sort(Box::new(SortState::new(start(input)))),
        };
        State { of, has_begun: false }
    }

    fn next(
        &mut self,
        node: &Node,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        if context.execution.meters.is_none() {
            return self.advance(node, context, outer, frame);
        }
        let before = context.enter(node.into(), !std::mem::replace(&mut self.has_begun, true));
        let is_row = self.advance(node, context, outer, frame);
        context.leave(before, matches!(is_row, Ok(true)));
        is_row
    }
}
