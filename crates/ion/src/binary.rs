//! The binary form. All well-formed streams are read; one canonical form is written.
//!
//! The canonical form of a value is: the version marker; a local symbol table; the value. The table has the symbols that
//! the value uses, in order of first appearance, without those that Ion itself defines. It is absent if there are none.
//! Lengths, ints and symbol ids take as few bytes as possible; floats have 64 bits, and `0e0` has none; there is no
//! padding. Therefore Ion Hash can use the payload of every scalar, except that of a symbol, as it is.

mod canonical;
mod encoder;
mod header;
mod primitives;
mod reader;
mod transcode;

pub(crate) use canonical::{Layout, fills, layout, layout_if_canonical};
pub(crate) use encoder::Encoder;
pub use header::VERSION_MARKER;
pub(crate) use header::{
    Header, RAW_DEPTH_MAX, WRAPPER, read_header, read_plain_header, read_wrapper, type_of,
};
pub(crate) use primitives::{
    int_of, magnitude_u64, read_decimal, read_float, read_timestamp, read_var_uint, small_int, write_var_uint,
};

use crate::error::IonError;
use crate::value::Value;
use reader::Reader;

/// Reads all top-level values of a stream. An empty stream has none. An error says what is wrong, and where.
pub fn read_all(bytes: &[u8]) -> Result<Vec<Value>, IonError> {
    let mut reader = Reader::new(bytes)?;
    let mut values = Vec::new();
    while let Some(value) = reader.next()? {
        values.push(value);
    }
    Ok(values)
}

/// Reads a stream that holds exactly one value. An error says what is wrong, and where.
pub fn read_one(bytes: &[u8]) -> Result<Value, IonError> {
    let mut reader = Reader::new(bytes)?;
    let value = reader.next()?.ok_or_else(|| IonError::new("there is no value", bytes.len()))?;
    reader.expect_end()?;
    Ok(value)
}

/// Brings a stream that holds exactly one value into canonical form.
pub(crate) fn transcode_one(bytes: &[u8]) -> Result<(Vec<u8>, Layout), IonError> {
    let mut reader = Reader::new(bytes)?;
    let document = reader.transcode_next()?.ok_or_else(|| IonError::new("there is no value", bytes.len()))?;
    reader.expect_end()?;
    Ok(document)
}

/// Writes a value in canonical form, see [the module](self).
pub fn write(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.value(value);
    encoder.finish().0
}
