//! What a statement may use of the language, and how many bytes it may hold.

use crate::held::HeldBytes;

/// How a statement may use the language, and within which bounds it runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether the constructs are there that QLDB did not have. Without them they are refused with
    /// QLDB's own errors.
    pub extensions: bool,
    /// Whether an unqualified name is the field of whichever row around has it, be it in a nested query
    /// or among several sources, and the names of the outermost query stand for tables. Only the public
    /// conformance suite, which knows none of these rules, wants this.
    pub lenient_names: bool,
    /// How many bytes of rows and values may be held at once, and are: by this statement and by all
    /// others with the same count whose rows are not at their end.
    pub held: HeldBytes,
}

impl Default for Options {
    fn default() -> Options {
        Options { extensions: true, lenient_names: false, held: HeldBytes::default() }
    }
}
