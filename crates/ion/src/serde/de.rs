//! Ion values to Rust values.

use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
    value::{BorrowedStrDeserializer, U8Deserializer},
};
use serde::{Deserializer as _, forward_to_deserialize_any};

use super::error::SerdeError;
use super::values::EXACT;
use crate::document::{RawFields, RawItems, RawValue};
use crate::value::IonType;

/// Reads one value.
#[derive(Clone, Copy)]
pub(super) struct Deserializer<'de> {
    value: RawValue<'de>,
}

type Read<T> = Result<T, SerdeError>;

impl<'de> Deserializer<'de> {
    pub(super) fn new(value: RawValue<'de>) -> Deserializer<'de> {
        Deserializer { value }
    }

    /// The error that another type was expected.
    fn unexpected(self, expected: &dyn serde::de::Expected) -> SerdeError {
        let found = match (self.value.is_null(), self.value.ion_type()) {
            (true, IonType::Null) => "null".to_owned(),
            (true, ion_type) => format!("null.{ion_type}"),
            (false, ion_type) => ion_type.to_string(),
        };
        serde::de::Error::invalid_type(Unexpected::Other(&found), expected)
    }

    fn visit_int<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let Some(int) = self.value.as_int() else { return Err(self.unexpected(&visitor)) };
        if let Some(small) = int.as_i64() {
            visitor.visit_i64(small)
        } else if let Some(small) = int.as_u64() {
            visitor.visit_u64(small)
        } else if let Ok(small) = int.to_bigint().try_into() {
            visitor.visit_i128(small)
        } else if let Ok(small) = int.to_bigint().try_into() {
            visitor.visit_u128(small)
        } else {
            Err(serde::de::Error::invalid_value(Unexpected::Other("an int of more than 128 bits"), &visitor))
        }
    }

    /// An int, or a decimal without places.
    fn visit_whole<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.value.as_decimal().and_then(|decimal| decimal.to_int(40)) {
            Some(int) => match (int.as_i64(), int.as_u64()) {
                (Some(small), _) => visitor.visit_i64(small),
                (None, Some(small)) => visitor.visit_u64(small),
                _ => Err(self.unexpected(&visitor)),
            },
            None => self.deserialize_any(visitor),
        }
    }

    fn visit_float<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let float = match self.value.ion_type() {
            IonType::Float => self.value.as_f64(),
            IonType::Decimal => self.value.as_decimal().map(|decimal| decimal.to_f64()),
            IonType::Int => self.value.as_int().map(|int| int.to_f64()),
            _ => None,
        };
        match float {
            Some(float) => visitor.visit_f64(float),
            None => Err(self.unexpected(&visitor)),
        }
    }
}

