//! Estimates: about how many rows a source has, how many of them an access reads, and which share of them meets a
//! condition. Plans are chosen by them. They decide no answer.

use std::sync::Arc;

use super::Planner;
use super::access::{self, Place};
use super::size::Size;
use crate::expression::BinaryOperator;
use crate::plan::{AccessPlan, Expression, KeyRangePlan, Keys, SourceSlots};
use crate::tables::{Index, Source, SourceKind};

/// How many elements a collection is taken to have.
const ELEMENTS: f64 = Size::ELEMENTS.rows;

/// The share of rows that meets an equality, if nothing is known of its values.
const EQUAL: f64 = 0.1;

/// The share of rows that one key of an index finds, if it is not known how many keys there are.
const KEY: f64 = 0.01;

/// From how many different keys on reading rows by an index and sorting those of one key pays.
const RUNS_MIN: f64 = 8.0;

/// The share of rows on one side of a bound.
const BOUND: f64 = 0.3;

/// The share of rows between two bounds, or with a prefix, or without a value.
const RANGE: f64 = 0.1;

/// The share of rows that meets any other condition.
const OTHER: f64 = 0.5;

impl Planner<'_> {
    /// The size of a source.
    pub(super) fn size(&mut self, source: &Source) -> Size {
        let is_user = source.kind == SourceKind::User;
        let rows = match source.kind {
            SourceKind::User | SourceKind::Committed if source.as_of.is_none() => {
                let key = (Arc::clone(&source.table_id), is_user);
                let tables = &mut *self.tables;
                let asked = self.sizes.asked.entry(key);
                asked.or_insert_with(|| (source.clone(), tables.rows_estimate(source))).1
            }
            _ => None,
        };
        #[expect(clippy::cast_precision_loss, reason = "it is an estimate")]
        match rows {
            Some(rows) => Size { rows: (rows as f64).max(1.0), is_known: true },
            None => Size::UNKNOWN,
        }
    }

    /// How many different values the first paths of an index have.
    pub(super) fn keys_of(&mut self, source: &Source, index: &Index, paths: usize) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "it is an estimate")]
        self.tables.keys_estimate(source, index, paths).map(|keys| (keys as f64).max(1.0))
    }

    /// How many rows an access reads each time.
    pub(super) fn read(&mut self, source: &Source, access: &AccessPlan) -> f64 {
        let Size { rows, .. } = self.size(source);
        match access {
            AccessPlan::Scan => rows,
            AccessPlan::Documents(keys) => count(keys).min(rows),
            AccessPlan::Union(accesses) => {
                accesses.iter().map(|access| self.read(source, access)).sum::<f64>().min(rows)
            }
            AccessPlan::Index(access) => {
                let equal = access.equal.len();
                let mut found = access.equal.iter().map(count).product::<f64>();
                let is_whole = equal == access.index.paths.len();
                if !(access.index.unique && is_whole) && equal > 0 {
                    let share = match self.keys_of(source, &access.index, equal) {
                        Some(keys) => 1.0 / keys,
                        None => KEY,
                    };
                    found = (found * rows * share).max(1.0);
                } else if equal == 0 {
                    found = rows;
                }
                found *= match &access.range {
                    KeyRangePlan::All | KeyRangePlan::Known => 1.0,
                    KeyRangePlan::Between { lower: Some(_), upper: Some(_) } => RANGE,
                    KeyRangePlan::Between { .. } => BOUND,
                    KeyRangePlan::Like { .. } | KeyRangePlan::Unknown => RANGE,
                };
                found.min(rows)
            }
        }
    }

    /// Whether the rows that an index yields in order have many different keys, so that few have the same. If that is
    /// not known they are taken to have.
    pub(super) fn has_many_keys(&mut self, source: &Source, access: &AccessPlan) -> bool {
        let AccessPlan::Index(access) = access else { return false };
        let keys = self.keys_of(source, &access.index, access.equal.len() + 1);
        keys.is_none_or(|keys| keys >= RUNS_MIN)
    }

    /// The share of the rows of a source that meets a condition. `others` are the rows of the largest of the other
    /// sources that the condition reads.
    pub(super) fn share(
        &mut self,
        source: &Source,
        slots: SourceSlots,
        condition: &Expression,
        others: Option<f64>,
    ) -> f64 {
        match condition {
            Expression::Binary { operator: BinaryOperator::Equal, left, right, .. } => {
                self.share_of_key(source, slots, left, right, others)
            }
            Expression::Binary { operator: BinaryOperator::NotEqual, .. } => 1.0 - EQUAL,
            Expression::Binary { operator, .. } if operator.is_comparison() => BOUND,
            Expression::In { value, collection, negated: false, .. } => {
                let count = match &**collection {
                    Expression::List(items) | Expression::Bag(items) => length(items),
                    _ => ELEMENTS,
                };
                (count * self.share_of_key(source, slots, value, collection, None)).min(OTHER)
            }
            Expression::Between { negated: false, .. }
            | Expression::Like { negated: false, .. }
            | Expression::Is { negated: false, .. } => RANGE,
            Expression::Or(operands) => {
                let shares = operands.iter().map(|operand| self.share(source, slots, operand, others));
                shares.sum::<f64>().min(1.0)
            }
            Expression::And(operands) => {
                operands.iter().map(|operand| self.share(source, slots, operand, others)).product()
            }
            _ => OTHER,
        }
    }

    /// The share of rows whose value equals one other value.
    fn share_of_key(
        &mut self,
        source: &Source,
        slots: SourceSlots,
        left: &Expression,
        right: &Expression,
        others: Option<f64>,
    ) -> f64 {
        let Size { rows, .. } = self.size(source);
        let unknown = others.map_or(EQUAL, |others| 1.0 / rows.max(others));
        let place = access::place(source, slots, left).or_else(|| access::place(source, slots, right));
        match place {
            Some(Place::Id) => 1.0 / rows,
            Some(Place::Path(path)) => {
                let mut indexes =
                    source.indexes.iter().filter(|index| access::is_path(&index.paths[0], &path));
                let Some(index) = indexes.next() else { return unknown };
                self.keys_of(source, index, 1).map_or(unknown.min(KEY), |keys| 1.0 / keys)
            }
            None => unknown,
        }
    }
}

/// How many keys there are.
fn count(keys: &Keys) -> f64 {
    match keys {
        Keys::One(_) => 1.0,
        Keys::AnyOf(items) => length(items),
        Keys::Each(_) => ELEMENTS,
    }
}

fn length(items: &[Expression]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "it is an estimate")]
    let length = items.len() as f64;
    length
}
