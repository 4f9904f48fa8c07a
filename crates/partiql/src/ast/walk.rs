//! Looking for something in an expression.

use super::{Expression, PathStep, Position};

impl Expression {
    /// Whether the expression or a part of it is such; nested queries are not entered.
    pub(crate) fn any(&self, is_such: &mut dyn FnMut(&Expression) -> bool) -> bool {
        if is_such(self) {
            return true;
        }
        let mut found = false;
        self.for_each_child(&mut |child| found = found || child.any(is_such));
        found
    }

    /// Where the expression stands: its operator or its name, else the first thing in it whose place is
    /// known. That of a literal or a parameter is not.
    pub(crate) fn position(&self) -> Option<Position> {
        let mut found = None;
        self.any(&mut |part| {
            found = match part {
                Expression::Variable { name, .. } | Expression::Call { function: name, .. } => {
                    Some(name.position)
                }
                Expression::Sign { position, .. }
                | Expression::Binary { position, .. }
                | Expression::In { position, .. }
                | Expression::Between { position, .. }
                | Expression::Like { position, .. }
                | Expression::Cast { position, .. }
                | Expression::DateArithmetic { position, .. }
                | Expression::Extract { position, .. }
                | Expression::Trim { position, .. }
                | Expression::Aggregate { position, .. } => Some(*position),
                Expression::Query(query) => Some(query.position),
                _ => None,
            };
            found.is_some()
        });
        found
    }

    fn for_each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        match self {
            Expression::Literal(_)
            | Expression::Missing
            | Expression::Parameter(_)
            | Expression::Variable { .. }
            | Expression::Query(_) => {}
            Expression::Path { root, steps } => {
                visit(root);
                for step in steps {
                    if let PathStep::Index(index) = step {
                        visit(index);
                    }
                }
            }
            Expression::Not(value)
            | Expression::Sign { operand: value, .. }
            | Expression::Is { value, .. }
            | Expression::Cast { value, .. }
            | Expression::Extract { value, .. } => visit(value),
            Expression::Binary { left, right, .. } => {
                visit(left);
                visit(right);
            }
            Expression::And(items)
            | Expression::Or(items)
            | Expression::List(items)
            | Expression::Bag(items) => {
                items.iter().for_each(visit);
            }
            Expression::Call { arguments, .. } => arguments.iter().for_each(visit),
            Expression::DateArithmetic { arguments, .. } => arguments.iter().for_each(visit),
            Expression::In { value, collection, .. } => {
                visit(value);
                visit(collection);
            }
            Expression::Between { value, low, high, .. } => {
                visit(value);
                visit(low);
                visit(high);
            }
            Expression::Like { value, pattern, escape, .. } => {
                visit(value);
                visit(pattern);
                if let Some(escape) = escape {
                    visit(escape);
                }
            }
            Expression::Case { operand, branches, otherwise } => {
                if let Some(operand) = operand {
                    visit(operand);
                }
                for (when, then) in branches {
                    visit(when);
                    visit(then);
                }
                if let Some(otherwise) = otherwise {
                    visit(otherwise);
                }
            }
            Expression::Struct(fields) => {
                for (name, value) in fields {
                    visit(name);
                    visit(value);
                }
            }
            Expression::Trim { characters, text, .. } => {
                if let Some(characters) = characters {
                    visit(characters);
                }
                visit(text);
            }
            Expression::Aggregate { argument, .. } => {
                if let Some(argument) = argument {
                    visit(argument);
                }
            }
        }
    }
}
