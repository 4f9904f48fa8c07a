//! What may differ, and how.

use std::fmt;

use everstrand_ion::{Value, text};

use super::case::Case;

/// What became of a statement.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Error(String),
    /// The value of an expression; nothing for MISSING.
    Value(Option<Value>),
    Rows(Vec<Value>),
}

impl Outcome {
    /// The field `v` of a struct.
    pub(crate) fn of_field(row: Option<&Value>) -> Outcome {
        Outcome::Value(row.and_then(|row| row.get("v")).cloned())
    }

    /// An answer of the reference.
    pub(crate) fn read(answer: &str, is_expression: bool) -> Outcome {
        if let Some(error) = answer.strip_prefix("error::") {
            return Outcome::Error(error.to_owned());
        }
        match text::read_one(answer) {
            Ok(value) if is_expression => Outcome::of_field(Some(&value)),
            Ok(value) => match value.as_sequence() {
                Some(rows) => Outcome::Rows(rows.to_vec()),
                None => Outcome::Rows(vec![value]),
            },
            Err(error) => Outcome::Error(format!("no Ion: {error}: {answer}")),
        }
    }

    /// One word for the list of known differences.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Outcome::Error(_) => "error",
            Outcome::Value(None) => "missing",
            Outcome::Value(Some(value)) if value.is_null() => "null",
            Outcome::Value(Some(value)) => match value.as_bool() {
                Some(true) => "true",
                Some(false) => "false",
                None => "value",
            },
            Outcome::Rows(_) => "rows",
        }
    }

    /// Whether both are errors, or the same to the last digit; rows in any order.
    pub(crate) fn agrees(&self, other: &Outcome) -> bool {
        match (self, other) {
            (Outcome::Error(_), Outcome::Error(_)) => true,
            (Outcome::Value(one), Outcome::Value(other)) => {
                one.as_ref().map(shape) == other.as_ref().map(shape)
            }
            (Outcome::Rows(one), Outcome::Rows(other)) => sorted(one) == sorted(other),
            _ => false,
        }
    }

    /// Whether both are numbers of the same size, written with other digits.
    fn is_same_number(&self, other: &Outcome) -> bool {
        let number = |outcome: &Outcome| match outcome {
            Outcome::Value(Some(value)) => value.to_string().replace('d', "e").parse::<f64>().ok(),
            _ => None,
        };
        matches!((number(self), number(other)), (Some(one), Some(other)) if one == other)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Error(error) => write!(f, "error: {error}"),
            Outcome::Value(None) => write!(f, "MISSING"),
            Outcome::Value(Some(value)) => write!(f, "{value}"),
            Outcome::Rows(rows) => {
                let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", rows.join(", "))
            }
        }
    }
}

/// A value as text; any null is the same, and annotations do not count, because expressions do not make them.
fn shape(value: &Value) -> String {
    match value.is_null() {
        true => "null".to_owned(),
        false => value.clone().with_annotations([]).to_string(),
    }
}

fn sorted(rows: &[Value]) -> Vec<String> {
    let mut rows: Vec<String> = rows.iter().map(inner).collect();
    rows.sort();
    rows
}

/// A row as text. Fields are in the order of their names, and the elements of nested bags in any order, since here
/// bags are lists when they are returned. A field that is NULL is left out, because `LEFT JOIN` and keys of groups
/// make NULL here and MISSING there.
fn inner(value: &Value) -> String {
    if value.is_null() {
        return "null".to_owned();
    }
    if let Some(fields) = value.as_struct() {
        let mut fields: Vec<String> = fields
            .iter()
            .filter(|(_, field)| !field.is_null())
            .map(|(name, field)| format!("{:?}:{}", name.text(), inner(field)))
            .collect();
        fields.sort();
        return format!("{{{}}}", fields.join(","));
    }
    match value.as_sequence() {
        Some(items) => format!("[{}]", sorted(items).join(",")),
        None => value.to_string(),
    }
}

/// The list of differences.
pub(crate) struct Known(Vec<Line>);

struct Line {
    version: &'static str,
    constructs: Vec<&'static str>,
    /// The kinds of each operand.
    kinds: Vec<Vec<&'static str>>,
    ours: Vec<&'static str>,
    reference: Vec<&'static str>,
    row: &'static str,
}

impl Known {
    /// Reads the list, and looks for each line's row in `docs/compatibility.md`.
    pub(crate) fn read() -> Known {
        let documented = include_str!("../../../../docs/compatibility.md");
        let lines = include_str!("known.txt").lines();
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let read = lines.map(|line| {
            let parts: Vec<&str> = line.split(" | ").map(str::trim).collect();
            let [version, constructs, kinds, ours, reference, row] = parts[..] else {
                panic!("known.txt: not six parts: {line}");
            };
            assert!(documented.contains(&format!("\n| {row}")), "docs/compatibility.md has no row '{row}'");
            let words = |text: &'static str| text.split_whitespace().collect::<Vec<_>>();
            let kinds = words(kinds).iter().map(|kinds| kinds.split('/').collect()).collect();
            Line {
                version,
                constructs: words(constructs),
                kinds,
                ours: words(ours),
                reference: words(reference),
                row,
            }
        });
        Known(read.collect())
    }

    /// The row of `docs/compatibility.md` that a difference belongs to.
    pub(crate) fn row(
        &self,
        version: &str,
        case: &Case,
        ours: &Outcome,
        reference: &Outcome,
    ) -> Option<&'static str> {
        let among = |words: &[&str], word: &str| words.contains(&"*") || words.contains(&word);
        let outcome = |words: &[&str], outcome: &Outcome| {
            among(words, outcome.kind())
                || (words.contains(&"value") && matches!(outcome.kind(), "true" | "false"))
                || (words.contains(&"digits") && ours.is_same_number(reference))
        };
        let line = self.0.iter().find(|line| {
            let construct = case.construct.split(' ').next().unwrap_or_default();
            among(&[line.version], version)
                && (among(&line.constructs, construct))
                && (line.kinds.iter().enumerate().all(|(place, kinds)| match case.kinds.get(place) {
                    Some(kind) => among(kinds, kind),
                    None => kinds.contains(&"*"),
                }))
                && outcome(&line.ours, ours)
                && outcome(&line.reference, reference)
        });
        line.map(|line| line.row)
    }
}
