//! What an operator may say on the command line takes effect, or is refused with a reason.

use std::sync::Arc;

use everstrand::protocol::control::{ControlRequest, DescribeLedgerRequest};
use everstrand::protocol::signature::Credentials;
use everstrand::{HttpTransport, SessionClient};

use crate::hostile_clients::wire::{Client, Session};
use crate::load::{prepare, run};
use crate::process::{LEDGER, Server, program, run_to_end};

/// What a driver is told when a statement is refused.
async fn refusal(server: &Server, statements: &[&str]) -> String {
    let driver = server.driver();
    let outcome: Result<(), everstrand_driver::Error> = driver
        .execute(|transaction| async move {
            for statement in statements {
                transaction.execute(statement, ()).await?.fetch_all().await?;
            }
            Ok(())
        })
        .await;
    outcome.expect_err("a limit is in the way").to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_take_effect() {
    let limits = [
        "documents-per-transaction=3",
        "document-bytes=1000",
        "transaction-bytes=2000",
        "active-tables=4",
        "indexes-per-table=2",
        "statement-characters=2000",
        "statements-per-transaction=5",
        "page-values=2",
        "transaction-millis=3000",
    ];
    let server = Server::in_memory(&limits.map(|limit| ["--limit", limit]).concat());
    prepare(&server).await;
    let driver = server.driver();
    run(&driver, "CREATE TABLE T", vec![]).await;

    let (four, three) = (
        "INSERT INTO T << {'n':1}, {'n':2}, {'n':3}, {'n':4} >>",
        "INSERT INTO T << {'n':1}, {'n':2}, {'n':3} >>",
    );
    let long = format!("INSERT INTO T {{'n': '{}'}}", "x".repeat(1000));
    let fair = format!("INSERT INTO T {{'n': '{}'}}", "x".repeat(900));
    let longest = format!("SELECT * FROM T -- {}", "x".repeat(2000));
    let table = "CREATE TABLE U";
    let indexes = ["CREATE INDEX ON Marks (a)", "CREATE INDEX ON Marks (b)"];
    for (limit, said, statements) in [
        ("documents-per-transaction", "limit of 3 documents", vec![four]),
        ("document-bytes", "limit of 1000", vec![&long]),
        ("transaction-bytes", "limit of 2000", vec![&fair, &fair, &fair]),
        ("active-tables", "limit: Ledger has 4", vec![table]),
        ("indexes-per-table", "limit: Table has 2", indexes.to_vec()),
        ("statement-characters", "1 to 2000 characters", vec![&longest]),
        ("statements-per-transaction", "5 statements", vec!["SELECT * FROM T"; 6]),
    ] {
        let message = refusal(&server, &statements).await;
        eprintln!("{limit}: {message}");
        assert!(message.contains(said), "{limit}: {message}");
    }
    run(&driver, three, vec![]).await;
    assert_eq!(
        run(&driver, "SELECT * FROM T", vec![]).await.len(),
        3,
        "what is within the limits is done, page by page"
    );

    let late: Result<(), everstrand_driver::Error> = driver
        .execute(|transaction| async move {
            tokio::time::sleep(std::time::Duration::from_millis(3300)).await;
            transaction.execute("SELECT * FROM T", ()).await?;
            Ok(())
        })
        .await;
    let late = late.expect_err("too late");
    assert!(late.is_transaction_expired(), "transaction-millis: {late}");
}

/// A browser asks before it sends a page's request, without a signature, and is told only what an allowed page may do.
#[test]
fn a_browser_is_told_which_pages_may_send_requests() {
    use std::io::{Read, Write};

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("access-keys");
    std::fs::write(&file, "[app]\naws_access_key_id = APP\naws_secret_access_key = hunter2\n")
        .expect("a file");
    let keys = file.to_str().expect("a path of text");
    let server = Server::in_memory(&["--access-keys", keys, "--allow-origin", "https://app.example"]);
    for (origin, status) in [("https://app.example", "204"), ("https://evil.example", "403")] {
        let mut stream = std::net::TcpStream::connect(server.address).expect("connected");
        let head = format!(
            "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
             Connection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{origin}: {answer}");
        let allowed =
            answer.to_ascii_lowercase().contains(&format!("access-control-allow-origin: {origin}\r\n"));
        assert_eq!(allowed, status == "204", "{origin}: {answer}");
    }
}

#[test]
fn wrong_arguments_are_refused() {
    for (arguments, reason) in [
        (vec!["--limit", "chairs=4"], "chairs"),
        (vec!["--limit", "tables"], "NAME=N"),
        (vec!["--limit", "tables=0"], "NAME=N"),
        (vec!["--limit", "tables=many"], "NAME=N"),
        (vec!["--listen", "0.0.0.0:0"], "--insecure-listen"),
        (vec!["--listen", "[::]:0"], "--insecure-listen"),
        (vec!["--access-keys", "/dev/null/keys"], "/dev/null/keys"),
        (vec!["--access-keys", "/dev/null"], "/dev/null: there is no access key"),
        (vec!["--listen", "http://localhost:8182"], "a port alone for 127.0.0.1"),
        (vec!["--data", "/tmp", "--memory"], "--memory"),
        (vec!["--data", "/tmp", "--in-memory"], "--in-memory"),
        (vec!["--memory", "64MiB"], "128MiB"),
        (vec!["--memory", "much"], "256MiB"),
        (vec!["--log", "everything=loud"], "loud"),
        (vec!["--create-ledger", "not a name"], "no name for a ledger"),
        (vec!["--create-ledger", "1234"], "no name for a ledger"),
        (vec!["--data", "/dev/null/data"], "/dev/null/data"),
        (vec!["--allow-origin", "https://app.example"], "--access-keys"),
        (vec!["--access-keys", "keys", "--allow-origin", "*"], "is no origin of a web page"),
        (vec!["--frobnicate"], "--frobnicate"),
    ] {
        let mut command = program();
        command.arg("serve").args(&arguments);
        if !arguments.contains(&"--data") {
            command.arg("--in-memory");
        }
        let (status, _, stderr) = run_to_end(&mut command);
        assert_eq!(status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(reason), "{arguments:?}: {stderr}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_signs_with_a_known_access_key_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("access-keys");
    std::fs::write(&file, "[app]\naws_access_key_id = APP\naws_secret_access_key = hunter2\n")
        .expect("a file");
    let server = Server::in_memory(&["--access-keys", file.to_str().expect("a path of text")]);
    let describe = ControlRequest::DescribeLedger(DescribeLedgerRequest { name: LEDGER.to_owned() });
    for (secret, refusal) in [("hunter2", None), ("hunter3", Some("does not match"))] {
        let credentials = Credentials {
            access_key_id: "APP".to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: None,
        };
        let endpoint = format!("http://{}", server.address);
        let transport =
            HttpTransport::builder().endpoint(endpoint).region("eu-west-1").credentials(credentials);
        let transport = Arc::new(transport.build().expect("a transport"));
        let described = transport.control(&describe).await.map(drop);
        let started = SessionClient::start_session(LEDGER, transport).await.map(drop);
        for answer in
            [described.map_err(|error| error.to_string()), started.map_err(|error| error.to_string())]
        {
            match refusal {
                None => assert_eq!(answer, Ok(())),
                Some(refusal) => assert!(answer.expect_err("refused").contains(refusal)),
            }
        }
    }
    assert!(!server.stderr().contains("hunter"), "{}", server.stderr());
}

/// Waits until a server's standard error has a text.
async fn waits_for(server: &Server, said: &str) {
    for _ in 0..1000 {
        if server.stderr().contains(said) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{said} in {}", server.stderr());
}

/// A transport to a server that signs with a key.
fn signed(server: &Server, id: &str, secret: &str) -> HttpTransport {
    let credentials = Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: secret.to_owned(),
        session_token: None,
    };
    let endpoint = format!("http://{}", server.address);
    HttpTransport::builder().endpoint(endpoint).credentials(credentials).build().expect("a transport")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_reads_the_access_keys_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("access-keys");
    let write = |text: &str| std::fs::write(&file, text).expect("a file");
    write("[app]\naws_access_key_id = OLD\naws_secret_access_key = hunter2\n");
    let mut server =
        Server::in_memory(&["--access-keys", file.to_str().expect("a path of text"), "--log", "info"]);
    let describe = ControlRequest::DescribeLedger(DescribeLedgerRequest { name: LEDGER.to_owned() });
    assert!(signed(&server, "OLD", "hunter2").control(&describe).await.is_ok());
    waits_for(&server, "chmod 600").await;
    write("[app]\naws_access_key_id = NEW\naws_secret_access_key = hunter3\n");
    server.signal("HUP");
    waits_for(&server, "were read again").await;
    let revoked = signed(&server, "OLD", "hunter2").control(&describe).await.expect_err("revoked");
    assert!(revoked.to_string().contains("UnrecognizedClient"), "{revoked}");
    assert!(signed(&server, "NEW", "hunter3").control(&describe).await.is_ok());
    write("[app]\nhunter4\n");
    server.signal("HUP");
    waits_for(&server, "stay as they were").await;
    assert!(signed(&server, "NEW", "hunter3").control(&describe).await.is_ok(), "as before");
    assert!(server.is_running() && !server.stderr().contains("hunter"), "{}", server.stderr());
    let (status, _, stderr) = server.terminate();
    assert_eq!(status.code(), Some(0), "{stderr}");
    for said in ["started", "stopping", "stopped"] {
        assert!(stderr.contains(said), "{said} in {stderr}");
    }
}

/// A line for each request, and in no line what a client keeps to itself.
/// Reads a table in one transaction, and changes it in another before the first is committed.
async fn conflict(server: &Server) {
    let client = Client::at(std::net::Ipv4Addr::LOCALHOST, server.address);
    let mut reader = Session::start(&client, LEDGER).await.expect("a session");
    reader.begin().await.expect("begun");
    reader.execute("SELECT * FROM Secrets WHERE text = 'hunter-literal'").await.expect("read");
    let mut writer = Session::start(&client, LEDGER).await.expect("a session");
    writer.run("INSERT INTO Secrets {'text': 'hunter-statement'}").await.expect("committed");
    let (status, refused) = reader.commit().await.expect("an answer");
    assert_eq!(status, 400);
    assert!(refused.contains("Optimistic concurrency control (OCC) failure encountered"), "{refused}");
    assert!(refused.contains("table Secrets, which was scanned") && !refused.contains("hunter"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_says_what_was_asked_and_holds_no_secrets() {
    let server = Server::in_memory(&["--log", "everstrand_server=debug"]);
    prepare(&server).await;
    let driver = server.driver();
    run(&driver, "CREATE TABLE Secrets", vec![]).await;
    refusal(&server, &["SELECT 'hunter-literal' FROM nothing"]).await;
    let insert = "INSERT INTO Secrets {'text': 'hunter-statement'}";
    run(&driver, insert, vec![]).await;
    conflict(&server).await;
    let absent = ControlRequest::DescribeLedger(DescribeLedgerRequest { name: "absent".to_owned() });
    server.transport().control(&absent).await.expect_err("no such ledger");
    for said in [
        "operation=\"CommitTransaction\"",
        "operation=\"ExecuteStatement\"",
        "exception=\"BadRequestException\"",
        "exception=\"ResourceNotFoundException\"",
        "The Ledger with name absent is not found",
        "table Secrets, which was scanned, was changed in block",
        "client=127.0.0.1",
        "request_id=",
    ] {
        waits_for(&server, said).await;
    }
    let stderr = server.stderr();
    assert!(!stderr.contains("hunter") && !stderr.contains("INSERT"), "{stderr}");
}

/// The list of processes is open to all users of a machine, and so are their arguments.
#[test]
fn a_password_need_not_be_an_argument() {
    let mut command = program();
    command.args(["serve", "--memory", "--listen", "127.0.0.1:0"]);
    let (status, _, stderr) = run_to_end(command.env("EVERSTRAND_CHECKPOINTS", "ftp://me:secret@notary/"));
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("the URL for checkpoints") && !stderr.contains("secret"), "{stderr}");
}

#[test]
fn limits_are_listed() {
    let (status, stdout, stderr) = run_to_end(program().args(["serve", "--limit", "help"]));
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(stdout.contains("documents-per-transaction=40\t"), "{stdout}");
}

#[test]
fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let (status, _, stderr) = run_to_end(program().args(["serve", "--memory", "--listen", &address]));
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains(&address), "{stderr}");
}

/// Containers and services are set up by variables.
#[test]
fn variables_stand_for_arguments_and_arguments_go_before_them() {
    let folder = tempfile::tempdir().unwrap();
    let from_variables = folder.path().join("variables");
    let started = |arguments: &[&str]| {
        let mut command = program();
        command.env("EVERSTRAND_DATA", &from_variables).env("EVERSTRAND_LISTEN", "localhost:0");
        command.arg("serve").args(arguments);
        Server::run_at_its_own_address(command).expect("the server starts")
    };
    drop(started(&["--in-memory"]));
    assert!(!from_variables.exists());
    let named = folder.path().join("named");
    drop(started(&["--data", named.to_str().unwrap()]));
    assert!(named.exists() && !from_variables.exists());
    drop(started(&[]));
    assert!(from_variables.exists());
}

/// Whoever sets the server's folder by the variable finds the same ledgers with the commands that work on the folder.
#[test]
fn commands_on_the_folder_follow_the_servers_variable() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let name = missing.display().to_string();
    let output = folder.path().join("export");
    for arguments in [&["accept-loss", "cars"][..], &["export", "cars", "--to", output.to_str().unwrap()][..]]
    {
        let (status, _, stderr) = run_to_end(program().env("EVERSTRAND_DATA", &missing).args(arguments));
        assert_eq!(status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(&name), "{stderr}");
    }
}

/// "File exists" does not say what is wrong with a file that is named as the data folder.
#[test]
fn a_file_is_not_a_data_folder() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (status, _, stderr) = run_to_end(program().args([
        "serve",
        "--data",
        file.path().to_str().unwrap(),
        "--listen",
        "localhost:0",
    ]));
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("it is a file, not a folder"), "{stderr}");
}

#[test]
fn completions_are_printed_and_a_reader_that_leaves_early_causes_no_panic() {
    let printed = program().args(["completions", "bash"]).output().expect("the program starts");
    assert!(printed.status.success());
    assert!(String::from_utf8_lossy(&printed.stdout).contains("everstrand"));

    let mut child = program()
        .args(["completions", "bash"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("the program ends");
    assert!(!String::from_utf8_lossy(&ended.stderr).contains("panicked"), "{ended:?}");
}
