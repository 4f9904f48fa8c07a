//! Symbols: text that binary Ion sends as a number.

use std::sync::Arc;

/// The symbols 1 to 9, which every Ion 1.0 stream has.
pub const SYSTEM_SYMBOLS: [&str; 9] = [
    "$ion",
    "$ion_1_0",
    "$ion_symbol_table",
    "name",
    "version",
    "imports",
    "symbols",
    "max_id",
    "$ion_shared_symbol_table",
];

/// A symbol by its text. A symbol whose text is not known (`$0`, or one imported from a shared
/// table that is not at hand) has none; all of those are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(Option<Arc<str>>);

impl Symbol {
    /// The symbol whose text is not known, `$0`.
    pub const UNKNOWN: Symbol = Symbol(None);

    /// The symbol of this text.
    pub fn new(text: impl Into<Arc<str>>) -> Symbol {
        Symbol(Some(text.into()))
    }

    /// Its text, when known.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl PartialEq<str> for Symbol {
    fn eq(&self, text: &str) -> bool {
        self.text() == Some(text)
    }
}

impl From<&str> for Symbol {
    fn from(text: &str) -> Symbol {
        Symbol::new(text)
    }
}

impl From<String> for Symbol {
    fn from(text: String) -> Symbol {
        Symbol::new(text)
    }
}
