//! LIKE: `%` stands for any run of characters, `_` for one character.

use crate::eval::Fault;
use crate::work::Work;

/// How many characters and wildcards a pattern may have: where it has `_`, matching takes text × pattern at
/// worst.
const TOKENS_MAX: usize = 8192;

/// How many bytes of a text are searched at a time.
const WINDOW_BYTES: usize = 64 << 10;

/// The error of a pattern or an escape character that is no text.
pub(crate) const LIKE_NEEDS_TEXT: &str = "LIKE expression must be given non-null strings as input";

/// A parsed LIKE pattern: the segments before, between and behind its `%`. A pattern without `%` is one segment, which
/// must be the whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LikePattern {
    segments: Vec<Segment>,
}

/// A part of a pattern without `%`. It stands for a fixed number of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Text(String),
    /// Characters, `None` for any one.
    Characters(Vec<Option<char>>),
}

impl LikePattern {
    /// Parses a pattern. The escape character may only stand before `%`, `_` and itself.
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
        let mut segments = Vec::new();
        let mut segment = Vec::new();
        let mut characters = pattern.chars();
        let mut tokens = 0;
        while let Some(character) = characters.next() {
            if tokens == TOKENS_MAX {
                return Err(format!("a LIKE pattern has at most {TOKENS_MAX} characters").into());
            }
            tokens += 1;
            if Some(character) == escape {
                match characters.next() {
                    Some(escaped) if escaped == '%' || escaped == '_' || escaped == character => {
                        segment.push(Some(escaped));
                    }
                    _ => return Err("Invalid escape sequence".into()),
                }
            } else {
                match character {
                    '%' => segments.push(Segment::of(std::mem::take(&mut segment))),
                    '_' => segment.push(None),
                    other => segment.push(Some(other)),
                }
            }
        }
        segments.push(Segment::of(segment));
        Ok(LikePattern { segments })
    }

    /// Whether the whole text matches. Each segment is taken at the first place where it stands, because that leaves
    /// the longest text for the segments that follow. So no part of the text is searched twice for the same segment.
    pub(crate) fn matches<W: Work>(&self, work: &mut W, text: &str) -> Result<bool, W::Stop> {
        work.work(text.len() / 16)?;
        let (first, middle, last) = match &*self.segments {
            [] => return Ok(text.is_empty()),
            [whole] => return Ok(whole.after_start(text) == Some("")),
            [first, middle @ .., last] => (first, middle, last),
        };
        let Some(mut rest) = first.after_start(text).and_then(|rest| last.before_end(rest)) else {
            return Ok(false);
        };
        for segment in middle {
            match segment.after_first(work, rest)? {
                Some(after) => rest = after,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The text before the first wildcard, and whether the pattern has no wildcard.
    pub(crate) fn prefix(&self) -> (String, bool) {
        match self.segments.first() {
            None => (String::new(), true),
            Some(Segment::Text(text)) => (text.clone(), self.segments.len() == 1),
            Some(Segment::Characters(characters)) => {
                (characters.iter().map_while(|character| *character).collect(), false)
            }
        }
    }
}

impl Segment {
    fn of(characters: Vec<Option<char>>) -> Segment {
        match characters.iter().copied().collect::<Option<String>>() {
            Some(text) => Segment::Text(text),
            None => Segment::Characters(characters),
        }
    }

    /// The rest of a text that begins with this segment.
    fn after_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        let characters = match self {
            Segment::Text(start) => return text.strip_prefix(&**start),
            Segment::Characters(characters) => characters,
        };
        let mut rest = text.chars();
        let is_so = |wanted: &Option<char>| is(wanted, rest.next());
        characters.iter().all(is_so).then_some(rest.as_str())
    }

    /// The rest of a text that ends with this segment.
    fn before_end<'t>(&self, text: &'t str) -> Option<&'t str> {
        let characters = match self {
            Segment::Text(end) => return text.strip_suffix(&**end),
            Segment::Characters(characters) => characters,
        };
        let mut rest = text.chars();
        let is_so = |wanted: &Option<char>| is(wanted, rest.next_back());
        characters.iter().rev().all(is_so).then_some(rest.as_str())
    }

    /// The text after the first place where this segment stands.
    fn after_first<'t, W: Work>(&self, work: &mut W, text: &'t str) -> Result<Option<&'t str>, W::Stop> {
        match self {
            Segment::Text(wanted) => after_first_text(work, text, wanted),
            Segment::Characters(characters) => {
                let mut rest = text;
                loop {
                    work.work(2 * characters.len())?;
                    if let Some(after) = self.after_start(rest) {
                        return Ok(Some(after));
                    }
                    let Some(first) = rest.chars().next() else { return Ok(None) };
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
    }
}

fn is(wanted: &Option<char>, found: Option<char>) -> bool {
    found.is_some_and(|found| wanted.is_none_or(|wanted| wanted == found))
}

/// The text after the first place where another text stands. It searches window by window, so that it can be
/// interrupted. The search of the standard library takes time that grows with the text alone.
fn after_first_text<'t, W: Work>(
    work: &mut W,
    text: &'t str,
    wanted: &str,
) -> Result<Option<&'t str>, W::Stop> {
    let mut start = 0;
    loop {
        let next = boundary(text, start + WINDOW_BYTES);
        let window = &text[start..boundary(text, next + wanted.len())];
        work.work(window.len().min(8 * wanted.len() + 64).max(window.len() / 8))?;
        if let Some(place) = window.find(wanted) {
            return Ok(Some(&text[start + place + wanted.len()..]));
        }
        if next == text.len() {
            return Ok(None);
        }
        start = next;
    }
}

