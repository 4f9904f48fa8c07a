//! Plans definitions: CREATE and DROP of tables and indexes.

use super::Planner;
use crate::ast;
use crate::error::PartiqlError;
use crate::plan::Statement;
use crate::tables::IndexDefinition;

impl<'a> Planner<'a> {
    /// A statement that defines a table or an index, or takes one away.
    pub(super) fn definition(&mut self, statement: &'a ast::Statement) -> Result<Statement, PartiqlError> {
        Ok(match statement {
            ast::Statement::CreateTable { name, options, if_not_exists } => {
                self.extended(if_not_exists.as_ref())?;
                let tags = self.tags(options)?;
                Statement::CreateTable {
                    name: name.name.clone(),
                    tags,
                    if_not_exists: if_not_exists.is_some(),
                }
            }
            ast::Statement::CreateIndex { .. } => Statement::CreateIndex(self.index(statement)?),
            ast::Statement::DropIndex { index, table, if_exists, extension } => {
                self.extended(extension.as_ref())?;
                let table = table.as_ref().map(|table| table.name.clone());
                Statement::DropIndex { index: index.name.clone(), table, if_exists: *if_exists }
            }
            ast::Statement::DropTable { name, if_exists } => {
                self.extended(if_exists.as_ref())?;
                Statement::DropTable { name: name.name.clone(), if_exists: if_exists.is_some() }
            }
            ast::Statement::UndropTable { table_id } => {
                Statement::UndropTable { table_id: table_id.name.clone() }
            }
            _ => unreachable!("the caller has checked the kind of the statement"),
        })
    }

    fn tags(
        &mut self,
        options: &'a [(ast::Identifier, ast::Expression)],
    ) -> Result<Option<crate::plan::Expression>, PartiqlError> {
        let mut tags = None;
        for (option, value) in options {
            if option.name != "aws_tags" || tags.is_some() {
                return Err(PartiqlError::refused(
                    option.position,
                    format_args!("Invalid table option '{}': only aws_tags, once", option.name),
                ));
            }
            tags = Some(self.expression(value)?);
        }
        Ok(tags)
    }

    fn index(&self, statement: &ast::Statement) -> Result<IndexDefinition, PartiqlError> {
        let ast::Statement::CreateIndex { name, if_not_exists, extension, table, paths, unique, position } =
            statement
        else {
            unreachable!("the caller has checked the kind of the statement");
        };
        if *unique {
            let found = "unexpected token found, KEYWORD : unique";
            self.extension(*position, found, "Unexpected token after CREATE")?;
        }
        self.extended(extension.as_ref())?;
        if let Some(second) = paths.get(1).and_then(|path| path.first())
            && !self.options.extensions
        {
            return Err(PartiqlError::refused(
                second.position,
                "Composite indexes are not supported: an index has one field",
            ));
        }
        if let Some(nested) = paths.iter().find_map(|path| path.get(1))
            && !self.options.extensions
        {
            return Err(PartiqlError::refused(
                nested.position,
                "Nested paths are not supported: only top-level fields can be indexed",
            ));
        }
        Ok(IndexDefinition {
            table: table.name.clone(),
            name: name.as_ref().map(|name| name.name.clone()),
            paths: paths.iter().map(|path| path.iter().map(|step| step.name.clone()).collect()).collect(),
            unique: *unique,
            if_not_exists: *if_not_exists,
        })
    }
}
