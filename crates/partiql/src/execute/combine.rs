//! UNION, EXCEPT and INTERSECT. UNION ALL holds no rows. UNION holds a key of each result that it has yielded, the others
//! hold a key of each result of the right query.

use std::collections::HashMap;

use crate::buffered_bytes::Charge;
use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::execute::frame::{Frame, OuterScope};
use crate::key;
use crate::plan::{Combine, QueryPlan, SetOperator};
use crate::work::Work;

/// The state of a query, as an operator between queries uses it.
pub(crate) trait Results {
    /// The state of a query before its first result.
    fn start(plan: &QueryPlan) -> Self;

    /// The next result.
    fn next_result(
        &mut self,
        plan: &QueryPlan,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
    ) -> Result<Option<Datum>, PartiqlError>;
}

/// The state of an operator between queries.
#[derive(Debug)]
pub(crate) struct CombineState<Q> {
    left: Q,
    right: Q,
    /// Whether the left query has ended.
    is_left_over: bool,
    /// How often each key was met, or may still be met.
    keys: Option<(HashMap<Vec<u8>, usize>, Charge)>,
    /// The bytes of the row that stands in the frame.
    row: Option<Charge>,
}

impl<Q: Results> CombineState<Q> {
    pub(crate) fn new(plan: &Combine) -> CombineState<Q> {
        let (left, right) = (Q::start(&plan.left), Q::start(&plan.right));
        CombineState { left, right, is_left_over: false, keys: None, row: None }
    }

    pub(crate) fn next(
        &mut self,
        plan: &Combine,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        self.row = None;
        let held = context.held();
        while let Some(row) = self.candidate(plan, context, outer)? {
            context.step()?;
            if self.is_wanted(plan, &row, context, outer)? {
                self.row = Some(context.keep(held));
                for (slot, value) in row.into_iter().enumerate() {
                    frame[slot] = if plan.all { value } else { known(value) };
                }
                return Ok(true);
            }
            context.release(held);
        }
        self.keys = None;
        Ok(false)
    }

    /// The next result that may be one of the whole.
    fn candidate(
        &mut self,
        plan: &Combine,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
    ) -> Result<Option<Vec<Datum>>, PartiqlError> {
        if !self.is_left_over {
            if let Some(result) = self.left.next_result(&plan.left, context, outer)? {
                return Ok(Some(row(plan, result)));
            }
            self.is_left_over = true;
        }
        if plan.operator != SetOperator::Union {
            return Ok(None);
        }
        let result = self.right.next_result(&plan.right, context, outer)?;
        Ok(result.map(|result| row(plan, result)))
    }

    /// Whether a result belongs to the whole.
    fn is_wanted(
        &mut self,
        plan: &Combine,
        row: &[Datum],
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
    ) -> Result<bool, PartiqlError> {
        if plan.operator == SetOperator::Union && plan.all {
            return Ok(true);
        }
        let key = key_of(row, context)?;
        let (keys, charge) = match &mut self.keys {
            Some(keys) => keys,
            None => {
                let mut charge = context.execution.budget.charge();
                let mut keys = HashMap::new();
                if plan.operator != SetOperator::Union {
                    read(plan, &mut self.right, &mut keys, &mut charge, context, outer)?;
                }
                self.keys.insert((keys, charge))
            }
        };
        let purpose = plan.operator.name();
        Ok(match plan.operator {
            SetOperator::Union => note(keys, charge, key, purpose)?,
            SetOperator::Except if plan.all => !take(keys, &key),
            SetOperator::Except => note(keys, charge, key, purpose)?,
            SetOperator::Intersect if plan.all => take(keys, &key),
            SetOperator::Intersect => keys.remove(&key).is_some(),
        })
    }
}

/// Notes how often the right query has each result.
fn read(
    plan: &Combine,
    right: &mut impl Results,
    keys: &mut HashMap<Vec<u8>, usize>,
    charge: &mut Charge,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
) -> Result<(), PartiqlError> {
    let held = context.held();
    while let Some(result) = right.next_result(&plan.right, context, outer)? {
        context.step()?;
        let key = key_of(&row(plan, result), context)?;
        context.release(held);
        match keys.get_mut(&key) {
            Some(count) => *count += 1,
            None => drop(note(keys, charge, key, plan.operator.name())?),
        }
    }
    Ok(())
}

/// Notes a key, and answers whether it is new.
fn note(
    keys: &mut HashMap<Vec<u8>, usize>,
    charge: &mut Charge,
    key: Vec<u8>,
    purpose: &str,
) -> Result<bool, PartiqlError> {
    if keys.contains_key(&key) {
        return Ok(false);
    }
    charge.take(key::weight(&key), purpose)?;
    keys.insert(key, 1);
    Ok(true)
}

/// Takes one of those that were counted, and answers whether there was one.
fn take(keys: &mut HashMap<Vec<u8>, usize>, key: &[u8]) -> bool {
    match keys.get_mut(key) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

/// A result as the values of the slots.
fn row(plan: &Combine, result: Datum) -> Vec<Datum> {
    match result {
        Datum::List(items) if plan.is_list => items,
        result => vec![result],
    }
}

/// The key by which results are compared: item by item, NULL and MISSING alike.
fn key_of(row: &[Datum], context: &mut Context<'_>) -> Result<Vec<u8>, PartiqlError> {
    let mut key = Vec::new();
    let null = Datum::null();
    for value in row {
        let value = if value.is_missing() { &null } else { value };
        key.extend(key::whole_counted(context, value.into())?);
    }
    context.work(key.len())?;
    Ok(key)
}

fn known(value: Datum) -> Datum {
    if value.is_missing() { Datum::null() } else { value }
}
