//! The functions over strings and symbols. Positions and lengths count code points.

use crate::ast::TrimSide;
use crate::datum::Datum;
use crate::eval::Fault;

/// `CHAR_LENGTH(text)`
pub(crate) fn char_length(text: &str) -> Datum {
    Datum::of(i64::try_from(text.chars().count()).expect("texts fit memory"))
}

/// `SUBSTRING(text FROM start [FOR length])`, as SQL-92 has it: the characters at places from `start`
/// to before `start + length`, places counting from 1; `start` may lie before the text.
pub(crate) fn substring(text: &str, start: i64, length: Option<i64>) -> Result<Datum, Fault> {
    let end = match length {
        Some(length) if length < 0 => return Err("Argument 3 of substring has to be greater than 0.".into()),
        Some(length) => start.saturating_add(length),
        None => i64::MAX,
    };
    let first = start.max(1);
    let count = usize::try_from(end.saturating_sub(first).max(0)).unwrap_or(usize::MAX);
    let skip = usize::try_from(first - 1).unwrap_or(usize::MAX);
    Ok(Datum::text(text.chars().skip(skip).take(count).collect::<String>()))
}

/// `TRIM(side characters FROM text)`: takes off all characters of a set.
pub(crate) fn trim(side: TrimSide, characters: Option<&str>, text: &str) -> Datum {
    let characters = characters.unwrap_or(" ");
    let is_taken = |character: char| characters.contains(character);
    let mut rest = text;
    if side != TrimSide::Trailing {
        rest = rest.trim_start_matches(is_taken);
    }
    if side != TrimSide::Leading {
        rest = rest.trim_end_matches(is_taken);
    }
    Datum::text(rest)
}
