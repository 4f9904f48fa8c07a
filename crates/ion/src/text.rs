//! The text form.
//!
//! [`write()`] prints what QLDB printed, byte for byte where both can say a value: no blanks, the
//! shortest quoting, no raw control characters. [`Reader`] reads all of Ion 1.0 text, including
//! what nobody writes by hand: version markers, symbol tables, symbol ids.

mod characters;
mod number;
mod quoted;
mod reader;
mod writer;

pub use reader::Reader;
pub use writer::write_symbol;

use crate::error::IonError;
use crate::value::Value;

/// Reads all top-level values of a text.
pub fn read_all(text: &str) -> Result<Vec<Value>, IonError> {
    Reader::new(text).collect()
}

/// Reads a text that holds exactly one value.
pub fn read_one(text: &str) -> Result<Value, IonError> {
    let mut reader = Reader::new(text);
    let value = reader
        .next()
        .unwrap_or_else(|| Err(IonError::new("expected a value, found the end of the text", text.len())))?;
    match reader.next() {
        None => Ok(value),
        Some(Ok(_)) => {
            Err(IonError::new("expected one value, found another after it", reader.value_offset()))
        }
        Some(Err(error)) => Err(error),
    }
}

/// Compact text as QLDB printed it; `Display` of [`Value`] is the same.
///
/// Ion has no text for two values at the top level: a symbol `$ion_1_0`, which readers skip, and a
/// struct whose first annotation is `$ion_symbol_table`, which they take as a definition.
pub fn write(value: &Value) -> String {
    writer::write(value, false)
}

/// Text over several lines, indented by two blanks, for people.
pub fn write_pretty(value: &Value) -> String {
    writer::write(value, true)
}
