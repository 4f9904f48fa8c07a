//! The text form.

use crate::{IonError, Value};

/// Reads all top-level values of a text.
pub fn read_all(_text: &str) -> Result<Vec<Value>, IonError> {
    todo!()
}

/// Reads a text that holds exactly one value.
pub fn read_one(_text: &str) -> Result<Value, IonError> {
    todo!()
}

/// Compact text as QLDB printed it; `Display` of [`Value`] is the same.
pub fn write(_value: &Value) -> String {
    todo!()
}

/// Text over several lines, indented by two blanks, for people.
pub fn write_pretty(_value: &Value) -> String {
    todo!()
}

impl std::fmt::Display for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&write(self))
    }
}
