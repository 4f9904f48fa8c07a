//! The binary form.

use crate::{IonError, Value};

/// The first four bytes of Ion 1.0 binary.
pub const VERSION_MARKER: [u8; 4] = [0xE0, 0x01, 0x00, 0xEA];

/// Reads all top-level values of a stream.
pub fn read_all(_bytes: &[u8]) -> Result<Vec<Value>, IonError> {
    todo!()
}

/// Reads a stream that holds exactly one value.
pub fn read_one(_bytes: &[u8]) -> Result<Value, IonError> {
    todo!()
}

/// Writes one value canonically: version marker, local symbol table (only where it is needed;
/// symbols in order of first appearance), value.
pub fn write(_value: &Value) -> Vec<u8> {
    todo!()
}
