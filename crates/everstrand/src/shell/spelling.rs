//! What a misspelt word may have meant.

/// The candidate that a word most likely meant: one that differs in case alone, that goes on where the word ends, or that is so much
/// alike that a slip of the hand explains the difference.
pub(super) fn meant<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let slips_max = match length {
        0..=2 => 0,
        3..=4 => 1,
        _ => 2,
    };
    let slips = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        match length > 2 && candidate.starts_with(&word) {
            true => usize::from(candidate != word),
            false => strsim::osa_distance(&word, &candidate),
        }
    };
    let candidates = candidates.into_iter().map(|candidate| (slips(candidate), candidate));
    let nearest = candidates.filter(|(slips, _)| *slips <= slips_max).min_by_key(|(slips, _)| *slips);
    nearest.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn slips_are_understood_and_other_words_are_left_alone() {
        let words = ["SELECT", "Person", "Vehicle", "history", "VIN"];
        for (word, expected) in [
            ("SELEC", Some("SELECT")),
            ("slect", Some("SELECT")),
            ("person", Some("Person")),
            ("Presno", Some("Person")),
            ("hist", Some("history")),
            ("VNI", Some("VIN")),
            ("Owner", None),
            ("v", None),
            ("", None),
        ] {
            assert_eq!(meant(word, words), expected, "{word}");
        }
    }
}
