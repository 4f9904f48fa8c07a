//! Looks what this machine has of that which some tests need, so that tests without it are ignored and not passed.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let evidence = std::env::var_os("VECTORS_DIR").map_or_else(beside, PathBuf::from);
    println!("cargo::rustc-env=EVIDENCE_FOLDER={}", evidence.display());
    for variable in ["VECTORS_DIR", "REQUIRE_VECTORS", "PATH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    if evidence.is_dir() {
        println!("cargo::rerun-if-changed={}", evidence.display());
    }
    // What is demanded is not ignored: without its data a test fails.
    let is_demanded = std::env::var_os("REQUIRE_VECTORS").is_some_and(|value| value == "1");
    have("evidence", evidence.is_dir() || is_demanded);
    have("python", runs("python3", &["--version"]));
    have("strace", runs("strace", &["-o", "/dev/null", "true"]));
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
