//! SELECT: its clauses in the order in which they take effect.

use std::sync::Arc;

use everstrand_ion::{Data, Value};

use super::expression::{conjuncts, slot_path};
use super::scope::{Clause, GroupKey, Groups, Scope, last_name};
use super::{Planner, access, join};
use crate::ast::{self, OrderTerm, SelectItem};
use crate::error::{Category, PartiqlError};
use crate::plan::{Expression, Group, GroupAs, Node, Projection, ProjectionItem, QueryPlan, SortTerm};
use crate::tables::SourceKind;

impl Planner<'_> {
    /// Plans one query level below those that are being resolved.
    pub(super) fn query(&mut self, query: &ast::Query) -> Result<QueryPlan, PartiqlError> {
        self.refuse_extensions(query)?;
        let limit = self.limit(query.limit.as_ref())?;
        let offset = self.limit(query.offset.as_ref())?;
        self.scopes.push(Scope::default());
        let plan = self.query_in_scope(query);
        let scope = self.scopes.pop().expect("pushed above");
        let (input, projection) = plan?;
        let mut plan = QueryPlan {
            slots: scope.slot_names.len(),
            names: scope.slot_names.into(),
            input,
            projection,
            distinct: query.distinct.is_some(),
            offset,
            limit,
            correlated: false,
        };
        plan.correlated = plan.reads_outer();
        Ok(plan)
    }

    fn query_in_scope(&mut self, query: &ast::Query) -> Result<(Node, Projection), PartiqlError> {
        let from = self.sources(&query.from, false)?;
        self.clause(Clause::Rows);
        let conditions = match &query.condition {
            Some(condition) => conjuncts(self.expression(condition)?),
            None => Vec::new(),
        };
        let mut node = join::rows(from, conditions, self.lookups());
        let grouped = is_grouped(query);
        if grouped {
            self.group_keys(query)?;
        }
        let having = query.having.as_ref().map(|having| self.expression(having)).transpose()?;
        let order = self.order(query)?;
        let projection = self.projection(query)?;
        if grouped {
            node = self.group(node);
        }
        if let Some(having) = having {
            node = join::filter(node, vec![having]);
        }
        if !order.is_empty() && (grouped || !serves_order(&mut node, &order)) {
            node = Node::Sort { input: Box::new(node), terms: order };
        }
        Ok((node, projection))
    }

    /// Resolves the keys and makes the innermost scope one of groups.
    fn group_keys(&mut self, query: &ast::Query) -> Result<(), PartiqlError> {
        let mut keys = Vec::new();
        for (written, name) in query.group.iter().flat_map(|group| &group.keys) {
            let expression = by_alias(query, written);
            let value = self.expression(expression)?;
            let name: Option<Arc<str>> =
                name.as_ref().map_or_else(|| last_name(written), |name| Some(&name.name)).map(Arc::from);
            keys.push((expression.clone(), value, name));
        }
        let scope = self.scopes.last_mut().expect("a query is resolved in its scope");
        let keys = keys
            .into_iter()
            .map(|(expression, value, name)| GroupKey {
                expression,
                path: slot_path(&value),
                slot: match &name {
                    Some(name) => scope.slot(name),
                    None => scope.numbered_slot("key"),
                },
                value,
                name,
            })
            .collect();
        let group_as = query.group.as_ref().and_then(|group| group.group_as.as_ref()).map(|name| {
            let name: Arc<str> = name.name.as_str().into();
            (name.clone(), scope.slot(&name))
        });
        scope.groups = Some(Groups { keys, group_as, aggregates: Vec::new() });
        Ok(())
    }

    /// The node that groups, once all that reads groups is resolved.
    fn group(&mut self, input: Node) -> Node {
        let scope = self.scopes.last_mut().expect("a query is resolved in its scope");
        let groups = scope.groups.take().expect("made by group_keys");
        let group_as = groups.group_as.map(|(_, slot)| GroupAs {
            fields: scope.sources.iter().map(|source| (source.alias.clone(), source.slots.value)).collect(),
            slot,
        });
        let mut group = Group {
            input,
            keys: groups.keys.into_iter().map(|key| (key.value, key.slot)).collect(),
            aggregates: groups.aggregates.into_iter().map(|(_, aggregate)| aggregate).collect(),
            group_as,
            counts_keys: false,
        };
        // QLDB read the documents that it counted.
        group.counts_keys =
            counts_keys(&group) && (self.options.extensions || matches!(group.input, Node::Scan(_)));
        Node::Group(Box::new(group))
    }

    fn order(&mut self, query: &ast::Query) -> Result<Vec<SortTerm>, PartiqlError> {
        let terms = query.order.iter().flat_map(|order| &order.terms);
        terms
            .map(|OrderTerm { value, descending, nulls_first }| {
                let value = self.expression(by_alias(query, value))?;
                Ok(SortTerm {
                    value,
                    descending: *descending,
                    nulls_first: nulls_first.unwrap_or(*descending),
                })
            })
            .collect()
    }

    fn projection(&mut self, query: &ast::Query) -> Result<Projection, PartiqlError> {
        Ok(match &query.projection {
            ast::Projection::Value(value) => Projection::Value(self.expression(value)?),
            ast::Projection::Star => Projection::Items(self.star(query)?),
            ast::Projection::Items(items) => {
                let items = items.iter().enumerate().map(|(at, item)| match item {
                    SelectItem::All(value) => Ok(ProjectionItem::All(self.expression(value)?)),
                    SelectItem::Expression { value, alias } => {
                        // S2: the alias, the last name, or the number of the item.
                        let name = alias.as_ref().map(|alias| &*alias.name).or_else(|| last_name(value));
                        let name = name.map_or_else(|| format!("_{}", at + 1).into(), Arc::from);
                        Ok(ProjectionItem::Field { name, value: self.expression(value)? })
                    }
                });
                Projection::Items(items.collect::<Result<_, PartiqlError>>()?)
            }
        })
    }

    /// S4: of each source all fields of its row, then its place, then its id.
    fn star(&mut self, query: &ast::Query) -> Result<Vec<ProjectionItem>, PartiqlError> {
        let scope = self.scopes.last().expect("a query is resolved in its scope");
        if let Some(group) = &scope.groups {
            if query.group.is_none() || group.keys.iter().any(|key| key.name.is_none()) {
                return Err(PartiqlError::refused(
                    query.position,
                    "SELECT * over groups needs GROUP BY with a name for each key",
                ));
            }
            let named = group.keys.iter().filter_map(|key| Some((key.name.clone()?, key.slot)));
            return Ok(named.chain(group.group_as.clone()).map(|(name, slot)| field(&name, slot)).collect());
        }
        let mut items = Vec::new();
        for source in &scope.sources {
            items.push(ProjectionItem::All(Expression::Variable { depth: 0, slot: source.slots.value }));
            for (name, slot) in [(&source.at, source.slots.at), (&source.by, source.slots.by)] {
                if let (Some(name), Some(slot)) = (name, slot) {
                    items.push(field(name, slot));
                }
            }
        }
        Ok(items)
    }

    /// LIMIT and OFFSET know no row.
    fn limit(&mut self, clause: Option<&ast::Clause>) -> Result<Option<Expression>, PartiqlError> {
        let Some(clause) = clause else { return Ok(None) };
        let reads_rows = &mut |part: &ast::Expression| {
            matches!(
                part,
                ast::Expression::Variable { .. }
                    | ast::Expression::Query(_)
                    | ast::Expression::Aggregate { .. }
            )
        };
        if clause.value.any(reads_rows) {
            return Err(PartiqlError::refused(
                clause.position,
                "LIMIT and OFFSET take numbers, as literals or parameters",
            ));
        }
        let value = self.expression(&clause.value)?;
        if let Expression::Literal(Value { data: Data::Int(number), .. }) = &value
            && number.is_negative()
        {
            return Err(PartiqlError::refused(clause.position, "LIMIT and OFFSET take numbers from 0 on"));
        }
        Ok(Some(value))
    }

    /// §9.2: what QLDB refused, in its words where they are known.
    fn refuse_extensions(&self, query: &ast::Query) -> Result<(), PartiqlError> {
        const AFTER: &str = "Unexpected token after expression";
        if self.options.extensions {
            return Ok(());
        }
        if let Some(position) = query.distinct {
            self.extension(position, "unexpected keyword found, KEYWORD : distinct", "Unexpected keyword")?;
        }
        if query.group.is_some() || query.having.is_some() {
            return Err(PartiqlError::located(
                Category::Semantic,
                None,
                "Feature 'GROUP BY' not implemented yet",
                "Feature not implemented yet",
            ));
        }
        if let Some(order) = &query.order {
            self.extension(order.position, "unexpected token found, KEYWORD : order", AFTER)?;
        }
        if let Some(limit) = &query.limit {
            self.extension(limit.position, "unexpected token found, KEYWORD : limit", AFTER)?;
        }
        if let Some(offset) = &query.offset {
            self.extension(offset.position, "unexpected token found, IDENTIFIER : offset", AFTER)?;
        }
        Ok(())
    }
}

