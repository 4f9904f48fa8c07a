//! The tree as text that parses to an equal tree.
//!
//! Parentheses stand only where the parser needs them, decided by the same precedences. Two forms are
//! delicate. What follows IN must not begin with a parenthesis, which would make it a list; the left
//! operand of an operator is therefore printed bare where it can be. And the last operand of BETWEEN
//! takes all that binds tighter than AND, so that BETWEEN itself is no tighter than that to its right.

use std::fmt::{self, Display, Formatter, Write};

use everstrand_ion::{Data, Value, text};

use super::{
    BinaryOperator, ConflictAction, DatePart, Expression, FromClause, FromItem, FromSource, FromTerm,
    Identifier, Insertion, Join, Modify, ModifyForm, Operation, PathStep, Projection, Query, SelectItem,
    SimplePath, SimpleStep, Statement, TrimSide, Type,
};
use crate::lexer::keyword;

const OR: u8 = 10;
const AND: u8 = 20;
const BETWEEN: u8 = 25;
const NOT: u8 = 30;
const EQUALITY: u8 = 40;
const COMPARISON: u8 = 50;
const SIGN: u8 = 80;
const TERM: u8 = 100;

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Statement::CreateTable { name, options } => {
                write!(f, "CREATE TABLE {name}")?;
                if options.is_empty() {
                    return Ok(());
                }
                f.write_str(" WITH (")?;
                list(f, options, |f, (name, value)| write!(f, "{name} = {value}"))?;
                f.write_str(")")
            }
            Statement::CreateIndex { table, paths, unique, .. } => {
                write!(f, "CREATE {}INDEX ON {table} (", if *unique { "UNIQUE " } else { "" })?;
                list(f, paths, |f, path| {
                    for (at, name) in path.iter().enumerate() {
                        write!(f, "{}{name}", if at > 0 { "." } else { "" })?;
                    }
                    Ok(())
                })?;
                f.write_str(")")
            }
            Statement::DropIndex { index, table } => {
                f.write_str("DROP INDEX ")?;
                quoted(f, &index.name, '"')?;
                write!(f, " ON {table} WITH (purge = true)")
            }
            Statement::DropTable { name } => write!(f, "DROP TABLE {name}"),
            Statement::UndropTable { table_id } => {
                f.write_str("UNDROP TABLE ")?;
                quoted(f, &table_id.name, '"')
            }
            Statement::Insert { target, insertion, on_conflict } => {
                insert(f, target, insertion)?;
                match on_conflict {
                    None => Ok(()),
                    Some(ConflictAction { replace: true, .. }) => f.write_str(" ON CONFLICT DO REPLACE"),
                    Some(ConflictAction { replace: false, .. }) => f.write_str(" ON CONFLICT DO NOTHING"),
                }
            }
            Statement::Modify(modify) => modify.fmt(f),
            Statement::Exec { procedure, arguments } => {
                write!(f, "EXEC {procedure}")?;
                if !arguments.is_empty() {
                    f.write_str(" ")?;
                }
                list(f, arguments, |f, argument| argument.fmt(f))
            }
            Statement::Query(Expression::Query(query)) => query.fmt(f),
            Statement::Query(expression) => expression.fmt(f),
            Statement::Explain { statement, .. } => write!(f, "EXPLAIN {statement}"),
        }
    }
}

impl Display for Modify {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let condition = |f: &mut Formatter<'_>| clause(f, "WHERE", self.condition.as_ref());
        match self.form {
            ModifyForm::Update => {
                write!(f, "UPDATE {} {}", self.from, self.operation)?;
                condition(f)
            }
            ModifyForm::Delete => {
                write!(f, "DELETE FROM {}", self.from)?;
                condition(f)
            }
            ModifyForm::From => {
                write!(f, "FROM {}", self.from)?;
                condition(f)?;
                write!(f, " {}", self.operation)
            }
        }
    }
}

