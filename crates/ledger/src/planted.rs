//! Bugs on purpose, to see that the simulator finds them. They exist only where the whole program is compiled with
//! `--cfg planted_bugs`; one at a time is let loose, by the environment variable `PLANTED_BUG`.
//!
//! `crates/simulator/planted-bugs` builds and runs them all; `docs/testing.md` has the table.

/// Whether one of these bugs was let loose: `false`, known to the compiler, in every ordinary build.
#[cfg(not(planted_bugs))]
macro_rules! planted {
    ($($name:literal),+) => {
        false
    };
}

/// Whether one of these bugs was let loose.
#[cfg(planted_bugs)]
macro_rules! planted {
    ($($name:literal),+) => {
        $(crate::planted::is_loose($name))||+
    };
}

pub(crate) use planted;

#[cfg(planted_bugs)]
pub(crate) fn is_loose(name: &str) -> bool {
    static LOOSE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    LOOSE.get_or_init(|| std::env::var("PLANTED_BUG").ok()).as_deref() == Some(name)
}
