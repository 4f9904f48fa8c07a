//! What is answered from the keys of an index or from a count that the tables keep, without reading all rows:
//! aggregates, and DISTINCT of an indexed field.

use super::shape::{conjuncts, slot_path};
use super::{Planner, access};
use crate::expression::AggregateFunction;
use crate::plan::{
    AccessPlan, Aggregate, Expression, Group, Kept, Node, Projection, ProjectionItem, QueryPlan, Scan,
    Variable,
};
use crate::tables::SourceKind;

/// How many times as many rows as different keys a table must have, so that going from key to key in an index takes
/// less time than reading all rows.
const ROWS_OF_KEY: f64 = 12.0;

impl Planner<'_> {
    /// Lets a query with DISTINCT read only the first row of each key of an index, if its results are the values of
    /// that key, and the keys are few.
    pub(super) fn read_firsts(&mut self, plan: &mut QueryPlan) {
        let Some(value) = only_value(&plan.projection).cloned() else { return };
        let Some((scan, conditions)) = scan_of(&plan.input) else { return };
        if !access::serves(scan, &conditions) {
            return;
        }
        let Some(access) = access::keys_of_path(scan, &value) else { return };
        let AccessPlan::Index(index) = &access else { return };
        let source = scan.source.clone();
        let size = self.size(&source);
        let keys = self.keys_of(&source, &index.index, index.index.paths.len());
        if keys.is_some_and(|keys| size.is_known && ROWS_OF_KEY * keys <= size.rows)
            && let Some(scan) = scan_below(&mut plan.input)
        {
            scan.access = access;
            scan.firsts = true;
        }
    }
}

/// The expression whose value is all that the results of a query tell apart.
fn only_value(projection: &Projection) -> Option<&Expression> {
    let items = match projection {
        Projection::Value(value) => return Some(value),
        Projection::Row(_) => return None,
        Projection::Items(items) => items,
    };
    let mut found = None;
    for item in items {
        match item {
            ProjectionItem::Field { value: Expression::Literal { .. }, .. } => {}
            ProjectionItem::Field { value, .. } if found.is_none_or(|found| found == value) => {
                found = Some(value)
            }
            _ => return None,
        }
    }
    found
}

fn scan_below(node: &mut Node) -> Option<&mut Scan> {
    match node {
        Node::Scan(scan) => Some(scan),
        Node::Filter { input, .. } => scan_below(input),
        _ => None,
    }
}

/// The scan below a node, and the conditions on its rows, if the node is a scan of a table as it is now.
pub(super) fn scan_of(node: &Node) -> Option<(&Scan, Vec<Expression>)> {
    let (scan, conditions) = match node {
        Node::Scan(scan) => (scan, Vec::new()),
        Node::Filter { input, condition } => match &**input {
            Node::Scan(scan) => (scan, conjuncts(condition.clone())),
            _ => return None,
        },
        _ => return None,
    };
    let is_table = matches!(scan.source.kind, SourceKind::User | SourceKind::Committed);
    (is_table && scan.source.as_of.is_none()).then_some((scan, conditions))
}

/// How all aggregates are answered without reading rows, if they are about one scan whose access serves all
/// conditions.
pub(super) fn kept(group: &Group) -> Option<Vec<Kept>> {
    let (scan, conditions) = scan_of(&group.input)?;
    // `serves` refuses more conditions than two for each path, so the loops over conditions are short.
    if !group.keys.is_empty() || group.group_as.is_some() || !access::serves(scan, &conditions) {
        return None;
    }
    let kept = |aggregate: &Aggregate| {
        if aggregate.filter.is_some() {
            return None;
        }
        let argument = aggregate.argument.as_ref();
        match (aggregate.function, argument) {
            (AggregateFunction::Count, None) => Some(Kept::Rows),
            (AggregateFunction::Count, Some(argument)) if aggregate.distinct => {
                access::keys_of_values(scan, argument, true).map(Kept::DifferentKeys)
            }
            (AggregateFunction::Count, Some(argument)) => match is_known(argument, scan, &conditions) {
                true => Some(Kept::Rows),
                false => access::keys_of_values(scan, argument, false).map(Kept::Keys),
            },
            (AggregateFunction::Min, Some(argument)) => access::end(scan, argument, false).map(Kept::End),
            (AggregateFunction::Max, Some(argument)) => access::end(scan, argument, true).map(Kept::End),
            _ => None,
        }
    };
    group.aggregates.iter().map(kept).collect()
}

/// Whether an expression is never NULL or MISSING, so that COUNT of it counts every row: a constant, the document
/// itself, or a path that a condition compares.
fn is_known(argument: &Expression, scan: &Scan, conditions: &[Expression]) -> bool {
    match argument {
        Expression::Literal { value, .. } => !value.is_null(),
        Expression::Variable(Variable { depth: 0, slot, .. }) => *slot == scan.slots.value,
        _ => slot_path(argument).is_some_and(|path| {
            let is_it = |side: &Expression| slot_path(side).is_some_and(|side| side == path);
            conditions.iter().any(|condition| match condition {
                Expression::Binary { left, right, .. } => is_it(left) || is_it(right),
                Expression::In { value, .. } | Expression::Between { value, .. } => is_it(value),
                _ => false,
            })
        }),
    }
}
