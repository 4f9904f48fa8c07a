//! What can be wrong with Ion bytes or text.

/// Why an input is not the Ion value that was asked for, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at offset {offset}")]
pub struct IonError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes from the start of the input.
    pub offset: usize,
}

impl IonError {
    /// What is wrong, and where in bytes from the start of the input.
    pub fn new(message: impl Into<String>, offset: usize) -> IonError {
        IonError { message: message.into(), offset }
    }
}
