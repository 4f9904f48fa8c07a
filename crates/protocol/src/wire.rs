//! What the JSON of both APIs has in common: blobs as base64, objects that are really objects.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

/// A blob: padded standard base64 in JSON, bytes in memory.
pub(crate) struct Blob(pub(crate) Vec<u8>);

/// [`Blob`] for fields that hold plain bytes: `#[serde(with = "wire::blob")]`.
pub(crate) mod blob {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(bytes, &STANDARD))
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
                STANDARD.decode(text).map(Blob).map_err(|error| E::custom(format!("broken base64: {error}")))
            }
        }
        deserializer.deserialize_str(BlobVisitor)
    }
}

/// A JSON object. Serde's derived structs also accept an array of their fields in order; a peer that
/// sends one has made a mistake and should hear of it.
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
    // Few characters can take many bytes, never the other way around: count only when it matters.
    text.len() >= min
        && (text.len() <= max || text.chars().count() <= max)
        && (min <= 1 || text.is_ascii() || text.chars().count() >= min)
}
