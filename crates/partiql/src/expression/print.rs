//! Expressions as text, with parentheses only where the parser needs them.
//!
//! Where an operand may stand bare depends on two things: how tight it binds itself, and how much of
//! what follows its end would belong to it. `a = NOT b` may be the right operand of `=`, but not the
//! left: NOT would take what follows. What follows IN must not begin with a parenthesis, which would
//! make it a list; that holds because no operand gets one that the text it came from had not.

use std::fmt::{self, Display, Formatter, Write};

use everstrand_ion::{Data, IonType, Value, text};

use super::precedence::{AND, COMPARISON, EQUALITY, NOT, OR, TERM};
use super::{
    AggregateFunction, BinaryOperator, DatePart, Expression, FunctionForm, Link, Names, PathStep, Quantifier,
    TrimSide, Type,
};
use crate::keywords::keyword;

impl<N: Names> Display for Expression<N> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expression::Literal { value, .. } => literal(f, value),
            Expression::Missing => f.write_str("MISSING"),
            Expression::Parameter { .. } => f.write_str("?"),
            Expression::Variable(variable) => variable.fmt(f),
            Expression::Path { root: first, steps } => {
                root(f, first)?;
                steps.iter().try_for_each(|step| step.fmt(f))
            }
            Expression::Not(_)
            | Expression::Sign { .. }
            | Expression::Binary { .. }
            | Expression::Chain { .. }
            | Expression::And(_)
            | Expression::Or(_)
            | Expression::In { .. }
            | Expression::Between { .. }
            | Expression::Like { .. }
            | Expression::Is { .. }
            | Expression::Distinct { .. }
            | Expression::IsTruth { .. }
            | Expression::Quantified { .. } => operation(f, self),
            Expression::Case { operand, branches, otherwise } => {
                f.write_str("CASE")?;
                if let Some(operand) = operand {
                    write!(f, " {operand}")?;
                }
                for (when, then) in branches {
                    write!(f, " WHEN {when} THEN {then}")?;
                }
                if let Some(otherwise) = otherwise {
                    write!(f, " ELSE {otherwise}")?;
                }
                f.write_str(" END")
            }
            Expression::Cast { value, to, .. } => write!(f, "CAST({value} AS {to})"),
            Expression::List(items) => bracketed(f, "[", items, "]"),
            Expression::Bag(items) => bracketed(f, "<<", items, ">>"),
            Expression::Struct(fields) => {
                f.write_str("{")?;
                list(f, fields, |f, (name, value)| write!(f, "{name}: {value}"))?;
                f.write_str("}")
            }
            Expression::Call { function, arguments, .. } => call(f, N::form(function), arguments),
            Expression::Claused(call) => call.fmt(f),
            Expression::Query(query) => write!(f, "({query})"),
        }
    }
}

