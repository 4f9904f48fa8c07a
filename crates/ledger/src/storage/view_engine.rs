//! What the storage engines under views have in common: how they fail.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::views::ViewError;

/// The first entry of a view on disk. A view with another one is rebuilt. A view of `pre-1` may hold redacted data in
/// its files without saying so.
pub(super) const FORMAT: &[u8] = b"everstrand view pre-2";

/// Why an engine did not do something.
#[derive(Debug)]
pub(super) enum EngineError {
    /// Another process has the files; nothing is wrong with them.
    Locked(ViewError),
    /// The files are damaged, or the disk failed.
    Failed(ViewError),
}

impl EngineError {
    pub(super) fn failed(path: &Path, why: &dyn Display) -> Self {
        EngineError::Failed(failed(path, why))
    }
}

impl From<EngineError> for ViewError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Locked(error) | EngineError::Failed(error) => error,
        }
    }
}

/// Calls the engine. Engines panic on some damaged files, so a panic is an error here too and does not end the
/// process.
pub(super) fn guard<T, E: Display>(
    path: &Path,
    is_locked: fn(&E) -> bool,
    run: impl FnOnce() -> Result<T, E>,
) -> Result<T, EngineError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if is_locked(&error) => {
            Err(EngineError::Locked(failed(path, &"another process has it open")))
        }
        Ok(Err(error)) => Err(EngineError::failed(path, &error)),
        Err(_) => Err(EngineError::failed(path, &"the engine panicked")),
    }
}

/// An error with the path at which it happened.
pub(super) fn failed(path: &Path, why: &dyn Display) -> ViewError {
    ViewError(format!("{}: {why}", path.display()))
}
