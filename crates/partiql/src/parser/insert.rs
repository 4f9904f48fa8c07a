//! Parses INSERT, as a statement or as the operation of a statement.

use super::Parser;
use super::definition::AFTER_STATEMENT;
use crate::ast::{Expression, Identifier, Insertion, SimplePath};
use crate::error::PartiqlError;

impl Parser<'_> {
    /// `INSERT INTO path …`
    pub(super) fn insert(&mut self) -> Result<(SimplePath, Insertion), PartiqlError> {
        self.expect_keyword("insert")?;
        self.expect_keyword("into")?;
        let target = self.simple_path()?;
        let insertion = if let Some(columns) = self.columns()? {
            self.insertion_of(columns)?
        } else if self.accept_keyword("value") {
            let value = self.expression()?;
            let at = if self.accept_keyword("at") { Some(self.expression()?) } else { None };
            Insertion::One { value, at }
        } else if self.is_keyword("values") {
            // A row of one value means that value, because documents have no columns.
            let rows = self.rows()?.into_iter().map(|mut row| match row.pop() {
                Some(only) if row.is_empty() => only,
                last => Expression::List(row.into_iter().chain(last).collect()),
            });
            Insertion::Each(Expression::Bag(rows.collect()))
        } else {
            Insertion::Each(self.expression_or_query()?)
        };
        Ok((target, insertion))
    }

    /// What follows the names of the fields: VALUES or a query.
    fn insertion_of(&mut self, columns: Vec<Identifier>) -> Result<Insertion, PartiqlError> {
        let extension = self.extension(AFTER_STATEMENT);
        if self.is_keyword("values") {
            return Ok(Insertion::Rows { columns, rows: self.rows()?, extension });
        }
        Ok(Insertion::Query { columns, query: self.expression_or_query()?, extension })
    }
}
