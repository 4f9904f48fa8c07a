//! Expressions: names become slots, special forms become calls.

use super::shape::{extended, is_truth};
use super::{Planner, function};
use crate::ast::{self, BinaryOperator, TrimSide};
use crate::error::PartiqlError;
use crate::plan::{Expression, Function, PathStep};

impl Planner<'_> {
    pub(super) fn expressions(
        &mut self,
        expressions: &[ast::Expression],
    ) -> Result<Vec<Expression>, PartiqlError> {
        expressions.iter().map(|expression| self.expression(expression)).collect()
    }

    pub(super) fn expression(&mut self, expression: &ast::Expression) -> Result<Expression, PartiqlError> {
        self.step()?;
        if let Some(item) = self.ordered_item(expression)? {
            return Ok(item);
        }
        if let Some((depth, slot)) = self.group_key(expression)? {
            return Ok(Expression::Variable { depth, slot });
        }
        Ok(match expression {
            ast::Expression::Literal(value) => Expression::Literal(value.clone()),
            ast::Expression::Missing => Expression::Missing,
            ast::Expression::Parameter(number) => {
                self.highest_parameter = self.highest_parameter.max(*number);
                Expression::Parameter(number - 1)
            }
            ast::Expression::Variable { name, local } => self.variable(name, *local)?,
            ast::Expression::Path { root, steps } => self.path(root, steps)?,
            ast::Expression::Not(value) => Expression::Not(Box::new(self.condition(value)?)),
            ast::Expression::Sign { negative, operand, position } => {
                Expression::Sign { negative: *negative, operand: self.operand(operand)?, position: *position }
            }
            ast::Expression::Binary { operator, left, right: written_right, position } => {
                let right = written_right;
                let (left, right) = (self.operand_beside(left, right)?, self.operand_beside(right, left)?);
                if *operator == BinaryOperator::Concatenate {
                    function::check_concatenated(&left, &right, *position)?;
                }
                self.hint_of_quotes(written_right, &right);
                Expression::Binary { operator: *operator, left, right, position: *position }
            }
            ast::Expression::And(operands) => Expression::And(self.conditions(operands)?),
            ast::Expression::Or(operands) => Expression::Or(self.conditions(operands)?),
            ast::Expression::In { value, collection, negated, position } => Expression::In {
                value: self.operand(value)?,
                collection: self.members_beside(collection, value)?,
                negated: *negated,
                position: *position,
            },
            ast::Expression::Between { value, low, high, negated, position } => Expression::Between {
                value: self.operand(value)?,
                low: self.operand(low)?,
                high: self.operand(high)?,
                negated: *negated,
                position: *position,
            },
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
            ast::Expression::Case { operand, branches, otherwise } => Expression::Case {
                operand: operand.as_ref().map(|operand| self.operand(operand)).transpose()?,
                branches: branches
                    .iter()
                    .map(|(when, then)| {
                        let when = match operand {
                            Some(_) => self.expression(when)?,
                            None => self.condition(when)?,
                        };
                        Ok((when, self.expression(then)?))
                    })
                    .collect::<Result<_, PartiqlError>>()?,
                otherwise: otherwise.as_ref().map(|otherwise| self.boxed(otherwise)).transpose()?,
            },
            ast::Expression::Cast { value, to, position } => {
                Expression::Cast { value: self.operand(value)?, to: *to, position: *position }
            }
            ast::Expression::List(items) => Expression::List(self.expressions(items)?),
            ast::Expression::Bag(items) => Expression::Bag(self.expressions(items)?),
            ast::Expression::Struct(fields) => Expression::Struct(
                fields
                    .iter()
                    .map(|(name, value)| Ok((self.expression(name)?, self.expression(value)?)))
                    .collect::<Result<_, PartiqlError>>()?,
            ),
            ast::Expression::Query(query) => self.query_as_value(query)?,
            ast::Expression::Call { .. }
            | ast::Expression::DateArithmetic { .. }
            | ast::Expression::Extract { .. }
            | ast::Expression::Trim { .. }
            | ast::Expression::Aggregate { .. } => self.call(expression)?,
        })
    }

    /// A function with its arguments, or an aggregate.
    fn call(&mut self, expression: &ast::Expression) -> Result<Expression, PartiqlError> {
        Ok(match expression {
            ast::Expression::Call { function: name, arguments } => {
                let function = function::function(name, arguments.len())?;
                let arguments = match function {
                    Function::Exists | Function::Size => arguments
                        .iter()
                        .map(|argument| self.collection(argument))
                        .collect::<Result<_, _>>()?,
                    _ => self.expressions(arguments)?,
                };
                function::call(function, arguments, name.position)?
            }
            ast::Expression::DateArithmetic { difference, part, arguments, position } => {
                let function = if *difference { Function::DateDiff(*part) } else { Function::DateAdd(*part) };
                function::call(function, self.expressions(&**arguments)?, *position)?
            }
            ast::Expression::Extract { part, value, position } => {
                function::call(Function::Extract(*part), vec![self.expression(value)?], *position)?
            }
            ast::Expression::Trim { side, characters, text, position } => {
                let mut arguments = vec![self.expression(text)?];
                if let Some(characters) = characters {
                    arguments.push(self.expression(characters)?);
                }
                let function = Function::Trim(side.unwrap_or(TrimSide::Both));
                function::call(function, arguments, *position)?
            }
            ast::Expression::Aggregate { function, collection, distinct, argument, position } => {
                if *distinct {
                    self.extension(
                        *position,
                        "unexpected keyword found, KEYWORD : distinct",
                        "Unexpected keyword",
                    )?;
                }
                match argument {
                    Some(argument) if *collection || !self.aggregates_rows() => {
                        let function = Function::Collection { function: *function, distinct: *distinct };
                        let arguments = vec![self.collection(argument)?];
                        Expression::Call { function, arguments, position: *position }
                    }
                    None if *collection => {
                        return Err(PartiqlError::refused(*position, "COLL_COUNT takes a collection, not *"));
                    }
                    argument => {
                        self.aggregate(expression, *function, *distinct, argument.as_deref(), *position)?
                    }
                }
            }
            _ => unreachable!("only calls are calls"),
        })
    }

    fn conditions(&mut self, operands: &[ast::Expression]) -> Result<Vec<Expression>, PartiqlError> {
        operands.iter().map(|operand| self.condition(operand)).collect()
    }

    /// What is asked for its truth. Where it may be no boolean, the plan keeps its place for the error.
    pub(super) fn condition(&mut self, written: &ast::Expression) -> Result<Expression, PartiqlError> {
        let value = self.one_value(written, 1)?;
        let position = written.position();
        Ok(match (is_truth(&value), position) {
            (false, Some(position)) => Expression::Truth { value: Box::new(value), position },
            _ => value,
        })
    }

    fn boxed(&mut self, expression: &ast::Expression) -> Result<Box<Expression>, PartiqlError> {
        self.expression(expression).map(Box::new)
    }

    fn path(&mut self, root: &ast::Expression, steps: &[ast::PathStep]) -> Result<Expression, PartiqlError> {
        // What `[*]` steps into is a collection.
        let root = match steps.first() {
            Some(ast::PathStep::Elements) => self.collection(root)?,
            _ => match root {
                // The name before a dot is a source before it is an item of the select list.
                ast::Expression::Variable { name, local } => match self.group_key(root)? {
                    Some((depth, slot)) => Expression::Variable { depth, slot },
                    None => self.variable(name, *local)?,
                },
                root => self.expression(root)?,
            },
        };
        let steps = steps
            .iter()
            .map(|step| {
                Ok(match step {
                    ast::PathStep::Field(name) => PathStep::Field(name.as_str().into()),
                    ast::PathStep::Index(index) => PathStep::Index(self.expression(index)?),
                    ast::PathStep::Elements => PathStep::Elements,
                    ast::PathStep::Fields => PathStep::Fields,
                })
            })
            .collect::<Result<Vec<_>, PartiqlError>>()?;
        Ok(extended(root, steps))
    }
}
