//! Index keys: bytes whose order is the order of the values they stand for.
//!
//! A key is the concatenation of its parts. A part is one tag byte and a body. No part is a prefix of another. So parts
//! need no lengths between them, and what follows a key (the number of a document) does not change the order.
//!
//! ```text
//! 05            MISSING              30 seconds(8) fraction(8)   timestamp, by instant
//! 06            NULL, of any type    3f                          the symbol whose text is not known
//! 10 | 11       false | true         40 text 00 01               string or symbol; 00 within is 00 ff
//! 20 class      number:              50 bytes 00 01              blob or clob, likewise
//!    00 NaN     03 zero              60 part* 00                 list
//!    01 -inf    05 +inf              70 part* 00                 s-expression
//!    02 | 04 exponent digits 00      80 (part part)* 00          struct, its (name, value) pairs sorted
//!       (negative numbers inverted)  90 part* 00                 bag, sorted; never stored
//! ```
//!
//! The exponent counts from the first digit, so that it takes at most nine bytes. A byte holds two digits. Of a part
//! longer than [`PART_BYTES_MAX`] bytes the key keeps that many, and the SHA-256 of the whole after them. Such a part
//! still equals only the same part, but parts that begin alike are not in order among themselves.

use std::ops::Bound;

use everstrand_ion::{RawValue, Value};
use sha2::{Digest, Sha256};

use crate::datum::value_ref::{ValueKind, ValueRef};
use crate::number::{Number, Real};
use crate::tables::KeyRange;
use crate::work::{self, ELEMENT, Uncounted, Work};

/// The longest part that is kept whole. A longer part is cut and hashed.
pub const PART_BYTES_MAX: usize = 1024;

const END: u8 = 0x00;
const MISSING: u8 = 0x05;
const NULL: u8 = 0x06;
const FALSE: u8 = 0x10;
const TRUE: u8 = 0x11;
const NUMBER: u8 = 0x20;
const TIMESTAMP: u8 = 0x30;
const UNKNOWN_TEXT: u8 = 0x3F;
const TEXT: u8 = 0x40;
const LOB: u8 = 0x50;
const LIST: u8 = 0x60;
const SEXP: u8 = 0x70;
const STRUCT: u8 = 0x80;
const BAG: u8 = 0x90;

/// The key of a document in an index, from the values at the paths of the index in order. `None` is MISSING.
pub fn encode(parts: &[Option<RawValue<'_>>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 * parts.len());
    for part in parts {
        let Ok(()) = write_part(&mut Uncounted, &mut bytes, (*part).into());
    }
    bytes
}

/// The value at a path of field names, if there is one.
pub fn at_path<'a>(document: RawValue<'a>, path: &[String]) -> Option<RawValue<'a>> {
    path.iter().try_fold(document, |value, name| value.get(name))
}

/// The bounds between which all keys of a range lie. If parts are cut, other keys may lie there too.
///
/// A range with one bound ends where the kind of that value ends: `x < 5` finds numbers only, because PartiQL has no
/// order between kinds. An upper bound NULL means MISSING and NULL. An exclusive lower bound NULL means all known
/// values.
pub fn range(range: &KeyRange) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let mut prefix = Vec::new();
    for value in &range.equal {
        let Ok(()) = write_part(&mut Uncounted, &mut prefix, value.into());
    }
    let lower = match (&range.lower, &range.upper) {
        (Some((value, inclusive)), _) => {
            let (bound, whole) = bounded(&prefix, value);
            // A cut bound is always included, because keys that are equal up to the cut may be greater.
            if *inclusive || !whole { Bound::Included(bound) } else { after(bound) }
        }
        (None, Some((value, _))) => Bound::Included(with(&prefix, kind_of(value).0)),
        (None, None) => Bound::Included(prefix.clone()),
    };
    let upper = match (&range.upper, &range.lower) {
        (Some((value, inclusive)), _) => {
            let (bound, whole) = bounded(&prefix, value);
            if *inclusive || !whole { before_next(bound) } else { Bound::Excluded(bound) }
        }
        (None, Some((value, _))) if value.is_null() => before_next(prefix),
        (None, Some((value, _))) => before_next(with(&prefix, kind_of(value).1)),
        (None, None) => before_next(prefix),
    };
    (lower, upper)
}

