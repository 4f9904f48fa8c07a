//! Decides where conditions are checked and how sources are joined.
//!
//! A condition is checked as soon as all slots that it reads are filled, because it can then choose the access of the
//! last source that it needs. Only a condition that cannot fail is moved (see [`is_total_condition`]). An equality
//! between a source and the sources before it becomes a hash join if no access serves it. An equality that can fail
//! does, too: the hash table then leaves out only pairs of rows for which the conditions in their order are known not
//! to hold, and all conditions that can fail are checked again on the pairs that are left.

use std::ops::Range;

use super::from::{Tree, TreeKind};
use super::hash::{self, Sides, Split};
use super::order::{Group, LOOKUP, LOOKUPS_MAX, RowOrder, hashed, inspect, is_total_tree};
use super::shape::{conjunction, conjuncts, is_constant, is_total, is_total_condition, is_truth};
use super::size::Size;
use super::{Planner, access, pushed};
use crate::error::PartiqlError;
use crate::plan::{
    AccessPlan, Expression, FullJoin, HashJoin, HashKey, HashLookup, JoinKind, Node, Scan, SourceSlots,
};
use crate::tables::Source;

/// A node, and what the planner knows of its rows.
struct Built {
    node: Node,
    /// The slots that it fills.
    slots: Vec<Range<usize>>,
    size: Size,
    /// Whether reading it cannot fail.
    is_total: bool,
}

/// How rows are found without a hash table: by conditions on them, and by conditions that are checked elsewhere.
struct LookedUp {
    conditions: Vec<Expression>,
    looked_up: Vec<Expression>,
}

