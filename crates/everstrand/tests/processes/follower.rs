//! A server that follows a store beside one that writes to it. It needs no permission to write, and the store stays as it is.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use everstrand::QldbDriver;
use everstrand_testkit::servers::{BUCKET, ObjectServer, PostgresServer, find_postgres};

use crate::process::{LEDGER, Server, program, program_over_objects, run_to_end};

fn a_follower_of_objects_leaves_them_as_they_are() {
    let objects = ObjectServer::in_memory().expect("gofakes3 starts");
    let endpoint = objects.endpoint();
    let serve = || program_over_objects(&objects, &["serve"]);
    follow(serve(), serve(), &|| {
        let address = endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("gofakes3 listens");
        let list =
            format!("GET /{BUCKET}?list-type=2 HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(list.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        assert!(body.contains("<Key>ledgers/"), "{answer}");
        body.to_owned()
    });
}

/// The role of the follower may do nothing but SELECT.
fn a_follower_of_postgresql_needs_no_permission_to_write() {
    let binaries = find_postgres(&[]).expect("its build script found it");
    let database =
        PostgresServer::start(&binaries, &std::env::temp_dir(), &[("listen_addresses", "127.0.0.1")]);
    let database = database.expect("PostgreSQL starts");
    let psql = |commands: &str| database.psql(commands, b"").expect("psql runs");
    psql("CREATE ROLE reader LOGIN; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader");
    let serve = |url: &str| {
        let mut command = program();
        command.args(["serve", "--store", url, "--single-node"]);
        command
    };
    let reader = database.url().replace("//everstrand@", "//reader@");
    follow(serve(&database.url()), serve(&reader), &|| {
        let everything = ["slots", "names", "keys", "barriers"].map(|table| {
            format!("SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM everstrand_{table} AS t")
        });
        psql(&everything.join(";"))
    });
    // With standbys, a strict read of PostgreSQL ends with a write.
    let mut standbys = program();
    standbys.args(["serve", "--store", &reader, "--follow", "--listen", "127.0.0.1:0"]);
    let (status, _, why) = run_to_end(&mut standbys);
    assert!(!status.success() && why.contains("--follow writes nothing"), "{why}");
    // An audit trail in a ledger is written, too.
    standbys.arg("--audit-ledger");
    let (status, _, why) = run_to_end(&mut standbys);
    assert!(!status.success() && why.contains("'--follow' cannot be used with '--audit-ledger'"), "{why}");
}

/// `stored` says all that the store holds.
fn follow(mut writer: Command, mut follower: Command, stored: &dyn Fn() -> String) {
    let folder = tempfile::tempdir().expect("a folder");
    writer.args(["--create-ledger", LEDGER, "--cache"]).arg(folder.path().join("writer"));
    let writer = Server::run(writer).expect("the server starts");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let run = |server: &Server, statement: &'static str| {
        let driver = QldbDriver::builder(LEDGER).build_over(server.transport()).expect("a driver");
        let rows = runtime.block_on(driver.execute_statement(statement, ()));
        rows.map(|rows| rows.len()).map_err(|error| error.to_string())
    };
    run(&writer, "CREATE TABLE t").expect("created");
    run(&writer, "INSERT INTO t VALUE {'n': 1}").expect("inserted");
    let before = stored();
    follower.args(["--follow", "--cache"]).arg(folder.path().join("follower"));
    let follower = Server::run(follower).expect("the follower starts");
    assert_eq!(run(&follower, "SELECT * FROM t"), Ok(1));
    let refused = run(&follower, "INSERT INTO t VALUE {'n': 2}").expect_err("a follower does not write");
    assert!(refused.contains("--follow"), "{refused}");
    assert_eq!(stored(), before);
    for count in 2..5 {
        run(&writer, "INSERT INTO t VALUE {'n': 1}").expect("inserted");
        let before = stored();
        assert_eq!(run(&follower, "SELECT * FROM t"), Ok(count));
        assert_eq!(stored(), before);
    }
    drop(follower);
}

everstrand_testkit::ignored_without_gofakes3!(a_follower_of_objects_leaves_them_as_they_are);
everstrand_testkit::ignored_without_postgres!(a_follower_of_postgresql_needs_no_permission_to_write);
