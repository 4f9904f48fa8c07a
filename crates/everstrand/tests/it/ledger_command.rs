//! `everstrand ledger`, over a data folder.

use std::path::Path;
use std::process::{Command, Output};

fn ledger(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everstrand"));
    command.arg("ledger").args(arguments).arg("--data").arg(data).output().expect("started")
}

fn printed(data: &Path, arguments: &[&str]) -> String {
    let output = ledger(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn a_ledger_is_created_tagged_protected_and_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    assert_eq!(printed(data, &["list"]), "");
    let created = printed(data, &["create", "cars", "--tag", "team=fleet"]);
    assert!(created.contains("\"Name\": \"cars\""), "{created}");
    printed(data, &["create", "bank", "--protect", "--strict"]);
    assert_eq!(printed(data, &["list"]), "bank\ncars\n");
    let described = printed(data, &["describe", "bank"]);
    assert!(described.contains("\"DeletionProtection\": true"), "{described}");
    assert!(described.contains("\"Strict\": true"), "{described}");
    assert_eq!(printed(data, &["tag", "cars", "a=b=c", "--remove", "team"]), "a=b=c\n");

    let refused = |arguments: &[&str]| {
        let output = ledger(data, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    assert!(refused(&["delete", "cars", "--confirm", "bank"]).contains("nothing was deleted"));
    let protected = refused(&["delete", "bank", "--confirm", "bank"]);
    assert!(protected.to_lowercase().contains("protection"), "{protected}");
    printed(data, &["protect", "bank", "--off"]);
    printed(data, &["delete", "bank", "--confirm", "bank"]);
    assert_eq!(printed(data, &["list"]), "cars\n");
}
