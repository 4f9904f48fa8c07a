//! Evaluates expressions over a row and the rows of the queries around it.

use everstrand_ion::Symbol;

use crate::compare;
use crate::datum::Datum;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::error::PartiqlError;
use crate::eval::context::Context;
use crate::eval::mistyped::{self, TypeErrors, expected, not_a_name};
use crate::eval::operand::Operand;
use crate::eval::path::{self, Index};
use crate::eval::scope::Scope;
use crate::eval::{Fault, arithmetic, cast, function, operator, predicate};
use crate::expression::BinaryOperator;
use crate::plan::{Expression, Function, Link, NestedQuery, PathStep, QueryPlan, Variable};
use crate::position::Position;
use crate::work::{ELEMENT, Work};

/// Runs the queries that stand within expressions.
pub(crate) trait NestedQueries {
    /// The result of a query. A query that reads no row around it runs once.
    fn nested(&mut self, scope: Scope<'_>, query: &NestedQuery) -> Result<Operand<'static>, PartiqlError>;

    /// `EXISTS (SELECT …)`: whether a query has a result. Only the first result is computed.
    fn exists(&mut self, scope: Scope<'_>, plan: &QueryPlan) -> Result<bool, PartiqlError>;
}

/// The value of an expression. The bytes of a value that it puts together stay counted until the caller releases them.
/// The bytes of values that it only needs on the way are released here.
pub(crate) fn evaluate<'e>(
    context: &mut Context<'_>,
    scope: Scope<'e>,
    expression: &'e Expression,
) -> Result<Operand<'e>, PartiqlError> {
    context.work(ELEMENT)?;
    if let Some(value) = plain(scope, expression) {
        return Ok(Operand::Borrowed(value));
    }
    let held = context.held();
    let value = evaluate_node(context, scope, expression)?;
    match &value {
        // The parts of a container were counted as they were made, and all of them are still held.
        Operand::Owned(Datum::List(_) | Datum::Bag(_) | Datum::Struct(_)) => {}
        Operand::Owned(datum) => {
            let bytes = datum.weight_below();
            if bytes < context.held() - held {
                context.release(held + bytes);
            }
        }
        _ => context.release(held),
    }
    Ok(value)
}

#[inline(never)] // Its many variables would make [`evaluate`] slow for plain values, too.
fn evaluate_node<'e>(
    context: &mut Context<'_>,
    scope: Scope<'e>,
    expression: &'e Expression,
) -> Result<Operand<'e>, PartiqlError> {
    Ok(match expression {
        Expression::Literal { value, .. } => Operand::Borrowed(value.into()),
        Expression::Missing => Operand::MISSING,
        Expression::Parameter { index, position } => match scope.parameters.get(*index) {
            Some(parameter) => Operand::Borrowed(parameter.root().into()),
            None => {
                return Err(PartiqlError::evaluator(Some(*position), "No parameter bound for position!"));
            }
        },
        Expression::Variable(Variable { depth, slot, .. }) => {
            Operand::Borrowed(scope.slot(*depth, *slot).expect("the planner numbered the slots"))
        }
        Expression::Path { root, steps } => {
            let root = evaluate(context, scope, root)?;
            steps_into(context, scope, root, steps)?
        }
        Expression::Not(operand) => {
            let value = evaluate(context, scope, operand)?;
            Operand::truth(truth(operand, &value)?.map(|truth| !truth))
        }
        Expression::Sign { negative, operand, position } => {
            let operand = evaluate(context, scope, operand)?;
            context.work(operand.get().kind().scalar_work())?;
            arithmetic::sign(*negative, operand.get(), context.execution.type_errors)
                .map_err(at(*position))?
                .into()
        }
        Expression::Binary { operator, left, right, position } => {
            binary(context, scope, *operator, [left, right], *position)?
        }
        Expression::Chain { first, links } => return chain(context, scope, first, links),
        Expression::And(operands) => junction(context, scope, operands, false)?,
        Expression::Or(operands) => junction(context, scope, operands, true)?,
        Expression::In { value, collection, negated, position } => {
            let value = evaluate(context, scope, value)?;
            let truth = predicate::is_in(context, scope, value.get(), collection)?;
            negatable(context, truth, *negated, || "IN needs a collection on its right side".into())
                .map_err(at(*position))?
        }
        Expression::Between { value, low, high, negated, position } => {
            let truth = is_between(context, scope, value, [low, high], *position)?;
            Operand::truth(truth.map(|truth| truth != *negated))
        }
        Expression::Like { value, pattern, escape, negated, position } => {
            let value = evaluate(context, scope, value)?;
            let truth = is_like(context, scope, value.get(), pattern, escape.as_deref(), *position)?;
            negatable(context, truth, *negated, || expected("text", value.get())).map_err(at(*position))?
        }
        Expression::Is { value, of, negated } => {
            let value = evaluate(context, scope, value)?;
            Operand::truth(Some(cast::is_type(value.get(), *of) != *negated))
        }
        Expression::Distinct { .. } | Expression::IsTruth { .. } | Expression::Quantified { .. } => {
            predicate::of_sql(context, scope, expression)?
        }
        Expression::Case { operand, branches, otherwise } => {
            return case(context, scope, operand.as_deref(), branches, otherwise.as_deref());
        }
        Expression::Cast { value, to, position } => {
            let value = datum(context, scope, value)?;
            cast::cast(context, value, *to).map_err(at(*position))?.into()
        }
        Expression::List(items) => Datum::List(evaluate_all(context, scope, items)?).into(),
        Expression::Bag(items) => Datum::Bag(evaluate_all(context, scope, items)?).into(),
        Expression::Struct(pairs) => structure(context, scope, pairs)?.into(),
        Expression::Call { function, arguments, position } => {
            return call(context, scope, *function, arguments, *position);
        }
        Expression::Claused(never) => match **never {},
        Expression::Query(query) => context.nested(scope, query)?,
    })
}