impl Display for Operation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Set(assignments) => {
                f.write_str("SET ")?;
                list(f, assignments, |f, (target, value)| write!(f, "{target} = {value}"))
            }
            Operation::Insert { target, insertion } => insert(f, target, insertion),
            Operation::Remove(target) => write!(f, "REMOVE {target}"),
            Operation::Delete => Ok(()),
        }
    }
}

impl Display for SimplePath {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)?;
        for step in &self.steps {
            match step {
                SimpleStep::Field(field) => {
                    f.write_str(".")?;
                    name(f, field)?;
                }
                SimpleStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("SELECT ")?;
        if self.distinct.is_some() {
            f.write_str("DISTINCT ")?;
        }
        match &self.projection {
            Projection::Value(value) => write!(f, "VALUE {value}")?,
            Projection::Star => f.write_str("*")?,
            Projection::Items(items) => list(f, items, |f, item| item.fmt(f))?,
        }
        write!(f, " FROM {}", self.from)?;
        clause(f, "WHERE", self.condition.as_ref())?;
        if let Some(group) = &self.group {
            f.write_str(" GROUP BY ")?;
            list(f, &group.keys, |f, (key, name)| {
                key.fmt(f)?;
                named(f, "AS", name.as_ref())
            })?;
            named(f, "GROUP AS", group.group_as.as_ref())?;
        }
        clause(f, "HAVING", self.having.as_ref())?;
        if let Some(order) = &self.order {
            f.write_str(" ORDER BY ")?;
            list(f, &order.terms, |f, term| {
                let nulls = match term.nulls_first {
                    None => "",
                    Some(true) => " NULLS FIRST",
                    Some(false) => " NULLS LAST",
                };
                write!(f, "{}{}{nulls}", term.value, if term.descending { " DESC" } else { "" })
            })?;
        }
        clause(f, "LIMIT", self.limit.as_ref().map(|clause| &clause.value))?;
        clause(f, "OFFSET", self.offset.as_ref().map(|clause| &clause.value))
    }
}

impl Display for SelectItem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            SelectItem::Expression { value, alias } => {
                value.fmt(f)?;
                named(f, "AS", alias.as_ref())
            }
            SelectItem::All(value) => {
                root(f, value)?;
                f.write_str(".*")
            }
        }
    }
}

impl Display for FromClause {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (at, FromTerm { join, source, condition, .. }) in self.terms.iter().enumerate() {
            let outer = |join: &str, f: &mut Formatter<'_>| {
                let cross = if condition.is_none() { " CROSS" } else { "" };
                write!(f, " {join}{cross} JOIN ")
            };
            match join {
                _ if at == 0 => {}
                Join::Comma => f.write_str(", ")?,
                Join::Cross => f.write_str(" CROSS JOIN ")?,
                Join::Inner => f.write_str(" JOIN ")?,
                Join::Left => outer("LEFT", f)?,
                Join::Right => outer("RIGHT", f)?,
                Join::Full => outer("FULL", f)?,
            }
            match source {
                FromSource::Item(item) => item.fmt(f)?,
                FromSource::Nested(from) => write!(f, "({from})")?,
            }
            clause(f, "ON", condition.as_ref())?;
        }
        Ok(())
    }
}

