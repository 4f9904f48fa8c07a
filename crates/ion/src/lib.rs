//! Ion 1.0 as a ledger needs it: owned values, text and binary forms, a zero-copy cursor over
//! the binary form, and Ion Hash.
//!
//! [`Value`] is an owned tree. [`RawValue`] is a borrowed view of a value inside Ion binary,
//! [`Document`] owns one self-contained binary value and hands out [`RawValue`]s. Nothing here
//! recurses deeper than a small multiple of [`MAX_DEPTH`] on any input, panics, or allocates beyond
//! the input's size class.
//!
//! ```
//! use everstrand_ion::{Document, RawValue, text};
//!
//! let value = text::read_one("{ id: 1, owner: person::'Ada' }")?;
//! assert_eq!(value.to_string(), "{id:1,owner:person::Ada}");
//! let document = Document::from(&value);
//! assert_eq!(document.root().get("id").and_then(RawValue::as_i64), Some(1));
//! assert_eq!(document.ion_hash(), everstrand_ion::ion_hash(&value));
//! # Ok::<(), everstrand_ion::IonError>(())
//! ```

mod decimal;
mod document;
mod error;
mod hash;
mod int;
mod raw;
mod slice;
mod struct_writer;
mod symbol;
mod symbol_table;
mod timestamp;
mod value;

pub mod binary;
pub mod text;

pub use decimal::{Decimal, ParseDecimalError};
pub use document::Document;
pub use error::IonError;
pub use hash::{Hasher, ion_hash, ion_hash_with};
pub use int::{Int, ParseIntError};
pub use raw::{RawFields, RawItems, RawValue};
pub use slice::Slice;
pub use struct_writer::StructWriter;
pub use symbol::{SYSTEM_SYMBOLS, Symbol};
pub use timestamp::{Precision, Timestamp, TimestampError, TimestampFields};
pub use value::{Data, IonType, Struct, Value};

/// The deepest nesting of containers that readers accept. What is put together from documents may
/// be some levels deeper, up to four times as deep, and stays whole.
pub const MAX_DEPTH: usize = 128;
