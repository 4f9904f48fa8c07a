//! The file of the key that seals the secrets of users.

use std::path::{Path, PathBuf};

use everstrand_server::MasterKey;

use crate::master_key;

/// The name of the file in a data folder, where no other file is named.
const FILE: &str = "users.key";

fn file_of(folder: &Path, named: Option<&Path>) -> PathBuf {
    named.map_or_else(|| folder.join(FILE), Path::to_owned)
}

/// Whether a data folder holds a key.
pub(crate) fn is_in(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

/// The key in the named file, else the key in the data folder, else the master key of the process, if there is one.
pub(crate) fn of_folder(
    folder: &Path,
    named: Option<&Path>,
) -> Result<Option<MasterKey>, Box<dyn std::error::Error>> {
    if named.is_none() && !is_in(folder) {
        return Ok(master_key::of_process()?);
    }
    Ok(Some(MasterKey::from_file(&file_of(folder, named))?))
}

/// The same, but makes a key with the mode 0600 where there is none.
pub(crate) fn of_folder_or_new(
    folder: &Path,
    named: Option<&Path>,
) -> Result<MasterKey, Box<dyn std::error::Error>> {
    if named.is_none() {
        if let Some(key) = of_folder(folder, None)? {
            return Ok(key);
        }
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    Ok(MasterKey::from_file_or_new(&file_of(folder, named))?)
}
