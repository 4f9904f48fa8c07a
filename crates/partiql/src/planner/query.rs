//! Plans SELECT, clause by clause in the order in which the clauses take effect.

use std::sync::Arc;

use everstrand_ion::{Data, Value};

use super::groups::is_grouped;
use super::items::NamedItems;
use super::order::RowOrder;
use super::scope::{Clause, Scope};
use super::shape::{conjuncts, is_total_query};
use super::{Planner, access, join, kept};
use crate::ast::{self, OrderTerm, SelectItem, Unexpected, last_name};
use crate::error::{Category, PartiqlError};
use crate::expression::FunctionForm;
use crate::plan::{Expression, Node, Projection, ProjectionItem, QueryPlan, SortTerm, Variable};
use crate::position::Position;
use crate::tables::SourceKind;

impl<'a> Planner<'a> {
    /// Plans a query, one level below the queries that are being resolved.
    pub(super) fn query(&mut self, query: &'a ast::QueryExpression) -> Result<QueryPlan, PartiqlError> {
        match query {
            ast::QueryExpression::Select(query) => self.select(query),
            ast::QueryExpression::Combined(combined) => self.combined(combined),
            ast::QueryExpression::With(with) => self.with(with),
        }
    }

    fn select(&mut self, query: &'a ast::Query) -> Result<QueryPlan, PartiqlError> {
        let stops_early = std::mem::take(&mut self.stops_early);
        self.refuse_extensions(query)?;
        let limit = self.limit(query.limit.as_ref())?;
        let offset = self.limit(query.offset.as_ref())?;
        // A key of GROUP BY names an item only where it would be refused as a field. If it is refused as an item too,
        // the first error is the one that the author understands.
        let (scope, input, projection) = match self.level(query, stops_early, false) {
            Err(error) if self.groups_by_items(query)? => {
                self.again(|planner| planner.level(query, stops_early, true)).map_err(|_| error)?
            }
            level => level?,
        };
        let mut plan = QueryPlan {
            slots: scope.slot_names.len(),
            input,
            projection,
            distinct: query.distinct.is_some(),
            offset,
            limit,
            counts_rows: false,
            correlated: false,
            is_total: false,
        };
        // QLDB had neither clause.
        plan.counts_rows = (plan.limit.is_some() || plan.offset.is_some())
            && !plan.distinct
            && kept::scan_of(&plan.input).is_some_and(|(scan, conditions)| access::serves(scan, &conditions));
        if plan.distinct && self.options.extensions {
            self.read_firsts(&mut plan);
        }
        plan.correlated = plan.reads_outer();
        plan.is_total = self.options.extensions && is_total_query(&plan);
        Ok(plan)
    }

    /// Plans a query without LIMIT and OFFSET. With `takes_items` keys of GROUP BY may name items of the select list.
    fn level(
        &mut self,
        query: &'a ast::Query,
        stops_early: bool,
        takes_items: bool,
    ) -> Result<(Scope<'a>, Node, Projection), PartiqlError> {
        self.scopes.push(Scope { items: NamedItems::of(query), ..Scope::default() });
        let level = self.level_in_scope(query, stops_early, takes_items);
        let scope = self.scopes.pop().expect("pushed above");
        level.map(|(node, projection)| (scope, node, projection))
    }

    fn level_in_scope(
        &mut self,
        query: &'a ast::Query,
        stops_early: bool,
        takes_items: bool,
    ) -> Result<(Node, Projection), PartiqlError> {
        let from = match &query.rows {
            ast::Rows::From(from) => Some(self.sources(from, false)?),
            ast::Rows::One(_) => None,
        };
        self.clause(Clause::Rows);
        let conditions = match &query.condition {
            Some(condition) => conjuncts(self.condition(condition)?),
            None => Vec::new(),
        };
        // QLDB joined the sources in the order in which they are written.
        let order = match self.options.extensions {
            true if stops_early => RowOrder::FreeUnlessSeen,
            true => RowOrder::Free,
            false => RowOrder::Written,
        };
        let mut node = match from {
            Some(from) => self.rows(from, conditions, order)?,
            None => join::filter(Node::One, conditions),
        };
        let grouped = is_grouped(query, self.options.extensions);
        if grouped {
            self.group_keys(query, takes_items)?;
        }
        self.clause(Clause::Having);
        let having = query.having.as_ref().map(|having| self.condition(having)).transpose()?;
        self.clause(Clause::Order);
        self.scopes.last_mut().expect("a query is resolved in its scope").windows = Some(Vec::new());
        let order = self.order(query)?;
        self.clause(Clause::Rows);
        let projection = self.projection(query)?;
        // Every clause that may hold an aggregate is resolved by now, because the node must know all of their slots.
        if grouped {
            node = self.group(node);
        }
        if let Some(having) = having {
            node = join::filter(node, vec![having]);
        }
        node = self.windows(node);
        let presorted = match grouped {
            true => 0,
            false => self.presorted(&mut node, &order, query.limit.is_some()),
        };
        if presorted < order.len() {
            node = Node::Sort { input: Box::new(node), terms: order, presorted };
        }
        Ok((node, projection))
    }

