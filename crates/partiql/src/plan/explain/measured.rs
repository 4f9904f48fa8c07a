//! What EXPLAIN ANALYZE shows beside the plan of a statement: what each operator did.
//!
//! ```text
//! runs          how often the operator began, once for each row of a query around it, for example
//! rowsIn        how many rows it took from the operators below it, in all runs
//! rowsOut       how many rows it yielded, in all runs
//! documents     how many documents it read from its table
//! indexEntries  how many entries of an index it read
//! milliseconds  how long it took, with the operators below it
//! bytesHeld     the most bytes that it held at one time, without the operators below it
//! ```

use everstrand_ion::{Decimal, Struct};

use super::Explainer;
use crate::meters::{Meter, Operator};
use crate::plan::{Node, QueryPlan};

/// What happened at one row of the plan.
#[derive(Default)]
pub(super) struct Measured {
    counts: Vec<(&'static str, u64)>,
    nanoseconds: Option<u64>,
    bytes: usize,
}

/// What a whole statement did.
pub(crate) struct Whole {
    pub(crate) rows: u64,
    pub(crate) nanoseconds: u64,
    /// The most bytes that it held at one time.
    pub(crate) bytes: usize,
    pub(crate) read_ios: u64,
    pub(crate) write_ios: u64,
}

impl Whole {
    pub(super) fn measured(&self) -> Measured {
        let counts = [("rowsOut", self.rows), ("readIOs", self.read_ios), ("writeIOs", self.write_ios)];
        let counts = counts.into_iter().filter(|(name, count)| *name == "rowsOut" || *count > 0).collect();
        Measured { counts, nanoseconds: Some(self.nanoseconds), bytes: self.bytes }
    }
}

impl Measured {
    pub(super) fn write(&self, fields: &mut Struct) {
        for (name, count) in &self.counts {
            fields.push(*name, *count);
        }
        if let Some(nanoseconds) = self.nanoseconds {
            fields.push("milliseconds", Decimal::new(nanoseconds / 1000, -3));
        }
        if self.bytes > 0 {
            fields.push("bytesHeld", self.bytes as u64);
        }
    }
}

impl Explainer<'_> {
    /// What an operator did. `inputs` are the operators below it.
    pub(super) fn measured(&self, operator: Operator, inputs: &[Operator]) -> Option<Measured> {
        let meters = self.meters?;
        let Some(Meter { runs, rows, documents, entries, nanoseconds, held }) = meters.of(operator) else {
            return Some(Measured { counts: vec![("runs", 0)], ..Measured::default() });
        };
        let mut counts = vec![("runs", *runs)];
        if !inputs.is_empty() {
            counts.push(("rowsIn", self.rows_of(inputs)));
        }
        counts.push(("rowsOut", *rows));
        let read = [("documents", *documents), ("indexEntries", *entries)];
        counts.extend(read.into_iter().filter(|(_, count)| *count > 0));
        Some(Measured { counts, nanoseconds: Some(*nanoseconds), bytes: held.most() })
    }

    /// What is known of an operator that has no meter: how many rows it took in.
    pub(super) fn taken_in(&self, inputs: &[Operator]) -> Option<Measured> {
        self.meters?;
        Some(Measured { counts: vec![("rowsIn", self.rows_of(inputs))], ..Measured::default() })
    }

    fn rows_of(&self, operators: &[Operator]) -> u64 {
        let meters = operators.iter().filter_map(|operator| self.meters?.of(*operator));
        meters.map(|meter| meter.rows).sum()
    }

    /// The node that stood in for a hash table, if it was used.
    pub(super) fn without_table(&mut self, node: Option<&Node>, depth: usize) {
        if let (Some(node), Some(meters)) = (node, self.meters)
            && meters.of(node.into()).is_some()
        {
            self.row(depth, "Without the table", "");
            self.node(node, depth + 1);
        }
    }
}

/// The operators below a node.
pub(super) fn inputs(node: &Node) -> Vec<Operator> {
    match node {
        Node::One | Node::Scan(_) | Node::Iterate { .. } => Vec::new(),
        Node::Join { left, right, .. } => vec![(&**left).into(), (&**right).into()],
        Node::HashJoin(join) => {
            [&join.left, &join.right].into_iter().chain(&join.otherwise).map(Operator::from).collect()
        }
        Node::HashLookup(lookup) => vec![(&lookup.input).into(), (&lookup.otherwise).into()],
        Node::FullJoin(join) => vec![(&join.left).into(), (&join.right).into()],
        Node::Combine(combine) => vec![(&combine.left).into(), (&combine.right).into()],
        Node::Filter { input, .. } | Node::Sort { input, .. } => vec![(&**input).into()],
        Node::Group(group) => vec![(&group.input).into()],
        Node::Window(window) => vec![(&window.input).into()],
    }
}

impl From<&Node> for Operator {
    fn from(node: &Node) -> Operator {
        Operator::Node(std::ptr::from_ref(node).addr())
    }
}

impl From<&QueryPlan> for Operator {
    fn from(query: &QueryPlan) -> Operator {
        Operator::Query(std::ptr::from_ref(query).addr())
    }
}
