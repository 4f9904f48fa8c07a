//! `everstrand load` and `everstrand dump`: each line once, refused lines set aside, and the same documents out again.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use everstrand::driver::QldbDriver;
use everstrand::testing;

fn run(url: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everstrand"));
    let output = command.args(arguments).args(["--endpoint", url]).output().expect("started");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

fn lines(count: usize) -> String {
    (0..count)
        .map(|number| format!("{{\"k\": {number}, \"price\": 1.10, \"name\": \"n {number}\"}}\n"))
        .collect()
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    fs::write(&file, text).expect("written");
    file.display().to_string()
}

#[test]
fn what_is_loaded_is_dumped() {
    let ledger = testing::ledger();
    let endpoint = ledger.endpoint();
    let folder = tempfile::tempdir().expect("a folder");
    let url = &endpoint.url();
    let file = written(folder.path(), "a.json", &lines(1_000));
    let load = ["load", testing::LEDGER_NAME, "T", &file];

    let (code, _, error) = run(url, &load);
    assert_eq!((code, error.contains("--create")), (2, true), "{error}");
    let (code, printed, error) = run(url, &[&load[..], &["--key", "k", "--create"]].concat());
    assert_eq!(
        (code, printed.starts_with("1000 inserted, 0 were there, 0 refused")),
        (0, true),
        "{printed}{error}"
    );
    // A second run inserts nothing.
    let (code, printed, error) = run(url, &[&load[..], &["--key", "k"]].concat());
    assert_eq!((code, printed.starts_with("0 inserted, 1000 were there")), (0, true), "{printed}{error}");

    let (code, printed, error) = run(url, &["dump", testing::LEDGER_NAME, "T", "--format", "ion"]);
    assert_eq!((code, error.as_str()), (0, "1000 documents\n"));
    let dumped: BTreeSet<&str> = printed.lines().collect();
    assert!(dumped.contains("{k:7,price:1.10,name:\"n 7\"}"), "a decimal keeps its places: {printed:.200}");
    assert_eq!(dumped.len(), 1_000);
    let (code, printed, error) =
        run(url, &["dump", testing::LEDGER_NAME, "T", "--at", "2020-01-01T00:00:00Z"]);
    assert_eq!((code, printed.as_str(), error.as_str()), (0, "", "0 documents\n"), "nothing was there then");
}

#[test]
fn refused_lines_are_set_aside_and_the_others_loaded() {
    let ledger = testing::ledger();
    let endpoint = ledger.endpoint();
    let folder = tempfile::tempdir().expect("a folder");
    let rejects = folder.path().join("rejects").display().to_string();
    let large = format!("{{\"k\": 1, \"large\": \"{}\"}}\n", "x".repeat(200_000));
    let text = format!("{}{large}[1]\nnot json\n\n{{\"no\": 1}}\n{{\"k\": 5}}\n", lines(1));
    let file = written(folder.path(), "a.json", &text);
    let load = ["load", testing::LEDGER_NAME, "T", &file, "--key", "k", "--create", "--rejects", &rejects];
    let (code, printed, error) = run(&endpoint.url(), &load);
    assert_eq!(
        (code, printed.starts_with("2 inserted, 0 were there, 4 refused")),
        (1, true),
        "{printed}{error}"
    );
    let rejects = fs::read_to_string(rejects).expect("the file of rejects");
    let numbers: BTreeSet<&str> = rejects.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(numbers, BTreeSet::from(["2", "3", "4", "6"]), "{rejects:.300}");
}

#[test]
fn csv_and_ion_are_read() {
    let ledger = testing::ledger();
    let endpoint = ledger.endpoint();
    let folder = tempfile::tempdir().expect("a folder");
    let csv = written(folder.path(), "a.csv", "k,name\n1,\"Ann, \"\"A\"\"\"\n2,\n3,x,y\n");
    let ion = written(folder.path(), "a.ion", "{k: 3, t: 2020T} note::{k: 4, b: {{aGVsbG8=}}}");
    let (code, printed, _) = run(&endpoint.url(), &["load", testing::LEDGER_NAME, "C", &csv, "--create"]);
    assert_eq!((code, printed.starts_with("2 inserted, 0 were there, 1 refused")), (1, true), "{printed}");
    let (code, printed, _) = run(&endpoint.url(), &["load", testing::LEDGER_NAME, "I", &ion, "--create"]);
    assert_eq!((code, printed.starts_with("2 inserted")), (0, true), "{printed}");
    let (_, printed, _) = run(&endpoint.url(), &["dump", testing::LEDGER_NAME, "C", "--format", "ion"]);
    assert!(printed.contains(r#"{k:"1",name:"Ann, \"A\""}"#) && printed.contains(r#"{k:"2"}"#), "{printed}");
    let (_, printed, _) = run(&endpoint.url(), &["dump", testing::LEDGER_NAME, "I", "--format", "ion"]);
    assert!(printed.contains("{k:3,t:2020T}") && printed.contains("{{aGVsbG8=}}"), "{printed}");
}

/// A load that is killed at any point leaves each line at most once, and the next run adds what is missing.
#[test]
fn a_killed_load_is_resumed() {
    let ledger = testing::ledger();
    let endpoint = ledger.endpoint();
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(folder.path(), "a.json", &lines(4_000));
    let url = endpoint.url();
    let load = ["load", testing::LEDGER_NAME, "T", &file, "--key", "k", "--create", "--endpoint", &url];
    for milliseconds in [300, 150, 400, 250, 50] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_everstrand"));
        let mut child =
            command.args(load).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().expect("killed");
        child.wait().expect("gone");
    }
    let (code, printed, error) = run(&url, &load[..load.len() - 2]);
    assert_eq!(code, 0, "{printed}{error}");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let keys = runtime.block_on(async {
        let driver = QldbDriver::builder(testing::LEDGER_NAME).endpoint(&url).build()?;
        driver
            .execute(|transaction| async move {
                transaction.query("SELECT VALUE t.k FROM T AS t").fetch_all::<u64>().await
            })
            .await
    });
    let keys = keys.unwrap_or_else(|error: everstrand::Error| panic!("{error}"));
    assert_eq!(keys.len(), 4_000, "each once");
    assert_eq!(keys.into_iter().collect::<BTreeSet<_>>().len(), 4_000);
}
