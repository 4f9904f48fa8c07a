//! How rows are printed.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::str::FromStr;

use everstrand_ion::{Data, Value, text};
use everstrand_journal::json::to_json;
use unicode_width::UnicodeWidthStr as _;

/// The form of printed rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Aligned columns; one field a line where the columns do not fit the terminal.
    Table,
    /// Ion text, one row a line.
    Ion,
    /// JSON, one row a line.
    Json,
    /// Comma-separated values with a head line.
    Csv,
    /// One field a line.
    Expanded,
}

/// The names of the forms.
pub(super) const FORMS: [&str; 5] = ["table", "ion", "json", "csv", "expanded"];

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        match text {
            "table" => Ok(Format::Table),
            "ion" => Ok(Format::Ion),
            "json" => Ok(Format::Json),
            "csv" => Ok(Format::Csv),
            "expanded" => Ok(Format::Expanded),
            _ => Err(format!("{text:?} is no form of rows; they are table, ion, json, csv and expanded")),
        }
    }
}

/// Tells the columns and lines of the terminal.
pub(super) type TerminalSize = fn() -> Option<(usize, usize)>;

/// Where rows go, and in which form.
pub(super) struct Output {
    pub(super) format: Format,
    file: Option<File>,
    /// The size of the terminal, in columns and lines; `None` where the rows go elsewhere.
    terminal: Option<TerminalSize>,
    /// Rows of the present result that are not printed yet.
    rows: Vec<Value>,
}

impl Output {
    /// Rows on standard output. On a terminal they fit its width, and long results go through a pager.
    pub(super) fn new(format: Format, terminal: Option<TerminalSize>) -> Output {
        Output { format, file: None, terminal, rows: Vec::new() }
    }

    /// Prints into a file from now on, or on standard output again.
    pub(super) fn redirect(&mut self, file: Option<&str>) -> io::Result<()> {
        self.file = file.map(File::create).transpose()?;
        Ok(())
    }

    /// Whether what is printed is for programs, so that nothing but rows may stand there.
    pub(super) fn is_for_programs(&self) -> bool {
        matches!(self.format, Format::Json | Format::Csv)
    }

    /// Takes the rows of a page. Forms whose lines need no other row are printed at once, unless a pager may be wanted.
    pub(super) fn page(&mut self, rows: impl IntoIterator<Item = Value>) -> io::Result<()> {
        self.rows.extend(rows);
        let streams = matches!(self.format, Format::Ion | Format::Json);
        if streams && (self.terminal.is_none() || self.file.is_some()) {
            return self.end();
        }
        Ok(())
    }

    /// Prints the rows that were not printed yet.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let size = self.terminal.filter(|_| self.file.is_none()).and_then(|size| size());
        let printed = render(self.format, &rows, size.map(|(columns, _)| columns));
        match (&mut self.file, size) {
            (Some(file), _) => file.write_all(printed.as_bytes()),
            (None, Some((_, lines))) if printed.lines().count() >= lines && pages(&printed) => Ok(()),
            (None, _) => io::stdout().lock().write_all(printed.as_bytes()),
        }
    }
}

/// Shows a text in the pager that PAGER names, else in `less`. Answers whether there is one.
fn pages(printed: &str) -> bool {
    let pager = std::env::var("PAGER").unwrap_or_else(|_| "less -FRSX".to_owned());
    let mut words = pager.split_whitespace();
    let Some(program) = words.next() else { return false };
    let Ok(mut child) = Command::new(program).args(words).stdin(Stdio::piped()).spawn() else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        // A pager that was left early takes no more.
        let _ = stdin.write_all(printed.as_bytes());
    }
    child.wait().is_ok_and(|status| status.success())
}

/// The rows in a form, for a terminal of this width.
fn render(format: Format, rows: &[Value], width: Option<usize>) -> String {
    let mut out = String::new();
    match format {
        Format::Ion => rows.iter().for_each(|row| out.push_str(&(text::write(row) + "\n"))),
        Format::Json => rows.iter().for_each(|row| out.push_str(&(to_json(row) + "\n"))),
        Format::Csv => csv(rows, &mut out),
        Format::Expanded => expanded(rows, &mut out),
        Format::Table => {
            table(rows, &mut out);
            // The rule below the head is as wide as the widest row; the head has no spaces at its end.
            let widest = out.lines().take(2).map(|line| line.width()).max().unwrap_or(0);
            if width.is_some_and(|width| widest > width) {
                out.clear();
                expanded(rows, &mut out);
            }
        }
    }
    out
}

/// The column of a row that is no struct.
const ONLY: &str = "value";

/// All names of fields, in the order in which they first appear.
fn columns(rows: &[Value]) -> Vec<&str> {
    let mut columns: Vec<&str> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for row in rows {
        let names: Vec<&str> = match row.as_struct() {
            Some(fields) => fields.iter().map(|(name, _)| name.text().unwrap_or("$0")).collect(),
            None => vec![ONLY],
        };
        columns.extend(names.into_iter().filter(|name| known.insert(*name)));
    }
    columns
}

/// The cell of a row in a column; empty if the row has no such field.
fn cell(row: &Value, column: &str) -> String {
    match row.as_struct() {
        Some(_) => row.get(column).map(written).unwrap_or_default(),
        None if column == ONLY => written(row),
        None => String::new(),
    }
}