/// The first place, from a given one on, at which a character begins; else the end.
fn boundary(text: &str, from: usize) -> usize {
    (from..text.len()).find(|place| text.is_char_boundary(*place)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::work::Uncounted;

    fn matches(pattern: &LikePattern, text: &str) -> bool {
        let Ok(matches) = pattern.matches(&mut Uncounted, text);
        matches
    }

    /// The definition: each character of the pattern in turn, a run by trying all its lengths.
    fn matches_by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, _) => text.is_empty(),
            (Some(('%', rest)), _) => (0..=text.len()).any(|run| matches_by_definition(rest, &text[run..])),
            (Some((wanted, pattern)), Some((found, text))) => {
                (*wanted == '_' || wanted == found) && matches_by_definition(pattern, text)
            }
            (Some(_), None) => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

        #[test]
        fn like_is_what_its_definition_says(pattern in "[ab%_ä]{0,8}", text in "[abä]{0,10}") {
            let [characters, of_text] = [&pattern, &text].map(|text| text.chars().collect::<Vec<char>>());
            let read = LikePattern::parse(&pattern, None).unwrap();
            prop_assert_eq!(matches(&read, &text), matches_by_definition(&characters, &of_text));
        }
    }

    #[test]
    fn a_segment_is_found_across_windows_of_the_search() {
        for before in [0, 1, WINDOW_BYTES - 3, WINDOW_BYTES - 1, WINDOW_BYTES, 2 * WINDOW_BYTES + 7] {
            let text = format!("{}äbc{}", "ä".repeat(before / 2), "x".repeat(WINDOW_BYTES));
            assert!(matches(&LikePattern::parse("%äbcx%", None).unwrap(), &text), "{before}");
            assert!(matches(&LikePattern::parse("%ä_cx%", None).unwrap(), &text), "{before}");
            assert!(!matches(&LikePattern::parse("%äbcy%", None).unwrap(), &text), "{before}");
        }
    }

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
                matches(&LikePattern::parse(pattern, None).unwrap(), text),
                expected,
                "{text} {pattern}"
            );
        }
    }

    #[test]
    fn escape_stands_before_wildcards_and_itself_only() {
        let pattern = |pattern, escape| LikePattern::parse(pattern, Some(escape));
        let refused = |text, escape| match pattern(text, escape) {
            Err(Fault::Refused(why)) => why,
            other => panic!("{other:?}"),
        };
        assert!(matches(&pattern("100\\%", "\\").unwrap(), "100%"));
        assert!(!matches(&pattern("100\\%", "\\").unwrap(), "1000"));
        assert!(matches(&pattern("a!!b!_", "!").unwrap(), "a!b_"));
        assert_eq!(refused("a!b", "!"), "Invalid escape sequence");
        assert_eq!(refused("a!", "!"), "Invalid escape sequence");
        assert_eq!(refused("a", "!!"), "Escape character must have size 1");
        assert_eq!(refused("a", ""), "Escape character must have size 1");
    }

    #[test]
    fn prefix_ends_at_the_first_wildcard() {
        let prefix = |pattern| LikePattern::parse(pattern, Some("!")).unwrap().prefix();
        assert_eq!(prefix("ab%c"), ("ab".to_owned(), false));
        assert_eq!(prefix("ab!%"), ("ab%".to_owned(), true));
        assert_eq!(prefix("_b"), (String::new(), false));
    }
}
