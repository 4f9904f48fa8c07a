//! The tree as text that parses to an equal tree.
//!
//! The text needs no more nesting than the one that the tree came from, so that it is never too deep.

use std::fmt::{self, Display, Formatter};

use super::{
    Clause, Combined, CommonTable, ConflictAction, Expression, FromClause, FromItem, FromSource, FromTerm,
    Identifier, Insertion, Join, Modify, ModifyForm, Operation, Order, OrderTerm, Projection, Query,
    QueryExpression, Rows, SelectItem, SimplePath, SimpleStep, Statement,
};
use crate::expression::print::{bracketed, list, name, prefix, quoted, root};

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Statement::CreateTable { name, options, if_not_exists } => {
                let condition = if if_not_exists.is_some() { "IF NOT EXISTS " } else { "" };
                write!(f, "CREATE TABLE {condition}{name}")?;
                if options.is_empty() {
                    return Ok(());
                }
                f.write_str(" WITH (")?;
                list(f, options, |f, (name, value)| write!(f, "{name} = {value}"))?;
                f.write_str(")")
            }
            Statement::CreateIndex { name, if_not_exists, table, paths, unique, .. } => {
                let unique = if *unique { "UNIQUE " } else { "" };
                let condition = if *if_not_exists { " IF NOT EXISTS" } else { "" };
                write!(f, "CREATE {unique}INDEX{condition}")?;
                if let Some(name) = name {
                    f.write_str(" ")?;
                    quoted(f, &name.name, '"')?;
                }
                write!(f, " ON {table} (")?;
                list(f, paths, |f, path| {
                    for (at, name) in path.iter().enumerate() {
                        write!(f, "{}{name}", if at > 0 { "." } else { "" })?;
                    }
                    Ok(())
                })?;
                f.write_str(")")
            }
            Statement::DropIndex { index, table, if_exists, extension } => {
                f.write_str(if *if_exists { "DROP INDEX IF EXISTS " } else { "DROP INDEX " })?;
                quoted(f, &index.name, '"')?;
                match table {
                    Some(table) if extension.is_some() => write!(f, " ON {table}"),
                    Some(table) => write!(f, " ON {table} WITH (purge = true)"),
                    None => Ok(()),
                }
            }
            Statement::DropTable { name, if_exists } => {
                write!(f, "DROP TABLE {}{name}", if if_exists.is_some() { "IF EXISTS " } else { "" })
            }
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
            Statement::Explain { statement, analyze: None, .. } => write!(f, "EXPLAIN {statement}"),
            Statement::Explain { statement, .. } => write!(f, "EXPLAIN ANALYZE {statement}"),
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
        f.write_str(if matches!(self.projection, Projection::Pivot { .. }) { "PIVOT " } else { "SELECT " })?;
        if self.distinct.is_some() {
            f.write_str("DISTINCT ")?;
        }
        match &self.projection {
            Projection::Value(value) => write!(f, "VALUE {value}")?,
            Projection::Star => f.write_str("*")?,
            Projection::Items(items) => list(f, items, |f, item| item.fmt(f))?,
            Projection::Pivot { value, at } => write!(f, "{value} AT {at}")?,
        }
        if let Rows::From(from) = &self.rows {
            write!(f, " FROM {from}")?;
        }
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
        tail(f, self.order.as_ref(), self.limit.as_ref(), self.offset.as_ref())
    }
}

/// The clauses after a whole query.
fn tail(
    f: &mut Formatter<'_>,
    order: Option<&Order>,
    limit: Option<&Clause>,
    offset: Option<&Clause>,
) -> fmt::Result {
    if let Some(order) = order {
        f.write_str(" ORDER BY ")?;
        order_terms(f, &order.terms)?;
    }
    match limit {
        Some(Clause { value, is_fetch: true, .. }) => write!(f, " FETCH FIRST {value} ROWS ONLY")?,
        limit => clause(f, "LIMIT", limit.map(|clause| &clause.value))?,
    }
    clause(f, "OFFSET", offset.map(|clause| &clause.value))
}

