//! Chooses the order in which the sources of inner joins are joined.
//!
//! The order decides how many documents are read, and so with whom a transaction conflicts. It also decides the order
//! of the rows, which only a statement with extensions may choose, because QLDB joined sources as they are written. The
//! search is greedy: it tries each source as the first, goes on with the source that costs least, and takes the cheapest
//! order. Between equal costs the written order stays.

use std::collections::HashMap;

use super::access;
use super::from::{Tree, TreeKind};
use super::shape::{is_total, is_total_condition};
use super::size::Size;
use super::{COMPARISON, Planner};
use crate::ast::MAX_SOURCES;
use crate::error::PartiqlError;
use crate::expression::BinaryOperator;
use crate::plan::{AccessPlan, Expression, JoinKind};

/// If there are more sources, only the one with the fewest rows is tried as the first.
const STARTS_MAX: usize = 8;

/// From how many rows on a source is read whole, rather than looked up for each row by an index. Fewer lookups take
/// little time, and they read fewer documents that others may change.
pub(super) const LOOKUPS_MAX: f64 = 1000.0;

/// How much longer a lookup in an index takes than one row of a scan.
pub(super) const LOOKUP: f64 = 4.0;

/// The share of a table that lookups are taken to read at most.
const FEWER: f64 = 0.9;

/// In which order the rows of a query may come, if it has no ORDER BY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowOrder {
    /// As nested loops over the sources yield them, in the order in which the sources are written.
    Written,
    /// In any order.
    Free,
    /// In any order if no condition may fail. The query ends with its first row, so that a condition that fails for a
    /// later row is not asked.
    FreeUnlessSeen,
}

/// Sources that are joined by inner joins, and the conditions on their rows.
pub(super) struct Group {
    /// The sources as they are written. Each is a table, a value, or a join that stays as it is.
    pub(super) units: Vec<Unit>,
    /// Conditions that cannot fail.
    pub(super) movable: Vec<Condition>,
    /// Conditions that may fail, in the order in which they are checked on whole rows.
    pub(super) fixed: Vec<Expression>,
    /// The units that equalities among these conditions read. They join their units, too.
    keys: Vec<u64>,
}

/// One of the sources of a [`Group`].
pub(super) struct Unit {
    pub(super) tree: Tree,
    /// The units whose slots it reads.
    needs: u64,
    /// The conditions that read it, as their places in [`Group::movable`].
    near: Vec<usize>,
    /// The units that these conditions and the unit itself read.
    neighbours: u64,
    /// Whether reading it cannot fail. If it can, it is read where it is written.
    is_total: bool,
}

/// A condition and the units that it reads, each a bit.
pub(super) struct Condition {
    pub(super) expression: Expression,
    pub(super) reads: u64,
}

/// What is known of a unit once some others stand before it.
#[derive(Clone, Copy)]
struct Reach {
    /// How many rows are read each time.
    read: f64,
    /// How many rows it has.
    size: Size,
    /// The share of its rows that meets the conditions.
    share: f64,
    /// Whether the access reads the rows before it.
    depends: bool,
    /// Whether an equality joins it to the rows before it.
    has_key: bool,
}

/// An order and its cost.
struct Candidate {
    places: Vec<usize>,
    cost: f64,
}

