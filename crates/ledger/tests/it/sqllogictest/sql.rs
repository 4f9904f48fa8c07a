//! SQL's statements in this language: tables have no columns here, so INSERT without column names needs them.

use std::collections::BTreeMap;

/// The columns of the tables of a file.
#[derive(Default)]
pub(super) struct Columns(BTreeMap<String, Vec<String>>);

impl Columns {
    /// The statement as this language writes it; nothing where it has no counterpart.
    pub(super) fn translated(&mut self, statement: &str) -> Option<String> {
        let statement = statement.trim().trim_end_matches(';');
        let words: Vec<String> = statement.split_whitespace().take(3).map(str::to_ascii_uppercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["CREATE", "TABLE", ..] => {
                let (name, columns) = statement[12..].trim().split_once('(')?;
                let columns = parts(columns.trim_end().strip_suffix(')')?);
                let names =
                    columns.iter().map(|column| column.split_whitespace().next().unwrap_or("").to_owned());
                let is_column = |name: &String| {
                    !["PRIMARY", "UNIQUE", "CHECK", "FOREIGN", ""].contains(&name.to_uppercase().as_str())
                };
                self.0.insert(name.trim().to_owned(), names.filter(is_column).collect());
                Some(format!("CREATE TABLE {}", name.trim()))
            }
            ["CREATE", "INDEX", ..] | ["CREATE", "UNIQUE", "INDEX"] => {
                let (_, on) = statement.split_once(" ON ")?;
                let unique = if words[1] == "UNIQUE" { "UNIQUE " } else { "" };
                Some(format!(
                    "CREATE {unique}INDEX ON {}",
                    on.replace(" DESC", "").replace(" ASC", "").replacen('(', " (", 1)
                ))
            }
            ["INSERT", "INTO", ..] => {
                let rest = statement[11..].trim();
                let at = rest.to_ascii_uppercase().find("VALUES")?;
                let (target, values) = (rest[..at].trim(), rest[at + 6..].trim());
                let (table, names) = match target.split_once('(') {
                    Some((table, names)) => (table.trim(), parts(names.trim_end_matches(')'))),
                    None => (target, self.0.get(target)?.clone()),
                };
                let rows: Vec<String> = parts(values)
                    .iter()
                    .map(|row| {
                        let values = parts(row.trim().strip_prefix('(')?.strip_suffix(')')?);
                        let fields = names
                            .iter()
                            .zip(values)
                            .map(|(name, value)| format!("'{}': {value}", name.trim()));
                        Some(format!("{{{}}}", fields.collect::<Vec<_>>().join(", ")))
                    })
                    .collect::<Option<_>>()?;
                Some(format!("INSERT INTO {table} << {} >>", rows.join(", ")))
            }
            ["SELECT", ..] | ["WITH", ..] | ["DELETE", ..] | ["UPDATE", ..] => Some(statement.to_owned()),
            ["DROP", "TABLE", ..] => Some(statement.to_owned()),
            _ => None,
        }
    }
}

/// What stands between the commas that are in no parentheses and in no text.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut depth, mut is_text) = (vec![String::new()], 0, false);
    for letter in text.chars() {
        match letter {
            '\'' => is_text = !is_text,
            '(' if !is_text => depth += 1,
            ')' if !is_text => depth -= 1,
            ',' if !is_text && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("a part").push(letter);
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

#[test]
fn statements_are_translated() {
    let mut columns = Columns::default();
    for (sql, ours) in [
        ("CREATE TABLE t1(a INTEGER, b VARCHAR(30), PRIMARY KEY(a))", "CREATE TABLE t1"),
        ("INSERT INTO t1 VALUES(1,'it''s, (so)')", "INSERT INTO t1 << {'a': 1, 'b': 'it''s, (so)'} >>"),
        (
            "INSERT INTO t1(b,a) VALUES ('x', 2), ('y', -3);",
            "INSERT INTO t1 << {'b': 'x', 'a': 2}, {'b': 'y', 'a': -3} >>",
        ),
        ("CREATE UNIQUE INDEX i ON t1(a DESC, b)", "CREATE UNIQUE INDEX ON t1 (a, b)"),
        ("SELECT a FROM t1;", "SELECT a FROM t1"),
    ] {
        assert_eq!(columns.translated(sql).as_deref(), Some(ours));
    }
    assert_eq!(columns.translated("CREATE VIEW v AS SELECT 1"), None);
}
