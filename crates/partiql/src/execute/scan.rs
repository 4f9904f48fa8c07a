//! Reads rows of tables and views in batches.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use crate::buffered_bytes::Charge;
use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::execute::access::accesses;
use crate::execute::filtered::{filtered, pass};
use crate::execute::frame::{Frame, OuterScope};
use crate::key;
use crate::plan::{AccessPlan, Scan, SourceSlots};
use crate::tables::{Access, Cursor, KeysCounted, Row, SourceKind, WantedRows};
use crate::work::{self, Work};

/// How many rows are read at first.
const BATCH_ROWS: usize = 64;

/// How many rows are read at a time in the end.
const BATCH_ROWS_MAX: usize = 512;

/// About how many bytes the id of a row takes in a set.
const ID_BYTES: usize = 80;

/// How many rows are counted at a time.
const BATCH_COUNTED: usize = 4096;

/// The state of a scan.
#[derive(Debug, Default)]
pub(crate) struct ScanState {
    /// The accesses, once their values are computed, and the first of them that is not exhausted.
    accesses: Option<(Vec<Access>, Charge)>,
    current: usize,
    /// The ids of the rows so far, if several accesses may find the same row.
    found: Option<(HashSet<Arc<str>>, Charge)>,
    after: Option<Cursor>,
    /// How many rows are wanted at most, where that is known.
    pub(crate) wanted: Option<usize>,
    /// How many rows are read next time.
    batch_rows: usize,
    rows: VecDeque<Row>,
    is_exhausted: bool,
    /// Whether the rows meet the filter of the scan. Then `passed` has for each how many rows before it do not, and
    /// `passed_last` how many after the last.
    is_filtered: bool,
    passed: VecDeque<u64>,
    passed_last: u64,
    /// Rows whose long keys begin alike. They were sorted here, because the index keeps long keys only in part.
    run: VecDeque<Row>,
}

impl ScanState {
    pub(crate) fn next(
        &mut self,
        scan: &Scan,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        self.begin(scan, context, outer, frame)?;
        let row = match self.run.pop_front() {
            Some(row) => row,
            None => {
                let Some(row) = self.fetch(scan, context, outer, frame)? else {
                    return Ok(false);
                };
                match long_key(scan, &row, context)? {
                    None => row,
                    Some(key) => {
                        self.gather((key, row), scan, context, outer, frame)?;
                        self.run.pop_front().expect("the row itself was gathered")
                    }
                }
            }
        };
        context.step()?;
        context.execution.read_ios += 1;
        fill(frame, scan.slots, row);
        Ok(true)
    }

    /// Whether the last row meets all conditions of the filter above, because the tables have checked them.
    pub(crate) fn has_checked(&self, scan: &Scan) -> bool {
        self.is_filtered && scan.filter_is_whole
    }

    /// Computes the accesses, if that was not done yet.
    fn begin(
        &mut self,
        scan: &Scan,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &Frame,
    ) -> Result<(), PartiqlError> {
        if self.accesses.is_none() {
            let held = context.held();
            let accesses =
                context.selecting(|context| accesses(&scan.access, &scan.source, context, outer, frame))?;
            if accesses.len() > 1 {
                self.found = Some((HashSet::new(), context.execution.budget.charge()));
            }
            self.accesses = Some((accesses, context.keep(held)));
        }
        Ok(())
    }

    /// Skips rows before any is read, if the tables can and if the access finds exactly the rows that the conditions
    /// do. The count of read I/Os is the same as if the rows had been read.
    pub(crate) fn skip(
        &mut self,
        scan: &Scan,
        rows: usize,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &Frame,
    ) -> Result<usize, PartiqlError> {
        if rows == 0 {
            return Ok(0);
        }
        self.begin(scan, context, outer, frame)?;
        let Some((accesses, _)) = &self.accesses else { return Ok(0) };
        let Some(access) = exact(&scan.access, accesses) else { return Ok(0) };
        let mut skipped = 0;
        while skipped < rows {
            let wanted = (rows - skipped).min(BATCH_COUNTED);
            let (more, after) = context.tables.skip(&scan.source, access, self.after.as_ref(), wanted)?;
            context.tables.interrupted()?;
            self.after = after;
            context.execution.read_ios += more;
            context.has_read(0, entries_of(access, more));
            skipped += usize::try_from(more).unwrap_or(0);
            if more == 0 {
                break;
            }
        }
        Ok(skipped)
    }