impl Group {
    /// Takes a tree apart. `above` are conditions that may fail and stand above the tree.
    pub(super) fn of(tree: Tree, movable: Vec<Expression>, above: Vec<Expression>, order: RowOrder) -> Group {
        let (mut trees, mut movable, mut fixed) = (Vec::new(), movable, Vec::new());
        flatten(tree, order, &mut trees, &mut movable, &mut fixed);
        fixed.extend(above);
        let starts: Vec<usize> = trees.iter().map(|tree| tree.slots.start).collect();
        let end = trees.last().map_or(0, |tree| tree.slots.end);
        let reads = |expression: &Expression| {
            let mut reads = 0;
            expression.for_each_variable(&mut |depth, slot| {
                if depth == 0 && starts.first().is_some_and(|first| *first <= slot) && slot < end {
                    reads |= bit(starts.partition_point(|start| *start <= slot) - 1);
                }
            });
            reads
        };
        let movable: Vec<Condition> = movable
            .into_iter()
            .map(|expression| Condition { reads: reads(&expression), expression })
            .collect();
        let units = trees.into_iter().enumerate().map(|(place, tree)| {
            let (mut needs, mut is_total) = (0, true);
            inspect(&tree, &mut |expression, is_total_part| {
                needs |= reads(expression) & !bit(place);
                is_total &= is_total_part;
            });
            Unit { tree, needs, is_total, near: Vec::new(), neighbours: needs }
        });
        let mut units: Vec<Unit> = units.collect();
        for (number, condition) in movable.iter().enumerate() {
            for place in bits(condition.reads) {
                units[place].near.push(number);
                units[place].neighbours |= condition.reads;
            }
        }
        let mut keys = Vec::new();
        for condition in &fixed {
            if matches!(condition, Expression::Binary { operator: BinaryOperator::Equal, .. }) {
                let reads = reads(condition);
                bits(reads).for_each(|place| units[place].neighbours |= reads);
                keys.push(reads);
            }
        }
        Group { units, movable, fixed, keys }
    }

    /// Whether more than one source is read.
    pub(super) fn has_join(&self) -> bool {
        let is_join = |unit: &Unit| matches!(unit.tree.kind, TreeKind::Join { .. } | TreeKind::Full { .. });
        self.units.len() > 1 || self.units.iter().any(is_join)
    }
}

/// The bit of a unit.
fn bit(place: usize) -> u64 {
    const { assert!(MAX_SOURCES <= 64, "a unit is a bit of 64") };
    1 << place
}

/// The places of the units of a set.
fn bits(mut units: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = units.trailing_zeros() as usize;
        units &= units.wrapping_sub(1);
        (place < 64).then_some(place)
    })
}

/// Collects the units of inner joins, with the conditions of the joins. A join in parentheses on the right side is a
/// unit if it has conditions that may fail, because they are checked within it, or if the order is the written one.
fn flatten(
    tree: Tree,
    order: RowOrder,
    trees: &mut Vec<Tree>,
    movable: &mut Vec<Expression>,
    fixed: &mut Vec<Expression>,
) {
    match tree.kind {
        TreeKind::Join { left, right, kind: JoinKind::Inner, on } => {
            let (total, own): (Vec<_>, Vec<_>) = on.into_iter().partition(is_total_condition);
            movable.extend(total);
            flatten(*left, order, trees, movable, fixed);
            fixed.extend(own);
            if order == RowOrder::Free && !has_fixed(&right) {
                flatten(*right, order, trees, movable, fixed);
            } else {
                trees.push(*right);
            }
        }
        kind => trees.push(Tree { kind, slots: tree.slots }),
    }
}

/// Whether inner joins of a tree have conditions that may fail.
fn has_fixed(tree: &Tree) -> bool {
    match &tree.kind {
        TreeKind::Join { left, right, kind: JoinKind::Inner, on } => {
            !on.iter().all(is_total_condition) || has_fixed(left) || has_fixed(right)
        }
        _ => false,
    }
}

/// Calls back for each expression of a tree, with whether it cannot fail there.
pub(super) fn inspect(tree: &Tree, visit: &mut dyn FnMut(&Expression, bool)) {
    match &tree.kind {
        TreeKind::Table { .. } => {}
        TreeKind::Value { value, .. } => visit(value, is_total(value)),
        TreeKind::Join { left, right, on, .. } | TreeKind::Full { left, right, on } => {
            inspect(left, visit);
            inspect(right, visit);
            on.iter().for_each(|condition| visit(condition, is_total_condition(condition)));
        }
    }
}

