//! A journal whose end is gone: the program refuses to write over the loss, and says what to do.

use std::path::Path;

use crate::load::{run, try_run};
use crate::process::{LEDGER, Server, program, run_to_end};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a file");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_end_is_not_written_over_until_the_operator_accepts_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data);
    run(&server.driver(), "CREATE TABLE t", vec![]).await;
    run(&server.driver(), "INSERT INTO t {'n': 1}", vec![]).await;
    let journal = crate::journal::folder(&data);
    // As a copy of the folder that took the journal first.
    let early = folder.path().join("early");
    copy(&journal, &early);
    for _ in 0..5 {
        run(&server.driver(), "INSERT INTO t {'n': 2}", vec![]).await;
    }
    server.terminate();
    std::fs::remove_dir_all(&journal).expect("removed");
    copy(&early, &journal);

    let accept = |ledger: &str| {
        let mut command = program();
        command.args(["accept-loss", ledger, "--data"]).arg(&data);
        run_to_end(&mut command)
    };
    let server = Server::start(&data);
    let driver = server.driver();
    assert_eq!(run(&driver, "SELECT n FROM t", vec![]).await.len(), 1, "what the journal proves");
    let refused =
        try_run(&driver, "INSERT INTO t {'n': 3}", vec![]).await.expect_err("not written").to_string();
    assert!(refused.contains("acknowledged") && refused.contains("accept-loss"), "{refused}");
    let (status, _, stderr) = accept(LEDGER);
    assert_eq!(status.code(), Some(2), "not beside a server: {stderr}");
    let (_, _, stderr) = tokio::task::block_in_place(|| server.terminate());
    assert!(stderr.contains("ERROR") && stderr.contains("accept-loss"), "{stderr}");

    let (status, _, stderr) = accept("absent");
    assert_eq!((status.code(), stderr.contains("absent")), (Some(2), true), "{stderr}");
    let (status, stdout, stderr) = accept(LEDGER);
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(stdout.contains("without the missing blocks"), "{stdout}");
    let (status, _, stderr) = accept(LEDGER);
    assert_eq!((status.code(), stderr.contains("no loss to accept")), (Some(2), true), "{stderr}");

    let server = Server::start(&data);
    run(&server.driver(), "INSERT INTO t {'n': 4}", vec![]).await;
    assert_eq!(run(&server.driver(), "SELECT n FROM t", vec![]).await.len(), 2);
    server.terminate();
}

/// The ledger that was to be there may be the one whose record is lost: it is not begun anew, and the server starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_record_keeps_no_server_from_starting() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = Server::start(data);
    run(&server.driver(), "CREATE TABLE t", vec![]).await;
    server.terminate();
    let ledger = crate::journal::folder(data).parent().expect("a ledger's folder").to_owned();
    std::fs::remove_file(ledger.join("meta")).expect("removed");
    for note in [true, false] {
        if !note {
            std::fs::remove_file(ledger.join("note")).expect("removed");
        }
        let server = Server::start(data);
        let refused = try_run(&server.driver(), "INSERT INTO t {'n': 1}", vec![]).await;
        assert!(refused.is_err(), "it is not there, and not begun anew");
        let (status, _, stderr) = tokio::task::block_in_place(|| server.terminate());
        assert_eq!(status.code(), Some(0), "{stderr}");
        assert!(stderr.contains("ERROR") && stderr.contains("meta"), "{stderr}");
    }
    assert_eq!(crate::journal::slots(data), 2, "and the journal is as it was");
}
