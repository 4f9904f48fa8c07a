//! Checkpoints in a folder. A file is written whole and durably, or not at all. A lock keeps two servers from publishing at once.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::place::{Existing, LATEST, Newest, PutError};

/// How often a lock that another server holds is tried, and the pause between.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Locks a folder, so that no other server publishes between our reading of the newest checkpoint and our writing of the next.
pub(super) fn lock(folder: &Path) -> Result<File, PutError> {
    let cannot =
        |error: std::io::Error| PutError::Refused(format!("cannot lock {}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(cannot)?;
    let file = File::create(folder.join("lock")).map_err(cannot)?;
    for _ in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // Some network file systems have no locks.
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                return Ok(file);
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
        }
    }
    Err(PutError::Overtaken(format!("another server is publishing in {}", folder.display())))
}

/// The newest checkpoint in a folder, by the number in its name. `latest.checkpoint` alone may be older, because a crash can come
/// before it is replaced.
pub(super) fn newest(folder: &Path) -> Result<Option<Newest>, PutError> {
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
    let text = fs::read_to_string(&path).map_err(cannot)?;
    Ok(Some(Newest { name: path.display().to_string(), text, version: None }))
}

/// Writes a file, unless it exists with the same content.
pub(super) fn put(folder: &Path, name: &str, content: &str, existing: Existing<'_>) -> Result<(), PutError> {
    let path = folder.join(name);
    let cannot =
        |error: std::io::Error| PutError::Refused(format!("cannot write {}: {error}", path.display()));
    match fs::read_to_string(&path) {
        Ok(found) if found == content => return Ok(()),
        Ok(_) if matches!(existing, Existing::Keep) => {
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
