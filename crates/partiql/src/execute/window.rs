//! Window functions: holds all rows, and computes a value for each from the rows of its partition.

use crate::buffered_bytes::Charge;
use crate::datum::Datum;
use crate::datum::value_ref::ValueKind;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::execute::frame::{self, Frame, Input, OuterScope};
use crate::execute::partition::{PURPOSE, Partition, Placed, peers_of, placed};
use crate::execute::sliding::{Bounds, Sliding};
use crate::number::Number;
use crate::plan::{Expression, FrameBound, FrameUnit, Window, WindowFunction, WindowKind, WindowOrder};

/// The state of the window functions of a query. They read all rows before the first is yielded.
#[derive(Debug)]
pub(crate) struct WindowState<I> {
    input: I,
    rows: Option<std::vec::IntoIter<Frame>>,
    charge: Option<Charge>,
}

impl<I: Input> WindowState<I> {
    pub(crate) fn new(input: I) -> WindowState<I> {
        WindowState { input, rows: None, charge: None }
    }

    pub(crate) fn next(
        &mut self,
        plan: &Window,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        if self.rows.is_none() {
            let mut charge = context.execution.budget.charge();
            let mut rows: Vec<Frame> = Vec::new();
            while self.input.next(&plan.input, context, outer, frame)? {
                let before = rows.last().map(Vec::as_slice);
                charge.take(size_of::<Frame>() + frame::weight(frame, before), PURPOSE)?;
                rows.push(frame.clone());
            }
            for order in &plan.orders {
                compute(order, &mut rows, &mut charge, context, outer)?;
            }
            self.charge = Some(charge);
            self.rows = Some(rows.into_iter());
        }
        let Some(row) = self.rows.as_mut().and_then(Iterator::next) else {
            self.charge = None;
            return Ok(false);
        };
        *frame = row;
        Ok(true)
    }
}

/// Fills the slots of functions that see the rows in the same order.
fn compute(
    plan: &WindowOrder,
    rows: &mut [Frame],
    held: &mut Charge,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
) -> Result<(), PartiqlError> {
    let mut charge = context.execution.budget.charge();
    let places = placed(plan, rows, &mut charge, context, outer)?;
    let mut start = 0;
    while start < places.len() {
        let is_other = |place: &Placed| place.partition != places[start].partition;
        let end = start + places[start..].iter().position(is_other).unwrap_or(places.len() - start);
        let partition = &places[start..end];
        charge.take(size_of::<(usize, usize)>() * partition.len(), PURPOSE)?;
        let peers = peers_of(plan, partition, context)?;
        for function in &plan.functions {
            let seen = Partition { rows, places: partition, peers: &peers, outer };
            let values = values_of(function, &seen, held, context)?;
            for (place, value) in partition.iter().zip(values) {
                rows[place.row][function.slot] = value;
            }
        }
        start = end;
    }
    Ok(())
}

/// The values of a function for the rows of a partition.
fn values_of(
    function: &WindowFunction,
    partition: &Partition<'_>,
    held: &mut Charge,
    context: &mut Context<'_>,
) -> Result<Vec<Datum>, PartiqlError> {
    let mut values = Vec::with_capacity(partition.len());
    let parts = match function.kind {
        WindowKind::Ntile => parts_of(function, partition, context)?,
        _ => None,
    };
    let bounds = FrameRows::of(function, partition, context)?;
    let mut sliding = Sliding::new(function, context);
    let mut dense_rank = 0i64;
    for at in 0..partition.len() {
        context.step()?;
        let before = context.held();
        let (first_peer, _) = partition.peers[at];
        dense_rank += i64::from(first_peer == at);
        let number = |number: usize| Datum::of(i64::try_from(number).unwrap_or(i64::MAX));
        let value = match function.kind {
            WindowKind::RowNumber => number(at + 1),
            WindowKind::Rank => number(first_peer + 1),
            WindowKind::DenseRank => Datum::of(dense_rank),
            WindowKind::Ntile => match parts {
                Some(parts) => number(part_of(at, partition.len(), parts)),
                None => Datum::null(),
            },
            WindowKind::Lag => neighbour(function, partition, at, false, context)?,
            WindowKind::Lead => neighbour(function, partition, at, true, context)?,
            WindowKind::FirstValue | WindowKind::LastValue => {
                let Bounds { start, end } = bounds.around(at, partition);
                let seen =
                    if function.kind == WindowKind::FirstValue { start } else { end.saturating_sub(1) };
                match start < end {
                    true => partition.value(seen, &function.arguments[0], context)?,
                    false => Datum::null(),
                }
            }
            WindowKind::Aggregate(_) => sliding.value(bounds.around(at, partition), partition, context)?,
        };
        let value = if value.is_missing() { Datum::null() } else { value };
        held.take(value.weight_below(), PURPOSE)?;
        context.release(before);
        values.push(value);
    }
    Ok(values)
}

/// The rows that the frame of a function has around each row, with the numbers in its bounds computed.
struct FrameRows {
    unit: FrameUnit,
    start: FrameBound<usize>,
    end: FrameBound<usize>,
}

