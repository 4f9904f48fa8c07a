//! What queries are made of beside SELECT: set operations, WITH, SELECT without FROM, and calls with FILTER and OVER.

use super::{
    Clause, Expression, FromClause, FunctionForm, Identifier, Order, OrderTerm, Position, Projection, Query,
    Written,
};
use crate::expression::{Located, Parts};

/// A query: SELECT alone, or several of them put together.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryExpression {
    /// `SELECT …` or `PIVOT …`
    Select(Box<Query>),
    /// `query UNION query …`. An extension.
    Combined(Box<Combined>),
    /// `WITH … query`. An extension.
    With(Box<With>),
}

/// `left operator [ALL] right [ORDER BY …] [LIMIT …] [OFFSET …]`
#[derive(Clone, Debug, PartialEq)]
pub struct Combined {
    /// The operator.
    pub operator: SetOperator,
    /// Whether equal results are kept as often as they come.
    pub all: bool,
    /// The left operand. Its select list names the results.
    pub left: QueryExpression,
    /// The right operand.
    pub right: QueryExpression,
    /// `ORDER BY` over the results of both.
    pub order: Option<Order>,
    /// `LIMIT` over the results of both.
    pub limit: Option<Clause>,
    /// `OFFSET` over the results of both.
    pub offset: Option<Clause>,
    /// Where the operator stands.
    pub position: Position,
}

/// An operator between two queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOperator {
    /// `UNION`: the results of either query.
    Union,
    /// `EXCEPT`: the results of the left query that the right one lacks.
    Except,
    /// `INTERSECT`: the results that both queries have.
    Intersect,
}

/// `WITH name AS (query), … query`
#[derive(Clone, Debug, PartialEq)]
pub struct With {
    /// The named queries. Each may name those before it.
    pub tables: Vec<CommonTable>,
    /// The query that may name them all.
    pub query: QueryExpression,
    /// Where `WITH` stands.
    pub position: Position,
}

/// `name [(column, …)] AS (query)`: a query with a name that a FROM clause may use like that of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct CommonTable {
    /// The name.
    pub name: Identifier,
    /// The names of the items of its select list. Without them the items keep their own.
    pub columns: Vec<Identifier>,
    /// The query.
    pub query: QueryExpression,
}

/// `USING (name, …)`
#[derive(Clone, Debug, PartialEq)]
pub struct Using {
    /// The names of the fields that must be equal.
    pub names: Vec<Identifier>,
    /// Where `USING` stands.
    pub position: Position,
}

/// Where the rows of a query come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Rows {
    /// `FROM …`
    From(FromClause),
    /// No FROM: there is one row. An extension.
    One(Unexpected),
}

/// The token that stands where QLDB expected FROM. Its error names it. All of them compare equal, as positions do.
#[derive(Clone, Debug)]
pub struct Unexpected {
    /// Where the token stands.
    pub position: Position,
    /// How errors describe it.
    pub description: Box<str>,
}

impl PartialEq for Unexpected {
    fn eq(&self, _other: &Unexpected) -> bool {
        true
    }
}

impl SetOperator {
    /// How tight the operator binds.
    pub(crate) fn precedence(self) -> u8 {
        match self {
            SetOperator::Union | SetOperator::Except => 1,
            SetOperator::Intersect => 2,
        }
    }

    /// The word in upper case.
    pub(crate) fn name(self) -> &'static str {
        match self {
            SetOperator::Union => "UNION",
            SetOperator::Except => "EXCEPT",
            SetOperator::Intersect => "INTERSECT",
        }
    }
}

impl QueryExpression {
    /// The query alone, if it is a PIVOT, which yields one struct and no bag.
    pub(crate) fn as_pivot(&self) -> Option<&Query> {
        match self {
            QueryExpression::Select(query) => {
                matches!(query.projection, Projection::Pivot { .. }).then_some(query)
            }
            QueryExpression::Combined(_) => None,
            QueryExpression::With(with) => with.query.as_pivot(),
        }
    }

    /// Whether a test holds for the projection of a SELECT whose results are among those of this query.
    pub(crate) fn any_projection(&self, test: &mut dyn FnMut(&Projection) -> bool) -> bool {
        match self {
            QueryExpression::Select(query) => test(&query.projection),
            QueryExpression::Combined(combined) => {
                combined.left.any_projection(test) || combined.right.any_projection(test)
            }
            QueryExpression::With(with) => with.query.any_projection(test),
        }
    }
}

impl Located for QueryExpression {
    fn position(&self) -> Position {
        match self {
            QueryExpression::Select(query) => query.position,
            QueryExpression::Combined(combined) => combined.left.position(),
            QueryExpression::With(with) => with.position,
        }
    }
}

/// `function(…) [FILTER (WHERE e)] [OVER (…)]` with at least one of the clauses. An extension.
#[derive(Clone, Debug, PartialEq)]
pub struct ClausedCall {
    /// The function.
    pub function: FunctionForm,
    /// The arguments.
    pub arguments: Vec<Expression>,
    /// The condition that a row must meet to be aggregated.
    pub filter: Option<Clause>,
    /// The window. With it the function has a value for each row, without it one for each group.
    pub over: Option<Window>,
    /// Where the function's name stands.
    pub position: Position,
}

/// `OVER ([PARTITION BY e, …] [ORDER BY term, …] [frame])`
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Rows with equal values form a partition.
    pub partition: Vec<Expression>,
    /// The order of the rows of a partition.
    pub order: Vec<OrderTerm>,
    /// The rows around a row that the function sees, if they are given.
    pub frame: Option<Frame<Expression>>,
    /// Where the parenthesis after OVER stands.
    pub position: Position,
}

/// `ROWS | RANGE BETWEEN start AND end`
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<E> {
    /// What the bounds count.
    pub unit: FrameUnit,
    /// The first row.
    pub start: FrameBound<E>,
    /// The last row.
    pub end: FrameBound<E>,
}

/// What the bounds of a frame count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameUnit {
    /// Single rows.
    Rows,
    /// Rows that are equal in the order of the window. They are in a frame together or not at all.
    Range,
}

/// A bound of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum FrameBound<E> {
    /// The first row of the partition.
    UnboundedPreceding,
    /// So many rows before the current row.
    Preceding(E),
    /// The current row.
    CurrentRow,
    /// So many rows after the current row.
    Following(E),
    /// The last row of the partition.
    UnboundedFollowing,
}

impl<E> FrameBound<E> {
    /// The number of rows, if the bound gives one.
    pub(crate) fn offset(&self) -> Option<&E> {
        match self {
            FrameBound::Preceding(rows) | FrameBound::Following(rows) => Some(rows),
            _ => None,
        }
    }

    /// A place in the order in which the bounds of a frame must come.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            FrameBound::UnboundedPreceding => 0,
            FrameBound::Preceding(_) => 1,
            FrameBound::CurrentRow => 2,
            FrameBound::Following(_) => 3,
            FrameBound::UnboundedFollowing => 4,
        }
    }
}

impl Parts<Written> for ClausedCall {
    fn for_each_part<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        self.arguments.iter().for_each(&mut *visit);
        self.filter.iter().for_each(|filter| visit(&filter.value));
        if let Some(Window { partition, order, frame, .. }) = &self.over {
            partition.iter().for_each(&mut *visit);
            order.iter().for_each(|term| visit(&term.value));
            let bounds = frame.iter().flat_map(|frame| [&frame.start, &frame.end]);
            bounds.filter_map(FrameBound::offset).for_each(visit);
        }
    }
}

impl Located for ClausedCall {
    fn position(&self) -> Position {
        self.position
    }
}
