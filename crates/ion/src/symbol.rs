//! Symbols: texts that binary Ion writes as numbers.

use std::sync::Arc;

/// The texts of the symbols 1 to 9, which every Ion 1.0 stream has.
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

/// The first id that a stream can define itself.
pub(crate) const FIRST_LOCAL_ID: u64 = SYSTEM_SYMBOLS.len() as u64 + 1;

/// The text of a system symbol; `None` for `$0` and for ids beyond the system table.
#[inline]
pub(crate) fn system_symbol(id: u64) -> Option<&'static str> {
    let index = usize::try_from(id).ok()?.checked_sub(1)?;
    SYSTEM_SYMBOLS.get(index).copied()
}

/// The id of a system symbol; `None` for other texts.
#[inline]
pub(crate) fn system_id(text: &str) -> Option<u64> {
    // The first byte already excludes most texts.
    if !matches!(text.as_bytes().first(), Some(b'$' | b'n' | b'v' | b'i' | b's' | b'm')) {
        return None;
    }
    (1..).zip(SYSTEM_SYMBOLS).find(|(_, symbol)| *symbol == text).map(|(id, _)| id)
}

/// A symbol. It has no text if that is unknown: the symbol is `$0`, or was imported from a shared table, which this crate
/// does not have. All symbols of unknown text are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(Option<Arc<str>>);

impl Symbol {
    /// The symbol of unknown text, `$0`.
    pub const UNKNOWN: Symbol = Symbol(None);

    /// The symbol with this text.
    pub fn new(text: impl Into<Arc<str>>) -> Symbol {
        Symbol(Some(text.into()))
    }

    /// The text; `None` if it is unknown.
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
