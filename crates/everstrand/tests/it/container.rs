//! What a container needs of the program, and what a test needs of the library: `everstrand health`, a warning where anybody may
//! come in, and ledgers that come and go.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use everstrand::testing;

use crate::evidence::everstrand;

#[test]
fn a_running_server_is_healthy_and_a_stopped_one_is_not() {
    let ledger = testing::ledger();
    let endpoint = ledger.endpoint();
    let url = endpoint.url();
    let (code, printed) = everstrand(&["health", "--endpoint", &url]);
    assert_eq!((code, printed.trim()), (0, r#"{"status":"ok"}"#));
    let (code, printed) = everstrand(&["health", "--ready", "--endpoint", &format!("{url}/")]);
    assert_eq!((code, printed.trim()), (0, r#"{"status":"ready"}"#));

    drop(endpoint);
    let (code, printed) = everstrand(&["health", "--endpoint", &url]);
    assert_eq!(code, 1);
    assert!(printed.contains("does not answer"), "{printed}");
    assert_eq!(everstrand(&["health", "--endpoint", "ftp://127.0.0.1"]).0, 2);
}

/// The endpoint of a test goes away alone: the ledger still works in this process, and behind another endpoint.
#[test]
fn an_endpoint_that_is_dropped_leaves_the_ledger_open() {
    let ledger = testing::ledger();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for round in 0..2 {
        let endpoint = ledger.endpoint();
        let remote = everstrand::QldbDriver::builder(testing::LEDGER_NAME).endpoint(endpoint.url());
        let remote = remote.build().expect("a driver");
        let table = format!("CREATE TABLE t{round}");
        runtime.block_on(remote.execute_statement(&table, ())).expect("a table");
        drop(endpoint);
        let tables = runtime.block_on(ledger.driver().list_tables()).expect("tables");
        assert_eq!(tables.len(), round + 1);
    }
}

#[test]
fn a_server_for_everybody_says_so() {
    let serve = |arguments: &[&str]| {
        let mut server = Command::new(env!("CARGO_BIN_EXE_everstrand"))
            .args(["serve", "--in-memory"])
            .args(arguments)
            .env_remove("EVERSTRAND_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut line = String::new();
        BufReader::new(server.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        assert!(line.starts_with("everstrand listening on"), "{line}");
        server.kill().expect("it runs");
        server.wait().expect("it ended");
        let mut log = String::new();
        server.stderr.take().expect("its log").read_to_string(&mut log).expect("UTF-8");
        log
    };
    let log = serve(&["--listen", "0.0.0.0:0", "--insecure-listen"]);
    assert!(log.contains("WARN") && log.contains("anybody who reaches this address"), "{log}");
    assert_eq!(serve(&["--listen", "127.0.0.1:0"]), "");
}
