//! Servers that pass commands on to the server that holds the session. They listen on sockets; the tests ask them in process.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use everstrand_ledger::storage::MemoryStore;
use everstrand_protocol::signature::{AmzDate, Credentials, SignedParts, Signer};
use everstrand_server::config::{Config, Storage};
use everstrand_server::{AccessKeys, ClusterKey, PeerSettings, Request, Service, http};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::shared::{CREATE, Transaction, command, control, session};
use super::{error, json as answer};

const SECRET: &[u8] = b"the same secret on every server!";

/// A server that listens until it is dropped.
struct Listening {
    service: Arc<Service>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: tokio::task::JoinHandle<()>,
}

impl Listening {
    async fn start(store: &Arc<MemoryStore>) -> Listening {
        Listening::start_at(store, free_address()).await
    }

    async fn start_at(store: &Arc<MemoryStore>, address: SocketAddr) -> Listening {
        let service = Arc::new(Service::open(config(store, address)).expect("a service over a store"));
        let server = http::Server::bind(Arc::clone(&service), address).await.expect("the port is free");
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(server.run(async { drop(stopped.await) }));
        Listening { service, address, stop: Some(stop), ended }
    }

    /// Ends it as a death does for the others: nobody listens any more, and its sessions are gone.
    async fn stop(mut self) -> SocketAddr {
        drop(self.stop.take());
        self.ended.await.expect("it ends");
        self.service.close();
        self.address
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

fn config(store: &Arc<MemoryStore>, address: SocketAddr) -> Config {
    let mut config = Config::new(Storage::Shared { store: Arc::clone(store) as _, cache: None });
    config.cluster_key = Some(ClusterKey::from_secret(SECRET).expect("it is long enough"));
    config.peers = Some(PeerSettings::new(&format!("http://{address}"), None).expect("a URL"));
    config
}

/// Two servers, of which the first has made the ledger and a table.
async fn two_servers(store: &Arc<MemoryStore>) -> (Listening, Listening) {
    let (one, two) = (Listening::start(store).await, Listening::start(store).await);
    answer(&control(&one.service, "POST", "/ledgers", CREATE).await);
    let mut setup = Transaction::begin(&one.service).await;
    setup.execute("CREATE TABLE t").await;
    assert_eq!(setup.commit().await.status, 200);
    (one, two)
}

async fn count(service: &Service) -> usize {
    Transaction::begin(service).await.execute("SELECT * FROM t").await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_of_a_transaction_may_go_to_any_server() {
    let store = Arc::new(MemoryStore::new());
    let (one, two) = two_servers(&store).await;
    let three = Listening::start(&store).await;
    let servers = [&one, &two, &three];
    for first in 0..3 {
        let at = |step: usize| &*servers[(first + step) % 3].service;
        let mut write = Transaction::begin(at(0)).await;
        for step in 1..5 {
            let inserted = write.send_to(at(step), "INSERT INTO t VALUE {'n': 1}").await;
            assert_eq!(inserted.status, 200, "{inserted:?}");
        }
        // An error comes back as the holder gave it, and ends the transaction.
        let (status, name, message) = error(&write.send_to(at(1), "SELECT * FROM nowhere").await);
        assert_eq!((status, name.as_str()), (400, "BadRequestException"), "{message}");
        assert!(message.contains("nowhere"), "{message}");
        assert_eq!(count(at(1)).await, first * 20);

        // The pages of a result.
        let mut write = Transaction::begin(at(0)).await;
        let rows = vec!["{'n': 1}"; 20].join(", ");
        assert_eq!(write.send_to(at(1), &format!("INSERT INTO t << {rows} >>")).await.status, 200);
        let page = answer(&write.send_to(at(2), "SELECT a.n FROM t AS a, t AS b").await);
        let token = &page["ExecuteStatement"]["FirstPage"]["NextPageToken"];
        let fetch = json!({"TransactionId": write.id, "NextPageToken": token});
        let fetched = command(at(1), &json!({"SessionToken": write.session, "FetchPage": fetch})).await;
        assert_eq!(
            answer(&fetched)["FetchPage"]["Page"]["Values"].as_array().map(Vec::len).map(|it| it > 0),
            Some(true)
        );
        assert_eq!(write.commit_at(at(2)).await.status, 200);
        assert_eq!(count(at(1)).await, (first + 1) * 20);
    }
    let idle = session(&one.service).await;
    assert_eq!(command(&two.service, &json!({"SessionToken": idle, "EndSession": {}})).await.status, 200);
    let begun = command(&one.service, &json!({"SessionToken": idle, "StartTransaction": {}})).await;
    assert_eq!(error(&begun).1, "InvalidSessionException");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sessions_of_a_dead_server_are_invalid_and_its_commits_are_settled() {
    let store = Arc::new(MemoryStore::new());
    for comes_again in [false, true] {
        let (one, two) = match comes_again {
            false => two_servers(&store).await,
            true => (Listening::start(&store).await, Listening::start(&store).await),
        };
        let mut committed = Transaction::begin(&one.service).await;
        committed.execute("INSERT INTO t VALUE {'n': 1}").await;
        assert_eq!(committed.commit_at(&one.service).await.status, 200);
        let (session, id) = {
            let mut open = Transaction::begin(&one.service).await;
            open.execute("INSERT INTO t VALUE {'n': 2}").await;
            (open.session, open.id)
        };
        let committed = committed.commit_body();
        let before = count(&two.service).await;
        let address = one.stop().await;
        let _again = if comes_again { Some(Listening::start_at(&store, address).await) } else { None };
        let execute = json!({"TransactionId": id, "Statement": "SELECT * FROM t"});
        let executed =
            command(&two.service, &json!({"SessionToken": session, "ExecuteStatement": execute})).await;
        assert_eq!(error(&executed).1, "InvalidSessionException");
        // The lost answer of a commit is found in the journal; what was open can be committed by nobody.
        assert_eq!(command(&two.service, &committed).await.status, 200);
        let digest = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let commit = json!({"TransactionId": id, "CommitDigest": digest});
        let never =
            command(&two.service, &json!({"SessionToken": session, "CommitTransaction": commit})).await;
        assert_eq!(error(&never).1, "OccConflictException");
        assert_eq!(count(&two.service).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_holder_is_asked_first_what_became_of_a_transaction() {
    let store = Arc::new(MemoryStore::new());
    let (one, two) = two_servers(&store).await;
    let mut open = Transaction::begin(&one.service).await;
    open.execute("INSERT INTO t VALUE {'n': 1}").await;
    assert_eq!(answer(&open.outcome_at(&two.service).await)["Outcome"], "NEVER");
    assert_eq!(error(&open.commit_at(&two.service).await).1, "OccConflictException");
    assert_eq!(count(&one.service).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_servers_with_the_cluster_key_may_pass_requests_on() {
    let store = Arc::new(MemoryStore::new());
    let (one, _two) = two_servers(&store).await;
    let session = session(&one.service).await;
    let body = json!({"SessionToken": session, "StartTransaction": {}}).to_string();
    let host = one.address.to_string();
    let headers = [
        ("host", host.as_str()),
        ("x-amz-target", "EverstrandPeer.SendCommand"),
        ("x-amz-everstrand-holder", "0000000000000000000000"),
        ("x-amz-everstrand-caller", "e30="),
    ];
    let send = async |key_id: &str, secret: &str| {
        let credentials = Credentials {
            access_key_id: key_id.to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: None,
        };
        let parts =
            SignedParts { method: "POST", path: "/", query: "", headers: &headers, body: body.as_bytes() };
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        let date = AmzDate::from_unix_seconds(now.try_into().expect("a time"));
        let added = Signer::new(credentials, "everstrand").sign(&parts, date);
        let added = added.iter().map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<(&str, &str)> = headers.into_iter().chain(added).collect();
        let body = body.as_bytes();
        error(
            &one.service
                .handle(Request { method: "POST", path: "/", query: "", headers: &headers, body })
                .await,
        )
    };
    assert_eq!(send("EVERSTRAND-PEER", "guessed").await.1, "InvalidSignatureException");
    assert_eq!(send("AKIDEXAMPLE", "guessed").await.1, "UnrecognizedClientException");
    let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: body.as_bytes() };
    assert_eq!(error(&one.service.handle(request).await).1, "MissingAuthenticationTokenException");

    // A client cannot have the servers' key, whatever the file of keys says.
    let mut config = config(&store, free_address());
    let keys = "[default]\naws_access_key_id = EVERSTRAND-PEER\naws_secret_access_key = guessed\n";
    config.access_keys = Some(AccessKeys::parse(keys).expect("keys"));
    let strict = Service::open(config).expect("a service");
    let credentials = Credentials {
        access_key_id: "EVERSTRAND-PEER".to_owned(),
        secret_access_key: "guessed".to_owned(),
        session_token: None,
    };
    let headers = [("host", "localhost")];
    let parts = SignedParts { method: "GET", path: "/ledgers", query: "", headers: &headers, body: b"" };
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let added = Signer::new(credentials, "us-east-1").sign(&parts, AmzDate::from_unix_seconds(now as i64));
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    let headers: Vec<(&str, &str)> = headers.into_iter().chain(added).collect();
    let request = Request { method: "GET", path: "/ledgers", query: "", headers: &headers, body: b"" };
    assert_eq!(error(&strict.handle(request).await).1, "UnrecognizedClientException");
}

/// Listens in place of a server and answers requests as the test wants.
async fn stand_in(listener: tokio::net::TcpListener, answer_pings: bool, answer_after: Duration) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { return };
        tokio::spawn(async move {
            let mut request = vec![0; 100_000];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let is_ping = request[..length].starts_with(b"GET /health");
            if is_ping && !answer_pings {
                std::future::pending::<()>().await;
            }
            if !is_ping {
                tokio::time::sleep(answer_after).await;
            }
            let body = if is_ping { "{}" } else { "{\"AbortTransaction\":{}}\0" };
            let length = body.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes()).await;
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_holder_counts_as_dead_and_a_busy_one_is_waited_for() {
    let store = Arc::new(MemoryStore::new());
    let (one, two) = two_servers(&store).await;
    let mut open = Transaction::begin(&one.service).await;
    open.execute("INSERT INTO t VALUE {'n': 1}").await;
    let (abort, commit) = (json!({"SessionToken": open.session, "AbortTransaction": {}}), open.commit_body());
    drop(open);
    let address = one.stop().await;

    let listen = || tokio::net::TcpListener::bind(address);
    let busy = tokio::spawn(stand_in(listen().await.expect("a port"), true, Duration::from_secs(5)));
    let begin = Instant::now();
    assert_eq!(command(&two.service, &abort).await.status, 200, "a long statement is no silence");
    assert!(begin.elapsed() >= Duration::from_secs(5));
    busy.abort();
    let _ = busy.await;

    let silent = tokio::spawn(stand_in(listen().await.expect("a port"), false, Duration::from_secs(600)));
    let begin = Instant::now();
    assert_eq!(error(&command(&two.service, &abort).await).1, "InvalidSessionException");
    assert_eq!(error(&command(&two.service, &commit).await).1, "OccConflictException");
    assert!(begin.elapsed() < Duration::from_secs(40), "{:?}", begin.elapsed());
    silent.abort();
}
