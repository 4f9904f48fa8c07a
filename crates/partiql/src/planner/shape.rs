//! What the planner can tell from the shape of an expression: which path it is, which conditions AND joins in it, and
//! whether it can fail.

use std::sync::Arc;

use everstrand_ion::{Data, Value};

use crate::expression::AggregateFunction;
use crate::plan::{
    Aggregate, Coercion, Expression, Node, PathStep, Projection, ProjectionItem, QueryPlan, Variable,
};

/// The path that goes on from an expression by more steps.
pub(super) fn extended(root: Expression, mut more: Vec<PathStep>) -> Expression {
    match root {
        root if more.is_empty() => root,
        Expression::Path { root, mut steps } => {
            steps.append(&mut more);
            Expression::Path { root, steps }
        }
        root => Expression::Path { root: Box::new(root), steps: more },
    }
}

/// The expression as a path of names from a slot of its own frame.
pub(super) fn slot_path(expression: &Expression) -> Option<(usize, Vec<Arc<str>>)> {
    let (depth, slot, names) = path_of(expression)?;
    (depth == 0).then_some((slot, names))
}

/// The expression as a path of names from a slot: the depth of the slot, the slot, and the names.
pub(super) fn path_of(expression: &Expression) -> Option<(usize, usize, Vec<Arc<str>>)> {
    match expression {
        Expression::Variable(variable) => Some((variable.depth, variable.slot, Vec::new())),
        Expression::Path { root, steps } => {
            let Expression::Variable(Variable { depth, slot, .. }) = **root else { return None };
            let names = steps.iter().map(|step| match step {
                PathStep::Field(name) => Some(name.clone()),
                _ => None,
            });
            Some((depth, slot, names.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// The operands of AND, with those of an AND within it. A condition that is no AND is its own only operand.
pub(super) fn conjuncts(condition: Expression) -> Vec<Expression> {
    match condition {
        Expression::And(operands) => operands.into_iter().flat_map(conjuncts).collect(),
        condition => vec![condition],
    }
}

/// The AND of conditions, which undoes [`conjuncts`]. `None` if there are no conditions.
pub(super) fn conjunction(mut conditions: Vec<Expression>) -> Option<Expression> {
    match conditions.len() {
        0 | 1 => conditions.pop(),
        _ => Some(Expression::And(conditions)),
    }
}

/// Whether an expression cannot fail on any row. If so, it may be computed for rows for which another order of the
/// conditions would not have computed it. An expression that reads no row counts as such, because it fails for all
/// rows or for none, as in `day > DATE_ADD(day, -7, UTCNOW())`.
pub(super) fn is_total(expression: &Expression) -> bool {
    if is_constant(expression) {
        return true;
    }
    match expression {
        Expression::Literal { .. }
        | Expression::Missing
        | Expression::Parameter { .. }
        | Expression::Variable(_) => true,
        Expression::Path { root, steps } => {
            is_total(root)
                && steps.iter().all(|step| match step {
                    PathStep::Index(index) => matches!(
                        &**index,
                        Expression::Literal { value: Value { data: Data::Int(_) | Data::String(_), .. }, .. }
                    ),
                    _ => true,
                })
        }
        Expression::Not(value) | Expression::IsTruth { value, .. } => is_total_condition(value),
        Expression::Is { value, .. } => is_total(value),
        Expression::Binary { operator, left, right, .. } => {
            operator.is_comparison() && is_total(left) && is_total(right)
        }
        Expression::And(items) | Expression::Or(items) => items.iter().all(is_total_condition),
        Expression::List(items) | Expression::Bag(items) => items.iter().all(is_total),
        Expression::In { value, collection, .. } | Expression::Quantified { value, collection, .. } => {
            is_total(value) && is_total(collection)
        }
        Expression::Distinct { left, right, .. } => is_total(left) && is_total(right),
        Expression::Between { value, low, high, .. } => is_total(value) && is_total(low) && is_total(high),
        Expression::Like { value, pattern, escape, .. } => {
            is_total(value) && is_constant(pattern) && escape.as_deref().is_none_or(is_constant)
        }
        Expression::Struct(fields) => fields.iter().all(|(name, value)| is_total(name) && is_total(value)),
        Expression::Sign { .. }
        | Expression::Case { .. }
        | Expression::Cast { .. }
        | Expression::Call { .. }
        | Expression::Chain { .. } => false,
        Expression::Query(query) => {
            let has_one_row = query.coercion == Coercion::None || yields_one_row(&query.plan);
            query.plan.is_total && !query.plan.correlated && has_one_row
        }
        Expression::Claused(never) => match **never {},
    }
}

/// Whether computing the results of a query cannot fail. If so, a condition with it may be checked wherever it helps.
pub(super) fn is_total_query(plan: &QueryPlan) -> bool {
    let are_total = match &plan.projection {
        Projection::Value(value) => is_total(value),
        Projection::Row(values) => values.iter().all(is_total),
        Projection::Items(items) => items.iter().all(|item| match item {
            ProjectionItem::Field { value, .. }
            | ProjectionItem::All(value)
            | ProjectionItem::AllBut(value, _) => is_total(value),
        }),
    };
    plan.limit.iter().chain(&plan.offset).all(|bound| matches!(bound, Expression::Literal { .. }))
        && are_total
        && is_total_node(&plan.input)
}

fn is_total_node(node: &Node) -> bool {
    match node {
        // An access whose values cannot be computed reads all rows.
        Node::One | Node::Scan(_) => true,
        Node::Iterate { value, .. } => is_total(value),
        Node::Filter { input, condition } => {
            conjuncts(condition.clone()).iter().all(is_total_condition) && is_total_node(input)
        }
        Node::Sort { input, terms, .. } => {
            terms.iter().all(|term| is_total(&term.value)) && is_total_node(input)
        }
        // SUM and AVG refuse what is no number.
        Node::Group(group) => {
            let is_total_aggregate = |aggregate: &Aggregate| {
                !matches!(aggregate.function, AggregateFunction::Sum | AggregateFunction::Avg)
                    && aggregate.argument.iter().all(is_total)
                    && aggregate.filter.iter().all(is_total_condition)
            };
            group.keys.iter().all(|key| is_total(&key.value))
                && group.aggregates.iter().all(is_total_aggregate)
                && is_total_node(&group.input)
        }
        Node::Join { .. }
        | Node::HashJoin(_)
        | Node::HashLookup(_)
        | Node::FullJoin(_)
        | Node::Combine(_)
        | Node::Window(_) => false,
    }
}

/// Whether a query never has more than one result.
fn yields_one_row(plan: &QueryPlan) -> bool {
    matches!(plan.input.below_filter(), Node::Group(group) if group.keys.is_empty())
}

/// Whether a condition cannot fail on any row: neither its parts nor because its value is no boolean.
pub(super) fn is_total_condition(condition: &Expression) -> bool {
    is_truth(condition) && is_total(condition)
}

/// Whether an expression can be nothing but TRUE, FALSE and unknown.
pub(super) fn is_truth(expression: &Expression) -> bool {
    match expression {
        Expression::Not(_)
        | Expression::And(_)
        | Expression::Or(_)
        | Expression::In { .. }
        | Expression::Between { .. }
        | Expression::Like { .. }
        | Expression::Is { .. }
        | Expression::Distinct { .. }
        | Expression::IsTruth { .. }
        | Expression::Quantified { .. }
        | Expression::Missing => true,
        Expression::Literal { value, .. } => matches!(value.data, Data::Bool(_) | Data::Null(_)),
        Expression::Binary { operator, .. } => operator.is_comparison(),
        _ => false,
    }
}

/// Whether an expression reads neither rows nor tables.
pub(super) fn is_constant(expression: &Expression) -> bool {
    !expression.any(&mut |part| matches!(part, Expression::Variable(_) | Expression::Query(_)))
}
