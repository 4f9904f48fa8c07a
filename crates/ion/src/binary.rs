//! The binary form: any well-formed stream is read, one canonical form is written.
//!
//! The canonical form of a value is the version marker; a local symbol table with nothing but the
//! symbols that the value uses and Ion itself does not define, in order of first appearance, left
//! out where there are none; the value. Lengths, ints and symbol ids take as few bytes as they can,
//! floats have 64 bits (`0e0` has none), there is no padding. So the payload of every scalar but
//! a symbol is what Ion Hash takes in.

mod canonical;
mod copy;
mod encoder;
mod header;
mod primitives;
mod reader;
mod system_symbols;
mod transcode;

pub(crate) use canonical::{Layout, layout, layout_if_canonical};
pub(crate) use encoder::Encoder;
pub use header::VERSION_MARKER;
pub(crate) use header::{
    Header, RAW_DEPTH_MAX, WRAPPER, read_header, read_plain_header, read_wrapper, type_of,
};
pub(crate) use primitives::{
    int_of, magnitude_u64, read_decimal, read_float, read_timestamp, read_var_uint, small_int,
};
pub(crate) use system_symbols::{FIRST_LOCAL_ID, system_symbol};

use crate::error::IonError;
use crate::value::Value;
use reader::Reader;

/// Reads all top-level values of a stream. An empty stream has none.
pub fn read_all(bytes: &[u8]) -> Result<Vec<Value>, IonError> {
    let mut reader = Reader::new(bytes)?;
    let mut values = Vec::new();
    while let Some(value) = reader.next()? {
        values.push(value);
    }
    Ok(values)
}

/// Reads a stream that holds exactly one value.
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

/// Writes one value canonically: version marker, local symbol table (only where it is needed;
/// symbols in order of first appearance), value.
pub fn write(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.value(value);
    encoder.finish().0
}