impl FrameRows {
    fn of(
        function: &WindowFunction,
        partition: &Partition<'_>,
        context: &mut Context<'_>,
    ) -> Result<FrameRows, PartiqlError> {
        let mut bound = |bound: &FrameBound<Expression>| {
            let rows = match bound.offset() {
                Some(rows) => Some(count(function, partition.value(0, rows, context)?)?),
                None => None,
            };
            Ok::<_, PartiqlError>(match bound {
                FrameBound::UnboundedPreceding => FrameBound::UnboundedPreceding,
                FrameBound::Preceding(_) => FrameBound::Preceding(rows.unwrap_or(0)),
                FrameBound::CurrentRow => FrameBound::CurrentRow,
                FrameBound::Following(_) => FrameBound::Following(rows.unwrap_or(0)),
                FrameBound::UnboundedFollowing => FrameBound::UnboundedFollowing,
            })
        };
        let frame = &function.frame;
        Ok(FrameRows { unit: frame.unit, start: bound(&frame.start)?, end: bound(&frame.end)? })
    }

    fn around(&self, at: usize, partition: &Partition<'_>) -> Bounds {
        let (first_peer, end_of_peers) = match self.unit {
            FrameUnit::Rows => (at, at + 1),
            FrameUnit::Range => partition.peers[at],
        };
        let all = partition.len();
        let start = match self.start {
            FrameBound::UnboundedPreceding => 0,
            FrameBound::Preceding(rows) => at.saturating_sub(rows),
            FrameBound::CurrentRow => first_peer,
            FrameBound::Following(rows) => at.saturating_add(rows),
            FrameBound::UnboundedFollowing => all,
        };
        let end = match self.end {
            FrameBound::UnboundedPreceding => 0,
            FrameBound::Preceding(rows) => (at + 1).saturating_sub(rows),
            FrameBound::CurrentRow => end_of_peers,
            FrameBound::Following(rows) => at.saturating_add(rows).saturating_add(1),
            FrameBound::UnboundedFollowing => all,
        };
        let start = start.min(all);
        Bounds { start, end: end.clamp(start, all) }
    }
}

/// How many parts NTILE cuts a partition into. `None` if the number is NULL.
fn parts_of(
    function: &WindowFunction,
    partition: &Partition<'_>,
    context: &mut Context<'_>,
) -> Result<Option<usize>, PartiqlError> {
    let parts = partition.value(0, &function.arguments[0], context)?;
    if parts.is_unknown() {
        return Ok(None);
    }
    match count(function, parts)? {
        0 => Err(PartiqlError::evaluator(
            Some(function.position),
            "NTILE takes an integer that is greater than 0",
        )),
        parts => Ok(Some(parts)),
    }
}

/// The number of the part that a row is in. The first parts have a row more if the rows cannot be divided equally.
fn part_of(at: usize, rows: usize, parts: usize) -> usize {
    let (size, more) = (rows / parts, rows % parts);
    let in_larger = more * (size + 1);
    if at < in_larger { at / (size + 1) + 1 } else { more + (at - in_larger) / size.max(1) + 1 }
}

/// The value of LAG and LEAD.
fn neighbour(
    function: &WindowFunction,
    partition: &Partition<'_>,
    at: usize,
    is_after: bool,
    context: &mut Context<'_>,
) -> Result<Datum, PartiqlError> {
    let distance = match function.arguments.get(1) {
        None => 1,
        Some(distance) => {
            let distance = partition.value(at, distance, context)?;
            if distance.is_unknown() {
                return Ok(Datum::null());
            }
            integer(function, &distance)?
        }
    };
    let here = i64::try_from(at).unwrap_or(i64::MAX);
    let place = if is_after { here.saturating_add(distance) } else { here.saturating_sub(distance) };
    match usize::try_from(place).ok().filter(|place| *place < partition.len()) {
        Some(place) => partition.value(place, &function.arguments[0], context),
        None => match function.arguments.get(2) {
            Some(default) => partition.value(at, default, context),
            None => Ok(Datum::null()),
        },
    }
}

/// A number of rows: an integer that is not negative.
fn count(function: &WindowFunction, value: Datum) -> Result<usize, PartiqlError> {
    usize::try_from(integer(function, &value)?).map_err(|_| {
        let text =
            format!("{} takes an integer that is not negative as a number of rows", function.kind.name());
        PartiqlError::evaluator(Some(function.position), text)
    })
}

fn integer(function: &WindowFunction, value: &Datum) -> Result<i64, PartiqlError> {
    let number = match value.kind() {
        ValueKind::Number(Number::Int(int)) => {
            int.as_i64().or(Some(if int.is_negative() { i64::MIN } else { i64::MAX }))
        }
        _ => None,
    };
    number.ok_or_else(|| {
        let text = format!("{} takes an integer as a number of rows", function.kind.name());
        PartiqlError::evaluator(Some(function.position), text)
    })
}
