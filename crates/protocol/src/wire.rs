//! The common parts of both APIs: bodies, blobs, JSON objects, lengths of texts, percent-encoding.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_decode_str, utf8_percent_encode};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use crate::error::{Exception, ServiceError};

/// A blob: bytes in memory, padded standard base64 in JSON.
pub(crate) struct Blob(pub(crate) Vec<u8>);

/// [`Blob`] for fields of the type `Vec<u8>`: `#[serde(with = "wire::blob")]`.
pub(crate) mod blob {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Blob::deserialize(deserializer).map(|blob| blob.0)
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        blob::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Blob, D::Error> {
        struct BlobVisitor;
        impl Visitor<'_> for BlobVisitor {
            type Value = Blob;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a blob in base64")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Blob, E> {
                STANDARD.decode(text).map(Blob).map_err(|error| E::custom(format!("not base64: {error}")))
            }
        }
        deserializer.deserialize_str(BlobVisitor)
    }
}

/// A struct that must be a JSON object. Serde's derived structs also accept an array of their fields, but a peer that
/// sends one has made a mistake and must be told.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// Reads a request's body, all of whose texts must be Unicode. The JSON parser alone would not look at the texts of members that it
/// skips.
pub(crate) fn from_json<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, ServiceError> {
    let invalid = |why: &dyn fmt::Display| {
        ServiceError::new(Exception::Serialization, format!("The request body is not valid: {why}"))
    };
    let text =
        std::str::from_utf8(body).map_err(|error| invalid(&format_args!("it is not UTF-8: {error}")))?;
    // Few requests have an escape, and this search is much faster than that for half a pair.
    if text.contains('\\')
        && let Some(position) = lone_surrogate(body)
    {
        return Err(invalid(&format_args!("the escape at byte {position} is half of a surrogate pair")));
    }
    serde_json::from_str(text).map_err(|error| invalid(&error))
}

/// The position of the first escape `\uD800` to `\uDFFF` that is not one of a pair.
fn lone_surrogate(json: &[u8]) -> Option<usize> {
    let code = |at: usize| match json.get(at..at + 6) {
        Some([b'\\', b'u', digits @ ..]) => {
            digits.iter().try_fold(0, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?))
        }
        _ => None,
    };
    let mut at = 0;
    // A backslash outside of a text is an error of its own, which the parser finds.
    while let Some(distance) = json.get(at..)?.iter().position(|byte| *byte == b'\\') {
        at += distance;
        at += match code(at) {
            Some(0xd800..=0xdbff) if code(at + 6).is_some_and(|low| (0xdc00..=0xdfff).contains(&low)) => 12,
            Some(0xd800..=0xdfff) => return Some(at),
            _ => 2,
        };
    }
    None
}

/// Whether a text has between `min` and `max` characters.
pub(crate) fn length_within(text: &str, min: usize, max: usize) -> bool {
    // A text has at most as many characters as bytes. So they need to be counted only if the bytes do not decide.
    text.len() >= min
        && (text.len() <= max || text.chars().count() <= max)
        && (min <= 1 || text.is_ascii() || text.chars().count() >= min)
}

/// What is percent-encoded in paths and queries: everything but letters, digits and `-._~`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is percent-encoded in a whole path, whose slashes stay.
pub(crate) const ENCODED_IN_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// The text in percent-encoding, as AWS encodes the parts of a path or a query.
pub(crate) fn percent_encode(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, ENCODED)
}

/// The text of a percent-encoded part of a URL; `None` if a `%` is not followed by two hexadecimal digits, or if the bytes
/// are not UTF-8. A plus sign is not a blank.
pub fn percent_decode(text: &str) -> Option<String> {
    let is_code = |after: &str| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    let text = text.split('%').skip(1).all(is_code).then_some(text)?;
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}
