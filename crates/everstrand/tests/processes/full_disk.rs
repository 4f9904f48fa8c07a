//! A disk that is full: commits are refused with a reason, reads go on, nothing acknowledged is lost, and when
//! there is room again commits go on, with and without a restart.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstrand::{HttpTransport, QldbDriver};
use everstrand_driver::{Error, Exception};
use everstrand_testkit::Random;

use crate::journal;
use crate::load::{self, Log};
use crate::process::{Server, chance};

everstrand_testkit::ignored_without_tmpfs!(
    a_full_disk_refuses_commits_and_keeps_reads,
    a_disk_that_fills_up_under_load_loses_nothing,
);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_commits_and_keeps_reads() {
    let mount = Mount::tmpfs("160m");
    let data = mount.path.join("data");
    let mut random = chance("full disk");
    let server = Server::start(&data);
    load::prepare(&server).await;
    let log = Arc::new(Mutex::new(Log::default()));
    load::run_for(&server, 8, &log, Duration::from_millis(500), &mut random).await;
    let digest = journal::digest(&server).await;

    let ballast = mount.path.join("ballast");
    fill(&ballast);
    let driver = server.driver();
    let refused = fill_the_rest(&driver).await;
    eprintln!("a commit on a full disk: {refused}");
    let message = refused.to_string();
    assert!(message.contains("full") || message.contains("space"), "the reason is not said: {message}");
    assert!(is_definite(&refused), "{message}");

    // Clients go on trying; what they are told must hold, and reads are answered.
    load::run_for(&server, 8, &log, Duration::from_millis(300), &mut random).await;
    load::check(&server, &log).await;
    journal::verify_block(&server, digest.digest_tip_address.sequence_no, &digest).await;
    journal::audit(&data, &[digest]);

    std::fs::remove_file(&ballast).expect("the ballast");
    goes_on(&driver).await;
    load::run_for(&server, 8, &log, Duration::from_millis(300), &mut random).await;
    load::check(&server, &log).await;
    drop(driver);
    server.kill();
    let server = Server::start(&data);
    load::check(&server, &log).await;
    load::run_for(&server, 8, &log, Duration::from_millis(300), &mut random).await;
    load::check(&server, &log).await;
    server.terminate();
    journal::audit_with_program(&data, &[digest]);
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_under_load_loses_nothing() {
    let mount = Mount::tmpfs("160m");
    let data = mount.path.join("data");
    let ballast = mount.path.join("ballast");
    let mut random = chance("disk that fills up");
    let log = Arc::new(Mutex::new(Log::default()));
    let server = Server::start(&data);
    load::prepare(&server).await;
    server.kill();
    for _ in 0..3 {
        let server = Server::start(&data);
        load::check(&server, &log).await;
        let filling = async {
            tokio::time::sleep(Duration::from_millis(100 + random.below(300))).await;
            let driver = server.driver();
            fill(&ballast);
            fill_the_rest(&driver).await
        };
        let mut seeds = Random::new(7);
        let load = load::run_for(&server, 8, &log, Duration::from_millis(1500), &mut seeds);
        let (refused, ()) = tokio::join!(filling, load);
        eprintln!("{refused}");
        server.kill();
        // Starting on a full disk may fail, but must not harm.
        if let Err(ended) = Server::run(crate::process::serve(&data)).map(Server::kill) {
            eprintln!("starting on a full disk: {}", ended.stderr);
            assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
            assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        }
        std::fs::remove_file(&ballast).expect("the ballast");
    }
    let server = Server::start(&data);
    load::check(&server, &log).await;
    server.terminate();
    journal::audit(&data, &[]);
}

/// Whether a commit was refused in a way that says that it has not happened, for old SDKs too.
fn is_definite(refused: &Error) -> bool {
    refused.http_status() == Some(503)
        && matches!(refused, Error::Service(error) if error.exception == Exception::CapacityExceeded)
}

/// Waits until commits are taken again. A view that was too full for the last one is built anew meanwhile.
async fn goes_on(driver: &QldbDriver<HttpTransport>) {
    for _ in 0..600 {
        match insert_filler(driver).await {
            Ok(()) => return,
            Err(error) => assert!(is_definite(&error), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("commits are refused with room on the disk");
}

/// Commits documents until one is refused.
async fn fill_the_rest(driver: &QldbDriver<HttpTransport>) -> Error {
    for _ in 0..2000 {
        if let Err(error) = insert_filler(driver).await {
            return error;
        }
    }
    panic!("the disk does not fill up");
}

async fn insert_filler(driver: &QldbDriver<HttpTransport>) -> Result<(), Error> {
    let filler = "x".repeat(60_000);
    let filler = filler.as_str();
    let options = without_retry();
    driver
        .execute_with(options, |transaction| async move {
            if transaction
                .execute(
                    "SELECT VALUE 1 FROM information_schema.user_tables AS t WHERE t.name = 'Filler'",
                    (),
                )
                .await?
                .fetch_all()
                .await?
                .is_empty()
            {
                transaction.execute("CREATE TABLE Filler", ()).await?;
            }
            transaction.execute("INSERT INTO Filler {'n': 7, 'filler': ?}", filler).await?;
            Ok(())
        })
        .await
}

fn without_retry() -> everstrand_driver::ExecuteOptions {
    let retry = Some(everstrand_driver::RetryPolicy::never());
    everstrand_driver::ExecuteOptions { retry, ..Default::default() }
}

/// Writes until nothing more fits.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).expect("a file");
    for size in [1 << 20, 1 << 16, 1 << 12] {
        let bytes = vec![b'b'; size];
        for _ in 0..1_000 {
            if file.write_all(&bytes).is_err() {
                break;
            }
        }
    }
}

/// A small file system of its own.
struct Mount {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Mount {
    fn tmpfs(size: &str) -> Mount {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mount");
        std::fs::create_dir(&path).expect("a folder");
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path);
        assert!(mount.status().expect("there is a mount").success(), "a tmpfs can be mounted");
        Mount { path, _folder: folder }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a server that is ending may hold files still.
        let _ = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}
