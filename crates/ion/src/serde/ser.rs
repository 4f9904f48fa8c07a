//! Rust values to Ion values.

use serde::Serialize;
use serde::ser::{
    Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::error::SerdeError;
use super::values::EXACT;
use crate::document::Document;
use crate::int::Int;
use crate::value::{Data, Struct, Value};

/// Makes one value.
pub(super) struct Serializer;

type Made = Result<Value, SerdeError>;

/// The elements of a list so far, and the variant that the list is of.
pub(super) struct Elements {
    variant: Option<&'static str>,
    values: Vec<Value>,
}

/// The fields of a struct so far, and the variant that the struct is of.
pub(super) struct Fields {
    variant: Option<&'static str>,
    fields: Struct,
    /// The key of a map whose value comes next.
    key: Option<String>,
}

macro_rules! plain {
    ($($method:ident($type:ty) => $make:expr;)+) => {
        $(fn $method(self, value: $type) -> Made {
            let make: fn($type) -> Data = $make;
            Ok(Value::new(make(value)))
        })+
    };
}

impl serde::Serializer for Serializer {
    type Ok = Value;
    type Error = SerdeError;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Elements;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    plain! {
        serialize_bool(bool) => Data::Bool;
        serialize_i8(i8) => |value| Data::Int(i64::from(value).into());
        serialize_i16(i16) => |value| Data::Int(i64::from(value).into());
        serialize_i32(i32) => |value| Data::Int(value.into());
        serialize_i64(i64) => |value| Data::Int(value.into());
        serialize_i128(i128) => |value| Data::Int(value.into());
        serialize_u8(u8) => |value| Data::Int(i64::from(value).into());
        serialize_u16(u16) => |value| Data::Int(i64::from(value).into());
        serialize_u32(u32) => |value| Data::Int(value.into());
        serialize_u64(u64) => |value| Data::Int(value.into());
        serialize_u128(u128) => |value| Data::Int(Int::from(value));
        serialize_f32(f32) => |value| Data::Float(value.into());
        serialize_f64(f64) => Data::Float;
        serialize_char(char) => |value| Data::String(value.to_string());
        serialize_str(&str) => |value| Data::String(value.to_owned());
        serialize_bytes(&[u8]) => |value| Data::Blob(value.to_owned());
    }

    fn serialize_none(self) -> Made {
        Ok(Value::null())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Made {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Made {
        Ok(Value::null())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Made {
        Ok(Value::null())
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Made {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Made {
        let made = value.serialize(self)?;
        match made.data {
            Data::Blob(bytes) if name == EXACT => Ok(Document::from_binary(&bytes)
                .map_err(|error| SerdeError::new(error.to_string()))?
                .to_value()),
            _ => Ok(made),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Made {
        let value = value.serialize(self).map_err(|error| error.in_field(variant))?;
        Ok(of_variant(Some(variant), value))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Elements, SerdeError> {
        // The length is the caller's word, and must not decide how much memory is taken.
        Ok(Elements { variant: None, values: Vec::with_capacity(length.unwrap_or(0).min(1024)) })
    }

    fn serialize_tuple(self, length: usize) -> Result<Elements, SerdeError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _name: &'static str, length: usize) -> Result<Elements, SerdeError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Elements, SerdeError> {
        Ok(Elements { variant: Some(variant), values: Vec::new() })
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Fields, SerdeError> {
        Ok(Fields { variant: None, fields: Struct::default(), key: None })
    }

    fn serialize_struct(self, _name: &'static str, length: usize) -> Result<Fields, SerdeError> {
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Fields, SerdeError> {
        Ok(Fields { variant: Some(variant), fields: Struct::default(), key: None })
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// A value that stands alone, or as the one field of a struct.
fn of_variant(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        None => value,
        Some(variant) => Value::new(Data::Struct(Struct::new(vec![(variant.into(), value)]))),
    }
}

impl Elements {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        let number = self.values.len();
        self.values.push(value.serialize(Serializer).map_err(|error| {
            let error = error.in_element(number);
            match self.variant {
                Some(variant) => error.in_field(variant),
                None => error,
            }
        })?);
        Ok(())
    }

    fn finish(self) -> Made {
        Ok(of_variant(self.variant, Value::new(Data::List(self.values))))
    }
}

impl Fields {
    fn push<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), SerdeError> {
        let value = value.serialize(Serializer).map_err(|error| {
            let error = error.in_field(name);
            match self.variant {
                Some(variant) => error.in_field(variant),
                None => error,
            }
        })?;
        self.fields.push(name, value);
        Ok(())
    }

    fn finish(self) -> Made {
        Ok(of_variant(self.variant, Value::new(Data::Struct(self.fields))))
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident;)+) => {
        $(impl $trait for Elements {
            type Ok = Value;
            type Error = SerdeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
                self.push(value)
            }

            fn end(self) -> Made {
                self.finish()
            }
        })+
    };
}

elements! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! fields {
    ($($trait:ident;)+) => {
        $(impl $trait for Fields {
            type Ok = Value;
            type Error = SerdeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), SerdeError> {
                self.push(name, value)
            }

            fn end(self) -> Made {
                self.finish()
            }
        })+
    };
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}

impl SerializeMap for Fields {
    type Ok = Value;
    type Error = SerdeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), SerdeError> {
        self.key = Some(key.serialize(KeySerializer)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerdeError> {
        let key = self.key.take().ok_or_else(|| SerdeError::new("a map gave a value without a key"))?;
        self.push(&key, value)
    }

    fn end(self) -> Made {
        self.finish()
    }
}

/// Makes the name of a field. Whatever is a text, an integer or a bool can be one.
struct KeySerializer;

macro_rules! keys {
    ($($method:ident($type:ty);)+) => {
        $(fn $method(self, value: $type) -> Result<String, SerdeError> {
            Ok(value.to_string())
        })+
    };
}

macro_rules! no_keys {
    ($($method:ident($($type:ty),*) -> $result:ty;)+) => {
        $(fn $method(self, $(_: $type),*) -> Result<$result, SerdeError> {
            Err(no_key())
        })+
    };
}

fn no_key() -> SerdeError {
    SerdeError::new(
        "the key of a map must be a text, an integer or a bool, because it becomes the name of a field",
    )
}

type Nothing = Impossible<String, SerdeError>;

impl serde::Serializer for KeySerializer {
    type Ok = String;
    type Error = SerdeError;
    type SerializeSeq = Nothing;
    type SerializeTuple = Nothing;
    type SerializeTupleStruct = Nothing;
    type SerializeTupleVariant = Nothing;
    type SerializeMap = Nothing;
    type SerializeStruct = Nothing;
    type SerializeStructVariant = Nothing;

    keys! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
    }

    no_keys! {
        serialize_f32(f32) -> String;
        serialize_f64(f64) -> String;
        serialize_bytes(&[u8]) -> String;
        serialize_none() -> String;
        serialize_unit() -> String;
        serialize_unit_struct(&'static str) -> String;
        serialize_seq(Option<usize>) -> Nothing;
        serialize_tuple(usize) -> Nothing;
        serialize_tuple_struct(&'static str, usize) -> Nothing;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Nothing;
        serialize_map(Option<usize>) -> Nothing;
        serialize_struct(&'static str, usize) -> Nothing;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Nothing;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<String, SerdeError> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<String, SerdeError> {
        Ok(variant.to_owned())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<String, SerdeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<String, SerdeError> {
        Err(no_key())
    }
}
