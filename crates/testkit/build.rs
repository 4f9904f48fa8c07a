//! Looks what this machine has of that which some tests need, so that tests without it are ignored and not passed.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let evidence = std::env::var_os("VECTORS_DIR").map_or_else(beside, PathBuf::from);
    println!("cargo::rustc-env=EVIDENCE_FOLDER={}", evidence.display());
    for variable in ["VECTORS_DIR", "REQUIRE_VECTORS", "SQLLOGICTEST_DIR", "PATH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    if evidence.is_dir() {
        println!("cargo::rerun-if-changed={}", evidence.display());
    }
    // What is demanded is not ignored: without its data a test fails.
    let is_demanded = std::env::var_os("REQUIRE_VECTORS").is_some_and(|value| value == "1");
    have("evidence", evidence.is_dir() || is_demanded);
    have("sqllogictest", std::env::var_os("SQLLOGICTEST_DIR").is_some());
    have("python", runs("python3", &["--version"]));
    have("strace", runs("strace", &["-o", "/dev/null", "true"]));
    have("gofakes3", is_on_path("gofakes3"));
    have("postgres", has_postgres());
    // In a name space of its own, which ends with the command.
    have("tmpfs", runs("unshare", &["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]));
}

fn have(what: &str, it_is_there: bool) {
    println!("cargo::rustc-check-cfg=cfg({what})");
    if it_is_there {
        println!("cargo::rustc-cfg={what}");
    }
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether PostgreSQL's server is installed. Distributions keep it off the path.
fn has_postgres() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin/initdb")).any(|initdb| initdb.is_file())
        || runs("initdb", &["--version"])
}
