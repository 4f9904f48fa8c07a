//! Queries as the model knows them, and their texts.

use std::fmt::Write;
use std::ops::Range;

use everstrand_ion::Value;

#[derive(Clone, Debug)]
pub(super) enum Expression {
    Literal(Value),
    /// A value that is sent as a parameter.
    Parameter(Value),
    Missing,
    /// A source's alias and a path below it.
    Path(usize, Vec<Step>),
    /// The document id of a source.
    Id(usize),
    /// A key of the group, by its number.
    GroupKey(usize),
    Compare(&'static str, Box<[Expression; 2]>),
    /// `(a, b) < (c, d)`
    CompareRows(&'static str, Box<[Vec<Expression>; 2]>),
    /// A path where a condition stands; its value may be no boolean.
    Bare(Box<Expression>),
    Add(Box<[Expression; 2]>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    In(Box<Expression>, Vec<Expression>),
    InParameter(Box<Expression>, Vec<Value>),
    /// `value IN (SELECT VALUE x.path FROM table AS x)`
    InTable(Box<Expression>, usize, Vec<Step>),
    /// `value operator ALL (SELECT VALUE x.path FROM table AS x)`, or ANY
    Quantified(Box<Expression>, &'static str, &'static str, (usize, Vec<Step>)),
    /// `IS [NOT] DISTINCT FROM`
    Distinct(Box<[Expression; 2]>, bool),
    /// `IS TRUE`, `IS NOT UNKNOWN` and the like
    IsTruth(Box<Expression>, Option<bool>, bool),
    Between(Box<[Expression; 3]>),
    IsNull(Box<Expression>, bool),
    IsMissing(Box<Expression>),
    Like(Box<Expression>, String),
    CountAll,
    Aggregate(&'static str, bool, Box<Expression>),
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Field(&'static str),
    Index(usize),
}

#[derive(Clone, Debug)]
pub(super) enum Over {
    Table(usize),
    Values(Expression),
}

#[derive(Clone, Debug)]
pub(super) enum Join {
    Comma,
    Inner(Expression),
    Left(Expression),
}

#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) over: Over,
    pub(super) join: Join,
}

#[derive(Clone, Debug)]
pub(super) struct OrderTerm {
    pub(super) value: Expression,
    pub(super) descending: bool,
    pub(super) nulls_first: Option<bool>,
    pub(super) written: Written,
}

/// How a term of ORDER BY that is the item of this number is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Written {
    Whole,
    Name(usize),
    Place(usize),
}

/// A query: sources are called `s0`, `s1` …, their ids `i0` …, the keys of groups `k0` …
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) distinct: bool,
    /// Whether it has a select list and not the struct that is the same.
    pub(super) is_list: bool,
    /// The fields of the result.
    pub(super) items: Vec<Expression>,
    pub(super) sources: Vec<Source>,
    pub(super) condition: Option<Expression>,
    pub(super) group: Option<Vec<Expression>>,
    /// The names of the items of a grouped select list over one source, whose fields are then written
    /// without it: `SELECT MAX(b) AS a … GROUP BY a`, where a name of GROUP BY is that of a field.
    pub(super) names: Option<Vec<&'static str>>,
    pub(super) having: Option<Expression>,
    /// What it orders by, which the result shows as its first field `o`.
    pub(super) order: Vec<OrderTerm>,
    pub(super) limit: Option<usize>,
    pub(super) offset: Option<usize>,
}

impl Query {
    /// Which of so many rows come out.
    pub(super) fn window(&self, rows: usize) -> Range<usize> {
        let start = self.offset.unwrap_or(0).min(rows);
        let end = self.limit.map_or(rows, |limit| (start + limit).min(rows));
        start..end
    }

    /// The statement that does something to the rows instead of selecting them.
    pub(super) fn print_change(&self, operation: &str) -> (String, Vec<Value>) {
        let mut printer = Printer { has_ids: true, ..Printer::default() };
        if operation == "DELETE" {
            printer.push("DELETE ");
        }
        printer.push("FROM ");
        printer.sources(&self.sources);
        if let Some(condition) = &self.condition {
            printer.push(" WHERE ");
            printer.expression(condition);
        }
        if operation != "DELETE" {
            printer.push(" ");
            printer.push(operation);
        }
        (printer.text, printer.parameters)
    }

    /// The text and the parameters.
    pub(super) fn print(&self) -> (String, Vec<Value>) {
        let mut printer = Printer::default();
        printer.query(self);
        (printer.text, printer.parameters)
    }

