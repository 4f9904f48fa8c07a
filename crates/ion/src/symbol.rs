//! Symbols: text that binary Ion sends as a number.

use std::sync::Arc;

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