impl Display for FromItem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.unpivot.is_some() {
            f.write_str("UNPIVOT ")?;
        }
        self.value.fmt(f)?;
        if let Some(as_of) = &self.as_of {
            f.write_str(" AS OF ")?;
            operand(f, &as_of.value, SIGN)?;
        }
        named(f, "AS", self.alias.as_ref())?;
        named(f, "AT", self.at.as_ref())?;
        named(f, "BY", self.by.as_ref())
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let own = precedence(self);
        match self {
            Expression::Literal(value) => literal(f, value),
            Expression::Missing => f.write_str("MISSING"),
            Expression::Parameter(_) => f.write_str("?"),
            Expression::Variable { name, local } => write!(f, "{}{name}", if *local { "@" } else { "" }),
            Expression::Path { root: first, steps } => {
                root(f, first)?;
                steps.iter().try_for_each(|step| step.fmt(f))
            }
            Expression::Not(value) => {
                f.write_str("NOT ")?;
                operand(f, value, NOT)
            }
            Expression::Sign { negative, operand: value } => {
                f.write_str(if *negative { "-" } else { "+" })?;
                operand(f, value, TERM)
            }
            Expression::Binary { operator, left, right, .. } => {
                operand(f, left, own)?;
                write!(f, " {operator} ")?;
                operand(f, right, own + 1)
            }
            Expression::And(operands) => separated(f, operands, " AND ", |f, e| operand(f, e, AND + 1)),
            Expression::Or(operands) => separated(f, operands, " OR ", |f, e| operand(f, e, OR + 1)),
            Expression::In { value, collection, negated, .. } => {
                operand(f, value, EQUALITY)?;
                write!(f, " {}IN {collection}", not(*negated))
            }
            Expression::Between { value, low, high, negated } => {
                operand(f, value, COMPARISON)?;
                write!(f, " {}BETWEEN ", not(*negated))?;
                operand(f, low, COMPARISON + 1)?;
                f.write_str(" AND ")?;
                operand(f, high, COMPARISON + 1)
            }
            Expression::Like { value, pattern, escape, negated, .. } => {
                operand(f, value, COMPARISON)?;
                write!(f, " {}LIKE ", not(*negated))?;
                operand(f, pattern, COMPARISON + 1)?;
                match escape {
                    None => Ok(()),
                    Some(escape) => {
                        f.write_str(" ESCAPE ")?;
                        operand(f, escape, COMPARISON + 1)
                    }
                }
            }
            Expression::Is { value, of, negated } => {
                operand(f, value, EQUALITY)?;
                write!(f, " IS {}{of}", not(*negated))
            }
            Expression::Case { operand, branches, otherwise } => {
                f.write_str("CASE")?;
                if let Some(operand) = operand {
                    write!(f, " {operand}")?;
                }
                for (when, then) in branches {
                    write!(f, " WHEN {when} THEN {then}")?;
                }
                clause(f, "ELSE", otherwise.as_deref())?;
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
            Expression::Call { function, arguments } => {
                bracketed(f, &format!("{}(", function.name), arguments, ")")
            }
            Expression::DateArithmetic { difference, part, arguments, .. } => {
                let [first, second] = &**arguments;
                let function = if *difference { "DATE_DIFF" } else { "DATE_ADD" };
                write!(f, "{function}({part}, {first}, {second})")
            }
            Expression::Extract { part, value, .. } => write!(f, "EXTRACT({part} FROM {value})"),
            Expression::Trim { side, characters, text, .. } => {
                f.write_str("TRIM(")?;
                if let Some(side) = side {
                    write!(f, "{side} ")?;
                }
                if let Some(characters) = characters {
                    write!(f, "{characters} ")?;
                }
                if side.is_some() || characters.is_some() {
                    f.write_str("FROM ")?;
                }
                write!(f, "{text})")
            }
            Expression::Aggregate { function, collection, distinct, argument, .. } => {
                let function = format!("{}{function}", if *collection { "COLL_" } else { "" });
                let distinct = if *distinct { "DISTINCT " } else { "" };
                match argument {
                    Some(argument) => write!(f, "{function}({distinct}{argument})"),
                    None => write!(f, "{function}(*)"),
                }
            }
            Expression::Query(query) => write!(f, "({query})"),
        }
    }
}

