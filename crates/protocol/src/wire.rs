//! The common parts of both APIs: blobs, JSON objects, lengths of texts, percent-encoding.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_decode_str, utf8_percent_encode};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

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