/// Whether rows become groups: by GROUP BY, or because an aggregate stands where rows are aggregated.
/// In SELECT VALUE that is so only with COUNT(*), which can mean nothing else; `SELECT VALUE SUM(x)`
/// is about the elements of x.
fn is_grouped(query: &ast::Query) -> bool {
    let mut is_aggregate =
        |part: &ast::Expression| matches!(part, ast::Expression::Aggregate { collection: false, .. });
    let mut is_count = |part: &ast::Expression| {
        matches!(part, ast::Expression::Aggregate { collection: false, argument: None, .. })
    };
    let ordered = query.order.iter().flat_map(|order| &order.terms);
    query.group.is_some()
        || query.having.is_some()
        || ordered.clone().any(|term| term.value.any(&mut is_aggregate))
        || match &query.projection {
            ast::Projection::Value(value) => value.any(&mut is_count),
            ast::Projection::Star => false,
            ast::Projection::Items(items) => items.iter().any(|item| match item {
                SelectItem::Expression { value, .. } => value.any(&mut is_aggregate),
                SelectItem::All(_) => false,
            }),
        }
}

/// What a term of ORDER BY or GROUP BY means: the item of the select list that it names, or itself.
fn by_alias<'a>(query: &'a ast::Query, term: &'a ast::Expression) -> &'a ast::Expression {
    let (ast::Expression::Variable { name, local: false }, ast::Projection::Items(items)) =
        (term, &query.projection)
    else {
        return term;
    };
    let item = items.iter().find_map(|item| match item {
        SelectItem::Expression { value, alias: Some(alias) } if alias.name == name.name => Some(value),
        _ => None,
    });
    item.unwrap_or(term)
}

