//! Puts typed lines together to statements. A statement ends with a semicolon.

use super::command::is_word;

/// A statement without its semicolon, and the number of the line in which it begins, from 1.
#[derive(Debug, PartialEq)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) line: usize,
}

/// Collects lines until they make a whole statement.
#[derive(Default)]
pub(super) struct Script {
    pending: String,
    /// The number of the line in which `pending` begins.
    line: usize,
    lines_read: usize,
}

impl Script {
    /// Adds a line. Answers the statements that end in it.
    pub(super) fn push(&mut self, line: &str) -> Vec<Statement> {
        self.lines_read += 1;
        if self.is_empty() {
            self.pending.clear();
            self.line = self.lines_read;
            // A word of the shell needs no semicolon.
            if is_word(line) {
                return vec![Statement { text: line.trim().to_owned(), line: self.line }];
            }
        }
        self.pending.push_str(line);
        self.pending.push('\n');
        let mut statements = Vec::new();
        while let Some(end) = Scan::of(&self.pending).semicolon {
            let rest = self.pending.split_off(end + 1);
            self.pending.pop();
            statements.extend(self.rest());
            self.pending = rest;
            self.line = self.lines_read;
        }
        statements
    }

    /// The last statement when the input ends; it needs no semicolon.
    pub(super) fn rest(&mut self) -> Option<Statement> {
        let pending = std::mem::take(&mut self.pending);
        let Scan { begin: Some(begin), .. } = Scan::of(&pending) else { return None };
        let line = self.line + pending[..begin].matches('\n').count();
        Some(Statement { text: pending[begin..].trim_end().to_owned(), line })
    }

    /// Whether the pending text is only white space and complete comments.
    pub(super) fn is_empty(&self) -> bool {
        let scan = Scan::of(&self.pending);
        scan.begin.is_none() && !scan.in_comment
    }
}

/// The result of scanning a text up to its first semicolon.
#[derive(Default)]
struct Scan {
    /// The position of the first character that is neither white space nor in a comment.
    begin: Option<usize>,
    /// The position of the first semicolon that is not in a text, a name, an Ion literal or a comment.
    semicolon: Option<usize>,
    /// Whether the text ends within a comment of several lines.
    in_comment: bool,
}

impl Scan {
    fn of(text: &str) -> Scan {
        let mut scan = Scan::default();
        let mut at = 0;
        while let Some(next) = text[at..].chars().next() {
            let rest = &text[at..];
            // A doubled quote within a text counts as the end of one text and the beginning of the next. The position of the
            // semicolon is the same.
            let length = match next {
                '\'' | '"' | '`' => rest[1..].find(next).map(|end| end + 2),
                _ if rest.starts_with("--") => rest.find('\n'),
                _ if rest.starts_with("/*") => rest[2..].find("*/").map(|end| end + 4),
                _ => Some(next.len_utf8()),
            };
            let is_comment = rest.starts_with("--") || rest.starts_with("/*");
            if next == ';' {
                scan.semicolon = Some(at);
                return scan;
            }
            if scan.begin.is_none() && !is_comment && !next.is_whitespace() {
                scan.begin = Some(at);
            }
            let Some(length) = length else {
                scan.in_comment = rest.starts_with("/*");
                return scan;
            };
            at += length;
        }
        scan
    }
}

#[cfg(test)]
mod tests {
    use super::{Script, Statement};

    /// The statements of a script, each with its line.
    fn statements(text: &str) -> Vec<(usize, String)> {
        let mut script = Script::default();
        let mut statements: Vec<Statement> = text.lines().flat_map(|line| script.push(line)).collect();
        statements.extend(script.rest());
        statements.into_iter().map(|statement| (statement.line, statement.text)).collect()
    }

    #[test]
    fn a_statement_ends_with_a_semicolon_or_the_input() {
        for (text, expected) in [
            ("A;", vec![(1, "A")]),
            ("A", vec![(1, "A")]),
            ("A\n  B;\nC", vec![(1, "A\n  B"), (3, "C")]),
            ("A; B; C\nD;", vec![(1, "A"), (1, "B"), (1, "C\nD")]),
            (";;\n ; A;;", vec![(2, "A")]),
            ("\n\n A;", vec![(3, "A")]),
            ("", vec![]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(line, text)| (line, text.to_owned())).collect();
            assert_eq!(statements(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_semicolon_in_a_text_a_name_a_literal_or_a_comment_ends_nothing() {
        for text in
            ["'a;''b;\nc'", "\"a;b\"", "`\"a;b\"`", "A -- b;\nC", "A /* b;\nc; */ D", "'ü;é'", "A - B / C"]
        {
            assert_eq!(statements(&format!("{text};")), [(1, text.to_owned())]);
        }
    }

    #[test]
    fn comments_alone_are_no_statement() {
        for text in ["-- a", "-- a;\n-- b", "/* a;\n b */", "  \n"] {
            assert_eq!(statements(text), [], "{text:?}");
        }
        assert_eq!(statements("-- a;\n/* b\n*/ A;"), [(3, "A".to_owned())]);
        assert_eq!(statements("/* a\nhelp\n*/ A;"), [(3, "A".to_owned())]);
    }

    #[test]
    fn the_shells_words_need_no_semicolon_where_a_statement_may_begin() {
        assert_eq!(
            statements("begin\nA;\n commit \n"),
            [(1, "begin".to_owned()), (2, "A".to_owned()), (3, "commit".to_owned())]
        );
        assert_eq!(statements("\\d Car\nA;"), [(1, "\\d Car".to_owned()), (2, "A".to_owned())]);
        assert_eq!(statements("SELECT\nbegin\n;"), [(1, "SELECT\nbegin".to_owned())]);
    }
}
