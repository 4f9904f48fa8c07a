//! Computes the values of an access plan: the ids, and the ranges of index keys, by which rows are looked up.

use std::collections::HashSet;
use std::sync::Arc;

use everstrand_ion::Value;

use crate::datum::{Datum, weight_of_value};
use crate::error::{Category, PartiqlError};
use crate::eval::context::Context;
use crate::eval::{operator, path};
use crate::execute::frame::{Frame, OuterScope};
use crate::key;
use crate::plan::{AccessPlan, Expression, IndexAccess, KeyRangePlan, Keys};
use crate::tables::{Access, KeyRange, Source};
use crate::work::Work;

/// The most ranges of an index that one access may name. If there are more, the whole table is read.
const RANGES_MAX: usize = 4096;

/// From how many lookups on reading all rows may take less time, and how much longer a lookup takes than one row.
const LOOKUPS_MANY: usize = 1000;
const LOOKUP: u64 = 4;

/// The longest text that is looked up as a document id. Every id is shorter.
const ID_BYTES_MAX: usize = 64;

/// The accesses of a plan with their values computed. There are none if no row can be found. Several may find the same
/// row. If a value cannot be computed, all rows are read: then the condition fails at the first row for which it is
/// evaluated, as it does without an index.
pub(super) fn accesses(
    plan: &AccessPlan,
    source: &Source,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Vec<Access>, PartiqlError> {
    let held = context.held();
    let plans = match plan {
        AccessPlan::Union(plans) => &plans[..],
        plan => std::slice::from_ref(plan),
    };
    let mut accesses = Vec::with_capacity(plans.len());
    for plan in plans {
        match computed(plan, source, context, outer, frame) {
            Ok(None) => {}
            Ok(Some(Access::Scan)) => {
                context.release(held);
                return Ok(vec![Access::Scan]);
            }
            Ok(Some(access)) => accesses.push(access),
            Err(error) if error.category() == Category::Evaluator => {
                context.release(held);
                return Ok(vec![Access::Scan]);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(accesses)
}

fn computed(
    plan: &AccessPlan,
    source: &Source,
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
        AccessPlan::Index(index) => index_access(index, source, context, outer, frame)?,
        AccessPlan::Union(_) => unreachable!("the planner makes no union of unions"),
    })
}

fn index_access(
    plan: &IndexAccess,
    source: &Source,
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
    if is_scan_better(plan, prefixes.len(), source, context) {
        return Ok(Some(Access::Scan));
    }
    let Some(parts) = parts_of(plan, context, outer, frame)? else {
        return Ok(Some(Access::Scan));
    };
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

/// The wanted ranges of the path after those with equal keys, in the wanted order. `None` if an index is of no use,
/// because the wanted texts may begin with anything.
fn parts_of(
    plan: &IndexAccess,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<Vec<Limits>>, PartiqlError> {
    let unknown: Limits = (None, Some((Value::null(), true)));
    let known: Limits = (Some((Value::null(), false)), None);
    Ok(Some(match &plan.range {
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
                return Ok(Some(Vec::new()));
            }
            let pattern = operator::like_pattern(context, (&pattern).into(), escape.as_ref().map(Into::into))
                .map_err(|fault| fault.at(None))?;
            let (prefix, is_whole) = pattern.prefix();
            if prefix.is_empty() && !is_whole && plan.order.is_none() && plan.equal.is_empty() {
                return Ok(None);
            }
            let upper = if is_whole {
                Some((Value::from(prefix.as_str()), true))
            } else {
                after_prefix(&prefix).map(|after| (Value::from(after), false))
            };
            vec![(Some((Value::from(prefix), true)), upper)]
        }
    }))
}

/// Whether the values of a query are so many that reading all rows takes less time than looking each of them up. Values
/// that the statement gives are looked up in any case, because that reads no other documents.
fn is_scan_better(plan: &IndexAccess, lookups: usize, source: &Source, context: &mut Context<'_>) -> bool {
    let is_query = |keys: &Keys| matches!(keys, Keys::Each(Expression::Query(_)));
    lookups >= LOOKUPS_MANY
        && plan.equal.iter().any(is_query)
        && context.tables.rows_estimate(source).is_some_and(|rows| LOOKUP * lookups as u64 > rows)
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