/// The value of a literal, or of a path of names from a slot, which nearly all paths are.
#[inline]
fn plain<'e>(scope: Scope<'e>, expression: &'e Expression) -> Option<ValueRef<'e>> {
    match expression {
        Expression::Literal { value, .. } => Some(value.into()),
        Expression::Path { root, steps } => field_of_slot(scope, root, steps),
        _ => None,
    }
}

/// The value of a path of names from a slot. It takes no value apart on the way.
fn field_of_slot<'e>(scope: Scope<'e>, root: &'e Expression, steps: &'e [PathStep]) -> Option<ValueRef<'e>> {
    let Expression::Variable(Variable { depth, slot, .. }) = root else { return None };
    let start = scope.slot(*depth, *slot)?;
    steps.iter().try_fold(start, |value, step| match step {
        PathStep::Field(name) => Some(value.field(name)),
        _ => None,
    })
}

/// An operator between two operands. An unknown left operand makes the result unknown, so that the right side, which may
/// fail, is not evaluated.
fn binary(
    context: &mut Context<'_>,
    scope: Scope<'_>,
    operator: BinaryOperator,
    [left, right]: [&Expression; 2],
    position: Position,
) -> Result<Operand<'static>, PartiqlError> {
    let left = evaluate(context, scope, left)?;
    if left.get().is_unknown() {
        return Ok(Operand::truth(None));
    }
    let right = evaluate(context, scope, right)?;
    operator::binary(context, operator, left.get(), right.get()).map(Operand::from).map_err(at(position))
}

/// The operators of a chain, from left to right. Of the values on the way only the last is kept.
fn chain<'e>(
    context: &mut Context<'_>,
    scope: Scope<'e>,
    first: &'e Expression,
    links: &'e [Link],
) -> Result<Operand<'e>, PartiqlError> {
    let held = context.held();
    let mut left = evaluate(context, scope, first)?;
    for Link { operator, operand, position } in links {
        context.work(ELEMENT)?;
        if left.get().is_unknown() {
            return Ok(Operand::truth(None));
        }
        let right = evaluate(context, scope, operand)?;
        let value = operator::binary(context, *operator, left.get(), right.get()).map_err(at(*position))?;
        let bytes = value.weight_below();
        drop((left, right));
        if held + bytes < context.held() {
            context.release(held + bytes);
        }
        left = value.into();
    }
    Ok(left)
}

/// The truth of IN or LIKE, which NOT may turn round. Without a truth the operand has a type that the operator
/// cannot take.
fn negatable(
    context: &Context<'_>,
    truth: Option<Option<bool>>,
    negated: bool,
    fault: impl FnOnce() -> Fault,
) -> Result<Operand<'static>, Fault> {
    match truth {
        None => context.execution.type_errors.of(fault).map(Operand::from),
        Some(truth) => Ok(Operand::truth(truth.map(|truth| truth != negated))),
    }
}

/// BETWEEN. The bounds of an unknown value are not asked.
fn is_between(
    context: &mut Context<'_>,
    scope: Scope<'_>,
    value: &Expression,
    [low, high]: [&Expression; 2],
    position: Position,
) -> Result<Option<bool>, PartiqlError> {
    let value = evaluate(context, scope, value)?;
    if value.get().is_unknown() {
        return Ok(None);
    }
    let low = evaluate(context, scope, low)?;
    let high = evaluate(context, scope, high)?;
    operator::between(context, value.get(), low.get(), high.get()).map_err(at(position))
}

