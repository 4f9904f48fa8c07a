//! WITH: queries that FROM clauses may name like tables. A query that reads nothing around it is planned once, and its
//! results are computed once. Any other is planned again for each place that names it.

use std::sync::Arc;

use super::Planner;
use super::scope::{CommonTable, Scope};
use crate::ast::{self, FromItem};
use crate::error::PartiqlError;
use crate::expression::Located;
use crate::plan::{Coercion, Expression, NestedQuery, Projection, ProjectionItem, QueryPlan};

impl<'a> Planner<'a> {
    /// Plans a query after the queries that WITH names.
    pub(super) fn with(&mut self, with: &'a ast::With) -> Result<QueryPlan, PartiqlError> {
        self.extension(with.position, "unexpected keyword found, KEYWORD : with", "Unexpected keyword")?;
        let outside = self.common.len();
        let stops_early = std::mem::take(&mut self.stops_early);
        let plan = self.with_tables(with, outside, stops_early);
        self.common.truncate(outside);
        plan
    }

    fn with_tables(
        &mut self,
        with: &'a ast::With,
        outside: usize,
        stops_early: bool,
    ) -> Result<QueryPlan, PartiqlError> {
        for table in &with.tables {
            let name = &table.name;
            let before = self.common.len() - outside;
            self.work(before)?;
            if self.common[outside..].iter().any(|other| other.written.name == *name) {
                return Err(PartiqlError::refused(
                    name.position,
                    format_args!("WITH names two queries '{}'", name.name),
                ));
            }
            let plan = Arc::new(self.plan_of_common(table)?);
            self.common.push(CommonTable { written: table, level: self.scopes.len(), plan });
        }
        self.stops_early = stops_early;
        self.query(&with.query)
    }

    fn plan_of_common(&mut self, table: &'a ast::CommonTable) -> Result<QueryPlan, PartiqlError> {
        let mut plan = self.query(&table.query)?;
        if table.columns.is_empty() {
            return Ok(plan);
        }
        let position = table.name.position;
        let Projection::Items(items) = &mut plan.projection else {
            return Err(has_no_items(table));
        };
        if items.iter().any(|item| !matches!(item, ProjectionItem::Field { .. })) {
            return Err(has_no_items(table));
        }
        if items.len() != table.columns.len() {
            return Err(PartiqlError::refused(
                position,
                format_args!(
                    "WITH gives {} names to the items of '{}', and its query has {} items",
                    table.columns.len(),
                    table.name.name,
                    items.len()
                ),
            ));
        }
        for (item, column) in items.iter_mut().zip(&table.columns) {
            if let ProjectionItem::Field { name, .. } = item {
                *name = column.name.as_str().into();
            }
        }
        Ok(plan)
    }

    /// The query that a FROM item names, if WITH gives it a name.
    pub(super) fn common_table(&mut self, item: &'a FromItem) -> Result<Option<Expression>, PartiqlError> {
        let ast::Expression::Variable(ast::Variable { name, local: false }) = &item.value else {
            return Ok(None);
        };
        let all = self.common.len();
        self.work(all)?;
        let Some(at) = self.common.iter().rposition(|table| table.written.name == *name) else {
            return Ok(None);
        };
        if item.as_of.is_some() || item.unpivot.is_some() {
            return Err(PartiqlError::refused(
                item.position,
                format_args!("'{}' is a query of WITH: AS OF and UNPIVOT do not apply to it", name.name),
            ));
        }
        let CommonTable { plan, written, level } = &self.common[at];
        let (written, level) = (*written, *level);
        let plan = match plan.correlated {
            false => Arc::clone(plan),
            true => Arc::new(self.plan_again(written, level, at)?),
        };
        let position = item.value.position().unwrap_or(item.position);
        let query =
            NestedQuery { plan, name: Some(name.name.as_str().into()), coercion: Coercion::None, position };
        Ok(Some(Expression::Query(Box::new(query))))
    }

    /// Plans a query of WITH for a place that is more levels deep than its WITH. Its names mean what they meant there, so
    /// that the levels between are hidden meanwhile, and so are the queries that WITH named later.
    fn plan_again(
        &mut self,
        table: &'a ast::CommonTable,
        level: usize,
        at: usize,
    ) -> Result<QueryPlan, PartiqlError> {
        let later = self.common.split_off(at);
        let between: Vec<Scope<'a>> = self.scopes.drain(level..).collect();
        self.scopes.extend(between.iter().map(|_| Scope::default()));
        let plan = self.again(|planner| planner.plan_of_common(table));
        self.scopes.truncate(level);
        self.scopes.extend(between);
        self.common.extend(later);
        plan
    }
}

fn has_no_items(table: &ast::CommonTable) -> PartiqlError {
    PartiqlError::refused(
        table.query.position(),
        format_args!(
            "WITH gives names to the items of '{}': write them into its select list, because * and SELECT VALUE have none",
            table.name.name
        ),
    )
}