    /// A query of the first item alone, within a statement: as a bare value or as a field.
    pub(super) fn print_within(&self, before: &str, is_value: bool, after: &str) -> (String, Vec<Value>) {
        let mut printer = Printer::default();
        printer.push(before);
        printer.push(if is_value { "(SELECT VALUE " } else { "(SELECT " });
        printer.expression(&self.items[0]);
        printer.push(if is_value { "" } else { " AS v" });
        printer.clauses(&Query { is_list: false, ..self.clone() });
        printer.push(")");
        printer.push(after);
        (printer.text, printer.parameters)
    }
}

#[derive(Default)]
struct Printer {
    text: String,
    /// The keys of groups where fields are written without their source.
    plain: Option<Vec<Expression>>,
    parameters: Vec<Value>,
    /// Whether the query names an id.
    has_ids: bool,
}

impl Printer {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn query(&mut self, query: &Query) {
        self.plain = query.names.as_ref().and(query.group.clone());
        self.push(if query.distinct { "SELECT DISTINCT " } else { "SELECT " });
        self.push(if query.is_list { "" } else { "VALUE {" });
        if !query.order.is_empty() {
            self.push(if query.is_list { "{" } else { "'o': {" });
            for (number, term) in query.order.iter().enumerate() {
                let _ = write!(self.text, "{}'o{number}': ", if number > 0 { ", " } else { "" });
                self.expression(&term.value);
            }
            self.push(if query.is_list { "} AS o, " } else { "}, " });
        }
        for (number, item) in query.items.iter().enumerate() {
            self.push(if number > 0 { ", " } else { "" });
            if !query.is_list {
                let _ = write!(self.text, "'f{number}': ");
            }
            self.expression(item);
            if query.is_list {
                let _ = match &query.names {
                    Some(names) => write!(self.text, " AS {}", names[number]),
                    None => write!(self.text, " AS f{number}"),
                };
            }
        }
        self.push(if query.is_list { "" } else { "}" });
        self.clauses(query);
    }

    /// All that follows the select list.
    fn clauses(&mut self, query: &Query) {
        self.push(" FROM ");
        // Tables check conditions before they make a document of a row only if no id is wanted.
        self.has_ids = format!("{query:?}").contains("Id(");
        self.sources(&query.sources);
        if let Some(condition) = &query.condition {
            self.push(" WHERE ");
            self.expression(condition);
        }
        if let Some(keys) = &query.group {
            for (number, key) in keys.iter().enumerate() {
                self.push(if number == 0 { " GROUP BY " } else { ", " });
                self.expression(key);
                if self.plain.is_none() {
                    let _ = write!(self.text, " AS k{number}");
                }
            }
        }
        if let Some(having) = &query.having {
            self.push(" HAVING ");
            self.expression(having);
        }
        for (number, term) in query.order.iter().enumerate() {
            self.push(if number == 0 { " ORDER BY " } else { ", " });
            let _ = match term.written {
                Written::Name(item) if query.is_list => write!(self.text, "f{item}"),
                // The keys of order are the first item.
                Written::Place(item) if query.is_list => write!(self.text, "{}", item + 2),
                _ => {
                    self.expression(&term.value);
                    Ok(())
                }
            };
            self.push(if term.descending { " DESC" } else { "" });
            self.push(match term.nulls_first {
                None => "",
                Some(true) => " NULLS FIRST",
                Some(false) => " NULLS LAST",
            });
        }
        if let Some(limit) = query.limit {
            let _ = write!(self.text, " LIMIT {limit}");
        }
        if let Some(offset) = query.offset {
            let _ = write!(self.text, " OFFSET {offset}");
        }
    }

    fn sources(&mut self, sources: &[Source]) {
        for (number, source) in sources.iter().enumerate() {
            if number > 0 {
                self.push(match source.join {
                    Join::Comma => ", ",
                    Join::Inner(_) => " JOIN ",
                    Join::Left(_) => " LEFT JOIN ",
                });
            }
            match &source.over {
                Over::Table(table) => {
                    let _ = write!(self.text, "t{table} AS s{number}");
                    if self.has_ids {
                        let _ = write!(self.text, " BY i{number}");
                    }
                }
                Over::Values(values) => {
                    self.push("@");
                    self.expression(values);
                    let _ = write!(self.text, " AS s{number}");
                }
            }
            if let Join::Inner(condition) | Join::Left(condition) = &source.join {
                self.push(" ON ");
                self.expression(condition);
            }
        }
    }

