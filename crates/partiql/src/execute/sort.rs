//! ORDER BY. With a LIMIT only as many rows are kept as can be asked for. Where the rows come in the order of the first
//! terms, only a run of rows that are equal in these terms is held at one time.

use std::cmp::Ordering;

use crate::buffered_bytes::Charge;
use crate::compare;
use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::eval::expression::evaluate;
use crate::execute::frame::{self, Frame, Input, OuterScope};
use crate::key;
use crate::plan::{Node, SortTerm};
use crate::work::{self, Work};

const PURPOSE: &str = "ORDER BY";

/// The state of a sort. It reads all rows, or all of a run, before it yields the first.
#[derive(Debug)]
pub(crate) struct SortState<I> {
    input: I,
    /// The most rows that can be asked for and were not read yet.
    pub(crate) rows_max: Option<usize>,
    run: std::vec::IntoIter<Sorted>,
    /// The first row of the next run.
    ahead: Option<Sorted>,
    is_over: bool,
    charge: Option<Charge>,
}

#[derive(Debug)]
struct Sorted {
    /// The values of all terms, encoded so that the order of the bytes is the wanted order.
    key: Vec<u8>,
    /// How many of these bytes are of the terms in whose order the rows come.
    presorted: usize,
    frame: Frame,
    bytes: usize,
}

impl<I: Input> SortState<I> {
    pub(crate) fn new(input: I) -> SortState<I> {
        let run = Vec::new().into_iter();
        SortState { input, rows_max: None, run, ahead: None, is_over: false, charge: None }
    }

    pub(crate) fn next(
        &mut self,
        input: &Node,
        order: (&[SortTerm], usize),
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        loop {
            if let Some(row) = self.run.next() {
                *frame = row.frame;
                return Ok(true);
            }
            if self.is_over {
                self.charge = None;
                return Ok(false);
            }
            let run = self.read(input, order, context, outer, frame)?;
            self.rows_max = self.rows_max.map(|rows_max| rows_max - run.len());
            self.run = run.into_iter();
        }
    }

    /// Reads the rows of the next run. It is over if there is no other run.
    fn read(
        &mut self,
        input: &Node,
        (terms, presorted): (&[SortTerm], usize),
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<Vec<Sorted>, PartiqlError> {
        let mut charge = self.charge.take().unwrap_or_else(|| context.execution.budget.charge());
        let mut rows: Vec<Sorted> = self.ahead.take().into_iter().collect();
        charge.keep(rows.iter().map(|row| row.bytes).sum());
        // Twice the wanted number of rows is collected before the rows beyond that number are sorted out and dropped.
        // So each row costs the logarithm of the wanted number on average. From then on a row that does not come before
        // the last of the wanted ones is dropped at once.
        let gather_max = self.rows_max.map(|rows_max| rows_max.saturating_mul(2).max(64));
        let mut last: Option<Vec<u8>> = None;
        loop {
            if !self.input.next(input, context, outer, frame)? {
                self.is_over = true;
                break;
            }
            let held = context.held();
            let (key, presorted) = key_of(terms, presorted, context, outer, frame)?;
            context.release(held);
            let is_next = rows.first().is_some_and(|row| row.key[..row.presorted] != key[..presorted]);
            if !is_next && last.as_ref().is_some_and(|last| *last <= key) {
                continue;
            }
            // Rows of a join share documents, which count once for the rows that follow each other.
            let before = rows.last().map(|row| row.frame.as_slice());
            let bytes = size_of::<Sorted>() + frame::weight(frame, before) + key.len();
            charge.take(bytes, PURPOSE)?;
            let row = Sorted { key, presorted, frame: frame.clone(), bytes };
            if is_next {
                self.ahead = Some(row);
                break;
            }
            rows.push(row);
            if gather_max.is_some_and(|gather_max| rows.len() >= gather_max) {
                self.keep_best(&mut rows, context)?;
                charge.keep(rows.iter().map(|row| row.bytes).sum());
                last = rows.last().map(|row| row.key.clone());
            }
        }
        self.keep_best(&mut rows, context)?;
        self.charge = Some(charge);
        Ok(rows)
    }

    fn keep_best(&self, rows: &mut Vec<Sorted>, context: &mut Context<'_>) -> Result<(), PartiqlError> {
        work::sort(rows, context, |context, left, right| {
            context.work(left.key.len().min(right.key.len()) / 8)?;
            Ok(left.key.cmp(&right.key))
        })?;
        if let Some(rows_max) = self.rows_max {
            rows.truncate(rows_max);
        }
        Ok(())
    }
}

/// The values of the terms in a row, encoded. A descending term has its bytes inverted. No key is the beginning of
/// another, so that the terms need no marks between them. Answers how many bytes are of the first terms, too.
fn key_of(
    terms: &[SortTerm],
    presorted: usize,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<(Vec<u8>, usize), PartiqlError> {
    let mut bytes = Vec::with_capacity(16 * terms.len());
    let mut first = 0;
    for (place, term) in terms.iter().enumerate() {
        if place == presorted {
            first = bytes.len();
        }
        let value = context.selecting(|context| evaluate(context, outer.scope(frame), &term.value))?;
        if value.get().is_unknown() {
            bytes.push(if term.nulls_first { 0 } else { 2 });
            continue;
        }
        bytes.push(1);
        let start = bytes.len();
        key::write_whole(context, &mut bytes, value.get())?;
        if term.descending {
            bytes[start..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
    Ok((bytes, first))
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