/// Whether [`range`] holds the keys of exactly those values for which `<` and the like are TRUE. That is so if no
/// bound is cut and all bounds are scalars of one kind. Parts that must be equal are exact at any length.
pub(crate) fn is_exact(range: &KeyRange) -> bool {
    let is_exact_bound = |value: &Value| {
        let kind = ValueRef::from(value).kind();
        matches!(
            kind,
            ValueKind::Null
                | ValueKind::Bool(_)
                | ValueKind::Number(_)
                | ValueKind::Timestamp(_)
                | ValueKind::Text(Some(_))
                | ValueKind::Lob(_)
        ) && whole(value).len() <= PART_BYTES_MAX
    };
    match (&range.lower, &range.upper) {
        (None, None) => true,
        (Some((one, _)), None) | (None, Some((one, _))) => is_exact_bound(one),
        (Some((lower, _)), Some((upper, _))) => {
            is_exact_bound(lower) && is_exact_bound(upper) && kind_of(lower) == kind_of(upper)
        }
    }
}

/// The whole encoding of one value, which is never cut. It is equal for equal values and has their order.
pub(crate) fn whole<'a>(value: impl Into<ValueRef<'a>>) -> Vec<u8> {
    let Ok(bytes) = whole_counted(&mut Uncounted, value.into());
    bytes
}

/// Roughly how many bytes a key takes in a table.
pub(crate) fn weight(key: &[u8]) -> usize {
    80 + key.len()
}

/// [`whole`], counting its work.
pub(crate) fn whole_counted<W: Work>(work: &mut W, value: ValueRef<'_>) -> Result<Vec<u8>, W::Stop> {
    let mut bytes = Vec::with_capacity(32);
    write_value(work, &mut bytes, value)?;
    Ok(bytes)
}

/// Appends the encoding of one value, which is cut if it is long. Then it serves for equality only.
pub(crate) fn write_part<W: Work>(
    work: &mut W,
    bytes: &mut Vec<u8>,
    value: ValueRef<'_>,
) -> Result<(), W::Stop> {
    let start = bytes.len();
    write_value(work, bytes, value)?;
    if bytes.len() - start > PART_BYTES_MAX {
        let mut hash = Sha256::new();
        for chunk in bytes[start..].chunks(1 << 16) {
            work.work(4 * chunk.len())?;
            hash.update(chunk);
        }
        bytes.truncate(start + PART_BYTES_MAX);
        bytes.extend_from_slice(&hash.finalize());
    }
    Ok(())
}

/// Appends the encoding of one value, which is never cut.
pub(crate) fn write_whole<W: Work>(
    work: &mut W,
    bytes: &mut Vec<u8>,
    value: ValueRef<'_>,
) -> Result<(), W::Stop> {
    write_value(work, bytes, value)
}

fn write_value<W: Work>(work: &mut W, bytes: &mut Vec<u8>, value: ValueRef<'_>) -> Result<(), W::Stop> {
    let kind = value.kind();
    work.work(ELEMENT + 8 * kind.scalar_work())?;
    match kind {
        ValueKind::Missing => bytes.push(MISSING),
        ValueKind::Null => bytes.push(NULL),
        ValueKind::Bool(false) => bytes.push(FALSE),
        ValueKind::Bool(true) => bytes.push(TRUE),
        ValueKind::Number(number) => write_number(work, bytes, &number)?,
        ValueKind::Timestamp(timestamp) => {
            let (seconds, attoseconds) = timestamp.instant();
            bytes.push(TIMESTAMP);
            bytes.extend_from_slice(&sortable(seconds));
            bytes.extend_from_slice(&attoseconds.to_be_bytes());
        }
        ValueKind::Text(text) => write_text(bytes, text),
        ValueKind::Lob(lob) => {
            bytes.push(LOB);
            write_escaped(bytes, lob);
        }
        ValueKind::List => write_sequence(work, bytes, LIST, value)?,
        ValueKind::Sexp => write_sequence(work, bytes, SEXP, value)?,
        ValueKind::Struct => {
            let mut pairs = Vec::new();
            for (name, value) in value.fields() {
                let mut pair = Vec::new();
                write_text(&mut pair, name);
                write_value(work, &mut pair, value)?;
                pairs.push(pair);
            }
            write_multiset(work, bytes, STRUCT, pairs)?;
        }
        ValueKind::Bag => {
            let members = value.items().map(|item| whole_counted(work, item)).collect::<Result<_, _>>()?;
            write_multiset(work, bytes, BAG, members)?;
        }
    }
    Ok(())
}

fn write_sequence<W: Work>(
    work: &mut W,
    bytes: &mut Vec<u8>,
    tag: u8,
    sequence: ValueRef<'_>,
) -> Result<(), W::Stop> {
    bytes.push(tag);
    for item in sequence.items() {
        write_value(work, bytes, item)?;
    }
    bytes.push(END);
    Ok(())
}

