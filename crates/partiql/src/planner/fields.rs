//! Resolves the names of fields that are written without their source, in nested queries and in joins. QLDB refused them
//! (N5, N6).
//!
//! Documents have no schema. What a table can have are the fields that its documents have or ever had; the results of a
//! query have the items of its select list; anything else can have any field. A name means a field of the innermost
//! query that has a source with such a field. The name is refused if it could mean two sources of that query, and also
//! if the table of a query within has no such field so far. Otherwise somebody could insert a document with the field,
//! and the statement would silently mean something else.

use std::sync::Arc;

use everstrand_ion::{Data, Value};

use super::Planner;
use super::scope::{Clause, SourceFields, SourceNames};
use super::shape::extended;
use crate::ast::Identifier;
use crate::error::{Category, PartiqlError};
use crate::plan::{Coercion, Expression, PathStep, Projection, ProjectionItem};
use crate::tables::{FieldNames, Source, SourceKind};

/// The work of asking for the fields of a table, which may look at documents that the transaction wrote.
const FIELDS_OF_TABLE: usize = 100_000;

/// Whether a source has a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Has {
    /// It does, or nothing is known about it.
    Can,
    /// A table has had no such field so far.
    NotSoFar,
    /// It never does.
    Never,
}

impl SourceFields {
    pub(super) fn of_table(source: &Source) -> SourceFields {
        let only: &[&str] = match source.kind {
            SourceKind::User => return SourceFields::Table(source.clone()),
            SourceKind::Committed | SourceKind::History { .. } => {
                &["blockAddress", "hash", "data", "metadata"]
            }
            SourceKind::Diff { .. } => &["documentId", "change", "before", "after"],
            SourceKind::UserTables => &["tableId", "name", "indexes", "status"],
        };
        SourceFields::Only(only.iter().map(|name| Arc::from(*name)).collect())
    }

    /// The fields of the elements of a value.
    pub(super) fn of_collection(value: &Expression) -> SourceFields {
        match value {
            Expression::Bag(items) | Expression::List(items) => SourceFields::all(items.iter().map(Self::of)),
            Expression::Query(query) if query.coercion == Coercion::None => match &query.plan.projection {
                Projection::Value(value) => SourceFields::of(value),
                Projection::Row(_) => SourceFields::Only(Vec::new()),
                Projection::Items(items) => SourceFields::all(items.iter().map(|item| match item {
                    ProjectionItem::Field { name, .. } => SourceFields::Only(vec![Arc::clone(name)]),
                    ProjectionItem::All(_) | ProjectionItem::AllBut(..) => SourceFields::Any,
                })),
            },
            _ => SourceFields::Any,
        }
    }

    /// The fields of one value.
    fn of(value: &Expression) -> SourceFields {
        match value {
            Expression::Literal { value, .. } => match &value.data {
                Data::Struct(fields) => {
                    let names = fields.iter().map(|(name, _)| name.text().map(Arc::from));
                    names.collect::<Option<_>>().map_or(SourceFields::Any, SourceFields::Only)
                }
                _ => SourceFields::Only(Vec::new()),
            },
            Expression::Struct(fields) => {
                let names = fields.iter().map(|(name, _)| match name {
                    Expression::Literal { value: Value { data: Data::String(name), .. }, .. } => {
                        Some(Arc::from(name.as_str()))
                    }
                    _ => None,
                });
                names.collect::<Option<_>>().map_or(SourceFields::Any, SourceFields::Only)
            }
            _ => SourceFields::Any,
        }
    }

    fn all(parts: impl Iterator<Item = SourceFields>) -> SourceFields {
        let mut all = Vec::new();
        for part in parts {
            match part {
                SourceFields::Only(names) => all.extend(names),
                other => return other,
            }
        }
        SourceFields::Only(all)
    }
}

