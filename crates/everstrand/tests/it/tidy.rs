//! The house keeps itself: who imports whom, which files act, how long a file may grow, which files the documents
//! name. Each rule is a function over text, so that a planted violation can be shown to fail.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which crates of ours each crate may import. The whole list: what does not stand here is forbidden.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("everstrand-ion", &[]),
    ("everstrand-protocol", &[]),
    ("everstrand-journal", &["ion"]),
    ("everstrand-partiql", &["ion"]),
    ("everstrand-ledger", &["ion", "partiql", "journal"]),
    ("everstrand-driver", &["ion", "journal", "protocol"]),
    ("everstrand-server", &["journal", "ledger", "protocol", "ion"]),
    ("everstrand", &["ion", "partiql", "journal", "ledger", "protocol", "driver", "server"]),
    ("everstrand-simulator", &["ion", "partiql", "journal", "ledger", "protocol", "driver", "server", ""]),
    ("everstrand-bench", &["ion", "partiql", "journal", "ledger", "protocol", "driver", "server", ""]),
];

/// The files that may touch the world. Everything else decides and leaves the acting to them.
const EDGES: &[&str] = &[
    "crates/ledger/src/clock.rs",
    "crates/ledger/src/ids.rs",
    "crates/ledger/src/planted.rs",
    "crates/ledger/src/commit/thread.rs",
    "crates/ledger/src/storage/file.rs",
    "crates/ledger/src/storage/fjall_view.rs",
    "crates/ledger/src/storage/redb_view.rs",
    "crates/driver/src/http.rs",
    "crates/server/src/http.rs",
    "crates/server/src/checkpoints/folder.rs",
    "crates/server/src/checkpoints/url.rs",
    "crates/server/src/ledgers.rs",
    "crates/everstrand/",
    "crates/simulator/src/main.rs",
    "crates/bench/",
];

/// What only an edge may say.
const ACTS: &[&str] = &[
    "std::fs",
    "std::net",
    "tokio::net",
    "HttpConnector",
    "SystemTime",
    "Instant::now",
    "getrandom",
    "std::env::var",
];

/// The longest a source file may be. May only shrink.
const LINES_MAX: usize = 900;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

/// Every Rust source under a folder, with its path from the workspace's root.
fn sources(folder: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the workspace") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
                found.insert(name, std::fs::read_to_string(&path).expect("readable source"));
            }
        }
    }
    found
}

/// The lines of a source that are not test code: all before its `#[cfg(test)]`, without comments.
fn own_lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source
        .lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn acts_outside_edges(path: &str, source: &str) -> Vec<String> {
    let is_test = path.contains("/tests/")
        || path.ends_with("tests.rs")
        || path.contains("/examples/")
        || path.contains("/benches/");
    if is_test || EDGES.iter().any(|edge| path.starts_with(edge)) {
        return Vec::new();
    }
    own_lines(source)
        .flat_map(|(number, line)| {
            ACTS.iter()
                .filter(move |act| line.contains(*act))
                .map(move |act| format!("{path}:{}: {act} outside the edge files", number + 1))
        })
        .collect()
}

fn forbidden_imports(name: &str, dependencies: &[String]) -> Vec<String> {
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(known, _)| *known == name) else {
        return vec![format!("{name} has no line in the table of imports")];
    };
    dependencies
        .iter()
        .filter_map(|dependency| {
            let short = dependency.strip_prefix("everstrand").map(|rest| rest.trim_start_matches('-'))?;
            (!allowed.contains(&short)).then(|| format!("{name} imports {dependency}"))
        })
        .collect()
}

fn left_undone(path: &str, source: &str) -> Vec<String> {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("to", "do!(")];
    source
        .lines()
        .enumerate()
        .filter(|(_, line)| marks.iter().any(|mark| line.contains(mark)))
        .map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim()))
        .collect()
}

fn assert_none(violations: Vec<String>) {
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn imports_run_down() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON of cargo metadata");
    let mut violations = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let dependencies: Vec<String> = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
            .collect();
        violations.extend(forbidden_imports(package["name"].as_str().expect("a name"), &dependencies));
    }
    assert_none(violations);
}

#[test]
fn only_edges_act() {
    assert_none(
        sources("crates").iter().flat_map(|(path, source)| acts_outside_edges(path, source)).collect(),
    );
}

#[test]
fn nothing_is_left_undone() {
    assert_none(sources("crates").iter().flat_map(|(path, source)| left_undone(path, source)).collect());
}

#[test]
fn files_stay_short() {
    let long = sources("crates")
        .iter()
        .filter(|(path, _)| !path.contains("/tests/"))
        .filter(|(_, source)| source.lines().count() > LINES_MAX)
        .map(|(path, source)| format!("{path} has {} lines, {LINES_MAX} is the most", source.lines().count()))
        .collect();
    assert_none(long);
}

#[test]
fn files_begin_with_what_they_are() {
    let silent = sources("crates")
        .iter()
        .filter(|(_, source)| !source.starts_with("//!"))
        .map(|(path, _)| format!("{path} does not begin with what lives in it"))
        .collect();
    assert_none(silent);
}

/// Files that the documents name in back-ticks must be there.
#[test]
fn documents_name_files_that_exist() {
    let mut missing = Vec::new();
    for document in
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/compatibility.md", "docs/testing.md"]
    {
        let Ok(text) = std::fs::read_to_string(root().join(document)) else { continue };
        let named = text.split('`').skip(1).step_by(2).filter(|word| {
            ["crates/", "docs/", "conformance/", "clients/", "fuzz/", ".ci/"]
                .iter()
                .any(|folder| word.starts_with(folder))
                && !word.contains(['*', ' ', '{', '<'])
        });
        let linked = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next())
            .filter(|target| !target.is_empty() && !target.contains("://"));
        let folder = Path::new(document).parent().expect("a file has a folder");
        let named = named.map(PathBuf::from).chain(linked.map(|target| folder.join(target)));
        missing.extend(
            named
                .filter(|name| !root().join(name).exists())
                .map(|name| format!("{document} names {}", name.display())),
        );
    }
    assert_none(missing);
}

#[test]
fn the_readme_shows_the_example_that_runs() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    let example = std::fs::read_to_string(root().join("crates/everstrand/examples/five_minutes.rs"));
    let (_, example) = example.as_deref().expect("an example").split_once("\n\n").expect("a first paragraph");
    assert!(readme.contains(&format!("```rust\n{example}```")), "the README's Rust differs from the example");
}

#[test]
fn planted_violations_are_found() {
    assert_eq!(forbidden_imports("everstrand-partiql", &["everstrand-journal".into()]).len(), 1);
    assert_eq!(forbidden_imports("everstrand-novel", &[]).len(), 1);
    assert_eq!(acts_outside_edges("crates/ion/src/value.rs", "use std::fs;\n").len(), 1);
    assert_eq!(acts_outside_edges("crates/ion/src/value.rs", "#[cfg(test)]\nuse std::fs;\n").len(), 0);
    assert_eq!(acts_outside_edges("crates/driver/src/http.rs", "use std::net;\n").len(), 0);
    assert_eq!(left_undone("a.rs", concat!("// FIX", "ME later\n")).len(), 1);
}
