//! The functions over strings and symbols. Positions and lengths count code points.

use std::collections::HashSet;

use crate::datum::Datum;
use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::eval::context::Context;
use crate::eval::mistyped::expected;
use crate::eval::operator::TEXT_BYTES_MAX;
use crate::eval::{Fault, cast};
use crate::expression::{TrimSide, Type};
use crate::work::{ELEMENT, Work};

/// How many bytes are mapped at a time, so that mapping a long text can be interrupted.
const CHUNK_BYTES: usize = 64 << 10;

/// `CHAR_LENGTH(text)`
pub(crate) fn char_length(context: &mut Context<'_>, text: &str) -> Result<Datum, Fault> {
    context.work(text.len() / 4)?;
    Ok(Datum::of(i64::try_from(text.chars().count()).expect("texts fit memory")))
}

/// `UPPER(text)`
pub(crate) fn upper(context: &mut Context<'_>, text: &str) -> Result<Datum, Fault> {
    mapped(context, text, |_| true, str::to_uppercase)
}

/// `LOWER(text)`
pub(crate) fn lower(context: &mut Context<'_>, text: &str) -> Result<Datum, Fault> {
    // A capital sigma becomes another letter at the end of a word than within it. A text with one may only be cut
    // between two characters that tell both sides whether a word goes on: ASCII letters, digits and blanks.
    let has_sigma = text.contains('Σ');
    let settles = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b' ';
    let is_cut = |at: usize| !has_sigma || text.as_bytes()[at - 1..=at].iter().all(settles);
    mapped(context, text, is_cut, str::to_lowercase)
}

/// Maps a text piece by piece. `is_cut` says whether the text may be cut at a place within it.
fn mapped(
    context: &mut Context<'_>,
    text: &str,
    is_cut: impl Fn(usize) -> bool,
    map: impl Fn(&str) -> String,
) -> Result<Datum, Fault> {
    let mut result = String::new();
    let mut start = 0;
    while start < text.len() {
        let mut end = (start + CHUNK_BYTES).min(text.len());
        // A place where the text may be cut comes soon, because most characters allow it.
        while end < text.len() && !(text.is_char_boundary(end) && is_cut(end)) {
            end += 1;
        }
        context.work(4 * (end - start))?;
        let piece = map(&text[start..end]);
        context.hold(piece.len())?;
        result.push_str(&piece);
        start = end;
    }
    Ok(Datum::text(result))
}

/// `SUBSTRING(text FROM start [FOR length])`, as in SQL-92: the characters from place `start` to before place
/// `start + length`. Places count from 1, and `start` may lie before the text.
pub(crate) fn substring(
    context: &mut Context<'_>,
    text: &str,
    start: i64,
    length: Option<i64>,
) -> Result<Datum, Fault> {
    let end = match length {
        Some(length) if length < 0 => return Err("Argument 3 of substring has to be greater than 0.".into()),
        Some(length) => start.saturating_add(length),
        None => i64::MAX,
    };
    let first = start.max(1);
    let count = usize::try_from(end.saturating_sub(first).max(0)).unwrap_or(usize::MAX);
    let skip = usize::try_from(first - 1).unwrap_or(usize::MAX);
    context.work(text.len() / 2)?;
    let place = |text: &str, count| text.char_indices().nth(count).map_or(text.len(), |(place, _)| place);
    let rest = &text[place(text, skip)..];
    let part = &rest[..place(rest, count)];
    context.hold(part.len())?;
    Ok(Datum::text(part))
}

/// `LEFT(text, count)`: the first characters, or all but the last if the count is negative.
pub(crate) fn left(context: &mut Context<'_>, text: &str, count: i64) -> Result<Datum, Fault> {
    context.work(text.len() / 2)?;
    let place = place_of(text, count);
    context.hold(place)?;
    Ok(Datum::text(&text[..place]))
}