impl Planner<'_> {
    /// The field of the innermost source that can have one of this name.
    pub(super) fn field_of_a_source(
        &mut self,
        name: &Identifier,
    ) -> Result<Option<Expression>, PartiqlError> {
        self.field_within(name, self.scopes.len())
    }

    /// The field of the innermost source that can have one of this name, in so many of the innermost queries.
    pub(super) fn field_within(
        &mut self,
        name: &Identifier,
        queries: usize,
    ) -> Result<Option<Expression>, PartiqlError> {
        if !self.resolves_fields() {
            return Ok(None);
        }
        // A source of a query within, which has had no such field so far.
        let mut not_so_far = None;
        for depth in 0..queries {
            let level = self.scopes.len() - 1 - depth;
            if self.scopes[level].clause == Clause::From {
                continue;
            }
            let mut can = Vec::new();
            let mut first_without = None;
            for source in 0..self.scopes[level].sources.len() {
                match self.has(level, source, &name.name)? {
                    Has::Can => can.push(source),
                    Has::NotSoFar => first_without = first_without.or(Some((level, source))),
                    Has::Never => {}
                }
            }
            let found = match can[..] {
                [] => {
                    not_so_far = not_so_far.or(first_without);
                    continue;
                }
                [found] => found,
                [first, second, ..] => {
                    return Err(self.ambiguous(name, [(level, first), (level, second)]));
                }
            };
            if let Some(within) = not_so_far {
                return Err(self.ambiguous(name, [within, (level, found)]));
            }
            if self.scopes[level].groups.is_some() {
                return Err(not_in_groups(name));
            }
            let slot = self.scopes[level].sources[found].slots.value;
            return Ok(Some(self.field(depth, slot, name)));
        }
        Ok(None)
    }

    /// A field that no source can have so far. It is MISSING, whichever source is meant. It means the only source of
    /// the innermost query, or one of several if they include a table that never had a document. Otherwise the name is
    /// more likely misspelt.
    pub(super) fn field_that_no_source_has(
        &mut self,
        name: &Identifier,
    ) -> Result<Option<Expression>, PartiqlError> {
        if !self.resolves_fields() {
            return Ok(None);
        }
        let level = self.scopes.len() - 1;
        let mut found = None;
        for source in 0..self.scopes[level].sources.len() {
            let SourceFields::Table(table) = &self.scopes[level].sources[source].fields else { continue };
            let table = table.clone();
            let is_only = self.scopes[level].sources.len() == 1;
            if is_only || self.field_names(&table)?.is_some_and(|names| names.is_empty()) {
                found = Some(source);
                break;
            }
        }
        let Some(source) = found else { return Ok(None) };
        if self.scopes[level].groups.is_some() {
            return Err(not_in_groups(name));
        }
        let slot = self.scopes[level].sources[source].slots.value;
        Ok(Some(self.field(0, slot, name)))
    }

    /// Whether names of fields are looked for in the sources: not in FROM, where a name means a table.
    fn resolves_fields(&self) -> bool {
        self.options.extensions && self.scopes.last().is_some_and(|scope| scope.clause != Clause::From)
    }

    fn has(&mut self, level: usize, source: usize, name: &str) -> Result<Has, PartiqlError> {
        let table = match &self.scopes[level].sources[source].fields {
            SourceFields::Any => return Ok(Has::Can),
            SourceFields::Only(names) => {
                let has = names.iter().any(|other| **other == *name);
                let looked_at = names.len();
                self.work(looked_at)?;
                return Ok(if has { Has::Can } else { Has::Never });
            }
            SourceFields::Table(table) => table.clone(),
        };
        let names = self.field_names(&table)?;
        let has = names.is_none_or(|names| names.contains(name));
        Ok(if has { Has::Can } else { Has::NotSoFar })
    }

    /// The fields of a table. The answer is a premise of the plan.
    fn field_names(&mut self, table: &Source) -> Result<Option<FieldNames>, PartiqlError> {
        self.work(self.fields.len())?;
        if let Some((_, known)) = self.fields.iter().find(|(known, _)| known == table) {
            return Ok(known.clone());
        }
        self.work(FIELDS_OF_TABLE)?;
        let names = self.tables.field_names(table)?;
        self.fields.push((table.clone(), names.clone()));
        Ok(names)
    }

    fn field(&self, depth: usize, slot: usize, name: &Identifier) -> Expression {
        let root = self.slot(depth, slot, Some(name.position));
        extended(root, vec![PathStep::Field(name.name.as_str().into())])
    }

    fn ambiguous(&self, name: &Identifier, sources: [(usize, usize); 2]) -> PartiqlError {
        let alias = |(level, source): (usize, usize)| -> &SourceNames { &self.scopes[level].sources[source] };
        let [first, second] = sources.map(|place| &alias(place).alias);
        PartiqlError::refused(
            name.position,
            format_args!(
                "The name '{name}' may mean a field of {first} or of {second}; write {first}.{name} or {second}.{name}"
            ),
        )
    }
}

fn not_in_groups(name: &Identifier) -> PartiqlError {
    PartiqlError::located(
        Category::Semantic,
        Some(name.position),
        format_args!(
            "Variable '{}' must appear in the GROUP BY clause or be used in an aggregation function",
            name.name
        ),
        "Variable must appear in the GROUP BY clause or be used in an aggregation function",
    )
}
