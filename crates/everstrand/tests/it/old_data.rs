//! What an earlier build of the program wrote (`tests/fixtures/a16c107`, made by `tests/fixtures/make.py`) and what it
//! answered of it: this build opens all of it, answers the same, and finds the same digests and proofs. Never written anew.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::evidence::everstrand;

/// A file or folder of the fixtures.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/a16c107").join(name)
}

fn path_of(name: &str) -> String {
    fixture(name).display().to_string()
}

/// A folder again of which a text was made.
pub(crate) fn unpacked(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let text = fs::read_to_string(fixture(&format!("{name}.txt"))).expect("a fixture");
    for file in text.split("\n\n") {
        let mut lines = file.trim_start().lines();
        let (name, length) =
            lines.next().and_then(|line| line.rsplit_once(' ')).expect("a name and a length");
        let mut bytes = vec![0; length.parse().expect("a length")];
        for (offset, content) in lines.map(|line| line.split_once(' ').expect("an offset and bytes")) {
            let offset = usize::from_str_radix(offset, 16).expect("an offset");
            let content = STANDARD.decode(content).expect("Base64");
            bytes[offset..offset + content.len()].copy_from_slice(&content);
        }
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    folder
}

/// The files below a folder that hold these bytes.
fn files_with(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let found = paths.flat_map(|path| match path.is_dir() {
        true => files_with(&path, bytes),
        false => {
            let content = fs::read(&path).expect("a file");
            let holds = content.windows(bytes.len()).any(|window| window == bytes);
            Vec::from_iter(holds.then_some(path))
        }
    });
    found.collect()
}

/// What a shell over a ledger in a folder prints of each statement.
fn shell(data: &Path, ledger: &str, statements: &[&str]) -> Vec<String> {
    let mut shell = Command::new(env!("CARGO_BIN_EXE_everstrand"))
        .args(["shell", ledger, "--data"])
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let input = statements.join(";\n");
    shell.stdin.take().expect("an input").write_all(input.as_bytes()).expect("written");
    let output = shell.wait_with_output().expect("ended");
    assert!(output.status.success(), "{ledger}: {}", String::from_utf8_lossy(&output.stderr));
    let mut answers = vec![String::new()];
    for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
        match line.starts_with("-- ") {
            true => answers.push(String::new()),
            false => {
                let answer = answers.last_mut().expect("never empty");
                answer.push_str(line);
                answer.push('\n');
            }
        }
    }
    assert_eq!(answers.pop().as_deref(), Some(""), "{ledger}");
    answers
}

/// What was asked and answered then: ledger, question, answer.
fn answers() -> Vec<(String, String, String)> {
    let text = fs::read_to_string(fixture("answers.txt")).expect("a fixture");
    let answers = text.trim_end().split("\n\n").map(|answer| {
        let (asked, answered) = answer.split_once('\n').expect("two lines");
        let (ledger, question) = asked.split_once(": ").expect("a ledger");
        (ledger.to_owned(), question.to_owned(), format!("{answered}\n"))
    });
    answers.collect()
}

const LEDGERS: [&str; 4] = ["people", "orders", "strict", "imported"];

#[test]
fn an_old_data_folder_answers_as_it_did_and_takes_writes() {
    let data = unpacked("data");
    let stored = answers();
    assert_ne!(files_with(data.path(), b"redact-me-1815"), Vec::<PathBuf>::new(), "an old view kept it");
    for ledger in LEDGERS {
        let (audits, queries): (Vec<_>, Vec<_>) =
            stored.iter().filter(|(of, ..)| of == ledger).partition(|(_, question, _)| question == "audit");
        let (code, printed) = everstrand(&["audit", "--ledger", ledger, &data.path().display().to_string()]);
        assert_eq!(code, 0, "{ledger}: {printed}");
        assert!(printed.contains(audits[0].2.trim_end()), "{ledger}: {printed}, but it was {}", audits[0].2);

        let questions: Vec<&str> = queries.iter().map(|(_, question, _)| question.as_str()).collect();
        let answered = shell(data.path(), ledger, &questions);
        assert_eq!(answered.len(), questions.len(), "{ledger}: {answered:?}");
        for ((_, question, expected), answered) in queries.into_iter().zip(answered) {
            assert_eq!(&answered, expected, "{ledger}: {question}");
        }
        if ledger == "people" {
            // It was redacted, and put together by the statement, so that the journal's text of that does not have it.
            assert_eq!(files_with(data.path(), b"redact-me-1815"), Vec::<PathBuf>::new());
        }
        shell(data.path(), ledger, &["CREATE TABLE Later", "INSERT INTO Later VALUE {'n': 1}"]);
        let (code, printed) = everstrand(&["audit", "--ledger", ledger, &data.path().display().to_string()]);
        assert_eq!(code, 0, "{ledger}, written to: {printed}");
    }
}

