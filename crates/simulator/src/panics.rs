//! Where a panic happened. `catch_unwind` does not tell it, so a hook keeps it.

use std::any::Any;
use std::cell::RefCell;
use std::panic;

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the place of each panic from now on instead of printing it. The failure of the seed prints it, with the command
/// that replays it.
pub fn note_panics() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
        PLACE.with_borrow_mut(|kept| *kept = place);
    }));
}

/// The place of this thread's last panic, as in ` at FILE:LINE`; empty if it was not kept.
pub(crate) fn place() -> String {
    PLACE.with_borrow_mut(Option::take).unwrap_or_default()
}

/// The text of a panic that was caught.
pub(crate) fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_has_a_file_and_a_line() {
        let before = panic::take_hook();
        note_panics();
        let line = line!() + 1;
        let caught = panic::catch_unwind(|| panic!("on purpose"));
        panic::set_hook(before);
        assert!(caught.is_err());
        assert_eq!(place(), format!(" at {}:{line}", file!()));
        assert_eq!(place(), "");
    }
}
