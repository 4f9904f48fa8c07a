//! Joins: nested loops, and a hash table of the right side if its rows do not depend on the left side.

use std::collections::HashMap;
use std::ops::Range;

use crate::buffered_bytes::Charge;
use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::eval::expression::evaluate;
use crate::execute::frame::{self, Frame, Input, OuterScope};
use crate::key;
use crate::plan::{Expression, JoinKind, Node};

/// The state of a nested loop.
#[derive(Debug)]
pub(crate) struct JoinState<I> {
    left: I,
    right: I,
    /// Whether a row of the left side stands in the frame.
    has_left: bool,
    /// Whether a row of the right side has matched it.
    is_matched: bool,
}

impl<I: Input> JoinState<I> {
    pub(crate) fn new(left: I, right: I) -> JoinState<I> {
        JoinState { left, right, has_left: false, is_matched: false }
    }

    pub(crate) fn next(
        &mut self,
        node: &Node,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        let Node::Join { left, right, kind, condition, right_slots } = node else {
            unreachable!("a state is made of its node");
        };
        loop {
            if !self.has_left {
                if !self.left.next(left, context, outer, frame)? {
                    return Ok(false);
                }
                self.has_left = true;
                self.is_matched = false;
                self.right = I::start(right);
            }
            // The loop goes on here after each pair: the state remembers the left row, the frame holds it.
            while self.right.next(right, context, outer, frame)? {
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
}

/// The state of a hash join.
#[derive(Debug)]
pub(crate) struct HashJoinState<I> {
    left: I,
    right: I,
    table: Option<Table>,
    /// The rows of the right side with the key of the left row that have not been tried yet.
    candidates: Range<usize>,
    candidate_key: Vec<u8>,
    has_left: bool,
    is_matched: bool,
}

/// The rows of the right side. They are read once.
#[derive(Debug)]
struct Table {
    /// The rows of each key, in the order in which they came.
    rows: HashMap<Vec<u8>, Vec<Vec<Datum>>>,
    /// The read I/Os of reading the right side once. A nested loop has them again for each row of the left side.
    read_ios: u64,
    _charge: Charge,
}

impl<I: Input> HashJoinState<I> {
    pub(crate) fn new(left: I, right: I) -> HashJoinState<I> {
        HashJoinState {
            left,
            right,
            table: None,
            candidates: 0..0,
            candidate_key: Vec::new(),
            has_left: false,
            is_matched: false,
        }
    }

    pub(crate) fn next(
        &mut self,
        node: &Node,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        let Node::HashJoin { left, right, kind, keys, condition, right_slots } = node else {
            unreachable!("a state is made of its node");
        };
        loop {
            if !self.has_left {
                if !self.left.next(left, context, outer, frame)? {
                    return Ok(false);
                }
                self.has_left = true;
                self.is_matched = false;
                // The table is read with the first row of the left side: without such a row nothing is read, as in a
                // loop.
                match &self.table {
                    Some(table) => context.execution.read_ios += table.read_ios,
                    None => {
                        let wanted = || keys.iter().map(|(_, right)| right);
                        let mut build = frame.clone();
                        let table =
                            read(&mut self.right, right, wanted, right_slots, context, outer, &mut build)?;
                        self.table = Some(table);
                    }
                }
                let key = key_of(keys.iter().map(|(left, _)| left), context, outer, frame)?;
                let table = self.table.as_ref().expect("read above");
                self.candidate_key = key.unwrap_or_default();
                self.candidates = 0..table.rows.get(&self.candidate_key).map_or(0, Vec::len);
            }
            let table = self.table.as_ref().expect("read with the first row of the left");
            for candidate in self.candidates.by_ref() {
                context.step()?;
                let row = &table.rows[&self.candidate_key][candidate];
                frame[right_slots.clone()].clone_from_slice(row);
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
}

fn read<'k, K: Iterator<Item = &'k Expression>>(
    state: &mut impl Input,
    right: &Node,
    keys: impl Fn() -> K,
    slots: &Range<usize>,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &mut Frame,
) -> Result<Table, PartiqlError> {
    let before = context.execution.read_ios;
    let mut charge = context.execution.budget.charge();
    let mut rows: HashMap<Vec<u8>, Vec<Vec<Datum>>> = HashMap::new();
    while state.next(right, context, outer, frame)? {
        let Some(key) = key_of(keys(), context, outer, frame)? else {
            continue;
        };
        let row = &frame[slots.clone()];
        charge.take(frame::weight(row, None) + key::weight(&key), "a join")?;
        let row = row.to_vec();
        rows.entry(key).or_default().push(row);
    }
    Ok(Table { rows, read_ios: context.execution.read_ios - before, _charge: charge })
}

/// The key of a row. `None` if a part of it is NULL or MISSING, which equal nothing.
pub(super) fn key_of<'k>(
    expressions: impl Iterator<Item = &'k Expression>,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<Vec<u8>>, PartiqlError> {
    let mut bytes = Vec::new();
    let held = context.held();
    for expression in expressions {
        let value = context.selecting(|context| evaluate(context, outer.scope(frame), expression))?;
        if value.get().is_unknown() {
            context.release(held);
            return Ok(None);
        }
        key::write_part(context, &mut bytes, value.get())?;
        drop(value);
        context.release(held);
    }
    Ok(Some(bytes))
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
