//! The error of reading Ion.

/// An input is not the Ion value that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at offset {offset}")]
pub struct IonError {
    /// What is wrong.
    pub message: String,
    /// Where it is wrong, in bytes from the start of the input.
    pub offset: usize,
}

impl IonError {
    /// An error with this message, at `offset` bytes from the start of the input.
    pub fn new(message: impl Into<String>, offset: usize) -> IonError {
        IonError { message: message.into(), offset }
    }
}
