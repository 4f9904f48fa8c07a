//! Decides where conditions are checked and how sources are joined.
//!
//! A condition is checked as soon as all slots that it reads are filled, because it can then choose the access of the
//! last source that it needs. Only a condition that cannot fail is moved (see [`is_total_condition`]). An equality
//! between a source and the sources before it becomes a hash join if no access serves it.

use std::ops::Range;

use super::access::{self, Lookups};
use super::from::{Tree, TreeKind};
use super::shape::{conjunction, conjuncts, is_constant, is_total_condition, is_truth};
use crate::expression::BinaryOperator;
use crate::plan::{AccessPlan, Expression, FullJoin, JoinKind, Node, Scan};

/// The rows of a FROM clause for which all conditions are TRUE.
pub(super) fn rows(tree: Tree, conditions: Vec<Expression>, lookups: Lookups) -> Node {
    // A constant that is no boolean fails on the first row that reaches it. The conditions after it stay behind it,
    // because an index over one of them would skip that row.
    let mut is_behind = false;
    let (movable, fixed) = conditions.into_iter().partition(|condition| {
        is_behind |= !is_truth(condition) && is_constant(condition);
        !is_behind && is_total_condition(condition)
    });
    let (node, rest) = build(tree, movable, lookups);
    filter(node, rest.into_iter().chain(fixed).collect())
}

/// The node of a tree, and the conditions that must still be checked above it.
fn build(tree: Tree, conditions: Vec<Expression>, lookups: Lookups) -> (Node, Vec<Expression>) {
    let Tree { kind, slots: own } = tree;
    match kind {
        TreeKind::Table { source, name, alias, slots } => {
            let access = access::choose(&source, slots, &own, &conditions, lookups);
            let scan = Node::Scan(Box::new(Scan { source, name, alias, access, slots }));
            (filter(scan, conditions), Vec::new())
        }
        TreeKind::Value { value, unpivot, slots } => {
            (filter(Node::Iterate { value, unpivot, slots }, conditions), Vec::new())
        }
        TreeKind::Join { left, right, kind: JoinKind::Inner, on } => {
            // In an inner join a condition of ON means the same as one of WHERE.
            let (on, fixed): (Vec<_>, Vec<_>) = on.into_iter().partition(is_total_condition);
            let (to_right, to_left): (Vec<_>, Vec<_>) =
                conditions.into_iter().chain(on).partition(|condition| condition.reads(&right.slots));
            let left_slots = left.slots.clone();
            let (left, left_rest) = build(*left, to_left, lookups);
            let mut rest = left_rest;
            rest.extend(fixed);
            (join(left, &left_slots, *right, JoinKind::Inner, to_right, Vec::new(), lookups), rest)
        }
        // Conditions must see the NULLs that the join makes, so they stay above.
        TreeKind::Full { left, right, on } => (full_join(*left, *right, on, lookups), conditions),
        TreeKind::Join { left, right, kind: JoinKind::Left, on } => {
            // A condition on the right side of a left join must see the NULLs that the join makes, so it stays above.
            let (rest, to_left): (Vec<_>, Vec<_>) =
                conditions.into_iter().partition(|condition| condition.reads(&right.slots));
            let (on_right, on_pair): (Vec<_>, Vec<_>) = on
                .into_iter()
                .partition(|condition| is_total_condition(condition) && condition.reads(&right.slots));
            let left_slots = left.slots.clone();
            let (left, left_rest) = build(*left, to_left, lookups);
            let left = filter(left, left_rest);
            (join(left, &left_slots, *right, JoinKind::Left, on_right, on_pair, lookups), rest)
        }
    }
}

/// Joins a right side under conditions that read it. `on_pair` must be checked on pairs of rows.
fn join(
    left: Node,
    left_slots: &Range<usize>,
    right: Tree,
    kind: JoinKind,
    conditions: Vec<Expression>,
    on_pair: Vec<Expression>,
    lookups: Lookups,
) -> Node {
    let right_slots = right.slots.clone();
    // An index on the right side beats a hash table, because it reads only the rows that match. A right side that reads
    // the left, such as `@left.items`, cannot be read once into a table.
    let served = serves(&right, left_slots, &conditions, lookups);
    if !served && !right.reads(left_slots) {
        let mut keys = Vec::new();
        let mut inside = Vec::new();
        let mut across = on_pair.clone();
        for condition in &conditions {
            if !condition.reads(left_slots) {
                inside.push(condition.clone());
                continue;
            }
            match equal_sides(condition, left_slots, &right_slots) {
                Some(key) => keys.push(key),
                None => across.push(condition.clone()),
            }
        }
        if !keys.is_empty() {
            let (right, rest) = build(right, inside, lookups);
            return Node::HashJoin {
                left: Box::new(left),
                right: Box::new(filter(right, rest)),
                kind,
                keys,
                condition: conjunction(across),
                right_slots,
            };
        }
    }
    let (right, rest) = build(right, conditions, lookups);
    Node::Join {
        left: Box::new(left),
        right: Box::new(filter(right, rest)),
        kind,
        condition: conjunction(on_pair),
        right_slots,
    }
}

/// A full join. Its conditions choose no access, because all rows of both sides are wanted.
fn full_join(left: Tree, right: Tree, on: Vec<Expression>, lookups: Lookups) -> Node {
    let (left_slots, right_slots) = (left.slots.clone(), right.slots.clone());
    let mut keys = Vec::new();
    let mut across = Vec::new();
    // A condition that can fail is evaluated for the pairs that the conditions before it leave.
    for condition in on {
        match equal_sides(&condition, &left_slots, &right_slots) {
            Some(key) if across.is_empty() && is_total_condition(&condition) => keys.push(key),
            _ => across.push(condition),
        }
    }
    let side = |tree: Tree| {
        let (node, rest) = build(tree, Vec::new(), lookups);
        filter(node, rest)
    };
    Node::FullJoin(Box::new(FullJoin {
        left: side(left),
        right: side(right),
        keys,
        condition: conjunction(across),
        left_slots,
        right_slots,
    }))
}

/// Whether an access by id or by index serves a condition that reads the left side.
fn serves(right: &Tree, left_slots: &Range<usize>, conditions: &[Expression], lookups: Lookups) -> bool {
    let TreeKind::Table { source, slots, .. } = &right.kind else { return false };
    match access::choose(source, *slots, &right.slots, conditions, lookups) {
        AccessPlan::Scan => false,
        access => access.reads(left_slots),
    }
}

/// The operands of an equality, if one reads only the left side of a join and the other only the right side.
fn equal_sides(
    condition: &Expression,
    left_slots: &Range<usize>,
    right_slots: &Range<usize>,
) -> Option<(Expression, Expression)> {
    let Expression::Binary { operator: BinaryOperator::Equal, left, right, .. } = condition else {
        return None;
    };
    let reads = |side: &Expression| (side.reads(left_slots), side.reads(right_slots));
    match (reads(left), reads(right)) {
        ((true, false), (false, true)) => Some(((**left).clone(), (**right).clone())),
        ((false, true), (true, false)) => Some(((**right).clone(), (**left).clone())),
        _ => None,
    }
}

/// The rows of a node for which all conditions are TRUE.
pub(super) fn filter(node: Node, conditions: Vec<Expression>) -> Node {
    let Some(condition) = conjunction(conditions) else { return node };
    match node {
        // One filter, so that QLDB's AND is evaluated over all its operands.
        Node::Filter { input, condition: first } => {
            let condition = Expression::And([conjuncts(first), conjuncts(condition)].concat());
            Node::Filter { input, condition }
        }
        node => Node::Filter { input: Box::new(node), condition },
    }
}
