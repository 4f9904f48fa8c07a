//! Runs queries: turns rows into results, applies DISTINCT, OFFSET and LIMIT, and runs queries within expressions.

use std::collections::HashSet;
use std::sync::Arc;

use everstrand_ion::Symbol;

use crate::buffered_bytes::Charge;
use crate::datum::Datum;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::eval::expression::{self, NestedQueries};
use crate::eval::operand::Operand;
use crate::eval::path;
use crate::eval::scope::Scope;
use crate::execute::combine::Results;
use crate::execute::frame::{Frame, Input, OuterScope};
use crate::execute::node::State;
use crate::key;
use crate::number::Number;
use crate::plan::{Coercion, Expression, NestedQuery, Projection, ProjectionItem, QueryPlan};
use crate::work::Work;

/// The state of a query.
#[derive(Debug)]
pub(crate) struct QueryState {
    node: State,
    frame: Frame,
    /// The keys of the results so far, if equal results are yielded once.
    seen: Option<(HashSet<Vec<u8>>, Charge)>,
    /// How many results must still be skipped and yielded, once OFFSET and LIMIT are computed.
    window: Option<Window>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    skip: usize,
    take: Option<usize>,
}

impl QueryState {
    pub(crate) fn new(plan: &QueryPlan) -> QueryState {
        QueryState {
            node: State::start(&plan.input),
            frame: vec![Datum::Missing; plan.slots],
            seen: None,
            window: None,
        }
    }

    /// The next result.
    pub(crate) fn next(
        &mut self,
        plan: &QueryPlan,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
    ) -> Result<Option<Datum>, PartiqlError> {
        if context.execution.meters.is_none() {
            return self.advance(plan, context, outer);
        }
        let before = context.enter(plan.into(), self.window.is_none());
        let result = self.advance(plan, context, outer);
        context.leave(before, matches!(result, Ok(Some(_))));
        result
    }

    fn advance(
        &mut self,
        plan: &QueryPlan,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
    ) -> Result<Option<Datum>, PartiqlError> {
        let mut window = match self.window {
            Some(window) => window,
            None => self.open(plan, context, outer)?,
        };
        let result = loop {
            if window.take == Some(0) || !self.node.next(&plan.input, context, outer, &mut self.frame)? {
                break None;
            }
            // Without DISTINCT a skipped result need not be computed.
            if !plan.distinct && window.skip > 0 {
                window.skip -= 1;
                continue;
            }
            let held = context.held();
            let scope = outer.scope(&self.frame);
            let mut result;
            if let Some((seen, charge)) = &mut self.seen {
                let (projected, key) = distinct(&plan.projection, context, scope)?;
                result = projected;
                let bytes = key::weight(&key);
                context.work(key.len())?;
                if !seen.insert(key) {
                    context.release(held);
                    continue;
                }
                charge.take(bytes, "DISTINCT")?;
                if window.skip > 0 {
                    window.skip -= 1;
                    context.release(held);
                    continue;
                }
            } else {
                result = project(&plan.projection, context, scope)?;
                // In the result of a statement MISSING becomes null.
                if result.is_missing() && outer.enclosing.is_none() {
                    result = Datum::null();
                }
            }
            window.take = window.take.map(|take| take - 1);
            break Some(result);
        };
        self.window = Some(window);
        Ok(result)
    }

    fn open(
        &mut self,
        plan: &QueryPlan,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
    ) -> Result<Window, PartiqlError> {
        let skip = count(plan.offset.as_ref(), "OFFSET", context, outer, &self.frame)?.unwrap_or(0);
        let take = count(plan.limit.as_ref(), "LIMIT", context, outer, &self.frame)?;
        let mut skip = skip;
        if plan.counts_rows {
            skip -= self.node.skip(&plan.input, skip, context, outer, &self.frame)?;
            self.node.expect(take.map(|take| skip.saturating_add(take)));
        }
        if plan.distinct {
            self.seen = Some((HashSet::new(), context.execution.budget.charge()));
        } else if let Some(take) = take {
            // A sort may drop every row that no result is made of.
            self.node.bound(skip.saturating_add(take));
        }
        Ok(Window { skip, take })
    }
}