    fn order(&mut self, query: &'a ast::Query) -> Result<Vec<SortTerm>, PartiqlError> {
        let Some(order) = &query.order else { return Ok(Vec::new()) };
        let mut terms = Vec::with_capacity(order.terms.len());
        for OrderTerm { value, descending, nulls_first } in &order.terms {
            let value = match self.item_at(query, "ORDER BY", order.position, value)? {
                Some((item, _)) => {
                    self.in_clause(Clause::Rows, |planner| planner.again(|planner| planner.expression(item)))?
                }
                None => self.expression(value)?,
            };
            let nulls_first = nulls_first.unwrap_or(*descending);
            terms.push(SortTerm { value, descending: *descending, nulls_first });
        }
        Ok(terms)
    }

    /// The item of the select list whose place a term of ORDER BY or GROUP BY gives as an integer, and the name of the
    /// item. Any other constant is refused, because it would neither order nor group. `ORDER BY true` is taken, because
    /// it is a usual way to ask for no order.
    pub(super) fn item_at(
        &mut self,
        query: &'a ast::Query,
        clause: &str,
        position: Position,
        term: &'a ast::Expression,
    ) -> Result<Option<(&'a ast::Expression, Option<&'a str>)>, PartiqlError> {
        let refused =
            |why: &str| Err(PartiqlError::refused(position, format_args!("{clause} {term}: {why}")));
        let place = match term {
            ast::Expression::Literal { value: Value { data: Data::Int(place), .. }, .. } => place,
            ast::Expression::Literal { value: Value { data: Data::Bool(_), .. }, .. }
                if clause == "ORDER BY" =>
            {
                return Ok(None);
            }
            ast::Expression::Literal { value: Value { data: Data::String(_), .. }, .. } => {
                return refused(
                    "a string is the same for all rows; a name is written without quotes or between double quotes",
                );
            }
            term if reads_nothing(term) => {
                return refused("the value is the same for all rows; name a field");
            }
            _ => return Ok(None),
        };
        let ast::Projection::Items(items) = &query.projection else {
            return refused(
                "an integer means the item at that position of the select list, and there is no such list; name a field",
            );
        };
        let place = place
            .as_i64()
            .and_then(|place| usize::try_from(place).ok())
            .and_then(|place| place.checked_sub(1));
        self.work(items.len().min(place.unwrap_or(0)))?;
        let Some(before) = place.and_then(|place| items.get(..=place)) else {
            return refused(&format!("the select list has {} items", items.len()));
        };
        if before.iter().any(|item| matches!(item, SelectItem::All(_))) {
            return refused(
                "items have no fixed positions, because * stands for all fields of a document; name a field",
            );
        }
        Ok(before.last().and_then(|item| match item {
            SelectItem::Expression { value, alias } => {
                Some((value, alias.as_ref().map(|alias| &*alias.name)))
            }
            SelectItem::All(_) => None,
        }))
    }

    fn projection(&mut self, query: &'a ast::Query) -> Result<Projection, PartiqlError> {
        Ok(match &query.projection {
            ast::Projection::Value(value) => Projection::Value(self.expression(value)?),
            ast::Projection::Star => Projection::Items(self.star(query)?),
            ast::Projection::Pivot { value, at } => {
                Projection::Value(Expression::List(vec![self.expression(at)?, self.expression(value)?]))
            }
            ast::Projection::Items(items) => {
                let items = items.iter().enumerate().map(|(at, item)| match item {
                    SelectItem::All(value) => Ok(ProjectionItem::All(self.expression(value)?)),
                    SelectItem::Expression { value, alias } => {
                        // S2: the name is the alias, the last name of a path, or the number of the item.
                        let name = alias.as_ref().map(|alias| &*alias.name).or_else(|| last_name(value));
                        let name = name.map_or_else(|| format!("_{}", at + 1).into(), Arc::from);
                        Ok(ProjectionItem::Field { name, value: self.expression(value)? })
                    }
                });
                Projection::Items(items.collect::<Result<_, PartiqlError>>()?)
            }
        })
    }

