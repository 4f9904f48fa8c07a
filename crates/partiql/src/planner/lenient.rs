//! Names as the public conformance suite needs them, because it does not know QLDB's rules N5 to N8. Only the suite's test
//! compiles this file.

use super::Planner;
use super::scope::Clause;
use super::shape::extended;
use crate::ast::{self, Identifier};
use crate::plan::{Expression, PathStep};

impl Planner<'_> {
    /// A name in FROM that the outermost query binds. The suite binds its environment there, around the statement, and
    /// those names stand for tables.
    pub(super) fn bound_around(&self, name: &Identifier, local: bool) -> Option<Expression> {
        let depth = self.scopes.len().checked_sub(1).filter(|depth| *depth > 0 && !local)?;
        let is_in_from = self.scopes.last().is_some_and(|scope| scope.clause == Clause::From);
        let slot =
            self.scopes.first().filter(|_| is_in_from && self.options.lenient_names)?.lookup(&name.name)?;
        Some(self.slot(depth, slot, Some(name.position)))
    }

    /// With rules N5 and N6 off: the field of the first row that has it. The innermost query comes first, and its
    /// sources from left to right. The query that binds the suite's environment is left out.
    pub(super) fn field_of_any(&self, name: &Identifier) -> Option<Expression> {
        let scopes = self.scopes.get(1..).filter(|_| self.options.lenient_names)?;
        let innermost = scopes.last().filter(|scope| scope.clause != Clause::From)?;
        if innermost.groups.is_some() {
            return None;
        }
        let ungrouped = scopes.iter().rev().enumerate().filter(|(_, scope)| scope.groups.is_none());
        let mut fields: Vec<Expression> = ungrouped
            .flat_map(|(depth, scope)| scope.sources.iter().map(move |source| (depth, source.slots.value)))
            .map(|(depth, slot)| {
                let field = PathStep::Field(name.name.as_str().into());
                extended(self.slot(depth, slot, Some(name.position)), vec![field])
            })
            .collect();
        let last = fields.pop()?;
        if fields.is_empty() {
            return Some(last);
        }
        let is_there = |field: &Expression| Expression::Is {
            value: Box::new(field.clone()),
            of: ast::Type::Missing,
            negated: true,
        };
        let branches = fields.into_iter().map(|field| (is_there(&field), field)).collect();
        Some(Expression::Case { operand: None, branches, otherwise: Some(Box::new(last)) })
    }
}
