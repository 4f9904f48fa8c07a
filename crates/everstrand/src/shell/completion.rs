//! What Tab completes.

use std::sync::{Arc, Mutex, PoisonError};

use reedline::{Completer, Span, Suggestion};

use super::command::META;
use super::output::FORMS;

/// The words that begin statements or join their parts, as far as they are worth completing and colouring.
pub(super) const KEYWORDS: [&str; 58] = [
    "AND",
    "ANY",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COUNT",
    "CREATE",
    "CROSS",
    "DELETE",
    "DESC",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "ESCAPE",
    "EXCEPT",
    "EXEC",
    "EXISTS",
    "EXPLAIN",
    "FALSE",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "IN",
    "INDEX",
    "INNER",
    "INSERT",
    "INTERSECT",
    "INTO",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "MISSING",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "REMOVE",
    "RIGHT",
    "SELECT",
    "SET",
    "TABLE",
    "THEN",
    "TRUE",
    "UNDROP",
    "UNION",
    "UPDATE",
    "VALUE",
    "WHEN",
    "WHERE",
];

/// Names that the session fills in as it sees them.
#[derive(Default)]
pub(super) struct Known {
    /// Of tables and fields.
    pub(super) names: Vec<String>,
    /// Of ledgers.
    pub(super) ledgers: Vec<String>,
}

/// What the session knows, and the prompt completes.
pub(super) type Names = Arc<Mutex<Known>>;

/// Completes keywords, names, and the shell's own words.
pub(super) struct NameCompleter(pub(super) Names);

/// What may stand at a place.
enum Place {
    /// A word of the shell.
    Word,
    Ledger,
    Table,
    Form,
    /// A part of a statement.
    Statement,
    /// Nothing that could be completed.
    Other,
}

impl Place {
    /// The place behind this text, which has no other line.
    fn behind(line: &str) -> Place {
        let line = line.trim_start();
        let Some((first, rest)) = line.split_once(char::is_whitespace) else {
            return if line.starts_with('\\') { Place::Word } else { Place::Statement };
        };
        let is_first_argument = !rest.trim_start().contains(char::is_whitespace);
        match first {
            "\\c" | "\\connect" if is_first_argument => Place::Ledger,
            _ if first.eq_ignore_ascii_case("use") && is_first_argument => Place::Ledger,
            "\\d" | "\\d+" | "\\history" | "\\tail" if is_first_argument => Place::Table,
            "\\format" if is_first_argument => Place::Form,
            "\\explain" => Place::Statement,
            _ if first.starts_with('\\') => Place::Other,
            _ => Place::Statement,
        }
    }
}

impl Completer for NameCompleter {
    fn complete(&mut self, line: &str, position: usize) -> Vec<Suggestion> {
        let before = &line[..position];
        let place = Place::behind(before.rsplit('\n').next().unwrap_or_default());
        let is_part = |letter: char| match place {
            Place::Statement => letter.is_alphanumeric() || "_$".contains(letter),
            _ => !letter.is_whitespace(),
        };
        let start = before
            .rfind(|letter| !is_part(letter))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let begun = &before[start..];
        let is_begun = |word: &str| {
            let mut letters = word.chars().flat_map(char::to_lowercase);
            begun.chars().flat_map(char::to_lowercase).all(|letter| letters.next() == Some(letter))
        };
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sorted = |names: &[String]| {
            let mut names: Vec<String> = names.iter().filter(|name| is_begun(name)).cloned().collect();
            names.sort();
            names.dedup();
            names
        };
        let begun_of = |words: &[&str]| -> Vec<String> {
            words.iter().filter(|word| is_begun(word)).map(|word| (*word).to_owned()).collect()
        };
        let words = match place {
            Place::Word => begun_of(&META),
            Place::Form => begun_of(&FORMS),
            Place::Ledger => sorted(&known.ledgers),
            Place::Table => sorted(&known.names),
            Place::Statement if !begun.is_empty() => {
                let in_capitals = begun.chars().any(char::is_uppercase);
                let keywords = begun_of(&KEYWORDS).into_iter();
                let keywords =
                    keywords.map(|word| if in_capitals { word } else { word.to_ascii_lowercase() });
                sorted(&known.names).into_iter().chain(keywords).collect()
            }
            Place::Statement | Place::Other => Vec::new(),
        };
        let span = Span::new(start, position);
        words
            .into_iter()
            .map(|value| Suggestion { value, span, append_whitespace: true, ..Suggestion::default() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completer() -> NameCompleter {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let known = Known {
            names: owned(&["Vehicle", "VIN", "größe"]),
            ledgers: owned(&["vehicle-registration", "vehicle-test", "bank"]),
        };
        NameCompleter(Arc::new(Mutex::new(known)))
    }

    fn complete(line: &str) -> Vec<String> {
        completer().complete(line, line.len()).into_iter().map(|suggestion| suggestion.value).collect()
    }

    #[test]
    fn names_and_keywords_are_completed_in_the_case_that_was_begun() {
        assert_eq!(complete("sel"), ["select"]);
        assert_eq!(complete("SELECT * FR"), ["FROM"]);
        assert_eq!(complete("SELECT * FROM Ve"), ["Vehicle"]);
        assert_eq!(complete("v"), ["VIN", "Vehicle", "value"]);
        assert_eq!(complete("WHERE t.grö"), ["größe"]);
        assert_eq!(complete("SELECT "), Vec::<String>::new());
    }

    #[test]
    fn words_of_the_shell_and_their_arguments_are_completed() {
        assert_eq!(complete("\\hi"), ["\\history"]);
        assert_eq!(complete("\\c "), ["bank", "vehicle-registration", "vehicle-test"]);
        assert_eq!(complete("\\connect vehicle-r"), ["vehicle-registration"]);
        assert_eq!(complete("use b"), ["bank"]);
        assert_eq!(complete("\\d Veh"), ["Vehicle"]);
        assert_eq!(complete("\\format j"), ["json"]);
        assert_eq!(complete("\\explain sel"), ["select"]);
        assert_eq!(complete("SELECT 1;\n\\tail V"), ["VIN", "Vehicle"]);
        for line in ["\\c bank v", "\\i sel", "\\watch s"] {
            assert_eq!(complete(line), Vec::<String>::new(), "{line}");
        }
    }
}
