//! Hints: what the author of a statement may have meant to say. A hint never changes an answer.

use super::Planner;
use crate::ast::{self, Identifier};
use crate::error::PartiqlError;
use crate::plan::{self, Expression};

impl Planner<'_> {
    /// N11: the error of a name that means nothing here.
    pub(super) fn no_such_variable(&self, name: &Identifier) -> PartiqlError {
        let message = format!("No such variable named '{}'", name.name);
        let error = PartiqlError::semantic(Some(name.position), message);
        if !self.options.extensions {
            return error;
        }
        match self.alike(&name.name) {
            Some(other) => error.with_hint(did_you_mean(&other)),
            None if name.is_quoted => error.with_hint(double_quotes(&name.name)),
            None => error,
        }
        .with_hint_shown()
    }

    /// The name of a source or of a table that differs from this one in case alone.
    fn alike(&self, name: &str) -> Option<String> {
        let is_alike = |other: &str| other != name && other.eq_ignore_ascii_case(name);
        let named = self.scopes.iter().rev().flat_map(|scope| &scope.sources);
        let mut named =
            named.flat_map(|source| [Some(&source.alias), source.at.as_ref(), source.by.as_ref()]);
        if let Some(found) = named.find_map(|other| other.filter(|other| is_alike(other))) {
            return Some(found.to_string());
        }
        self.tables.table_named_like(name)
    }

    /// Adds a hint if a name between double quotes was resolved to a field where a value is expected. The author may
    /// have meant a text.
    pub(super) fn hint_of_quotes(&mut self, written: &ast::Expression, resolved: &Expression) {
        if let (ast::Expression::Variable(ast::Variable { name, .. }), Expression::Path { .. }) =
            (written, resolved)
            && name.is_quoted
            && self.options.extensions
        {
            self.hint(double_quotes(&name.name));
        }
    }

    /// Adds a hint for each field that no document has and that some document has in another case. Only EXPLAIN asks
    /// for these hints, because documents are looked at for them.
    pub(super) fn hints_of_fields(&mut self, statement: &plan::Statement) -> Result<(), PartiqlError> {
        let mut fields = Vec::new();
        statement.for_each_field(&mut |table, name| {
            if !fields.contains(&(table, name)) {
                fields.push((table, name));
            }
        });
        for (table, name) in fields {
            if let Some(other) = self.tables.field_named_like(table, name)? {
                self.hint(format!("'{name}' is in none of the first documents; {}", did_you_mean(&other)));
            }
        }
        Ok(())
    }

    fn hint(&mut self, hint: String) {
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean '{name}'? The case of a name matters")
}

fn double_quotes(name: &str) -> String {
    format!(
        "double quotes are names: \"{name}\" is a field; a text is written '{}'",
        name.replace('\'', "''")
    )
}
