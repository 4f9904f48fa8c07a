//! The text form.
//!
//! [`write()`] prints the same bytes as QLDB did: no blanks, quotes only where they are needed, and no raw control
//! characters. [`Reader`] reads all of Ion 1.0 text, with version markers, symbol tables and symbol ids.

mod characters;
mod number;
mod quoted;
mod reader;
mod writer;

pub use reader::Reader;
pub use writer::write_symbol;

use crate::error::IonError;
use crate::value::Value;

/// Reads all top-level values of a text. An error says what is wrong, and where.
pub fn read_all(text: &str) -> Result<Vec<Value>, IonError> {
    Reader::new(text).collect()
}

/// Reads a text that holds exactly one value. An error says what is wrong, and where.
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

/// Writes compact text, as QLDB printed it. `Display` of [`Value`] does the same.
///
/// Two values cannot be read back from the top level of a text: the symbol `$ion_1_0`, which readers skip, and a struct
/// whose first annotation is `$ion_symbol_table`, which they take as a symbol table.
pub fn write(value: &Value) -> String {
    writer::write(value, false)
}

/// Writes text on several lines, indented by two blanks, for people.
pub fn write_pretty(value: &Value) -> String {
    writer::write(value, true)
}