#[test]
fn old_evidence_verifies_and_an_old_journal_continues_it() {
    let (data, checkpoints) = (unpacked("data"), unpacked("checkpoints"));
    let data = data.path().display().to_string();
    let [digest, continued] = ["evidence/digest.json", "evidence/continued.ion"].map(path_of);
    for evidence in ["evidence/revision.json", "evidence/block.json"] {
        let (code, printed) = everstrand(&["verify", "--digest", &digest, &path_of(evidence)]);
        assert_eq!(code, 0, "{evidence}: {printed}");
    }
    let (code, printed) = everstrand(&["verify", "--digest", &digest, "--digest", &continued]);
    assert_eq!(code, 0, "{printed}");

    let digest_of_people = fs::read_to_string(&digest).expect("a digest");
    let mut found = 0;
    for strand in fs::read_dir(checkpoints.path()).expect("a folder") {
        let strand = strand.expect("an entry");
        let name = strand.file_name().into_string().expect("UTF-8");
        if !digest_of_people.contains(&name) {
            continue;
        }
        found += 1;
        let key = fs::read_to_string(strand.path().join("key")).expect("a key");
        let checkpoint = strand.path().join("latest.checkpoint").display().to_string();
        let common = ["--key", key.trim(), "--ledger", "people"];
        let (code, printed) = everstrand(
            &[
                &["audit", &data, "--digest", &digest, "--digest", &checkpoint, "--digest", &continued],
                &common[..],
            ]
            .concat(),
        );
        assert_eq!(code, 0, "{printed}");
        assert_eq!(printed.matches("the journal agrees with").count(), 3, "{printed}");
        let (code, printed) = everstrand(
            &[&["verify", "--data", &data, "--digest", &digest, "--digest", &checkpoint], &common[..]]
                .concat(),
        );
        assert_eq!(code, 0, "{printed}");
    }
    assert_eq!(found, 1);

    // The file is written anew by the audit that reads it. That of a server is gone on with in a folder, too.
    let folder = tempfile::tempdir().expect("a folder");
    let remembered = folder.path().join("remembered");
    for of in ["folder", "server"] {
        fs::copy(path_of(&format!("evidence/remembered-of-{of}")), &remembered).expect("copied");
        let remembered = remembered.display().to_string();
        let (code, printed) = everstrand(&["audit", &data, "--ledger", "orders", "--remember", &remembered]);
        assert_eq!(code, 0, "{of}: {printed}");
        assert!(printed.contains("blocks 8 to 9"), "{of}: it goes on where the old one ended: {printed}");
        // Of another ledger it is a deviation, and not a journal without new blocks.
        fs::copy(path_of(&format!("evidence/remembered-of-{of}")), &remembered).expect("copied");
        let (code, printed) = everstrand(&["audit", &data, "--ledger", "strict", "--remember", &remembered]);
        assert_eq!(code, 1, "{of}: {printed}");
    }
}

/// The blocks and revisions that an audit counted.
fn counted(printed: &str) -> String {
    let line = printed.lines().find_map(|line| line.split_once(" in "));
    line.map_or_else(|| panic!("no count: {printed}"), |(count, _)| count.to_owned())
}

#[test]
fn old_exports_are_audited_and_imported() {
    let (binary, old) = (unpacked("export-binary"), unpacked("data"));
    let digest = path_of("evidence/digest.json");
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data").display().to_string();
    let stored = answers();
    for (ledger, export) in [("people", path_of("export")), ("orders", binary.path().display().to_string())] {
        let saved = match ledger {
            "people" => vec!["--digest", digest.as_str()],
            _ => Vec::new(),
        };
        let (code, printed) = everstrand(&[&["audit", &export], &saved[..]].concat());
        assert_eq!(code, 0, "{printed}");
        if ledger == "people" {
            // As many as of the folder that it was made of.
            let (_, of_folder) =
                everstrand(&["audit", &old.path().display().to_string(), "--ledger", ledger]);
            assert_eq!(counted(&printed), counted(&of_folder));
        }
        let (code, printed) =
            everstrand(&[&["import", "--from", &export, "--data", &data, ledger], &saved[..]].concat());
        assert_eq!(code, 0, "{printed}");
    }
    for (ledger, question, expected) in stored {
        // The ledger of orders went on after its export.
        if ledger == "people" && question.contains("FROM history") {
            assert_eq!(shell(Path::new(&data), &ledger, &[&question]), [expected], "{question}");
        }
    }
    let paid = "SELECT VALUE o.total FROM Orders AS o WHERE o.number = 3";
    assert_eq!(shell(Path::new(&data), "orders", &[paid]), ["9.03\n"]);
}
