//! What documents and comments say of files must be true: every file that they name is there.

use std::collections::BTreeSet;
use std::path::Path;

use super::assert_none;
use super::source::root;

/// Words in back-ticks that begin with one of these are paths from the root.
const FOLDERS: [&str; 6] = ["crates/", "docs/", "conformance/", "clients/", "fuzz/", ".ci/"];

/// Words in back-ticks that end with one of these are files of ours, by their whole path or by its end.
const ENDINGS: [&str; 5] = [".rs", ".md", ".py", ".toml", ".sql"];

/// Every file of the project by its path from the root, and every folder.
fn files() -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if [".git", "target", "dist", "node_modules", "__pycache__"].contains(&name.as_str()) {
                continue;
            }
            // The suites are documents of others.
            if path.is_dir() && !path.ends_with("conformance/suites") {
                folders.push(path.clone());
            }
            files.insert(path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned());
        }
    }
    files
}

/// The files that a text names in back-ticks, or links to, and that are not there.
fn missing_files(path: &str, text: &str, files: &BTreeSet<String>) -> Vec<String> {
    let is_there = |named: &str| {
        let named = named.trim_end_matches('/');
        files.contains(named)
            || !FOLDERS.iter().any(|folder| named.starts_with(folder))
                && files.iter().any(|file| file.strip_suffix(named).is_some_and(|rest| rest.ends_with('/')))
    };
    let words = text.split('`').skip(1).step_by(2).filter(|word| {
        let is_path = FOLDERS.iter().any(|folder| word.starts_with(folder));
        let is_file = ENDINGS.iter().any(|ending| word.len() > ending.len() && word.ends_with(ending));
        (is_path || is_file) && !word.contains(['*', ' ', '{', '<', '\n', '~', ':']) && !word.starts_with('/')
    });
    let named = words.filter(|word| !is_there(word)).map(|word| format!("{path} names {word}"));
    let folder = Path::new(path).parent().expect("a file has a folder");
    let linked = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|target| path.ends_with(".md") && !target.is_empty() && !target.contains("://"))
        .filter(|target| !root().join(folder).join(target).exists())
        .map(|target| format!("{path} links to {target}"));
    named.chain(linked).collect()
}

/// The comments of a source, and nothing else of it.
fn comments(text: &str) -> String {
    let comments = text.lines().filter(|line| line.trim_start().starts_with("//"));
    comments.map(|line| line.trim_start().trim_start_matches('/')).collect::<Vec<_>>().join("\n")
}

#[test]
fn documents_and_comments_name_files_that_exist() {
    let files = files();
    let documents = files.iter().filter(|file| file.ends_with(".md")).count();
    assert!(documents > 10, "found {documents} documents");
    let mut missing = Vec::new();
    for file in &files {
        let read = || std::fs::read_to_string(root().join(file)).expect("a text");
        match file.rsplit_once('.') {
            Some((_, "md")) => missing.extend(missing_files(file, &read(), &files)),
            Some((_, "rs")) => missing.extend(missing_files(file, &comments(&read()), &files)),
            _ => {}
        }
    }
    assert_none(missing);
}

#[test]
fn planted_names_are_found() {
    let files: BTreeSet<String> = ["crates/a/src/b.rs", "docs/c.md"].map(str::to_owned).into();
    let missing = |text| missing_files("docs/c.md", text, &files).len();
    assert_eq!(missing("`crates/a/src/b.rs`, `b.rs`, `src/b.rs` and `docs/c.md`"), 0);
    assert_eq!(missing("`crates/a/src/d.rs`"), 1);
    assert_eq!(missing("`c.rs`"), 1);
    assert_eq!(missing("[there](nowhere.md)"), 1);
    assert_eq!(comments("/// says `x.rs`\nlet not = \"`y.rs`\";\n"), " says `x.rs`");
}

#[test]
fn the_readme_shows_the_example_that_runs() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    let example = std::fs::read_to_string(root().join("crates/everstrand/examples/five_minutes.rs"));
    let (_, example) = example.as_deref().expect("an example").split_once("\n\n").expect("a first paragraph");
    assert!(readme.contains(&format!("```rust\n{example}```")), "the README's Rust differs from the example");
}

/// The rows of the failure table in a document, each with the tests that it names and that are not there.
fn rows_of_failures(text: &str, source: impl Fn(&str) -> String) -> Vec<(String, Vec<String>)> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| F")?.split_once(" | "));
    let is_row = |row: &str| row.starts_with(|first: char| first.is_ascii_digit());
    let checked = rows.filter(|(row, _)| is_row(row)).map(|(row, rest)| {
        let (mut missing, mut tests, mut file) = (Vec::new(), 0, String::new());
        for word in rest.split('`').skip(1).step_by(2) {
            if word.ends_with(".rs") {
                file = source(word);
            } else {
                tests += 1;
                missing.extend((!file.contains(&format!("fn {word}("))).then(|| word.to_owned()));
            }
        }
        missing.extend((tests == 0).then(|| "it names no test".to_owned()));
        (format!("F{row}"), missing)
    });
    checked.collect()
}

#[test]
fn every_row_of_the_failure_table_has_tests_that_exist() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("a file of the project");
    let rows = rows_of_failures(&read("docs/testing.md"), read);
    let mut expected: Vec<String> = (1..=35).map(|row| format!("F{row}")).collect();
    expected.insert(19, "F19b".to_owned());
    assert_eq!(rows.iter().map(|(row, _)| row.clone()).collect::<Vec<_>>(), expected);
    assert_none(
        rows.into_iter()
            .flat_map(|(row, missing)| missing.into_iter().map(move |why| format!("{row}: {why}")))
            .collect(),
    );
}

#[test]
fn a_planted_row_without_its_test_is_found() {
    let text = "| F1 | it fails | `a.rs`: `there`, `not_there` |\n| F2 | too | |\n| FOO | x | `y` |";
    let rows = rows_of_failures(text, |_| "fn there() {}".to_owned());
    let missing = |row: usize| rows[row].1.clone();
    assert_eq!((rows.len(), missing(0), missing(1).len()), (2, vec!["not_there".to_owned()], 1));
}