/// LIKE. The pattern of an unknown value is not asked.
fn is_like(
    context: &mut Context<'_>,
    scope: Scope<'_>,
    value: ValueRef<'_>,
    pattern: &Expression,
    escape: Option<&Expression>,
    position: Position,
) -> Result<Option<Option<bool>>, PartiqlError> {
    if value.is_unknown() {
        return Ok(Some(None));
    }
    let pattern = evaluate(context, scope, pattern)?;
    let escape = match escape {
        Some(escape) => Some(evaluate(context, scope, escape)?),
        None => None,
    };
    operator::like(context, value, pattern.get(), escape.as_ref().map(Operand::get)).map_err(at(position))
}

/// CASE: the value of the first branch whose WHEN holds, else that of ELSE, else NULL.
fn case<'e>(
    context: &mut Context<'_>,
    scope: Scope<'e>,
    operand: Option<&'e Expression>,
    branches: &'e [(Expression, Expression)],
    otherwise: Option<&'e Expression>,
) -> Result<Operand<'e>, PartiqlError> {
    let operand = match operand {
        Some(operand) => Some(evaluate(context, scope, operand)?),
        None => None,
    };
    for (when, then) in branches {
        let held = context.held();
        let value = evaluate(context, scope, when)?;
        let is_met = match &operand {
            Some(operand) => compare::equal_counted(context, operand.get(), value.get())? == Some(true),
            None => truth(when, &value)? == Some(true),
        };
        drop(value);
        context.release(held);
        if is_met {
            return evaluate(context, scope, then);
        }
    }
    match otherwise {
        Some(otherwise) => evaluate(context, scope, otherwise),
        None => Ok(Operand::truth(None)),
    }
}

/// A struct of names and values. A field whose value is MISSING is left out, or refused where the struct is written.
fn structure(
    context: &mut Context<'_>,
    scope: Scope<'_>,
    pairs: &[(Expression, Expression)],
) -> Result<Datum, PartiqlError> {
    let mut fields = Vec::with_capacity(pairs.len());
    for (written_name, written_value) in pairs {
        let name = evaluate(context, scope, written_name)?;
        let value = datum(context, scope, written_value)?;
        let type_errors = context.execution.type_errors;
        let ValueKind::Text(Some(name)) = name.get().kind() else {
            // A field whose name is no text is left out, too.
            let fault = |fault: Fault| fault.at(written_name.position());
            type_errors.of(|| not_a_name(name.get())).map_err(fault)?;
            continue;
        };
        check_part(context, written_value, &value, || format!("The field '{name}'"))?;
        if !value.is_missing() {
            context.hold(size_of::<(Symbol, Datum)>() + name.len())?;
            fields.push((Symbol::from(name), value));
        }
    }
    Ok(Datum::Struct(fields))
}

/// Refuses MISSING as a part of a struct or a list that is written, unless the statement says MISSING, because a
/// misspelt name would leave the part out without a word. QLDB left it out. So does a nested query, whose rows may
/// lack fields.
fn check_part(
    context: &Context<'_>,
    written: &Expression,
    value: &Datum,
    part: impl FnOnce() -> String,
) -> Result<(), PartiqlError> {
    let TypeErrors { strict, written: is_written, .. } = context.execution.type_errors;
    if !value.is_missing() || !is_written || strict || matches!(written, Expression::Missing) {
        return Ok(());
    }
    let text = format!(
        "{} would be MISSING, because the document has no such value; write NULL, or MISSING to leave it out",
        part()
    );
    Err(PartiqlError::evaluator(written.position(), text))
}

/// The value of an expression as its own owner.
pub(crate) fn datum(
    context: &mut Context<'_>,
    scope: Scope<'_>,
    expression: &Expression,
) -> Result<Datum, PartiqlError> {
    let value = evaluate(context, scope, expression)?;
    owned(context, value)
}

/// A value as its own owner. The bytes that are copied are counted.
fn owned(context: &mut Context<'_>, value: Operand<'_>) -> Result<Datum, PartiqlError> {
    if !matches!(value, Operand::Owned(_)) {
        let bytes = value.get().weight_below();
        context.work(bytes / 8)?;
        context.hold(bytes)?;
    }
    Ok(value.into_datum())
}

