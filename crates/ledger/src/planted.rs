//! Bugs on purpose, which show that the simulator finds them. They exist only if the whole program is compiled with
//! `--cfg planted_bugs`. The environment variable `PLANTED_BUG` lets one loose. Only those are here that a condition
//! in the engine alone can plant; `crates/simulator/src/planted.rs` has the others.
//!
//! `crates/simulator/planted-bugs` builds and runs them all; `docs/testing.md` has the table.

/// Whether one of these bugs was let loose. In every ordinary build this is the constant `false`.
#[cfg(not(planted_bugs))]
macro_rules! planted {
    ($name:literal) => {
        false
    };
}

/// Whether one of these bugs was let loose.
#[cfg(planted_bugs)]
macro_rules! planted {
    ($name:literal) => {
        crate::planted::is_loose($name)
    };
}

pub(crate) use planted;

#[cfg(planted_bugs)]
pub(crate) fn is_loose(name: &str) -> bool {
    static LOOSE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    LOOSE.get_or_init(|| std::env::var("PLANTED_BUG").ok()).as_deref() == Some(name)
}
