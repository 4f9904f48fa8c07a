//! Ion 1.0: values, the text form, the binary form, a zero-copy cursor over the binary form, and Ion Hash.
//!
//! * [`Value`] is a tree that owns its parts.
//! * [`Document`] owns one value in binary form, as a ledger stores it.
//! * [`RawValue`] is a value inside a [`Document`]. It borrows the bytes and decodes a part when it is asked for it.
//! * [`Slice`] is a [`RawValue`] that keeps its document alive, so that it can be stored.
//!
//! No input makes this crate panic. Recursion is bounded by [`MAX_DEPTH`], and memory by the size of the input.
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
mod symbol;
mod symbol_table;
mod timestamp;
mod value;

pub mod binary;
#[cfg(feature = "serde")]
pub mod serde;
pub mod text;

pub use decimal::{Decimal, ParseDecimalError};
pub use document::{Document, RawFields, RawItems, RawValue, Slice, StructWriter};
pub use error::IonError;
pub use hash::{Hasher, ion_hash, ion_hash_with};
pub use int::{Int, ParseIntError};
pub use symbol::{SYSTEM_SYMBOLS, Symbol};
pub use timestamp::{Precision, Timestamp, TimestampError, TimestampFields};
pub use value::{Data, IonType, Struct, Value};

/// The deepest nesting of containers that readers accept. A value that is put together from documents may be deeper, up
/// to four times as deep; containers below that read as null.
pub const MAX_DEPTH: usize = 128;
