//! `everstrand export`: what it writes passes the audit, and the verifier that somebody else could have written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::evidence::{everstrand, ledger_and_evidence};

#[tokio::test]
async fn an_export_is_audited_in_each_format() {
    let saved = ledger_and_evidence().await;
    let digest = saved.file("digest.ion", &saved.digest);
    for format in ["ion-text", "ion-binary", "json"] {
        let folder = saved.folder.path().join("exports").join(format).display().to_string();
        let export = ["export", "evidence", "--data", &saved.data(), "--to", &folder, "--format", format];
        let (code, printed) = everstrand(&export);
        assert_eq!((code, printed.starts_with("23 blocks of ")), (0, true), "{format}: {printed}");

        let (code, printed) = everstrand(&["audit", &folder, "--digest", &digest]);
        assert_eq!(code, 0, "{format}: {printed}");
        assert!(printed.contains("the journal agrees with"), "{format}: {printed}");
        if format != "json" {
            second_verifier(Path::new(&folder), &digest);
        }

        let (code, printed) = everstrand(&export);
        assert_eq!((code, printed.contains("is not empty")), (2, true), "{printed}");
    }
}

#[tokio::test]
async fn an_export_names_what_it_cannot_find() {
    let saved = ledger_and_evidence().await;
    let to = saved.folder.path().join("export").display().to_string();
    let (code, printed) = everstrand(&["export", "another", "--data", &saved.data(), "--to", &to]);
    assert_eq!((code, printed.contains("holds no ledger another")), (2, true), "{printed}");
    let (code, printed) = everstrand(&["export", "evidence", "--data", "/nowhere/at/all", "--to", &to]);
    assert_eq!((code, printed.contains("/nowhere/at/all")), (2, true), "{printed}");
    assert!(!Path::new(&to).exists(), "nothing was begun");

    // A data object that got lost afterwards is missed.
    assert_eq!(everstrand(&["export", "evidence", "--data", &saved.data(), "--to", &to]).0, 0);
    let lost = data_object(Path::new(&to)).expect("a data object");
    fs::remove_file(lost).expect("removed");
    let (code, printed) = everstrand(&["audit", &to]);
    assert_ne!(code, 0, "{printed}");
}

/// A file of blocks: the export's own folder holds manifests and folders only, those below only blocks.
pub(crate) fn data_object(export: &Path) -> Option<PathBuf> {
    let entries = |folder: &Path| {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<PathBuf>>()
    };
    let mut folder = entries(export).into_iter().find(|path| path.is_dir())?;
    while folder.is_dir() {
        folder = entries(&folder).pop()?;
    }
    Some(folder)
}

fn second_verifier(folder: &Path, digest: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/verifier/verify.py");
    let Ok(output) = Command::new("python3").arg(script).arg("audit").arg(folder).arg(digest).output() else {
        eprintln!("passed over: there is no python3");
        return;
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("23 blocks, 0 deviations"), "{printed}");
}