    /// The next row in the order in which the tables yield them.
    fn fetch(
        &mut self,
        scan: &Scan,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &Frame,
    ) -> Result<Option<Row>, PartiqlError> {
        loop {
            let Some(row) = self.fetch_any(scan, context, outer, frame)? else { return Ok(None) };
            let Some((found, charge)) = &mut self.found else { return Ok(Some(row)) };
            let Some(id) = &row.id else { return Ok(Some(row)) };
            context.step()?;
            if found.insert(Arc::clone(id)) {
                charge.take(ID_BYTES, "OR over several indexes")?;
                return Ok(Some(row));
            }
        }
    }

    /// The next row of the accesses one after another.
    fn fetch_any(
        &mut self,
        scan: &Scan,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &Frame,
    ) -> Result<Option<Row>, PartiqlError> {
        let Some((accesses, _)) = &self.accesses else { return Ok(None) };
        while self.rows.is_empty() {
            pass(context, std::mem::take(&mut self.passed_last));
            if self.is_exhausted {
                (self.current, self.after, self.is_exhausted) = (self.current + 1, None, false);
            }
            let Some(access) = accesses.get(self.current) else { return Ok(None) };
            let limit = match self.wanted.take() {
                Some(wanted) => wanted.clamp(1, BATCH_ROWS),
                None => self.batch_rows.max(BATCH_ROWS),
            };
            let is_alone = scan.slots.by.is_none() && self.found.is_none();
            if is_alone
                && matches!(access, Access::Scan)
                && let Some(wanted) = filtered(scan, self.after.as_ref(), limit, context, outer, frame)?
            {
                let WantedRows { rows, passed, next } = wanted;
                context.has_read(rows.len(), 0);
                self.is_exhausted = next.is_none();
                self.batch_rows = (2 * limit).min(BATCH_ROWS_MAX);
                (self.is_filtered, self.after, self.passed_last) = (true, next, passed);
                (self.passed, self.rows) = rows.into_iter().unzip();
                continue;
            }
            self.is_filtered = false;
            let (tables, after) = (&mut *context.tables, self.after.as_ref());
            let firsts = match scan.firsts {
                true => tables.first_rows(&scan.source, access, after, limit)?,
                false => None,
            };
            let (rows, may_be_fewer) = match firsts {
                Some(rows) => (rows, false),
                None if is_alone => {
                    let is_scan = matches!(access, Access::Scan);
                    (tables.rows_alone(&scan.source, access, after, limit)?, is_scan)
                }
                None => (tables.rows(&scan.source, access, after, limit)?, false),
            };
            self.is_exhausted = if may_be_fewer { rows.is_empty() } else { rows.len() < limit };
            // Each batch costs something whatever it holds.
            self.batch_rows = (2 * limit).min(BATCH_ROWS_MAX);
            if let Some(last) = rows.last() {
                self.after = Some(last.cursor.clone());
            }
            let entries = entries_of(access, rows.len() as u64);
            context.has_read(rows.len(), entries);
            self.rows = rows.into();
        }
        if let Some(passed) = self.passed.pop_front() {
            pass(context, passed);
        }
        Ok(self.rows.pop_front())
    }

