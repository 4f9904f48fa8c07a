//! The cases of one file, and what it means to pass one.

use std::fmt::Write;
use std::path::Path;

use everstrand_ion::{Data, Document, Struct, Value, text};
use everstrand_partiql::ast::{Expression, Projection, QueryExpression, Statement};
use everstrand_partiql::{Options, compare, execute, parse, plan};

use crate::memory::MemoryTables;

/// One statement, or several that mean the same, and what is expected of each.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) statements: Vec<String>,
    environment: Vec<(String, Value)>,
    expected: Expected,
}

enum Expected {
    Parses,
    DoesNotParse,
    DoesNotPlan,
    Fails,
    Yields(Value),
}

/// Said of results that differ only in the numbers by which items without a name are called.
const BUT_FOR_NUMBERS: &str = ", which is the same but for the numbers of items without a name";

pub(crate) enum Outcome {
    Passed,
    Failed(String),
}

/// All cases of a file that say something about the mode that coerces.
pub(crate) fn read(path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).expect("a readable file");
    let values = text::read_all(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = Reader::default();
    reader.values(&values);
    reader.cases
}

#[derive(Default)]
struct Reader {
    environment: Vec<(String, Value)>,
    /// Names of classes and the statements in them.
    classes: Vec<(String, Vec<String>)>,
    cases: Vec<Case>,
}

impl Reader {
    fn values(&mut self, values: &[Value]) {
        for value in values {
            match &value.data {
                Data::List(items) => self.values(items),
                Data::Struct(fields) => match annotation(value) {
                    Some("envs") => self.environment = bindings(fields),
                    Some("equiv_class") => {
                        let statements =
                            fields.get("statements").and_then(Value::as_sequence).unwrap_or_default();
                        let statements = statements.iter().filter_map(Value::as_text).map(str::to_owned);
                        let id = fields.get("id").and_then(Value::as_text).unwrap_or_default();
                        self.classes.push((id.to_owned(), statements.collect()));
                    }
                    _ => self.case(fields),
                },
                _ => {}
            }
        }
    }

    fn case(&mut self, fields: &Struct) {
        let text = |name: &str| fields.get(name).and_then(Value::as_text);
        let (Some(name), Some(statement)) = (text("name"), fields.get("statement")) else { return };
        let statement_text = statement.as_text().unwrap_or_default();
        let statements = match &statement.data {
            Data::Symbol(_) => {
                let class = self.classes.iter().find(|(id, _)| id == statement_text);
                class.map(|(_, statements)| statements.clone()).unwrap_or_default()
            }
            _ => vec![statement_text.to_owned()],
        };
        let mut environment = self.environment.clone();
        if let Some(own) = fields.get("env").and_then(Value::as_struct) {
            let own = bindings(own);
            environment.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
            environment.extend(own);
        }
        let asserts = match fields.get("assert") {
            Some(Value { data: Data::List(asserts), .. }) => asserts.as_slice(),
            Some(assert) => std::slice::from_ref(assert),
            None => return,
        };
        for assert in asserts {
            if !is_coercing(assert) {
                continue;
            }
            let expected = match assert.get("result").and_then(Value::as_text) {
                Some("SyntaxSuccess") => Expected::Parses,
                Some("SyntaxFail") => Expected::DoesNotParse,
                Some("StaticAnalysisFail") => Expected::DoesNotPlan,
                Some("EvaluationFail") => Expected::Fails,
                Some("EvaluationSuccess") => {
                    Expected::Yields(assert.get("output").cloned().unwrap_or_else(Value::null))
                }
                other => panic!("{name}: unknown result {other:?}"),
            };
            let (name, statements) = (name.to_owned(), statements.clone());
            self.cases.push(Case { name, statements, environment: environment.clone(), expected });
        }
    }
}

fn bindings(fields: &Struct) -> Vec<(String, Value)> {
    fields.iter().filter_map(|(name, value)| Some((name.text()?.to_owned(), value.clone()))).collect()
}

fn annotation(value: &Value) -> Option<&str> {
    value.annotations().first().and_then(|annotation| annotation.text())
}

/// Whether an assertion is about the mode that coerces; one without modes is about both.
fn is_coercing(assert: &Value) -> bool {
    match assert.get("evalMode") {
        None => true,
        Some(Value { data: Data::List(modes), .. }) => {
            modes.iter().any(|mode| mode.as_text() == Some("EvalModeCoerce"))
        }
        Some(mode) => mode.as_text() == Some("EvalModeCoerce"),
    }
}

