//! More ledgers than can be open at once: a start that does not wait for them, few files, a quick end; and ledgers that
//! come and go beside one that is read.

use std::path::Path;
use std::time::{Duration, Instant};

use everstrand::ledger::storage::disk::Disk;
use everstrand::ledger::storage::{FileDisk, meta};
use everstrand::protocol::control::{
    ControlReply, ControlRequest, CreateLedgerRequest, DeleteLedgerRequest, ListLedgersRequest,
    PermissionsMode, Tags,
};
use everstrand::{HttpTransport, QldbDriver};
use everstrand_testkit::memory_disk::MemoryDisk;

use crate::load::run;
use crate::process::{LEDGER, Server, program, setting};

fn driver(server: &Server, ledger: &str) -> QldbDriver<HttpTransport> {
    QldbDriver::builder(ledger).retry_limit(4).build_over(server.transport()).expect("a driver")
}

fn create(name: &str) -> ControlRequest {
    ControlRequest::CreateLedger(CreateLedgerRequest {
        name: name.to_owned(),
        permissions_mode: PermissionsMode::AllowAll,
        deletion_protection: Some(false),
        kms_key: None,
        tags: Tags::new(),
        strict: None,
    })
}

/// Adds so many folders of ledgers that were never opened, as small as they can be.
fn add_ledgers(data: &Path, template: &Path, ledgers: u64) {
    let disk = FileDisk::read_only(template).expect("a ledger's folder");
    let record = meta::read(&disk, "meta").expect("it is whole").expect("it is there");
    let record = String::from_utf8(record).expect("text");
    let id = template.file_name().and_then(|name| name.to_str()).expect("an id");
    for number in 0..ledgers {
        let new_id = format!("{number:A>22}");
        let new =
            record.replace(id, &new_id).replace(&format!("\"{LEDGER}\""), &format!("\"many-{number}\""));
        let memory = MemoryDisk::new();
        meta::replace(&memory, "meta", new.as_bytes()).expect("in memory");
        let file = memory.open("meta").expect("in memory");
        let mut bytes = vec![0; usize::try_from(file.length().expect("in memory")).expect("small")];
        file.read_at(0, &mut bytes).expect("in memory");
        let folder = data.join(new_id);
        std::fs::create_dir_all(folder.join("journal")).expect("a folder");
        std::fs::write(folder.join("meta"), bytes).expect("a file");
    }
}

/// The bound is ten times what is aimed at: one second for ten thousand in a release build.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_ledgers_on_disk_do_not_delay_the_start() {
    let ledgers = setting("EVERSTRAND_LEDGERS", 10_000);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = Server::start(data);
    let template = crate::journal::folder(data).parent().expect("a ledger's folder").to_owned();
    server.terminate();
    add_ledgers(data, &template, ledgers);
    let began = Instant::now();
    let server = Server::start(data);
    let took = began.elapsed();
    eprintln!("{ledgers} ledgers: started within {took:?}");
    assert!(took < Duration::from_secs(10), "the start took {took:?}");
    let list = ControlRequest::ListLedgers(ListLedgersRequest { max_results: Some(100), next_token: None });
    let ControlReply::ListLedgers(listed) = server.control(list).await else { panic!("another reply") };
    assert_eq!(listed.ledgers.len(), 100);
    run(&server.driver(), "CREATE TABLE t", vec![]).await;
    server.terminate();
}

