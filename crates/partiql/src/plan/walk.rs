//! Which slots an expression, an access or a query reads, and which fields of tables a statement names.

use std::ops::Range;

use super::{
    AccessPlan, Expression, IndexAccess, Insertion, KeyRangePlan, Keys, Node, Operation, PathStep,
    Projection, ProjectionItem, QueryPlan, Statement, Target, TargetStep, Variable,
};
use crate::tables::{Source, SourceKind};

impl Expression {
    /// Calls back for each variable with its depth and slot. The depth is counted from this expression's own frame,
    /// also for variables inside nested queries; it is negative for the variables of the nested query itself. A nested
    /// query that reads no frame around its own is left out.
    pub(crate) fn for_each_variable(&self, visit: &mut dyn FnMut(isize, usize)) {
        variables_of(self, 0, visit);
    }

    /// Whether the expression reads a slot of its own frame in this range.
    pub(crate) fn reads(&self, slots: &Range<usize>) -> bool {
        let mut found = false;
        self.for_each_variable(&mut |depth, slot| found |= depth == 0 && slots.contains(&slot));
        found
    }
}

impl AccessPlan {
    /// Whether the keys are computed from a slot in this range.
    pub(crate) fn reads(&self, slots: &Range<usize>) -> bool {
        let mut found = false;
        self.for_each_expression(&mut |key| found |= key.reads(slots));
        found
    }

    fn for_each_expression<'p>(&'p self, visit: &mut dyn FnMut(&'p Expression)) {
        match self {
            AccessPlan::Scan => {}
            AccessPlan::Documents(ids) => ids.for_each_expression(visit),
            AccessPlan::Index(index) => {
                let IndexAccess { equal, range, .. } = &**index;
                equal.iter().for_each(|keys| keys.for_each_expression(visit));
                match range {
                    KeyRangePlan::All | KeyRangePlan::Unknown | KeyRangePlan::Known => {}
                    KeyRangePlan::Between { lower, upper } => {
                        lower.iter().chain(upper).for_each(|(bound, _)| visit(bound));
                    }
                    KeyRangePlan::Like { pattern, escape } => {
                        std::iter::once(pattern).chain(escape).for_each(visit);
                    }
                }
            }
        }
    }
}

impl Keys {
    fn for_each_expression<'p>(&'p self, visit: &mut dyn FnMut(&'p Expression)) {
        match self {
            Keys::One(key) | Keys::Each(key) => visit(key),
            Keys::AnyOf(items) => items.iter().for_each(visit),
        }
    }
}

impl QueryPlan {
    /// Whether it reads slots of frames around its own.
    pub(crate) fn reads_outer(&self) -> bool {
        let mut found = false;
        self.for_each_expression(&mut |e| e.for_each_variable(&mut |depth, _| found |= depth > 0));
        found
    }

    /// Calls back for each expression over the query's frame. LIMIT and OFFSET read no slot and are left out.
    fn for_each_expression<'p>(&'p self, visit: &mut dyn FnMut(&'p Expression)) {
        self.input.for_each_expression(visit);
        match &self.projection {
            Projection::Value(value) => visit(value),
            Projection::Items(items) => items.iter().for_each(|item| match item {
                ProjectionItem::Field { value, .. } | ProjectionItem::All(value) => visit(value),
            }),
        }
    }
}

impl Node {
    fn for_each_expression<'p>(&'p self, visit: &mut dyn FnMut(&'p Expression)) {
        match self {
            Node::Scan(scan) => scan.access.for_each_expression(visit),
            Node::Iterate { value, .. } => visit(value),
            Node::Join { left, right, condition, .. } => {
                left.for_each_expression(visit);
                right.for_each_expression(visit);
                condition.iter().for_each(visit);
            }
            Node::HashJoin { left, right, keys, condition, .. } => {
                left.for_each_expression(visit);
                right.for_each_expression(visit);
                keys.iter().for_each(|(left, right)| [left, right].into_iter().for_each(&mut *visit));
                condition.iter().for_each(visit);
            }
            Node::Filter { input, condition } => {
                input.for_each_expression(visit);
                visit(condition);
            }
            Node::Group(group) => {
                group.input.for_each_expression(visit);
                group.keys.iter().for_each(|key| visit(&key.value));
                group.aggregates.iter().filter_map(|aggregate| aggregate.argument.as_ref()).for_each(visit);
            }
            Node::Sort { input, terms } => {
                input.for_each_expression(visit);
                terms.iter().for_each(|term| visit(&term.value));
            }
        }
    }
}