impl Results for QueryState {
    fn start(plan: &QueryPlan) -> QueryState {
        QueryState::new(plan)
    }

    fn next_result(
        &mut self,
        plan: &QueryPlan,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
    ) -> Result<Option<Datum>, PartiqlError> {
        self.next(plan, context, outer)
    }
}

impl NestedQueries for Context<'_> {
    fn nested(&mut self, scope: Scope<'_>, query: &NestedQuery) -> Result<Operand<'static>, PartiqlError> {
        let NestedQuery { plan, coercion, position, .. } = query;
        let plan = &**plan;
        let address = std::ptr::from_ref(plan).addr();
        if !plan.correlated
            && let Some((result, _)) = self.execution.nested.get(&address)
        {
            return Ok(Operand::Shared(Arc::clone(result)));
        }
        let outer = OuterScope { enclosing: Some(&scope), parameters: scope.parameters };
        let held = self.held();
        let refused = self.execution.type_errors.refused;
        let results = self.with_type_errors(refused, |context| {
            let mut state = QueryState::new(plan);
            let mut results = Vec::new();
            while let Some(result) = state.next(plan, context, outer)? {
                if *coercion == Coercion::Scalar && !results.is_empty() {
                    let text = "a query used as one value has more than one row";
                    return Err(PartiqlError::evaluator(Some(*position), text));
                }
                context.hold(size_of::<Datum>())?;
                results.push(result);
            }
            Ok(results)
        })?;
        let result = match coercion {
            Coercion::None => Datum::Bag(results),
            Coercion::Scalar => results.into_iter().next().unwrap_or(Datum::null()),
        };
        if plan.correlated {
            return Ok(result.into());
        }
        let charge = self.keep(held);
        let result = Arc::new(result);
        self.execution.nested.insert(address, (Arc::clone(&result), charge));
        Ok(Operand::Shared(result))
    }

    fn exists(&mut self, scope: Scope<'_>, plan: &QueryPlan) -> Result<bool, PartiqlError> {
        let address = std::ptr::from_ref(plan).addr();
        if let Some((known, _)) = self.execution.nested.get(&address) {
            return Ok(matches!(known.kind(), ValueKind::Bool(true)));
        }
        let outer = OuterScope { enclosing: Some(&scope), parameters: scope.parameters };
        let mut state = QueryState::new(plan);
        let held = self.held();
        let exists = state.next(plan, self, outer)?.is_some();
        self.release(held);
        if !plan.correlated {
            let charge = self.execution.budget.charge();
            self.execution.nested.insert(address, (Arc::new(Datum::of(exists)), charge));
        }
        Ok(exists)
    }
}

fn project(
    projection: &Projection,
    context: &mut Context<'_>,
    scope: Scope<'_>,
) -> Result<Datum, PartiqlError> {
    let items = match projection {
        Projection::Value(value) => return expression::datum(context, scope, value),
        Projection::Row(values) => return row(values, context, scope),
        Projection::Items(items) => items,
    };
    // `SELECT *` over one source yields the row itself.
    if let [ProjectionItem::All(value)] = &items[..] {
        let value = expression::evaluate(context, scope, value)?;
        if let Operand::Borrowed(value) = value
            && value.is_document()
        {
            return Ok(value.share());
        }
    }
    let mut fields: Vec<(Symbol, Datum)> = Vec::with_capacity(items.len());
    for item in items {
        append(&mut fields, item, context, scope)?;
    }
    fields.retain(|(_, value)| !value.is_missing());
    Ok(Datum::Struct(fields))
}

/// The values of a row for an operator between queries.
fn row(values: &[Expression], context: &mut Context<'_>, scope: Scope<'_>) -> Result<Datum, PartiqlError> {
    let mut row = Vec::with_capacity(values.len());
    for value in values {
        context.hold(size_of::<Datum>())?;
        row.push(expression::datum(context, scope, value)?);
    }
    Ok(Datum::List(row))
}

