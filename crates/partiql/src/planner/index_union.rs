//! OR over several indexed places: each operand finds its rows by an access of its own, and each row is yielded once.

use std::ops::Range;

use super::access::{self, Lookups};
use super::shape::{conjuncts, is_total_condition};
use crate::plan::{AccessPlan, Expression, SourceSlots};
use crate::tables::{Source, SourceKind};

/// The most accesses of one union. Reading all rows once is cheaper than very many lookups, and notes fewer reads.
const ACCESSES_MAX: usize = 64;

/// The accesses that together find all rows for which one of the conditions can be TRUE; the fewest that do.
pub(super) fn union(
    source: &Source,
    slots: SourceSlots,
    own: &Range<usize>,
    conditions: &[&Expression],
    lookups: Lookups,
) -> Option<Vec<AccessPlan>> {
    // A document has several rows in its history, so its id does not tell whether a row was found before.
    if lookups != Lookups::All || !matches!(source.kind, SourceKind::User | SourceKind::Committed) {
        return None;
    }
    let unions = conditions.iter().filter_map(|condition| of_operands(source, slots, own, condition));
    unions.min_by_key(Vec::len)
}

/// Whether each access finds rows by given keys or ids, and not by a range.
pub(super) fn are_lookups(accesses: &[AccessPlan]) -> bool {
    accesses.iter().all(|access| match access {
        AccessPlan::Index(index) => !index.equal.is_empty(),
        AccessPlan::Documents(_) => true,
        AccessPlan::Scan | AccessPlan::Union(_) => false,
    })
}

fn of_operands(
    source: &Source,
    slots: SourceSlots,
    own: &Range<usize>,
    condition: &Expression,
) -> Option<Vec<AccessPlan>> {
    // An operand that can fail must be evaluated for the rows that the others find, too.
    let Expression::Or(operands) = condition else { return None };
    if operands.len() > ACCESSES_MAX || !is_total_condition(condition) {
        return None;
    }
    let mut accesses = Vec::new();
    for operand in operands {
        let conditions = conjuncts(operand.clone());
        let conditions: Vec<&Expression> = conditions.iter().collect();
        match access::choose(source, slots, own, &conditions, Lookups::All) {
            AccessPlan::Scan => return None,
            AccessPlan::Union(more) => accesses.extend(more),
            access => accesses.push(access),
        }
        if accesses.len() > ACCESSES_MAX {
            return None;
        }
    }
    Some(accesses)
}
