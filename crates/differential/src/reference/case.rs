//! A statement for both.

/// A statement with what it is called in the list of known differences.
pub(crate) struct Case {
    /// The operator, the function or the kind of query.
    pub(crate) construct: String,
    /// The kinds of the operands.
    pub(crate) kinds: Vec<&'static str>,
    pub(crate) ours: String,
    pub(crate) reference: String,
    pub(crate) is_strict: bool,
}
