//! What a source fills, and how sources are joined.

/// The slots that one source fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceSlots {
    /// The element.
    pub value: usize,
    /// The place of the element: the position in a list or the name of a field, else MISSING.
    pub at: Option<usize>,
    /// The document id. It is MISSING for all but rows of tables.
    pub by: Option<usize>,
}

/// Inner or left outer join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// Only pairs of rows that match.
    Inner,
    /// Also each left row without a match, with NULL in the place of the right row.
    Left,
}
