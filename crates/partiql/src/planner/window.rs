//! Resolves calls with clauses: aggregates with FILTER, and window functions.

use std::sync::Arc;

use everstrand_ion::Value;

use super::query::reads_nothing;
use super::scope::{Clause, OneWindow};
use super::{COMPARISON, Planner};
use crate::ast::{self, ClausedCall};
use crate::error::PartiqlError;
use crate::expression::FunctionForm;
use crate::plan::{
    Expression, Frame, FrameBound, FrameUnit, Node, SortTerm, Window, WindowFunction, WindowKind, WindowOrder,
};
use crate::position::Position;

impl<'a> Planner<'a> {
    /// Resolves a call with FILTER or OVER.
    pub(super) fn claused(
        &mut self,
        whole: &'a ast::Expression,
        call: &'a ClausedCall,
    ) -> Result<Expression, PartiqlError> {
        let ClausedCall { function, arguments, filter, over, position } = call;
        let clause = filter.as_ref().map(|filter| filter.position);
        let clause = clause.or(over.as_ref().map(|over| over.position)).unwrap_or(*position);
        self.extension(clause, "missing FROM after SELECT list, LEFT_PAREN : (", "Expected FROM keyword")?;
        let filter = filter.as_ref().map(|filter| &filter.value);
        if let Some(over) = over {
            return self.window(whole, call, over, filter);
        }
        if let Some(filter) = filter
            && filter.any(&mut ast::is_aggregate)
        {
            return Err(PartiqlError::refused(clause, "FILTER takes no aggregates"));
        }
        match function {
            FunctionForm::Aggregate { function, collection: false, distinct } => {
                self.aggregate(whole, *function, *distinct, arguments.first(), filter, *position)
            }
            _ => unreachable!("the parser takes FILTER after aggregates only"),
        }
    }

    fn window(
        &mut self,
        whole: &'a ast::Expression,
        call: &'a ClausedCall,
        over: &'a ast::Window,
        filter: Option<&'a ast::Expression>,
    ) -> Result<Expression, PartiqlError> {
        let position = call.position;
        let kind = kind_of(&call.function, call.arguments.len(), position)?;
        let Some(windows) = self.scopes.last().and_then(|scope| scope.windows.as_ref()) else {
            return Err(PartiqlError::refused(
                position,
                format_args!(
                    "{} OVER (…) may only stand in a select list and in ORDER BY, and in no other window function or \
                     aggregate; compute it in a query within FROM",
                    kind.name()
                ),
            ));
        };
        let known = windows.len();
        self.work(COMPARISON * known)?;
        let windows = self.scopes.last().and_then(|scope| scope.windows.as_ref()).expect("there was one");
        if let Some((_, window)) = windows.iter().find(|(found, _)| *found == whole) {
            return Ok(self.slot(0, window.function.slot, Some(position)));
        }
        let outside = self.scopes.last_mut().and_then(|scope| scope.windows.take());
        let parts = self.in_clause(Clause::Rows, |planner| planner.parts_of_window(call, over, filter));
        let scope = self.scopes.last_mut().expect("a query is resolved in its scope");
        scope.windows = outside;
        let parts = parts?;
        let slot = scope.numbered_slot(&kind.name());
        let name = Arc::clone(&scope.slot_names[slot]);
        let Parts { partition, order, arguments, filter, frame } = parts;
        let function = WindowFunction { kind, arguments, filter, frame, slot, name, position };
        let windows = scope.windows.as_mut().expect("put back above");
        windows.push((whole, OneWindow { partition, order, function }));
        Ok(self.slot(0, slot, Some(position)))
    }

    fn parts_of_window(
        &mut self,
        call: &'a ClausedCall,
        over: &'a ast::Window,
        filter: Option<&'a ast::Expression>,
    ) -> Result<Parts, PartiqlError> {
        let arguments = self.expressions(&call.arguments)?;
        let filter = filter.map(|filter| self.condition(filter)).transpose()?;
        let partition = self.expressions(&over.partition)?;
        let mut order = Vec::with_capacity(over.order.len());
        for ast::OrderTerm { value, descending, nulls_first } in &over.order {
            if reads_nothing(value) {
                return Err(PartiqlError::refused(
                    over.position,
                    format_args!(
                        "ORDER BY {value} within OVER: the value is the same for all rows; name a field"
                    ),
                ));
            }
            order.push(SortTerm {
                value: self.expression(value)?,
                descending: *descending,
                nulls_first: nulls_first.unwrap_or(*descending),
            });
        }
        let frame = match &over.frame {
            None => Frame {
                unit: FrameUnit::Range,
                start: FrameBound::UnboundedPreceding,
                end: FrameBound::CurrentRow,
            },
            Some(frame) => Frame {
                unit: frame.unit,
                start: self.frame_bound(&frame.start, over.position)?,
                end: self.frame_bound(&frame.end, over.position)?,
            },
        };
        Ok(Parts { partition, order, arguments, filter, frame })
    }

