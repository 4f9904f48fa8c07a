//! Options of a statement: how much of the language it may use, and how many bytes it may hold.

use crate::held::HeldBytes;

/// How much of the language a statement may use, and the bounds within which it runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether a statement may use constructs that QLDB did not have. Otherwise they are refused with QLDB's errors.
    pub extensions: bool,
    /// Whether an unqualified name means a field of any row around it, also in a nested query and among several
    /// sources, and whether the names of the outermost query stand for tables. Only the public conformance suite
    /// needs this, because it does not know QLDB's rules.
    pub lenient_names: bool,
    /// Counts the bytes of rows and values that are held, and bounds them. The count covers this statement and all
    /// others with the same count whose results have not been read to their end.
    pub held: HeldBytes,
}

impl Default for Options {
    fn default() -> Options {
        Options { extensions: true, lenient_names: false, held: HeldBytes::default() }
    }
}
