//! Joins: nested loops, and a hash table of the right side if its rows do not depend on the left side.

use std::ops::Range;
use std::sync::Arc;

use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::execute::frame::{self, Frame, Input, OuterScope};
use crate::execute::table::{self, Held};
use crate::hash_table::{Kept, Keyed, Matches, Table};
use crate::plan::{Expression, HashJoin, JoinKind, Node};

/// The state of a nested loop.
#[derive(Debug)]
pub(crate) struct JoinState<I> {
    left: I,
    right: I,
    held: HeldRows,
    /// Whether a row of the left side stands in the frame.
    has_left: bool,
    /// Whether a row of the right side has matched it.
    is_matched: bool,
}

/// The rows of a right side that are the same for each row of the left.
#[derive(Debug)]
enum HeldRows {
    /// No row has been read.
    NotYet,
    /// The rows that were read for the first row of the left side, so far.
    Reading(Table),
    /// All rows, and those that have not been tried yet.
    All(Table, Matches),
    /// They are read again for each row, because they depend on it or take too many bytes.
    Never,
}

impl<I: Input> JoinState<I> {
    pub(crate) fn new(left: I, right: I) -> JoinState<I> {
        JoinState { left, right, held: HeldRows::NotYet, has_left: false, is_matched: false }
    }

    pub(crate) fn next(
        &mut self,
        node: &Node,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        let Node::Join { left, right, kind, condition, right_slots, is_held, .. } = node else {
            unreachable!("a state is made of its node");
        };
        loop {
            if !self.has_left {
                if !self.left.next(left, context, outer, frame)? {
                    return Ok(false);
                }
                self.has_left = true;
                self.is_matched = false;
                match &mut self.held {
                    HeldRows::All(table, matches) => {
                        context.execution.read_ios += table.read_ios;
                        *matches = Matches::All { row: 0 };
                    }
                    HeldRows::NotYet if *is_held => {
                        let charge = context.execution.budget.charge();
                        self.held = HeldRows::Reading(Table::new(std::slice::from_ref(right_slots), charge));
                        self.right = I::start(right);
                    }
                    _ => self.right = I::start(right),
                }
            }
            // The loop goes on here after each pair: the state remembers the left row, the frame holds it.
            while self.next_right(right, right_slots, context, outer, frame)? {
                context.step()?;
                if joins(condition.as_ref(), context, outer, frame)? {
                    self.is_matched = true;
                    return Ok(true);
                }
            }
            self.has_left = false;
            if *kind == JoinKind::Left && !self.is_matched {
                clear(frame, right_slots);
                return Ok(true);
            }
        }
    }

    fn next_right(
        &mut self,
        right: &Node,
        slots: &Range<usize>,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        let slots = std::slice::from_ref(slots);
        if let HeldRows::All(table, matches) = &mut self.held {
            return Ok(table.next(matches, slots, frame));
        }
        let before = context.execution.read_ios;
        let is_row = self.right.next(right, context, outer, frame)?;
        let HeldRows::Reading(table) = &mut self.held else { return Ok(is_row) };
        table.read_ios += context.execution.read_ios - before;
        if !is_row {
            // The first row of the left side has seen all of them.
            if let HeldRows::Reading(table) = std::mem::replace(&mut self.held, HeldRows::Never) {
                self.held = HeldRows::All(table, Matches::All { row: 0 });
            }
            return Ok(false);
        }
        let bytes = frame::weight(&frame[slots[0].clone()], None);
        let is_held = table.add(Keyed::Nothing, frame, slots, bytes);
        if is_held.is_err() || table.bytes() > context.execution.budget.bytes_max() / 2 {
            self.held = HeldRows::Never;
        }
        Ok(true)
    }
}

/// The state of a hash join.
#[derive(Debug)]
pub(crate) struct HashJoinState<I> {
    left: I,
    rows: Option<RightRows<I>>,
    has_left: bool,
    is_matched: bool,
}

/// Where the right rows come from.
#[derive(Debug)]
enum RightRows<I> {
    Table(Arc<Table>, Matches),
    /// What stands in for a table that would hold too many bytes.
    Loop(I),
}

impl<I: Input> HashJoinState<I> {
    pub(crate) fn new(left: I) -> HashJoinState<I> {
        HashJoinState { left, rows: None, has_left: false, is_matched: false }
    }

    pub(crate) fn next(
        &mut self,
        join: &HashJoin,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        loop {
            if !self.has_left {
                if !self.left.next(&join.left, context, outer, frame)? {
                    return Ok(false);
                }
                self.has_left = true;
                self.is_matched = false;
                self.look_up(join, context, outer, frame)?;
            }
            while self.next_right(join, context, outer, frame)? {
                context.step()?;
                if joins(join.condition.as_ref(), context, outer, frame)? {
                    self.is_matched = true;
                    return Ok(true);
                }
            }
            self.has_left = false;
            if join.kind == JoinKind::Left && !self.is_matched {
                join.right_slots.iter().for_each(|slots| clear(frame, slots));
                return Ok(true);
            }
        }
    }

    /// Begins with the right rows for a row of the left side.
    fn look_up(
        &mut self,
        join: &HashJoin,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &Frame,
    ) -> Result<(), PartiqlError> {
        let table = match &self.rows {
            Some(RightRows::Table(table, _)) => {
                context.execution.read_ios += table.read_ios;
                Some(Arc::clone(table))
            }
            Some(RightRows::Loop(_)) => None,
            // The table is read with the first row of the left side: without such a row nothing is read, as in a loop.
            None => table_of::<I>(join, context, outer, frame)?,
        };
        self.rows = Some(match (table, &join.otherwise) {
            (Some(table), _) => {
                let matches = table::matches(&table, &join.keys, context, outer, frame)?;
                RightRows::Table(table, matches)
            }
            (None, Some(otherwise)) => RightRows::Loop(I::start(otherwise)),
            (None, None) => unreachable!("without something else a table that is too large is an error"),
        });
        Ok(())
    }

    fn next_right(
        &mut self,
        join: &HashJoin,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        match (&mut self.rows, &join.otherwise) {
            (Some(RightRows::Table(table, matches)), _) => Ok(table.next(matches, &join.right_slots, frame)),
            (Some(RightRows::Loop(state)), Some(otherwise)) => state.next(otherwise, context, outer, frame),
            _ => unreachable!("the rows are looked up with the row of the left"),
        }
    }
}

/// The table of the right side. `None` if it would hold too many bytes and something else can stand in for it.
fn table_of<I: Input>(
    join: &HashJoin,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<Arc<Table>>, PartiqlError> {
    let address = std::ptr::from_ref(join).addr();
    if let Some(Kept::Table(table)) = context.execution.tables.get(&address) {
        let table = Arc::clone(table);
        context.execution.read_ios += table.read_ios;
        return Ok(Some(table));
    }
    let held = Held { node: &join.right, keys: &join.keys, slots: &join.right_slots };
    let table = held.read::<I>(join.otherwise.is_some(), context, outer, frame)?.map(Arc::new);
    if let Some(table) = &table
        && join.is_kept
    {
        context.execution.tables.insert(address, Kept::Table(Arc::clone(table)));
    }
    Ok(table)
}

pub(super) fn joins(
    condition: Option<&Expression>,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<bool, PartiqlError> {
    match condition {
        Some(condition) => outer.holds(context, frame, condition),
        None => Ok(true),
    }
}

pub(super) fn clear(frame: &mut Frame, slots: &Range<usize>) {
    frame[slots.clone()].fill(Datum::Unmatched);
}