    fn frame_bound(
        &mut self,
        bound: &'a FrameBound<ast::Expression>,
        position: Position,
    ) -> Result<FrameBound<Expression>, PartiqlError> {
        let rows = match bound.offset() {
            Some(rows) if reads_nothing(rows) => self.expression(rows)?,
            Some(_) => {
                return Err(PartiqlError::refused(
                    position,
                    "The bounds of a frame take integers, as literals or parameters",
                ));
            }
            None => Expression::Literal { value: Value::null(), position },
        };
        Ok(match bound {
            FrameBound::UnboundedPreceding => FrameBound::UnboundedPreceding,
            FrameBound::Preceding(_) => FrameBound::Preceding(rows),
            FrameBound::CurrentRow => FrameBound::CurrentRow,
            FrameBound::Following(_) => FrameBound::Following(rows),
            FrameBound::UnboundedFollowing => FrameBound::UnboundedFollowing,
        })
    }

    /// The node that computes the window functions of the innermost query, if it has any. Call it after all clauses that
    /// may have some are resolved.
    pub(super) fn windows(&mut self, input: Node) -> Node {
        let scope = self.scopes.last_mut().expect("a query is resolved in its scope");
        let mut orders: Vec<WindowOrder> = Vec::new();
        for (_, OneWindow { partition, order, function }) in scope.windows.take().unwrap_or_default() {
            match orders.iter_mut().find(|other| other.partition == partition && other.order == order) {
                Some(same) => same.functions.push(function),
                None => orders.push(WindowOrder { partition, order, functions: vec![function] }),
            }
        }
        if orders.is_empty() { input } else { Node::Window(Box::new(Window { input, orders })) }
    }
}

/// The resolved parts of a window function.
struct Parts {
    partition: Vec<Expression>,
    order: Vec<SortTerm>,
    arguments: Vec<Expression>,
    filter: Option<Expression>,
    frame: Frame<Expression>,
}

/// The window function of a call, if it takes this number of arguments.
fn kind_of(
    function: &FunctionForm,
    arguments: usize,
    position: Position,
) -> Result<WindowKind, PartiqlError> {
    let name = match function {
        FunctionForm::Aggregate { collection: false, distinct: true, function } => {
            return Err(PartiqlError::refused(
                position,
                format_args!("{function}(DISTINCT …) OVER (…) is not supported"),
            ));
        }
        FunctionForm::Aggregate { function, collection: false, .. } => {
            return Ok(WindowKind::Aggregate(*function));
        }
        FunctionForm::Named(name) => name.to_ascii_lowercase(),
        _ => String::new(),
    };
    let (kind, takes) = match name.as_str() {
        "row_number" => (WindowKind::RowNumber, 0..=0),
        "rank" => (WindowKind::Rank, 0..=0),
        "dense_rank" => (WindowKind::DenseRank, 0..=0),
        "ntile" => (WindowKind::Ntile, 1..=1),
        "lag" => (WindowKind::Lag, 1..=3),
        "lead" => (WindowKind::Lead, 1..=3),
        "first_value" => (WindowKind::FirstValue, 1..=1),
        "last_value" => (WindowKind::LastValue, 1..=1),
        _ => {
            return Err(PartiqlError::refused(
                position,
                "OVER follows ROW_NUMBER, RANK, DENSE_RANK, NTILE, LAG, LEAD, FIRST_VALUE, LAST_VALUE, or an aggregate \
                 COUNT, SUM, AVG, MIN, MAX",
            ));
        }
    };
    if takes.contains(&arguments) {
        return Ok(kind);
    }
    let takes = match (takes.start(), takes.end()) {
        (least, most) if least == most => format!("exactly {least}"),
        (least, most) => format!("between {least} and {most}"),
    };
    Err(PartiqlError::refused(
        position,
        format_args!("{} takes {takes} arguments, received: {arguments}", kind.name()),
    ))
}
