//! Aggregates that are answered without reading the rows that they are about: COUNT by the keys of an index or by the
//! count that the tables keep, MIN and MAX by one row at the end of an index.
//!
//! Of several values that are equal, such as 1 and 1.0, MIN and MAX answer that of the first row of a scan. Among equal
//! keys an index keeps the order of a scan, so that is the first row from the front. For MAX the greatest key is found
//! from the back, and then its first row.

use everstrand_ion::RawValue;

use crate::error::PartiqlError;
use crate::eval::aggregate::Accumulator;
use crate::eval::context::Context;
use crate::execute::access::accesses;
use crate::execute::frame::{Frame, OuterScope};
use crate::execute::scan::{self, Counted};
use crate::key;
use crate::plan::{Aggregate, Group, IndexEnd, Kept, Scan};
use crate::tables::{Access, KeyRange, Row, SourceKind};

/// The aggregates of a group. `None` if the keys of one are not exact, so that all rows must be read.
pub(super) fn read(
    plan: &Group,
    scan: &Scan,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<Vec<Accumulator>>, PartiqlError> {
    let before = context.execution.read_ios;
    let mut accumulators = Vec::with_capacity(plan.kept.len());
    let mut rows = None;
    for (aggregate, kept) in plan.aggregates.iter().zip(&plan.kept) {
        // Rows are counted once.
        if let (Kept::Rows, None) = (kept, rows) {
            rows = scan::count(scan, &scan.access, Counted::Rows, context, outer, frame)?;
        }
        let Some(accumulator) = one(aggregate, kept, rows, scan, context, outer, frame)? else {
            context.execution.read_ios = before;
            return Ok(None);
        };
        accumulators.push(accumulator);
    }
    Ok(Some(accumulators))
}

fn one(
    aggregate: &Aggregate,
    kept: &Kept,
    rows: Option<u64>,
    scan: &Scan,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<Accumulator>, PartiqlError> {
    let counted = match kept {
        Kept::Rows => rows,
        Kept::Keys(access) => scan::count(scan, access, Counted::Rows, context, outer, frame)?,
        Kept::DifferentKeys(access) => scan::count(scan, access, Counted::Keys, context, outer, frame)?,
        Kept::End(end) => return extreme(aggregate, end, scan, context, outer, frame),
    };
    Ok(counted.map(|counted| {
        let mut accumulator = Accumulator::new(aggregate.function, false);
        accumulator.count_rows(counted);
        accumulator
    }))
}

fn extreme(
    aggregate: &Aggregate,
    end: &IndexEnd,
    scan: &Scan,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<Accumulator>, PartiqlError> {
    let mut accumulator = Accumulator::new(aggregate.function, aggregate.distinct);
    let held = context.held();
    let accesses = context.selecting(|context| accesses(&end.access, &scan.source, context, outer, frame))?;
    let (access, range) = match &accesses[..] {
        [] => return Ok(Some(accumulator)),
        [access @ Access::Index { ranges, .. }] => match &ranges[..] {
            [range] if key::is_exact(range) => (access, range),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let Some(mut row) = first(scan, access, context)? else { return Ok(Some(accumulator)) };
    let Some(value) = value_of(scan, end, &row) else { return Ok(None) };
    if key::whole_counted(context, value.into())?.len() > key::PART_BYTES_MAX {
        return Ok(None);
    }
    if let Access::Index { index_id, descending: true, .. } = access {
        let mut equal = range.equal.clone();
        equal.push(value.to_value());
        let ranges = vec![KeyRange { equal, ..KeyRange::default() }];
        let of_value = Access::Index { index_id: index_id.clone(), ranges, descending: false };
        if let Some(first) = first(scan, &of_value, context)? {
            row = first;
        }
    }
    context.execution.read_ios += 1;
    let Some(value) = value_of(scan, end, &row) else { return Ok(None) };
    accumulator.add(context, value.into()).map_err(|fault| fault.at(Some(aggregate.position)))?;
    context.release(held);
    Ok(Some(accumulator))
}

fn first(scan: &Scan, access: &Access, context: &mut Context<'_>) -> Result<Option<Row>, PartiqlError> {
    context.step()?;
    let rows = context.tables.rows(&scan.source, access, None, 1)?;
    context.has_read(rows.len(), rows.len() as u64);
    Ok(rows.into_iter().next())
}

/// The value of the path in the user's document.
fn value_of<'r>(scan: &Scan, end: &IndexEnd, row: &'r Row) -> Option<RawValue<'r>> {
    let document = match scan.source.kind {
        SourceKind::User => row.value.root(),
        _ => row.value.root().get("data")?,
    };
    key::at_path(document, &end.path)
}
