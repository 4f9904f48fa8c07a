//! The format: records with empty lines between them.

use everstrand_ion::Value;
use md5::{Digest, Md5};

/// How the values of a result are put in order before they are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sorted {
    No,
    Rows,
    Values,
}

#[derive(Debug)]
pub(super) enum Record {
    Statement { line: usize, text: String, succeeds: bool },
    Query { line: usize, text: String, types: String, sorted: Sorted, expected: Expected },
}

/// The values of a result, or how many they are and their hash.
#[derive(Debug, PartialEq)]
pub(super) enum Expected {
    Values(Vec<String>),
    Hash(usize, String),
}

impl Expected {
    pub(super) fn is(&self, found: &[String]) -> bool {
        match self {
            Expected::Values(values) => values == found,
            Expected::Hash(count, hash) => {
                let lines: String = found.iter().map(|value| format!("{value}\n")).collect();
                let digest: String = Md5::digest(lines).iter().map(|byte| format!("{byte:02x}")).collect();
                *count == found.len() && *hash == digest
            }
        }
    }
}

impl Record {
    pub(super) fn line(&self) -> usize {
        match self {
            Record::Statement { line, .. } | Record::Query { line, .. } => *line,
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Record::Statement { text, .. } | Record::Query { text, .. } => text,
        }
    }
}

/// The records for SQLite: what is only for other engines, or not for SQLite, is left out.
pub(super) fn records(text: &str) -> Vec<Record> {
    let mut records = Vec::new();
    let lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches('\r')).collect();
    let mut at = 0;
    let mut is_skipped = false;
    while at < lines.len() {
        let words: Vec<&str> = lines[at].split_whitespace().collect();
        let line = at + 1;
        at += 1;
        match words[..] {
            ["skipif", engine, ..] => is_skipped |= engine == "sqlite",
            ["onlyif", engine, ..] => is_skipped |= engine != "sqlite",
            ["halt", ..] if !is_skipped => return records,
            ["statement", outcome, ..] => {
                let text = block(&lines, &mut at, |line| line.trim().is_empty());
                if !std::mem::take(&mut is_skipped) {
                    records.push(Record::Statement {
                        line,
                        text: text.join("\n"),
                        succeeds: outcome == "ok",
                    });
                }
            }
            ["query", types, ref rest @ ..] => {
                let text = block(&lines, &mut at, |line| line == "----" || line.trim().is_empty());
                let has_result = lines.get(at).is_some_and(|line| *line == "----");
                at += usize::from(has_result);
                let values = block(&lines, &mut at, |line| line.is_empty());
                let sorted = match rest.first() {
                    Some(&"rowsort") => Sorted::Rows,
                    Some(&"valuesort") => Sorted::Values,
                    _ => Sorted::No,
                };
                if !std::mem::take(&mut is_skipped) {
                    let (text, types) = (text.join("\n"), types.to_owned());
                    records.push(Record::Query { line, text, types, sorted, expected: expected(&values) });
                }
            }
            // Empty lines, comments, `hash-threshold`.
            _ => {}
        }
    }
    records
}

fn block<'t>(lines: &[&'t str], at: &mut usize, ends: impl Fn(&str) -> bool) -> Vec<&'t str> {
    let start = *at;
    while lines.get(*at).is_some_and(|line| !ends(line)) {
        *at += 1;
    }
    lines[start..*at].to_vec()
}

fn expected(values: &[&str]) -> Expected {
    if let [line] = values {
        let words: Vec<&str> = line.split(' ').collect();
        if let [count, "values", "hashing", "to", hash] = words[..] {
            return Expected::Hash(count.parse().expect("a number of values"), hash.to_owned());
        }
    }
    Expected::Values(values.iter().map(|value| (*value).to_owned()).collect())
}

/// The values of rows as the format writes them.
pub(super) fn shown(rows: &[Value], types: &str, sorted: Sorted) -> Vec<String> {
    let mut shown: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let fields: Vec<Value> = match row.as_struct() {
                Some(fields) => fields.iter().map(|(_, value)| value.clone()).collect(),
                None => vec![row.clone()],
            };
            types.chars().enumerate().map(|(place, kind)| value(fields.get(place), kind)).collect()
        })
        .collect();
    if sorted == Sorted::Rows {
        shown.sort();
    }
    let mut values = shown.concat();
    if sorted == Sorted::Values {
        values.sort();
    }
    values
}

fn value(value: Option<&Value>, kind: char) -> String {
    let Some(value) = value.filter(|value| !value.is_null()) else { return "NULL".into() };
    let number = match value.as_bool() {
        Some(value) => Some(f64::from(u8::from(value))),
        // A decimal's exponent is written with a `d` in Ion.
        None if value.as_text().is_none() => value.to_string().replace('d', "e").parse::<f64>().ok(),
        None => None,
    };
    match (kind, number, value.as_text()) {
        ('I', Some(number), _) => format!("{}", number.trunc() + 0.0),
        ('I', None, Some(_)) => "0".into(),
        // Adding zero takes the sign from a negative zero.
        ('R', Some(number), _) => format!("{:.3}", number + 0.0),
        (_, _, Some("")) => "(empty)".into(),
        (_, _, Some(text)) => {
            text.chars().map(|letter| if letter.is_ascii_control() { '@' } else { letter }).collect()
        }
        _ => value.to_string(),
    }
}

#[test]
fn a_file_is_read_as_it_is_written() {
    let text = "# a comment\nhash-threshold 8\n\nstatement ok\nCREATE TABLE t\n\nstatement error\nSELECT\n\n\
        skipif sqlite\nquery I\nSELECT 1\n----\n1\n\nonlyif sqlite\nquery IT rowsort label\nSELECT a,\n b FROM t\n----\n2\nx\n1\n(empty)\n\n\
        query I valuesort\nSELECT a FROM t\n----\n3 values hashing to 5bd9f2c0d3b4bd1c9b6d9bb9ab6b1d6b\n";
    let records = records(text);
    assert_eq!(records.len(), 4, "{records:#?}");
    assert!(matches!(&records[0], Record::Statement { line: 4, succeeds: true, .. }));
    assert!(matches!(&records[1], Record::Statement { succeeds: false, .. }));
    let Record::Query { text, types, sorted, expected, .. } = &records[2] else { panic!("{:?}", records[2]) };
    assert_eq!((text.as_str(), types.as_str(), *sorted), ("SELECT a,\n b FROM t", "IT", Sorted::Rows));
    assert!(expected.is(&["2", "x", "1", "(empty)"].map(String::from)));
    assert!(matches!(&records[3], Record::Query { expected: Expected::Hash(3, _), .. }));
    // As `printf '1\n2\n' | md5sum` has it.
    assert!(Expected::Hash(2, "6ddb4095eb719e2a9f0a3f95677d24e0".into()).is(&["1", "2"].map(String::from)));
}
