//! Predicates over collections, and IS DISTINCT FROM.

use std::sync::Arc;

use crate::compare;
use crate::datum::Datum;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::eval::expression::{at, evaluate, truth};
use crate::eval::membership::{self, Membership};
use crate::eval::operand::Operand;
use crate::eval::scope::Scope;
use crate::eval::{Fault, operator};
use crate::expression::{BinaryOperator, Quantifier};
use crate::plan::Expression;
use crate::work::{ELEMENT, Work};

/// The predicates of SQL that QLDB did not have.
pub(crate) fn of_sql(
    context: &mut Context<'_>,
    scope: Scope<'_>,
    predicate: &Expression,
) -> Result<Operand<'static>, PartiqlError> {
    Ok(match predicate {
        Expression::Distinct { left, right, negated, .. } => {
            let (left, right) = (evaluate(context, scope, left)?, evaluate(context, scope, right)?);
            let is_distinct = is_distinct(context, left.get(), right.get())?;
            Operand::truth(Some(is_distinct != *negated))
        }
        Expression::IsTruth { value: condition, truth: wanted, negated, .. } => {
            let value = evaluate(context, scope, condition)?;
            Operand::truth(Some((truth(condition, &value)? == *wanted) != *negated))
        }
        Expression::Quantified { value, operator, quantifier, collection, position } => {
            let value = evaluate(context, scope, value)?;
            let collection = evaluate(context, scope, collection)?;
            let operands = [value.get(), collection.get()];
            quantified(context, *operator, *quantifier, operands).map_err(at(*position))?.into()
        }
        _ => unreachable!("the caller has checked the kind of the expression"),
    })
}

/// Whether a collection has an element that equals the value. NULL if only an unknown element may equal it. The outer
/// `None`, which is MISSING, if there is no collection.
pub(crate) fn is_in(
    context: &mut Context<'_>,
    scope: Scope<'_>,
    value: ValueRef<'_>,
    collection: &Expression,
) -> Result<Option<Option<bool>>, PartiqlError> {
    let address = std::ptr::from_ref(collection).addr();
    if let Some(known) = context.execution.memberships.get(&address).cloned() {
        return Ok(Some(known.contains(context, value)?));
    }
    if membership::is_worth_keeping(collection) {
        let items = evaluate(context, scope, collection)?;
        let charge = context.execution.budget.charge();
        if let Some(membership) = Membership::of(context, charge, items.get())? {
            let truth = membership.contains(context, value)?;
            context.execution.memberships.insert(address, Arc::new(membership));
            return Ok(Some(truth));
        }
    }
    let mut result = Some(false);
    // A short list is compared item by item without being put together.
    if let Expression::List(items) | Expression::Bag(items) = collection {
        for item in items {
            let item = evaluate(context, scope, item)?;
            match compare::equal_counted(context, value, item.get())? {
                Some(true) => return Ok(Some(Some(true))),
                Some(false) => {}
                None => result = None,
            }
        }
        return Ok(Some(result));
    }
    let collection = evaluate(context, scope, collection)?;
    match collection.get().kind() {
        ValueKind::Missing | ValueKind::Null => return Ok(Some(None)),
        ValueKind::List | ValueKind::Bag | ValueKind::Sexp => {}
        _ => return Ok(None),
    }
    for item in collection.get().items() {
        match compare::equal_counted(context, value, item)? {
            Some(true) => return Ok(Some(Some(true))),
            Some(false) => {}
            None => result = None,
        }
    }
    Ok(Some(result))
}

/// `left IS DISTINCT FROM right`. NULL and MISSING are one value here, as in DISTINCT and GROUP BY.
fn is_distinct(
    context: &mut Context<'_>,
    left: ValueRef<'_>,
    right: ValueRef<'_>,
) -> Result<bool, PartiqlError> {
    Ok(match compare::equal_counted(context, left, right)? {
        Some(equal) => !equal,
        None => left.is_unknown() != right.is_unknown(),
    })
}

/// `value operator ALL (collection)` or ANY. Unknown comparisons make the result unknown, unless another element
/// decides. Without elements ALL is TRUE and ANY is FALSE.
fn quantified(
    context: &mut Context<'_>,
    operator: BinaryOperator,
    quantifier: Quantifier,
    [value, collection]: [ValueRef<'_>; 2],
) -> Result<Datum, Fault> {
    match collection.kind() {
        ValueKind::Missing | ValueKind::Null => return Ok(Datum::null()),
        ValueKind::List | ValueKind::Bag | ValueKind::Sexp => {}
        _ => {
            let fault = || format!("{quantifier} needs a collection between its parentheses").into();
            return context.execution.type_errors.of(fault);
        }
    }
    let decides = quantifier != Quantifier::All;
    let mut result = Some(!decides);
    for item in collection.items() {
        context.work(ELEMENT)?;
        match operator::truth_of(&operator::binary(context, operator, value, item)?) {
            Some(truth) if truth == decides => return Ok(Datum::of(decides)),
            Some(_) => {}
            None => result = None,
        }
    }
    Ok(Datum::truth(result))
}
