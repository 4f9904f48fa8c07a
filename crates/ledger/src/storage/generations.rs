//! The directories of a view on disk. Each life of a view, from empty to wiped, has a numbered directory of its own, so
//! that a wipe does not disturb those who still read a snapshot of the old one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::file;
use super::view_engine::{EngineError, failed};
use super::views::ViewError;

/// A file of this name is in the directory of a view that must not be opened again. The name is part of the format.
const DISTRUSTED: &str = "doubtful";

/// The directory of one life of a view. It is removed with the last user, if the view was wiped.
pub(super) struct GenerationDirectory {
    pub(super) path: PathBuf,
    is_wiped: AtomicBool,
}

impl GenerationDirectory {
    pub(super) fn new(path: &Path) -> GenerationDirectory {
        GenerationDirectory { path: path.to_owned(), is_wiped: AtomicBool::new(false) }
    }

    /// The next opening begins an empty view. If even this fails, the next opening meets the same failure again.
    pub(super) fn mark_distrusted(&self) -> io::Result<()> {
        file::touch(&self.path.join(DISTRUSTED))
    }

    /// The view is over: the directory goes when nobody reads it.
    pub(super) fn wipe(&self) {
        self.is_wiped.store(true, Ordering::Relaxed);
        let _ = self.mark_distrusted();
    }
}

impl Drop for GenerationDirectory {
    fn drop(&mut self) {
        if self.is_wiped.load(Ordering::Relaxed) {
            remove(&self.path);
        }
    }
}

/// Opens the newest generation in `path`. Begins an empty one if there is none, or if it cannot be trusted.
pub(super) fn open_newest<Generation>(
    path: &Path,
    open: impl Fn(&Path) -> Result<Generation, EngineError>,
) -> Result<Generation, ViewError> {
    file::create_directories(path).map_err(|error| failed(path, &error))?;
    let mut numbers = generations(path)?;
    let Some(newest) = numbers.pop() else { return Ok(open(&path.join("0"))?) };
    for older in numbers {
        remove(&path.join(older.to_string()));
    }
    let directory = path.join(newest.to_string());
    let opened = match file::exists(&directory.join(DISTRUSTED)) {
        true => Err(EngineError::failed(&directory, &"it failed earlier")),
        false => open(&directory),
    };
    match opened {
        Err(EngineError::Failed(error)) => {
            tracing::warn!(path = %directory.display(), %error, "the view cannot be used and is built again from the journal");
            let generation = open(&path.join((newest + 1).to_string()))?;
            remove(&directory);
            Ok(generation)
        }
        opened => Ok(opened?),
    }
}

/// The directory of the generation after the newest.
pub(super) fn next(path: &Path) -> Result<PathBuf, ViewError> {
    let next = generations(path)?.last().map_or(0, |newest| newest + 1);
    Ok(path.join(next.to_string()))
}

/// The generations in a directory, the newest last.
fn generations(path: &Path) -> Result<Vec<u64>, ViewError> {
    let names = file::names(path).map_err(|error| failed(path, &error))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Removes an old generation. If that fails, the next opening tries again.
pub(super) fn remove(path: &Path) {
    if let Err(error) = file::remove_directory(path) {
        tracing::warn!(path = %path.display(), %error, "an old view was not removed");
    }
}
