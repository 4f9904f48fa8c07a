//! COUNT, SUM, MIN, MAX and AVG: functions that make one value of many.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::compare;
use crate::datum::Datum;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::eval::context::Context;
use crate::eval::mistyped::expected;
use crate::eval::{Fault, arithmetic};
use crate::expression::{AggregateFunction, BinaryOperator};
use crate::key;
use crate::number::Number;
use crate::work::{ELEMENT, Work};

/// The state of one aggregate. It ignores NULL and MISSING.
#[derive(Clone, Debug)]
pub(crate) struct Accumulator {
    function: AggregateFunction,
    count: i64,
    sum: Option<Number>,
    extreme: Option<Datum>,
    /// The keys of the values so far, if equal values count once.
    seen: Option<HashSet<Vec<u8>>>,
}

impl Accumulator {
    pub(crate) fn new(function: AggregateFunction, distinct: bool) -> Accumulator {
        Accumulator { function, count: 0, sum: None, extreme: None, seen: distinct.then(HashSet::new) }
    }

    /// Counts rows for `COUNT(*)`.
    pub(crate) fn count_rows(&mut self, rows: u64) {
        self.count += rows.cast_signed();
    }

    /// Whether the aggregate can take in a value of this type: SUM and AVG take numbers only.
    pub(crate) fn takes(&self, value: ValueRef<'_>) -> bool {
        !matches!(self.function, AggregateFunction::Sum | AggregateFunction::Avg)
            || matches!(value.kind(), ValueKind::Number(_) | ValueKind::Null | ValueKind::Missing)
    }

    /// Takes in a value, and answers how many bytes the aggregate now holds because of it. SUM and AVG refuse a value
    /// that is no number, because a total without it would be wrong.
    pub(crate) fn add(&mut self, context: &mut Context<'_>, value: ValueRef<'_>) -> Result<usize, Fault> {
        context.work(ELEMENT)?;
        if value.is_unknown() {
            return Ok(0);
        }
        let mut cost = 0;
        if let Some(seen) = &mut self.seen {
            let key = key::whole_counted(context, value)?;
            context.work(key.len())?;
            cost = key::weight(&key);
            if !seen.insert(key) {
                return Ok(0);
            }
        }
        self.count += 1;
        match self.function {
            AggregateFunction::Count => {}
            AggregateFunction::Sum | AggregateFunction::Avg => match value.kind() {
                ValueKind::Number(number) => {
                    context.work(number.work())?;
                    self.sum = Some(match &self.sum {
                        None => number,
                        Some(sum) => arithmetic::numbers(BinaryOperator::Add, sum, &number)?,
                    });
                }
                _ => return Err(expected("number", value)),
            },
            AggregateFunction::Min | AggregateFunction::Max => {
                let better = match &self.extreme {
                    None => true,
                    Some(extreme) => compare::order_counted(context, value, extreme.into())? == self.wanted(),
                };
                if better {
                    let extreme = context.copy(value)?;
                    let before = self.extreme.as_ref().map_or(0, Datum::weight);
                    cost += extreme.weight().saturating_sub(before);
                    self.extreme = Some(extreme);
                }
            }
        }
        Ok(cost)
    }

    /// Takes in all that another accumulator of the same function took in.
    pub(crate) fn merge(&mut self, context: &mut Context<'_>, other: &Accumulator) -> Result<(), Fault> {
        context.work(ELEMENT)?;
        self.count += other.count;
        if let Some(sum) = &other.sum {
            context.work(sum.work())?;
            self.sum = Some(match &self.sum {
                None => sum.clone(),
                Some(own) => arithmetic::numbers(BinaryOperator::Add, own, sum)?,
            });
        }
        if let Some(extreme) = &other.extreme {
            let is_better = match &self.extreme {
                None => true,
                Some(own) => compare::order_counted(context, extreme.into(), own.into())? == self.wanted(),
            };
            if is_better {
                self.extreme = Some(extreme.clone());
            }
        }
        Ok(())
    }

    /// How an extreme that replaces the one so far compares with it.
    fn wanted(&self) -> Ordering {
        if self.function == AggregateFunction::Min { Ordering::Less } else { Ordering::Greater }
    }

    /// Roughly how many bytes of values it holds.
    pub(crate) fn weight(&self) -> usize {
        self.extreme.as_ref().map_or(0, Datum::weight) + self.sum.as_ref().map_or(0, Number::work)
    }

    /// The result. Over no values it is NULL, and 0 for COUNT.
    pub(crate) fn finish(self) -> Result<Datum, Fault> {
        Ok(match self.function {
            AggregateFunction::Count => Datum::of(self.count),
            AggregateFunction::Sum => self.sum.map_or(Datum::null(), arithmetic::datum),
            AggregateFunction::Min | AggregateFunction::Max => self.extreme.unwrap_or(Datum::null()),
            AggregateFunction::Avg => match self.sum {
                None => Datum::null(),
                Some(sum) => {
                    arithmetic::datum(arithmetic::divide_exactly(&sum, &Number::Int(self.count.into()))?)
                }
            },
        })
    }
}
