//! Reads rows of tables and views in batches, and computes the values by which the rows are looked up.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use everstrand_ion::Value;

use crate::buffered_bytes::Charge;
use crate::datum::{Datum, weight_of_value};
use crate::error::{Category, PartiqlError};
use crate::eval::context::Context;
use crate::eval::{operator, path};
use crate::execute::frame::{Frame, OuterScope};
use crate::key;
use crate::plan::{AccessPlan, Expression, IndexAccess, KeyRangePlan, Keys, Scan, SourceSlots};
use crate::tables::{Access, Cursor, KeyRange, Row, SourceKind};
use crate::work::{self, Work};

/// How many rows are read at a time.
const BATCH_ROWS: usize = 64;

/// How many rows are counted at a time.
const BATCH_COUNTED: usize = 4096;

/// The most ranges of an index that one access may name. If there are more, the whole table is read.
const RANGES_MAX: usize = 4096;

/// The longest text that is looked up as a document id. Every id is shorter.
const ID_BYTES_MAX: usize = 64;

/// The state of a scan.
#[derive(Debug, Default)]
pub(crate) struct ScanState {
    /// The access, once its values are computed. An inner `None` means that there are no rows.
    access: Option<(Option<Access>, Charge)>,
    after: Option<Cursor>,
    rows: VecDeque<Row>,
    is_exhausted: bool,
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
        if self.access.is_none() {
            let held = context.held();
            let access = context.selecting(|context| access(&scan.access, context, outer, frame))?;
            self.access = Some((access, context.keep(held)));
        }
        if self.run.is_empty() {
            let Some(row) = self.fetch(scan, context)? else {
                return Ok(false);
            };
            match long_key(scan, &row, context)? {
                None => self.run.push_back(row),
                Some(key) => self.gather(key, row, scan, context)?,
            }
        }
        let Some(row) = self.run.pop_front() else {
            return Ok(false);
        };
        context.step()?;
        context.execution.read_ios += 1;
        fill(frame, scan.slots, row);
        Ok(true)
    }

    /// The next row in the order in which the tables yield them.
    fn fetch(&mut self, scan: &Scan, context: &mut Context<'_>) -> Result<Option<Row>, PartiqlError> {
        let Some((Some(access), _)) = &self.access else {
            return Ok(None);
        };
        if self.rows.is_empty() && !self.is_exhausted {
            let rows = context.tables.rows(&scan.source, access, self.after.as_ref(), BATCH_ROWS)?;
            self.is_exhausted = rows.len() < BATCH_ROWS;
            if let Some(last) = rows.last() {
                self.after = Some(last.cursor.clone());
            }
            self.rows = rows.into();
        }
        Ok(self.rows.pop_front())
    }

    /// Reads all rows whose keys begin like this one, as far as the index keeps keys, and sorts them.
    fn gather(
        &mut self,
        key: Vec<u8>,
        row: Row,
        scan: &Scan,
        context: &mut Context<'_>,
    ) -> Result<(), PartiqlError> {
        let mut charge = context.execution.budget.charge();
        let mut run = vec![(key, row)];
        while let Some(row) = self.fetch(scan, context)? {
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

/// Counts the rows of a scan without reading them. `None` if the keys may find other rows than the conditions do. The
/// count of read I/Os is the same as if the rows had been read.
pub(crate) fn count(
    scan: &Scan,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<u64>, PartiqlError> {
    let Some(access) = context.selecting(|context| access(&scan.access, context, outer, frame))? else {
        return Ok(Some(0));
    };
    match (&scan.access, &access) {
        (AccessPlan::Scan, Access::Scan) => {}
        (AccessPlan::Index(_), Access::Index { ranges, .. }) if ranges.iter().all(key::is_exact) => {}
        _ => return Ok(None),
    }
    let mut rows = 0;
    let mut after = None;
    loop {
        let (counted, last) = context.tables.count(&scan.source, &access, after.as_ref(), BATCH_COUNTED)?;
        rows += counted;
        context.tables.interrupted()?;
        after = last;
        if after.is_none() {
            context.execution.read_ios += rows;
            return Ok(Some(rows));
        }
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

/// The access with its values computed. `None` if no row can be found. If a value cannot be computed, all rows are
/// read: then the condition fails at the first row for which it is evaluated, as it does without an index.
fn access(
    plan: &AccessPlan,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<Access>, PartiqlError> {
    let held = context.held();
    match computed(plan, context, outer, frame) {
        Err(error) if error.category() == Category::Evaluator => {
            context.release(held);
            Ok(Some(Access::Scan))
        }
        access => access,
    }
}

fn computed(
    plan: &AccessPlan,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<Access>, PartiqlError> {
    Ok(match plan {
        AccessPlan::Scan => Some(Access::Scan),
        AccessPlan::Documents(keys) => {
            let ids: Vec<Arc<str>> = values_of(keys, context, outer, frame)?
                .into_iter()
                // A longer text is no id, and would only be copied.
                .filter_map(|value| value.as_text().filter(|id| id.len() <= ID_BYTES_MAX).map(Arc::from))
                .collect();
            (!ids.is_empty()).then_some(Access::Documents(ids))
        }
        AccessPlan::Index(index) => index_access(index, context, outer, frame)?,
    })
}

fn index_access(
    plan: &IndexAccess,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<Access>, PartiqlError> {
    let mut prefixes: Vec<Vec<Value>> = vec![Vec::new()];
    for keys in &plan.equal {
        let values = values_of(keys, context, outer, frame)?;
        // The filter above the scan checks the conditions in any case.
        if prefixes.len() * values.len() > RANGES_MAX {
            return Ok(Some(Access::Scan));
        }
        let mut longer = Vec::with_capacity(prefixes.len() * values.len());
        for prefix in &prefixes {
            for value in &values {
                hold(context, prefix.iter().chain([value]))?;
                longer.push(prefix.iter().chain([value]).cloned().collect());
            }
        }
        prefixes = longer;
    }
    let parts = parts_of(plan, context, outer, frame)?;
    let mut ranges = Vec::with_capacity(prefixes.len() * parts.len());
    for equal in prefixes {
        for (lower, upper) in &parts {
            hold(context, equal.iter().chain(lower.iter().chain(upper).map(|(value, _)| value)))?;
            ranges.push(KeyRange { equal: equal.clone(), lower: lower.clone(), upper: upper.clone() });
        }
    }
    if ranges.is_empty() {
        return Ok(None);
    }
    Ok(Some(Access::Index {
        index_id: Arc::clone(&plan.index.id),
        ranges,
        descending: plan.order.is_some_and(|order| order.descending),
    }))
}

/// Counts the bytes of copies of values.
fn hold<'v>(context: &mut Context<'_>, values: impl Iterator<Item = &'v Value>) -> Result<(), PartiqlError> {
    let bytes = values.map(weight_of_value).sum();
    context.work(bytes)?;
    context.hold(bytes)
}

type Limits = (Option<(Value, bool)>, Option<(Value, bool)>);

/// The wanted ranges of the path after those with equal keys, in the wanted order.
fn parts_of(
    plan: &IndexAccess,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Vec<Limits>, PartiqlError> {
    let unknown: Limits = (None, Some((Value::null(), true)));
    let known: Limits = (Some((Value::null(), false)), None);
    Ok(match &plan.range {
        KeyRangePlan::All => match plan.order {
            None => vec![(None, None)],
            Some(order) if order.nulls_first => vec![unknown, known],
            Some(_) => vec![known, unknown],
        },
        KeyRangePlan::Unknown => vec![unknown],
        KeyRangePlan::Known => vec![known],
        KeyRangePlan::Between { lower, upper } => {
            let mut limit = |bound: &Option<(Expression, bool)>| match bound {
                None => Ok(Some(None)),
                Some((value, inclusive)) => {
                    let value = outer.datum(context, frame, value)?;
                    if value.is_unknown() {
                        return Ok(None);
                    }
                    Ok::<_, PartiqlError>(Some(Some((context.tree(value)?, *inclusive))))
                }
            };
            match (limit(lower)?, limit(upper)?) {
                (Some(lower), Some(upper)) => vec![(lower, upper)],
                _ => Vec::new(),
            }
        }
        KeyRangePlan::Like { pattern, escape } => {
            let pattern = outer.datum(context, frame, pattern)?;
            let escape = match escape {
                Some(escape) => Some(outer.datum(context, frame, escape)?),
                None => None,
            };
            if pattern.is_unknown() || escape.as_ref().is_some_and(Datum::is_unknown) {
                return Ok(Vec::new());
            }
            let pattern = operator::like_pattern(context, (&pattern).into(), escape.as_ref().map(Into::into))
                .map_err(|fault| fault.at(None))?;
            let (prefix, is_whole) = pattern.prefix();
            let upper = if is_whole {
                Some((Value::from(prefix.as_str()), true))
            } else {
                after_prefix(&prefix).map(|after| (Value::from(after), false))
            };
            vec![(Some((Value::from(prefix), true)), upper)]
        }
    })
}

/// The least text that is greater than all texts with this prefix.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        let next = if last == '\u{D7FF}' { Some('\u{E000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

/// The values of keys in order, each once, without NULL and MISSING.
fn values_of(
    keys: &Keys,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Vec<Value>, PartiqlError> {
    let values = match keys {
        Keys::One(value) => vec![outer.datum(context, frame, value)?],
        Keys::AnyOf(values) => {
            let mut items = Vec::with_capacity(values.len());
            for value in values {
                context.hold(size_of::<Datum>())?;
                items.push(outer.datum(context, frame, value)?);
            }
            items
        }
        Keys::Each(collection) => {
            let collection = outer.datum(context, frame, collection)?;
            path::items(context, collection)?
        }
    };
    let mut seen = HashSet::new();
    let mut distinct = Vec::with_capacity(values.len());
    for value in values {
        // A bag equals no stored value.
        if value.is_unknown() || matches!(value, Datum::Bag(_)) {
            continue;
        }
        let key = key::whole_counted(context, (&value).into())?;
        context.hold(key::weight(&key))?;
        if seen.insert(key) {
            distinct.push(context.tree(value)?);
        }
    }
    Ok(distinct)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_after_a_prefix_follows_all_that_begin_with_it() {
        assert_eq!(after_prefix("ab").as_deref(), Some("ac"));
        assert_eq!(after_prefix("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(after_prefix("\u{10FFFF}"), None);
        assert_eq!(after_prefix("\u{D7FF}").as_deref(), Some("\u{E000}"));
        assert_eq!(after_prefix(""), None);
    }
}
