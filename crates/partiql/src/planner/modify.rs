//! Plans UPDATE, DELETE and the FROM form: which documents are changed, and at which places.

use super::from::{Tree, TreeKind};
use super::order::RowOrder;
use super::scope::{Clause, Scope};
use super::shape::conjuncts;
use super::{Planner, writable};
use crate::ast::{self, Identifier, SimplePath, SimpleStep};
use crate::error::PartiqlError;
use crate::plan::{
    Expression, ModifyPlan, Operation, PathStep, SourceSlots, Target, TargetStep, UseKind, Variable,
};
use crate::tables::Source;

/// The place in a document at which the elements of a source lie.
#[derive(Clone)]
struct Origin {
    /// The slots of the source that yields the document.
    document: SourceSlots,
    /// The steps from the top of the document to the element.
    steps: Vec<TargetStep>,
}

/// The sources of a FROM clause, by the slots of their values.
#[derive(Default)]
struct Sources {
    tables: Vec<(SourceSlots, Source)>,
    origins: Vec<(usize, Option<Origin>)>,
}

impl<'a> Planner<'a> {
    pub(super) fn modify(&mut self, modify: &'a ast::Modify) -> Result<ModifyPlan, PartiqlError> {
        self.scopes.push(Scope::default());
        let plan = self.modify_in_scope(modify);
        let scope = self.scopes.pop().expect("pushed above");
        let mut plan = plan?;
        plan.slots = scope.slot_names.len();
        Ok(plan)
    }

    fn modify_in_scope(&mut self, modify: &'a ast::Modify) -> Result<ModifyPlan, PartiqlError> {
        let from = self.sources(&modify.from, true)?;
        self.clause(Clause::Rows);
        let mut sources = Sources::default();
        sources.add(&from);
        let mut document = None;
        let operation = self.operation(&modify.operation, &sources, &mut document)?;
        let document = match (document, &*sources.tables) {
            (Some(document), _) => document,
            (None, [(document, _), ..]) => *document,
            (None, []) => return Err(no_table(modify)),
        };
        let (_, table) = sources
            .tables
            .iter()
            .find(|(slots, _)| *slots == document)
            .expect("origins are found among the tables");
        let table = writable(table.clone(), &first_name(modify))?;
        let kind = if operation == Operation::Delete { UseKind::Delete } else { UseKind::Update };
        self.uses(&table, kind);
        let conditions = match &modify.condition {
            Some(condition) => conjuncts(self.condition(condition)?),
            None => Vec::new(),
        };
        Ok(ModifyPlan {
            table,
            slots: 0,
            // Several rows may change one document, so their order can be seen.
            input: self.rows(from, conditions, RowOrder::Written)?,
            document: document.value,
            id: document.by.expect("all places are wanted"),
            operation,
        })
    }

    fn operation(
        &mut self,
        operation: &'a ast::Operation,
        sources: &Sources,
        document: &mut Option<SourceSlots>,
    ) -> Result<Operation, PartiqlError> {
        Ok(match operation {
            ast::Operation::Set(assignments) => Operation::Set(
                assignments
                    .iter()
                    .map(|(path, written)| {
                        let target = self.target(path, sources, document)?;
                        let value = self.expression(written)?;
                        self.hint_of_quotes(written, &value);
                        Ok((target, value))
                    })
                    .collect::<Result<_, PartiqlError>>()?,
            ),
            ast::Operation::Insert { target, insertion } => {
                let target = self.target(target, sources, document)?;
                match insertion {
                    ast::Insertion::One { value, at } => Operation::Insert {
                        target,
                        value: self.expression(value)?,
                        at: at.as_ref().map(|at| self.expression(at)).transpose()?,
                    },
                    each => Operation::InsertEach { target, values: self.inserted(each)? },
                }
            }
            ast::Operation::Remove(path) => Operation::Remove(self.target(path, sources, document)?),
            ast::Operation::Delete => Operation::Delete,
        })
    }

    /// N10: the place that a path names. The path begins with the name of a source, or with a field of the only source.
    fn target(
        &mut self,
        path: &SimplePath,
        sources: &Sources,
        document: &mut Option<SourceSlots>,
    ) -> Result<Target, PartiqlError> {
        let scope = self.scopes.last().expect("DML is resolved in its scope");
        let (slot, first) = match (scope.lookup(&path.root.name), &*scope.sources) {
            (Some(slot), _) => (slot, None),
            (None, [source]) => (source.slots.value, Some(TargetStep::Field(path.root.name.clone()))),
            (None, _) => return Err(self.no_such_variable(&path.root)),
        };
        let origin = sources.origins.iter().find(|(value, _)| *value == slot);
        let Some((_, Some(origin))) = origin else {
            return Err(PartiqlError::refused(
                path.root.position,
                format_args!("'{}' does not name a part of a document", path.root.name),
            ));
        };
        if document.get_or_insert(origin.document) != &origin.document {
            return Err(PartiqlError::refused(
                path.root.position,
                "A statement can change the documents of one table only",
            ));
        }
        let rest = path.steps.iter().map(|step| match step {
            SimpleStep::Field(name) => TargetStep::Field(name.clone()),
            SimpleStep::Index(index) => TargetStep::Index(*index),
        });
        Ok(Target { steps: origin.steps.iter().cloned().chain(first).chain(rest).collect() })
    }
}

impl Sources {
    /// Adds the sources of a tree with their origins, from left to right.
    fn add(&mut self, tree: &Tree) {
        match &tree.kind {
            TreeKind::Table { source, slots, .. } => {
                self.tables.push((*slots, source.clone()));
                self.origins.push((slots.value, Some(Origin { document: *slots, steps: Vec::new() })));
            }
            TreeKind::Value { value, slots, .. } => {
                let origin = self.origin(value).zip(slots.at).map(|(mut origin, at)| {
                    origin.steps.push(TargetStep::Place(at));
                    origin
                });
                self.origins.push((slots.value, origin));
            }
            TreeKind::Join { left, right, .. } | TreeKind::Full { left, right, .. } => {
                self.add(left);
                self.add(right);
            }
        }
    }

    /// U7: where the value of a source lies, if it is a path of names and numbers from an earlier source.
    fn origin(&self, value: &Expression) -> Option<Origin> {
        let (root, steps) = match value {
            Expression::Path { root, steps } => (&**root, &**steps),
            root => (root, &[][..]),
        };
        let Expression::Variable(Variable { depth: 0, slot, .. }) = root else { return None };
        let (_, origin) = self.origins.iter().find(|(value, _)| value == slot)?;
        let mut origin = origin.clone()?;
        for step in steps {
            origin.steps.push(match step {
                PathStep::Field(name) => TargetStep::Field(name.to_string()),
                PathStep::Index(index) => match &**index {
                    Expression::Literal { value, .. } => {
                        TargetStep::Index(u64::try_from(value.as_i64()?).ok()?)
                    }
                    _ => return None,
                },
                _ => return None,
            });
        }
        Some(origin)
    }
}

/// The name of the first source. Errors show it.
fn first_name(modify: &ast::Modify) -> Identifier {
    let ast::FromTerm { source, position, .. } = &modify.from.terms[0];
    let name = match source {
        ast::FromSource::Item(item) => item.value.to_string(),
        ast::FromSource::Nested(from) => from.to_string(),
    };
    Identifier { name, position: *position, is_quoted: false }
}

/// The error of DML whose sources are no tables.
fn no_table(modify: &ast::Modify) -> PartiqlError {
    let name = first_name(modify);
    PartiqlError::refused(
        name.position,
        format_args!("DML statements need a table, and '{}' is not a table", name.name),
    )
}
