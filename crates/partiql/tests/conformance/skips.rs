//! The list of what does not pass.
//!
//! A line `- reason` begins a reason. The lines after it say which cases it excuses: `file X` all cases
//! of files whose name contains X, `word X` those in which the word X stands (in whatever case and
//! blanks), `why X` those that fail in a way whose text contains X (a word in braces before it confines
//! that to files with it in their names), and `case F#N` the case N of file F. All cases are run; one
//! that is named must leave the list once it passes.

/// The list.
pub(crate) struct Skips<'a> {
    rules: Vec<(&'a str, Rule<'a>)>,
    /// How many cases may be skipped.
    pub(crate) most: usize,
    /// How many cases must pass.
    pub(crate) least_passed: usize,
}

enum Rule<'a> {
    File(&'a str),
    Word(String),
    Why(&'a str, &'a str),
    Case(&'a str),
}

impl<'a> Skips<'a> {
    pub(crate) fn read(text: &'a str) -> Skips<'a> {
        let mut skips = Skips { rules: Vec::new(), most: 0, least_passed: 0 };
        let mut reason = "no reason";
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with("# "))
        {
            let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
            match kind {
                "-" => reason = rest,
                "most" => skips.most = rest.parse().expect("a number"),
                "passed" => skips.least_passed = rest.parse().expect("a number"),
                "file" => skips.rules.push((reason, Rule::File(rest))),
                "word" => skips.rules.push((reason, Rule::Word(rest.to_lowercase()))),
                "why" => {
                    let (file, why) = match rest.strip_prefix('{') {
                        Some(rest) => rest.split_once("} ").expect("a closing brace"),
                        None => ("", rest),
                    };
                    skips.rules.push((reason, Rule::Why(file, why)));
                }
                "case" => skips.rules.push((reason, Rule::Case(rest))),
                _ => panic!("no such rule: {line}"),
            }
        }
        skips
    }

    /// The reason that excuses a failure.
    pub(crate) fn excuse(&self, file: &str, name: &str, statements: &[String], why: &str) -> Option<&'a str> {
        let (text, _) = self.rules.iter().find(|(_, rule)| match rule {
            Rule::File(part) => file.contains(part),
            Rule::Word(word) => statements.iter().any(|statement| has_word(statement, word)),
            Rule::Why(part, excused) => file.contains(part) && why.contains(excused),
            Rule::Case(case) => *case == format!("{file}#{name}"),
        })?;
        Some(text)
    }

    /// Whether the list names this very case.
    pub(crate) fn names(&self, file: &str, name: &str) -> bool {
        let case = format!("{file}#{name}");
        self.rules.iter().any(|(_, rule)| matches!(rule, Rule::Case(named) if *named == case))
    }
}

/// Whether these words stand in a statement, whatever blanks are between them.
fn has_word(statement: &str, word: &str) -> bool {
    let lower = statement.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let text = words.join(" ").replace(" (", "(");
    let is_part = |character: Option<char>| {
        character.is_some_and(|character| character.is_alphanumeric() || character == '_')
    };
    let ends = is_part(word.chars().next_back());
    text.match_indices(word).any(|(at, _)| {
        let before = is_part(text[..at].chars().next_back());
        let after = ends && is_part(text[at + word.len()..].chars().next());
        !before && !after
    })
}