/// A value as a person reads it: a text without quotes, everything else as Ion. Nothing in it moves the cursor.
fn written(value: &Value) -> String {
    match &value.data {
        Data::String(text) if value.annotations().is_empty() => {
            let mut out = String::new();
            for letter in text.chars() {
                match letter.is_control() {
                    true => out.extend(letter.escape_default()),
                    false => out.push(letter),
                }
            }
            out
        }
        _ => text::write(value),
    }
}

fn is_number(value: &Value) -> bool {
    matches!(value.data, Data::Int(_) | Data::Decimal(_) | Data::Float(_))
}

fn table(rows: &[Value], out: &mut String) {
    let columns = columns(rows);
    if columns.is_empty() {
        return;
    }
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect()).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| cells.iter().map(|row| row[at].width()).chain([columns[at].width()]).max().unwrap_or(0))
        .collect();
    let to_the_right: Vec<bool> = columns
        .iter()
        .map(|column| {
            let mut values = rows.iter().filter_map(|row| row.get(column)).filter(|value| !value.is_null());
            values.clone().next().is_some() && values.all(is_number)
        })
        .collect();
    let head: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    out.push_str(&aligned(&head, &widths, &vec![false; columns.len()]));
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    out.push_str(&(rule.join("+") + "\n"));
    cells.iter().for_each(|row| out.push_str(&aligned(row, &widths, &to_the_right)));
}

/// A line of a table.
fn aligned(cells: &[String], widths: &[usize], to_the_right: &[bool]) -> String {
    let cell = |at: usize| {
        let (text, space) = (&cells[at], " ".repeat(widths[at] - cells[at].width()));
        if to_the_right[at] { format!(" {space}{text} ") } else { format!(" {text}{space} ") }
    };
    let line: Vec<String> = (0..cells.len()).map(cell).collect();
    format!("{}\n", line.join("|").trim_end())
}

fn expanded(rows: &[Value], out: &mut String) {
    for (number, row) in (1..).zip(rows) {
        let _ = writeln!(out, "-[ {number} ]{}", "-".repeat(20));
        let columns = columns(std::slice::from_ref(row));
        let width = columns.iter().map(|column| column.width()).max().unwrap_or(0);
        for column in columns {
            let space = " ".repeat(width - column.width());
            let _ = writeln!(out, "{column}{space} | {}", cell(row, column));
        }
    }
}

fn csv(rows: &[Value], out: &mut String) {
    let columns = columns(rows);
    let mut line = |cells: Vec<String>| {
        let quoted = cells.into_iter().map(|cell| match cell.contains(['"', ',', '\n', '\r']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell,
        });
        out.push_str(&quoted.collect::<Vec<_>>().join(","));
        out.push_str("\r\n");
    };
    if columns.is_empty() {
        return;
    }
    line(columns.iter().map(|&column| column.to_owned()).collect());
    for row in rows {
        let plain = |value: &Value| match value.as_text() {
            Some(text) => text.to_owned(),
            None if value.is_null() => String::new(),
            None => text::write(value),
        };
        line(match row.as_struct() {
            Some(_) => columns.iter().map(|column| row.get(column).map(plain).unwrap_or_default()).collect(),
            None => columns
                .iter()
                .map(|&column| if column == ONLY { plain(row) } else { String::new() })
                .collect(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(ion: &str) -> Vec<Value> {
        let Data::List(rows) = text::read_one(ion).expect("Ion").data else { panic!("{ion} is no list") };
        rows
    }

    #[test]
    fn each_form_prints_the_same_rows() {
        let rows = rows(r#"[{name:"Ann, B.", age:7}, {name:"\"Bo\"\n", more:[1]}, 5]"#);
        let printed = |format| render(format, &rows, None);
        assert_eq!(
            printed(Format::Table),
            " name    | age | more | value\n---------+-----+------+-------\n Ann, B. |   7 |      |\n \"Bo\"\\n  |     | [1]  |\n         |     |      | 5\n"
        );
        assert_eq!(
            printed(Format::Json),
            "{\"name\":\"Ann, B.\",\"age\":7}\n{\"name\":\"\\\"Bo\\\"\\n\",\"more\":[1]}\n5\n"
        );
        assert_eq!(
            printed(Format::Csv),
            "name,age,more,value\r\n\"Ann, B.\",7,,\r\n\"\"\"Bo\"\"\n\",,[1],\r\n,,,5\r\n"
        );
        assert!(
            printed(Format::Expanded).contains("name | \"Bo\"\\n\nmore | [1]\n"),
            "{}",
            printed(Format::Expanded)
        );
    }

    #[test]
    fn wide_letters_take_two_columns_and_a_table_that_does_not_fit_is_expanded() {
        let rows = rows(r#"[{a:"日本", b:1}, {a:"ab", b:22}]"#);
        assert_eq!(
            render(Format::Table, &rows, Some(40)),
            " a    | b\n------+----\n 日本 |  1\n ab   | 22\n"
        );
        assert!(render(Format::Table, &rows, Some(8)).starts_with("-[ 1 ]"));
    }
}
