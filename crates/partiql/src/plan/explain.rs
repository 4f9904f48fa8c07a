//! A plan as rows for EXPLAIN, one row for each node from the top down. Each row says what the transaction would
//! note in its read set, so that the author sees a scan before it causes conflicts.
//!
//! A row is `{depth, operation, detail?, reads?, rows?}`. `rows` is about how many rows the planner expects, where it
//! knows the sizes of the tables. Hints to the author come last. EXPLAIN ANALYZE adds what happened.

mod access;
mod measured;

use std::fmt;

use everstrand_ion::{Struct, Value};

use super::statement::paths_text;
use super::{
    Analyze, Expression, FullJoin, Group, Insertion, JoinKind, Kept, Node, Operation, Plan, Projection,
    ProjectionItem, QueryPlan, SortTerm, Statement, Target, TargetStep, Window, WindowKind, WindowOrder,
};
use crate::expression::AggregateFunction;
use crate::meters::{Meters, Operator};
use crate::tables::OnConflict;
use measured::Measured;
pub(crate) use measured::Whole;

/// The rows of EXPLAIN: how a statement would run.
pub(crate) fn explain(statement: &Statement, hints: &[String]) -> Vec<Value> {
    values(rows(statement, None), hints)
}

/// The rows of EXPLAIN ANALYZE: how a statement ran.
pub(crate) fn analyzed(analyze: &Analyze, meters: &Meters, whole: &Whole) -> Vec<Value> {
    let mut rows = rows(&analyze.statement, Some(meters));
    rows.push(Row { measured: Some(whole.measured()), ..Row::new(0, "Statement") });
    values(rows, &analyze.hints)
}

fn values(rows: Vec<Row>, hints: &[String]) -> Vec<Value> {
    let hints = hints.iter().map(|hint| Row { detail: hint.clone(), ..Row::new(0, "Hint") });
    let rows = rows.into_iter().chain(hints).map(|row| {
        let mut fields = Struct::default();
        fields.push("depth", i64::try_from(row.depth).unwrap_or(i64::MAX));
        fields.push("operation", row.operation);
        for (name, text) in [("detail", row.detail), ("reads", row.reads)] {
            if !text.is_empty() {
                fields.push(name, text);
            }
        }
        if let Some(estimate) = row.estimate {
            fields.push("rows", i64::try_from(estimate).unwrap_or(i64::MAX));
        }
        if let Some(measured) = row.measured {
            measured.write(&mut fields);
        }
        Value::from(fields)
    });
    rows.collect()
}

