//! LIKE: `%` is any run of characters, `_` is one.

use crate::eval::Fault;

/// How many characters and wildcards a pattern may have: matching takes text × pattern at worst.
const TOKENS_MAX: usize = 8192;

/// What is said of a pattern or an escape character that is no text.
pub(crate) const LIKE_NEEDS_TEXT: &str = "LIKE expression must be given non-null strings as input";

/// A LIKE pattern, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LikePattern {
    tokens: Vec<Token>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    AnyRun,
    AnyOne,
    Character(char),
}

impl LikePattern {
    /// Reads a pattern; the escape character may only stand before `%`, `_` and itself.
    pub(crate) fn parse(pattern: &str, escape: Option<&str>) -> Result<LikePattern, Fault> {
        let escape = match escape {
            None => None,
            Some(escape) => {
                let mut characters = escape.chars();
                match (characters.next(), characters.next()) {
                    (Some(one), None) => Some(one),
                    _ => return Err("Escape character must have size 1".into()),
                }
            }
        };
        let mut tokens = Vec::new();
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            if tokens.len() == TOKENS_MAX {
                return Err(format!("a LIKE pattern has at most {TOKENS_MAX} characters").into());
            }
            tokens.push(if Some(character) == escape {
                match characters.next() {
                    Some(escaped) if escaped == '%' || escaped == '_' || escaped == character => {
                        Token::Character(escaped)
                    }
                    _ => return Err("Invalid escape sequence".into()),
                }
            } else {
                match character {
                    '%' => Token::AnyRun,
                    '_' => Token::AnyOne,
                    other => Token::Character(other),
                }
            });
        }
        Ok(LikePattern { tokens })
    }

    /// Whether the whole text matches. Takes time in proportion to text × pattern at worst.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut token = 0;
        // Where to go on when what follows the last `%` does not match: one character further.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            match self.tokens.get(token) {
                Some(Token::AnyRun) => {
                    token += 1;
                    retry = Some((token, rest.clone()));
                    continue;
                }
                Some(wanted) => {
                    let mut ahead = rest.clone();
                    if ahead
                        .next()
                        .is_some_and(|found| *wanted == Token::AnyOne || *wanted == Token::Character(found))
                    {
                        rest = ahead;
                        token += 1;
                        continue;
                    }
                }
                None if rest.as_str().is_empty() => return true,
                None => {}
            }
            let Some((after, from)) = &mut retry else {
                return false;
            };
            if from.next().is_none() {
                return false;
            }
            token = *after;
            rest = from.clone();
        }
    }

    /// The text before the first wildcard, and whether that is all of the pattern.
    pub(crate) fn prefix(&self) -> (String, bool) {
        let prefix: String = self
            .tokens
            .iter()
            .map_while(|token| if let Token::Character(character) = token { Some(*character) } else { None })
            .collect();
        let whole = !self.tokens.iter().any(|token| matches!(token, Token::AnyRun | Token::AnyOne));
        (prefix, whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_matches_runs_and_single_code_points() {
        for (text, pattern, expected) in [
            ("", "", true),
            ("", "%", true),
            ("", "_", false),
            ("abc", "abc", true),
            ("abc", "ABC", false),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "a_c", true),
            ("abc", "a_", false),
            ("a😀c", "a_c", true),
            ("aXbXc", "a%X%c", true),
            ("mississippi", "%iss%ip%", true),
            ("mississippi", "%iss%ix%", false),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaab", "%a%a%a%a%a%c", false),
        ] {
            assert_eq!(
                LikePattern::parse(pattern, None).unwrap().matches(text),
                expected,
                "{text} {pattern}"
            );
        }
    }

    #[test]
    fn escape_stands_before_wildcards_and_itself_only() {
        let pattern = |pattern, escape| LikePattern::parse(pattern, Some(escape));
        assert!(pattern("100\\%", "\\").unwrap().matches("100%"));
        assert!(!pattern("100\\%", "\\").unwrap().matches("1000"));
        assert!(pattern("a!!b!_", "!").unwrap().matches("a!b_"));
        assert_eq!(pattern("a!b", "!").unwrap_err(), "Invalid escape sequence");
        assert_eq!(pattern("a!", "!").unwrap_err(), "Invalid escape sequence");
        assert_eq!(pattern("a", "!!").unwrap_err(), "Escape character must have size 1");
        assert_eq!(pattern("a", "").unwrap_err(), "Escape character must have size 1");
    }

    #[test]
    fn prefix_ends_at_the_first_wildcard() {
        let prefix = |pattern| LikePattern::parse(pattern, Some("!")).unwrap().prefix();
        assert_eq!(prefix("ab%c"), ("ab".to_owned(), false));
        assert_eq!(prefix("ab!%"), ("ab%".to_owned(), true));
        assert_eq!(prefix("_b"), (String::new(), false));
    }
}
