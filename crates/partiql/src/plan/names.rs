//! The names in the expressions of a plan: slots, functions that exist, and planned queries.

use std::fmt::{self, Formatter};
use std::sync::Arc;

use super::QueryPlan;
use crate::expression::{self, AggregateFunction, DatePart, FunctionForm, Located, Names, TrimSide};
use crate::position::Position;

/// An expression as a plan has it.
pub type Expression = expression::Expression<Resolved>;

/// A step of a path as a plan has it.
pub type PathStep = expression::PathStep<Resolved>;

/// What names mean, once the planner has resolved them.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved {}

impl Names for Resolved {
    type Variable = Variable;
    type Function = Function;
    type Query = NestedQuery;

    fn form(function: &Function) -> FunctionForm {
        function.form()
    }
}

/// What a slot holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// How many query levels up the slot is.
    pub depth: usize,
    /// The slot.
    pub slot: usize,
    /// What the slot is called, for EXPLAIN.
    pub name: Arc<str>,
    /// Where the name stands.
    pub position: Position,
}

impl Located for Variable {
    fn position(&self) -> Position {
        self.position
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        expression::print::name(f, &self.name)
    }
}

/// A query within an expression. Its frame is one deeper.
#[derive(Clone, Debug, PartialEq)]
pub struct NestedQuery {
    /// The query.
    pub plan: QueryPlan,
    /// What the bag of its results becomes.
    pub coercion: Coercion,
    /// Where it stands.
    pub position: Position,
}

impl Located for NestedQuery {
    fn position(&self) -> Position {
        self.position
    }
}

impl fmt::Display for NestedQuery {
    /// EXPLAIN gives the query rows of its own.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("SELECT …")
    }
}

/// What the bag of a nested query's results becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coercion {
    /// It stays a bag.
    None,
    /// The value of its only row. No row: NULL; more: an error.
    Scalar,
}

/// The functions, and what of their arguments is not an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the dialect's")]
pub enum Function {
    Coalesce,
    Exists,
    NullIf,
    DateAdd(DatePart),
    DateDiff(DatePart),
    Extract(DatePart),
    UtcNow,
    TxId,
    CharLength,
    Lower,
    Upper,
    /// Two or three arguments.
    Substring,
    /// The text, then the characters if there are any.
    Trim(TrimSide),
    Size,
    ToString,
    /// One or two arguments.
    ToTimestamp,
    /// A struct of a bag of lists, each the name and the value of a field.
    Pivot,
    /// An aggregate over the elements of a collection: `SUM([1, 2])` where no rows are aggregated.
    Collection {
        function: AggregateFunction,
        distinct: bool,
    },
}

impl Function {
    /// The function as a statement would write it.
    fn form(self) -> FunctionForm {
        let name = match self {
            Function::DateAdd(part) => return FunctionForm::DateAdd(part),
            Function::DateDiff(part) => return FunctionForm::DateDiff(part),
            Function::Extract(part) => return FunctionForm::Extract(part),
            Function::Trim(side) => return FunctionForm::Trim(side),
            Function::Collection { function, distinct } => {
                return FunctionForm::Aggregate { function, collection: true, distinct };
            }
            Function::Coalesce => "COALESCE",
            Function::Exists => "EXISTS",
            Function::NullIf => "NULLIF",
            Function::UtcNow => "UTCNOW",
            Function::TxId => "TXID",
            Function::CharLength => "CHAR_LENGTH",
            Function::Lower => "LOWER",
            Function::Upper => "UPPER",
            Function::Substring => "SUBSTRING",
            Function::Size => "SIZE",
            Function::Pivot => "PIVOT",
            Function::ToString => "TO_STRING",
            Function::ToTimestamp => "TO_TIMESTAMP",
        };
        FunctionForm::Named(name.into())
    }
}