    fn list(&mut self, items: &[Expression], between: &str) {
        self.push("(");
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                self.push(between);
            }
            self.expression(item);
        }
        self.push(")");
    }

    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            let _ = match step {
                Step::Field(name) => write!(self.text, ".{name}"),
                Step::Index(index) => write!(self.text, "[{index}]"),
            };
        }
    }

    fn expression(&mut self, expression: &Expression) {
        match expression {
            Expression::Literal(value) => {
                let _ = write!(self.text, "`{value}`");
            }
            Expression::Parameter(value) => {
                self.push("?");
                self.parameters.push(value.clone());
            }
            Expression::Missing => self.push("MISSING"),
            Expression::Path(_, steps) if self.plain.is_some() => {
                let start = self.text.len();
                self.steps(steps);
                self.text.remove(start);
            }
            Expression::Path(source, steps) => {
                let _ = write!(self.text, "s{source}");
                self.steps(steps);
            }
            Expression::Id(source) => {
                let _ = write!(self.text, "i{source}");
            }
            Expression::GroupKey(number) if self.plain.is_some() => {
                let key = self.plain.as_ref().map(|keys| keys[*number].clone());
                key.iter().for_each(|key| self.expression(key));
            }
            Expression::GroupKey(number) => {
                let _ = write!(self.text, "k{number}");
            }
            Expression::Compare(operator, operands) => self.list(&**operands, &format!(" {operator} ")),
            Expression::CompareRows(operator, rows) => {
                self.push("(");
                self.list(&rows[0], ", ");
                self.push(&format!(" {operator} "));
                self.list(&rows[1], ", ");
                self.push(")");
            }
            Expression::Bare(path) => self.expression(path),
            Expression::Add(operands) => self.list(&**operands, " + "),
            Expression::And(operands) => self.list(operands, " AND "),
            Expression::Or(operands) => self.list(operands, " OR "),
            Expression::Not(operand) => {
                self.push("(NOT ");
                self.expression(operand);
                self.push(")");
            }
            Expression::In(value, items) => {
                self.push("(");
                self.expression(value);
                self.push(" IN ");
                self.list(items, ", ");
                self.push(")");
            }
            Expression::InParameter(value, items) => {
                self.push("(");
                self.expression(value);
                self.push(" IN ?)");
                self.parameters.push(Value::from(items.clone()));
            }
            Expression::InTable(value, table, steps) => {
                self.push("(");
                self.expression(value);
                self.push(" IN (SELECT VALUE x");
                self.steps(steps);
                let _ = write!(self.text, " FROM t{table} AS x))");
            }
            Expression::Quantified(value, operator, quantifier, (table, steps)) => {
                self.push("(");
                self.expression(value);
                let _ = write!(self.text, " {operator} {quantifier} (SELECT VALUE x");
                self.steps(steps);
                let _ = write!(self.text, " FROM t{table} AS x))");
            }
            Expression::Distinct(operands, negated) => {
                self.push("(");
                self.expression(&operands[0]);
                self.push(if *negated { " IS NOT DISTINCT FROM " } else { " IS DISTINCT FROM " });
                self.expression(&operands[1]);
                self.push(")");
            }
            Expression::IsTruth(condition, truth, negated) => {
                let truth = truth.map_or("UNKNOWN", |truth| if truth { "TRUE" } else { "FALSE" });
                self.push("(");
                self.expression(condition);
                let _ = write!(self.text, " IS {}{truth})", if *negated { "NOT " } else { "" });
            }
            Expression::Between(operands) => {
                let [value, low, high] = &**operands;
                self.push("(");
                self.expression(value);
                self.push(" BETWEEN ");
                self.expression(low);
                self.push(" AND ");
                self.expression(high);
                self.push(")");
            }
            Expression::IsNull(value, negated) => {
                self.push("(");
                self.expression(value);
                self.push(if *negated { " IS NOT NULL)" } else { " IS NULL)" });
            }
            Expression::IsMissing(value) => {
                self.push("(");
                self.expression(value);
                self.push(" IS MISSING)");
            }
            Expression::Like(value, pattern) => {
                self.push("(");
                self.expression(value);
                let _ = write!(self.text, " LIKE '{pattern}')");
            }
            Expression::CountAll => self.push("COUNT(*)"),
            Expression::Aggregate(function, distinct, value) => {
                let _ = write!(self.text, "{function}({}", if *distinct { "DISTINCT " } else { "" });
                self.expression(value);
                self.push(")");
            }
        }
    }
}
