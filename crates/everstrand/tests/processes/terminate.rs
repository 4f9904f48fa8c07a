//! SIGTERM: the clean end, under load and at rest.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::journal;
use crate::load::{self, Log};
use crate::process::{Server, chance};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_end_ends_cleanly() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let mut server = Server::start(data);
    load::prepare(&server).await;
    let log = Arc::new(Mutex::new(Log::default()));
    let mut random = chance("terminate");
    for round in 0..3 {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = load::start(&server, 16, &log, &stop, &mut random);
        tokio::time::sleep(Duration::from_millis(300 + random.below(300))).await;
        let (status, took, stderr) = tokio::task::block_in_place(|| server.terminate());
        for client in clients {
            client.await.expect("a client does not panic");
        }
        assert_eq!(status.code(), Some(0), "{stderr}");
        assert!(took < Duration::from_secs(8), "the end took {took:?}");
        assert!(!stderr.contains("panicked") && !stderr.contains("ERROR"), "{stderr}");

        let begin = Instant::now();
        server = Server::start(data);
        let started = begin.elapsed();
        eprintln!("round {round}: ended within {took:?}, started again within {started:?}");
        assert_eq!(server.stderr(), "", "a clean end leaves nothing to warn of");
        load::check(&server, &log).await;
    }
    assert_eq!(log.lock().expect("no panic").unknown(), 0);
    let digest = journal::digest(&server).await;
    let (status, took, stderr) = server.terminate();
    assert_eq!((status.code(), stderr.as_str()), (Some(0), ""));
    assert!(took < Duration::from_secs(5), "the end at rest took {took:?}");
    journal::audit(data, &[digest]);
}
