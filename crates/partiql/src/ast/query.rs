//! What queries are made of beside SELECT: set operations, WITH, and SELECT without FROM.

use super::{Clause, FromClause, Identifier, Order, Position, Projection, Query};
use crate::expression::Located;

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