impl<'de> serde::Deserializer<'de> for Deserializer<'de> {
    type Error = SerdeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        if self.value.is_null() {
            return visitor.visit_unit();
        }
        match self.value.ion_type() {
            IonType::Null => visitor.visit_unit(),
            IonType::Bool => match self.value.as_bool() {
                Some(value) => visitor.visit_bool(value),
                None => Err(self.unexpected(&visitor)),
            },
            IonType::Int => self.visit_int(visitor),
            IonType::Float | IonType::Decimal => self.visit_float(visitor),
            IonType::Timestamp => match self.value.as_timestamp() {
                Some(timestamp) => visitor.visit_string(timestamp.to_string()),
                None => Err(self.unexpected(&visitor)),
            },
            IonType::Symbol | IonType::String => match self.value.as_text() {
                Some(text) => visitor.visit_borrowed_str(text),
                None => Err(self.unexpected(&visitor)),
            },
            IonType::Clob | IonType::Blob => match self.value.as_bytes() {
                Some(bytes) => visitor.visit_borrowed_bytes(bytes),
                None => Err(self.unexpected(&visitor)),
            },
            IonType::List | IonType::Sexp => {
                visitor.visit_seq(Elements { items: self.value.items(), number: 0 })
            }
            IonType::Struct => visitor.visit_map(Fields::of(self.value)),
        }
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.visit_whole(visitor)
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.visit_whole(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.visit_whole(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.visit_whole(visitor)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.visit_whole(visitor)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.visit_whole(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.visit_whole(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.visit_whole(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.visit_whole(visitor)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.visit_whole(visitor)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.visit_float(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.visit_float(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Read<V::Value> {
        if name == EXACT {
            return visitor.visit_byte_buf(self.value.to_document().as_bytes().to_vec());
        }
        visitor.visit_newtype_struct(self)
    }

    /// Bytes too, so that `Vec<u8>` reads a blob.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.value.as_bytes() {
            Some(bytes) => visitor.visit_seq(Bytes(bytes.iter())),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        if let Some(name) = self.value.as_text() {
            return visitor.visit_enum(Variant { name, value: None });
        }
        let mut fields = self.value.fields();
        match (fields.next(), fields.next()) {
            (Some((Some(name), value)), None) => visitor.visit_enum(Variant { name, value: Some(value) }),
            _ => Err(self.unexpected(&"the name of a variant, or a struct whose one field has that name")),
        }
    }

    /// Whatever is there, unread.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier
    }
}

/// The elements of a list.
struct Elements<'de> {
    items: RawItems<'de>,
    number: usize,
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = SerdeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<Option<T::Value>> {
        let Some(value) = self.items.next() else { return Ok(None) };
        let number = self.number;
        self.number += 1;
        seed.deserialize(Deserializer { value }).map(Some).map_err(|error| error.in_element(number))
    }
}

/// The bytes of a blob as a list of numbers.
struct Bytes<'de>(std::slice::Iter<'de, u8>);

impl<'de> SeqAccess<'de> for Bytes<'de> {
    type Error = SerdeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<Option<T::Value>> {
        let Some(byte) = self.0.next() else { return Ok(None) };
        let byte: U8Deserializer<SerdeError> = (*byte).into_deserializer();
        seed.deserialize(byte).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The fields of a struct.
struct Fields<'de> {
    fields: RawFields<'de>,
    /// The field whose name was read last.
    last: Option<(&'de str, RawValue<'de>)>,
}

impl<'de> Fields<'de> {
    fn of(value: RawValue<'de>) -> Fields<'de> {
        Fields { fields: value.fields(), last: None }
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = SerdeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Read<Option<K::Value>> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        let name = name.ok_or_else(|| SerdeError::new("a field has a name of unknown text"))?;
        self.last = Some((name, value));
        seed.deserialize(Name(name)).map(Some).map_err(|error| error.in_field(name))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Read<V::Value> {
        let (name, value) =
            self.last.take().ok_or_else(|| SerdeError::new("a field was read before its name"))?;
        seed.deserialize(Deserializer { value }).map_err(|error| error.in_field(name))
    }
}

/// The name of a field as the key of a map: a text, or what the text says.
struct Name<'de>(&'de str);

macro_rules! parsed {
    ($($method:ident => $visit:ident: $type:ty;)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
            match self.0.parse::<$type>() {
                Ok(value) => visitor.$visit(value),
                Err(_) => visitor.visit_borrowed_str(self.0),
            }
        })+
    };
}

impl<'de> serde::Deserializer<'de> for Name<'de> {
    type Error = SerdeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_borrowed_str(self.0)
    }

    parsed! {
        deserialize_bool => visit_bool: bool;
        deserialize_i8 => visit_i8: i8;
        deserialize_i16 => visit_i16: i16;
        deserialize_i32 => visit_i32: i32;
        deserialize_i64 => visit_i64: i64;
        deserialize_i128 => visit_i128: i128;
        deserialize_u8 => visit_u8: u8;
        deserialize_u16 => visit_u16: u16;
        deserialize_u32 => visit_u32: u32;
        deserialize_u64 => visit_u64: u64;
        deserialize_u128 => visit_u128: u128;
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        BorrowedStrDeserializer::new(self.0).deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Read<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The variant of an enum, and its content.
struct Variant<'de> {
    name: &'de str,
    value: Option<RawValue<'de>>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = SerdeError;
    type Variant = Variant<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Read<(V::Value, Variant<'de>)> {
        Ok((seed.deserialize(Name(self.name))?, self))
    }
}

impl<'de> Variant<'de> {
    fn content(&self) -> Read<Deserializer<'de>> {
        let missing = || {
            SerdeError::new(format!("the variant {} has fields, and the value is only its name", self.name))
        };
        self.value.map(Deserializer::new).ok_or_else(missing)
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = SerdeError;

    fn unit_variant(self) -> Read<()> {
        match self.value {
            None => Ok(()),
            Some(value) if value.is_null() => Ok(()),
            Some(_) => Err(SerdeError::new("a value, where the variant has none").in_field(self.name)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Read<T::Value> {
        seed.deserialize(self.content()?).map_err(|error| error.in_field(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Read<V::Value> {
        let read = serde::Deserializer::deserialize_tuple(self.content()?, length, visitor);
        read.map_err(|error| error.in_field(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Read<V::Value> {
        let read = serde::Deserializer::deserialize_struct(self.content()?, "", fields, visitor);
        read.map_err(|error| error.in_field(self.name))
    }
}