fn field(name: &Arc<str>, slot: usize) -> ProjectionItem {
    ProjectionItem::Field { name: name.clone(), value: Expression::Variable { depth: 0, slot } }
}

/// Whether a grouping wants no more than the number of rows of one scan, whose access finds no others.
fn counts_keys(group: &Group) -> bool {
    let (scan, conditions) = match &group.input {
        Node::Scan(scan) => (scan, Vec::new()),
        Node::Filter { input, condition } => match &**input {
            Node::Scan(scan) => (scan, conjuncts(condition.clone())),
            _ => return false,
        },
        _ => return false,
    };
    // What is known of every row: constants, the document itself, and what a condition compares.
    let is_known = |argument: &Expression| match argument {
        Expression::Literal(value) => !value.is_null(),
        Expression::Variable { depth: 0, slot } => *slot == scan.slots.value,
        _ => slot_path(argument).is_some_and(|path| {
            let is_it = |side: &Expression| slot_path(side).is_some_and(|side| side == path);
            conditions.iter().any(|condition| match condition {
                Expression::Binary { left, right, .. } => is_it(left) || is_it(right),
                Expression::In { value, .. } | Expression::Between { value, .. } => is_it(value),
                _ => false,
            })
        }),
    };
    group.keys.is_empty()
        && group.group_as.is_none()
        && !group.aggregates.is_empty()
        && group.aggregates.iter().all(|aggregate| {
            aggregate.function == ast::AggregateFunction::Count
                && !aggregate.distinct
                && aggregate.argument.as_ref().is_none_or(is_known)
        })
        && matches!(scan.source.kind, SourceKind::User | SourceKind::Committed)
        && scan.source.as_of.is_none()
        && access::serves(scan, &conditions)
}

/// Lets an index yield the rows in order, where there is one source and one key of order.
fn serves_order(node: &mut Node, order: &[SortTerm]) -> bool {
    match (node, order) {
        (Node::Filter { input, .. }, _) => serves_order(input, order),
        (Node::Scan(scan), [term])
            if matches!(scan.source.kind, SourceKind::User | SourceKind::Committed) =>
        {
            let scan = &mut **scan;
            access::ordered(&mut scan.access, &scan.source, scan.slots, term)
        }
        _ => false,
    }
}
