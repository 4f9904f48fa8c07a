//! Queries within expressions. Where one value is wanted, a query stands for its value and not for a bag.

use std::sync::Arc;

use super::Planner;
use crate::ast;
use crate::error::PartiqlError;
use crate::expression::Located;
use crate::plan::{self, Coercion, Expression, NestedQuery};
use crate::position::Position;

impl<'a> Planner<'a> {
    /// Resolves an expression where one value is wanted and no bag of documents.
    pub(super) fn operand(
        &mut self,
        expression: &'a ast::Expression,
    ) -> Result<Box<Expression>, PartiqlError> {
        self.one_value(expression, 1).map(Box::new)
    }

    /// Resolves an operand. A query may have as many items as the row value on the other side.
    pub(super) fn operand_beside(
        &mut self,
        expression: &'a ast::Expression,
        other: &'a ast::Expression,
    ) -> Result<Box<Expression>, PartiqlError> {
        self.one_value(expression, columns_beside(other)).map(Box::new)
    }

    /// Resolves an expression where one value is wanted. A query must have this number of items.
    pub(super) fn one_value(
        &mut self,
        expression: &'a ast::Expression,
        columns: usize,
    ) -> Result<Expression, PartiqlError> {
        match expression {
            ast::Expression::Query(query) => self.query_of_columns(query, columns, Coercion::Scalar),
            expression => self.expression(expression),
        }
    }

    /// Resolves an expression where a collection is wanted. The bag of a query stays a bag.
    pub(super) fn collection(&mut self, expression: &'a ast::Expression) -> Result<Expression, PartiqlError> {
        match expression {
            ast::Expression::Query(query) => self.nested_query(query),
            expression => self.expression(expression),
        }
    }

    /// Resolves a query where any value may stand. It stands for its value, unless its results are documents.
    pub(super) fn query_as_value(
        &mut self,
        query: &'a ast::QueryExpression,
    ) -> Result<Expression, PartiqlError> {
        match query.any_projection(&mut has_star) {
            true => self.nested_query(query),
            false => self.query_of_columns(query, 1, Coercion::Scalar),
        }
    }

    /// Resolves the right side of IN. A query yields one value for each row, or as many as the row value on the left
    /// has.
    pub(super) fn members_beside(
        &mut self,
        collection: &'a ast::Expression,
        value: &'a ast::Expression,
    ) -> Result<Box<Expression>, PartiqlError> {
        Ok(Box::new(match collection {
            ast::Expression::Query(query) => {
                self.query_of_columns(query, columns_beside(value), Coercion::None)?
            }
            ast::Expression::List(items) => {
                let members = self.expressions(items)?;
                for (written, member) in items.iter().zip(&members) {
                    self.hint_of_quotes(written, member);
                }
                Expression::List(members)
            }
            collection => self.expression(collection)?,
        }))
    }

    /// The coercion of SQL: a query stands for the values of its items, of one row or of each row. Several items
    /// become a list, which compares with a row value `(a, b)`. SELECT VALUE stays a bag. Without extensions every
    /// query does, because QLDB had no coercion.
    fn query_of_columns(
        &mut self,
        query: &'a ast::QueryExpression,
        columns: usize,
        coercion: Coercion,
    ) -> Result<Expression, PartiqlError> {
        if !self.options.extensions
            || query.any_projection(&mut |projection| {
                matches!(projection, ast::Projection::Value(_) | ast::Projection::Pivot { .. })
            })
        {
            return self.nested_query(query);
        }
        let mut nested = self.query(query)?;
        let plan::Projection::Items(items) = nested.projection else {
            return Err(names_its_items(query.position()));
        };
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let plan::ProjectionItem::Field { value, .. } = item else {
                return Err(names_its_items(query.position()));
            };
            values.push(value);
        }
        if values.len() != columns {
            let wanted = if columns == 1 { "one item is".to_owned() } else { format!("{columns} items are") };
            return Err(PartiqlError::refused(
                query.position(),
                format_args!(
                    "This query has {} items in its select list, where {wanted} wanted",
                    values.len()
                ),
            ));
        }
        let value = match values.pop() {
            Some(value) if values.is_empty() => value,
            last => {
                values.extend(last);
                Expression::List(values)
            }
        };
        nested.projection = plan::Projection::Value(value);
        let (plan, position) = (Arc::new(nested), query.position());
        Ok(Expression::Query(Box::new(NestedQuery { plan, name: None, coercion, position })))
    }

    /// Resolves a query without coercion: it yields the bag of its results, or the struct of PIVOT.
    pub(super) fn nested_query(
        &mut self,
        query: &'a ast::QueryExpression,
    ) -> Result<Expression, PartiqlError> {
        let (plan, position) = (Arc::new(self.query(query)?), query.position());
        let nested = NestedQuery { plan, name: None, coercion: Coercion::None, position };
        let results = Expression::Query(Box::new(nested));
        if query.as_pivot().is_none() {
            return Ok(results);
        }
        let function = plan::Function::Pivot;
        Ok(Expression::Call { function, arguments: vec![results], position })
    }
}

/// The error of a query whose items are not known where values are wanted.
fn names_its_items(position: Position) -> PartiqlError {
    PartiqlError::refused(
        position,
        "This query stands where values are wanted: name the items of its select list, because * has as many as a \
         document has fields",
    )
}

/// Whether the results are documents, because `*` stands in the select list.
fn has_star(projection: &ast::Projection) -> bool {
    match projection {
        ast::Projection::Value(_) | ast::Projection::Pivot { .. } => false,
        ast::Projection::Star => true,
        ast::Projection::Items(items) => items.iter().any(|item| matches!(item, ast::SelectItem::All(_))),
    }
}

/// How many items a query must have that is compared with this expression: those of a row value, else one.
fn columns_beside(other: &ast::Expression) -> usize {
    match other {
        ast::Expression::List(items) if items.len() > 1 => items.len(),
        _ => 1,
    }
}
