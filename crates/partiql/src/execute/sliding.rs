//! An aggregate over a frame that moves forward: each row is taken in twice at most, however long the frame is.

use crate::buffered_bytes::Charge;
use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::aggregate::Accumulator;
use crate::eval::context::Context;
use crate::execute::partition::{PURPOSE, Partition};
use crate::expression::AggregateFunction;
use crate::plan::{WindowFunction, WindowKind};

/// The rows of a frame: from `start` to before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The aggregate of a frame. Neither bound may move backwards.
///
/// The rows before `middle` are aggregated from each of them up to `middle`, so that rows leave by dropping one
/// aggregate. The rows from `middle` on are aggregated together, so that rows enter by being taken in.
pub(super) struct Sliding<'p> {
    function: &'p WindowFunction,
    kind: AggregateFunction,
    /// The last one begins at the start of the frame.
    before_middle: Vec<Accumulator>,
    from_middle: Accumulator,
    middle: usize,
    bounds: Bounds,
    /// The last value, which rows with the same frame have too.
    value: Option<Datum>,
    charge: Charge,
}

impl<'p> Sliding<'p> {
    pub(super) fn new(function: &'p WindowFunction, context: &Context<'_>) -> Sliding<'p> {
        let kind = match function.kind {
            WindowKind::Aggregate(kind) => kind,
            _ => AggregateFunction::Count,
        };
        Sliding {
            function,
            kind,
            before_middle: Vec::new(),
            from_middle: Accumulator::new(kind, false),
            middle: 0,
            bounds: Bounds { start: 0, end: 0 },
            value: None,
            charge: context.execution.budget.charge(),
        }
    }

    /// The aggregate of the rows within these bounds.
    pub(super) fn value(
        &mut self,
        bounds: Bounds,
        partition: &Partition<'_>,
        context: &mut Context<'_>,
    ) -> Result<Datum, PartiqlError> {
        let refused =
            |fault: crate::eval::Fault, function: &WindowFunction| fault.at(Some(function.position));
        if bounds.start >= bounds.end {
            let empty = Accumulator::new(self.kind, false);
            return empty.finish().map_err(|fault| refused(fault, self.function));
        }
        if let (true, Some(value)) = (bounds == self.bounds, &self.value) {
            return Ok(value.clone());
        }
        while self.bounds.end < bounds.end {
            let bytes = take_in(self.function, &mut self.from_middle, self.bounds.end, partition, context)?;
            self.charge.take(bytes, PURPOSE)?;
            self.bounds.end += 1;
        }
        if bounds.start >= self.middle && bounds.start > self.bounds.start {
            self.move_middle(bounds, partition, context)?;
        } else {
            let left = bounds.start - self.bounds.start;
            self.before_middle.truncate(self.before_middle.len() - left.min(self.before_middle.len()));
        }
        self.bounds.start = bounds.start;
        let mut whole = self.before_middle.last().cloned().unwrap_or(Accumulator::new(self.kind, false));
        whole.merge(context, &self.from_middle).map_err(|fault| refused(fault, self.function))?;
        let value = whole.finish().map_err(|fault| refused(fault, self.function))?;
        self.value = Some(value.clone());
        Ok(value)
    }

    /// Makes the end of the frame the middle.
    fn move_middle(
        &mut self,
        bounds: Bounds,
        partition: &Partition<'_>,
        context: &mut Context<'_>,
    ) -> Result<(), PartiqlError> {
        self.before_middle.clear();
        self.charge.keep(0);
        self.from_middle = Accumulator::new(self.kind, false);
        self.middle = bounds.end;
        let mut so_far = Accumulator::new(self.kind, false);
        for at in (bounds.start..bounds.end).rev() {
            context.step()?;
            let bytes = take_in(self.function, &mut so_far, at, partition, context)?;
            self.charge.take(size_of::<Accumulator>() + bytes + so_far.weight(), PURPOSE)?;
            self.before_middle.push(so_far.clone());
        }
        Ok(())
    }
}

/// Takes a row into an aggregate, and answers how many bytes more it holds because of it.
fn take_in(
    function: &WindowFunction,
    accumulator: &mut Accumulator,
    at: usize,
    partition: &Partition<'_>,
    context: &mut Context<'_>,
) -> Result<usize, PartiqlError> {
    context.step()?;
    let (row, outer) = (partition.row(at), partition.outer);
    if let Some(filter) = &function.filter
        && !context.selecting(|context| outer.holds(context, row, filter))?
    {
        return Ok(0);
    }
    let Some(argument) = function.arguments.first() else {
        accumulator.count_rows(1);
        return Ok(0);
    };
    let held = context.held();
    let value = context.with_type_errors(true, |context| outer.datum(context, row, argument))?;
    let bytes =
        accumulator.add(context, (&value).into()).map_err(|fault| fault.at(Some(function.position)))?;
    context.release(held);
    Ok(bytes)
}
