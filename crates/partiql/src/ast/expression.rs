//! Expressions, their operators and the words in them.

use everstrand_ion::Value;

use super::{Identifier, Position, Query};

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// Any value but MISSING.
    Literal(Value),
    /// `missing`
    Missing,
    /// `?`, numbered from one in the order of the text.
    Parameter(usize),
    /// A name, `@name` when `local`.
    Variable {
        /// The name.
        name: Identifier,
        /// Whether `@` stands before it: aliases are looked up before tables.
        local: bool,
    },
    /// `root.step…`, at least one step.
    Path {
        /// Where the path begins.
        root: Box<Expression>,
        /// The steps.
        steps: Vec<PathStep>,
    },
    /// `NOT e`
    Not(Box<Expression>),
    /// `+e` or `-e`; never over a number literal, which takes the sign.
    Sign {
        /// `-` instead of `+`.
        negative: bool,
        /// The operand.
        operand: Box<Expression>,
        /// Where the sign stands.
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
    /// `a AND b AND …`, at least two operands, none of them an AND itself.
    And(Vec<Expression>),
    /// `a OR b OR …`, likewise flat.
    Or(Vec<Expression>),
    /// `value [NOT] IN collection`
    In {
        /// Left.
        value: Box<Expression>,
        /// Right.
        collection: Box<Expression>,
        /// `NOT IN`
        negated: bool,
        /// Where `[NOT] IN` stands.
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
        /// Where `[NOT] BETWEEN` stands.
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
        /// Where `[NOT] LIKE` stands.
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
    /// `CASE [operand] WHEN … THEN … ELSE … END`
    Case {
        /// What is compared with each WHEN; absent: each WHEN is a condition.
        operand: Option<Box<Expression>>,
        /// WHEN and THEN, at least one.
        branches: Vec<(Expression, Expression)>,
        /// ELSE
        otherwise: Option<Box<Expression>>,
    },
    /// `CAST(value AS type)`
    Cast {
        /// What.
        value: Box<Expression>,
        /// To what; lengths are parsed and dropped.
        to: Type,
        /// Where `CAST` stands.
        position: Position,
    },
    /// `[a, b]` and `(a, b)`
    List(Vec<Expression>),
    /// `<<a, b>>`, and `VALUES (a, b), …` as a bag of lists.
    Bag(Vec<Expression>),
    /// `{name: value, …}`; names are expressions too.
    Struct(Vec<(Expression, Expression)>),
    /// `name(argument, …)`, also `SUBSTRING(a FROM b FOR c)`.
    Call {
        /// The function's name as written.
        function: Identifier,
        /// The arguments.
        arguments: Vec<Expression>,
    },
    /// `DATE_ADD(part, n, timestamp)` and `DATE_DIFF(part, from, to)`
    DateArithmetic {
        /// `DATE_DIFF` instead of `DATE_ADD`.
        difference: bool,
        /// The part.
        part: DatePart,
        /// The two other arguments.
        arguments: Box<[Expression; 2]>,
        /// Where the name stands.
        position: Position,
    },
    /// `EXTRACT(part FROM timestamp)`
    Extract {
        /// The part.
        part: DatePart,
        /// The timestamp.
        value: Box<Expression>,
        /// Where the name stands.
        position: Position,
    },
    /// `TRIM([[side] [characters] FROM] text)`
    Trim {
        /// From which end; from both by default.
        side: Option<TrimSide>,
        /// The set of characters; blanks by default.
        characters: Option<Box<Expression>>,
        /// The text.
        text: Box<Expression>,
        /// Where the name stands.
        position: Position,
    },
    /// `COUNT(*)`, `SUM([DISTINCT | ALL] e)` …
    Aggregate {
        /// Which.
        function: AggregateFunction,
        /// Whether it is `COLL_SUM` and not `SUM`: over the elements of its argument, wherever it stands.
        /// An extension.
        collection: bool,
        /// `DISTINCT`. An extension.
        distinct: bool,
        /// The argument; absent for `COUNT(*)`.
        argument: Option<Box<Expression>>,
        /// Where the name stands.
        position: Position,
    },
    /// A query within an expression or, at the top of a [`Statement::Query`](super::Statement::Query), the statement.
    Query(Box<Query>),
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq)]
pub enum PathStep {
    /// `.name` or `['name']`
    Field(String),
    /// `[e]`
    Index(Expression),
    /// `[*]`
    Elements,
    /// `.*`
    Fields,
}

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

/// From which end TRIM takes.
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

/// The last name of a variable or a path.
pub(crate) fn last_name(expression: &Expression) -> Option<&str> {
    match expression {
        Expression::Variable { name: Identifier { name, .. }, .. } => Some(name),
        Expression::Path { steps, .. } => match steps.last() {
            Some(PathStep::Field(name)) => Some(name),
            _ => None,
        },
        _ => None,
    }
}
