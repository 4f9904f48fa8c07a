//! The prompt, with a pipe in the place of a person.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Duration;

use crate::process::{LEDGER, Server, program};

/// A person thinks for longer than a session lives.
#[test]
fn a_session_that_expired_is_replaced() {
    let server = Server::in_memory(&["--limit", "session-millis=1500"]);
    let endpoint = format!("http://{}", server.address);
    let mut command = program();
    command.args(["shell", LEDGER, "--endpoint", &endpoint]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut shell = command.spawn().expect("the program can be started");
    let mut typed = shell.stdin.take().expect("a pipe");
    let mut printed = BufReader::new(shell.stdout.take().expect("a pipe")).lines();
    for row in ["1", "2"] {
        writeln!(typed, "SELECT VALUE {row} FROM << 0 >>;").expect("typed");
        let shown = [printed.next(), printed.next()].map(|line| line.and_then(Result::ok));
        assert_eq!(shown, [Some(row.to_owned()), Some("-- 1 row, 0 read IOs".to_owned())]);
        std::thread::sleep(Duration::from_millis(1700));
    }
    // A transaction that was open is not continued in another session.
    writeln!(typed, "begin").expect("typed");
    std::thread::sleep(Duration::from_millis(1700));
    writeln!(typed, "SELECT VALUE 3 FROM << 0 >>;").expect("typed");
    drop(typed);
    assert!(printed.next().is_none());
    assert_eq!(shell.wait().expect("it ends").code(), Some(1));
}
