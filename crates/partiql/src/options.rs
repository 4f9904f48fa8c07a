//! Options of a statement: how much of the language it may use, and how many bytes it may hold.

use crate::buffered_bytes::BufferedBytes;

/// How much of the language a statement may use, and the bounds within which it runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether a statement may use constructs that QLDB did not have. Otherwise they are refused with QLDB's errors.
    pub extensions: bool,
    /// Whether names are resolved as the public conformance suite wants it; only its test compiles this.
    #[cfg(feature = "lenient-names")]
    #[doc(hidden)]
    pub lenient_names: bool,
    /// Counts the bytes of rows and values that are held, and bounds them. The count covers this statement and all
    /// others with the same count whose results have not been read to their end.
    pub held: BufferedBytes,
}

impl Options {
    /// Options with these values.
    pub fn new(extensions: bool, held: BufferedBytes) -> Options {
        Options {
            extensions,
            #[cfg(feature = "lenient-names")]
            lenient_names: false,
            held,
        }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options::new(true, BufferedBytes::default())
    }
}
