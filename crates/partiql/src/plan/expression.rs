//! Expressions over slots.

use std::sync::Arc;

use everstrand_ion::Value;

use super::QueryPlan;
use crate::ast::{AggregateFunction, BinaryOperator, DatePart, Position, TrimSide, Type};

/// An expression.
#[derive(Clone, Debug)]
pub enum Expression {
    /// Any value but MISSING.
    Literal(Value),
    /// MISSING
    Missing,
    /// A parameter, counted from zero. It is there: the count was checked.
    Parameter(usize),
    /// What a slot holds.
    Variable {
        /// How many query levels up.
        depth: usize,
        /// The slot.
        slot: usize,
    },
    /// Steps into a value.
    Path {
        /// Where the path begins.
        root: Box<Expression>,
        /// The steps, at least one.
        steps: Vec<PathStep>,
    },
    /// `NOT e`
    Not(Box<Expression>),
    /// `+e`, `-e`
    Sign {
        /// `-` instead of `+`.
        negative: bool,
        /// The operand.
        operand: Box<Expression>,
        /// Where it stands.
        position: Position,
    },
    /// What is asked for its truth and may be no boolean: a condition, an operand of NOT, AND and OR.
    Truth {
        /// What.
        value: Box<Expression>,
        /// Where it stands.
        position: Position,
    },
    /// Two operands and an operator between.
    Binary {
        /// The operator.
        operator: BinaryOperator,
        /// Left.
        left: Box<Expression>,
        /// Right.
        right: Box<Expression>,
        /// Where the operator stands.
        position: Position,
    },
    /// Two or more operands.
    And(Vec<Expression>),
    /// Two or more operands.
    Or(Vec<Expression>),
    /// `value [NOT] IN collection`
    In {
        /// Left.
        value: Box<Expression>,
        /// Right.
        collection: Box<Expression>,
        /// `NOT IN`
        negated: bool,
        /// Where it stands.
        position: Position,
    },
    /// `value [NOT] BETWEEN low AND high`
    Between {
        /// Which.
        value: Box<Expression>,
        /// From, inclusive.
        low: Box<Expression>,
        /// To, inclusive.
        high: Box<Expression>,
        /// `NOT BETWEEN`
        negated: bool,
        /// Where it stands.
        position: Position,
    },
    /// `value [NOT] LIKE pattern [ESCAPE escape]`
    Like {
        /// Which.
        value: Box<Expression>,
        /// The pattern.
        pattern: Box<Expression>,
        /// The escape character.
        escape: Option<Box<Expression>>,
        /// `NOT LIKE`
        negated: bool,
        /// Where it stands.
        position: Position,
    },
    /// `value IS [NOT] type`
    Is {
        /// Which.
        value: Box<Expression>,
        /// The type.
        of: Type,
        /// `IS NOT`
        negated: bool,
    },
    /// `CASE`
    Case {
        /// What is compared with each WHEN; absent: each WHEN is a condition.
        operand: Option<Box<Expression>>,
        /// WHEN and THEN.
        branches: Vec<(Expression, Expression)>,
        /// ELSE; NULL when absent.
        otherwise: Option<Box<Expression>>,
    },
    /// `CAST(value AS type)`
    Cast {
        /// What.
        value: Box<Expression>,
        /// To what.
        to: Type,
        /// Where it stands.
        position: Position,
    },
    /// A list.
    List(Vec<Expression>),
    /// A bag.
    Bag(Vec<Expression>),
    /// A struct; names must be text.
    Struct(Vec<(Expression, Expression)>),
    /// A function; the number of arguments was checked.
    Call {
        /// Which.
        function: Function,
        /// Its arguments.
        arguments: Vec<Expression>,
        /// Where it stands.
        position: Position,
    },
    /// A nested query.
    Query {
        /// The query; one frame deeper.
        query: Box<QueryPlan>,
        /// What its bag of results becomes.
        coercion: Coercion,
    },
}

/// A step of a path.
#[derive(Clone, Debug)]
pub enum PathStep {
    /// A field of a struct.
    Field(Arc<str>),
    /// An element of a list by an integer, a field of a struct by a text.
    Index(Expression),
    /// `[*]`
    Elements,
    /// `.*`
    Fields,
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