impl Case {
    /// Runs all statements; the first that is not as expected fails the case.
    pub(crate) fn run(&self) -> Outcome {
        for statement in &self.statements {
            if let Err(why) = self.check(statement) {
                return Outcome::Failed(why);
            }
        }
        Outcome::Passed
    }

    fn check(&self, statement: &str) -> Result<(), String> {
        let parsed = parse(statement);
        match (&self.expected, parsed) {
            (Expected::Parses, Ok(_)) => Ok(()),
            (Expected::DoesNotParse | Expected::DoesNotPlan | Expected::Fails, Err(_)) => Ok(()),
            (_, Err(error)) => Err(error.to_string()),
            (Expected::DoesNotParse, Ok(statement)) => Err(format!("parsed as {statement}")),
            (expected, Ok(parsed)) => {
                let mut tables = MemoryTables::default();
                let options = Options { lenient_names: true, ..Options::default() };
                let (whole, parameters) = self.query(statement, &parsed);
                let parsed = parse(&whole).map_err(|error| format!("{whole}: {error}"))?;
                let plan = match (expected, plan(&parsed, &parameters, &mut tables, &options)) {
                    (Expected::DoesNotPlan | Expected::Fails, Err(_)) => return Ok(()),
                    (Expected::DoesNotPlan, Ok(plan)) => return Err(format!("planned as\n{plan}")),
                    (_, plan) => plan.map_err(|error| error.to_string())?,
                };
                let result =
                    execute(plan, parameters.into(), &mut tables).and_then(|mut rows| rows.next(&mut tables));
                match (expected, result) {
                    (Expected::Fails, Err(_)) => Ok(()),
                    (Expected::Fails, Ok(row)) => {
                        Err(format!("yielded {}", shown(row.as_ref().map(|row| row.to_value()))))
                    }
                    (_, Err(error)) => Err(error.to_string()),
                    (Expected::Yields(expected), Ok(row)) => {
                        let row = row.map(|row| row.to_value());
                        let value = row.as_ref().and_then(|row| row.get("result"));
                        if matches(Some(expected), value) {
                            Ok(())
                        } else {
                            let renamed =
                                matches(Some(&unnumbered(expected)), value.map(unnumbered).as_ref());
                            let but = if renamed { BUT_FOR_NUMBERS } else { "" };
                            Err(format!("expected {expected}, yielded {}{but}", shown(value.cloned())))
                        }
                    }
                    _ => unreachable!("the other expectations are settled above"),
                }
            }
        }
    }

    /// A query of one row that binds the environment around the statement, and its parameters. There
    /// are always two sources, so that no unknown name is taken for a field of one. A statement that is a
    /// query has all its rows for a result, where one within an expression would stand for a value.
    fn query(&self, statement: &str, parsed: &Statement) -> (String, Vec<Document>) {
        let statement = statement.trim().trim_end_matches(';');
        let rows = match parsed {
            Statement::Query(Expression::Query(query)) if !is_pivot(query) => "[*]",
            _ => "",
        };
        let mut query = format!(
            "SELECT VALUE {{'result': (\n{statement}\n){rows}}} FROM <<0>> AS \"$1\", <<0>> AS \"$2\""
        );
        let mut parameters = Vec::new();
        for (name, value) in &self.environment {
            if statement.contains(name.as_str()) {
                let value = expression(value, &mut parameters);
                let _ = write!(query, ", [{value}] AS \"{}\"", name.replace('"', "\"\""));
            }
        }
        (query, parameters)
    }
}

/// Whether a query makes one struct of all rows.
fn is_pivot(query: &QueryExpression) -> bool {
    match query {
        QueryExpression::Select(query) => matches!(query.projection, Projection::Pivot { .. }),
        QueryExpression::Combined(_) => false,
        QueryExpression::With(with) => is_pivot(&with.query),
    }
}

fn shown(value: Option<Value>) -> String {
    value.map_or_else(|| "MISSING".to_owned(), |value| value.to_string())
}

