//! The symbols that Ion itself defines, by id and by text.

use crate::symbol::SYSTEM_SYMBOLS;

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
