//! Finds what a hash table is looked up by: the equalities whose two sides are known at different times.

use std::ops::Range;

use super::shape::{is_total, is_total_condition};
use crate::expression::BinaryOperator;
use crate::plan::{Expression, HashKey, HashKeys};

/// The two sides of a join.
#[derive(Clone, Copy)]
pub(super) struct Sides<'s> {
    /// The slots of the rows that are looked up.
    pub(super) known: &'s [Range<usize>],
    /// The slots of the rows in the table.
    pub(super) held: &'s [Range<usize>],
    /// Whether the frames around are known only when a row is looked up, because the table is made once for all of
    /// them.
    pub(super) outer_is_known: bool,
}

/// Which sides of a join an expression reads.
#[derive(Clone, Copy, Default)]
struct Reads {
    known: bool,
    held: bool,
    /// Slots that are filled later.
    other: bool,
}

impl Sides<'_> {
    fn reads(&self, expression: &Expression) -> Reads {
        let mut reads = Reads::default();
        let is_in = |ranges: &[Range<usize>], slot| ranges.iter().any(|range| range.contains(&slot));
        expression.for_each_variable(&mut |depth, slot| match depth {
            0 if is_in(self.known, slot) => reads.known = true,
            0 if is_in(self.held, slot) => reads.held = true,
            0 => reads.other = true,
            depth => reads.known |= depth > 0 && self.outer_is_known,
        });
        reads
    }

    /// The operands of an equality, if one reads only the known side and the other only the held side.
    pub(super) fn equality(&self, condition: &Expression) -> Option<HashKey> {
        let Expression::Binary { operator: BinaryOperator::Equal, left, right, .. } = condition else {
            return None;
        };
        let (left_reads, right_reads) = (self.reads(left), self.reads(right));
        let is_known = |reads: Reads| reads.known && !reads.held && !reads.other;
        let is_held = |reads: Reads| reads.held && !reads.known && !reads.other;
        if is_known(left_reads) && is_held(right_reads) {
            Some(HashKey::Equal((**left).clone(), (**right).clone()))
        } else if is_held(left_reads) && is_known(right_reads) {
            Some(HashKey::Equal((**right).clone(), (**left).clone()))
        } else {
            None
        }
    }

    /// Sorts conditions that cannot fail.
    pub(super) fn split(&self, conditions: Vec<Expression>) -> Split {
        let mut split = Split::default();
        for condition in conditions {
            if !self.reads(&condition).known {
                split.held.push(condition);
            } else if let Some(key) = self.equality(&condition) {
                split.keys.push(key);
                split.keys_again.push(condition);
            } else {
                split.pairs.push(condition);
            }
        }
        split
    }

    /// The first of conditions that may fail, if an index may look rows up by it: it leaves out only rows for which
    /// the condition is known not to be TRUE. If the value of the known side fails, the executor reads all rows. A
    /// condition behind the first would leave out rows for which the first fails.
    pub(super) fn looked_up(&self, conditions: &[Expression]) -> Vec<Expression> {
        let first = conditions.iter().take(1).filter(|condition| {
            let has_query = condition.any(&mut |part| matches!(part, Expression::Query(_)));
            !has_query && matches!(self.equality(condition), Some(HashKey::Equal(_, held)) if is_total(&held))
        });
        first.cloned().collect()
    }

    /// The keys among conditions that may fail. They are checked on pairs in this order, so that only the first of
    /// them count: those before the first that reads something else, or a pair in another way than by an equality.
    pub(super) fn keys_that_may_fail(&self, conditions: &[Expression]) -> Vec<HashKey> {
        let sides = conditions.iter().map_while(|condition| {
            let reads = self.reads(condition);
            let has_query = condition.any(&mut |part| matches!(part, Expression::Query(_)));
            let is_pair = reads.known && reads.held;
            if reads.other || has_query || (is_pair && self.equality(condition).is_none()) {
                return None;
            }
            Some(reads)
        });
        let sides: Vec<Reads> = sides.collect();
        // What comes after the last equality finds no rows.
        let count = sides.iter().rposition(|reads| reads.known && reads.held).map_or(0, |last| last + 1);
        let parts = sides[..count].iter().zip(conditions).map(|(reads, condition)| {
            let Reads { held, known, .. } = *reads;
            match self.equality(condition).filter(|_| held && known) {
                Some(key) => key,
                None if held => HashKey::Held(condition.clone()),
                None => HashKey::Known(condition.clone()),
            }
        });
        parts.collect()
    }
}

/// Conditions by the rows that they read.
#[derive(Default)]
pub(super) struct Split {
    /// Conditions that do not read the known side.
    pub(super) held: Vec<Expression>,
    /// Equalities between the sides.
    pub(super) keys: Vec<HashKey>,
    /// The same equalities as conditions.
    pub(super) keys_again: Vec<Expression>,
    /// Other conditions on pairs.
    pub(super) pairs: Vec<Expression>,
}

/// The keys, once it is known that there is an equality among them.
pub(super) fn keys(parts: Vec<HashKey>) -> HashKeys {
    let known_may_fail = parts.iter().any(|part| match part {
        HashKey::Equal(known, _) => !is_total(known),
        HashKey::Known(condition) => !is_total_condition(condition),
        HashKey::Held(_) => false,
    });
    HashKeys { parts, known_may_fail }
}

/// The same keys where the sides have changed places.
pub(super) fn exchanged(parts: Vec<HashKey>) -> Vec<HashKey> {
    parts
        .into_iter()
        .map(|part| match part {
            HashKey::Equal(known, held) => HashKey::Equal(held, known),
            HashKey::Known(condition) => HashKey::Held(condition),
            HashKey::Held(condition) => HashKey::Known(condition),
        })
        .collect()
}
