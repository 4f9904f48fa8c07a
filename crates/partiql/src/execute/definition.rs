//! Executes definitions: CREATE and DROP of tables and indexes.

use std::sync::Arc;

use super::frame::OuterScope;
use crate::datum::value_ref::ValueKind;
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::plan::{Expression, Statement};
use crate::tables::SourceKind;

/// Executes a definition, and answers the id of its table; `None` if there was nothing to drop.
pub(super) fn define(
    statement: &Statement,
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
) -> Result<Option<Arc<str>>, PartiqlError> {
    Ok(match statement {
        Statement::CreateTable { name, tags, if_not_exists } => {
            Some(create_table(context, outer, name, tags.as_ref(), *if_not_exists)?)
        }
        Statement::CreateIndex(index) => Some(context.tables.create_index(index)?),
        Statement::DropIndex { index, table, if_exists } => {
            context.tables.drop_index(index, table.as_deref(), *if_exists)?
        }
        Statement::DropTable { name, if_exists } => {
            if *if_exists && context.tables.source(name, None)?.is_none() {
                return Ok(None);
            }
            Some(context.tables.drop_table(name)?)
        }
        Statement::UndropTable { table_id } => Some(context.tables.undrop_table(table_id)?),
        _ => unreachable!("the caller has checked the kind of the statement"),
    })
}

fn create_table(
    context: &mut Context<'_>,
    outer: OuterScope<'_>,
    name: &str,
    tags: Option<&Expression>,
    if_not_exists: bool,
) -> Result<Arc<str>, PartiqlError> {
    if if_not_exists
        && let Some(table) = context.tables.source(name, None)?
        && table.kind == SourceKind::User
    {
        return Ok(table.table_id);
    }
    let tags = match tags {
        None => None,
        Some(tags) => {
            let tags = outer.written(context, &[], tags)?;
            if !matches!(tags.kind(), ValueKind::Struct) {
                return Err(PartiqlError::statement(None, "aws_tags must be a struct"));
            }
            Some(context.tree(tags)?)
        }
    };
    Ok(context.tables.create_table(name, tags.as_ref())?)
}
