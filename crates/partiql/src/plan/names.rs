//! The names in the expressions of a plan: slots, functions that exist, and planned queries.

use std::fmt::{self, Formatter};
use std::sync::Arc;

use super::QueryPlan;
use crate::expression::{self, AggregateFunction, DatePart, FunctionForm, Located, Names, Parts, TrimSide};
use crate::position::Position;

/// An expression as a plan has it.
pub type Expression = expression::Expression<Resolved>;

/// An operator of a chain as a plan has it.
pub type Link = expression::Link<Resolved>;

/// A step of a path as a plan has it.
pub type PathStep = expression::PathStep<Resolved>;

/// What names mean, once the planner has resolved them.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved {}

/// What no plan has: the planner puts slots in the place of aggregates and window functions.
#[derive(Clone, Debug, PartialEq)]
pub enum Never {}

impl Located for Never {
    fn position(&self) -> Position {
        match *self {}
    }
}

impl Parts<Resolved> for Never {
    fn for_each_part<'a>(&'a self, _visit: &mut dyn FnMut(&'a Expression)) {
        match *self {}
    }
}

impl fmt::Display for Never {
    fn fmt(&self, _f: &mut Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl Names for Resolved {
    type Variable = Variable;
    type Function = Function;
    type Query = NestedQuery;
    type Claused = Never;

    fn form(function: &Function) -> FunctionForm {
        function.form()
    }
}

/// The value of a slot.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// How many query levels up the slot is.
    pub depth: usize,
    /// The slot.
    pub slot: usize,
    /// The name of the slot. EXPLAIN shows it.
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
    /// The query. Where it stands several times it is computed once, unless it reads a frame around its own.
    pub plan: Arc<QueryPlan>,
    /// Its name, if WITH gives it one.
    pub name: Option<Arc<str>>,
    /// What becomes of the bag of its results.
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
        match &self.name {
            Some(name) => expression::print::name(f, name),
            None => f.write_str("SELECT …"),
        }
    }
}

/// What becomes of the bag of results of a nested query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coercion {
    /// The bag stays as it is.
    None,
    /// The value of the only row. Without a row it is NULL; more than one row is an error.
    Scalar,
}

/// The functions, with those arguments that are no expressions.
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
    /// The text is the first argument. The set of characters, if it is given, is the second.
    Trim(TrimSide),
    Size,
    ToString,
    /// One or two arguments.
    ToTimestamp,
    Abs,
    Ceiling,
    Concat,
    Floor,
    Greatest,
    Least,
    Left,
    Length,
    Mod,
    OctetLength,
    /// What is looked for is the first argument.
    Position,
    Power,
    Replace,
    Right,
    /// One or two arguments.
    Round,
    Sign,
    Sqrt,
    /// Two or three arguments.
    Substr,
    /// One or two arguments.
    Trunc,
    /// Makes a struct of a bag of lists. Each list holds the name and the value of a field.
    Pivot,
    /// An aggregate over the elements of a collection: `COLL_SUM(c)`, or `SUM(c)` where no rows are aggregated.
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
            Function::Abs => "ABS",
            Function::Ceiling => "CEILING",
            Function::Concat => "CONCAT",
            Function::Floor => "FLOOR",
            Function::Greatest => "GREATEST",
            Function::Least => "LEAST",
            Function::Left => "LEFT",
            Function::Length => "LENGTH",
            Function::Mod => "MOD",
            Function::OctetLength => "OCTET_LENGTH",
            Function::Position => "POSITION",
            Function::Power => "POWER",
            Function::Replace => "REPLACE",
            Function::Right => "RIGHT",
            Function::Round => "ROUND",
            Function::Sign => "SIGN",
            Function::Sqrt => "SQRT",
            Function::Substr => "SUBSTR",
            Function::Trunc => "TRUNC",
        };
        FunctionForm::Named(name.into())
    }
}