    /// S4: `*` stands for the fields of the row of each source, then its place, then its id.
    fn star(&mut self, query: &'a ast::Query) -> Result<Vec<ProjectionItem>, PartiqlError> {
        let scope = self.scopes.last().expect("a query is resolved in its scope");
        if let Some(group) = &scope.groups {
            if query.group.is_none() || group.keys.iter().any(|key| key.name.is_none()) {
                return Err(PartiqlError::refused(
                    query.position,
                    "SELECT * over groups needs GROUP BY with a name for each key",
                ));
            }
            let named = group.keys.iter().filter_map(|key| Some((key.name.clone()?, key.slot)));
            let named = named.chain(group.group_as.clone());
            return Ok(named.map(|(name, slot)| field(&name, slot, query.position)).collect());
        }
        let mut items = self.star_of_using(query.position);
        for source in &scope.sources {
            let value = self.slot(0, source.slots.value, Some(query.position));
            let shown = scope.shown_by_using(source.slots.value);
            items.push(match shown.is_empty() {
                true => ProjectionItem::All(value),
                false => ProjectionItem::AllBut(value, shown),
            });
            for (name, slot) in [(&source.at, source.slots.at), (&source.by, source.slots.by)] {
                if let (Some(name), Some(slot)) = (name, slot) {
                    items.push(field(name, slot, query.position));
                }
            }
        }
        Ok(items)
    }

    /// LIMIT and OFFSET. They may not name a field, because there is no row to read it from.
    pub(super) fn limit(
        &mut self,
        clause: Option<&'a ast::Clause>,
    ) -> Result<Option<Expression>, PartiqlError> {
        let Some(clause) = clause else { return Ok(None) };
        if !reads_nothing(&clause.value) {
            return Err(PartiqlError::refused(
                clause.position,
                "LIMIT, OFFSET and FETCH take integers, as literals or parameters",
            ));
        }
        let value = self.expression(&clause.value)?;
        if let Expression::Literal { value: Value { data: Data::Int(number), .. }, .. } = &value
            && number.is_negative()
        {
            return Err(PartiqlError::refused(
                clause.position,
                "LIMIT, OFFSET and FETCH take integers that are not negative",
            ));
        }
        Ok(Some(value))
    }

    /// Lets an index yield the rows in the order of the first term of ORDER BY, if there is one source. Answers of how
    /// many terms it does. If there are more, the rows must be sorted all the same, so that it pays only with a LIMIT.
    fn presorted(&mut self, node: &mut Node, order: &[SortTerm], is_limited: bool) -> usize {
        match (node, order) {
            (Node::Filter { input, .. }, _) => self.presorted(input, order, is_limited),
            (Node::Scan(scan), [first, others @ ..])
                if matches!(scan.source.kind, SourceKind::User | SourceKind::Committed) =>
            {
                let mut access = scan.access.clone();
                let is_served = access::ordered(&mut access, &scan.source, scan.slots, first)
                    && (others.is_empty() || (is_limited && self.has_many_keys(&scan.source, &access)));
                if is_served {
                    scan.access = access;
                }
                usize::from(is_served)
            }
            _ => 0,
        }
    }

    /// Refuses what QLDB refused, in QLDB's words if they are known.
    fn refuse_extensions(&self, query: &'a ast::Query) -> Result<(), PartiqlError> {
        const AFTER: &str = "Unexpected token after expression";
        if self.options.extensions {
            return Ok(());
        }
        if let ast::Rows::One(Unexpected { position, description }) = &query.rows {
            let found = format!("missing FROM after SELECT list, {description}");
            self.extension(*position, &found, "Expected FROM keyword")?;
        }
        if matches!(query.projection, ast::Projection::Pivot { .. }) {
            let found = "unexpected keyword found, KEYWORD : pivot";
            self.extension(query.position, found, "Unexpected keyword")?;
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
            let word = if limit.is_fetch { "fetch" } else { "limit" };
            let found = format!("unexpected token found, KEYWORD : {word}");
            self.extension(limit.position, &found, AFTER)?;
        }
        if let Some(offset) = &query.offset {
            self.extension(offset.position, "unexpected token found, IDENTIFIER : offset", AFTER)?;
        }
        Ok(())
    }
}

/// Whether an expression contains no name, no query and no aggregate.
pub(super) fn reads_nothing(expression: &ast::Expression) -> bool {
    !expression.any(&mut |part| match part {
        ast::Expression::Variable(_) | ast::Expression::Query(_) | ast::Expression::Claused(_) => true,
        ast::Expression::Call { function, .. } => matches!(function, FunctionForm::Aggregate { .. }),
        _ => false,
    })
}

pub(super) fn field(name: &Arc<str>, slot: usize, position: Position) -> ProjectionItem {
    let value = Expression::Variable(Variable { depth: 0, slot, name: Arc::clone(name), position });
    ProjectionItem::Field { name: Arc::clone(name), value }
}