/// `RIGHT(text, count)`: the last characters, or all but the first if the count is negative.
pub(crate) fn right(context: &mut Context<'_>, text: &str, count: i64) -> Result<Datum, Fault> {
    context.work(text.len() / 2)?;
    // RIGHT begins where `LEFT(text, -count)` ends. It takes nothing if the count is 0, and so begins at the end.
    let place = if count == 0 { text.len() } else { place_of(text, count.saturating_neg()) };
    context.hold(text.len() - place)?;
    Ok(Datum::text(&text[place..]))
}

/// Where a text ends after so many characters, or so many before its end if the count is negative.
fn place_of(text: &str, count: i64) -> usize {
    let characters = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    match characters.checked_sub(1) {
        None => 0,
        Some(_) if count > 0 => text.char_indices().nth(characters).map_or(text.len(), |(place, _)| place),
        Some(before) => text.char_indices().rev().nth(before).map_or(0, |(place, _)| place),
    }
}

/// `POSITION(wanted IN text)`: the place of the first occurrence, counted from 1, or 0.
pub(crate) fn position(context: &mut Context<'_>, wanted: &str, text: &str) -> Result<Datum, Fault> {
    context.work(text.len() + wanted.len())?;
    let place = text.find(wanted).map_or(0, |at| text[..at].chars().count() + 1);
    Ok(Datum::of(i64::try_from(place).expect("texts fit memory")))
}

/// `REPLACE(text, from, to)`. An empty text to look for is nowhere.
pub(crate) fn replace(context: &mut Context<'_>, text: &str, from: &str, to: &str) -> Result<Datum, Fault> {
    if from.is_empty() {
        context.hold(text.len())?;
        return Ok(Datum::text(text));
    }
    let mut result = String::new();
    let mut start = 0;
    for (place, _) in text.match_indices(from) {
        append(context, &mut result, &text[start..place])?;
        append(context, &mut result, to)?;
        start = place + from.len();
    }
    append(context, &mut result, &text[start..])?;
    Ok(Datum::text(result))
}

/// `CONCAT(value, …)`: scalars as texts, one after the other. Those that are NULL or MISSING are passed over.
pub(crate) fn concat(context: &mut Context<'_>, values: &[ValueRef<'_>]) -> Result<Datum, Fault> {
    let mut result = String::new();
    for value in values {
        match value.kind() {
            ValueKind::Missing | ValueKind::Null => {}
            ValueKind::Text(Some(text)) => append(context, &mut result, text)?,
            ValueKind::Bool(_) | ValueKind::Number(_) | ValueKind::Timestamp(_) => {
                let text = cast::cast(context, value.to_datum(), Type::String)?;
                if let ValueKind::Text(Some(text)) = text.kind() {
                    append(context, &mut result, text)?;
                }
            }
            _ => return Err(expected("text", *value)),
        }
    }
    Ok(Datum::text(result))
}

fn append(context: &mut Context<'_>, result: &mut String, part: &str) -> Result<(), Fault> {
    if result.len() + part.len() > TEXT_BYTES_MAX {
        return Err(format!("A function makes texts of at most {TEXT_BYTES_MAX} bytes").into());
    }
    context.work(ELEMENT + part.len() / 4)?;
    context.hold(part.len())?;
    result.push_str(part);
    Ok(())
}

/// `TRIM(side characters FROM text)`: takes all characters of a set off one end or both.
pub(crate) fn trim(
    context: &mut Context<'_>,
    side: TrimSide,
    characters: Option<&str>,
    text: &str,
) -> Result<Datum, Fault> {
    let mut set = HashSet::new();
    for character in characters.unwrap_or(" ").chars() {
        context.work(16)?;
        set.insert(character);
    }
    let mut rest = text;
    if side != TrimSide::Trailing {
        while let Some(first) = rest.chars().next().filter(|first| set.contains(first)) {
            context.work(16)?;
            rest = &rest[first.len_utf8()..];
        }
    }
    if side != TrimSide::Leading {
        while let Some(last) = rest.chars().next_back().filter(|last| set.contains(last)) {
            context.work(16)?;
            rest = &rest[..rest.len() - last.len_utf8()];
        }
    }
    context.work(rest.len() / 8)?;
    context.hold(rest.len())?;
    Ok(Datum::text(rest))
}
