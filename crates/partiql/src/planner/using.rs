//! USING: the fields by which a join compares its sides, and the one value that their name means afterwards.

use std::ops::Range;
use std::sync::Arc;

use super::Planner;
use super::scope::{Clause, Merged};
use crate::ast::{FromTerm, Identifier, Join};
use crate::error::PartiqlError;
use crate::expression::BinaryOperator;
use crate::plan::{Expression, Function, PathStep, ProjectionItem};
use crate::position::Position;

impl Planner<'_> {
    /// The conditions of USING between the sources that fill these slots. From then on its names mean one value.
    pub(super) fn using(
        &mut self,
        term: &FromTerm,
        left: &Range<usize>,
        right: &Range<usize>,
    ) -> Result<Vec<Expression>, PartiqlError> {
        let Some(using) = &term.using else { return Ok(Vec::new()) };
        self.extension(
            using.position,
            "malformed use of FROM with JOIN, KEYWORD : using",
            "Expected ON after JOIN",
        )?;
        let mut conditions = Vec::with_capacity(using.names.len());
        for name in &using.names {
            let (left, right) = (self.side(name, left)?, self.side(name, right)?);
            conditions.push(Expression::Binary {
                operator: BinaryOperator::Equal,
                left: Box::new(self.merged_value(0, &left, name.position)),
                right: Box::new(self.merged_value(0, &right, name.position)),
                position: name.position,
            });
            let values = match term.join {
                Join::Comma | Join::Cross | Join::Inner | Join::Left => left.values,
                Join::Right => right.values,
                Join::Full => [left.values, right.values].concat(),
            };
            let stands_for = [left.stands_for, right.stands_for].concat();
            let scope = self.scopes.last_mut().expect("a FROM clause is resolved into a scope");
            scope.merged.retain(|merged| {
                *merged.name != *name.name
                    || !merged.stands_for.iter().any(|source| stands_for.contains(source))
            });
            scope.merged.push(Merged { name: name.name.as_str().into(), values, stands_for });
        }
        Ok(conditions)
    }

    /// The field of a name on one side of a join: the only source's, or what an earlier USING gave this name.
    fn side(&mut self, name: &Identifier, slots: &Range<usize>) -> Result<Merged, PartiqlError> {
        let scope = self.scopes.last().expect("a FROM clause is resolved into a scope");
        let looked_at = scope.len() + scope.merged.len();
        self.work(looked_at)?;
        let scope = self.scopes.last().expect("a FROM clause is resolved into a scope");
        let mut found = scope.merged.iter().filter(|merged| {
            *merged.name == *name.name && merged.stands_for.iter().all(|source| slots.contains(source))
        });
        if let (Some(merged), None) = (found.next(), found.next()) {
            let Merged { name, values, stands_for } = merged;
            return Ok(Merged {
                name: Arc::clone(name),
                values: values.clone(),
                stands_for: stands_for.clone(),
            });
        }
        let mut sources = scope.sources.iter().filter(|source| slots.contains(&source.slots.value));
        match (sources.next(), sources.next()) {
            (Some(source), None) => Ok(Merged {
                name: name.name.as_str().into(),
                values: vec![source.slots.value],
                stands_for: vec![source.slots.value],
            }),
            _ => Err(PartiqlError::refused(
                name.position,
                format_args!(
                    "USING ({}): a side of the join has several sources, and any of them may have the field; \
                     name the field with its source in ON",
                    name.name
                ),
            )),
        }
    }

    /// The value that USING gives to a name in the queries that are being resolved, the innermost first. A source of a
    /// query within may have such a field, too.
    pub(super) fn field_of_using(
        &mut self,
        name: &Identifier,
        local: bool,
    ) -> Result<Option<Expression>, PartiqlError> {
        let found = self.scopes.iter().rev().enumerate().find_map(|(depth, scope)| {
            let is_visible = scope.groups.is_none() && !(depth == 0 && scope.clause == Clause::From);
            let mut merged = scope.merged.iter().filter(|_| is_visible);
            let merged = merged.find(|merged| *merged.name == *name.name)?;
            Some((depth, self.merged_value(depth, merged, name.position)))
        });
        let Some((depth, field)) = found else { return Ok(None) };
        let within = if local { None } else { self.field_within(name, depth)? };
        Ok(Some(within.unwrap_or(field)))
    }

    /// What `*` shows of the fields that USING names, before the other fields of the sources.
    pub(super) fn star_of_using(&self, position: Position) -> Vec<ProjectionItem> {
        let merged = self.scopes.last().map_or(&[][..], |scope| &*scope.merged);
        let field = |merged: &Merged| ProjectionItem::Field {
            name: Arc::clone(&merged.name),
            value: self.merged_value(0, merged, position),
        };
        merged.iter().map(field).collect()
    }

    fn merged_value(&self, depth: usize, merged: &Merged, position: Position) -> Expression {
        let mut fields: Vec<Expression> = merged
            .values
            .iter()
            .map(|slot| Expression::Path {
                root: Box::new(self.slot(depth, *slot, Some(position))),
                steps: vec![PathStep::Field(Arc::clone(&merged.name))],
            })
            .collect();
        match fields.len() {
            1 => fields.remove(0),
            _ => Expression::Call { function: Function::Coalesce, arguments: fields, position },
        }
    }
}
