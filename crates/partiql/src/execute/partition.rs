//! The partitions of window functions: rows sorted by partition and by the order of the window.

use std::cmp::Ordering;

use crate::buffered_bytes::Charge;
use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::execute::frame::{Frame, OuterScope};
use crate::execute::sort;
use crate::key;
use crate::plan::{Expression, WindowOrder};
use crate::work;

/// What errors name when the rows take too many bytes.
pub(super) const PURPOSE: &str = "a window function";

/// A row in the order of a window.
pub(super) struct Placed {
    pub(super) partition: Vec<u8>,
    keys: Vec<Datum>,
    pub(super) row: usize,
}

/// The rows of one partition in their order, while a function is computed for them.
pub(super) struct Partition<'p> {
    pub(super) rows: &'p [Frame],
    pub(super) places: &'p [Placed],
    /// For each row the first of its peers and the end of its peers.
    pub(super) peers: &'p [(usize, usize)],
    pub(super) outer: OuterScope<'p>,
}

impl Partition<'_> {
    /// The slots of a row.
    pub(super) fn row(&self, at: usize) -> &[Datum] {
        &self.rows[self.places[at].row]
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The value of an expression over a row.
    pub(super) fn value(
        &self,
        at: usize,
        expression: &Expression,
        context: &mut Context<'_>,
    ) -> Result<Datum, PartiqlError> {
        self.outer.datum(context, self.row(at), expression)
    }
}

/// The rows sorted by partition, and within a partition by the order of the window.
pub(super) fn placed(
    plan: &WindowOrder,
    rows: &[Frame],
    charge: &mut Charge,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
) -> Result<Vec<Placed>, PartiqlError> {
    let mut places = Vec::with_capacity(rows.len());
    for (row, frame) in rows.iter().enumerate() {
        context.step()?;
        let held = context.held();
        let mut partition = Vec::new();
        for key in &plan.partition {
            let value = outer.datum(context, frame, key)?;
            let value = if value.is_unknown() { Datum::null() } else { value };
            key::write_part(context, &mut partition, (&value).into())?;
        }
        let mut keys = Vec::with_capacity(plan.order.len());
        for term in &plan.order {
            keys.push(context.selecting(|context| outer.datum(context, frame, &term.value))?);
        }
        let bytes = key::weight(&partition) + keys.iter().map(Datum::weight).sum::<usize>();
        charge.take(size_of::<Placed>() + bytes, PURPOSE)?;
        context.release(held);
        places.push(Placed { partition, keys, row });
    }
    work::sort(&mut places, context, |context, left, right| match left.partition.cmp(&right.partition) {
        Ordering::Equal => sort::order(context, &left.keys, &right.keys, &plan.order),
        other => Ok(other),
    })?;
    Ok(places)
}

/// For each row of a partition the first of its peers and the end of its peers.
pub(super) fn peers_of(
    plan: &WindowOrder,
    partition: &[Placed],
    context: &mut Context<'_>,
) -> Result<Vec<(usize, usize)>, PartiqlError> {
    let mut peers = Vec::with_capacity(partition.len());
    let mut start = 0;
    for at in 1..=partition.len() {
        let is_end = at == partition.len()
            || sort::order(context, &partition[at - 1].keys, &partition[at].keys, &plan.order)?.is_ne();
        if is_end {
            peers.resize(at, (start, at));
            start = at;
        }
    }
    Ok(peers)
}
