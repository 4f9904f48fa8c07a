//! Resolves names: to sources, to fields of the only source, and to items of the select list. [`super::fields`] resolves
//! those of fields where there are several sources or queries.

use std::sync::Arc;

use super::scope::{Clause, Scope};
use super::shape::extended;
use super::{Planner, global_access_is_illegal};
use crate::ast::{self, Identifier};
use crate::error::PartiqlError;
use crate::plan::{Expression, PathStep, Variable};
use crate::position::Position;

impl<'a> Planner<'a> {
    /// N1 to N8: resolves a name at a place where a table cannot stand.
    pub(super) fn variable(&mut self, name: &'a Identifier, local: bool) -> Result<Expression, PartiqlError> {
        let names = self.scopes.iter().map(Scope::len).sum();
        self.work(names)?;
        let current = self.scopes.last().map(|scope| scope.clause);
        // N1: in FROM a name means a table first, and a table is no value unless it is the whole source.
        if current == Some(Clause::From) && !local && self.source(&name.name, None)?.is_some() {
            return Err(global_access_is_illegal(name));
        }
        #[cfg(feature = "lenient-names")]
        if let Some(bound) = self.bound_around(name, local) {
            return Ok(bound);
        }
        // N2, N3: names of sources, the innermost query first. HAVING and ORDER BY also see items of the select list.
        for depth in 0..self.scopes.len() {
            if let Some(slot) = self.scopes[self.scopes.len() - 1 - depth].lookup(&name.name) {
                return self.named(name, local, depth, slot);
            }
            if depth == 0
                && !local
                && matches!(current, Some(Clause::Having | Clause::Order))
                && let Some(item) = self.item_named(name)?
            {
                return Ok(item);
            }
        }
        if let Some(field) = self.field_of_using(name, local)? {
            return Ok(field);
        }
        #[cfg(feature = "lenient-names")]
        if let Some(field) = self.field_of_any(name) {
            return Ok(field);
        }
        // N4: any other name is a field of the only source of the outermost query.
        let nested = self.scopes.len() > 1;
        if let Some(scope) = self.scopes.last()
            && let [source] = &*scope.sources
            && scope.clause != Clause::From
            && !nested
        {
            if scope.groups.is_some() {
                return Err(PartiqlError::located(
                    crate::error::Category::Semantic,
                    Some(name.position),
                    format_args!(
                        "Variable '{}' must appear in the GROUP BY clause or be used in an aggregation function",
                        name.name
                    ),
                    "Variable must appear in the GROUP BY clause or be used in an aggregation function",
                ));
            }
            let root = self.slot(0, source.slots.value, Some(name.position));
            return Ok(extended(root, vec![PathStep::Field(name.name.as_str().into())]));
        }
        if let Some(field) = self.field_of_a_source(name)? {
            return Ok(field);
        }
        // N7: a table may not be named outside FROM.
        if !local && self.source(&name.name, None)?.is_some() {
            return Err(global_access_is_illegal(name));
        }
        if self.scopes.iter().any(|scope| {
            scope.groups.is_some() && scope.sources.iter().any(|source| *source.alias == *name.name)
        }) {
            return Err(PartiqlError::refused(
                name.position,
                format_args!(
                    "Variable '{}' must appear in the GROUP BY clause or be used in an aggregation function",
                    name.name
                ),
            ));
        }
        if let Some(field) = self.field_that_no_source_has(name)? {
            return Ok(field);
        }
        // N5, N6, N11.
        Err(self.no_such_variable(name))
    }

    /// What a name means that is that of a slot `depth` query levels up. The name of a key of groups is the name of a field,
    /// which a source of a query within may have, too.
    fn named(
        &mut self,
        name: &'a Identifier,
        local: bool,
        depth: usize,
        slot: usize,
    ) -> Result<Expression, PartiqlError> {
        let scope = &self.scopes[self.scopes.len() - 1 - depth];
        let is_field = depth > 0 && !local && scope.source(&name.name).is_none();
        let within = if is_field { self.field_within(name, depth)? } else { None };
        Ok(within.unwrap_or_else(|| self.slot(depth, slot, Some(name.position))))
    }

    /// The variable of a slot that is `depth` query levels up.
    pub(super) fn slot(&self, depth: usize, slot: usize, position: Option<Position>) -> Expression {
        let name = Arc::clone(&self.scopes[self.scopes.len() - 1 - depth].slot_names[slot]);
        Expression::Variable(Variable { depth, slot, name, position: position.unwrap_or_default() })
    }

    /// In ORDER BY a name alone means an item of the select list first.
    pub(super) fn ordered_item(
        &mut self,
        expression: &'a ast::Expression,
    ) -> Result<Option<Expression>, PartiqlError> {
        match expression {
            ast::Expression::Variable(ast::Variable { name, local: false })
                if self.scopes.last().is_some_and(|scope| scope.clause == Clause::Order) =>
            {
                self.item_named(name)
            }
            _ => Ok(None),
        }
    }

    /// The item of this name in the innermost select list, resolved as in the list itself.
    fn item_named(&mut self, name: &'a Identifier) -> Result<Option<Expression>, PartiqlError> {
        let items = self.scopes.last().map_or(0, |scope| scope.items.len());
        self.work(items)?;
        let Some(scope) = self.scopes.last() else { return Ok(None) };
        let Some(item) = scope.items.named(name)? else { return Ok(None) };
        self.in_clause(Clause::Rows, |planner| planner.again(|planner| planner.expression(item))).map(Some)
    }

    /// Resolves something as if it stood in another clause of the innermost query.
    pub(super) fn in_clause<T>(
        &mut self,
        clause: Clause,
        resolve: impl FnOnce(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<T, PartiqlError> {
        let before = self.scopes.last_mut().map(|scope| std::mem::replace(&mut scope.clause, clause));
        let result = resolve(self);
        if let (Some(scope), Some(before)) = (self.scopes.last_mut(), before) {
            scope.clause = before;
        }
        result
    }
}