/// Whether reading a tree cannot fail.
pub(super) fn is_total_tree(tree: &Tree) -> bool {
    let mut is_total = true;
    inspect(tree, &mut |_, is_total_part| is_total &= is_total_part);
    is_total
}

impl Planner<'_> {
    /// The places of the units of a group in the order in which they are joined.
    pub(super) fn order_of(&mut self, group: &Group, order: RowOrder) -> Result<Vec<usize>, PartiqlError> {
        let count = group.units.len();
        let written = (0..count).collect();
        // A unit that may fail is read where it is written, and so are those before it.
        let pinned = group.units.iter().rposition(|unit| !unit.is_total).map_or(0, |last| last + 1);
        if order == RowOrder::Written || pinned + 1 >= count {
            return Ok(written);
        }
        let mut reaches = HashMap::new();
        let mut starts: Vec<usize> = if pinned > 0 { vec![0] } else { (0..count).collect() };
        starts.retain(|start| group.units[*start].needs == 0);
        if starts.len() > STARTS_MAX {
            let mut least: Option<(f64, usize)> = None;
            for start in starts {
                let Reach { read, size, share, .. } = self.reach(group, &mut reaches, start, 0)?;
                let cost = read + size.rows * share;
                if least.is_none_or(|(least, _)| cost < least) {
                    least = Some((cost, start));
                }
            }
            starts = least.map(|(_, start)| start).into_iter().collect();
        }
        let mut best: Option<Candidate> = None;
        for start in starts {
            let found = self.candidate(group, &mut reaches, start, pinned)?;
            // Costs that differ by rounding are equal.
            if best.as_ref().is_none_or(|best| found.cost < 0.999 * best.cost) {
                best = Some(found);
            }
        }
        Ok(best.map_or(written, |best| best.places))
    }

    /// The order that begins with a unit, or with the pinned ones, and goes on with the cheapest one each time.
    fn candidate(
        &mut self,
        group: &Group,
        reaches: &mut HashMap<(usize, u64), Reach>,
        start: usize,
        pinned: usize,
    ) -> Result<Candidate, PartiqlError> {
        let first = self.reach(group, reaches, start, 0)?;
        let mut rows = first.size.rows * first.share;
        let mut found = Candidate { places: vec![start], cost: first.read + rows };
        let mut available = bit(start);
        while found.places.len() < group.units.len() {
            let next = found.places.len();
            let mut best: Option<(f64, f64, usize)> = None;
            for (place, unit) in group.units.iter().enumerate() {
                if available & bit(place) != 0
                    || unit.needs & !available != 0
                    || (next < pinned && place != next)
                {
                    continue;
                }
                let reach = self.reach(group, reaches, place, available)?;
                let (cost, joined) = reach.step(rows);
                if best.is_none_or(|(least, _, _)| cost < 0.999 * least) {
                    best = Some((cost, joined, place));
                }
            }
            let Some((cost, joined, place)) = best else {
                unreachable!("a unit reads only units that are written before it")
            };
            found.cost += cost;
            rows = joined;
            available |= bit(place);
            found.places.push(place);
        }
        Ok(found)
    }

    /// What is known of a unit if the available ones stand before it.
    fn reach(
        &mut self,
        group: &Group,
        reaches: &mut HashMap<(usize, u64), Reach>,
        place: usize,
        available: u64,
    ) -> Result<Reach, PartiqlError> {
        let own = bit(place);
        let unit = &group.units[place];
        let key = (place, available & unit.neighbours);
        self.work(1)?;
        if let Some(known) = reaches.get(&key) {
            return Ok(*known);
        }
        self.work(COMPARISON * unit.near.len())?;
        let near = unit.near.iter().map(|number| &group.movable[*number]);
        let active: Vec<&Condition> =
            near.filter(|condition| condition.reads & !(available | own) == 0).collect();
        self.work(group.keys.len())?;
        let reach = self.reach_of(group, unit, (own, available), &active);
        reaches.insert(key, reach);
        Ok(reach)
    }

    fn reach_of(
        &mut self,
        group: &Group,
        unit: &Unit,
        (own, available): (u64, u64),
        active: &[&Condition],
    ) -> Reach {
        let mut has_key = active.iter().any(|condition| {
            condition.reads != own
                && matches!(&condition.expression, Expression::Binary { operator: BinaryOperator::Equal, .. })
        });
        let mut keys = group
            .keys
            .iter()
            .filter(|reads| **reads & own != 0 && **reads != own && **reads & !(available | own) == 0);
        let key = keys.next().copied();
        has_key |= key.is_some();
        let TreeKind::Table { source, slots, .. } = &unit.tree.kind else {
            let size = self.size_of_tree(&unit.tree);
            let share = active.iter().map(|_| 0.1).product();
            return Reach { read: size.rows, size, share, depends: unit.needs != 0, has_key };
        };
        let size = self.size(source);
        let mut share = 1.0;
        for condition in active {
            let others = self.largest(group, condition.reads & !own);
            share *= self.share(source, *slots, &condition.expression, others);
        }
        if let Some(reads) = key {
            share /= size.rows.max(self.largest(group, reads & !own).unwrap_or(1.0));
        }
        let expressions: Vec<&Expression> = active.iter().map(|condition| &condition.expression).collect();
        let access = access::choose(source, *slots, &unit.tree.slots, &expressions, self.lookups());
        let others: Vec<_> = group.units.iter().map(|other| other.tree.slots.clone()).collect();
        let depends = access.reads(&others);
        let read = match access {
            // A query that is run again and again reads the table once, into a hash table.
            AccessPlan::Scan if self.is_looked_up(&unit.tree, &expressions) => (size.rows * share).max(1.0),
            access => self.read(source, &access),
        };
        Reach { read, size, share, depends, has_key }
    }

    /// The rows of the largest of some units.
    fn largest(&mut self, group: &Group, units: u64) -> Option<f64> {
        let mut largest: Option<f64> = None;
        for place in bits(units) {
            let rows = self.size_of_tree(&group.units[place].tree).rows;
            largest = Some(largest.map_or(rows, |largest| largest.max(rows)));
        }
        largest
    }

    /// About how many rows a tree has without conditions from outside.
    pub(super) fn size_of_tree(&mut self, tree: &Tree) -> Size {
        match &tree.kind {
            TreeKind::Table { source, .. } => self.size(source),
            TreeKind::Value { .. } => Size::ELEMENTS,
            TreeKind::Join { left, right, .. } | TreeKind::Full { left, right, .. } => {
                let left = self.size_of_tree(left);
                let right = self.size_of_tree(right);
                let is_left = matches!(tree.kind, TreeKind::Join { kind: JoinKind::Left, .. });
                let rows = if is_left { left.rows } else { left.rows.max(right.rows) };
                Size { rows, is_known: left.is_known && right.is_known }
            }
        }
    }
}

impl Reach {
    /// The cost of joining the unit to so many rows, and how many rows there are then.
    fn step(self, rows: f64) -> (f64, f64) {
        let joined = rows * self.size.rows * self.share;
        let cost = if self.depends {
            let many = self.size.is_known && rows >= LOOKUPS_MAX;
            match many {
                true => (rows * (LOOKUP + self.read)).min(hashed(rows, self.read, self.size)),
                // However many lookups there are, they read no document that is not in the table, and mostly fewer.
                false => (rows.max(1.0) * (1.0 + self.read)).min(FEWER * self.size.rows),
            }
        } else if self.has_key {
            self.read
        } else {
            rows.max(1.0) * self.read
        };
        (cost + joined, joined)
    }
}

/// The cost of reading a source whole into a hash table and looking so many rows up in it, which must be many.
pub(super) fn hashed(rows: f64, found: f64, size: Size) -> f64 {
    if size.is_known && rows >= LOOKUPS_MAX && rows * (LOOKUP + found) > size.rows + rows {
        size.rows + rows
    } else {
        f64::INFINITY
    }
}
