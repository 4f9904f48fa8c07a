//! INSERT, UPDATE, DELETE and the FROM form. Everything that is written is computed before the first write. So a
//! statement does not see its own changes, and a statement that fails while it computes has changed nothing.

use std::collections::HashMap;
use std::sync::Arc;

use everstrand_ion::{Document, MAX_DEPTH, StructWriter, Value};

use crate::buffered_bytes::Charge;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::datum::{Datum, weight_of_value};
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::eval::path::{self, Index};
use crate::execute::edit::{self, At, Edit, Step};
use crate::execute::frame::{Frame, Input, OuterScope};
use crate::execute::node::State;
use crate::plan::{InsertPlan, Insertion, ModifyPlan, Operation, Target, TargetStep};

const PURPOSE: &str = "a statement that writes";

/// Inserts documents. Answers a row for each, in their order.
pub(crate) fn insert(
    plan: &InsertPlan,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
) -> Result<Vec<Document>, PartiqlError> {
    let values = match &plan.insertion {
        Insertion::One(value) => vec![outer.written(context, &[], value)?],
        Insertion::Each(values) => {
            let values = outer.written(context, &[], values)?;
            match values.kind() {
                ValueKind::List | ValueKind::Bag => path::items(context, values)?,
                _ => vec![values],
            }
        }
    };
    let mut documents = Vec::with_capacity(values.len());
    for value in values {
        documents.push(document_of(value, context)?);
    }
    let mut rows = Vec::with_capacity(documents.len());
    for document in documents {
        context.step()?;
        if let Some(id) = context.tables.insert(&plan.table, document, plan.on_conflict)? {
            context.execution.write_ios += 1;
            rows.push(document_id(&id));
        }
    }
    Ok(rows)
}

/// Changes or deletes documents. Answers a row for each, in the order in which they were found.
pub(crate) fn modify(
    plan: &ModifyPlan,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
) -> Result<Vec<Document>, PartiqlError> {
    let mut changes = Vec::new();
    let (found, _charge) = find(plan, context, outer)?;
    for Found { id, document, edits } in found {
        context.step()?;
        let changed = match edits {
            None => None,
            Some(edits) => {
                let held = context.held();
                let mut value = context.tree(Datum::from(document))?;
                edit::apply(&mut value, edits, context)?;
                let changed = document_of(Datum::Value(value), context)?;
                context.release(held);
                context.hold(changed.as_bytes().len())?;
                Some(changed)
            }
        };
        changes.push((id, changed));
    }
    let mut rows = Vec::with_capacity(changes.len());
    for (id, changed) in changes {
        match changed {
            Some(changed) => context.tables.replace(&plan.table, &id, changed)?,
            None => context.tables.delete(&plan.table, &id)?,
        }
        context.execution.write_ios += 1;
        rows.push(document_id(&id));
    }
    Ok(rows)
}

/// A document that a statement found, and the changes to it. `None` means that it is deleted.
struct Found {
    id: Arc<str>,
    document: Document,
    edits: Option<Vec<Edit>>,
}

fn find(
    plan: &ModifyPlan,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
) -> Result<(Vec<Found>, Charge), PartiqlError> {
    let mut charge = context.execution.budget.charge();
    let mut found: Vec<Found> = Vec::new();
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    let mut frame: Frame = vec![Datum::Missing; plan.slots];
    let mut state = State::start(&plan.input);
    while state.next(&plan.input, context, outer, &mut frame)? {
        let (ValueKind::Text(Some(id)), Datum::Slice(slice)) = (frame[plan.id].kind(), &frame[plan.document])
        else {
            return Err(PartiqlError::statement(None, "only documents of a table can be changed"));
        };
        // A document that several rows name is changed once, by the edits of all its rows.
        let place = match places.get(id) {
            Some(place) => *place,
            None => {
                let id: Arc<str> = Arc::from(id);
                charge.take(slice.size() + 128, PURPOSE)?;
                places.insert(Arc::clone(&id), found.len());
                found.push(Found { id, document: slice.get().to_document(), edits: Some(Vec::new()) });
                found.len() - 1
            }
        };
        let held = context.held();
        let edits = edits_of(&plan.operation, context, outer, &frame)?;
        context.release(held);
        match edits {
            None => found[place].edits = None,
            Some(edits) => {
                let bytes = edits.iter().map(weight_of).sum();
                charge.take(bytes, PURPOSE)?;
                if let Some(so_far) = &mut found[place].edits {
                    so_far.extend(edits);
                }
            }
        }
    }
    Ok((found, charge))
}