/// Whether a condition is TRUE, and neither FALSE nor unknown.
pub(crate) fn holds(
    context: &mut Context<'_>,
    scope: Scope<'_>,
    condition: &Expression,
) -> Result<bool, PartiqlError> {
    // A row is out as soon as one condition is not TRUE, with an index as without. QLDB evaluated the conditions
    // after an unknown one too, and so may fail at them.
    if let Expression::And(conditions) = condition
        && !context.execution.type_errors.strict
    {
        for condition in conditions {
            if !holds(context, scope, condition)? {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    let held = context.held();
    let value = context.selecting(|context| evaluate(context, scope, condition))?;
    let holds = truth(condition, &value)? == Some(true);
    drop(value);
    context.release(held);
    Ok(holds)
}

pub(crate) fn at(position: Position) -> impl Fn(Fault) -> PartiqlError {
    move |fault| fault.at(Some(position))
}

fn evaluate_all(
    context: &mut Context<'_>,
    scope: Scope<'_>,
    expressions: &[Expression],
) -> Result<Vec<Datum>, PartiqlError> {
    let mut values = Vec::with_capacity(expressions.len());
    for (position, expression) in expressions.iter().enumerate() {
        context.hold(size_of::<Datum>())?;
        let value = datum(context, scope, expression)?;
        check_part(context, expression, &value, || format!("The element {position}"))?;
        values.push(value);
    }
    Ok(values)
}

fn steps_into<'e>(
    context: &mut Context<'_>,
    scope: Scope<'e>,
    root: Operand<'e>,
    steps: &'e [PathStep],
) -> Result<Operand<'e>, PartiqlError> {
    let mut value = root;
    for (done, step) in steps.iter().enumerate() {
        value = match step {
            PathStep::Field(name) => value.part(|value| value.field(name)),
            PathStep::Index(expression) => {
                let place = evaluate(context, scope, expression)?;
                let Some(place) = Index::of(place.get()) else {
                    let position = expression.position();
                    return Err(PartiqlError::evaluator(position, "Cannot convert index to int/string"));
                };
                path::index(value, &place)
            }
            PathStep::Elements | PathStep::Fields => {
                let value = owned(context, value)?;
                return many(context, scope, value, &steps[done..]);
            }
        };
    }
    Ok(value)
}

/// The rest of a path from its first wildcard on. Each step is applied to all values reached so far.
fn many<'e>(
    context: &mut Context<'_>,
    scope: Scope<'e>,
    value: Datum,
    steps: &'e [PathStep],
) -> Result<Operand<'e>, PartiqlError> {
    let mut values = vec![value];
    for step in steps {
        let mut next = Vec::new();
        for value in values {
            match step {
                PathStep::Elements => next.extend(path::elements(context, value)?),
                PathStep::Fields => next.extend(path::field_values(context, value)?),
                single => {
                    context.hold(size_of::<Datum>())?;
                    let value = steps_into(context, scope, value.into(), std::slice::from_ref(single))?;
                    next.push(owned(context, value)?);
                }
            }
        }
        values = next;
    }
    Ok(Datum::Bag(values).into())
}

/// The truth of a condition, or of an operand of AND, OR and NOT.
pub(crate) fn truth(condition: &Expression, value: &Operand<'_>) -> Result<Option<bool>, PartiqlError> {
    mistyped::truth(value.get()).map_err(|fault| fault.at(condition.position()))
}

/// AND or OR. `decides` is the truth of an operand that decides the result: FALSE for AND, TRUE for OR.
fn junction<'e>(
    context: &mut Context<'_>,
    scope: Scope<'e>,
    operands: &'e [Expression],
    decides: bool,
) -> Result<Operand<'e>, PartiqlError> {
    let mut result = Some(!decides);
    let held = context.held();
    for operand in operands {
        match truth(operand, &evaluate(context, scope, operand)?)? {
            Some(truth) if truth == decides => return Ok(Operand::truth(Some(decides))),
            Some(_) => {}
            None => result = None,
        }
        context.release(held);
    }
    Ok(Operand::truth(result))
}

fn call<'e>(
    context: &mut Context<'_>,
    scope: Scope<'e>,
    function: Function,
    arguments: &'e [Expression],
    position: Position,
) -> Result<Operand<'e>, PartiqlError> {
    if let (Function::Exists, [Expression::Query(query)]) = (function, arguments) {
        return context.exists(scope, &query.plan).map(|exists| Datum::of(exists).into());
    }
    match function {
        Function::Coalesce => {
            for argument in arguments {
                let value = evaluate(context, scope, argument)?;
                if !value.get().is_unknown() {
                    return Ok(value);
                }
            }
            Ok(Operand::truth(None))
        }
        Function::UtcNow => Ok(Datum::of(context.now()).into()),
        Function::TxId => Ok(Datum::text(context.tables.transaction_id()).into()),
        _ => {
            let mut values = Vec::with_capacity(arguments.len());
            for argument in arguments {
                values.push(evaluate(context, scope, argument)?);
            }
            let values: Vec<ValueRef<'_>> = values.iter().map(Operand::get).collect();
            function::call(context, function, &values).map(Operand::from).map_err(at(position))
        }
    }
}
