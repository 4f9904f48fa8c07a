//! Which slots an expression reads.

use super::{
    AccessPlan, Expression, Group, IndexAccess, KeyRangePlan, Keys, Node, PathStep, Projection,
    ProjectionItem, QueryPlan,
};

impl Expression {
    /// Calls back for each variable with its depth and slot; the depth is counted from this
    /// expression's own frame, also for variables inside nested queries, and negative for their own.
    pub(crate) fn for_each_variable(&self, visit: &mut dyn FnMut(isize, usize)) {
        expression(self, 0, visit);
    }

    /// Whether the expression reads a slot of its own frame in this range.
    pub(crate) fn reads(&self, slots: &std::ops::Range<usize>) -> bool {
        let mut found = false;
        self.for_each_variable(&mut |depth, slot| found |= depth == 0 && slots.contains(&slot));
        found
    }
}

impl AccessPlan {
    /// Whether the keys are computed from a slot in this range.
    pub(crate) fn reads(&self, slots: &std::ops::Range<usize>) -> bool {
        let mut found = false;
        access(self, 0, &mut |depth, slot| found |= depth == 0 && slots.contains(&slot));
        found
    }
}

impl QueryPlan {
    /// Whether it reads slots of frames around its own.
    pub(crate) fn reads_outer(&self) -> bool {
        let mut found = false;
        query(self, 0, &mut |depth, _| found |= depth > 0);
        found
    }
}

type Visit<'a> = &'a mut dyn FnMut(isize, usize);

/// `level` is how many nested queries were entered.
fn expression(e: &Expression, level: isize, visit: Visit<'_>) {
    match e {
        Expression::Literal(_) | Expression::Missing | Expression::Parameter(_) => {}
        Expression::Variable { depth, slot } => {
            visit(isize::try_from(*depth).unwrap_or(isize::MAX) - level, *slot);
        }
        Expression::Path { root, steps } => {
            expression(root, level, visit);
            for step in steps {
                if let PathStep::Index(index) = step {
                    expression(index, level, visit);
                }
            }
        }
        Expression::Not(value)
        | Expression::Sign { operand: value, .. }
        | Expression::Truth { value, .. }
        | Expression::Is { value, .. }
        | Expression::Cast { value, .. } => expression(value, level, visit),
        Expression::Binary { left, right, .. } => all(&[left, right], level, visit),
        Expression::And(items) | Expression::Or(items) | Expression::List(items) | Expression::Bag(items) => {
            each(items, level, visit);
        }
        Expression::Call { arguments, .. } => each(arguments, level, visit),
        Expression::In { value, collection, .. } => all(&[value, collection], level, visit),
        Expression::Between { value, low, high, .. } => all(&[value, low, high], level, visit),
        Expression::Like { value, pattern, escape, .. } => {
            all(&[value, pattern], level, visit);
            each(escape.as_deref(), level, visit);
        }
        Expression::Case { operand, branches, otherwise } => {
            each(operand.as_deref(), level, visit);
            for (when, then) in branches {
                all(&[when, then], level, visit);
            }
            each(otherwise.as_deref(), level, visit);
        }
        Expression::Struct(fields) => {
            for (name, value) in fields {
                all(&[name, value], level, visit);
            }
        }
        Expression::Query { query: nested, .. } => query(nested, level + 1, visit),
    }
}

fn all(expressions: &[&Expression], level: isize, visit: Visit<'_>) {
    for e in expressions {
        expression(e, level, visit);
    }
}

fn each<'a>(expressions: impl IntoIterator<Item = &'a Expression>, level: isize, visit: Visit<'_>) {
    for e in expressions {
        expression(e, level, visit);
    }
}

fn query(plan: &QueryPlan, level: isize, visit: Visit<'_>) {
    node(&plan.input, level, visit);
    match &plan.projection {
        Projection::Value(value) => expression(value, level, visit),
        Projection::Items(items) => {
            for item in items {
                match item {
                    ProjectionItem::Field { value, .. } | ProjectionItem::All(value) => {
                        expression(value, level, visit);
                    }
                }
            }
        }
    }
}

fn node(plan: &Node, level: isize, visit: Visit<'_>) {
    match plan {
        Node::Scan(scan) => access(&scan.access, level, visit),
        Node::Iterate { value, .. } => expression(value, level, visit),
        Node::Join { left, right, condition, .. } => {
            node(left, level, visit);
            node(right, level, visit);
            each(condition, level, visit);
        }
        Node::HashJoin { left, right, keys, condition, .. } => {
            node(left, level, visit);
            node(right, level, visit);
            for (left, right) in keys {
                all(&[left, right], level, visit);
            }
            each(condition, level, visit);
        }
        Node::Filter { input, condition } => {
            node(input, level, visit);
            expression(condition, level, visit);
        }
        Node::Group(group) => {
            let Group { input, keys, aggregates, .. } = &**group;
            node(input, level, visit);
            each(keys.iter().map(|(key, _)| key), level, visit);
            each(aggregates.iter().filter_map(|aggregate| aggregate.argument.as_ref()), level, visit);
        }
        Node::Sort { input, terms } => {
            node(input, level, visit);
            each(terms.iter().map(|term| &term.value), level, visit);
        }
    }
}

fn access(plan: &AccessPlan, level: isize, visit: Visit<'_>) {
    match plan {
        AccessPlan::Scan => {}
        AccessPlan::Documents(ids) => keys(ids, level, visit),
        AccessPlan::Index(index) => {
            let IndexAccess { equal, range, .. } = &**index;
            for part in equal {
                keys(part, level, visit);
            }
            match range {
                KeyRangePlan::All | KeyRangePlan::Unknown | KeyRangePlan::Known => {}
                KeyRangePlan::Between { lower, upper } => {
                    each(lower.iter().chain(upper).map(|(bound, _)| bound), level, visit);
                }
                KeyRangePlan::Like { pattern, escape } => {
                    expression(pattern, level, visit);
                    each(escape, level, visit);
                }
            }
        }
    }
}

fn keys(keys: &Keys, level: isize, visit: Visit<'_>) {
    match keys {
        Keys::One(key) | Keys::Each(key) => expression(key, level, visit),
        Keys::AnyOf(items) => each(items, level, visit),
    }
}
