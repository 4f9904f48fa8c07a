//! The error of a value that does not fit a type.

use std::fmt;

/// A value does not fit a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerdeError {
    /// The names of fields, numbers of elements and names of variants from the outermost value to the one that does not fit.
    /// In reverse order, because it grows while the error passes outwards.
    reversed: Vec<String>,
    message: String,
}

impl SerdeError {
    /// Why the value does not fit.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where the value is, as in `owner.cars[2].vin`; empty for the whole value.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for part in self.reversed.iter().rev() {
            if !part.starts_with('[') && !path.is_empty() {
                path.push('.');
            }
            path.push_str(part);
        }
        path
    }

    pub(super) fn new(message: impl Into<String>) -> SerdeError {
        SerdeError { reversed: Vec::new(), message: message.into() }
    }

    pub(super) fn in_field(mut self, name: &str) -> SerdeError {
        self.reversed.push(name.to_owned());
        self
    }

    pub(super) fn in_element(mut self, number: usize) -> SerdeError {
        self.reversed.push(format!("[{number}]"));
        self
    }
}

impl fmt::Display for SerdeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reversed.is_empty() {
            return formatter.write_str(&self.message);
        }
        write!(formatter, "{}: {}", self.path(), self.message)
    }
}

impl std::error::Error for SerdeError {}

impl serde::ser::Error for SerdeError {
    fn custom<T: fmt::Display>(message: T) -> SerdeError {
        SerdeError::new(message.to_string())
    }
}

impl serde::de::Error for SerdeError {
    fn custom<T: fmt::Display>(message: T) -> SerdeError {
        SerdeError::new(message.to_string())
    }
}