fn write_multiset<W: Work>(
    work: &mut W,
    bytes: &mut Vec<u8>,
    tag: u8,
    mut members: Vec<Vec<u8>>,
) -> Result<(), W::Stop> {
    work::sort(&mut members, work, |work, left: &Vec<u8>, right: &Vec<u8>| {
        work.work(left.len().min(right.len()) / 8)?;
        Ok(left.cmp(right))
    })?;
    bytes.push(tag);
    for member in members {
        work.work(member.len())?;
        bytes.extend(member);
    }
    bytes.push(END);
    Ok(())
}

fn write_text(bytes: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => bytes.push(UNKNOWN_TEXT),
        Some(text) => {
            bytes.push(TEXT);
            write_escaped(bytes, text.as_bytes());
        }
    }
}

fn write_escaped(bytes: &mut Vec<u8>, content: &[u8]) {
    for part in content.split_inclusive(|byte| *byte == 0) {
        bytes.extend_from_slice(part);
        if part.ends_with(&[0]) {
            bytes.push(0xFF);
        }
    }
    bytes.extend_from_slice(&[0x00, 0x01]);
}

fn write_number<W: Work>(work: &mut W, bytes: &mut Vec<u8>, number: &Number) -> Result<(), W::Stop> {
    bytes.push(NUMBER);
    match number.real(work)? {
        Real::Nan => bytes.push(0x00),
        Real::NegativeInfinity => bytes.push(0x01),
        Real::Zero => bytes.push(0x03),
        Real::PositiveInfinity => bytes.push(0x05),
        Real::Finite { negative, exponent, digits } => {
            bytes.push(if negative { 0x02 } else { 0x04 });
            // Most exponents take one byte. The bytes at both ends announce eight more.
            let start = bytes.len();
            match i8::try_from(exponent) {
                Ok(small @ -126..=126) => bytes.push(small.cast_unsigned() ^ 0x80),
                _ => {
                    bytes.push(if exponent < 0 { 0x00 } else { 0xFF });
                    bytes.extend_from_slice(&sortable(exponent));
                }
            }
            // No pair is the byte 0, so that END sorts before all longer numbers that begin alike.
            for pair in digits.chunks(2) {
                bytes.push(1 + 10 * pair[0] + pair.get(1).copied().unwrap_or(0));
            }
            bytes.push(END);
            // The greater the magnitude of a negative number, the less it is.
            if negative {
                bytes[start..].iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
    }
    Ok(())
}

/// A signed number as eight bytes in the same order.
fn sortable(number: i64) -> [u8; 8] {
    (number.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// A prefix followed by a value, and whether the value is whole.
fn bounded(prefix: &[u8], value: &Value) -> (Vec<u8>, bool) {
    let mut part = whole(value);
    let is_whole = part.len() <= PART_BYTES_MAX;
    part.truncate(PART_BYTES_MAX);
    ([prefix, &part].concat(), is_whole)
}

fn with(prefix: &[u8], tag: u8) -> Vec<u8> {
    [prefix, &[tag]].concat()
}

/// The first and the last tag of the kind of a value.
fn kind_of(value: &Value) -> (u8, u8) {
    match ValueRef::from(value).kind() {
        ValueKind::Missing | ValueKind::Null => (MISSING, NULL),
        ValueKind::Bool(_) => (FALSE, TRUE),
        ValueKind::Number(_) => (NUMBER, NUMBER),
        ValueKind::Timestamp(_) => (TIMESTAMP, TIMESTAMP),
        ValueKind::Text(_) => (UNKNOWN_TEXT, TEXT),
        ValueKind::Lob(_) => (LOB, LOB),
        ValueKind::List => (LIST, LIST),
        ValueKind::Sexp => (SEXP, SEXP),
        ValueKind::Struct => (STRUCT, STRUCT),
        ValueKind::Bag => (BAG, BAG),
    }
}

/// The least key that is greater than all keys with this prefix, if there is one.
fn successor(mut key: Vec<u8>) -> Option<Vec<u8>> {
    // A trailing 0xFF cannot grow, so the byte before it must.
    while key.last() == Some(&0xFF) {
        key.pop();
    }
    let last = key.last_mut()?;
    *last += 1;
    Some(key)
}

fn after(key: Vec<u8>) -> Bound<Vec<u8>> {
    successor(key).map_or(Bound::Unbounded, Bound::Included)
}

fn before_next(key: Vec<u8>) -> Bound<Vec<u8>> {
    successor(key).map_or(Bound::Unbounded, Bound::Excluded)
}
