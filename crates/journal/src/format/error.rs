//! The error of bytes that cannot be read.

/// Bytes are not the slot, block or file that they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at byte {offset})")]
pub struct FormatError {
    /// What is wrong.
    pub message: String,
    /// Where it is wrong, in bytes from the start of what was read.
    pub offset: usize,
}

impl FormatError {
    pub(crate) fn new(message: impl Into<String>, offset: usize) -> FormatError {
        FormatError { message: message.into(), offset }
    }

    pub(crate) fn shifted(self, by: usize) -> FormatError {
        FormatError { offset: self.offset.saturating_add(by), ..self }
    }
}