/// An expression of operators.
fn operation<N: Names>(f: &mut Formatter<'_>, expression: &Expression<N>) -> fmt::Result {
    match expression {
        Expression::Not(value) => {
            f.write_str("NOT ")?;
            right(f, value, NOT)
        }
        Expression::Sign { negative, operand, .. } => {
            f.write_str(if *negative { "-" } else { "+" })?;
            // Two signs without a blank between them would begin a comment.
            if matches!(**operand, Expression::Sign { .. }) {
                f.write_str(" ")?;
            }
            prefix(f, operand)
        }
        Expression::Binary { operator, left: first, right: second, .. } => {
            left(f, first, operator.precedence())?;
            write!(f, " {operator} ")?;
            right(f, second, operator.precedence())
        }
        Expression::Chain { first, links } => chain(f, first, links),
        Expression::And(operands) => separated(f, operands, " AND ", |f, e| right(f, e, AND)),
        Expression::Or(operands) => separated(f, operands, " OR ", |f, e| right(f, e, OR)),
        Expression::In { value, collection, negated, .. } => {
            left(f, value, EQUALITY)?;
            write!(f, " {}IN {collection}", not(*negated))
        }
        Expression::Between { value, low, high, negated, .. } => {
            left(f, value, COMPARISON)?;
            write!(f, " {}BETWEEN ", not(*negated))?;
            right(f, low, COMPARISON)?;
            f.write_str(" AND ")?;
            right(f, high, COMPARISON)
        }
        Expression::Like { value, pattern, escape, negated, .. } => {
            left(f, value, COMPARISON)?;
            write!(f, " {}LIKE ", not(*negated))?;
            right(f, pattern, COMPARISON)?;
            if let Some(escape) = escape {
                f.write_str(" ESCAPE ")?;
                right(f, escape, COMPARISON)?;
            }
            Ok(())
        }
        Expression::Is { value, of, negated } => {
            left(f, value, EQUALITY)?;
            write!(f, " IS {}{of}", not(*negated))
        }
        Expression::Distinct { left: first, right: second, negated, .. } => {
            left(f, first, EQUALITY)?;
            write!(f, " IS {}DISTINCT FROM ", not(*negated))?;
            right(f, second, EQUALITY)
        }
        Expression::IsTruth { value, truth, negated, .. } => {
            left(f, value, EQUALITY)?;
            let truth = truth.map_or("UNKNOWN", |truth| if truth { "TRUE" } else { "FALSE" });
            write!(f, " IS {}{truth}", not(*negated))
        }
        Expression::Quantified { value, operator, quantifier, collection, .. } => {
            left(f, value, operator.precedence())?;
            match &**collection {
                query @ Expression::Query(_) => write!(f, " {operator} {quantifier} {query}"),
                collection => write!(f, " {operator} {quantifier} ({collection})"),
            }
        }
        term => term.fmt(f),
    }
}

/// The operators of a chain. What follows an operand within it must not belong to the operand.
fn chain<N: Names>(f: &mut Formatter<'_>, first: &Expression<N>, links: &[Link<N>]) -> fmt::Result {
    let precedence = chain_precedence(links);
    left(f, first, precedence)?;
    for (at, Link { operator, operand, .. }) in links.iter().enumerate() {
        write!(f, " {operator} ")?;
        let takes_more = at + 1 < links.len() && tail(operand) < precedence;
        parenthesised(f, operand, head(operand) <= precedence || takes_more)?;
    }
    Ok(())
}

/// A call in the form that its function has.
pub(crate) fn call<N: Names>(
    f: &mut Formatter<'_>,
    function: FunctionForm,
    arguments: &[Expression<N>],
) -> fmt::Result {
    match (function, arguments) {
        // `POSITION(a IN b)` is a form of its own, so an IN in the first argument needs parentheses.
        (FunctionForm::Named(name), [first, rest @ ..]) if name.eq_ignore_ascii_case("position") => {
            write!(f, "{name}(")?;
            left(f, first, EQUALITY + 1)?;
            rest.iter().try_for_each(|argument| write!(f, ", {argument}"))?;
            f.write_str(")")
        }
        (FunctionForm::Named(name), _) => bracketed(f, &format!("{name}("), arguments, ")"),
        (FunctionForm::CurrentTimestamp, _) => f.write_str("CURRENT_TIMESTAMP"),
        (FunctionForm::DateAdd(part), _) => bracketed(f, &format!("DATE_ADD({part}, "), arguments, ")"),
        (FunctionForm::DateDiff(part), _) => bracketed(f, &format!("DATE_DIFF({part}, "), arguments, ")"),
        (FunctionForm::Extract(part), _) => bracketed(f, &format!("EXTRACT({part} FROM "), arguments, ")"),
        (FunctionForm::Trim(side), [text, characters @ ..]) => {
            f.write_str("TRIM(")?;
            if side != TrimSide::Both {
                write!(f, "{side} ")?;
            }
            if let [characters] = characters {
                write!(f, "{characters} ")?;
            }
            if side != TrimSide::Both || !characters.is_empty() {
                f.write_str("FROM ")?;
            }
            write!(f, "{text})")
        }
        (FunctionForm::Diff(_), [table, moments @ ..]) => {
            write!(f, "DIFF({table}")?;
            for moment in moments {
                f.write_str(", AS OF ")?;
                prefix(f, moment)?;
            }
            f.write_str(")")
        }
        (FunctionForm::Diff(_), []) => f.write_str("DIFF()"),
        (FunctionForm::Trim(_), []) => f.write_str("TRIM()"),
        (FunctionForm::Aggregate { function, collection, distinct }, _) => {
            let collection = if collection { "COLL_" } else { "" };
            let distinct = if distinct { "DISTINCT " } else { "" };
            match arguments {
                [] => write!(f, "{collection}{function}(*)"),
                _ => bracketed(f, &format!("{collection}{function}({distinct}"), arguments, ")"),
            }
        }
    }
}

