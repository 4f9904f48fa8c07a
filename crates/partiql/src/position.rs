//! Where things stand in the text of a statement.

/// The place at which a token begins: line and column, counted from one; columns count code points.
///
/// All positions compare equal, so that two trees are equal when they mean the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl PartialEq for Position {
    fn eq(&self, _other: &Position) -> bool {
        true
    }
}

impl Eq for Position {}