/// A value of the suite as an expression. What is plain Ion becomes a parameter.
fn expression(value: &Value, parameters: &mut Vec<Document>) -> String {
    let is_bag = annotation(value) == Some("$bag");
    let plain = if is_bag { Value::new(value.data.clone()) } else { value.clone() };
    if is_plain(&plain) {
        parameters.push(Document::from(&plain));
        return if is_bag { "(SELECT VALUE x FROM ? AS x)".to_owned() } else { "?".to_owned() };
    }
    match &value.data {
        _ if annotation(value) == Some("$missing") => "MISSING".to_owned(),
        Data::List(items) => {
            let items: Vec<String> = items.iter().map(|item| expression(item, parameters)).collect();
            let (open, close) = if is_bag { ("<<", ">>") } else { ("[", "]") };
            format!("{open}{}{close}", items.join(", "))
        }
        Data::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| {
                    let name = name.text().unwrap_or_default().replace('\'', "''");
                    format!("'{name}': {}", expression(value, parameters))
                })
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        _ => format!("`{value}`"),
    }
}

/// Whether a value holds nothing that only the suite knows.
fn is_plain(value: &Value) -> bool {
    let is_own = annotation(value).is_some_and(|annotation| annotation.starts_with('$'));
    !is_own
        && match &value.data {
            Data::List(items) | Data::Sexp(items) => items.iter().all(is_plain),
            Data::Struct(fields) => fields.iter().all(|(_, value)| is_plain(value)),
            _ => true,
        }
}

/// A value with all fields called `_N` called the same.
fn unnumbered(value: &Value) -> Value {
    let is_numbered = |name: &str| {
        name.strip_prefix('_').is_some_and(|number| number.bytes().all(|digit| digit.is_ascii_digit()))
    };
    let data = match &value.data {
        Data::List(items) => Data::List(items.iter().map(unnumbered).collect()),
        Data::Struct(fields) => Data::Struct(
            fields
                .iter()
                .map(|(name, value)| match name.text() {
                    Some(text) if is_numbered(text) => ("_".into(), unnumbered(value)),
                    _ => (name.clone(), unnumbered(value)),
                })
                .collect(),
        ),
        other => other.clone(),
    };
    let annotations = value.annotations().to_vec();
    Value::new(data).with_annotations(annotations)
}

/// Whether a result is as expected: numbers and text by value, bags in any order.
fn matches(expected: Option<&Value>, actual: Option<&Value>) -> bool {
    let (expected, actual) = match (expected, actual) {
        (Some(expected), actual) if annotation(expected) == Some("$missing") => return actual.is_none(),
        (Some(expected), Some(actual)) => (expected, actual),
        (expected, actual) => return expected.is_none() && actual.is_none(),
    };
    match (&expected.data, &actual.data) {
        (Data::Null(_), Data::Null(_)) => true,
        // MISSING cannot be an element of what is returned.
        (Data::List(items), Data::List(actual)) => {
            let items: Vec<&Value> =
                items.iter().filter(|item| annotation(item) != Some("$missing")).collect();
            let actual: Vec<&Value> = actual.iter().collect();
            if annotation(expected) == Some("$bag") {
                return same_in_any_order(&items, &actual, |left, right| matches(Some(left), Some(right)));
            }
            items.len() == actual.len()
                && items.iter().zip(actual).all(|(left, right)| matches(Some(left), Some(right)))
        }
        (Data::Sexp(expected), Data::Sexp(actual)) => {
            expected.len() == actual.len()
                && expected.iter().zip(actual).all(|(left, right)| matches(Some(left), Some(right)))
        }
        (Data::Struct(expected), Data::Struct(actual)) => {
            let expected: Vec<_> =
                expected.iter().filter(|(_, value)| annotation(value) != Some("$missing")).collect();
            let actual: Vec<_> = actual.iter().collect();
            same_in_any_order(&expected, &actual, |left, right| {
                left.0 == right.0 && matches(Some(&left.1), Some(&right.1))
            })
        }
        _ => compare::equal(expected, actual) == Some(true),
    }
}

fn same_in_any_order<T>(expected: &[T], actual: &[T], is_same: impl Fn(&T, &T) -> bool) -> bool {
    let mut left: Vec<&T> = actual.iter().collect();
    expected.len() == actual.len()
        && expected.iter().all(|item| match left.iter().position(|other| is_same(item, other)) {
            Some(at) => {
                left.swap_remove(at);
                true
            }
            None => false,
        })
}
