//! Ion's own types as parts of Rust types: each is written and read exactly as it is.

use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::document::Document;
use crate::int::Int;
use crate::symbol::Symbol;
use crate::timestamp::Timestamp;
use crate::value::{Data, Struct, Value};

/// The name by which this module's serializer and deserializer know a value of Ion. Its content is the binary form.
pub(super) const EXACT: &str = "$everstrand_ion::exact";

/// The bytes of a document.
struct Exact<'a>(&'a Document);

impl Serialize for Exact<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_bytes())
    }
}

impl Serialize for Document {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.to_value().serialize(serializer);
        }
        serializer.serialize_newtype_struct(EXACT, &Exact(self))
    }
}

/// To JSON and other formats for people, a value is what it resembles: a decimal, a timestamp and a symbol are texts, and annotations are
/// left out.
impl Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_newtype_struct(EXACT, &Exact(&Document::from(self)));
        }
        match &self.data {
            Data::Null(_) => serializer.serialize_unit(),
            Data::Bool(value) => serializer.serialize_bool(*value),
            Data::Int(value) => match (value.as_i64(), value.as_u64()) {
                (Some(small), _) => serializer.serialize_i64(small),
                (None, Some(small)) => serializer.serialize_u64(small),
                (None, None) => serializer.collect_str(value),
            },
            Data::Float(value) => serializer.serialize_f64(*value),
            Data::Decimal(value) => serializer.collect_str(value),
            Data::Timestamp(value) => serializer.collect_str(value),
            Data::Symbol(value) => value.text().serialize(serializer),
            Data::String(value) => serializer.serialize_str(value),
            Data::Clob(value) | Data::Blob(value) => serializer.serialize_bytes(value),
            Data::List(values) | Data::Sexp(values) => {
                let mut elements = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    elements.serialize_element(value)?;
                }
                elements.end()
            }
            Data::Struct(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields.iter() {
                    map.serialize_entry(name.text().unwrap_or_default(), value)?;
                }
                map.end()
            }
        }
    }
}

/// Reads the binary form, and what other formats than Ion have instead.
struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_newtype_struct<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Value, E> {
        Document::from_binary(bytes).map(|document| document.to_value()).map_err(E::custom)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::null())
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::null())
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element()? {
            values.push(value);
        }
        Ok(Value::new(Data::List(values)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Struct::default();
        while let Some((name, value)) = entries.next_entry::<String, Value>()? {
            fields.push(name, value);
        }
        Ok(Value::new(Data::Struct(fields)))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_newtype_struct(EXACT, ValueVisitor)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Document, D::Error> {
        Value::deserialize(deserializer).map(Document::from)
    }
}

macro_rules! exact {
    ($($type:ident: $name:literal, $parse:expr;)+) => {
        $(impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Value::new(Data::$type(self.clone())).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let parses = deserializer.is_human_readable();
                let value = Value::deserialize(deserializer)?;
                let found = match value.is_null() {
                    true => format!("null.{}", value.ion_type()),
                    false => value.ion_type().to_string(),
                };
                match value.data {
                    Data::$type(exact) => Ok(exact),
                    Data::String(text) if parses => {
                        let parse: fn(&str) -> Option<$type> = $parse;
                        parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no {}", $name)))
                    }
                    _ => Err(D::Error::custom(format!("invalid type: {found}, expected {}", $name))),
                }
            }
        })+
    };
}

exact! {
    Decimal: "a decimal", |text| text.parse().ok();
    Timestamp: "a timestamp", |text| text.parse().ok();
    Int: "an int", |text| text.parse().ok();
    Symbol: "a symbol", |text| Some(Symbol::from(text));
}