impl Planner<'_> {
    /// The rows of a FROM clause for which all conditions are TRUE.
    pub(super) fn rows(
        &mut self,
        tree: Tree,
        conditions: Vec<Expression>,
        order: RowOrder,
    ) -> Result<Node, PartiqlError> {
        // A constant that is no boolean fails on the first row that reaches it. The conditions after it stay behind it,
        // because an index over one of them would skip that row.
        let mut is_behind = false;
        let (movable, fixed) = conditions.into_iter().partition(|condition| {
            is_behind |= !is_truth(condition) && is_constant(condition);
            !is_behind && is_total_condition(condition)
        });
        let mut node = self.inner_joins(tree, movable, fixed, order)?.node;
        if self.options.extensions {
            pushed::push(&mut node);
        }
        Ok(node)
    }

    /// Inner joins. Conditions are checked as soon as all that they read is there; the fixed ones on whole rows.
    fn inner_joins(
        &mut self,
        tree: Tree,
        movable: Vec<Expression>,
        fixed: Vec<Expression>,
        order: RowOrder,
    ) -> Result<Built, PartiqlError> {
        let order = match order {
            RowOrder::FreeUnlessSeen if fixed.is_empty() && is_total_tree(&tree) => RowOrder::Free,
            RowOrder::FreeUnlessSeen => RowOrder::Written,
            order => order,
        };
        let group = Group::of(tree, movable, fixed, order);
        self.estimates |= group.has_join() || self.scopes.len() > 1;
        let places = self.order_of(&group, order)?;
        let Group { units, movable, fixed, .. } = group;
        let mut steps: Vec<Vec<Expression>> = places.iter().map(|_| Vec::new()).collect();
        for condition in movable {
            let step = places.iter().rposition(|place| condition.reads & (1 << place) != 0);
            steps[step.unwrap_or(0)].push(condition.expression);
        }
        let mut units: Vec<Option<Tree>> = units.into_iter().map(|unit| Some(unit.tree)).collect();
        let mut built: Option<Built> = None;
        for (place, conditions) in places.into_iter().zip(steps) {
            let unit = units[place].take().expect("each place comes once");
            built = Some(match built {
                None => self.first(unit, conditions, &fixed, order)?,
                Some(left) => self.join(left, unit, JoinKind::Inner, conditions, &fixed, order)?,
            });
        }
        let mut built = built.expect("a FROM clause has a source");
        built.is_total &= fixed.is_empty();
        built.node = filter(built.node, fixed);
        Ok(built)
    }

    /// The first unit of a group. In a query that is run again and again a hash table serves all runs.
    fn first(
        &mut self,
        tree: Tree,
        conditions: Vec<Expression>,
        fixed: &[Expression],
        order: RowOrder,
    ) -> Result<Built, PartiqlError> {
        let TreeKind::Table { source, slots, .. } = &tree.kind else {
            return self.unit(tree, conditions, order);
        };
        let own = [tree.slots.clone()];
        let refs: Vec<&Expression> = conditions.iter().collect();
        if !self.is_run_again() || !self.prefers_table(source, *slots, &own[0], &refs) {
            return self.unit(tree, conditions, order);
        }
        let sides = Sides { known: &[], held: &own, outer_is_known: true };
        let Split { held, mut keys, pairs, .. } = sides.split(conditions.clone());
        if keys.is_empty() {
            keys = sides.keys_that_may_fail(fixed);
        }
        if keys.is_empty() {
            return self.unit(tree, conditions, order);
        }
        let otherwise = self.unit(tree.clone(), conditions, order)?;
        let input = self.unit(tree, held, order)?;
        let lookup = HashLookup {
            input: input.node,
            keys: hash::keys(keys),
            slots: own[0].clone(),
            otherwise: otherwise.node,
            estimate: otherwise.size.shown(),
        };
        let node = filter(Node::HashLookup(Box::new(lookup)), pairs);
        Ok(Built { node, ..otherwise })
    }

    /// Whether the query that is being planned may be run for each row of another one.
    fn is_run_again(&self) -> bool {
        self.scopes.len() > 1 && self.options.extensions
    }

    /// Whether a table is read into a hash table for all runs of a query, rather than by an index for each run.
    fn prefers_table(
        &mut self,
        source: &Source,
        slots: SourceSlots,
        own: &Range<usize>,
        conditions: &[&Expression],
    ) -> bool {
        let access = access::choose(source, slots, own, conditions, self.lookups());
        if !access.reads_outer() {
            return true;
        }
        let outer: Vec<Source> = match self.scopes.split_last() {
            Some((_, outer)) => outer.iter().flat_map(|scope| scope.tables.iter().cloned()).collect(),
            None => Vec::new(),
        };
        let mut runs = Size { rows: 0.0, is_known: false };
        for source in outer {
            let size = self.size(&source);
            if size.rows > runs.rows {
                runs = size;
            }
        }
        let found = self.read(source, &access);
        runs.is_known && hashed(runs.rows, found, self.size(source)).is_finite()
    }

    /// Whether a query that is run again and again finds the rows of a tree in a hash table.
    pub(super) fn is_looked_up(&self, tree: &Tree, conditions: &[&Expression]) -> bool {
        let own = std::slice::from_ref(&tree.slots);
        let sides = Sides { known: &[], held: own, outer_is_known: true };
        self.is_run_again()
            && conditions.iter().any(|condition| !sides.split(vec![(*condition).clone()]).keys.is_empty())
    }

    /// The rows of a unit. The conditions may read what is known before.
    fn unit(
        &mut self,
        tree: Tree,
        conditions: Vec<Expression>,
        order: RowOrder,
    ) -> Result<Built, PartiqlError> {
        self.unit_by(tree, conditions, &[], order)
    }

    /// The rows of a unit, of which a table may leave out those for which `looked_up` is not TRUE.
    fn unit_by(
        &mut self,
        tree: Tree,
        conditions: Vec<Expression>,
        looked_up: &[Expression],
        order: RowOrder,
    ) -> Result<Built, PartiqlError> {
        let Tree { kind, slots: own } = tree;
        match kind {
            TreeKind::Table { source, name, alias, slots } => {
                let refs: Vec<&Expression> = conditions.iter().chain(looked_up).collect();
                let access = access::choose(&source, slots, &own, &refs, self.lookups());
                let (size, estimate) = self.size_of_rows(&source, slots, &own, &access, &conditions);
                let scan = Node::Scan(Box::new(Scan {
                    source,
                    name,
                    alias,
                    access,
                    slots,
                    filter: None,
                    filter_is_whole: false,
                    firsts: false,
                    estimate,
                }));
                Ok(Built { node: filter(scan, conditions), slots: vec![own], size, is_total: true })
            }
            TreeKind::Value { value, unpivot, slots } => {
                let is_total = is_total(&value);
                let node = filter(Node::Iterate { value, unpivot, slots }, conditions);
                Ok(Built { node, slots: vec![own], size: Size::ELEMENTS, is_total })
            }
            TreeKind::Join { kind: JoinKind::Inner, .. } => {
                self.inner_joins(Tree { kind, slots: own }, conditions, Vec::new(), order)
            }
            // Conditions must see the NULLs that the join makes, so they stay above.
            TreeKind::Full { left, right, on } => {
                let mut built = self.full_join(*left, *right, on, order)?;
                built.node = filter(built.node, conditions);
                Ok(built)
            }
            TreeKind::Join { left, right, kind: JoinKind::Left, on } => {
                // A condition on the right side of a left join must see the NULLs that the join makes, so it stays
                // above.
                let right_slots = std::slice::from_ref(&right.slots);
                let (above, to_left): (Vec<_>, Vec<_>) =
                    conditions.into_iter().partition(|condition| condition.reads(right_slots));
                let (on_right, on_pair): (Vec<_>, Vec<_>) = on
                    .into_iter()
                    .partition(|condition| is_total_condition(condition) && condition.reads(right_slots));
                // Those that cannot fail come first, as everywhere.
                let (mut on_pair, fixed): (Vec<_>, Vec<_>) =
                    on_pair.into_iter().partition(is_total_condition);
                on_pair.extend(fixed);
                let left = self.inner_joins(*left, to_left, Vec::new(), order)?;
                let mut built = self.join(left, *right, JoinKind::Left, on_right, &on_pair, order)?;
                built.node = filter(built.node, above);
                Ok(built)
            }
        }
    }

    /// A full join. Its conditions choose no access, because all rows of both sides are wanted.
    fn full_join(
        &mut self,
        left: Tree,
        right: Tree,
        on: Vec<Expression>,
        order: RowOrder,
    ) -> Result<Built, PartiqlError> {
        let (left_slots, right_slots) = (left.slots.clone(), right.slots.clone());
        let (known, held) = (std::slice::from_ref(&left_slots), std::slice::from_ref(&right_slots));
        let sides = Sides { known, held, outer_is_known: false };
        let mut keys = Vec::new();
        let mut across = Vec::new();
        let is_total = on.iter().all(is_total_condition);
        // A condition that can fail is evaluated for the pairs that the conditions before it leave.
        for condition in on {
            match sides.equality(&condition) {
                Some(HashKey::Equal(known, held)) if across.is_empty() && is_total_condition(&condition) => {
                    keys.push((known, held));
                }
                _ => across.push(condition),
            }
        }
        let left = self.unit(left, Vec::new(), order)?;
        let right = self.unit(right, Vec::new(), order)?;
        let size = Size {
            rows: left.size.rows.max(right.size.rows),
            is_known: left.size.is_known && right.size.is_known,
        };
        let is_total = is_total && left.is_total && right.is_total;
        let node = Node::FullJoin(Box::new(FullJoin {
            left: left.node,
            right: right.node,
            keys,
            condition: conjunction(across),
            left_slots: left_slots.clone(),
            right_slots: right_slots.clone(),
        }));
        Ok(Built { node, slots: vec![left_slots, right_slots], size, is_total })
    }

    /// About how many rows of a table meet conditions, and how many are read to find them, if that is known. A
    /// statement with one table needs no estimates, unless EXPLAIN shows them.
    fn size_of_rows(
        &mut self,
        source: &Source,
        slots: SourceSlots,
        own: &Range<usize>,
        access: &AccessPlan,
        conditions: &[Expression],
    ) -> (Size, Option<u64>) {
        if !self.estimates {
            return (Size::UNKNOWN, None);
        }
        let mut size = self.size(source);
        let estimate = Size { rows: self.read(source, access), ..size }.shown();
        let table = size.rows;
        for condition in conditions {
            let mut is_join = false;
            condition.for_each_variable(&mut |depth, slot| {
                is_join |= depth > 0 || (depth == 0 && !own.contains(&slot));
            });
            size.rows *= self.share(source, slots, condition, is_join.then_some(table));
        }
        (size, estimate)
    }

    /// Joins a unit to the rows before it. All conditions read the unit, or were not needed before it. `ordered` are
    /// conditions that may fail and are checked in this order: on the pairs of a left join, on whole rows otherwise.
    fn join(
        &mut self,
        left: Built,
        right: Tree,
        kind: JoinKind,
        conditions: Vec<Expression>,
        ordered: &[Expression],
        order: RowOrder,
    ) -> Result<Built, PartiqlError> {
        let right_slots = [right.slots.clone()];
        let mut reads_left = false;
        inspect(&right, &mut |expression, _| reads_left |= expression.reads(&left.slots));
        let mut sides = Sides { known: &left.slots, held: &right_slots, outer_is_known: false };
        let mut split = sides.split(conditions.clone());
        let mut looked_up = Vec::new();
        if split.keys.is_empty() && self.options.extensions {
            self.work(ordered.len())?;
            looked_up = sides.looked_up(ordered);
        }
        let lookup = self.lookup(&right, conditions.iter().chain(&looked_up).collect());
        if self.is_run_again() && !lookup.reads_outer() {
            sides.outer_is_known = true;
            split = sides.split(conditions.clone());
        }
        if split.keys.is_empty() && self.options.extensions {
            split.keys = sides.keys_that_may_fail(ordered);
        }
        let size = self.joined(&left, &right, kind, &conditions);
        let slots = [&left.slots[..], &right_slots].concat();
        let is_total = left.is_total && (kind == JoinKind::Inner || ordered.iter().all(is_total_condition));
        // A right side that reads the left, such as `@left.items`, cannot be read once into a table.
        let looks_up = lookup.reads(&left.slots);
        if !reads_left
            && !split.keys.is_empty()
            && (!looks_up || self.prefers_hash(&left, &right, &lookup, &split.held))
        {
            let lookup = looks_up.then_some(LookedUp { conditions, looked_up });
            let (node, right_is_total) =
                self.hash_join(left, right, kind, (lookup, split), (ordered, size), order)?;
            return Ok(Built { node, slots, size, is_total: is_total && right_is_total });
        }
        let is_held = !reads_left
            && left.size.rows > 1.0
            && !matches!(right.kind, TreeKind::Value { .. })
            && (!looks_up || self.prefers_all(&left, &right, &lookup));
        let (right, mut pairs) = match is_held {
            true => (self.unit(right, split.held, order)?, [split.keys_again, split.pairs].concat()),
            false => (self.unit_by(right, conditions, &looked_up, order)?, Vec::new()),
        };
        let is_total = is_total && right.is_total;
        if kind == JoinKind::Left {
            pairs.extend(ordered.iter().cloned());
        }
        let node = Node::Join {
            left: Box::new(left.node),
            right: Box::new(right.node),
            kind,
            condition: conjunction(pairs),
            right_slots: right_slots[0].clone(),
            is_held,
            estimate: size.shown(),
        };
        Ok(Built { node, slots, size, is_total })
    }

    /// How a table is reached for the rows that meet conditions.
    fn lookup(&self, tree: &Tree, conditions: Vec<&Expression>) -> AccessPlan {
        match &tree.kind {
            TreeKind::Table { source, slots, .. } => {
                access::choose(source, *slots, &tree.slots, &conditions, self.lookups())
            }
            _ => AccessPlan::Scan,
        }
    }

    /// Whether all rows of a table are held, although an index finds some of them for each row of the left side. They
    /// are if the index would find a large part again and again.
    fn prefers_all(&mut self, left: &Built, right: &Tree, lookup: &AccessPlan) -> bool {
        let TreeKind::Table { source, .. } = &right.kind else { return false };
        let size = self.size(source);
        self.options.extensions
            && left.size.is_known
            && size.is_known
            && left.size.rows >= LOOKUPS_MAX
            && LOOKUP * self.read(source, lookup) >= size.rows
    }

    /// Whether a table is read into a hash table, although an access finds its rows for each row of the left side. It
    /// is if the conditions on the table alone find fewer documents by an index, or if the lookups are so many that
    /// reading the whole table takes less time. Otherwise a lookup is better, because it reads only rows that match.
    fn prefers_hash(&mut self, left: &Built, right: &Tree, lookup: &AccessPlan, held: &[Expression]) -> bool {
        let TreeKind::Table { source, slots, .. } = &right.kind else { return false };
        let refs: Vec<&Expression> = held.iter().collect();
        let alone = access::choose(source, *slots, &right.slots, &refs, self.lookups());
        let found = self.read(source, lookup);
        if alone == AccessPlan::Scan {
            return self.options.extensions
                && left.size.is_known
                && hashed(left.size.rows, found, self.size(source)).is_finite();
        }
        // Without known sizes only a great difference counts.
        let doubt = if left.size.is_known && self.size(source).is_known { 1.0 } else { 10.0 };
        self.read(source, &alone) * doubt < (left.size.rows * found).min(self.size(source).rows)
    }

    fn hash_join(
        &mut self,
        left: Built,
        right: Tree,
        kind: JoinKind,
        (lookup, split): (Option<LookedUp>, Split),
        (ordered, size): (&[Expression], Size),
        order: RowOrder,
    ) -> Result<(Node, bool), PartiqlError> {
        let looked_up = lookup.is_some();
        let otherwise = match lookup {
            Some(LookedUp { conditions, looked_up }) => {
                Some(self.unit_by(right.clone(), conditions, &looked_up, order)?)
            }
            None => None,
        };
        let Split { held, keys, pairs: mut condition, .. } = split;
        let right = self.unit(right, held, order)?;
        let right_is_total = right.is_total;
        if kind == JoinKind::Left {
            condition.extend(ordered.iter().cloned());
        }
        // The table is made of the smaller side, if the order of the rows may change by it. But a table that serves all
        // runs of a query is not given up for one that each run must make anew.
        let is_exchanged = order == RowOrder::Free
            && kind == JoinKind::Inner
            && !looked_up
            && left.is_total
            && right.is_total
            && 2.0 * left.size.rows < right.size.rows
            && !(right.node.is_self_contained(&right.slots) && left.node.reads_outer());
        let (left, right, keys) =
            if is_exchanged { (right, left, hash::exchanged(keys)) } else { (left, right, keys) };
        let reads_outer = keys.iter().any(|key| match key {
            HashKey::Equal(_, held) | HashKey::Held(held) => held.reads_outer(),
            HashKey::Known(_) => false,
        });
        let is_kept = self.is_run_again() && !reads_outer && right.node.is_self_contained(&right.slots);
        let join = HashJoin {
            left: left.node,
            right: right.node,
            kind,
            keys: hash::keys(keys),
            condition: conjunction(condition),
            right_slots: right.slots,
            is_kept,
            otherwise: otherwise.map(|otherwise| otherwise.node),
            estimate: size.shown(),
        };
        Ok((Node::HashJoin(Box::new(join)), right_is_total))
    }

    /// About how many rows a join has.
    fn joined(&mut self, left: &Built, right: &Tree, kind: JoinKind, conditions: &[Expression]) -> Size {
        let right = match &right.kind {
            TreeKind::Table { source, slots, .. } => {
                let access = AccessPlan::Scan;
                self.size_of_rows(source, *slots, &right.slots, &access, conditions).0
            }
            _ => self.size_of_tree(right),
        };
        let rows = left.size.rows * right.rows;
        let rows = if kind == JoinKind::Left { rows.max(left.size.rows) } else { rows };
        Size { rows, is_known: left.size.is_known && right.is_known }
    }
}

/// The rows of a node for which all conditions are TRUE.
pub(super) fn filter(node: Node, conditions: Vec<Expression>) -> Node {
    let Some(condition) = conjunction(conditions) else { return node };
    match node {
        // One filter, so that QLDB's AND is evaluated over all its operands.
        Node::Filter { input, condition: first } => {
            let condition = Expression::And([conjuncts(first), conjuncts(condition)].concat());
            Node::Filter { input, condition }
        }
        node => Node::Filter { input: Box::new(node), condition },
    }
}