impl<N: Names> Display for PathStep<N> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            PathStep::Field(field) => {
                f.write_str(".")?;
                name(f, field)
            }
            PathStep::Index(index) => write!(f, "[{index}]"),
            PathStep::Elements => f.write_str("[*]"),
            PathStep::Fields => f.write_str(".*"),
        }
    }
}

impl Display for BinaryOperator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BinaryOperator::Equal => "=",
            BinaryOperator::NotEqual => "<>",
            BinaryOperator::Less => "<",
            BinaryOperator::LessOrEqual => "<=",
            BinaryOperator::Greater => ">",
            BinaryOperator::GreaterOrEqual => ">=",
            BinaryOperator::Add => "+",
            BinaryOperator::Subtract => "-",
            BinaryOperator::Multiply => "*",
            BinaryOperator::Divide => "/",
            BinaryOperator::Modulo => "%",
            BinaryOperator::Concatenate => "||",
        })
    }
}

/// Enums whose names are their text in upper case.
macro_rules! words {
    ($($type:ty)*) => {
        $(impl Display for $type {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str(&format!("{self:?}").to_uppercase())
            }
        })*
    };
}

words!(Type TrimSide AggregateFunction Quantifier);

impl Display for DatePart {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DatePart::Year => "YEAR",
            DatePart::Month => "MONTH",
            DatePart::Day => "DAY",
            DatePart::Hour => "HOUR",
            DatePart::Minute => "MINUTE",
            DatePart::Second => "SECOND",
            DatePart::TimezoneHour => "TIMEZONE_HOUR",
            DatePart::TimezoneMinute => "TIMEZONE_MINUTE",
        })
    }
}

/// How tight an expression binds where it begins.
fn head<N: Names>(expression: &Expression<N>) -> u8 {
    match expression {
        Expression::Or(_) => OR,
        Expression::And(_) => AND,
        Expression::In { .. }
        | Expression::Is { .. }
        | Expression::Distinct { .. }
        | Expression::IsTruth { .. } => EQUALITY,
        Expression::Between { .. } | Expression::Like { .. } => COMPARISON,
        Expression::Binary { operator, .. } | Expression::Quantified { operator, .. } => {
            operator.precedence()
        }
        Expression::Chain { links, .. } => chain_precedence(links),
        // NOT and signs may stand before any operand.
        _ => TERM,
    }
}

/// What binds tighter than this belongs to the expression when it follows its end.
fn tail<N: Names>(expression: &Expression<N>) -> u8 {
    let (own, last) = match expression {
        Expression::Or(_) => return OR,
        Expression::And(_) => return AND,
        Expression::Not(operand) => (NOT, operand),
        Expression::In { collection, .. } => (EQUALITY, collection),
        Expression::Between { high, .. } => (COMPARISON, high),
        Expression::Like { pattern, escape, .. } => (COMPARISON, escape.as_ref().unwrap_or(pattern)),
        Expression::Binary { operator, right, .. } => (operator.precedence(), right),
        Expression::Distinct { right, .. } => (EQUALITY, right),
        Expression::Chain { links, .. } => match links.last() {
            Some(link) => return tail_of(expression, chain_precedence(links), &link.operand),
            None => return TERM,
        },
        Expression::Sign { operand, .. } if head(operand) == TERM => (TERM, operand),
        _ => return TERM,
    };
    tail_of(expression, own, last)
}

