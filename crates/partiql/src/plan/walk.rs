//! Which slots an expression, an access or a query reads, and which fields of tables a statement names.

use std::ops::Range;

use super::{
    AccessPlan, Expression, HashKey, IndexAccess, Insertion, KeyRangePlan, Keys, Node, Operation, PathStep,
    Projection, ProjectionItem, QueryPlan, Statement, Target, TargetStep, Variable, Window, WindowOrder,
};
use crate::tables::{Source, SourceKind};

impl Expression {
    /// Calls back for each variable with its depth and slot. The depth is counted from this expression's own frame,
    /// also for variables inside nested queries; it is negative for the variables of the nested query itself. A nested
    /// query that reads no frame around its own is left out.
    pub(crate) fn for_each_variable(&self, visit: &mut dyn FnMut(isize, usize)) {
        variables_of(self, 0, visit);
    }

    /// Whether the expression reads a frame around its own.
    pub(crate) fn reads_outer(&self) -> bool {
        let mut found = false;
        self.for_each_variable(&mut |depth, _| found |= depth > 0);
        found
    }

    /// Whether the expression reads a slot of its own frame in these ranges.
    pub(crate) fn reads(&self, slots: &[Range<usize>]) -> bool {
        let mut found = false;
        self.for_each_variable(&mut |depth, slot| {
            found |= depth == 0 && slots.iter().any(|slots| slots.contains(&slot));
        });
        found
    }
}

impl AccessPlan {
    /// Whether the keys are computed from a slot in these ranges.
    pub(crate) fn reads(&self, slots: &[Range<usize>]) -> bool {
        let mut found = false;
        self.for_each_expression(&mut |key| found |= key.reads(slots));
        found
    }

    /// Whether the keys are computed from the frames around that of the source.
    pub(crate) fn reads_outer(&self) -> bool {
        let mut found = false;
        self.for_each_expression(&mut |key| found |= key.reads_outer());
        found
    }

