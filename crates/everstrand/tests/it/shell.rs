//! `everstrand shell`, with statements from a pipe.

use std::io::Write;
use std::process::{Command, Stdio};

use everstrand::Service;
use everstrand::server::config::{Config, Storage};

/// Gives a new ledger's shell this input: the exit code, what was printed, and what was printed of errors.
fn shell(input: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let service = Service::open(Config::new(Storage::Folder(folder.path().to_owned()))).expect("opened");
    service.create_ledger_unless_it_exists("typed").expect("created");
    service.close();
    drop(service);
    let mut shell = Command::new(env!("CARGO_BIN_EXE_everstrand"))
        .args(["shell", "typed", "--data"])
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    shell.stdin.take().expect("an input").write_all(input.as_bytes()).expect("written");
    let output = shell.wait_with_output().expect("ended");
    let printed = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), printed(output.stdout), printed(output.stderr))
}

#[test]
fn statements_go_over_several_lines_and_share_one() {
    let (code, printed, errors) = shell(
        "-- the first; of all\nCREATE TABLE Car;\nINSERT INTO Car\n  <<{'VIN': 'A;1'},\n    {'VIN': 'B'}>>;\n\
         SELECT VALUE 'one'\nFROM Car; SELECT VALUE 'two' FROM Car;\nbegin\n\
         SELECT VIN\nFROM Car ORDER BY VIN LIMIT 1;\ncommit\nSELECT COUNT(*) AS n FROM Car",
    );
    assert_eq!((code, errors.as_str()), (0, ""), "{printed}");
    let rows: Vec<&str> = printed.lines().filter(|line| !line.contains("Id:")).collect();
    let expected = [
        "-- 1 row, 0 read IOs",
        "-- 2 rows, 0 read IOs",
        "\"one\"",
        "\"one\"",
        "-- 2 rows, 2 read IOs",
        "\"two\"",
        "\"two\"",
        "-- 2 rows, 2 read IOs",
        "{VIN:\"A;1\"}",
        "-- 1 row, 2 read IOs",
        "{n:2}",
        "-- 1 row, 2 read IOs",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_statement_that_finds_nothing_is_hinted_at() {
    let (code, printed, errors) = shell(
        "CREATE TABLE Car;\nINSERT INTO Car {'VIN': 'A'};\nSELECT * FROM Car WHERE VIN = \"A\";\n\
         SELECT * FROM Car WHERE VIN = 'B';\nbegin\nSELECT * FROM Car WHERE VIN = \"A\";\ncommit\nSELECT VIN FROM car;",
    );
    let hints: Vec<&str> = printed.lines().filter(|line| line.starts_with("-- hint: ")).collect();
    let expected = "-- hint: double quotes are names: \"A\" is a field; a text is written 'A'";
    assert_eq!(hints, [expected, expected], "{printed}{errors}");
    assert_eq!(code, 1);
    assert!(errors.contains("did you mean 'Car'?"), "{errors}");
}

#[test]
fn an_error_says_which_statement_it_is_of_and_ends_the_script() {
    let (code, printed, errors) = shell("CREATE TABLE Car;\n\nSELECT *\nFROM Cat;\nCREATE TABLE Dog;");
    assert_eq!((code, printed.lines().count()), (1, 2), "{printed}");
    assert!(errors.starts_with("the statement that begins in line 3 of the input: "), "{errors}");
    assert!(errors.contains("at line 2, column 6: No such variable named 'Cat'"), "{errors}");
}
