//! Three servers over one store, of which one is killed again and again under load. Some clients talk to one server, others send each
//! command to another one. What a client was told, every other server must show at once.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstrand::{HttpTransport, QldbDriver};
use everstrand_driver::{SendCommandResponse, Transport, TransportError};
use everstrand_protocol::SendCommandRequest;
use everstrand_testkit::servers::{ObjectServer, PostgresServer, find_postgres};

use crate::journal;
use crate::load::{self, Log};
use crate::process::{LEDGER, Server, chance, program, program_over_objects, run_to_end, setting};

const SERVERS: usize = 3;
const CLIENTS_PER_SERVER: u64 = 4;

fn three_servers_over_objects_lose_nothing_when_they_are_killed() {
    let objects = ObjectServer::in_memory().expect("gofakes3 starts");
    kill_and_check(&|| program_over_objects(&objects, &["serve"]));
}

fn three_servers_over_postgresql_lose_nothing_when_they_are_killed() {
    let binaries = find_postgres(&[]).expect("its build script found it");
    let settings = [("listen_addresses", "127.0.0.1"), ("max_connections", "200")];
    let database =
        PostgresServer::start(&binaries, &std::env::temp_dir(), &settings).expect("PostgreSQL starts");
    kill_and_check(&|| {
        let mut command = program();
        command.args(["serve", "--store", &database.url(), "--single-node"]);
        command
    });
}

/// A ledger that is imported into the store of a running server is there for it, without a restart.
fn an_export_is_imported_while_a_server_runs() {
    let objects = ObjectServer::in_memory().expect("gofakes3 starts");
    let folder = tempfile::tempdir().expect("a folder");
    let over_objects = |arguments: &[&str]| program_over_objects(&objects, arguments);
    let mut serve = over_objects(&["serve", "--create-ledger", LEDGER]);
    serve.arg("--cache").arg(folder.path().join("cache"));
    let server = Server::run(serve).expect("the server starts");
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samples");
    let mut import = over_objects(&["import", "imported"]);
    let import =
        import.arg("--from").arg(samples.join("export")).arg("--digest").arg(samples.join("digest.json"));
    let (status, printed, why) = run_to_end(import);
    assert!(
        status.success() && printed.contains("ledger imported begins with this journal"),
        "{printed}{why}"
    );
    let driver = QldbDriver::builder("imported").build_over(server.transport()).expect("a driver");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let tables = runtime.block_on(driver.list_tables()).expect("tables");
    assert!(!tables.is_empty(), "{tables:?}");
}

everstrand_testkit::ignored_without_gofakes3!(
    an_export_is_imported_while_a_server_runs,
    three_servers_over_objects_lose_nothing_when_they_are_killed
);
everstrand_testkit::ignored_without_postgres!(
    three_servers_over_postgresql_lose_nothing_when_they_are_killed
);

fn kill_and_check(serve: &dyn Fn() -> Command) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(kills(serve, setting("EVERSTRAND_STORE_KILLS", 4)));
}

async fn kills(serve: &dyn Fn() -> Command, kills: u64) {
    let mut random = chance("one_store");
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("cluster-key");
    std::fs::write(&key, "a secret of this test, and longer than needed").expect("written");
    let start = |number: usize| {
        let mut command = serve();
        let address = free_address();
        command.args(["--listen", &address, "--advertise", &format!("http://{address}")]);
        command
            .arg("--cache")
            .arg(folder.path().join(format!("cache-{number}")))
            .arg("--cluster-key")
            .arg(&key);
        command.args(["--create-ledger", LEDGER]);
        Server::run_at_its_own_address(command).expect("the server starts")
    };
    let mut servers: Vec<Server> = (0..SERVERS).map(start).collect();
    load::prepare(&servers[0]).await;
    let log = Arc::new(Mutex::new(Log::default()));
    for kill in 1..=kills {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = Vec::new();
        for (number, server) in (0..).zip(&servers) {
            let own = number * CLIENTS_PER_SERVER..(number + 1) * CLIENTS_PER_SERVER;
            clients.extend(load::start_numbered(server, own, &log, &stop, &mut random));
        }
        let spread = Arc::new(Spread::over(&servers));
        let own = SERVERS as u64 * CLIENTS_PER_SERVER..(SERVERS as u64 + 1) * CLIENTS_PER_SERVER;
        clients.extend(load::start_over(spread, own, &log, &stop, &mut random));
        tokio::time::sleep(Duration::from_millis(200 + random.below(800))).await;
        let victim = random.below(SERVERS as u64) as usize;
        servers.remove(victim).kill();
        // The others go on.
        tokio::time::sleep(Duration::from_millis(random.below(300))).await;
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.expect("a client does not panic");
        }
        let survivor = &servers[random.below(servers.len() as u64) as usize];
        load::check(survivor, &log).await;
        if random.below(2) == 0 {
            lose_cache(&folder.path().join(format!("cache-{victim}")));
        }
        servers.insert(victim, start(victim));
        load::check(&servers[victim], &log).await;
        let digests = journal::digest(&servers[victim]).await;
        for server in &servers {
            assert_eq!(journal::digest(server).await, digests, "all servers show one journal");
        }
        let (all, committed) = {
            let log = log.lock().expect("no panic");
            (log.fates.len(), log.committed())
        };
        eprintln!("{kill} SIGKILLs: {all} transactions, {committed} committed, 0 lost");
    }
    assert!(log.lock().expect("no panic").committed() > 0, "nothing was committed: there was no load");
}

/// A load balancer that sends each command to the next server.
struct Spread {
    ways: Vec<Arc<HttpTransport>>,
    turns: AtomicUsize,
}

impl Spread {
    fn over(servers: &[Server]) -> Spread {
        Spread { ways: servers.iter().map(Server::transport).collect(), turns: AtomicUsize::new(0) }
    }

    fn next(&self) -> &HttpTransport {
        &self.ways[self.turns.fetch_add(1, Ordering::Relaxed) % self.ways.len()]
    }
}

impl Transport for Spread {
    async fn send_command(&self, request: SendCommandRequest) -> Result<SendCommandResponse, TransportError> {
        self.next().send_command(request).await
    }
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// A cache may be lost at any time.
fn lose_cache(cache: &Path) {
    let _ = std::fs::remove_dir_all(cache);
}
