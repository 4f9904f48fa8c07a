//! Plans UNION, EXCEPT and INTERSECT.

use std::sync::Arc;

use everstrand_ion::{Data, Value};

use super::Planner;
use super::query::{field, reads_nothing};
use super::scope::{Clause, Scope, SourceFields, SourceNames};
use crate::ast::{self, OrderTerm};
use crate::error::PartiqlError;
use crate::expression::Located;
use crate::plan::{Combine, Node, Projection, ProjectionItem, QueryPlan, SortTerm, SourceSlots};
use crate::position::Position;

impl<'a> Planner<'a> {
    /// Plans an operator between two queries. If both have select lists, the results are compared item by item, and the
    /// left query names the items. If not, the results are compared as whole values.
    pub(super) fn combined(&mut self, combined: &'a ast::Combined) -> Result<QueryPlan, PartiqlError> {
        let ast::Combined { operator, all, left, right, order, limit, offset, position } = combined;
        let (operator, all) = (*operator, *all);
        let stops_early = std::mem::take(&mut self.stops_early);
        self.extension(
            *position,
            &format!("unexpected token found, KEYWORD : {}", operator.name().to_lowercase()),
            "Unexpected token after expression",
        )?;
        if let Some(pivot) = left.as_pivot().or(right.as_pivot()) {
            return Err(PartiqlError::refused(
                pivot.position,
                format_args!(
                    "{} puts the results of queries together, and PIVOT makes one struct",
                    operator.name()
                ),
            ));
        }
        let limit = self.limit(limit.as_ref())?;
        let offset = self.limit(offset.as_ref())?;
        self.stops_early = stops_early;
        let mut left_plan = self.query(left)?;
        self.stops_early = stops_early;
        let mut right_plan = self.query(right)?;
        let names = common_names(&mut left_plan, &mut right_plan, combined)?;
        let mut scope = Scope::default();
        let slots: Vec<Arc<str>> = names.clone().unwrap_or_else(|| vec![Arc::from("_1")]);
        for name in &slots {
            let slot = scope.slot(name);
            let slots = SourceSlots { value: slot, at: None, by: None };
            // A name that is none of these is no field of them.
            let fields = SourceFields::Only(Vec::new());
            scope.sources.push(SourceNames { alias: Arc::clone(name), at: None, by: None, slots, fields });
        }
        let combine = Combine {
            operator,
            all,
            left: left_plan,
            right: right_plan,
            slots: slots.len(),
            is_list: names.is_some(),
        };
        self.scopes.push(scope);
        let planned = self.ordered_and_projected(order.as_ref(), names.as_deref(), *position);
        self.scopes.pop();
        let (terms, projection) = planned?;
        let mut input = Node::Combine(Box::new(combine));
        if !terms.is_empty() {
            input = Node::Sort { input: Box::new(input), terms, presorted: 0 };
        }
        let slots = slots.len();
        let mut plan = QueryPlan {
            slots,
            input,
            projection,
            distinct: false,
            offset,
            limit,
            counts_rows: false,
            correlated: false,
            is_total: false,
        };
        plan.correlated = plan.reads_outer();
        Ok(plan)
    }

    fn ordered_and_projected(
        &mut self,
        order: Option<&'a ast::Order>,
        names: Option<&[Arc<str>]>,
        position: Position,
    ) -> Result<(Vec<SortTerm>, Projection), PartiqlError> {
        self.clause(Clause::Rows);
        let mut terms = Vec::new();
        for OrderTerm { value, descending, nulls_first } in order.iter().flat_map(|order| &order.terms) {
            let at = order.map_or(position, |order| order.position);
            self.work(names.map_or(0, <[_]>::len))?;
            let value = match names {
                Some(names) => self.slot(0, item_of(value, names, at)?, value.position()),
                None if reads_nothing(value) => {
                    return Err(PartiqlError::refused(
                        at,
                        format_args!("ORDER BY {value}: the value is the same for all results; name a field"),
                    ));
                }
                None => self.expression(value)?,
            };
            terms.push(SortTerm {
                value,
                descending: *descending,
                nulls_first: nulls_first.unwrap_or(*descending),
            });
        }
        let projection = match names {
            Some(names) => {
                let items = names.iter().enumerate().map(|(slot, name)| field(name, slot, position));
                Projection::Items(items.collect())
            }
            None => Projection::Value(self.slot(0, 0, Some(position))),
        };
        Ok((terms, projection))
    }
}

/// The names of the items of a select list. `None` if the results are whole values.
pub(super) fn names_of(plan: &QueryPlan) -> Option<Vec<Arc<str>>> {
    let Projection::Items(items) = &plan.projection else { return None };
    let names = items.iter().map(|item| match item {
        ProjectionItem::Field { name, .. } => Some(Arc::clone(name)),
        ProjectionItem::All(_) | ProjectionItem::AllBut(..) => None,
    });
    names.collect()
}

/// Lets a query with a select list yield its items by place.
fn by_place(plan: &mut QueryPlan) {
    if let Projection::Items(items) = &mut plan.projection {
        let values = std::mem::take(items).into_iter().filter_map(|item| match item {
            ProjectionItem::Field { value, .. } => Some(value),
            ProjectionItem::All(_) | ProjectionItem::AllBut(..) => None,
        });
        plan.projection = Projection::Row(values.collect());
    }
}

/// The item that a term of ORDER BY names or whose place it gives.
fn item_of(term: &ast::Expression, names: &[Arc<str>], position: Position) -> Result<usize, PartiqlError> {
    let refused = |why: String| Err(PartiqlError::refused(position, format_args!("ORDER BY {term}: {why}")));
    match term {
        ast::Expression::Literal { value: Value { data: Data::Int(place), .. }, .. } => {
            let place = place.as_i64().and_then(|place| usize::try_from(place).ok()).unwrap_or(0);
            match (1..=names.len()).contains(&place) {
                true => Ok(place - 1),
                false => refused(format!("the select list has {} items", names.len())),
            }
        }
        ast::Expression::Variable(ast::Variable { name, local: false }) => {
            let mut found = (0..names.len()).filter(|at| *names[*at] == *name.name);
            match (found.next(), found.next()) {
                (Some(item), None) => Ok(item),
                (Some(_), Some(_)) => {
                    refused("two items of the select list have this name; write its position".to_owned())
                }
                _ => refused(format!("the left query has no item of this name; it has {}", names.join(", "))),
            }
        }
        _ => refused(
            "results of several queries are ordered by the name or the position of an item; put the expression into both \
             select lists"
                .to_owned(),
        ),
    }
}

/// The names of the items if both queries have select lists; their results are then compared item by item.
fn common_names(
    left: &mut QueryPlan,
    right: &mut QueryPlan,
    combined: &ast::Combined,
) -> Result<Option<Vec<Arc<str>>>, PartiqlError> {
    let (Some(names), Some(others)) = (names_of(left), names_of(right)) else { return Ok(None) };
    if names.len() != others.len() {
        return Err(PartiqlError::refused(
            combined.right.position(),
            format_args!(
                "The left query of {} has {} items and the right one {}",
                combined.operator.name(),
                names.len(),
                others.len()
            ),
        ));
    }
    by_place(left);
    by_place(right);
    Ok(Some(names))
}
