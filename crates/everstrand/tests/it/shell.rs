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
        "-- 2 rows, 0 read IOs, 2 write IOs",
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
fn who_finds_no_server_hears_what_to_do() {
    for ledger in [&["typed"][..], &[]] {
        let mut shell = Command::new(env!("CARGO_BIN_EXE_everstrand"));
        let output =
            shell.arg("shell").args(ledger).args(["--endpoint", "http://127.0.0.1:1", "-c", "SELECT 1"]);
        let output = output.output().expect("started");
        let errors = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains("Start a server with `everstrand`, or open a data folder"), "{errors}");
    }
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
    let input = format!(
        "{CARS}\nUPDATE Car SET Doors = 3 WHERE VIN = 'A';\n\\d\n\\d+ Car\n\\tail Car 1\n\\l\n\\digest\n"
    );
    let (code, printed, errors) = shell_with(&[], &input);
    assert_eq!((code, errors.as_str()), (0, ""), "{printed}");
    for part in ["\"Car\"", "{documents:2}", "lastBlock:", "Doors:3", "\ntyped\n", "\"DigestTipAddress\""] {
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

#[test]
fn a_misspelt_word_is_asked_back() {
    for (statement, expected) in [
        ("SELEC * FROM Car;", "did you mean SELECT?"),
        ("SELECT * FROM Cra;", "did you mean 'Car'?"),
        ("begin\nSELECT * FROM Car;\nSELECT * FROM Carr;", "No such variable named 'Carr'"),
        ("\\hitsory Car A", "did you mean \\history?"),
    ] {
        let (code, _, errors) =
            shell(&format!("CREATE TABLE Car;\nINSERT INTO Car {{'VIN': 'A'}};\n{statement}"));
        assert_eq!(code, 1, "{errors}");
        assert!(errors.contains(expected), "{statement}: {errors}");
    }
    let (_, _, errors) = shell("CREATE TABLE Car;\nSELECT * FROM Motorcycle;");
    assert!(!errors.contains("did you mean"), "{errors}");
}

#[test]
fn the_shell_goes_on_with_another_ledger() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = Service::open(Config::new(Storage::Folder(folder.path().to_owned()))).expect("opened");
    for ledger in ["bank", "typed"] {
        service.create_ledger_unless_it_exists(ledger).expect("created");
    }
    service.close();
    drop(service);
    let run = |statements: &str| {
        let mut shell = Command::new(env!("CARGO_BIN_EXE_everstrand"));
        shell.args(["shell", "typed", "-q", "-c", statements, "--data"]).arg(folder.path());
        let output = shell.output().expect("started");
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        (output.status.code(), printed, String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let (code, _, errors) =
        run("CREATE TABLE Car;\n\\c bank\nCREATE TABLE Account;\nuse typed\nSELECT * FROM Car;");
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let (_, printed, _) = run("\\d\n\\c bank\n\\d\n");
    assert_eq!(printed, "\"Car\"\n\"Account\"\n");
    let (code, _, errors) = run("\\c bnk\n");
    assert_eq!(code, Some(1));
    assert!(errors.contains("there are: bank, typed"), "{errors}");
    let (code, _, errors) = run("begin\n\\c bank\n");
    assert_eq!(code, Some(1));
    assert!(errors.contains("commit or abort it first"), "{errors}");
}

/// A folder that a server has open is read: the ledger as it was when the shell began, and nothing can be changed.
#[test]
fn a_folder_that_is_in_use_is_read_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = std::sync::Arc::new(
        Service::open(Config::new(Storage::Folder(folder.path().to_owned()))).expect("opened"),
    );
    for ledger in ["bank", "typed"] {
        service.create_ledger_unless_it_exists(ledger).expect("created");
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let driver = everstrand::QldbDriver::builder("typed")
        .build_over(std::sync::Arc::new(everstrand::InProcess::new(service.clone())))
        .expect("a driver");
    let write = |statement: &str| {
        runtime.block_on(driver.execute_statement(statement, ())).expect("done");
    };
    write("CREATE TABLE Car");
    write("CREATE INDEX ON Car (VIN)");
    write("INSERT INTO Car {'VIN': 'A'}");
    let run = |arguments: &[&str]| {
        let mut shell = Command::new(env!("CARGO_BIN_EXE_everstrand"));
        let output =
            shell.arg("shell").args(arguments).arg("--data").arg(folder.path()).output().expect("started");
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        (output.status.code(), printed, String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let query = "SELECT VIN FROM Car WHERE VIN = 'A';";
    let (code, printed, errors) = run(&["typed", "-q", "-c", query]);
    assert_eq!((code, printed.as_str()), (Some(0), "{VIN:\"A\"}\n"), "{errors}");
    assert!(errors.contains("a server has this folder open"), "{errors}");
    let (code, printed, errors) = run(&["typed", "-q", "-c", "INSERT INTO Car {'VIN': 'B'};", "-c", query]);
    assert_eq!((code, printed.as_str()), (Some(1), ""), "{errors}");
    assert!(errors.contains("this shell only reads"), "{errors}");
    // What the shell overlooks, the ledger refuses.
    let change = ["typed", "-q", "-c", "EXPLAIN ANALYZE INSERT INTO Car {'VIN': 'B'}"];
    let (code, _, errors) = run(&change);
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("opened for reading only"), "{errors}");
    // The server goes on as if nobody had looked.
    write("INSERT INTO Car {'VIN': 'C'}");
    let (_, printed, _) = run(&["typed", "-q", "-c", "SELECT VIN FROM Car ORDER BY VIN"]);
    assert_eq!(printed, "{VIN:\"A\"}\n{VIN:\"C\"}\n");
    for (arguments, expected) in [
        (&["-c", query][..], "which ledger? There are: bank, typed"),
        (&["bnk", "-c", query][..], "bank, typed"),
    ] {
        let (code, _, errors) = run(arguments);
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains(expected), "{errors}");
    }
    drop(driver);
    service.close();
}

/// A shell such as bash asks the program, which knows the ledgers.
#[test]
fn names_of_ledgers_complete_arguments() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = std::sync::Arc::new(
        Service::open(Config::new(Storage::Folder(folder.path().to_owned()))).expect("opened"),
    );
    for ledger in ["bank", "vehicle-registration"] {
        service.create_ledger_unless_it_exists(ledger).expect("created");
    }
    let data = folder.path().display().to_string();
    let address = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    let endpoint = everstrand::testing::Endpoint::start(service.clone(), address).expect("a free port");
    let url = endpoint.url();
    let complete = |words: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_everstrand"));
        program.arg("--").arg("everstrand").args(words);
        program.env("EVERSTRAND_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", words.len().to_string());
        let output = program.env("AWS_ENDPOINT_URL_QLDB_SESSION", &url).output().expect("started");
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        printed.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["shell", "--data", &data, "v"]), ["vehicle-registration"]);
    assert_eq!(complete(&["shell", "v"]), ["vehicle-registration"]);
    assert_eq!(complete(&["ledger", "describe", "b"]), ["bank"]);
    assert_eq!(complete(&["audit", &data, "--ledger", "b"]), ["bank"]);
    assert_eq!(complete(&["accept-loss", "--data", &data, "b"]), ["bank"]);
    assert_eq!(complete(&["load", "--endpoint", "http://127.0.0.1:1", "v"]), Vec::<String>::new());
    assert!(complete(&["sh"]).contains(&"shell".to_owned()));
    drop(endpoint);
    service.close();
}
