//! Texts with wildcards: `*` stands for any characters or none, `?` for one.

/// A text with wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<char>);

impl Pattern {
    pub(crate) fn new(text: &str) -> Pattern {
        let mut characters: Vec<char> = text.chars().collect();
        characters.dedup_by(|next, before| *next == '*' && *before == '*');
        Pattern(characters)
    }

    /// Whether the whole text matches. Takes at most as many steps as the product of both lengths.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let pattern = &self.0;
        let mut rest = text.chars();
        let mut at = 0;
        // After a star: the place behind it, and the text that it does not cover yet.
        let mut star = None;
        loop {
            if pattern.get(at) == Some(&'*') {
                at += 1;
                star = Some((at, rest.clone()));
                continue;
            }
            let Some(character) = rest.next() else { break };
            match pattern.get(at) {
                Some(wanted) if *wanted == '?' || *wanted == character => at += 1,
                _ => {
                    let Some((behind, covered)) = &mut star else { return false };
                    covered.next();
                    at = *behind;
                    rest = covered.clone();
                }
            }
        }
        at == pattern.len()
    }

    /// Whether some text that begins with `prefix` may match. May answer true where none does.
    pub(crate) fn may_begin_with(&self, prefix: &str) -> bool {
        let literal = self.0.iter().take_while(|character| **character != '*');
        literal.zip(prefix.chars()).all(|(wanted, character)| *wanted == '?' || *wanted == character)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a pattern means, said as shortly as possible.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, rest) => rest.is_none(),
            (Some(('*', pattern)), rest) => {
                naive(pattern, text)
                    || rest.is_some_and(|(_, rest)| {
                        naive(&['*'].iter().chain(pattern).copied().collect::<Vec<_>>(), rest)
                    })
            }
            (Some(_), None) => false,
            (Some((wanted, pattern)), Some((character, text))) => {
                (*wanted == '?' || wanted == character) && naive(pattern, text)
            }
        }
    }

    proptest! {
        #[test]
        fn patterns_match_as_they_are_defined(pattern in "[ab*?]{0,8}", text in "[abä]{0,9}") {
            let (wanted, characters): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), naive(&wanted, &characters));
        }

        #[test]
        fn what_matches_may_begin_as_it_does(pattern in "[ab*?]{0,8}", text in "[ab]{0,9}", length in 0..9_usize) {
            let pattern = Pattern::new(&pattern);
            if pattern.matches(&text) {
                prop_assert!(pattern.may_begin_with(&text[..length.min(text.len())]));
            }
        }
    }

    #[test]
    fn many_stars_take_little_time() {
        let text = "a".repeat(20_000);
        assert!(!Pattern::new(&format!("{}b", "a*".repeat(100))).matches(&text));
    }
}
