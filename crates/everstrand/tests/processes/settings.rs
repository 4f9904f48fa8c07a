//! A server with a file of settings: what the file says, what goes before it, what the server prints and counts, and the board that
//! shows its numbers.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::process::{Server, program, run_to_end};

fn repository(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn file(folder: &Path, settings: &str) -> PathBuf {
    let file = folder.join("everstrand.toml");
    std::fs::write(&file, settings).expect("written");
    file
}

/// The first lines that a server with this file prints, up to the empty one.
fn banner(file: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = program();
    command.arg("serve").arg("--config").arg(file).args(["--listen", "127.0.0.1:0"]).args(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let lines = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    child.kill().expect("a child can be killed");
    child.wait().expect("a child can be waited for");
    lines
}

#[test]
fn the_file_sets_what_no_argument_sets_and_the_banner_shows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = "# where\nlisten = \"no address\"\nin-memory = true\ncreate-ledger = [\"b\", \"a\"]\nlimit = [\"tables=7\"]\n";
    let file = file(folder.path(), settings);
    let lines = banner(&file, &[]);
    assert!(lines[0].starts_with("everstrand listening on http://127.0.0.1:"), "{lines:?}");
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!("everstrand {version}, ledgers in memory, gone when the server stops");
    assert_eq!(lines[1..], [expected.as_str(), "ledgers: a, b", "limits: tables=7"]);
    // An argument takes the place of the whole list.
    assert_eq!(banner(&file, &["--create-ledger", "c"])[2], "ledgers: c");
}

#[test]
fn a_file_that_cannot_be_used_is_refused_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = file(folder.path(), "in-memory = true\nlisten = \"127.0.0.1:0\"\nacces-keys = \"keys\"\n");
    let mut command = program();
    let (status, _, printed) = run_to_end(command.arg("--config").arg(&file));
    assert_eq!(status.code(), Some(2));
    assert!(printed.contains("everstrand.toml: line 3: serve has no setting acces-keys"), "{printed}");
    let mut command = program();
    let (status, _, printed) = run_to_end(command.args(["serve", "--config", "/no/such/file"]));
    assert_eq!(status.code(), Some(2));
    assert!(printed.contains("/no/such/file"), "{printed}");
}

/// The words in a text that begin like the names of our numbers, without the endings that a histogram adds.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    let names = words.filter(|word| word.starts_with("everstrand_"));
    names
        .map(|name| {
            let endings = ["_bucket", "_count", "_sum"];
            endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name).to_owned()
        })
        .collect()
}

/// Every number is explained in docs/operating.md, and the board of release/ asks for no number that there is not.
#[tokio::test]
async fn the_page_explains_every_number_and_the_board_shows_only_those() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().display();
    let settings = format!(
        "data = \"{place}/data\"\ncheckpoints = \"{place}/checkpoints\"\naudit-log = \"{place}/audit\"\ncreate-ledger = \"a\"\n"
    );
    let mut command = program();
    command.arg("serve").arg("--config").arg(file(folder.path(), &settings));
    let server = Server::run(command).expect("it starts");
    let (_, numbers) = server.transport().get("/metrics").await.expect("numbers");
    let numbers = String::from_utf8(numbers.to_vec()).expect("text");
    let shown: String =
        numbers.lines().filter(|line| line.starts_with("# TYPE ")).collect::<Vec<_>>().join("\n");
    let page = repository("docs/operating.md");
    let table: String =
        page.lines().filter(|line| line.starts_with("| `everstrand_")).collect::<Vec<_>>().join("\n");
    assert_eq!(names(&shown), names(&table));

    let board = repository("release/grafana.json");
    let asked = names(&board);
    assert!(asked.len() > 10 && asked.is_subset(&names(&shown)), "{asked:?}");
    serde_json::from_str::<serde_json::Value>(&board).expect("JSON");
}
