//! Plans the values that INSERT inserts into the fields that it names.

use std::sync::Arc;

use everstrand_ion::Value;

use super::Planner;
use crate::ast::{self, Identifier};
use crate::error::PartiqlError;
use crate::plan::{Expression, Projection, ProjectionItem};

impl<'a> Planner<'a> {
    /// The documents or elements of an INSERT without VALUE, as a collection or as one value.
    pub(super) fn inserted(&mut self, insertion: &'a ast::Insertion) -> Result<Expression, PartiqlError> {
        match insertion {
            ast::Insertion::One { value, .. } => self.expression(value),
            ast::Insertion::Each(values) => self.collection(values),
            ast::Insertion::Rows { columns, rows, extension } => {
                self.extended(Some(extension))?;
                self.check_columns(columns)?;
                let documents = rows.iter().map(|row| {
                    check_count(columns, row.len(), extension)?;
                    let fields = columns.iter().zip(row).map(|(column, value)| {
                        let name = Value::from(column.name.as_str());
                        let name = Expression::Literal { value: name, position: column.position };
                        Ok((name, self.expression(value)?))
                    });
                    fields.collect::<Result<_, PartiqlError>>().map(Expression::Struct)
                });
                documents.collect::<Result<_, PartiqlError>>().map(Expression::Bag)
            }
            ast::Insertion::Query { columns, query, extension } => {
                self.extended(Some(extension))?;
                self.check_columns(columns)?;
                let mut documents = self.collection(query)?;
                rename(columns, &mut documents, extension)?;
                Ok(documents)
            }
        }
    }

    /// Refuses a field that is named twice.
    fn check_columns(&mut self, columns: &[Identifier]) -> Result<(), PartiqlError> {
        self.work(columns.len() * columns.len())?;
        for (at, column) in columns.iter().enumerate() {
            if columns[..at].contains(column) {
                return Err(PartiqlError::refused(
                    column.position,
                    format_args!("The field '{}' is named twice", column.name),
                ));
            }
        }
        Ok(())
    }
}

/// Gives the items of a query the names of the fields.
fn rename(
    columns: &[Identifier],
    documents: &mut Expression,
    extension: &ast::Extension,
) -> Result<(), PartiqlError> {
    let items = match documents {
        Expression::Query(query) => match &mut Arc::make_mut(&mut query.plan).projection {
            Projection::Items(items) => items,
            Projection::Value(_) | Projection::Row(_) => return Err(not_items(extension)),
        },
        _ => return Err(not_items(extension)),
    };
    check_count(columns, items.len(), extension)?;
    for (column, item) in columns.iter().zip(items) {
        let ProjectionItem::Field { name, .. } = item else { return Err(not_items(extension)) };
        *name = Arc::from(column.name.as_str());
    }
    Ok(())
}

fn not_items(extension: &ast::Extension) -> PartiqlError {
    PartiqlError::refused(
        extension.position,
        "INSERT into named fields takes VALUES, or a SELECT that names an item for each field",
    )
}

fn check_count(
    columns: &[Identifier],
    values: usize,
    extension: &ast::Extension,
) -> Result<(), PartiqlError> {
    if columns.len() == values {
        return Ok(());
    }
    Err(PartiqlError::refused(
        extension.position,
        format_args!("INSERT names {} fields and has {values} values for them", columns.len()),
    ))
}