impl fmt::Display for Plan {
    /// The rows of EXPLAIN, one to a line, indented by their depth.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Row { depth, operation, detail, reads, estimate, .. } in rows(&self.statement, None) {
            write!(f, "{:width$}{operation}", "", width = 2 * depth)?;
            if !detail.is_empty() {
                write!(f, ": {detail}")?;
            }
            if !reads.is_empty() {
                write!(f, " [reads {reads}]")?;
            }
            if let Some(estimate) = estimate {
                write!(f, " [about {estimate} rows]")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

struct Row {
    depth: usize,
    operation: String,
    detail: String,
    reads: String,
    estimate: Option<u64>,
    measured: Option<Measured>,
}

impl Row {
    fn new(depth: usize, operation: impl Into<String>) -> Row {
        let (detail, reads) = (String::new(), String::new());
        Row { depth, operation: operation.into(), detail, reads, estimate: None, measured: None }
    }
}

fn rows(statement: &Statement, meters: Option<&Meters>) -> Vec<Row> {
    let mut explainer = Explainer { meters, rows: Vec::new(), shown: Vec::new() };
    explainer.statement(statement);
    explainer.rows
}

/// The rows so far.
struct Explainer<'m> {
    /// What happened, if the statement was run.
    meters: Option<&'m Meters>,
    rows: Vec<Row>,
    /// The addresses of the queries with names that have been shown.
    shown: Vec<usize>,
}

impl Explainer<'_> {
    fn row(&mut self, depth: usize, operation: impl Into<String>, detail: impl Into<String>) {
        self.rows.push(Row { detail: detail.into(), ..Row::new(depth, operation) });
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Query(query) => self.query(query, 0),
            Statement::Expression(value) => self.row_of(0, "Value", &[value], ""),
            Statement::Insert(insert) => {
                let conflict = match insert.on_conflict {
                    OnConflict::Refuse => "",
                    OnConflict::DoNothing => " ON CONFLICT DO NOTHING",
                    OnConflict::DoReplace => " ON CONFLICT DO REPLACE",
                };
                let (Insertion::One(value) | Insertion::Each(value)) = &insert.insertion;
                self.row(0, "Insert", format!("{}{conflict}", insert.name));
                self.row_of(1, "Values", &[value], "");
            }
            Statement::Modify(modify) => {
                self.operation(&modify.operation);
                self.rows[0].measured = self.taken_in(&[Operator::from(&modify.input)]);
                self.node(&modify.input, 1);
            }
            Statement::CreateTable { .. }
            | Statement::CreateIndex(_)
            | Statement::DropIndex { .. }
            | Statement::DropTable { .. }
            | Statement::UndropTable { .. } => {
                let (operation, detail) = statement.definition();
                self.row(0, operation, detail);
            }
            Statement::Exec { procedure, arguments } => {
                let arguments: Vec<&Expression> = arguments.iter().collect();
                self.row_of(0, &format!("Execute {procedure}"), &arguments, ", ");
            }
            Statement::Explain(_) => self.row(0, "Explain", ""),
            Statement::Analyze(analyze) => self.statement(&analyze.statement),
        }
    }

    fn operation(&mut self, operation: &Operation) {
        match operation {
            Operation::Set(assignments) => {
                let targets: Vec<String> = assignments.iter().map(|(target, _)| target.to_string()).collect();
                self.row(0, "Set", targets.join(", "));
            }
            Operation::Insert { target, .. } | Operation::InsertEach { target, .. } => {
                self.row(0, "Insert into", target.to_string());
            }
            Operation::Remove(target) => self.row(0, "Remove", target.to_string()),
            Operation::Delete => self.row(0, "Delete", ""),
        }
    }

    fn query(&mut self, query: &QueryPlan, mut depth: usize) {
        let first = self.rows.len();
        for (operation, value) in [("Limit", &query.limit), ("Offset", &query.offset)] {
            if let Some(value) = value {
                self.row_of(depth, operation, &[value], "");
                depth += 1;
            }
        }
        if query.distinct {
            self.row(depth, "Distinct", "");
            depth += 1;
        }
        match &query.projection {
            Projection::Value(value) => self.row_of(depth, "Project value", &[value], ""),
            Projection::Items(items) => {
                let at = self.rows.len();
                self.row(depth, "Project", "");
                let mut texts = Vec::new();
                for item in items {
                    texts.push(match item {
                        ProjectionItem::Field { name, value } => named(self.text(value, depth + 1), name),
                        ProjectionItem::All(value) => format!("{}.*", self.text(value, depth + 1)),
                        ProjectionItem::AllBut(value, names) => {
                            format!("{}.* without {}", self.text(value, depth + 1), names.join(", "))
                        }
                    });
                }
                self.rows[at].detail = texts.join(", ");
            }
            Projection::Row(values) => {
                let values: Vec<&Expression> = values.iter().collect();
                self.row_of(depth, "Project", &values, ", ");
            }
        }
        self.rows[first].measured = self.measured(query.into(), &[Operator::from(&query.input)]);
        self.node(&query.input, depth + 1);
    }

    fn node(&mut self, node: &Node, depth: usize) {
        let first = self.rows.len();
        self.node_rows(node, depth);
        self.rows[first].measured = self.measured(node.into(), &measured::inputs(node));
    }

    fn node_rows(&mut self, node: &Node, depth: usize) {
        match node {
            Node::One => self.row(depth, "One row", ""),
            Node::Scan(scan) => self.scan(scan, depth),
            Node::FullJoin(join) => self.full_join(join, depth),
            Node::Combine(combine) => {
                let all = if combine.all { " all" } else { "" };
                self.row(depth, format!("{:?}{all}", combine.operator), "");
                self.query(&combine.left, depth + 1);
                self.query(&combine.right, depth + 1);
            }
            Node::Iterate { value, unpivot, .. } => {
                self.row_of(depth, if *unpivot { "Unpivot" } else { "Iterate" }, &[value], "");
            }
            Node::Join { left, right, kind, condition, estimate, .. } => {
                let conditions: Vec<&Expression> = condition.iter().collect();
                let at = self.rows.len();
                self.row_of(depth, join_text("nested loop", *kind), &conditions, "");
                self.rows[at].estimate = *estimate;
                self.node(left, depth + 1);
                self.node(right, depth + 1);
            }
            Node::HashJoin(join) => {
                let at = self.rows.len();
                let equalities = join.keys.equalities();
                self.keyed_join(join_text("hash", join.kind), &equalities, join.condition.as_ref(), depth);
                self.rows[at].estimate = join.estimate;
                self.node(&join.left, depth + 1);
                self.node(&join.right, depth + 1);
                self.without_table(join.otherwise.as_ref(), depth + 1);
            }
            Node::HashLookup(lookup) => {
                let at = self.rows.len();
                self.keyed_join("Hash lookup", &lookup.keys.equalities(), None, depth);
                self.rows[at].estimate = lookup.estimate;
                self.node(&lookup.input, depth + 1);
                self.without_table(Some(&lookup.otherwise), depth + 1);
            }
            Node::Window(window) => {
                self.window(window, depth);
                self.node(&window.input, depth + 1);
            }
            Node::Filter { input, condition } => {
                self.row_of(depth, "Filter", &[condition], "");
                self.node(input, depth + 1);
            }
            Node::Group(group) => self.group(group, depth),
            Node::Sort { input, terms, presorted } => {
                let at = self.rows.len();
                self.row(depth, if *presorted > 0 { "Sort within runs" } else { "Sort" }, "");
                let (first, others) = terms.split_at(*presorted);
                let mut detail = self.order(others, depth + 1);
                if !first.is_empty() {
                    detail = format!("{detail} within {}", self.order(first, depth + 1));
                }
                self.rows[at].detail = detail;
                self.node(input, depth + 1);
            }
        }
    }

    fn group(&mut self, group: &Group, depth: usize) {
        let Group { input, keys, aggregates, kept, .. } = group;
        let at = self.rows.len();
        let are_ends = kept.iter().all(|kept| matches!(kept, Kept::End(_)));
        let operation = match (kept.is_empty(), keys.is_empty()) {
            (false, _) if are_ends => "Index ends",
            (false, _) => "Count keys",
            (true, true) => "Aggregate",
            (true, false) => "Group",
        };
        self.row(depth, operation, "");
        let mut texts = Vec::new();
        for key in keys {
            texts.push(named(self.text(&key.value, depth + 1), &key.name));
        }
        for aggregate in aggregates {
            let distinct = if aggregate.distinct { "DISTINCT " } else { "" };
            let argument = match &aggregate.argument {
                Some(argument) => self.text(argument, depth + 1),
                None => "*".to_owned(),
            };
            let mut call = format!("{}({distinct}{argument})", aggregate.function);
            if let Some(filter) = &aggregate.filter {
                call = format!("{call} FILTER (WHERE {})", self.text(filter, depth + 1));
            }
            texts.push(named(call, &aggregate.name));
        }
        self.rows[at].detail = texts.join(", ");
        self.kept(kept, input, depth + 1);
        if kept.is_empty() || kept.contains(&Kept::Rows) {
            self.node(input, depth + 1);
        }
    }

    fn order(&mut self, terms: &[SortTerm], depth: usize) -> String {
        let mut texts = Vec::new();
        for term in terms {
            let direction = if term.descending { " DESC" } else { "" };
            let nulls = if term.nulls_first { " NULLS FIRST" } else { " NULLS LAST" };
            texts.push(format!("{}{direction}{nulls}", self.text(&term.value, depth)));
        }
        texts.join(", ")
    }

    /// A row for the functions of each order.
    fn window(&mut self, window: &Window, depth: usize) {
        for WindowOrder { partition, order, functions } in &window.orders {
            let at = self.rows.len();
            self.row(depth, "Window", "");
            let mut texts = Vec::new();
            for function in functions {
                let arguments: Vec<String> =
                    function.arguments.iter().map(|argument| self.text(argument, depth + 1)).collect();
                let is_count = function.kind == WindowKind::Aggregate(AggregateFunction::Count);
                let arguments =
                    if is_count && arguments.is_empty() { "*".to_owned() } else { arguments.join(", ") };
                let filter = match &function.filter {
                    Some(filter) => format!(" FILTER (WHERE {})", self.text(filter, depth + 1)),
                    None => String::new(),
                };
                let frame = match function.kind.has_frame() {
                    true => format!(" {}", function.frame),
                    false => String::new(),
                };
                texts.push(format!(
                    "{}({arguments}){filter}{frame} AS {}",
                    function.kind.name(),
                    function.name
                ));
            }
            let mut detail = texts.join(", ");
            if !partition.is_empty() {
                let keys: Vec<String> = partition.iter().map(|key| self.text(key, depth + 1)).collect();
                detail = format!("{detail} PARTITION BY {}", keys.join(", "));
            }
            if !order.is_empty() {
                let order = self.order(order, depth + 1);
                detail = format!("{detail} ORDER BY {order}");
            }
            self.rows[at].detail = detail;
        }
    }

    fn full_join(&mut self, join: &FullJoin, depth: usize) {
        let operation = if join.keys.is_empty() { "Full nested loop join" } else { "Full hash join" };
        self.keyed_join(operation, &join.keys, join.condition.as_ref(), depth);
        self.node(&join.left, depth + 1);
        self.node(&join.right, depth + 1);
    }

    /// A row for a join, without its inputs.
    fn keyed_join(
        &mut self,
        operation: &str,
        keys: &[(Expression, Expression)],
        condition: Option<&Expression>,
        depth: usize,
    ) {
        let at = self.rows.len();
        self.row(depth, operation, "");
        let mut texts = Vec::new();
        for (left, right) in keys {
            texts.push(format!("{} = {}", self.text(left, depth + 1), self.text(right, depth + 1)));
        }
        if let Some(condition) = condition {
            texts.push(self.text(condition, depth + 1));
        }
        self.rows[at].detail = texts.join(" AND ");
    }

    /// Adds a row whose detail is these expressions.
    fn row_of(&mut self, depth: usize, operation: &str, values: &[&Expression], separator: &str) {
        let at = self.rows.len();
        self.row(depth, operation, "");
        let texts: Vec<String> = values.iter().map(|value| self.text(value, depth + 1)).collect();
        self.rows[at].detail = texts.join(separator);
    }

    /// An expression as text. The queries in it, which the text leaves out, get rows of their own.
    fn text(&mut self, expression: &Expression, depth: usize) -> String {
        self.nested(expression, depth);
        expression.to_string()
    }

    fn nested(&mut self, expression: &Expression, depth: usize) {
        if let Expression::Query(nested) = expression {
            // A query may stand in the plan many times: one that WITH names, and one that an access looks up and a
            // condition checks. It is shown the first time.
            let address = std::ptr::from_ref(&*nested.plan).addr();
            let is_shown = self.shown.contains(&address);
            let often = match (is_shown, nested.plan.correlated) {
                (true, _) => "as above",
                (false, true) => "for each row",
                (false, false) => "once",
            };
            let detail = match &nested.name {
                Some(name) => format!("{name} {often}"),
                None => often.to_owned(),
            };
            self.row(depth, "Query", detail);
            if !is_shown {
                self.shown.push(address);
                self.query(&nested.plan, depth + 1);
            }
            return;
        }
        expression.for_each_child(&mut |child| self.nested(child, depth));
    }
}

/// `text AS name`, or the text alone where it is the name.
fn named(text: String, name: &str) -> String {
    if text == name { text } else { format!("{text} AS {name}") }
}

fn join_text(how: &str, kind: JoinKind) -> &'static str {
    match (how, kind) {
        ("hash", JoinKind::Inner) => "Hash join",
        ("hash", JoinKind::Left) => "Left hash join",
        (_, JoinKind::Inner) => "Nested loop join",
        (_, JoinKind::Left) => "Left nested loop join",
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("document")?;
        for step in &self.steps {
            match step {
                TargetStep::Field(name) => write!(f, ".{name}")?,
                TargetStep::Index(index) => write!(f, "[{index}]")?,
                TargetStep::Place(_) => f.write_str("[place]")?,
            }
        }
        Ok(())
    }
}