    /// Reads all rows whose keys begin like this one, as far as the index keeps keys, and sorts them.
    fn gather(
        &mut self,
        first: (Vec<u8>, Row),
        scan: &Scan,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &Frame,
    ) -> Result<(), PartiqlError> {
        let mut charge = context.execution.budget.charge();
        let mut run = vec![first];
        while let Some(row) = self.fetch(scan, context, outer, frame)? {
            context.step()?;
            match long_key(scan, &row, context)? {
                Some(key) if key[..key::PART_BYTES_MAX] == run[0].0[..key::PART_BYTES_MAX] => {
                    let bytes = key::weight(&key) + row.value.as_bytes().len();
                    charge.take(bytes, "ORDER BY")?;
                    run.push((key, row));
                }
                // The row belongs to the next run, or has a key that the index keeps whole.
                _ => {
                    self.rows.push_front(row);
                    break;
                }
            }
        }
        work::sort(&mut run, context, |context, (left, _), (right, _)| {
            context.work(left.len().min(right.len()) / 8)?;
            Ok(left.cmp(right))
        })?;
        if is_descending(scan) {
            run.reverse();
        }
        self.run.extend(run.into_iter().map(|(_, row)| row));
        Ok(())
    }
}

/// What [`count`] counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Rows,
    /// Rows with the same key count once.
    Keys,
}

/// Counts the rows of a source without reading them. `None` if the keys may find other rows than the conditions do, or
/// if the tables cannot count so. The count of read I/Os is the same as if the rows had been read.
pub(crate) fn count(
    scan: &Scan,
    access: &AccessPlan,
    counted: Counted,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<u64>, PartiqlError> {
    let found = context.selecting(|context| accesses(access, &scan.source, context, outer, frame))?;
    if found.is_empty() {
        return Ok(Some(0));
    }
    let Some(access) = exact(access, &found) else { return Ok(None) };
    let mut count = 0;
    let mut after = None;
    loop {
        let (tables, last) = (&mut *context.tables, after.as_ref());
        let (rows, keys, next) = match counted {
            Counted::Rows => {
                let (rows, next) = tables.count(&scan.source, access, last, BATCH_COUNTED)?;
                (rows, rows, next)
            }
            Counted::Keys => match tables.count_keys(&scan.source, access, last, BATCH_COUNTED)? {
                Some(KeysCounted { rows, keys, next }) => (rows, keys, next),
                None => return Ok(None),
            },
        };
        count += keys;
        context.has_read(0, entries_of(access, rows));
        context.execution.read_ios += rows;
        context.tables.interrupted()?;
        after = next;
        if after.is_none() {
            return Ok(Some(count));
        }
    }
}

/// How many entries of an index were read for so many rows.
fn entries_of(access: &Access, rows: u64) -> u64 {
    if matches!(access, Access::Index { .. }) { rows } else { 0 }
}

/// The one access of a plan, if its keys find exactly the rows for which the conditions that it serves are TRUE.
fn exact<'a>(plan: &AccessPlan, accesses: &'a [Access]) -> Option<&'a Access> {
    match (plan, accesses) {
        (AccessPlan::Scan, [access @ Access::Scan]) => Some(access),
        (AccessPlan::Index(_), [access @ Access::Index { ranges, .. }])
            if ranges.iter().all(key::is_exact) =>
        {
            Some(access)
        }
        _ => None,
    }
}

/// The key of a row by which an index must yield rows in order, if the index keeps it only in part.
fn long_key(scan: &Scan, row: &Row, context: &mut Context<'_>) -> Result<Option<Vec<u8>>, PartiqlError> {
    let AccessPlan::Index(index) = &scan.access else {
        return Ok(None);
    };
    if index.order.is_none() {
        return Ok(None);
    }
    let document = match scan.source.kind {
        SourceKind::User => Some(row.value.root()),
        _ => row.value.root().get("data"),
    };
    let (Some(document), Some(path)) = (document, index.index.paths.get(index.equal.len())) else {
        return Ok(None);
    };
    let key = key::whole_counted(context, key::at_path(document, path).into())?;
    Ok((key.len() > key::PART_BYTES_MAX).then_some(key))
}

fn is_descending(scan: &Scan) -> bool {
    matches!(&scan.access, AccessPlan::Index(index) if index.order.is_some_and(|order| order.descending))
}

fn fill(frame: &mut Frame, slots: SourceSlots, row: Row) {
    frame[slots.value] = row.value.into();
    if let Some(at) = slots.at {
        frame[at] = Datum::Missing;
    }
    if let Some(by) = slots.by {
        frame[by] = row.id.map_or(Datum::Missing, Datum::Text);
    }
}
