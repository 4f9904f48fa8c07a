//! The fixed words of expressions: operators, types, parts of a date, and functions as they are written.

use std::borrow::Cow;

use crate::position::Position;

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOperator {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `||`
    Concatenate,
}

impl BinaryOperator {
    /// Whether the result is TRUE, FALSE or unknown.
    pub(crate) fn is_comparison(self) -> bool {
        matches!(
            self,
            BinaryOperator::Equal
                | BinaryOperator::NotEqual
                | BinaryOperator::Less
                | BinaryOperator::LessOrEqual
                | BinaryOperator::Greater
                | BinaryOperator::GreaterOrEqual
        )
    }
}

/// How many elements of a collection must meet a comparison. `SOME` is another word for `ANY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are SQL's")]
pub enum Quantifier {
    All,
    Any,
    Some,
}

/// The types of IS and CAST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are PartiQL's")]
pub enum Type {
    Null,
    Missing,
    Boolean,
    Integer,
    Float,
    Decimal,
    Timestamp,
    Symbol,
    String,
    Clob,
    Blob,
    List,
    Sexp,
    Struct,
    Bag,
}

/// The parts of a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are SQL's")]
pub enum DatePart {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    TimezoneHour,
    TimezoneMinute,
}

/// The end of the text from which TRIM takes characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are SQL's")]
pub enum TrimSide {
    Leading,
    Trailing,
    Both,
}

/// The functions that make one value of many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are SQL's")]
pub enum AggregateFunction {
    Avg,
    Count,
    Max,
    Min,
    Sum,
}

/// A function as a statement writes it: most by a name, some in a form of their own.
#[derive(Clone, Debug, PartialEq)]
pub enum FunctionForm {
    /// `name(argument, …)`, also `SUBSTRING(a FROM b FOR c)`. The name is kept as it was written.
    Named(Cow<'static, str>),
    /// `CURRENT_TIMESTAMP` without parentheses. An extension.
    CurrentTimestamp,
    /// `DATE_ADD(part, count, timestamp)`
    DateAdd(DatePart),
    /// `DATE_DIFF(part, from, to)`
    DateDiff(DatePart),
    /// `EXTRACT(part FROM timestamp)`
    Extract(DatePart),
    /// `TRIM([side] [characters] FROM text)`. The text is the first argument, the set of characters the second.
    Trim(TrimSide),
    /// `DIFF(table, AS OF moment [, AS OF moment])`: a source of FROM. The position is that of the first AS. An extension.
    Diff(Position),
    /// `SUM([DISTINCT] e)` and the like. `COUNT(*)` has no argument.
    Aggregate {
        /// Which one.
        function: AggregateFunction,
        /// Whether it is `COLL_SUM` and not `SUM`: an aggregate over the elements of its argument, wherever it
        /// stands. An extension.
        collection: bool,
        /// `DISTINCT`. An extension.
        distinct: bool,
    },
}
