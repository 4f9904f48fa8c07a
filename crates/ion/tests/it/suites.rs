//! Where the public conformance suites lie. They are not part of the repository: a test of one
//! says so and passes where it is absent, unless `REQUIRE_VECTORS=1` asks for it.

use std::path::{Path, PathBuf};

/// The folder of a suite: from the environment variable, or beside the workspace.
pub(crate) fn folder(variable: &str, name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance").join(name);
    let folder = std::env::var_os(variable).map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    let message = format!("the suite {name} is not at {} ({variable} names its folder)", folder.display());
    assert!(std::env::var_os("REQUIRE_VECTORS").is_none_or(|value| value != "1"), "{message}");
    println!("skipped: {message}");
    None
}

/// All files below a folder, in order of their paths.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// A file of vectors of this project.
pub(crate) fn vector(name: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors").join(name);
    if file.is_file() {
        return Some(file);
    }
    let message = format!("the vectors {name} are not at {}", file.display());
    assert!(std::env::var_os("REQUIRE_VECTORS").is_none_or(|value| value != "1"), "{message}");
    println!("skipped: {message}");
    None
}
