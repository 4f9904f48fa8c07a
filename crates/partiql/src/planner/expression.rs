//! Resolves expressions: names become slots, and functions by name become functions that exist.

use std::sync::Arc;

use super::shape::extended;
use super::{Planner, function};
use crate::ast;
use crate::error::PartiqlError;
use crate::expression::{BinaryOperator, FunctionForm, Quantifier};
use crate::plan::{Expression, Function, Link, PathStep};
use crate::position::Position;

impl<'a> Planner<'a> {
    pub(super) fn expressions(
        &mut self,
        expressions: &'a [ast::Expression],
    ) -> Result<Vec<Expression>, PartiqlError> {
        expressions.iter().map(|expression| self.expression(expression)).collect()
    }

    pub(super) fn expression(&mut self, expression: &'a ast::Expression) -> Result<Expression, PartiqlError> {
        self.step()?;
        if let Some(item) = self.ordered_item(expression)? {
            return Ok(item);
        }
        if let Some(key) = self.group_key(expression)? {
            return Ok(key);
        }
        Ok(match expression {
            ast::Expression::Literal { value, position } => {
                Expression::Literal { value: value.clone(), position: *position }
            }
            ast::Expression::Missing => Expression::Missing,
            ast::Expression::Parameter { index, position } => {
                self.parameters_seen = self.parameters_seen.max(index + 1);
                Expression::Parameter { index: *index, position: *position }
            }
            ast::Expression::Variable(variable) => self.variable(&variable.name, variable.local)?,
            ast::Expression::Path { root, steps } => self.path(root, steps)?,
            ast::Expression::Not(value) => Expression::Not(Box::new(self.condition(value)?)),
            ast::Expression::Sign { negative, operand, position } => {
                Expression::Sign { negative: *negative, operand: self.operand(operand)?, position: *position }
            }
            ast::Expression::Binary { operator, left, right, position } => {
                self.binary(*operator, [left, right], *position)?
            }
            ast::Expression::Chain { first, links } => self.chain(first, links)?,
            ast::Expression::And(operands) => Expression::And(self.operands_and_keys(expression, operands)?),
            ast::Expression::Or(operands) => Expression::Or(self.operands_and_keys(expression, operands)?),
            ast::Expression::In { value, collection, negated, position } => Expression::In {
                value: self.operand(value)?,
                collection: self.members_beside(collection, value)?,
                negated: *negated,
                position: *position,
            },
            ast::Expression::Between { value, low, high, negated, position } => {
                let (value, low) = (self.operand(value)?, self.operand(low)?);
                let high = self.operand(high)?;
                Expression::Between { value, low, high, negated: *negated, position: *position }
            }
            ast::Expression::Like { value, pattern: written_pattern, escape, negated, position } => {
                let value = self.operand(value)?;
                let pattern = self.operand(written_pattern)?;
                let escape = escape.as_ref().map(|escape| self.operand(escape)).transpose()?;
                self.hint_of_quotes(written_pattern, &pattern);
                function::check_pattern(&pattern, escape.as_deref(), *position)?;
                Expression::Like { value, pattern, escape, negated: *negated, position: *position }
            }
            ast::Expression::Is { value, of, negated } => {
                Expression::Is { value: self.operand(value)?, of: *of, negated: *negated }
            }
            ast::Expression::Distinct { .. }
            | ast::Expression::IsTruth { .. }
            | ast::Expression::Quantified { .. } => self.comparison_of_sql(expression)?,
            ast::Expression::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref())?
            }
            ast::Expression::Cast { value, to, position } => {
                Expression::Cast { value: self.operand(value)?, to: *to, position: *position }
            }
            ast::Expression::List(items) => Expression::List(self.expressions(items)?),
            ast::Expression::Bag(items) => Expression::Bag(self.expressions(items)?),
            ast::Expression::Struct(fields) => {
                let fields = fields.iter();
                let fields =
                    fields.map(|(name, value)| Ok((self.expression(name)?, self.expression(value)?)));
                Expression::Struct(fields.collect::<Result<_, PartiqlError>>()?)
            }
            ast::Expression::Query(query) => self.query_as_value(query)?,
            ast::Expression::Claused(call) => self.claused(expression, call)?,
            ast::Expression::Call { function, arguments, position } => {
                self.call(expression, function, arguments, *position)?
            }
        })
    }

    fn binary(
        &mut self,
        operator: BinaryOperator,
        [left, right]: [&'a ast::Expression; 2],
        position: Position,
    ) -> Result<Expression, PartiqlError> {
        let written_right = right;
        let (left, right) = (self.operand_beside(left, right)?, self.operand_beside(right, left)?);
        if operator == BinaryOperator::Concatenate {
            function::check_concatenated(Some(&left), &right, position)?;
        }
        self.hint_of_quotes(written_right, &right);
        Ok(Expression::Binary { operator, left, right, position })
    }

    fn chain(
        &mut self,
        first: &'a ast::Expression,
        links: &'a [ast::Link],
    ) -> Result<Expression, PartiqlError> {
        let first = self.operand(first)?;
        let mut resolved: Vec<Link> = Vec::with_capacity(links.len());
        for ast::Link { operator, operand: written, position } in links {
            let operand = *self.operand(written)?;
            if *operator == BinaryOperator::Concatenate {
                // Of what was concatenated so far only a first operand that stands alone is known.
                let left = if resolved.is_empty() { Some(&*first) } else { None };
                function::check_concatenated(left, &operand, *position)?;
            }
            self.hint_of_quotes(written, &operand);
            resolved.push(Link { operator: *operator, operand, position: *position });
        }
        Ok(Expression::Chain { first, links: resolved })
    }

    /// The comparisons of SQL that QLDB did not have.
    fn comparison_of_sql(&mut self, written: &'a ast::Expression) -> Result<Expression, PartiqlError> {
        Ok(match written {
            ast::Expression::Distinct { left, right, negated, position } => {
                let found = "expected type name, KEYWORD : distinct";
                self.extension(*position, found, "Expected type name")?;
                let resolved = (self.operand_beside(left, right)?, self.operand_beside(right, left)?);
                self.hint_of_quotes(right, &resolved.1);
                let (left, right) = resolved;
                Expression::Distinct { left, right, negated: *negated, position: *position }
            }
            ast::Expression::IsTruth { value, truth, negated, position } => {
                let found = match truth {
                    Some(truth) => format!("expected type name, LITERAL : {truth}"),
                    None => "expected type name, KEYWORD : unknown".to_owned(),
                };
                self.extension(*position, &found, "Expected type name")?;
                let value = Box::new(self.condition(value)?);
                Expression::IsTruth { value, truth: *truth, negated: *negated, position: *position }
            }
            ast::Expression::Quantified { value, operator, quantifier, collection, position } => {
                let word = quantifier.to_string().to_lowercase();
                let found = format!("unexpected keyword found, KEYWORD : {word}");
                self.extension(*position, &found, "Unexpected keyword")?;
                let resolved = self.operand(value)?;
                let collection = self.members_beside(collection, value)?;
                let (value, position) = (resolved, *position);
                match (operator, quantifier) {
                    (BinaryOperator::Equal, Quantifier::Any | Quantifier::Some) => {
                        Expression::In { value, collection, negated: false, position }
                    }
                    (BinaryOperator::NotEqual, Quantifier::All) => {
                        Expression::In { value, collection, negated: true, position }
                    }
                    (operator, quantifier) => {
                        let (operator, quantifier) = (*operator, *quantifier);
                        Expression::Quantified { value, operator, quantifier, collection, position }
                    }
                }
            }
            _ => unreachable!("the caller has checked the kind of the expression"),
        })
    }

    /// A function with its arguments, or an aggregate.
    fn call(
        &mut self,
        whole: &'a ast::Expression,
        form: &FunctionForm,
        arguments: &'a [ast::Expression],
        position: Position,
    ) -> Result<Expression, PartiqlError> {
        let function = match form {
            FunctionForm::Named(name) if self.options.extensions && name.eq_ignore_ascii_case("iif") => {
                return self.iif(arguments, position);
            }
            FunctionForm::Named(name) => {
                function::function(name, arguments.len(), position, self.options.extensions)?
            }
            FunctionForm::CurrentTimestamp => {
                let found = "unexpected keyword found, KEYWORD : current_timestamp";
                self.extension(position, found, "Unexpected keyword")?;
                Function::UtcNow
            }
            FunctionForm::DateAdd(part) => Function::DateAdd(*part),
            FunctionForm::DateDiff(part) => Function::DateDiff(*part),
            FunctionForm::Extract(part) => Function::Extract(*part),
            FunctionForm::Trim(side) => Function::Trim(*side),
            FunctionForm::Diff(as_of) => return Err(self.misplaced_diff(*as_of, position)),
            FunctionForm::Aggregate { function, collection, distinct } => {
                if *distinct {
                    self.extension(
                        position,
                        "unexpected keyword found, KEYWORD : distinct",
                        "Unexpected keyword",
                    )?;
                }
                if *collection && arguments.is_empty() {
                    return Err(PartiqlError::refused(position, "COLL_COUNT takes a collection, not *"));
                }
                if arguments.is_empty() || (!*collection && self.aggregates_rows()) {
                    return self.aggregate(whole, *function, *distinct, arguments.first(), None, position);
                }
                Function::Collection { function: *function, distinct: *distinct }
            }
        };
        let takes_collections =
            matches!(function, Function::Exists | Function::Size | Function::Collection { .. });
        let is_existence = function == Function::Exists;
        let arguments = arguments.iter().map(|argument| match takes_collections {
            true if is_existence && matches!(argument, ast::Expression::Query(_)) => {
                self.stops_early = true;
                self.collection(argument)
            }
            true => self.collection(argument),
            false => self.expression(argument),
        });
        let mut arguments = arguments.collect::<Result<Vec<_>, _>>()?;
        // INSTR and STRPOS take the text first and what is looked for second.
        if let (Function::Position, FunctionForm::Named(name)) = (function, form)
            && !name.eq_ignore_ascii_case("position")
        {
            arguments.reverse();
        }
        function::call(function, arguments, position)
    }

    /// `IIF(condition, then, otherwise)`, which is a CASE.
    fn iif(
        &mut self,
        arguments: &'a [ast::Expression],
        position: Position,
    ) -> Result<Expression, PartiqlError> {
        let [condition, then, otherwise] = arguments else {
            return Err(function::wrong_number("IIF", 3..=3, arguments.len(), position));
        };
        let branches = vec![(self.condition(condition)?, self.expression(then)?)];
        let otherwise = Some(Box::new(self.expression(otherwise)?));
        Ok(Expression::Case { operand: None, branches, otherwise })
    }

    /// An expression whose truth is wanted.
    pub(super) fn condition(&mut self, written: &'a ast::Expression) -> Result<Expression, PartiqlError> {
        self.one_value(written, 1)
    }

    fn case(
        &mut self,
        operand: Option<&'a ast::Expression>,
        branches: &'a [(ast::Expression, ast::Expression)],
        otherwise: Option<&'a ast::Expression>,
    ) -> Result<Expression, PartiqlError> {
        let is_compared = operand.is_some();
        let operand = operand.map(|operand| self.operand(operand)).transpose()?;
        let branches = branches.iter().map(|(when, then)| {
            let when = if is_compared { self.expression(when)? } else { self.condition(when)? };
            Ok((when, self.expression(then)?))
        });
        let branches = branches.collect::<Result<_, PartiqlError>>()?;
        let otherwise = otherwise.map(|otherwise| self.expression(otherwise)).transpose()?;
        Ok(Expression::Case { operand, branches, otherwise: otherwise.map(Box::new) })
    }

    fn path(
        &mut self,
        root: &'a ast::Expression,
        steps: &'a [ast::PathStep],
    ) -> Result<Expression, PartiqlError> {
        // `[*]` steps into a collection, so that a query before it stays a bag.
        let root = match steps.first() {
            Some(ast::PathStep::Elements) => self.collection(root)?,
            _ => match root {
                // In ORDER BY the name before a dot means a source first, unlike a name alone, which means an item.
                ast::Expression::Variable(variable) => match self.group_key(root)? {
                    Some(key) => key,
                    None => self.variable(&variable.name, variable.local)?,
                },
                root => self.expression(root)?,
            },
        };
        let steps = steps
            .iter()
            .map(|step| {
                Ok(match step {
                    ast::PathStep::Field(name) => PathStep::Field(Arc::clone(name)),
                    ast::PathStep::Index(index) => PathStep::Index(Box::new(self.expression(index)?)),
                    ast::PathStep::Elements => PathStep::Elements,
                    ast::PathStep::Fields => PathStep::Fields,
                })
            })
            .collect::<Result<Vec<_>, PartiqlError>>()?;
        Ok(extended(root, steps))
    }
}