/// The changes that an operation makes to the document of one row. `None` means that it is deleted.
fn edits_of(
    operation: &Operation,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    frame: &Frame,
) -> Result<Option<Vec<Edit>>, PartiqlError> {
    Ok(match operation {
        Operation::Delete => None,
        Operation::Remove(target) if target.steps.is_empty() => None,
        Operation::Remove(target) => Some(vec![Edit::Remove { path: path_of(target, frame)? }]),
        Operation::Set(assignments) => {
            let mut edits = Vec::with_capacity(assignments.len());
            for (target, value) in assignments {
                let path = path_of(target, frame)?;
                let value = outer.written(context, frame, value)?;
                if value.is_missing() {
                    return Err(set_to_missing(&path));
                }
                edits.push(Edit::Set { path, value: context.tree(value)? });
            }
            Some(edits)
        }
        Operation::Insert { target, value, at } => {
            let path = path_of(target, frame)?;
            let value = insertable(outer.written(context, frame, value)?, context)?;
            let at = match at {
                None => At::End,
                Some(at) => {
                    let at = outer.written(context, frame, at)?;
                    match Index::of((&at).into()) {
                        Some(Index::Position(position)) => At::Place(Step::Index(position)),
                        Some(Index::Name(name)) => At::Place(Step::Field(name)),
                        _ => {
                            return Err(PartiqlError::statement(
                                None,
                                "AT needs a position from 0 on in a list, or the name of a field in a struct",
                            ));
                        }
                    }
                }
            };
            Some(vec![Edit::Insert { path, value, at }])
        }
        Operation::InsertEach { target, values } => {
            let path = path_of(target, frame)?;
            let values = outer.written(context, frame, values)?;
            let values = match values.kind() {
                ValueKind::List | ValueKind::Bag => path::items(context, values)?,
                _ => vec![values],
            };
            let mut edits = Vec::with_capacity(values.len());
            for value in values {
                context.hold(size_of::<Edit>() + weight_of_path(&path))?;
                let value = insertable(value, context)?;
                edits.push(Edit::Insert { path: path.clone(), value, at: At::End });
            }
            Some(edits)
        }
    })
}

/// The error of a SET whose right side is MISSING. Removing the field or writing NULL would lose its value because of
/// a misspelt name.
fn set_to_missing(path: &[Step]) -> PartiqlError {
    let target = match path.last() {
        None => "the document".to_owned(),
        Some(Step::Field(name)) => format!("'{name}'"),
        Some(Step::Index(index)) => format!("the element {index}"),
    };
    PartiqlError::statement(
        None,
        format!(
            "SET would assign MISSING to {target}: what stands right of = is not in this document; \
             assign NULL, or take the field away with REMOVE"
        ),
    )
}

fn insertable(value: Datum, context: &mut Context<'_>) -> Result<Value, PartiqlError> {
    match value {
        Datum::Missing => Err(PartiqlError::statement(None, "MISSING cannot be inserted")),
        value => context.tree(value),
    }
}

fn path_of(target: &Target, frame: &Frame) -> Result<Vec<Step>, PartiqlError> {
    let mut path = Vec::with_capacity(target.steps.len());
    for step in &target.steps {
        path.push(match step {
            TargetStep::Field(name) => Step::Field(name.clone()),
            TargetStep::Index(index) => Step::Index(usize::try_from(*index).unwrap_or(usize::MAX)),
            TargetStep::Place(slot) => match Index::of((&frame[*slot]).into()) {
                Some(Index::Position(position)) => Step::Index(position),
                Some(Index::Name(name)) => Step::Field(name),
                Some(Index::Nowhere) => continue,
                None => {
                    return Err(PartiqlError::statement(None, "this element has no place in the document"));
                }
            },
        });
    }
    Ok(path)
}

/// Makes a document that can be stored: a struct that is not nested too deep.
fn document_of(value: Datum, context: &mut Context<'_>) -> Result<Document, PartiqlError> {
    let kind = value.kind();
    if !matches!(kind, ValueKind::Struct) {
        let found = match kind {
            ValueKind::Null => "null".to_owned(),
            _ => format!("of type {}", ValueRef::from(&value).type_name()),
        };
        return Err(PartiqlError::statement(
            None,
            format!("A document must be a struct, and this is {found}"),
        ));
    }
    if is_deeper((&value).into(), MAX_DEPTH) {
        return Err(PartiqlError::limit(format!("A document may be nested {MAX_DEPTH} levels deep at most")));
    }
    context.document(value)
}

fn is_deeper(value: ValueRef<'_>, levels: usize) -> bool {
    match value.kind() {
        ValueKind::List | ValueKind::Sexp | ValueKind::Bag => {
            levels == 0 || value.items().any(|item| is_deeper(item, levels - 1))
        }
        ValueKind::Struct => levels == 0 || value.fields().any(|(_, value)| is_deeper(value, levels - 1)),
        _ => false,
    }
}

fn weight_of(edit: &Edit) -> usize {
    let (path, value) = match edit {
        Edit::Set { path, value } | Edit::Insert { path, value, .. } => (path, weight_of_value(value)),
        Edit::Remove { path } => (path, 0),
    };
    size_of::<Edit>() + weight_of_path(path) + value
}

fn weight_of_path(path: &[Step]) -> usize {
    let step = |step: &Step| if let Step::Field(name) = step { name.len() } else { 0 };
    path.iter().map(|one| size_of::<Step>() + step(one)).sum()
}

fn document_id(id: &str) -> Document {
    let mut writer = StructWriter::new();
    writer.text("documentId", id);
    writer.finish()
}
