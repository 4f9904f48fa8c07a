//! `everstrand verify` and `everstrand audit` against a running server, which they do not trust.

use std::fs;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use everstrand::QldbDriver;
use everstrand_driver::HttpTransport;
use everstrand_ion::{Data, Document, text};
use everstrand_protocol::control::{ControlReply, ControlRequest, GetDigestRequest};
use everstrand_server::config::{Config, Storage};
use everstrand_server::{Service, http};

use crate::evidence::everstrand;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_and_a_journal_of_a_server() {
    let service = Arc::new(Service::open(Config::new(Storage::Memory)).expect("a service"));
    service.create_ledger_unless_it_exists("remote").expect("a ledger");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let server = http::Server::bind(service.clone(), listen).await.expect("a socket");
    let endpoint = format!("http://{}", server.address().expect("bound"));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async { drop(stopped.await) }));

    let driver = QldbDriver::builder("remote").endpoint(&endpoint).build().expect("a driver");
    run(&driver, "CREATE TABLE T").await;
    let inserted = run(&driver, "INSERT INTO T {'word': 'first'}").await;
    let id = inserted[0].to_value().get("documentId").and_then(|id| id.as_text().map(str::to_owned));
    let id = id.expect("an id");
    let ControlReply::GetDigest(digest) = service
        .control(ControlRequest::GetDigest(GetDigestRequest { name: "remote".to_owned() }))
        .expect("a digest")
    else {
        panic!("another reply")
    };
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("digest.ion").display().to_string();
    let hash = text::write(&Data::Blob(digest.digest).into());
    let content = format!("{{digest:{hash},digestTipAddress:{}}}", digest.digest_tip_address.text);
    fs::write(&saved, &content).expect("written");
    run(&driver, "INSERT INTO T {'word': 'second'}").await;

    let verify = ["verify", "--endpoint", &endpoint, "--ledger", "remote", "--document", &id];
    let (code, printed) = program(&verify).await;
    assert_eq!((code, printed.trim_end().ends_with("verified")), (0, true), "{printed}");
    assert!(printed.contains("no saved digest was compared"), "{printed}");
    let with_digest = [&verify[..], &["--digest", &saved]].concat();
    let (code, printed) = program(&with_digest).await;
    assert_eq!(code, 0, "against the digest that was saved: {printed}");
    assert!(!printed.contains("no saved digest"), "{printed}");
    let continues = ["verify", "--endpoint", &endpoint, "--ledger", "remote", "--digest", &saved];
    let newer = folder.path().join("newer.ion").display().to_string();
    let (code, printed) = program(&[&continues[..], &["--save", &newer]].concat()).await;
    assert_eq!(
        (code, printed.contains("up to block 2 is the beginning of that up to block 3")),
        (0, true),
        "{printed}"
    );
    let (code, printed) = program(&["verify", "--digest", &saved, "--digest", &newer]).await;
    assert_eq!(code, 0, "offline, with what was kept: {printed}");
    let audit = ["audit", &endpoint, "--ledger", "remote", "--digest", &saved];
    let (code, printed) = program(&audit).await;
    assert_eq!((code, printed.contains("the journal agrees with")), (0, true), "{printed}");

    // The server is found as the SDKs find it.
    let found = ["verify", "--ledger", "remote", "--document", &id, "--digest", &saved];
    let (code, printed) = program_that_finds(&endpoint, &found).await;
    assert_eq!(code, 0, "{printed}");
    let (code, printed) = program_that_finds(&endpoint, &["shell", "remote"]).await;
    assert_eq!(code, 0, "{printed}");

    let to = folder.path().join("export").display().to_string();
    let (code, printed) = program(&["export", "remote", "--endpoint", &endpoint, "--to", &to]).await;
    assert_eq!((code, printed.starts_with("4 blocks of ")), (0, true), "{printed}");
    let (code, printed) = program(&["audit", &to, "--digest", &saved]).await;
    assert_eq!((code, printed.contains("the journal agrees with")), (0, true), "{printed}");

    // A digest that is not of this journal.
    let other = content.replacen(&hash, &text::write(&Data::Blob(vec![7; 32]).into()), 1);
    fs::write(&saved, other).expect("written");
    assert_eq!(program(&with_digest).await.0, 1);
    let (code, printed) = program(&continues).await;
    assert_eq!((code, printed.contains("FAILED   the journal up to block 2")), (1, true), "{printed}");
    let (code, printed) = program(&audit).await;
    assert_eq!((code, printed.contains("DEVIATION")), (1, true), "{printed}");

    // What is not there.
    let unknown = ["verify", "--endpoint", &endpoint, "--ledger", "remote", "--document", "nothing"];
    let (code, printed) = program(&unknown).await;
    assert_eq!((code, printed.contains("no current document nothing")), (2, true), "{printed}");
    assert_eq!(program(&["audit", &endpoint]).await.0, 2, "which ledger?");
    assert_eq!(program(&["audit", &endpoint, "--ledger", "another"]).await.0, 2);

    driver.close().await;
    stop.send(()).expect("the server runs");
    running.await.expect("a clean end");
}

async fn run(driver: &QldbDriver<HttpTransport>, statement: &str) -> Vec<Document> {
    let statement = statement.to_owned();
    driver
        .execute(|transaction| {
            let statement = statement.clone();
            async move { transaction.execute(&statement, ()).await?.fetch_all().await }
        })
        .await
        .expect("a statement")
}

/// Runs the program with nothing to type where the SDKs' variable names the server.
async fn program_that_finds(endpoint: &str, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everstrand"));
    command.args(arguments).env("AWS_ENDPOINT_URL_QLDB_SESSION", endpoint).stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let Output { status, stdout, stderr } = output.expect("the program runs");
    (status.code().expect("an exit code"), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

/// Runs the program while this test's runtime serves it.
pub(crate) async fn program(arguments: &[&str]) -> (i32, String) {
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let ended = tokio::task::spawn_blocking(move || {
        everstrand(&arguments.iter().map(String::as_str).collect::<Vec<&str>>())
    });
    ended.await.expect("the program ends")
}
