//! Expressions. A statement and its plan have the same ones; they differ in what stands for names
//! ([`Names`]): in a statement names as they were written, in a plan what the planner found them to mean.

mod operators;
pub(crate) mod precedence;
pub(crate) mod print;

use std::fmt::{Debug, Display};
use std::sync::Arc;

use everstrand_ion::Value;

pub use operators::{AggregateFunction, BinaryOperator, DatePart, FunctionForm, Quantifier, TrimSide, Type};

use crate::position::Position;

/// What stands in an expression for names.
pub trait Names: Sized {
    /// A name that stands for a value.
    type Variable: Clone + Debug + PartialEq + Display + Located;
    /// The function of a call.
    type Function: Clone + Debug + PartialEq;
    /// A query within an expression.
    type Query: Clone + Debug + PartialEq + Display + Located;
    /// A call with clauses after its parentheses.
    type Claused: Clone + Debug + PartialEq + Display + Located + Parts<Self>;

    /// The function as a statement writes it.
    fn form(function: &Self::Function) -> FunctionForm;
}

/// Something that stands at a place in the statement.
pub trait Located {
    /// The place.
    fn position(&self) -> Position;
}

/// Something that is put together of expressions.
pub trait Parts<N: Names> {
    /// Calls back for each expression directly within it, from left to right.
    fn for_each_part<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression<N>));
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression<N: Names> {
    /// Any value but MISSING.
    Literal {
        /// The value.
        value: Value,
        /// Where it stands.
        position: Position,
    },
    /// `MISSING`
    Missing,
    /// `?`
    Parameter {
        /// How many parameters stand before it in the statement.
        index: usize,
        /// Where it stands.
        position: Position,
    },
    /// A name.
    Variable(N::Variable),
    /// `root.step…`
    Path {
        /// Where the path begins.
        root: Box<Expression<N>>,
        /// The steps, at least one.
        steps: Vec<PathStep<N>>,
    },
    /// `NOT e`
    Not(Box<Expression<N>>),
    /// `+e` or `-e`. The parser puts the sign of a number literal into the literal.
    Sign {
        /// `-` instead of `+`.
        negative: bool,
        /// The operand.
        operand: Box<Expression<N>>,
        /// Where the sign stands.
        position: Position,
    },
    /// Two operands with an operator between them.
    Binary {
        /// The operator.
        operator: BinaryOperator,
        /// The left operand.
        left: Box<Expression<N>>,
        /// The right operand.
        right: Box<Expression<N>>,
        /// Where the operator stands.
        position: Position,
    },
    /// `first operator operand operator operand …` from left to right, with more operators than `CHAIN_MIN`, all of
    /// which bind equally tight. Shorter ones are [`Expression::Binary`].
    Chain {
        /// The first operand.
        first: Box<Expression<N>>,
        /// The operators, each with its right operand.
        links: Vec<Link<N>>,
    },
    /// `a AND b AND …`, at least two operands. The parser makes no AND directly within an AND.
    And(Vec<Expression<N>>),
    /// `a OR b OR …`, likewise flat.
    Or(Vec<Expression<N>>),
    /// `value [NOT] IN collection`
    In {
        /// The left side.
        value: Box<Expression<N>>,
        /// The right side.
        collection: Box<Expression<N>>,
        /// `NOT IN`
        negated: bool,
        /// Where `[NOT] IN` stands.
        position: Position,
    },
    /// `value [NOT] BETWEEN low AND high`
    Between {
        /// What is compared.
        value: Box<Expression<N>>,
        /// The lower bound, inclusive.
        low: Box<Expression<N>>,
        /// The upper bound, inclusive.
        high: Box<Expression<N>>,
        /// `NOT BETWEEN`
        negated: bool,
        /// Where `[NOT] BETWEEN` stands.
        position: Position,
    },
    /// `value [NOT] LIKE pattern [ESCAPE escape]`
    Like {
        /// What is matched.
        value: Box<Expression<N>>,
        /// The pattern.
        pattern: Box<Expression<N>>,
        /// The escape character.
        escape: Option<Box<Expression<N>>>,
        /// `NOT LIKE`
        negated: bool,
        /// Where `[NOT] LIKE` stands.
        position: Position,
    },
    /// `value IS [NOT] type`
    Is {
        /// What is tested.
        value: Box<Expression<N>>,
        /// The type.
        of: Type,
        /// `IS NOT`
        negated: bool,
    },
    /// `left IS [NOT] DISTINCT FROM right`. An extension.
    Distinct {
        /// The left operand.
        left: Box<Expression<N>>,
        /// The right operand.
        right: Box<Expression<N>>,
        /// `IS NOT`
        negated: bool,
        /// Where `DISTINCT` stands.
        position: Position,
    },
    /// `value IS [NOT] TRUE`, `FALSE` or `UNKNOWN`. An extension.
    IsTruth {
        /// The condition.
        value: Box<Expression<N>>,
        /// The truth; `None` for `UNKNOWN`.
        truth: Option<bool>,
        /// `IS NOT`
        negated: bool,
        /// Where the last word stands.
        position: Position,
    },
    /// `value operator ALL (collection)`, also with `ANY` and `SOME`. An extension.
    Quantified {
        /// What is compared with each element.
        value: Box<Expression<N>>,
        /// The comparison.
        operator: BinaryOperator,
        /// How many elements must meet the comparison.
        quantifier: Quantifier,
        /// The elements.
        collection: Box<Expression<N>>,
        /// Where the quantifier stands.
        position: Position,
    },
    /// `CASE [operand] WHEN … THEN … ELSE … END`
    Case {
        /// What is compared with each WHEN. Without an operand each WHEN is a condition.
        operand: Option<Box<Expression<N>>>,
        /// WHEN and THEN, at least one pair.
        branches: Vec<(Expression<N>, Expression<N>)>,
        /// ELSE; NULL when absent.
        otherwise: Option<Box<Expression<N>>>,
    },
    /// `CAST(value AS type)`
    Cast {
        /// What is converted.
        value: Box<Expression<N>>,
        /// The wanted type. The parser drops the lengths of a type.
        to: Type,
        /// Where `CAST` stands.
        position: Position,
    },
    /// `[a, b]` and `(a, b)`
    List(Vec<Expression<N>>),
    /// `<<a, b>>`, and `VALUES (a, b), …` as a bag of lists.
    Bag(Vec<Expression<N>>),
    /// `{name: value, …}`. Names are expressions too and must yield text.
    Struct(Vec<(Expression<N>, Expression<N>)>),
    /// A call of a function.
    Call {
        /// The function.
        function: N::Function,
        /// The arguments.
        arguments: Vec<Expression<N>>,
        /// Where the function's name stands.
        position: Position,
    },
    /// A call with FILTER or OVER.
    Claused(Box<N::Claused>),
    /// A query within an expression or, at the top of a statement, the statement.
    Query(Box<N::Query>),
}