/// Appends the fields that an item of a select list makes. The value of a field may be MISSING.
fn append(
    fields: &mut Vec<(Symbol, Datum)>,
    item: &ProjectionItem,
    context: &mut Context<'_>,
    scope: Scope<'_>,
) -> Result<(), PartiqlError> {
    match item {
        ProjectionItem::Field { name, value } => {
            let value = expression::datum(context, scope, value)?;
            context.hold(size_of::<(Symbol, Datum)>())?;
            fields.push((Symbol::new(Arc::clone(name)), value));
        }
        ProjectionItem::All(value) => {
            let value = expression::datum(context, scope, value)?;
            match value.kind() {
                ValueKind::Missing => {}
                ValueKind::Struct if ValueRef::from(&value).fields().next().is_some() => {
                    fields.extend(path::fields(context, value)?);
                }
                _ => fields.push((Symbol::from(format!("_{}", fields.len() + 1)), value)),
            }
        }
        ProjectionItem::AllBut(value, names) => {
            let value = expression::datum(context, scope, value)?;
            if matches!(value.kind(), ValueKind::Struct) {
                let all = path::fields(context, value)?.into_iter();
                fields.extend(all.filter(|(name, _)| {
                    !name.text().is_some_and(|name| names.iter().any(|other| **other == *name))
                }));
            }
        }
    }
    Ok(())
}

/// A result, and the key by which DISTINCT compares it. A field that is NULL and one that is absent are the same.
/// MISSING counts as NULL and becomes NULL, as in groups. The items of a select list are compared place by place,
/// because several may have the same name. The fields that `*` stands for are compared by their names.
fn distinct(
    projection: &Projection,
    context: &mut Context<'_>,
    scope: Scope<'_>,
) -> Result<(Datum, Vec<u8>), PartiqlError> {
    let known = |value: Datum| if value.is_missing() { Datum::null() } else { value };
    let items = match projection {
        Projection::Value(value) => {
            let result = known(expression::datum(context, scope, value)?);
            let key = key::whole_counted(context, (&result).into())?;
            return Ok((result, key));
        }
        Projection::Row(values) => {
            let Datum::List(values) = row(values, context, scope)? else { unreachable!("a row is a list") };
            let values: Vec<Datum> = values.into_iter().map(known).collect();
            let mut key = Vec::new();
            for value in &values {
                key.extend(key::whole_counted(context, value.into())?);
            }
            return Ok((Datum::List(values), key));
        }
        Projection::Items(items) => items,
    };
    let mut key = Vec::new();
    let mut fields: Vec<(Symbol, Datum)> = Vec::with_capacity(items.len());
    for item in items {
        let start = fields.len();
        append(&mut fields, item, context, scope)?;
        match item {
            ProjectionItem::Field { .. } => {
                if let Some((_, value)) = fields.last_mut() {
                    *value = known(std::mem::replace(value, Datum::Missing));
                    key.extend(key::whole_counted(context, (&*value).into())?);
                }
            }
            ProjectionItem::All(_) | ProjectionItem::AllBut(..) => {
                let known: Vec<(Symbol, Datum)> =
                    fields[start..].iter().filter(|(_, value)| !value.is_unknown()).cloned().collect();
                key.extend(key::whole_counted(context, ValueRef::from(&known[..]))?);
            }
        }
    }
    Ok((Datum::Struct(fields), key))
}

/// The value of LIMIT or OFFSET, an integer that is not negative. Any other LIMIT is an error. Any other OFFSET skips nothing,
/// because the public conformance suite wants it so.
fn count(
    expression: Option<&Expression>,
    clause: &str,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<usize>, PartiqlError> {
    let Some(expression) = expression else {
        return Ok(None);
    };
    let value = outer.datum(context, frame, expression)?;
    let number = match value.kind() {
        ValueKind::Number(Number::Int(int)) => int.as_i64(),
        _ => None,
    };
    match number.map(usize::try_from) {
        Some(Ok(number)) => Ok(Some(number)),
        None if matches!(value.kind(), ValueKind::Number(Number::Int(int)) if !int.is_negative()) => {
            Ok(Some(usize::MAX))
        }
        _ if clause == "OFFSET" => Ok(None),
        _ => Err(PartiqlError::evaluator(None, format!("{clause} must be an integer that is not negative"))),
    }
}
