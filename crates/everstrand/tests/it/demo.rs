//! `everstrand demo`: a filled ledger, and statements that work on it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use everstrand::Service;
use everstrand::server::config::{Config, Storage};
use everstrand_server::http;

/// Runs the program against a server with this input: its exit code, and what it printed.
async fn program(endpoint: &str, arguments: &[&str], input: String) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everstrand"));
    command.args(arguments).env("AWS_ENDPOINT_URL_QLDB_SESSION", endpoint);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = tokio::task::spawn_blocking(move || {
        let mut program = command.spawn().expect("started");
        program.stdin.take().expect("an input").write_all(input.as_bytes()).expect("written");
        program.wait_with_output().expect("ended")
    });
    let output = ended.await.expect("no panic");
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8(printed).expect("UTF-8"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_that_is_worth_trying_finds_something() {
    let service = Arc::new(Service::open(Config::new(Storage::Memory)).expect("a service"));
    let listen = "127.0.0.1:0".parse().expect("an address");
    let server = http::Server::bind(service.clone(), listen).await.expect("a socket");
    let endpoint = format!("http://{}", server.address().expect("bound"));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async { drop(stopped.await) }));

    let (code, printed) = program(&endpoint, &["demo"], String::new()).await;
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("has 4 tables now"), "{printed}");
    let statements = printed.matches(';').count();
    assert_eq!(statements, 6, "five, and one in a sentence: {printed}");
    let (code, answers) = program(&endpoint, &["shell", "vehicle-registration"], printed).await;
    assert_eq!(code, 0, "{answers}");
    let rows: Vec<&str> = answers.lines().filter(|line| line.starts_with("-- ")).collect();
    let counts: Vec<&str> = rows.iter().filter_map(|line| line.split(',').next()).collect();
    assert_eq!(counts, ["-- 4 rows", "-- 4 rows", "-- 3 rows", "-- 1 row", "-- 1 row"], "{answers}");

    let (code, printed) = program(&endpoint, &["demo"], String::new()).await;
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("has tables already, and nothing was changed"), "{printed}");
    drop(stop);
    running.await.expect("no panic");

    let (code, printed) = program(&endpoint, &["demo"], String::new()).await;
    assert_eq!(code, 2, "{printed}");
    assert!(printed.contains("no server answers at 127.0.0.1:"), "{printed}");
    service.close();
}