/// A process that may open few files serves many ledgers, one after the other, and ends in time.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_descriptors_are_enough_for_many_ledgers() {
    const LEDGERS: usize = 40;
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = std::process::Command::new("sh");
    // The soft limit is lower still, and is raised.
    command.arg("-c").arg("ulimit -Sn 100; ulimit -Hn 300; exec \"$0\" \"$@\"").arg(program().get_program());
    command.arg("serve").arg("--data").arg(folder.path());
    let server = Server::run(command).expect("the server starts");
    for number in 0..LEDGERS {
        server.control(create(&format!("ledger-{number}"))).await;
        let driver = driver(&server, &format!("ledger-{number}"));
        run(&driver, "CREATE TABLE t", vec![]).await;
        // A session would keep its ledger open.
        driver.close().await;
    }
    for round in 0..2 {
        for number in 0..LEDGERS {
            let driver = driver(&server, &format!("ledger-{number}"));
            run(&driver, "INSERT INTO t {'n': 1}", vec![]).await;
            assert_eq!(run(&driver, "SELECT n FROM t", vec![]).await.len(), round + 1);
            driver.close().await;
        }
    }
    let (status, took, stderr) = tokio::task::block_in_place(|| server.terminate());
    assert_eq!((status.code(), stderr.as_str()), (Some(0), ""));
    assert!(took < Duration::from_secs(10), "the end took {took:?}");
}

/// The threads that commit rest for a while after a commit, but not in all ledgers at once.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_ledgers_in_use_share_few_committing_threads() {
    let ledgers = setting("EVERSTRAND_LEDGERS_IN_USE", 150);
    let server = Server::in_memory(&[]);
    let mut drivers = Vec::new();
    for number in 0..ledgers {
        let name = format!("in-use-{number}");
        server.control(create(&name)).await;
        drivers.push(driver(&server, &name));
        run(&drivers[drivers.len() - 1], "CREATE TABLE t", vec![]).await;
    }
    for driver in &drivers {
        run(driver, "INSERT INTO t {'n': 1}", vec![]).await;
    }
    // A thread ends some fifty milliseconds after its commit; those that may rest do so for five seconds.
    let until = Instant::now() + Duration::from_secs(2);
    while server.threads("everstrand-comm") > 64 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let threads = server.threads("everstrand-comm");
    eprintln!("{ledgers} ledgers in use have {threads} committing threads");
    assert!((1..=64).contains(&threads), "{threads} committing threads");
    for driver in drivers {
        run(&driver, "INSERT INTO t {'n': 2}", vec![]).await;
        assert_eq!(run(&driver, "SELECT n FROM t", vec![]).await.len(), 2);
        driver.close().await;
    }
    server.terminate();
}

/// The bound is far above what is seen: a reader waits no longer than the machine is busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ledgers_that_come_and_go_are_not_in_a_readers_way() {
    let clients = setting("EVERSTRAND_CLIENTS", 16);
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path());
    let driver = server.driver();
    run(&driver, "CREATE TABLE t", vec![]).await;
    run(&driver, "INSERT INTO t {'n': 1}", vec![]).await;
    let reads = async |during: Duration| {
        let (until, mut times) = (Instant::now() + during, Vec::new());
        while Instant::now() < until {
            let began = Instant::now();
            assert_eq!(run(&driver, "SELECT n FROM t", vec![]).await.len(), 1);
            times.push(began.elapsed());
        }
        times.sort_unstable();
        (times[times.len() / 2], times[times.len() - 1])
    };
    let idle = reads(Duration::from_secs(1)).await;
    let stop = tokio::sync::watch::channel(false);
    let attackers: Vec<_> = (0..clients)
        .map(|number| {
            let (transport, stop) = (server.transport(), stop.1.clone());
            tokio::spawn(async move {
                let mut rounds = 0;
                while !*stop.borrow() {
                    let name = format!("attacker-{number}");
                    transport.control(&create(&name)).await.expect("created");
                    let delete = ControlRequest::DeleteLedger(DeleteLedgerRequest { name });
                    transport.control(&delete).await.expect("deleted");
                    rounds += 1;
                }
                rounds
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let beside = reads(Duration::from_secs(3)).await;
    stop.0.send(true).expect("they listen");
    let mut rounds = 0;
    for attacker in attackers {
        rounds += attacker.await.expect("no panic");
    }
    eprintln!(
        "a read, median and worst: idle {idle:?}; beside {rounds} ledgers that came and went {beside:?}"
    );
    assert!(beside.0 < Duration::from_millis(200), "median {beside:?}, idle {idle:?}");
    assert!(beside.1 < Duration::from_secs(2), "worst {beside:?}, idle {idle:?}");
    server.terminate();
}