/// `level` is how many nested queries were entered.
fn variables_of(expression: &Expression, level: isize, visit: &mut dyn FnMut(isize, usize)) {
    match expression {
        Expression::Variable(variable) => {
            visit(isize::try_from(variable.depth).unwrap_or(isize::MAX) - level, variable.slot);
        }
        // Without this a chain of nested queries would be walked once for each of its levels.
        Expression::Query(query) if !query.plan.correlated => {}
        Expression::Query(query) => {
            query.plan.for_each_expression(&mut |e| variables_of(e, level + 1, visit))
        }
        parent => parent.for_each_child(&mut |child| variables_of(child, level, visit)),
    }
}

/// The tables whose rows stand in the slots of one frame.
type Tables<'p> = Vec<(usize, &'p Source)>;

impl Statement {
    /// Calls back for each top-level field of a document that the statement reads, with its table.
    pub(crate) fn for_each_field<'p>(&'p self, visit: &mut dyn FnMut(&'p Source, &'p str)) {
        match self {
            Statement::Query(query) => fields_of_query(query, &mut Vec::new(), visit),
            Statement::Expression(value) => fields_of(value, &mut Vec::new(), visit),
            Statement::Insert(insert) => {
                let (Insertion::One(value) | Insertion::Each(value)) = &insert.insertion;
                fields_of(value, &mut Vec::new(), visit);
            }
            Statement::Modify(modify) => {
                let mut frames = vec![modify.input.tables()];
                modify.input.for_each_expression(&mut |e| fields_of(e, &mut frames, visit));
                let mut visit_target = |target: &'p Target| {
                    if let Some(TargetStep::Field(name)) = target.steps.first() {
                        visit(&modify.table, name);
                    }
                };
                match &modify.operation {
                    Operation::Set(assignments) => {
                        assignments.iter().for_each(|(target, _)| visit_target(target));
                        assignments.iter().for_each(|(_, value)| fields_of(value, &mut frames, visit));
                    }
                    Operation::Insert { target, .. }
                    | Operation::InsertEach { target, .. }
                    | Operation::Remove(target) => visit_target(target),
                    Operation::Delete => {}
                }
            }
            _ => {}
        }
    }
}

impl Node {
    fn tables(&self) -> Tables<'_> {
        match self {
            Node::Scan(scan) if scan.source.kind == SourceKind::User && scan.source.as_of.is_none() => {
                vec![(scan.slots.value, &scan.source)]
            }
            Node::Scan(_) | Node::Iterate { .. } => Vec::new(),
            Node::Join { left, right, .. } | Node::HashJoin { left, right, .. } => {
                [left.tables(), right.tables()].concat()
            }
            Node::Filter { input, .. } | Node::Sort { input, .. } => input.tables(),
            Node::Group(group) => group.input.tables(),
        }
    }
}

fn fields_of_query<'p>(
    query: &'p QueryPlan,
    frames: &mut Vec<Tables<'p>>,
    visit: &mut dyn FnMut(&'p Source, &'p str),
) {
    frames.push(query.input.tables());
    query.for_each_expression(&mut |e| fields_of(e, frames, visit));
    frames.pop();
}

fn fields_of<'p>(
    expression: &'p Expression,
    frames: &mut Vec<Tables<'p>>,
    visit: &mut dyn FnMut(&'p Source, &'p str),
) {
    if let Expression::Query(query) = expression {
        return fields_of_query(&query.plan, frames, visit);
    }
    if let Expression::Path { root, steps } = expression
        && let (Expression::Variable(Variable { depth, slot, .. }), Some(PathStep::Field(name))) =
            (&**root, steps.first())
        && let Some(tables) = frames.iter().rev().nth(*depth)
        && let Some((_, table)) = tables.iter().find(|(filled, _)| filled == slot)
    {
        visit(table, name);
    }
    expression.for_each_child(&mut |child| fields_of(child, frames, visit));
}