impl Display for PathStep {
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

impl Display for Identifier {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        name(f, &self.name)
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

words!(Type TrimSide super::AggregateFunction);

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

/// How tight an expression binds when something stands to its right.
fn precedence(expression: &Expression) -> u8 {
    match expression {
        Expression::Or(_) => OR,
        Expression::And(_) => AND,
        Expression::Not(_) => NOT,
        Expression::Between { .. } => BETWEEN,
        Expression::In { collection, .. } => EQUALITY.min(precedence(collection)),
        Expression::Is { .. } => EQUALITY,
        Expression::Like { .. } => COMPARISON,
        Expression::Binary { operator, .. } => match operator {
            BinaryOperator::Equal | BinaryOperator::NotEqual => EQUALITY,
            BinaryOperator::Less
            | BinaryOperator::LessOrEqual
            | BinaryOperator::Greater
            | BinaryOperator::GreaterOrEqual => COMPARISON,
            BinaryOperator::Add | BinaryOperator::Subtract | BinaryOperator::Concatenate => 60,
            BinaryOperator::Multiply | BinaryOperator::Divide | BinaryOperator::Modulo => 70,
        },
        Expression::Sign { .. } => SIGN,
        Expression::Literal(value) if is_negative(value) => SIGN,
        _ => TERM,
    }
}

/// An operand, in parentheses when it binds looser than this.
fn operand(f: &mut Formatter<'_>, expression: &Expression, at_least: u8) -> fmt::Result {
    if precedence(expression) < at_least { write!(f, "({expression})") } else { expression.fmt(f) }
}

/// What a path begins with. A number would swallow the dot.
fn root(f: &mut Formatter<'_>, expression: &Expression) -> fmt::Result {
    match expression {
        Expression::Literal(Value { data: Data::Int(_) | Data::Decimal(_), .. }) => {
            write!(f, "({expression})")
        }
        _ => operand(f, expression, TERM),
    }
}

fn is_negative(value: &Value) -> bool {
    value.annotations().is_empty()
        && match &value.data {
            Data::Int(int) => int.is_negative(),
            Data::Decimal(decimal) => decimal.is_negative_zero() || decimal.coefficient().is_negative(),
            _ => false,
        }
}

fn literal(f: &mut Formatter<'_>, value: &Value) -> fmt::Result {
    if value.annotations().is_empty() {
        match &value.data {
            Data::Null(everstrand_ion::IonType::Null) => return f.write_str("NULL"),
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
fn name(f: &mut Formatter<'_>, name: &str) -> fmt::Result {
    let mut characters = name.chars();
    let plain =
        characters.next().is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, '_' | '$'))
            && characters.all(|next| next.is_ascii_alphanumeric() || matches!(next, '_' | '$'))
            && keyword(name).is_none();
    if plain { f.write_str(name) } else { quoted(f, name, '"') }
}

fn quoted(f: &mut Formatter<'_>, text: &str, quote: char) -> fmt::Result {
    f.write_char(quote)?;
    for character in text.chars() {
        if character == quote {
            f.write_char(quote)?;
        }
        f.write_char(character)?;
    }
    f.write_char(quote)
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

fn insert(f: &mut Formatter<'_>, target: &SimplePath, insertion: &Insertion) -> fmt::Result {
    match insertion {
        Insertion::One { value, at } => {
            write!(f, "INSERT INTO {target} VALUE {value}")?;
            clause(f, "AT", at.as_ref())
        }
        Insertion::Each(values) => {
            let values = values.to_string();
            // A bracket could be a step of the path.
            let (open, close) = if values.starts_with('[') { ("(", ")") } else { ("", "") };
            write!(f, "INSERT INTO {target} {open}{values}{close}")
        }
    }
}

/// ` KEYWORD expression`, if there is one.
fn clause(f: &mut Formatter<'_>, keyword: &str, expression: Option<&Expression>) -> fmt::Result {
    match expression {
        Some(expression) => write!(f, " {keyword} {expression}"),
        None => Ok(()),
    }
}

/// ` KEYWORD name`, if there is one.
fn named(f: &mut Formatter<'_>, keyword: &str, name: Option<&Identifier>) -> fmt::Result {
    match name {
        Some(name) => write!(f, " {keyword} {name}"),
        None => Ok(()),
    }
}

fn bracketed(f: &mut Formatter<'_>, open: &str, items: &[Expression], close: &str) -> fmt::Result {
    f.write_str(open)?;
    list(f, items, |f, item| item.fmt(f))?;
    f.write_str(close)
}

fn list<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    item: impl FnMut(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    separated(f, items, ", ", item)
}

fn separated<T>(
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
