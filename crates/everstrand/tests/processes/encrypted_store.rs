//! A clear ledger in a store is encrypted where it lies, by a command that is killed on its way and run again.

use std::process::Command;
use std::time::Duration;

use everstrand::protocol::control::{
    ControlReply, ControlRequest, DescribeLedgerRequest, DescribeLedgerResult,
};
use everstrand_testkit::servers::{ObjectServer, PostgresServer, find_postgres};

use crate::process::{LEDGER, Server, program, program_over_objects, run_to_end};

/// The number of transactions before the ledger is encrypted, each of which makes a slot.
const BEFORE: usize = 300;

fn a_ledger_over_objects_is_encrypted_where_it_lies() {
    let objects = ObjectServer::in_memory().expect("gofakes3 starts");
    encrypt_and_check(&|arguments| program_over_objects(&objects, arguments));
}

fn a_ledger_in_postgresql_is_encrypted_where_it_lies() {
    let binaries = find_postgres(&[]).expect("its build script found it");
    let settings = [("listen_addresses", "127.0.0.1"), ("max_connections", "100")];
    let database =
        PostgresServer::start(&binaries, &std::env::temp_dir(), &settings).expect("PostgreSQL starts");
    let url = database.url();
    encrypt_and_check(&|arguments| {
        let mut command = program();
        command.args(arguments).args(["--store", &url, "--single-node"]);
        command
    });
}

everstrand_testkit::ignored_without_gofakes3!(a_ledger_over_objects_is_encrypted_where_it_lies);
everstrand_testkit::ignored_without_postgres!(a_ledger_in_postgresql_is_encrypted_where_it_lies);

fn encrypt_and_check(over_store: &dyn Fn(&[&str]) -> Command) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(kill_and_finish(over_store));
}

async fn run(server: &Server, statement: &str) -> usize {
    let driver = server.driver();
    let ran = driver
        .execute(|transaction| async move { transaction.execute(statement, ()).await?.fetch_all().await });
    ran.await.expect(statement).len()
}

async fn describe(server: &Server) -> DescribeLedgerResult {
    let describe = ControlRequest::DescribeLedger(DescribeLedgerRequest { name: LEDGER.to_owned() });
    match server.transport().control(&describe).await {
        Ok(ControlReply::DescribeLedger(described)) => described,
        other => panic!("{other:?}"),
    }
}

async fn kill_and_finish(over_store: &dyn Fn(&[&str]) -> Command) {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, cache) = (folder.path().join("key"), folder.path().join("cache"));
    let made = run_to_end(program().args(["master-key", "new"]).arg(&key));
    assert!(made.0.success(), "{}", made.2);
    let serve = |key_file: Option<&std::path::Path>| {
        let mut command = over_store(&["serve", "--create-ledger", LEDGER]);
        command.arg("--cache").arg(&cache);
        if let Some(file) = key_file {
            command.arg("--master-key-file").arg(file);
        }
        Server::run(command).expect("the server starts")
    };
    let encrypt = || {
        let mut command = over_store(&["encrypt", LEDGER]);
        command.arg("--cache").arg(&cache).arg("--master-key-file").arg(&key);
        command
    };

    let server = serve(None);
    run(&server, "CREATE TABLE T").await;
    for number in 0..BEFORE {
        run(&server, &format!("INSERT INTO T VALUE {{'n': {number}}}")).await;
    }
    let described = describe(&server).await;
    assert!(described.encryption_description.is_none() && described.lies_in_clear.is_none());
    let (status, _, why) = run_to_end(&mut encrypt());
    assert!(
        !status.success() && why.contains("another server is using it"),
        "a server of this machine uses the cache: {why}"
    );
    server.terminate();

    let mut killed = encrypt().spawn().expect("it starts");
    tokio::time::sleep(Duration::from_millis(400)).await;
    let _ = killed.kill();
    let _ = killed.wait();
    // Whatever it had done, the ledger is whole under the key, and takes writes.
    let server = serve(Some(&key));
    assert_eq!(run(&server, "SELECT * FROM T").await, BEFORE);
    run(&server, "INSERT INTO T VALUE {'n': -1}").await;
    server.terminate();

    let (status, printed, why) = run_to_end(&mut encrypt());
    assert!(status.success() && printed.contains("is encrypted"), "{printed}{why}");
    let server = serve(Some(&key));
    let described = describe(&server).await;
    assert!(described.encryption_description.is_some() && described.lies_in_clear.is_none(), "{described:?}");
    assert_eq!(run(&server, "SELECT * FROM T").await, BEFORE + 1);
    server.terminate();
    // Without the key nobody reads it.
    let server = serve(None);
    let driver = server.driver();
    let refused = driver
        .execute(|transaction| async move { transaction.execute("SELECT * FROM T", ()).await.map(drop) });
    let refused = refused.await.expect_err("it is encrypted").to_string();
    assert!(refused.contains("no master key"), "{refused}");
}
