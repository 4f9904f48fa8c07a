//! The suite `ion-tests` of the Ion project: files that a reader must accept or refuse, and values that must be equal or
//! differ.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use everstrand_ion::{Data, Value, binary, text};
use everstrand_testkit::data;

/// The files that are not run, and why.
const SKIPPED: [(&str, &str); 4] = [
    ("good/utf16.ion", "text is read as UTF-8"),
    ("good/utf32.ion", "text is read as UTF-8"),
    ("typecodes/T6-large.10n", "seconds are kept with at most 18 fraction digits"),
    ("equivs/timestampsLargeFractionalPrecision.ion", "seconds are kept with at most 18 fraction digits"),
];

fn suite(folder: &str) -> Vec<PathBuf> {
    let folder = data::suite("ion-tests", "ION_TESTS_DIR").join("iontestdata").join(folder);
    let files = data::files(&folder).into_iter().filter(|file| {
        let is_ion = file.extension().is_some_and(|extension| extension == "ion" || extension == "10n");
        is_ion && !SKIPPED.iter().any(|(name, _)| file.ends_with(name))
    });
    files.collect()
}

fn is_text(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "ion")
}

fn read(file: &Path) -> Result<Vec<Value>, String> {
    let bytes = std::fs::read(file).unwrap();
    if is_text(file) {
        let text = str::from_utf8(&bytes).map_err(|error| error.to_string())?;
        text::read_all(text).map_err(|error| error.to_string())
    } else {
        binary::read_all(&bytes).map_err(|error| error.to_string())
    }
}

/// Runs a check on each file, and reports all failures together.
fn check_all(files: &[PathBuf], at_least: usize, check: impl Fn(&Path) -> Result<(), String>) {
    let failures: Vec<String> = files
        .iter()
        .filter_map(|file| check(file).err().map(|error| format!("{}: {error}", file.display())))
        .collect();
    assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), files.len(), failures.join("\n"));
    assert!(files.len() >= at_least, "only {} files: is the suite whole?", files.len());
}

#[test]
fn good_files_are_read_and_survive_being_written() {
    let files = suite("good");
    check_all(&files, 280, |file| {
        let values = read(file)?;
        for value in &values {
            for written in [text::write(value), text::write_pretty(value)] {
                let again = text::read_one(&written).map_err(|error| format!("{written}: {error}"))?;
                if again != *value {
                    return Err(format!("{written} is read back as {again}"));
                }
            }
            let written = binary::write(value);
            let again = binary::read_one(&written).map_err(|error| format!("{value} in binary: {error}"))?;
            if again != *value {
                return Err(format!("{value} is read back from binary as {again}"));
            }
        }
        Ok(())
    });
}

#[test]
fn bad_files_are_refused() {
    let files = suite("bad");
    check_all(&files, 440, |file| match read(file) {
        Ok(values) => {
            let values: Vec<String> = values.iter().map(text::write).collect();
            Err(format!("is read as {}", values.join(" ")))
        }
        Err(_) => Ok(()),
    });
}

#[test]
fn equivalent_values_are_equal() {
    let files = suite("good/equivs");
    check_groups(&files, 50, |left, right| left == right, true);
}

#[test]
fn different_values_differ() {
    let files = suite("good/non-equivs");
    check_groups(&files, 20, |left, right| left == right, false);
}

#[test]
fn timestamps_of_one_instant_compare_as_equal() {
    let files = suite("good/timestamp/equivTimeline");
    let same_instant = |left: &[Value], right: &[Value]| match (&left[0].data, &right[0].data) {
        (Data::Timestamp(left), Data::Timestamp(right)) => left.instant_cmp(right) == Ordering::Equal,
        _ => false,
    };
    check_groups(&files, 2, same_instant, true);
}

/// Compares the members of every group of every file with each other. A group is a list or an s-expression of values or,
/// if it has that annotation, of strings that are documents.
fn check_groups(
    files: &[PathBuf],
    at_least: usize,
    same: impl Fn(&[Value], &[Value]) -> bool,
    expected: bool,
) {
    check_all(files, at_least, |file| {
        for group in read(file)? {
            let members = members(&group)?;
            for (index, left) in members.iter().enumerate() {
                for (other_index, right) in members.iter().enumerate() {
                    if index != other_index && same(left, right) != expected {
                        return Err(format!("{left:?} and {right:?} of {group}"));
                    }
                }
                if !same(left, left) {
                    return Err(format!("{left:?} is not itself"));
                }
            }
        }
        Ok(())
    });
}

fn members(group: &Value) -> Result<Vec<Vec<Value>>, String> {
    let items = group.as_sequence().ok_or("a group is a list or an s-expression")?;
    let are_documents = group.annotations().iter().any(|annotation| *annotation == *"embedded_documents");
    items
        .iter()
        .map(|item| match item.as_text() {
            Some(document) if are_documents => text::read_all(document).map_err(|error| error.to_string()),
            _ => Ok(vec![item.clone()]),
        })
        .collect()
}
