//! Where test data lie: public suites and vectors of ours in the repository, and evidence that QLDB made, which
//! others published and which is not part of it.

use std::path::{Path, PathBuf};

/// The folder of a public suite in the repository, or the one that the variable names.
pub fn suite(name: &str, variable: &str) -> PathBuf {
    let folder =
        std::env::var_os(variable).map_or_else(|| conformance().join("suites").join(name), PathBuf::from);
    assert!(
        folder.is_dir(),
        "there is no suite {name} at {} ({variable} names its folder)",
        folder.display()
    );
    folder
}

/// A file or folder of vectors that we made, in the repository.
pub fn vector(name: &str) -> PathBuf {
    let path = conformance().join("vectors").join(name);
    assert!(path.exists(), "there are no vectors at {}", path.display());
    path
}

/// A file of evidence that QLDB made: beside the repository, or in the folder that `VECTORS_DIR` names. A test that
/// needs it stands in [`ignored_without_evidence!`](crate::ignored_without_evidence!).
pub fn evidence(name: &str) -> PathBuf {
    let path = Path::new(env!("EVIDENCE_FOLDER")).join(name);
    assert!(path.is_file(), "there is no evidence at {} (VECTORS_DIR names its folder)", path.display());
    path
}

/// All files below a folder, in order of their paths.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("an entry").path();
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

fn conformance() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance")
}
