//! What can be wrong with stored bytes.

/// Why bytes are not the slot, block or file they should be, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at byte {offset})")]
pub struct FormatError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes from the start of what was to be read.
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
