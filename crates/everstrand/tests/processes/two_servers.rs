//! One folder, one server; auditors may come and go beside it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::journal;
use crate::load::{self, Log};
use crate::process::{Server, chance, serve};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_is_refused_and_an_auditor_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = Server::start(data);
    load::prepare(&server).await;
    let log = Arc::new(Mutex::new(Log::default()));
    let beside = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let digest = journal::digest(&server).await;
        for _ in 0..3 {
            let ended = Server::run(serve(data)).err().expect("the folder is in use");
            assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
            assert!(ended.stderr.contains(&data.display().to_string()), "{}", ended.stderr);
            assert!(ended.stderr.contains("another"), "{}", ended.stderr);
            journal::audit_with_program(data, &[digest]);
            journal::audit(data, &[digest]);
        }
    };
    let mut random = chance("two servers");
    tokio::join!(load::run_for(&server, 4, &log, Duration::from_millis(1200), &mut random), beside);
    load::check(&server, &log).await;
    // The lock is the kernel's: it ends with the process, however that ends.
    server.kill();
    let server = Server::start(data);
    load::check(&server, &log).await;
    server.terminate();
    Server::start(data);
}
