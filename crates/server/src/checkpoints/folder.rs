//! Checkpoints in a folder. Files are written whole and durable, or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::{Existing, PutError};

/// Writes a file.
pub(super) fn put(folder: &Path, name: &str, content: &str, existing: Existing) -> Result<(), PutError> {
    let path = folder.join(name);
    let cannot =
        |error: std::io::Error| PutError::Refused(format!("cannot write {}: {error}", path.display()));
    match fs::read_to_string(&path) {
        Ok(found) if found == content => return Ok(()),
        Ok(_) if existing == Existing::Keep => {
            let why = format!("{} is there already and says something else", path.display());
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
