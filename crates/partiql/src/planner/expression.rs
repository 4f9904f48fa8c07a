//! Expressions: names become slots, special forms become calls.

use std::sync::Arc;

use everstrand_ion::Value;

use super::scope::Clause;
use super::{Planner, function, global_access_is_illegal, no_such_variable};
use crate::ast::{self, BinaryOperator, Identifier, TrimSide};
use crate::error::PartiqlError;
use crate::plan::{Aggregate, Coercion, Expression, Function, PathStep, Projection, ProjectionItem};

impl Planner<'_> {
    pub(super) fn expressions(
        &mut self,
        expressions: &[ast::Expression],
    ) -> Result<Vec<Expression>, PartiqlError> {
        expressions.iter().map(|expression| self.expression(expression)).collect()
    }

    pub(super) fn expression(&mut self, expression: &ast::Expression) -> Result<Expression, PartiqlError> {
        if let Some(slot) = self.group_key(expression)? {
            return Ok(Expression::Variable { depth: 0, slot });
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
            ast::Expression::Not(value) => Expression::Not(self.operand(value)?),
            ast::Expression::Sign { negative, operand } => {
                Expression::Sign { negative: *negative, operand: self.operand(operand)? }
            }
            ast::Expression::Binary { operator, left, right, position } => {
                let (left, right) = (self.operand_beside(left, right)?, self.operand_beside(right, left)?);
                if *operator == BinaryOperator::Concatenate {
                    function::check_concatenated(&left, &right, *position)?;
                }
                Expression::Binary { operator: *operator, left, right, position: *position }
            }
            ast::Expression::And(operands) => Expression::And(self.expressions(operands)?),
            ast::Expression::Or(operands) => Expression::Or(self.expressions(operands)?),
            ast::Expression::In { value, collection, negated, .. } => Expression::In {
                value: self.operand(value)?,
                collection: Box::new(match &**collection {
                    ast::Expression::Query(query) => {
                        self.query_of_columns(query, columns_beside(value), Coercion::None)?
                    }
                    collection => self.expression(collection)?,
                }),
                negated: *negated,
            },
            ast::Expression::Between { value, low, high, negated } => Expression::Between {
                value: self.operand(value)?,
                low: self.operand(low)?,
                high: self.operand(high)?,
                negated: *negated,
            },
            ast::Expression::Like { value, pattern, escape, negated, position } => {
                let value = self.operand(value)?;
                let pattern = self.operand(pattern)?;
                let escape = escape.as_ref().map(|escape| self.operand(escape)).transpose()?;
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
                    .map(|(when, then)| Ok((self.expression(when)?, self.expression(then)?)))
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
            ast::Expression::Query(query) if has_star(&query.projection) => self.nested_query(query)?,
            ast::Expression::Query(query) => self.query_of_columns(query, 1, Coercion::Scalar)?,
        })
    }

    fn boxed(&mut self, expression: &ast::Expression) -> Result<Box<Expression>, PartiqlError> {
        self.expression(expression).map(Box::new)
    }

    /// An expression where one value is wanted, and no bag of documents.
    fn operand(&mut self, expression: &ast::Expression) -> Result<Box<Expression>, PartiqlError> {
        self.operand_of(expression, 1)
    }

    /// An operand whose query may have as many items as the row value on the other side.
    fn operand_beside(
        &mut self,
        expression: &ast::Expression,
        other: &ast::Expression,
    ) -> Result<Box<Expression>, PartiqlError> {
        self.operand_of(expression, columns_beside(other))
    }

    fn operand_of(
        &mut self,
        expression: &ast::Expression,
        columns: usize,
    ) -> Result<Box<Expression>, PartiqlError> {
        Ok(Box::new(match expression {
            ast::Expression::Query(query) => self.query_of_columns(query, columns, Coercion::Scalar)?,
            expression => self.expression(expression)?,
        }))
    }

    /// An expression where a collection is wanted: the bag of a query stays one.
    pub(super) fn collection(&mut self, expression: &ast::Expression) -> Result<Expression, PartiqlError> {
        match expression {
            ast::Expression::Query(query) => self.nested_query(query),
            expression => self.expression(expression),
        }
    }

    /// The coercion of SQL: a query of so many items stands for their values, those of one row or of
    /// each. Several become a list, which compares with a row value `(a, b)`. SELECT VALUE is never
    /// touched; and QLDB, which had no coercion, took the bag as it is.
    fn query_of_columns(
        &mut self,
        query: &ast::Query,
        columns: usize,
        coercion: Coercion,
    ) -> Result<Expression, PartiqlError> {
        if matches!(query.projection, ast::Projection::Value(_)) || !self.options.extensions {
            return self.nested_query(query);
        }
        let mut nested = self.query(query)?;
        let Projection::Items(items) = nested.projection else {
            unreachable!("only SELECT VALUE has no items");
        };
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let ProjectionItem::Field { value, .. } = item else {
                return Err(PartiqlError::refused(
                    query.position,
                    "This query stands where values are wanted: name the items of its select list, \
                     because * has as many as a document has fields",
                ));
            };
            values.push(value);
        }
        if values.len() != columns {
            let wanted = if columns == 1 { "one item is".to_owned() } else { format!("{columns} items are") };
            return Err(PartiqlError::refused(
                query.position,
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
        nested.projection = Projection::Value(value);
        Ok(Expression::Query { query: Box::new(nested), coercion })
    }

    /// A query within an expression as it is.
    fn nested_query(&mut self, query: &ast::Query) -> Result<Expression, PartiqlError> {
        Ok(Expression::Query { query: Box::new(self.query(query)?), coercion: Coercion::None })
    }

    fn path(&mut self, root: &ast::Expression, steps: &[ast::PathStep]) -> Result<Expression, PartiqlError> {
        // What `[*]` steps into is a collection.
        let root = match steps.first() {
            Some(ast::PathStep::Elements) => self.collection(root)?,
            _ => self.expression(root)?,
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

    /// N1 to N8: what a name stands for where no table can be ranged over.
    pub(super) fn variable(&mut self, name: &Identifier, local: bool) -> Result<Expression, PartiqlError> {
        let current = self.scopes.last().map(|scope| scope.clause);
        // N1: in FROM tables come first, and a table that is not the whole source is no value.
        if current == Some(Clause::From) && !local && self.source(&name.name, None)?.is_some() {
            return Err(global_access_is_illegal(name));
        }
        // The suite's environment, bound around its statement, stands for tables.
        let outermost = self.scopes.first().filter(|_| self.options.lenient_names && self.scopes.len() > 1);
        if let Some(slot) = outermost.and_then(|scope| scope.lookup(&name.name))
            && current == Some(Clause::From)
            && !local
        {
            return Ok(Expression::Variable { depth: self.scopes.len() - 1, slot });
        }
        // N2, N3: local names, the innermost first.
        for (depth, scope) in self.scopes.iter().rev().enumerate() {
            if let Some(slot) = scope.lookup(&name.name) {
                return Ok(Expression::Variable { depth, slot });
            }
        }
        if self.options.lenient_names
            && let Some(field) = self.field_of_any(name)
        {
            return Ok(field);
        }
        // N4: an unqualified name belongs to the only source of the outermost query.
        let nested = self.scopes.len() > 1;
        if let Some(scope) = self.scopes.last()
            && let [source] = &*scope.sources
            && scope.clause == Clause::Rows
            && !nested
        {
            if scope.groups.is_some() {
                return Err(PartiqlError::located(
                    crate::error::Category::Semantic,
                    Some(name.position),
                    format_args!(
                        "Variable '{}' must appear in the GROUP BY clause or be used in an aggregation function",
                        name.name
                    ),
                    "Variable must appear in the GROUP BY clause or be used in an aggregation function",
                ));
            }
            let root = Expression::Variable { depth: 0, slot: source.slots.value };
            return Ok(extended(root, vec![PathStep::Field(name.name.as_str().into())]));
        }
        // N7: a table outside FROM.
        if !local && self.source(&name.name, None)?.is_some() {
            return Err(global_access_is_illegal(name));
        }
        if self.scopes.iter().any(|scope| {
            scope.groups.is_some() && scope.sources.iter().any(|source| *source.alias == *name.name)
        }) {
            return Err(PartiqlError::refused(
                name.position,
                format_args!(
                    "Variable '{}' must appear in the GROUP BY clause or be used in an aggregation function",
                    name.name
                ),
            ));
        }
        // N5, N6, N11.
        Err(no_such_variable(name))
    }

    /// With rules N5 and N6 off: the field of the first row that has it, the sources of a query from left
    /// to right and the queries from the innermost outwards. The suite's environment is no row.
    fn field_of_any(&self, name: &Identifier) -> Option<Expression> {
        let scopes = self.scopes.get(1..)?;
        let innermost = scopes.last().filter(|scope| scope.clause == Clause::Rows)?;
        if innermost.groups.is_some() {
            return None;
        }
        let ungrouped = scopes.iter().rev().enumerate().filter(|(_, scope)| scope.groups.is_none());
        let mut fields: Vec<Expression> = ungrouped
            .flat_map(|(depth, scope)| scope.sources.iter().map(move |source| (depth, source.slots.value)))
            .map(|(depth, slot)| {
                let field = PathStep::Field(name.name.as_str().into());
                extended(Expression::Variable { depth, slot }, vec![field])
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

    /// The slot of the key that this expression is, once rows are grouped.
    fn group_key(&mut self, expression: &ast::Expression) -> Result<Option<usize>, PartiqlError> {
        let Some(groups) = self.scopes.last().and_then(|scope| scope.groups.as_ref()) else {
            return Ok(None);
        };
        if let Some(key) = groups.keys.iter().find(|key| key.expression == *expression) {
            return Ok(Some(key.slot));
        }
        if !matches!(expression, ast::Expression::Variable { .. } | ast::Expression::Path { .. })
            || groups.keys.iter().all(|key| key.path.is_none())
        {
            return Ok(None);
        }
        // The same path may be written with its source's name or without.
        let path = self.before_groups(|planner| planner.expression(expression)).ok();
        let path = path.as_ref().and_then(slot_path);
        let groups = self.scopes.last().and_then(|scope| scope.groups.as_ref());
        Ok(path.and_then(|path| {
            groups?.keys.iter().find(|key| key.path.as_ref() == Some(&path)).map(|key| key.slot)
        }))
    }

    /// Whether an aggregate that is resolved now is one over rows.
    fn aggregates_rows(&self) -> bool {
        self.scopes.last().is_some_and(|scope| scope.groups.is_some())
    }

    /// An aggregate over rows.
    fn aggregate(
        &mut self,
        whole: &ast::Expression,
        function: ast::AggregateFunction,
        distinct: bool,
        argument: Option<&ast::Expression>,
        position: ast::Position,
    ) -> Result<Expression, PartiqlError> {
        let Some(groups) = self.scopes.last().and_then(|scope| scope.groups.as_ref()) else {
            return Err(PartiqlError::refused(
                position,
                "COUNT(*) may only be used where rows are aggregated: in a select list, HAVING or ORDER BY",
            ));
        };
        if let Some((_, aggregate)) = groups.aggregates.iter().find(|(found, _)| found == whole) {
            return Ok(Expression::Variable { depth: 0, slot: aggregate.slot });
        }
        let argument = match argument {
            Some(argument) => Some(self.before_groups(|planner| planner.expression(argument))?),
            None => None,
        };
        let scope = self.scopes.last_mut().expect("there is a scope with groups");
        let slot = scope.numbered_slot(&function.to_string());
        let groups = scope.groups.as_mut().expect("checked above");
        groups.aggregates.push((whole.clone(), Aggregate { function, distinct, argument, slot, position }));
        Ok(Expression::Variable { depth: 0, slot })
    }

    /// Resolves something as it was before the rows of the innermost query were grouped.
    fn before_groups<T>(
        &mut self,
        resolve: impl FnOnce(&mut Self) -> Result<T, PartiqlError>,
    ) -> Result<T, PartiqlError> {
        let groups = self.scopes.last_mut().and_then(|scope| scope.groups.take());
        let result = resolve(self);
        if let Some(scope) = self.scopes.last_mut() {
            scope.groups = groups;
        }
        result
    }
}

/// Whether results have fields that no select list names, so that they are documents and no values.
fn has_star(projection: &ast::Projection) -> bool {
    match projection {
        ast::Projection::Value(_) => false,
        ast::Projection::Star => true,
        ast::Projection::Items(items) => items.iter().any(|item| matches!(item, ast::SelectItem::All(_))),
    }
}

/// How many items a query has that is compared with this: those of a row value, else one.
fn columns_beside(other: &ast::Expression) -> usize {
    match other {
        ast::Expression::List(items) if items.len() > 1 => items.len(),
        _ => 1,
    }
}

/// A path with more steps.
pub(super) fn extended(root: Expression, mut more: Vec<PathStep>) -> Expression {
    match root {
        root if more.is_empty() => root,
        Expression::Path { root, mut steps } => {
            steps.append(&mut more);
            Expression::Path { root, steps }
        }
        root => Expression::Path { root: Box::new(root), steps: more },
    }
}

/// The expression as a path of names from a slot of its own frame.
pub(super) fn slot_path(expression: &Expression) -> Option<(usize, Vec<Arc<str>>)> {
    match expression {
        Expression::Variable { depth: 0, slot } => Some((*slot, Vec::new())),
        Expression::Path { root, steps } => {
            let Expression::Variable { depth: 0, slot } = **root else { return None };
            let names = steps.iter().map(|step| match step {
                PathStep::Field(name) => Some(name.clone()),
                _ => None,
            });
            Some((slot, names.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// The operands of AND, however they are nested; a condition that is no AND is its own.
pub(super) fn conjuncts(condition: Expression) -> Vec<Expression> {
    match condition {
        Expression::And(operands) => operands.into_iter().flat_map(conjuncts).collect(),
        condition => vec![condition],
    }
}

/// The opposite of [`conjuncts`]; nothing when there are none.
pub(super) fn conjunction(mut conditions: Vec<Expression>) -> Option<Expression> {
    match conditions.len() {
        0 | 1 => conditions.pop(),
        _ => Some(Expression::And(conditions)),
    }
}

/// Whether an expression has a value on every row, so that it may be computed for rows for which it
/// would not have been, had conditions been kept in their order. What reads no row counts as such: if
/// it fails it does so for all rows, as in `day > DATE_ADD(day, -7, UTCNOW())`.
pub(super) fn is_total(expression: &Expression) -> bool {
    if is_constant(expression) {
        return true;
    }
    match expression {
        Expression::Literal(_)
        | Expression::Missing
        | Expression::Parameter(_)
        | Expression::Variable { .. } => true,
        Expression::Path { root, steps } => {
            is_total(root)
                && steps.iter().all(|step| match step {
                    PathStep::Index(Expression::Literal(Value { data, .. })) => {
                        matches!(data, everstrand_ion::Data::Int(_) | everstrand_ion::Data::String(_))
                    }
                    PathStep::Index(_) => false,
                    _ => true,
                })
        }
        Expression::Not(value) => is_total_condition(value),
        Expression::Is { value, .. } => is_total(value),
        Expression::Binary { operator, left, right, .. } => {
            matches!(
                operator,
                BinaryOperator::Equal
                    | BinaryOperator::NotEqual
                    | BinaryOperator::Less
                    | BinaryOperator::LessOrEqual
                    | BinaryOperator::Greater
                    | BinaryOperator::GreaterOrEqual
            ) && is_total(left)
                && is_total(right)
        }
        Expression::And(items) | Expression::Or(items) => items.iter().all(is_total_condition),
        Expression::List(items) | Expression::Bag(items) => items.iter().all(is_total),
        Expression::In { value, collection, .. } => is_total(value) && is_total(collection),
        Expression::Between { value, low, high, .. } => is_total(value) && is_total(low) && is_total(high),
        Expression::Like { value, pattern, escape, .. } => {
            is_total(value) && is_constant(pattern) && escape.as_deref().is_none_or(is_constant)
        }
        Expression::Struct(fields) => fields.iter().all(|(name, value)| is_total(name) && is_total(value)),
        Expression::Sign { .. }
        | Expression::Case { .. }
        | Expression::Cast { .. }
        | Expression::Call { .. }
        | Expression::Query { .. } => false,
    }
}

/// Whether a condition has a truth on every row: whatever the row is, it is no value of another type.
pub(super) fn is_total_condition(condition: &Expression) -> bool {
    let is_truth = match condition {
        Expression::Not(_)
        | Expression::And(_)
        | Expression::Or(_)
        | Expression::In { .. }
        | Expression::Between { .. }
        | Expression::Like { .. }
        | Expression::Is { .. }
        // Arithmetic and `||` are not total, unless they read no row.
        | Expression::Binary { .. } => true,
        condition => is_constant(condition),
    };
    is_truth && is_total(condition)
}

/// Whether an expression reads neither rows nor tables.
fn is_constant(expression: &Expression) -> bool {
    let mut is_constant = !matches!(expression, Expression::Query { .. });
    expression.for_each_variable(&mut |_, _| is_constant = false);
    is_constant
}