pub(super) fn order_terms(f: &mut Formatter<'_>, terms: &[OrderTerm]) -> fmt::Result {
    list(f, terms, |f, term| {
        let nulls = match term.nulls_first {
            None => "",
            Some(true) => " NULLS FIRST",
            Some(false) => " NULLS LAST",
        };
        write!(f, "{}{}{nulls}", term.value, if term.descending { " DESC" } else { "" })
    })
}

impl Display for QueryExpression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            QueryExpression::Select(query) => query.fmt(f),
            QueryExpression::Combined(combined) => {
                let Combined { operator, all, left, right, order, limit, offset, .. } = &**combined;
                operand(f, left, operator.precedence())?;
                write!(f, " {}{} ", operator.name(), if *all { " ALL" } else { "" })?;
                operand(f, right, operator.precedence() + 1)?;
                tail(f, order.as_ref(), limit.as_ref(), offset.as_ref())
            }
            QueryExpression::With(with) => {
                f.write_str("WITH ")?;
                list(f, &with.tables, |f, CommonTable { name, columns, query }| {
                    name.fmt(f)?;
                    if !columns.is_empty() {
                        f.write_str(" (")?;
                        list(f, columns, |f, column| column.fmt(f))?;
                        f.write_str(")")?;
                    }
                    write!(f, " AS ({query})")
                })?;
                write!(f, " {}", with.query)
            }
        }
    }
}

/// An operand of an operator between queries, in parentheses unless it binds at least as tight as `precedence` and has
/// no clauses that would belong to the whole.
fn operand(f: &mut Formatter<'_>, query: &QueryExpression, precedence: u8) -> fmt::Result {
    let is_bare = match query {
        QueryExpression::Select(query) => {
            query.order.is_none() && query.limit.is_none() && query.offset.is_none()
        }
        QueryExpression::Combined(combined) => {
            combined.operator.precedence() >= precedence
                && combined.order.is_none()
                && combined.limit.is_none()
                && combined.offset.is_none()
        }
        QueryExpression::With(_) => false,
    };
    if is_bare { query.fmt(f) } else { write!(f, "({query})") }
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
        for (at, FromTerm { join, source, condition, using, .. }) in self.terms.iter().enumerate() {
            let outer = |join: &str, f: &mut Formatter<'_>| {
                let cross = if condition.is_none() && using.is_none() { " CROSS" } else { "" };
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
            if let Some(using) = using {
                f.write_str(" USING (")?;
                list(f, &using.names, |f, name| name.fmt(f))?;
                f.write_str(")")?;
            }
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
            prefix(f, &as_of.value)?;
        }
        named(f, "AS", self.alias.as_ref())?;
        named(f, "AT", self.at.as_ref())?;
        named(f, "BY", self.by.as_ref())
    }
}

impl Display for Identifier {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        name(f, &self.name)
    }
}

fn insert(f: &mut Formatter<'_>, target: &SimplePath, insertion: &Insertion) -> fmt::Result {
    match insertion {
        Insertion::One { value, at } => {
            write!(f, "INSERT INTO {target} VALUE {value}")?;
            clause(f, "AT", at.as_ref())
        }
        Insertion::Rows { columns, rows, .. } => {
            write!(f, "INSERT INTO {target} (")?;
            list(f, columns, |f, column| column.fmt(f))?;
            f.write_str(") VALUES ")?;
            list(f, rows, |f, row| bracketed(f, "(", row, ")"))
        }
        Insertion::Query { columns, query, .. } => {
            write!(f, "INSERT INTO {target} (")?;
            list(f, columns, |f, column| column.fmt(f))?;
            write!(f, ") {query}")
        }
        Insertion::Each(values) => {
            let is_list_of_many = matches!(values, Expression::List(items) if items.len() != 1);
            let values = values.to_string();
            // `[1]` and `['a']` could be a step of the path.
            let could_be_step = !is_list_of_many
                && values.starts_with('[')
                && values[1..].starts_with(|next: char| next == '\'' || next.is_ascii_digit());
            let (open, close) = if could_be_step { ("(", ")") } else { ("", "") };
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