    fn for_each_expression<'p>(&'p self, visit: &mut dyn FnMut(&'p Expression)) {
        match self {
            AccessPlan::Scan => {}
            AccessPlan::Documents(ids) => ids.for_each_expression(visit),
            AccessPlan::Union(accesses) => {
                accesses.iter().for_each(|access| access.for_each_expression(visit));
            }
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

impl HashKey {
    fn for_each_expression<'p>(&'p self, visit: &mut dyn FnMut(&'p Expression)) {
        match self {
            HashKey::Equal(known, held) => {
                visit(known);
                visit(held);
            }
            HashKey::Known(condition) | HashKey::Held(condition) => visit(condition),
        }
    }
}

impl QueryPlan {
    /// Whether it reads slots of frames around its own.
    pub(crate) fn reads_outer(&self) -> bool {
        let mut found = false;
        self.for_each_expression(&mut |e| e.for_each_variable(&mut |depth, _| found |= depth > 0));
        self.input.for_each_query(&mut |query| found |= query.correlated);
        found
    }

    /// Calls back for each expression over the query's frame. LIMIT and OFFSET read no slot and are left out.
    fn for_each_expression<'p>(&'p self, visit: &mut dyn FnMut(&'p Expression)) {
        self.input.for_each_expression(visit);
        match &self.projection {
            Projection::Value(value) => visit(value),
            Projection::Items(items) => items.iter().for_each(|item| match item {
                ProjectionItem::Field { value, .. }
                | ProjectionItem::All(value)
                | ProjectionItem::AllBut(value, _) => visit(value),
            }),
            Projection::Row(values) => values.iter().for_each(visit),
        }
    }
}

impl Node {
    /// Whether it reads no slot but these, and no frame around its own.
    pub(crate) fn is_self_contained(&self, own: &[Range<usize>]) -> bool {
        let mut is_contained = true;
        self.for_each_expression(&mut |expression| {
            expression.for_each_variable(&mut |depth, slot| {
                is_contained &= depth < 0 || (depth == 0 && own.iter().any(|slots| slots.contains(&slot)));
            });
        });
        is_contained
    }

    /// Whether it reads frames around its own.
    pub(crate) fn reads_outer(&self) -> bool {
        let mut found = false;
        self.for_each_expression(&mut |expression| found |= expression.reads_outer());
        found
    }

    fn for_each_expression<'p>(&'p self, visit: &mut dyn FnMut(&'p Expression)) {
        match self {
            Node::One | Node::Combine(_) => {}
            Node::Scan(scan) => scan.access.for_each_expression(visit),
            Node::Iterate { value, .. } => visit(value),
            Node::FullJoin(join) => {
                join.left.for_each_expression(visit);
                join.right.for_each_expression(visit);
                join.keys.iter().for_each(|(left, right)| [left, right].into_iter().for_each(&mut *visit));
                join.condition.iter().for_each(visit);
            }
            Node::Join { left, right, condition, .. } => {
                left.for_each_expression(visit);
                right.for_each_expression(visit);
                condition.iter().for_each(visit);
            }
            // What stands in for a table reads nothing else.
            Node::HashJoin(join) => {
                join.left.for_each_expression(visit);
                join.right.for_each_expression(visit);
                join.keys.parts.iter().for_each(|key| key.for_each_expression(visit));
                join.condition.iter().for_each(visit);
            }
            Node::HashLookup(lookup) => {
                lookup.input.for_each_expression(visit);
                lookup.keys.parts.iter().for_each(|key| key.for_each_expression(visit));
            }
            Node::Filter { input, condition } => {
                input.for_each_expression(visit);
                visit(condition);
            }
            Node::Group(group) => {
                group.input.for_each_expression(visit);
                group.keys.iter().for_each(|key| visit(&key.value));
                let aggregates = group.aggregates.iter();
                let parts =
                    aggregates.flat_map(|aggregate| aggregate.argument.iter().chain(&aggregate.filter));
                parts.for_each(visit);
            }
            Node::Window(window) => {
                window.input.for_each_expression(visit);
                window.for_each_expression(visit);
            }
            Node::Sort { input, terms, .. } => {
                input.for_each_expression(visit);
                terms.iter().for_each(|term| visit(&term.value));
            }
        }
    }
}

impl Node {
    /// Calls back for each query whose results are rows of this node. Its frame lies beside the frame of this node, so
    /// that both have the same frames around them.
    fn for_each_query<'p>(&'p self, visit: &mut dyn FnMut(&'p QueryPlan)) {
        match self {
            Node::Combine(combine) => [&combine.left, &combine.right].into_iter().for_each(visit),
            Node::Filter { input, .. } | Node::Sort { input, .. } => input.for_each_query(visit),
            Node::Group(group) => group.input.for_each_query(visit),
            Node::Window(window) => window.input.for_each_query(visit),
            // A source of a FROM clause is no such query.
            Node::One
            | Node::Scan(_)
            | Node::Iterate { .. }
            | Node::Join { .. }
            | Node::HashJoin(_)
            | Node::HashLookup(_)
            | Node::FullJoin(_) => {}
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
        Expression::Query(query) => variables_of_query(&query.plan, level + 1, visit),
        parent => parent.for_each_child(&mut |child| variables_of(child, level, visit)),
    }
}

fn variables_of_query(query: &QueryPlan, level: isize, visit: &mut dyn FnMut(isize, usize)) {
    query.for_each_expression(&mut |e| variables_of(e, level, visit));
    query.input.for_each_query(&mut |query| {
        if query.correlated {
            variables_of_query(query, level, visit);
        }
    });
}

/// The tables whose rows stand in the slots of one frame.
type Tables<'p> = Vec<(usize, &'p Source)>;

/// Where a walk over the fields that a statement reads has come to.
#[derive(Default)]
struct FieldWalk<'p> {
    /// The frames around the expression, the outermost first.
    frames: Vec<Tables<'p>>,
    /// The addresses of the queries of WITH that were walked. Each may stand in many places.
    walked: Vec<usize>,
}

impl Statement {
    /// Calls back for each top-level field of a document that the statement reads, with its table.
    pub(crate) fn for_each_field<'p>(&'p self, visit: &mut dyn FnMut(&'p Source, &'p str)) {
        match self {
            Statement::Query(query) => fields_of_query(query, &mut FieldWalk::default(), visit),
            Statement::Expression(value) => fields_of(value, &mut FieldWalk::default(), visit),
            Statement::Insert(insert) => {
                let (Insertion::One(value) | Insertion::Each(value)) = &insert.insertion;
                fields_of(value, &mut FieldWalk::default(), visit);
            }
            Statement::Modify(modify) => {
                let mut walk = FieldWalk { frames: vec![modify.input.tables()], walked: Vec::new() };
                modify.input.for_each_expression(&mut |e| fields_of(e, &mut walk, visit));
                let mut visit_target = |target: &'p Target| {
                    if let Some(TargetStep::Field(name)) = target.steps.first() {
                        visit(&modify.table, name);
                    }
                };
                match &modify.operation {
                    Operation::Set(assignments) => {
                        assignments.iter().for_each(|(target, _)| visit_target(target));
                        assignments.iter().for_each(|(_, value)| fields_of(value, &mut walk, visit));
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
    /// The node whose rows a filter looks at.
    pub(crate) fn below_filter(&self) -> &Node {
        match self {
            Node::Filter { input, .. } => input.below_filter(),
            node => node,
        }
    }

    fn tables(&self) -> Tables<'_> {
        match self {
            Node::Scan(scan) if scan.source.kind == SourceKind::User && scan.source.as_of.is_none() => {
                vec![(scan.slots.value, &scan.source)]
            }
            Node::One | Node::Scan(_) | Node::Iterate { .. } | Node::Combine(_) => Vec::new(),
            Node::FullJoin(join) => [join.left.tables(), join.right.tables()].concat(),
            Node::Join { left, right, .. } => [left.tables(), right.tables()].concat(),
            Node::HashJoin(join) => [join.left.tables(), join.right.tables()].concat(),
            Node::HashLookup(lookup) => lookup.input.tables(),
            Node::Filter { input, .. } | Node::Sort { input, .. } => input.tables(),
            Node::Group(group) => group.input.tables(),
            Node::Window(window) => window.input.tables(),
        }
    }
}

fn fields_of_query<'p>(
    query: &'p QueryPlan,
    walk: &mut FieldWalk<'p>,
    visit: &mut dyn FnMut(&'p Source, &'p str),
) {
    walk.frames.push(query.input.tables());
    query.for_each_expression(&mut |e| fields_of(e, walk, visit));
    walk.frames.pop();
    query.input.for_each_query(&mut |query| fields_of_query(query, walk, visit));
}

fn fields_of<'p>(
    expression: &'p Expression,
    walk: &mut FieldWalk<'p>,
    visit: &mut dyn FnMut(&'p Source, &'p str),
) {
    if let Expression::Query(query) = expression {
        let address = std::ptr::from_ref(&*query.plan).addr();
        if query.name.is_some() {
            if walk.walked.contains(&address) {
                return;
            }
            walk.walked.push(address);
        }
        return fields_of_query(&query.plan, walk, visit);
    }
    if let Expression::Path { root, steps } = expression
        && let (Expression::Variable(Variable { depth, slot, .. }), Some(PathStep::Field(name))) =
            (&**root, steps.first())
        && let Some(tables) = walk.frames.iter().rev().nth(*depth)
        && let Some((_, table)) = tables.iter().find(|(filled, _)| filled == slot)
    {
        visit(table, name);
    }
    expression.for_each_child(&mut |child| fields_of(child, walk, visit));
}

impl Window {
    /// Calls back for each expression over the frame of the rows.
    fn for_each_expression<'p>(&'p self, visit: &mut dyn FnMut(&'p Expression)) {
        for WindowOrder { partition, order, functions } in &self.orders {
            partition.iter().for_each(&mut *visit);
            order.iter().for_each(|term| visit(&term.value));
            for function in functions {
                function.arguments.iter().chain(&function.filter).for_each(&mut *visit);
            }
        }
    }
}
