//! ORDER BY. With a LIMIT only as many rows are kept as can be asked for.

use std::cmp::Ordering;

use crate::buffered_bytes::Charge;
use crate::compare;
use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::execute::frame::{self, Frame, Input, OuterScope};
use crate::plan::{Node, SortTerm};
use crate::work;

const PURPOSE: &str = "ORDER BY";

/// The state of a sort. It reads all rows before it yields the first.
#[derive(Debug)]
pub(crate) struct SortState<I> {
    input: I,
    /// The most rows that can be asked for.
    pub(crate) rows_max: Option<usize>,
    rows: Option<std::vec::IntoIter<Sorted>>,
    charge: Option<Charge>,
}

#[derive(Debug)]
struct Sorted {
    keys: Vec<Datum>,
    frame: Frame,
    bytes: usize,
}

impl<I: Input> SortState<I> {
    pub(crate) fn new(input: I) -> SortState<I> {
        SortState { input, rows_max: None, rows: None, charge: None }
    }

    pub(crate) fn next(
        &mut self,
        input: &Node,
        terms: &[SortTerm],
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        if self.rows.is_none() {
            let rows = self.read(input, terms, context, outer, frame)?;
            self.rows = Some(rows.into_iter());
        }
        let Some(row) = self.rows.as_mut().and_then(Iterator::next) else {
            self.charge = None;
            return Ok(false);
        };
        *frame = row.frame;
        Ok(true)
    }

    fn read(
        &mut self,
        input: &Node,
        terms: &[SortTerm],
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<Vec<Sorted>, PartiqlError> {
        let mut charge = context.execution.budget.charge();
        let mut rows: Vec<Sorted> = Vec::new();
        // Twice the wanted number of rows is collected before the rows beyond that number are sorted out and dropped.
        // So each row costs the logarithm of the wanted number on average.
        let gather_max = self.rows_max.map(|rows_max| rows_max.saturating_mul(2).max(64));
        while self.input.next(input, context, outer, frame)? {
            let held = context.held();
            let mut keys = Vec::with_capacity(terms.len());
            for term in terms {
                keys.push(context.selecting(|context| outer.datum(context, frame, &term.value))?);
            }
            // Rows of a join share documents, which count once for the rows that follow each other.
            let before = rows.last().map(|row| row.frame.as_slice());
            let weight = frame::weight(frame, before) + keys.iter().map(Datum::weight).sum::<usize>();
            let bytes = size_of::<Sorted>() + weight;
            context.release(held);
            charge.take(bytes, PURPOSE)?;
            rows.push(Sorted { keys, frame: frame.clone(), bytes });
            if gather_max.is_some_and(|gather_max| rows.len() >= gather_max) {
                self.keep_best(&mut rows, terms, context)?;
                charge.keep(rows.iter().map(|row| row.bytes).sum());
            }
        }
        self.keep_best(&mut rows, terms, context)?;
        self.charge = Some(charge);
        Ok(rows)
    }

    fn keep_best(
        &self,
        rows: &mut Vec<Sorted>,
        terms: &[SortTerm],
        context: &mut Context<'_>,
    ) -> Result<(), PartiqlError> {
        work::sort(rows, context, |context, left, right| order(context, &left.keys, &right.keys, terms))?;
        if let Some(rows_max) = self.rows_max {
            rows.truncate(rows_max);
        }
        Ok(())
    }
}

pub(super) fn order(
    context: &mut Context<'_>,
    left: &[Datum],
    right: &[Datum],
    terms: &[SortTerm],
) -> Result<Ordering, PartiqlError> {
    for ((left, right), term) in left.iter().zip(right).zip(terms) {
        let order = match (left.is_unknown(), right.is_unknown()) {
            (true, true) => Ordering::Equal,
            (true, false) => {
                if term.nulls_first {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (false, true) => {
                if term.nulls_first {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (false, false) if term.descending => compare::order_counted(context, right.into(), left.into())?,
            (false, false) => compare::order_counted(context, left.into(), right.into())?,
        };
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    Ok(Ordering::Equal)
}
