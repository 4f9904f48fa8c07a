//! Checkpoints in a folder. A file is written whole and durably, or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::place::{Existing, LATEST, PutError};

/// The newest checkpoint in a folder, by the number in its name. `latest.checkpoint` alone may be older, because a crash can come
/// before it is replaced.
pub(super) fn newest(folder: &Path) -> Result<Option<(String, String)>, PutError> {
    let cannot =
        |error: std::io::Error| PutError::Refused(format!("cannot read {}: {error}", folder.display()));
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        entries => entries.map_err(cannot)?,
    };
    let mut newest: Option<String> = None;
    for entry in entries {
        let name = entry.map_err(cannot)?.file_name().to_string_lossy().into_owned();
        let is_numbered =
            name.ends_with(".checkpoint") && name.starts_with(|first: char| first.is_ascii_digit());
        if name == LATEST && newest.is_none()
            || is_numbered && newest.as_ref().is_none_or(|newest| *newest < name || newest == LATEST)
        {
            newest = Some(name);
        }
    }
    let Some(name) = newest else { return Ok(None) };
    let path = folder.join(name);
    let content = fs::read_to_string(&path).map_err(cannot)?;
    Ok(Some((path.display().to_string(), content)))
}

/// Writes a file, unless it exists with the same content.
pub(super) fn put(folder: &Path, name: &str, content: &str, existing: Existing) -> Result<(), PutError> {
    let path = folder.join(name);
    let cannot =
        |error: std::io::Error| PutError::Refused(format!("cannot write {}: {error}", path.display()));
    match fs::read_to_string(&path) {
        Ok(found) if found == content => return Ok(()),
        Ok(_) if existing == Existing::Keep => {
            let why = format!("{} exists with another content", path.display());
            return Err(PutError::Refused(why));
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(cannot(error)),
    }
    fs::create_dir_all(folder).map_err(cannot)?;
    let temporary = folder.join(format!("{name}.new"));
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(cannot)
}