/// How many operators between operands may stand within each other. More of them, from left to right, are a
/// [`Expression::Chain`], so that no chain is too deep.
pub(crate) const CHAIN_MIN: usize = 8;

/// An operator of a [`Expression::Chain`] with its right operand.
#[derive(Clone, Debug, PartialEq)]
pub struct Link<N: Names> {
    /// The operator.
    pub operator: BinaryOperator,
    /// The right operand.
    pub operand: Expression<N>,
    /// Where the operator stands.
    pub position: Position,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq)]
pub enum PathStep<N: Names> {
    /// `.name` or `['name']`
    Field(Arc<str>),
    /// `[e]`: an element of a list by an integer, a field of a struct by a text.
    Index(Box<Expression<N>>),
    /// `[*]`
    Elements,
    /// `.*`
    Fields,
}

impl<N: Names> Expression<N> {
    /// Calls back for each expression directly within this one, from left to right. A query within it is not
    /// entered.
    pub(crate) fn for_each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression<N>)) {
        match self {
            Expression::Literal { .. }
            | Expression::Missing
            | Expression::Parameter { .. }
            | Expression::Variable(_)
            | Expression::Query(_) => {}
            Expression::Claused(call) => call.for_each_part(visit),
            Expression::Path { root, steps } => {
                visit(root);
                for step in steps {
                    if let PathStep::Index(index) = step {
                        visit(index);
                    }
                }
            }
            Expression::Not(value)
            | Expression::Sign { operand: value, .. }
            | Expression::Is { value, .. }
            | Expression::IsTruth { value, .. }
            | Expression::Cast { value, .. } => visit(value),
            Expression::Binary { left, right, .. } | Expression::Distinct { left, right, .. } => {
                [left, right].into_iter().for_each(|side| visit(side));
            }
            Expression::Chain { first, links } => {
                visit(first);
                links.iter().for_each(|link| visit(&link.operand));
            }
            Expression::In { value, collection, .. } | Expression::Quantified { value, collection, .. } => {
                [value, collection].into_iter().for_each(|side| visit(side));
            }
            Expression::Between { value, low, high, .. } => {
                [value, low, high].into_iter().for_each(|part| visit(part));
            }
            Expression::Like { value, pattern, escape, .. } => {
                [value, pattern].into_iter().chain(escape).for_each(|part| visit(part));
            }
            Expression::And(items)
            | Expression::Or(items)
            | Expression::List(items)
            | Expression::Bag(items)
            | Expression::Call { arguments: items, .. } => items.iter().for_each(visit),
            Expression::Case { operand, branches, otherwise } => {
                operand.iter().for_each(|operand| visit(operand));
                for (when, then) in branches {
                    visit(when);
                    visit(then);
                }
                otherwise.iter().for_each(|otherwise| visit(otherwise));
            }
            Expression::Struct(fields) => {
                for (name, value) in fields {
                    visit(name);
                    visit(value);
                }
            }
        }
    }

    /// Whether a test holds for this expression or for one within it. Queries within it are not entered.
    pub(crate) fn any(&self, test: &mut dyn FnMut(&Expression<N>) -> bool) -> bool {
        if test(self) {
            return true;
        }
        let mut found = false;
        self.for_each_child(&mut |child| found = found || child.any(test));
        found
    }

    /// Where the expression stands: its operator or its name, else the first part of it whose place is known.
    pub(crate) fn position(&self) -> Option<Position> {
        match self {
            Expression::Literal { position, .. }
            | Expression::Parameter { position, .. }
            | Expression::Sign { position, .. }
            | Expression::Binary { position, .. }
            | Expression::In { position, .. }
            | Expression::Between { position, .. }
            | Expression::Like { position, .. }
            | Expression::Distinct { position, .. }
            | Expression::IsTruth { position, .. }
            | Expression::Quantified { position, .. }
            | Expression::Cast { position, .. }
            | Expression::Call { position, .. } => Some(*position),
            Expression::Chain { links, .. } => links.last().map(|link| link.position),
            Expression::Variable(variable) => Some(variable.position()),
            Expression::Query(query) => Some(query.position()),
            Expression::Claused(call) => Some(call.position()),
            _ => {
                let mut found = None;
                self.for_each_child(&mut |child| found = found.or_else(|| child.position()));
                found
            }
        }
    }
}
