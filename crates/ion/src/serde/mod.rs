//! Rust types as Ion, and Ion as Rust types, through serde.
//!
//! | Rust | Ion |
//! |---|---|
//! | `bool`, integers, floats | bool, int, float |
//! | `String`, `&str`, `char`, a variant without fields | string |
//! | bytes (`serde_bytes`) | blob |
//! | `None`, `()` | null |
//! | sequences, tuples | list |
//! | structs, maps | struct |
//! | a variant with fields | a struct whose one field has the variant's name |
//! | [`Value`], [`Document`], [`Decimal`](crate::Decimal), [`Timestamp`](crate::Timestamp), [`Int`](crate::Int), [`Symbol`](crate::Symbol) | exactly that value, with annotations, scale and precision |
//!
//! Read back, a symbol serves as a string, a clob as a blob, an s-expression as a list, a decimal as a float, and a whole decimal as an
//! integer. Annotations of a value are ignored, unless the Rust type is [`Value`] or [`Document`].
//!
//! ```
//! use everstrand_ion::{Decimal, serde};
//!
//! #[derive(Debug, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
//! struct Car {
//!     vin: String,
//!     owners: Vec<String>,
//!     price: Decimal,
//! }
//!
//! let car = Car { vin: "1N4AL11D75C".into(), owners: vec!["Ana".into()], price: "1200.50".parse()? };
//! let document = serde::to_document(&car)?;
//! assert_eq!(document.to_string(), r#"{vin:"1N4AL11D75C",owners:["Ana"],price:1200.50}"#);
//! assert_eq!(serde::from_value::<Car>(document.root())?, car);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod de;
mod error;
mod ser;
mod values;

use crate::document::{Document, RawValue};
use crate::value::Value;

pub use error::SerdeError;

/// A Rust value as an Ion value. An error names the field that has no form in Ion.
pub fn to_value<T: serde::Serialize + ?Sized>(value: &T) -> Result<Value, SerdeError> {
    value.serialize(ser::Serializer)
}

/// A Rust value as a document. It fails as [`to_value`] does.
pub fn to_document<T: serde::Serialize + ?Sized>(value: &T) -> Result<Document, SerdeError> {
    to_value(value).map(Document::from)
}

/// An Ion value as a Rust value, which may borrow texts and bytes of it. An error names the field that does not fit.
pub fn from_value<'de, T: serde::Deserialize<'de>>(value: RawValue<'de>) -> Result<T, SerdeError> {
    T::deserialize(de::Deserializer::new(value))
}
