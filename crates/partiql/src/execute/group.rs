//! GROUP BY: collects rows into groups and computes their aggregates.

use std::collections::HashMap;

use everstrand_ion::Symbol;

use crate::buffered_bytes::Charge;
use crate::datum::Datum;
use crate::error::PartiqlError;
use crate::eval::aggregate::Accumulator;
use crate::eval::context::Context;
use crate::eval::expression;
use crate::eval::operand::Operand;
use crate::execute::frame::{Frame, Input, OuterScope};
use crate::execute::kept;
use crate::key;
use crate::plan::{Group, GroupAs, Node, Scan};

const PURPOSE: &str = "grouping";

/// The state of a grouping. It reads all rows before it yields the first group.
#[derive(Debug)]
pub(crate) struct GroupState<I> {
    input: I,
    groups: Option<std::vec::IntoIter<One>>,
    charge: Option<Charge>,
}

/// One group.
#[derive(Debug)]
struct One {
    keys: Vec<Datum>,
    accumulators: Vec<Accumulator>,
    members: Vec<Datum>,
}

impl<I: Input> GroupState<I> {
    pub(crate) fn new(input: I) -> GroupState<I> {
        GroupState { input, groups: None, charge: None }
    }

    pub(crate) fn next(
        &mut self,
        plan: &Group,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<bool, PartiqlError> {
        if self.groups.is_none() {
            let mut charge = context.execution.budget.charge();
            let groups = self.read(plan, &mut charge, context, outer, frame)?;
            self.charge = Some(charge);
            self.groups = Some(groups.into_iter());
        }
        let Some(group) = self.groups.as_mut().and_then(Iterator::next) else {
            self.charge = None;
            return Ok(false);
        };
        for (key, value) in plan.keys.iter().zip(group.keys) {
            frame[key.slot] = value;
        }
        for (aggregate, accumulator) in plan.aggregates.iter().zip(group.accumulators) {
            frame[aggregate.slot] =
                accumulator.finish().map_err(|fault| fault.at(Some(aggregate.position)))?;
        }
        if let Some(GroupAs { slot, .. }) = &plan.group_as {
            frame[*slot] = Datum::Bag(group.members);
        }
        Ok(true)
    }

    /// Reads all rows. The groups are in the order in which their first rows came.
    fn read(
        &mut self,
        plan: &Group,
        charge: &mut Charge,
        context: &mut Context<'_>,
        outer: OuterScope<'_>,
        frame: &mut Frame,
    ) -> Result<Vec<One>, PartiqlError> {
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut groups: Vec<One> = Vec::new();
        if plan.keys.is_empty() {
            groups.push(One::new(plan, Vec::new()));
            places.insert(Vec::new(), 0);
        }
        if !plan.kept.is_empty()
            && let Some(accumulators) = kept::read(plan, scan_of(&plan.input), context, outer, frame)?
        {
            return Ok(vec![One { keys: Vec::new(), accumulators, members: Vec::new() }]);
        }
        let mut encoded = Vec::new();
        while self.input.next(&plan.input, context, outer, frame)? {
            let held = context.held();
            encoded.clear();
            for key in &plan.keys {
                let value = expression::evaluate(context, outer.scope(frame), &key.value)?;
                // MISSING groups as NULL.
                let value = if value.get().is_unknown() { Operand::truth(None) } else { value };
                key::write_part(context, &mut encoded, value.get())?;
                drop(value);
                context.release(held);
            }
            let place = match places.get(&encoded) {
                Some(place) => *place,
                None => {
                    let keys = keys_of(plan, context, outer, frame)?;
                    let values = keys.iter().map(Datum::weight).sum::<usize>();
                    let bytes = key::weight(&encoded) + values + 256 * (1 + plan.aggregates.len());
                    charge.take(bytes, PURPOSE)?;
                    groups.push(One::new(plan, keys));
                    places.insert(encoded.clone(), groups.len() - 1);
                    groups.len() - 1
                }
            };
            context.release(held);
            let group = &mut groups[place];
            accumulate(plan, group, charge, context, outer, frame)?;
            if let Some(GroupAs { fields, .. }) = &plan.group_as {
                let fields = fields.iter().filter(|(_, slot)| !frame[*slot].is_missing());
                let weight = fields.clone().map(|(name, slot)| 32 + name.len() + frame[*slot].weight());
                charge.take(size_of::<Datum>() + weight.sum::<usize>(), PURPOSE)?;
                let member = fields.map(|(name, slot)| (Symbol::from(&**name), frame[*slot].clone()));
                group.members.push(Datum::Struct(member.collect()));
            }
        }
        Ok(groups)
    }
}

/// Takes a row into the aggregates of its group.
fn accumulate(
    plan: &Group,
    group: &mut One,
    charge: &mut Charge,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<(), PartiqlError> {
    let held = context.held();
    for (aggregate, accumulator) in plan.aggregates.iter().zip(&mut group.accumulators) {
        if let Some(filter) = &aggregate.filter
            && !context.selecting(|context| outer.holds(context, frame, filter))?
        {
            continue;
        }
        let Some(argument) = &aggregate.argument else {
            accumulator.count_rows(1);
            continue;
        };
        let value = context
            .with_type_errors(true, |context| expression::evaluate(context, outer.scope(frame), argument))?;
        let bytes =
            accumulator.add(context, value.get()).map_err(|fault| fault.at(Some(aggregate.position)))?;
        drop(value);
        context.release(held);
        charge.take(bytes, PURPOSE)?;
    }
    Ok(())
}

/// The keys of a new group. They are copied, because a small key must not keep a large document alive.
fn keys_of(
    plan: &Group,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Vec<Datum>, PartiqlError> {
    let mut keys = Vec::with_capacity(plan.keys.len());
    for key in &plan.keys {
        let value = expression::evaluate(context, outer.scope(frame), &key.value)?;
        keys.push(if value.get().is_unknown() { Datum::null() } else { context.copy(value.get())? });
    }
    Ok(keys)
}

/// The scan that the aggregates are about.
fn scan_of(input: &Node) -> &Scan {
    match input.below_filter() {
        Node::Scan(scan) => scan,
        _ => unreachable!("the planner saw a scan"),
    }
}

impl One {
    fn new(plan: &Group, keys: Vec<Datum>) -> One {
        let accumulators = plan
            .aggregates
            .iter()
            .map(|aggregate| Accumulator::new(aggregate.function, aggregate.distinct))
            .collect();
        One { keys, accumulators, members: Vec::new() }
    }
}