/// [`tail`] of an expression that binds like this itself and ends with this operand.
fn tail_of<N: Names>(expression: &Expression<N>, own: u8, last: &Expression<N>) -> u8 {
    let is_bare = head(last) > own || own == TERM || matches!(expression, Expression::In { .. });
    if is_bare { own.min(tail(last)) } else { own }
}

fn chain_precedence<N: Names>(links: &[Link<N>]) -> u8 {
    links.first().map_or(TERM, |link| link.operator.precedence())
}

/// An operand that is followed by an operator of this precedence.
fn left<N: Names>(f: &mut Formatter<'_>, expression: &Expression<N>, precedence: u8) -> fmt::Result {
    parenthesised(f, expression, head(expression) < precedence || tail(expression) < precedence)
}

/// An operand that follows an operator of this precedence.
fn right<N: Names>(f: &mut Formatter<'_>, expression: &Expression<N>, precedence: u8) -> fmt::Result {
    parenthesised(f, expression, head(expression) <= precedence)
}

/// What may follow a sign or AS OF.
pub(crate) fn prefix<N: Names>(f: &mut Formatter<'_>, expression: &Expression<N>) -> fmt::Result {
    parenthesised(f, expression, head(expression) < TERM)
}

/// What a path begins with. An int would swallow the dot, and a sign would take the whole path.
pub(crate) fn root<N: Names>(f: &mut Formatter<'_>, expression: &Expression<N>) -> fmt::Result {
    let is_term = match expression {
        Expression::Literal { value, .. } if value.annotations().is_empty() => match &value.data {
            Data::Int(int) if !int.is_negative() => return write!(f, "{int} "),
            Data::Int(_) => false,
            Data::Decimal(decimal) => !decimal.is_negative_zero() && !decimal.coefficient().is_negative(),
            _ => true,
        },
        Expression::Not(_) | Expression::Sign { .. } => false,
        expression => head(expression) == TERM,
    };
    parenthesised(f, expression, !is_term)
}

fn parenthesised<N: Names>(
    f: &mut Formatter<'_>,
    expression: &Expression<N>,
    parentheses: bool,
) -> fmt::Result {
    if parentheses { write!(f, "({expression})") } else { expression.fmt(f) }
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

fn literal(f: &mut Formatter<'_>, value: &Value) -> fmt::Result {
    if value.annotations().is_empty() {
        match &value.data {
            Data::Null(IonType::Null) => return f.write_str("NULL"),
            Data::Bool(bool) => return f.write_str(if *bool { "TRUE" } else { "FALSE" }),
            Data::Int(int) => return int.fmt(f),
            Data::Decimal(decimal) => return f.write_str(&decimal.to_string().replace('d', "e")),
            Data::String(text) => return quoted(f, text, '\''),
            _ => {}
        }
    }
    write!(f, "`{}`", text::write(value))
}

/// A name, between quotes where it needs them.
pub(crate) fn name(f: &mut Formatter<'_>, name: &str) -> fmt::Result {
    let mut characters = name.chars();
    let plain =
        characters.next().is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, '_' | '$'))
            && characters.all(|next| next.is_ascii_alphanumeric() || matches!(next, '_' | '$'))
            && keyword(name).is_none();
    if plain { f.write_str(name) } else { quoted(f, name, '"') }
}

pub(crate) fn quoted(f: &mut Formatter<'_>, text: &str, quote: char) -> fmt::Result {
    f.write_char(quote)?;
    for character in text.chars() {
        if character == quote {
            f.write_char(quote)?;
        }
        f.write_char(character)?;
    }
    f.write_char(quote)
}

pub(crate) fn bracketed<N: Names>(
    f: &mut Formatter<'_>,
    open: &str,
    items: &[Expression<N>],
    close: &str,
) -> fmt::Result {
    f.write_str(open)?;
    list(f, items, |f, item| item.fmt(f))?;
    f.write_str(close)
}

pub(crate) fn list<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    item: impl FnMut(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    separated(f, items, ", ", item)
}

pub(crate) fn separated<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    separator: &str,
    mut item: impl FnMut(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (at, next) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(separator)?;
        }
        item(f, next)?;
    }
    Ok(())
}
