//! What the operators of a plan did, for EXPLAIN ANALYZE: a meter for each node and each query of the plan.

use std::collections::HashMap;

use crate::buffered_bytes::BufferedBytes;

/// An operator, by its address in the plan, which does not move while the statement lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operator {
    Node(usize),
    Query(usize),
}

/// What one operator did so far.
#[derive(Debug)]
pub(crate) struct Meter {
    /// How often it began.
    pub(crate) runs: u64,
    /// How many rows it yielded.
    pub(crate) rows: u64,
    /// How many documents it read from tables.
    pub(crate) documents: u64,
    /// How many entries of indexes it read.
    pub(crate) entries: u64,
    /// How long it took, with the operators below it.
    pub(crate) nanoseconds: u64,
    /// The bytes that it holds itself.
    pub(crate) held: BufferedBytes,
}

/// The meters of a statement.
#[derive(Debug)]
pub(crate) struct Meters {
    /// All that the statement holds.
    whole: BufferedBytes,
    meters: HashMap<Operator, Meter>,
    /// The operator that works now.
    current: Option<Operator>,
}

/// What is restored when an operator rests.
pub(crate) struct Before {
    operator: Operator,
    outer: Option<Operator>,
    budget: BufferedBytes,
    began: u64,
}

impl Meters {
    pub(crate) fn new(whole: BufferedBytes) -> Meters {
        Meters { whole, meters: HashMap::new(), current: None }
    }

    /// The meter of an operator, if it ever began.
    pub(crate) fn of(&self, operator: Operator) -> Option<&Meter> {
        self.meters.get(&operator)
    }

    /// An operator works from now on. What it holds counts in the budget, which is its own until it rests.
    pub(crate) fn enter(
        &mut self,
        operator: Operator,
        begins: bool,
        budget: &mut BufferedBytes,
        now: u64,
    ) -> Before {
        let meter = self.meters.entry(operator).or_insert_with(|| Meter {
            runs: 0,
            rows: 0,
            documents: 0,
            entries: 0,
            nanoseconds: 0,
            held: self.whole.metered(),
        });
        meter.runs += u64::from(begins);
        let outer = self.current.replace(operator);
        Before { operator, outer, budget: std::mem::replace(budget, meter.held.clone()), began: now }
    }

    /// The operator rests, because it has yielded a row or has ended.
    pub(crate) fn leave(&mut self, before: Before, yielded: bool, budget: &mut BufferedBytes, now: u64) {
        if let Some(meter) = self.meters.get_mut(&before.operator) {
            meter.rows += u64::from(yielded);
            meter.nanoseconds += now.saturating_sub(before.began);
        }
        self.current = before.outer;
        *budget = before.budget;
    }

    /// The operator that works now has passed over rows that the operator above would have dropped.
    pub(crate) fn passed(&mut self, rows: u64) {
        if let Some(meter) = self.current.and_then(|current| self.meters.get_mut(&current)) {
            meter.rows += rows;
            meter.documents += rows;
        }
    }

    /// The operator that works now has read something.
    pub(crate) fn read(&mut self, documents: u64, entries: u64) {
        if let Some(meter) = self.current.and_then(|current| self.meters.get_mut(&current)) {
            meter.documents += documents;
            meter.entries += entries;
        }
    }
}
