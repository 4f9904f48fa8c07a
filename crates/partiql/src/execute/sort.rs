//! ORDER BY. With a LIMIT only as many rows are kept as will be asked for.

use std::cmp::Ordering;

use crate::compare;
use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::execute::context::Context;
use crate::execute::node::{self, Around, Frame, State};
use crate::held::Charge;
use crate::plan::{Node, SortTerm};

const PURPOSE: &str = "ORDER BY";

/// Where a sort stands: everything is read before the first row comes out.
#[derive(Debug)]
pub(crate) struct SortState {
    input: State,
    /// How many rows will be asked for at most.
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

impl SortState {
    pub(crate) fn new(input: State) -> SortState {
        SortState { input, rows_max: None, rows: None, charge: None }
    }

    pub(crate) fn next(
        &mut self,
        input: &Node,
        terms: &[SortTerm],
        context: &mut Context<'_>,
        around: Around<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        if self.rows.is_none() {
            let rows = self.read(input, terms, context, around, frame)?;
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
        around: Around<'_>,
        frame: &mut Frame,
    ) -> Result<Vec<Sorted>, PartiqlError> {
        let mut charge = context.execution.budget.charge();
        let mut rows: Vec<Sorted> = Vec::new();
        // Rows gather to twice the number that is wanted before the rest is dropped, so that a row costs
        // the logarithm of that number on average.
        let gather_max = self.rows_max.map(|rows_max| rows_max.saturating_mul(2).max(64));
        while node::next(&mut self.input, input, context, around, frame)? {
            let keys = terms
                .iter()
                .map(|term| around.datum(context, frame, &term.value))
                .collect::<Result<Vec<Datum>, _>>()?;
            let before = rows.last().map(|row| row.frame.as_slice());
            let bytes = node::weight(frame, before) + keys.iter().map(Datum::weight).sum::<usize>();
            charge.take(bytes, PURPOSE)?;
            rows.push(Sorted { keys, frame: frame.clone(), bytes });
            if gather_max.is_some_and(|gather_max| rows.len() >= gather_max) {
                self.keep_best(&mut rows, terms);
                charge.keep(rows.iter().map(|row| row.bytes).sum());
            }
        }
        self.keep_best(&mut rows, terms);
        self.charge = Some(charge);
        Ok(rows)
    }

    fn keep_best(&self, rows: &mut Vec<Sorted>, terms: &[SortTerm]) {
        rows.sort_by(|left, right| order(&left.keys, &right.keys, terms));
        if let Some(rows_max) = self.rows_max {
            rows.truncate(rows_max);
        }
    }
}

fn order(left: &[Datum], right: &[Datum], terms: &[SortTerm]) -> Ordering {
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
            (false, false) if term.descending => compare::order(right, left),
            (false, false) => compare::order(left, right),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}
