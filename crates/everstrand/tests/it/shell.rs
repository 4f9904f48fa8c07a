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

/// The shell with these arguments over a new ledger: the exit code, what was printed, and what was printed of errors.
fn shell_with(arguments: &[&str], input: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("UTF-8").to_owned();
    let program = || Command::new(env!("CARGO_BIN_EXE_everstrand"));
    let created = program().args(["ledger", "create", "typed", "--data", &data]).output().expect("started");
    assert!(created.status.success());
    let mut shell = program();
    shell.args(["shell", "--data", &data]).args(arguments);
    let mut shell =
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    // A shell that was given its statements reads no input.
    let _ = shell.stdin.take().expect("an input").write_all(input.as_bytes());
    let output = shell.wait_with_output().expect("ended");
    let printed = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), printed(output.stdout), printed(output.stderr))
}

const CARS: &str = "CREATE TABLE Car; INSERT INTO Car <<{'VIN': 'A', 'Doors': 5}, {'VIN': 'B, b'}>>;";

#[test]
fn statements_come_as_arguments_and_rows_leave_as_json_or_csv() {
    let (code, printed, errors) =
        shell_with(&["-q", "-c", CARS, "--json", "-c", "SELECT VIN, Doors FROM Car ORDER BY VIN"], "");
    assert_eq!((code, errors.as_str()), (0, ""));
    let rows: Vec<&str> = printed.lines().filter(|line| line.contains("VIN")).collect();
    assert_eq!(rows, ["{\"VIN\":\"A\",\"Doors\":5}", "{\"VIN\":\"B, b\"}"]);
    let query = "SELECT VIN, Doors FROM Car ORDER BY VIN";
    let (_, printed, _) = shell_with(&["-c", CARS, "--format", "csv", "-c", query], "");
    assert!(printed.ends_with("VIN,Doors\r\nA,5\r\n\"B, b\",\r\n"), "{printed}");
}

#[test]
fn statements_come_from_a_file_that_may_include_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    std::fs::write(path("cars.sql"), CARS.replace("; ", ";\n")).expect("written");
    let all = format!(
        "\\i {}\n\\o {}\nSELECT VIN FROM Car WHERE VIN = 'A';\n\\o\n\\d Car\n",
        path("cars.sql"),
        path("out")
    );
    std::fs::write(path("all.sql"), all).expect("written");
    let (code, printed, errors) = shell_with(&["-f", &path("all.sql")], "");
    assert_eq!((code, errors.as_str()), (0, ""), "{printed}");
    assert_eq!(std::fs::read_to_string(path("out")).expect("written"), "{VIN:\"A\"}\n");
    assert!(printed.contains("status:\"ACTIVE\""), "{printed}");
    let (code, _, errors) = shell_with(&["-f", &path("none.sql")], "");
    assert_eq!(code, 2);
    assert!(errors.contains("none.sql"), "{errors}");
}

#[test]
fn the_end_of_the_input_within_a_transaction_is_an_error() {
    let (code, _, errors) = shell_with(&[], "CREATE TABLE Car;\nbegin\nINSERT INTO Car {'a': 1};\n");
    assert_eq!(code, 1);
    assert!(errors.contains("the input ended within a transaction; it was rolled back"), "{errors}");
}

#[test]
fn an_error_shows_its_place() {
    let (code, _, errors) = shell_with(&["-c", "SELECT *\nFROM Cat WHERE a = 1"], "");
    assert_eq!(code, 1);
    assert!(errors.contains("\n  FROM Cat WHERE a = 1\n       ^\n"), "{errors}");
    let (code, _, errors) = shell_with(&["-c", "\\nonsense"], "");
    assert_eq!(code, 1);
    assert!(errors.contains("\\? lists what it knows"), "{errors}");
}

#[test]
fn the_words_of_the_shell_ask_the_ledger() {
    let input =
        format!("{CARS}\nUPDATE Car SET Doors = 3 WHERE VIN = 'A';\n\\d\n\\d+ Car\n\\tail Car 1\n\\l\n");
    let (code, printed, errors) = shell_with(&[], &input);
    assert_eq!((code, errors.as_str()), (0, ""), "{printed}");
    for part in ["\"Car\"", "{documents:2}", "lastBlock:", "Doors:3", "\ntyped\n"] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    let id = printed.split("documentId:\"").nth(1).and_then(|rest| rest.get(..22)).expect("an id").to_owned();
    assert!(!id.is_empty());
}

#[test]
fn a_document_is_verified_and_its_history_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("UTF-8").to_owned();
    let run = |arguments: &[&str]| {
        let program =
            Command::new(env!("CARGO_BIN_EXE_everstrand")).args(arguments).args(["--data", &data]).output();
        let output = program.expect("started");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    run(&["ledger", "create", "typed"]);
    let inserted =
        run(&["shell", "-c", "CREATE TABLE Car; INSERT INTO Car {'VIN': 'A'}; UPDATE Car SET a = 1;"]);
    let id =
        inserted.rsplit("documentId:\"").next().and_then(|rest| rest.get(..22)).expect("an id").to_owned();
    let history = run(&["shell", "-q", "-c", &format!("\\history Car {id}")]);
    assert_eq!(history.lines().count(), 2, "{history}");
    let verified = run(&["shell", "-c", &format!("\\verify {id}")]);
    assert!(verified.lines().any(|line| line.trim() == "verified"), "{verified}");
}
