//! FULL JOIN: holds the rows of the right side and remembers which of them have matched.

use std::collections::HashMap;

use crate::buffered_bytes::Charge;
use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::eval::expression::evaluate;
use crate::execute::frame::{self, Frame, Input, OuterScope};
use crate::execute::join::{clear, joins};
use crate::key;
use crate::plan::{Expression, FullJoin};

const PURPOSE: &str = "FULL JOIN";

/// The state of a FULL JOIN.
#[derive(Debug)]
pub(crate) struct FullJoinState<I> {
    left: I,
    right: I,
    held: Option<Held>,
    /// The place of the next candidate among the rows of the left row's key.
    next: usize,
    /// The key of the left row. `None` if a part of it is NULL or MISSING.
    key: Option<Vec<u8>>,
    has_left: bool,
    is_matched: bool,
    is_left_over: bool,
}

/// The rows of the right side.
#[derive(Debug)]
struct Held {
    /// The rows in the order in which they came, each with whether it has matched.
    rows: Vec<(Vec<Datum>, bool)>,
    /// The places of the rows of each key.
    places: HashMap<Vec<u8>, Vec<usize>>,
    _charge: Charge,
}

impl<I: Input> FullJoinState<I> {
    pub(crate) fn new(left: I, right: I) -> FullJoinState<I> {
        FullJoinState {
            left,
            right,
            held: None,
            next: 0,
            key: None,
            has_left: false,
            is_matched: false,
            is_left_over: false,
        }
    }

    pub(crate) fn next(
        &mut self,
        plan: &FullJoin,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        while !self.is_left_over {
            if !self.has_left {
                if !self.left.next(&plan.left, context, outer, frame)? {
                    self.is_left_over = true;
                    self.next = 0;
                    break;
                }
                (self.has_left, self.is_matched, self.next) = (true, false, 0);
                self.key = key_of(plan.keys.iter().map(|(left, _)| left), context, outer, frame)?;
            }
            if self.matches(plan, context, outer, frame)? {
                return Ok(true);
            }
            self.has_left = false;
            if !self.is_matched {
                clear(frame, &plan.right_slots);
                return Ok(true);
            }
        }
        clear(frame, &plan.left_slots);
        let held = self.held(plan, context, outer, frame)?;
        let rows = held.rows.len();
        while self.next < rows {
            context.step()?;
            let held = self.held.as_mut().expect("read above");
            let (row, is_matched) = &mut held.rows[self.next];
            self.next += 1;
            if !*is_matched {
                frame[plan.right_slots.clone()].clone_from_slice(row);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Moves to the next right row that matches the left row in the frame.
    fn matches(
        &mut self,
        plan: &FullJoin,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        self.held(plan, context, outer, frame)?;
        let held = self.held.as_mut().expect("read above");
        let Some(key) = &self.key else { return Ok(false) };
        let places = held.places.get(key).map_or(&[][..], Vec::as_slice);
        while let Some(place) = places.get(self.next) {
            context.step()?;
            self.next += 1;
            let (row, is_matched) = &mut held.rows[*place];
            frame[plan.right_slots.clone()].clone_from_slice(row);
            if joins(plan.condition.as_ref(), context, outer, frame)? {
                *is_matched = true;
                self.is_matched = true;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The rows of the right side, which are read the first time that they are needed.
    fn held(
        &mut self,
        plan: &FullJoin,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &Frame,
    ) -> Result<&mut Held, PartiqlError> {
        if self.held.is_none() {
            let mut build = frame.clone();
            let mut charge = context.execution.budget.charge();
            let mut rows = Vec::new();
            let mut places: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
            while self.right.next(&plan.right, context, outer, &mut build)? {
                let key = key_of(plan.keys.iter().map(|(_, right)| right), context, outer, &build)?;
                let row = &build[plan.right_slots.clone()];
                let key_bytes = key.as_ref().map_or(0, |key| key::weight(key));
                charge
                    .take(size_of::<(Vec<Datum>, bool)>() + frame::weight(row, None) + key_bytes, PURPOSE)?;
                if let Some(key) = key {
                    places.entry(key).or_default().push(rows.len());
                }
                rows.push((row.to_vec(), false));
            }
            self.held = Some(Held { rows, places, _charge: charge });
        }
        Ok(self.held.as_mut().expect("read above"))
    }
}

/// The key of a row. `None` if a part of it is NULL or MISSING, which equal nothing.
fn key_of<'k>(
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
