//! Resolves GROUP BY: the keys, which parts of the query a key stands for, and the aggregates.

use std::sync::Arc;

use super::items::NamedItems;
use super::scope::{Clause, GroupKey, Groups, Scope};
use super::shape::{path_of, slot_path};
use super::{COMPARISON, Planner, kept};
use crate::ast::{self, SelectItem, is_aggregate, last_name};
use crate::error::PartiqlError;
use crate::plan::{self, Aggregate, Expression, Group, GroupAs, Kept, Node};

/// A key before it is resolved.
struct WrittenKey<'a> {
    expression: &'a ast::Expression,
    name: Option<Arc<str>>,
}

impl<'a> Planner<'a> {
    /// Whether a key of GROUP BY names an item of the select list.
    pub(super) fn groups_by_items(&mut self, query: &'a ast::Query) -> Result<bool, PartiqlError> {
        let items = NamedItems::of(query);
        for (key, _) in query.group.iter().flat_map(|group| &group.keys) {
            self.work(items.len())?;
            if matches!(items.for_key(key), Ok(Some(_))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Resolves the keys; from then on the innermost scope is one of groups. A name in a key means a field of FROM.
    /// The planner tries `takes_items` if the query would be refused otherwise. Then a key that names an item of the
    /// select list means the item, unless that item can be computed from the fields that are keys.
    pub(super) fn group_keys(
        &mut self,
        query: &'a ast::Query,
        takes_items: bool,
    ) -> Result<(), PartiqlError> {
        let mut written = Vec::new();
        if let Some(group) = &query.group {
            for (key, name) in &group.keys {
                written.push(self.written_key(query, group.position, key, name.as_ref())?);
            }
            if takes_items {
                self.take_items(query, &mut written)?;
            }
        }
        let mut keys = Vec::with_capacity(written.len());
        for key in written {
            keys.push(self.key(key)?);
        }
        let scope = self.scopes.last_mut().expect("a query is resolved in its scope");
        let group_as = query.group.as_ref().and_then(|group| group.group_as.as_ref()).map(|name| {
            let name: Arc<str> = name.name.as_str().into();
            (name.clone(), scope.slot(&name))
        });
        scope.groups = Some(Groups { keys, group_as, aggregates: Vec::new() });
        Ok(())
    }

    fn written_key(
        &mut self,
        query: &'a ast::Query,
        position: ast::Position,
        key: &'a ast::Expression,
        name: Option<&'a ast::Identifier>,
    ) -> Result<WrittenKey<'a>, PartiqlError> {
        let item = self.item_at(query, "GROUP BY", position, key)?;
        let expression = item.map_or(key, |(expression, _)| expression);
        if item.is_some() {
            self.work(COMPARISON * length(expression))?;
        }
        if expression.any(&mut is_aggregate) {
            return Err(PartiqlError::refused(position, "GROUP BY takes no aggregates"));
        }
        let name = name.map(|name| name.name.as_str()).or(item.and_then(|(_, name)| name));
        let name = name.or_else(|| last_name(expression)).map(Arc::from);
        Ok(WrittenKey { expression, name })
    }

    fn key(&mut self, WrittenKey { expression, name }: WrittenKey<'a>) -> Result<GroupKey<'a>, PartiqlError> {
        let value = self.expression(expression)?;
        let scope = self.scopes.last_mut().expect("a query is resolved in its scope");
        let slot = match &name {
            Some(name) => scope.slot(name),
            None => scope.numbered_slot("key"),
        };
        Ok(GroupKey { expression, path: slot_path(&value), value, name, slot })
    }

    /// Replaces keys by the items of the select list that they name, if the item cannot be computed from the fields
    /// that are keys.
    fn take_items(
        &mut self,
        query: &'a ast::Query,
        written: &mut [WrittenKey<'a>],
    ) -> Result<(), PartiqlError> {
        // First every key is a field. An item that can be resolved over such groups needs no key of its own.
        let items = NamedItems::of(query);
        let mut fields = Vec::new();
        let mut candidates = Vec::new();
        for (at, key) in written.iter().enumerate() {
            self.work(items.len())?;
            let item = items.for_key(key.expression)?;
            let copy = WrittenKey { expression: key.expression, name: key.name.clone() };
            let is_field = match self.key(copy) {
                Ok(field) => {
                    fields.push(field);
                    true
                }
                Err(error) if item.is_none() => return Err(error),
                Err(_) => false,
            };
            candidates.extend(item.map(|item| (at, item, is_field)));
        }
        let groups = Groups { keys: fields, group_as: None, aggregates: Vec::new() };
        self.scopes.last_mut().expect("a query is resolved in its scope").groups = Some(groups);
        for (at, item, is_field) in candidates {
            if !is_field || self.expression(item).is_err() {
                self.work(COMPARISON * length(item))?;
                written[at].expression = item;
            }
        }
        self.scopes.last_mut().expect("a query is resolved in its scope").groups = None;
        Ok(())
    }

    /// The node that groups. Call it after all clauses that read groups are resolved.
    pub(super) fn group(&mut self, input: Node) -> Node {
        let scope = self.scopes.last_mut().expect("a query is resolved in its scope");
        let groups = scope.groups.take().expect("made by group_keys");
        let group_as = groups.group_as.map(|(_, slot)| GroupAs {
            fields: scope.sources.iter().map(|source| (source.alias.clone(), source.slots.value)).collect(),
            slot,
        });
        let keys = groups.keys.into_iter().map(|key| plan::GroupKey {
            value: key.value,
            slot: key.slot,
            name: Arc::clone(&scope.slot_names[key.slot]),
        });
        let mut group = Group {
            input,
            keys: keys.collect(),
            aggregates: groups.aggregates.into_iter().map(|(_, aggregate)| aggregate).collect(),
            group_as,
            kept: Vec::new(),
        };
        let kept = kept::kept(&group).unwrap_or_default();
        // QLDB read the documents that it counted, unless there was no condition.
        let as_in_qldb =
            || matches!(group.input, Node::Scan(_)) && kept.iter().all(|kept| *kept == Kept::Rows);
        if self.options.extensions || as_in_qldb() {
            group.kept = kept;
        }
        Node::Group(Box::new(group))
    }

    /// The slot of the key that equals this expression, if this query or one around it groups its rows.
    pub(super) fn group_key(
        &mut self,
        expression: &'a ast::Expression,
    ) -> Result<Option<Expression>, PartiqlError> {
        if self.scopes.iter().all(|scope| scope.groups.as_ref().is_none_or(|groups| groups.keys.is_empty())) {
            return Ok(None);
        }
        let keys =
            self.scopes.iter().filter_map(|scope| scope.groups.as_ref()).map(|groups| groups.keys.len());
        self.work(COMPARISON * keys.sum::<usize>())?;
        // An expression that is written like a key is that key. In a nested query its names must mean the same, too.
        for depth in 0..self.scopes.len() {
            let scope = &self.scopes[self.scopes.len() - 1 - depth];
            let mut keys = scope.groups.iter().flat_map(|groups| &groups.keys);
            if let Some(slot) = keys.find(|key| key.expression == expression).map(|key| key.slot)
                && (depth == 0 || self.is_of_scope(expression, depth)?)
            {
                return Ok(Some(self.slot(depth, slot, expression.position())));
            }
        }
        if !matches!(expression, ast::Expression::Variable(_) | ast::Expression::Path { .. })
            || expression.any(&mut |part| matches!(part, ast::Expression::Query(_)))
        {
            return Ok(None);
        }
        // A key and its use may differ in spelling: one with the name of the source, one without.
        let path = self.before_groups(usize::MAX, |planner| {
            planner.in_clause(Clause::Rows, |planner| planner.expression(expression))
        });
        let Some((depth, slot, names)) = path.as_ref().ok().and_then(path_of) else { return Ok(None) };
        let groups = self.scopes.iter().rev().nth(depth).and_then(|scope| scope.groups.as_ref());
        let key = groups.and_then(|groups| {
            groups
                .keys
                .iter()
                .find(|key| key.path.as_ref().is_some_and(|(of, path)| (*of, path) == (slot, &names)))
        });
        Ok(key.map(|key| self.slot(depth, key.slot, expression.position())))
    }

    /// The operands of AND or OR. AND and OR in parentheses are part of the chain around them, so that a key that is such
    /// a chain may stand for several operands.
    pub(super) fn operands_and_keys(
        &mut self,
        whole: &'a ast::Expression,
        operands: &'a [ast::Expression],
    ) -> Result<Vec<Expression>, PartiqlError> {
        let mut resolved = Vec::with_capacity(operands.len());
        let mut at = 0;
        while at < operands.len() {
            let (operand, count) = match self.key_of_operands(whole, &operands[at..])? {
                Some((slot, count)) => (self.slot(0, slot, operands[at].position()), count),
                None => (self.condition(&operands[at])?, 1),
            };
            resolved.push(operand);
            at += count;
        }
        Ok(resolved)
    }

    /// The slot of a key that the first of some operands of AND or OR make up, and how many they are.
    fn key_of_operands(
        &mut self,
        whole: &'a ast::Expression,
        operands: &'a [ast::Expression],
    ) -> Result<Option<(usize, usize)>, PartiqlError> {
        let keys = |scope: &Scope<'_>| scope.groups.as_ref().map_or(0, |groups| groups.keys.len());
        self.work(COMPARISON * self.scopes.last().map_or(0, keys))?;
        let groups = self.scopes.last().and_then(|scope| scope.groups.as_ref());
        Ok(groups.iter().flat_map(|groups| &groups.keys).find_map(|key| {
            let part = match (whole, key.expression) {
                (ast::Expression::And(_), ast::Expression::And(part))
                | (ast::Expression::Or(_), ast::Expression::Or(part)) => part,
                _ => return None,
            };
            operands.starts_with(part).then_some((key.slot, part.len()))
        }))
    }

    /// Whether all names in an expression mean sources of the query that is `depth` levels up.
    fn is_of_scope(&mut self, expression: &'a ast::Expression, depth: usize) -> Result<bool, PartiqlError> {
        let scopes = || self.scopes.iter().rev();
        let all = self.scopes.iter().map(Scope::len).sum::<usize>();
        let mut looked_at = 0;
        let mut has_names = false;
        let is_other = expression.any(&mut |part| match part {
            ast::Expression::Variable(variable) => {
                let name = &variable.name.name;
                has_names = true;
                looked_at += all;
                scopes().take(depth).any(|scope| scope.lookup(name).is_some())
                    || scopes().nth(depth).is_none_or(|scope| scope.source(name).is_none())
            }
            ast::Expression::Query(_) => true,
            _ => false,
        });
        self.work(looked_at)?;
        Ok(has_names && !is_other)
    }

    /// Whether an aggregate at this place aggregates rows.
    pub(super) fn aggregates_rows(&self) -> bool {
        self.scopes.last().is_some_and(|scope| scope.groups.is_some())
    }

    /// Resolves an aggregate over rows.
    pub(super) fn aggregate(
        &mut self,
        whole: &'a ast::Expression,
        function: ast::AggregateFunction,
        distinct: bool,
        argument: Option<&'a ast::Expression>,
        filter: Option<&'a ast::Expression>,
        position: ast::Position,
    ) -> Result<Expression, PartiqlError> {
        let Some(groups) = self.scopes.last().and_then(|scope| scope.groups.as_ref()) else {
            let what = if filter.is_some() { "FILTER" } else { "COUNT(*)" };
            return Err(PartiqlError::refused(
                position,
                format_args!(
                    "{what} may only be used where rows are aggregated: in a select list, HAVING or ORDER BY"
                ),
            ));
        };
        let known = groups.aggregates.len();
        self.work(COMPARISON * known)?;
        let groups = self.scopes.last().and_then(|scope| scope.groups.as_ref()).expect("there was one");
        if let Some((_, aggregate)) = groups.aggregates.iter().find(|(found, _)| *found == whole) {
            return Ok(self.slot(0, aggregate.slot, Some(position)));
        }
        let windows = self.scopes.last_mut().and_then(|scope| scope.windows.take());
        let parts = self.before_groups(1, |planner| {
            planner.in_clause(Clause::Rows, |planner| {
                let argument = argument.map(|argument| planner.expression(argument)).transpose()?;
                let filter = filter.map(|filter| planner.condition(filter)).transpose()?;
                Ok::<_, PartiqlError>((argument, filter))
            })
        });
        self.scopes.last_mut().expect("there is a scope with groups").windows = windows;
        let (argument, filter) = parts?;
        let scope = self.scopes.last_mut().expect("there is a scope with groups");
        let slot = scope.numbered_slot(&function.to_string());
        let name = Arc::clone(&scope.slot_names[slot]);
        let groups = scope.groups.as_mut().expect("checked above");
        let aggregate = Aggregate { function, distinct, argument, filter, slot, name, position };
        groups.aggregates.push((whole, aggregate));
        Ok(self.slot(0, slot, Some(position)))
    }

    /// Resolves something as if the rows of this number of innermost queries were not grouped.
    fn before_groups<T>(
        &mut self,
        queries: usize,
        resolve: impl FnOnce(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<T, PartiqlError> {
        let first = self.scopes.len().saturating_sub(queries);
        let groups: Vec<Option<Groups>> =
            self.scopes[first..].iter_mut().map(|scope| scope.groups.take()).collect();
        let result = resolve(self);
        for (scope, groups) in self.scopes[first..].iter_mut().zip(groups) {
            scope.groups = groups;
        }
        result
    }
}

/// The length of an expression as text, with the queries in it.
fn length(expression: &ast::Expression) -> usize {
    expression.to_string().len()
}

/// Whether rows become groups, because of GROUP BY or because an aggregate stands where rows are aggregated. In QLDB's
/// SELECT VALUE only COUNT(*) aggregated rows, because `SELECT VALUE SUM(x)` summed the elements of x.
pub(super) fn is_grouped(query: &ast::Query, extensions: bool) -> bool {
    let mut is_count = |part: &ast::Expression| {
        is_aggregate(part) && matches!(part, ast::Expression::Call { arguments, .. } if arguments.is_empty())
    };
    let ordered = query.order.iter().flat_map(|order| &order.terms);
    query.group.is_some()
        || query.having.is_some()
        || ordered.clone().any(|term| term.value.any(&mut is_aggregate))
        || match &query.projection {
            ast::Projection::Value(value) if extensions => value.any(&mut is_aggregate),
            ast::Projection::Value(value) => value.any(&mut is_count),
            ast::Projection::Pivot { value, at } => {
                [value, at].iter().any(|part| part.any(&mut is_aggregate))
            }
            ast::Projection::Star => false,
            ast::Projection::Items(items) => items.iter().any(|item| match item {
                SelectItem::Expression { value, .. } => value.any(&mut is_aggregate),
                SelectItem::All(_) => false,
            }),
        }
}
