//! Clients that send too much, too little, or nothing that makes sense; and others beside them who notice nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use everstrand::protocol::signature::AmzDate;

use crate::load::{prepare, run};
use crate::process::{Server, chance};

const MIB: usize = 1024 * 1024;

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.set_write_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

/// What is answered until the server closes the connection.
fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset comes when the server closes with our bytes unread; what it said before counts.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn head(length: usize) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: QLDBSession.SendCommand\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {length}\r\n\r\n"
    )
}

async fn assert_served(server: &Server, after: &str) {
    let driver = server.driver();
    let begin = Instant::now();
    assert_eq!(run(&driver, "SELECT * FROM Accounts", vec![]).await.len(), 8, "{after}");
    assert!(begin.elapsed() < Duration::from_secs(5), "{after}: {:?}", begin.elapsed());
    driver.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_16_mib_is_refused_and_the_connection_closed() {
    let server = Server::in_memory(&[]);
    prepare(&server).await;
    let before = server.resident_bytes();
    for _ in 0..3 {
        // Said in advance: refused without reading it.
        let mut stream = connect(server.address);
        stream.write_all(head(16 * MIB + 1).as_bytes()).expect("a head");
        let answer = rest(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.to_lowercase().contains("connection: close"), "{answer}");

        // In chunks, without saying how long it will be.
        let mut stream = connect(server.address);
        let chunked = head(0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
        stream.write_all(chunked.as_bytes()).expect("a head");
        let chunk = [format!("{MIB:x}\r\n").into_bytes(), vec![b' '; MIB], b"\r\n".to_vec()].concat();
        let sent = (0..40).take_while(|_| stream.write_all(&chunk).is_ok()).count();
        assert!(sent < 40, "the server reads on and on");
        let answer = rest(&mut stream);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
    // As much as is allowed is read, and found not to be JSON.
    let mut stream = connect(server.address);
    stream.write_all(head(16 * MIB).as_bytes()).expect("a head");
    stream.write_all(&vec![b' '; 16 * MIB]).expect("a body");
    let mut answer = [0; 512];
    let read = stream.read(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("SerializationException"), "{answer}");
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 100 * MIB as u64, "{grown} bytes are kept");
    assert_served(&server, "large bodies").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_and_half_clients_do_not_stop_others() {
    let mut server = Server::in_memory(&[]);
    prepare(&server).await;
    let before = server.resident_bytes();
    let mut held = Vec::new();
    for number in 0..1500 {
        let mut stream = connect(server.address);
        let whole = head(1000);
        let part = match number % 4 {
            0 => "",
            1 => "POST / HT",
            2 => &whole[..whole.len() - 2],
            _ => whole.as_str(),
        };
        stream.write_all(part.as_bytes()).expect("a part");
        held.push(stream);
    }
    let bytes = server.resident_bytes().saturating_sub(before) / held.len() as u64;
    eprintln!("{bytes} bytes a connection that says nothing, of {}", held.len());
    assert!(bytes < 64 * 1024, "{bytes} bytes a connection");
    assert_served(&server, "silent clients").await;
    drop(held);
    assert_served(&server, "clients that went away").await;
    assert!(server.is_running());
    let (status, took, stderr) = server.terminate();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_answered_or_closed() {
    let mut server = Server::in_memory(&[]);
    prepare(&server).await;
    let mut random = chance("garbage");
    let whole = [head(2), "{}".to_owned()].concat();
    for round in 0..400 {
        let mut bytes: Vec<u8> = match round % 4 {
            0 => (0..random.below(300)).map(|_| random.next() as u8).collect(),
            1 => whole.clone().into_bytes(),
            2 => format!(
                "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "a".repeat(random.below(20_000) as usize)
            )
            .into_bytes(),
            _ => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        };
        if round % 4 == 1 {
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] = random.next() as u8;
            }
        }
        let mut stream = connect(server.address);
        // It may close before all is sent.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let answer = rest(&mut stream);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 "), "{answer}");
        assert!(!answer.starts_with("HTTP/1.1 500"), "{:?}: {answer}", String::from_utf8_lossy(&bytes));
    }
    assert!(server.is_running());
    assert_eq!(server.stderr(), "", "garbage is no reason to fill a log");
    assert_served(&server, "garbage").await;
}

/// The corners of the wire, each followed by a request that works on the same connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_in_a_body_is_named_and_the_next_request_works() {
    let server = Server::in_memory(&[]);
    prepare(&server).await;
    let deep = "[".repeat(100_000);
    let mut stream = connect(server.address);
    for (body, expected) in [
        ("{", "SerializationException"),
        (deep.as_str(), "SerializationException"),
        ("[]", "SerializationException"),
        ("{\"StartSession\": 4}", "SerializationException"),
        ("{}", "BadRequestException"),
        ("{\"StartSession\":{\"LedgerName\":\"processes\"},\"EndSession\":{}}", "BadRequestException"),
        ("{\"SessionToken\":\"nonsense\",\"StartTransaction\":{}}", "Exception"),
        ("{\"StartSession\":{\"LedgerName\":\"no-such-ledger\"}}", "BadRequestException"),
    ] {
        let answer = exchange(&mut stream, body);
        assert!(answer.starts_with("HTTP/1.1 4") && answer.contains(expected), "{body:.60}: {answer}");
        let next = exchange(&mut stream, "{\"StartSession\":{\"LedgerName\":\"processes\"}}");
        assert!(
            next.starts_with("HTTP/1.1 200 ") && next.contains("SessionToken"),
            "after {body:.60}: {next}"
        );
    }
}

/// One request and its answer on a connection that stays open.
fn exchange(stream: &mut TcpStream, body: &str) -> String {
    stream.write_all(head(body.len()).as_bytes()).expect("a head");
    stream.write_all(body.as_bytes()).expect("a body");
    let mut answer = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).expect("an answer");
        assert!(read > 0, "closed after {answer}");
        answer.push_str(&String::from_utf8_lossy(&buffer[..read]));
        let Some((head, body)) = answer.split_once("\r\n\r\n") else { continue };
        let length = head
            .to_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ").map(str::to_owned));
        if body.len() >= length.expect("a length").parse::<usize>().expect("a number") {
            return answer;
        }
    }
}

/// The request that begins a session.
pub(crate) const START_SESSION: &str = "{\"StartSession\":{\"LedgerName\":\"processes\"}}";

/// A connection from an address of this machine, which the server takes for another client.
fn connect_from(from: [u8; 4], address: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind((std::net::Ipv4Addr::from(from), 0).into()).expect("an address of the loopback network");
    let connecting = tokio::task::block_in_place(|| {
        tokio::runtime::Handle::current().block_on(async { socket.connect(address).await })
    });
    let stream = connecting.and_then(tokio::net::TcpStream::into_std).expect("a connection");
    stream.set_nonblocking(false).expect("a stream that blocks");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.set_write_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

/// One request and its answer on a connection of its own, from an address.
pub(crate) fn exchange_from(from: [u8; 4], address: SocketAddr, body: &str) -> String {
    exchange(&mut connect_from(from, address), body)
}

/// A member of an answer whose value is a text.
pub(crate) fn member<'a>(answer: &'a str, name: &str) -> &'a str {
    let (_, value) = answer.split_once(&format!("\"{name}\":\"")).expect("the member");
    value.split('"').next().expect("a text")
}

/// Bodies that are never finished have a bound together, and others send theirs meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_bodies_have_a_bound_together() {
    let server = Server::in_memory(&[]);
    prepare(&server).await;
    let before = server.anonymous_bytes();
    let mut held = Vec::new();
    for _ in 0..40 {
        let mut stream = connect_from([127, 0, 0, 2], server.address);
        stream.set_nonblocking(true).expect("a stream that does not wait");
        let _ = stream.write_all(head(16 * MIB).as_bytes());
        held.push((stream, 0));
    }
    let chunk = vec![b' '; MIB];
    let mut most = 0;
    for _ in 0..100 {
        for (stream, sent) in &mut held {
            if *sent < 15 * MIB
                && let Ok(written) = stream.write(&chunk[..chunk.len().min(15 * MIB - *sent)])
            {
                *sent += written;
            }
        }
        most = most.max(server.anonymous_bytes());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let grown = most.saturating_sub(before);
    eprintln!("40 bodies of 15 MiB that are not finished: {} MiB", grown / MIB as u64);
    assert!(grown < 100 * MIB as u64, "{grown} bytes");
    assert_served(&server, "unfinished bodies").await;
    // As large a body of another client is read meanwhile.
    let mut stream = connect_from([127, 0, 0, 3], server.address);
    stream.write_all(head(15 * MIB).as_bytes()).expect("a head");
    stream.write_all(&vec![b' '; 15 * MIB]).expect("a body");
    let mut answer = [0; 512];
    let read = stream.read(&mut answer).expect("an answer");
    assert!(String::from_utf8_lossy(&answer[..read]).contains("SerializationException"));
    drop(held);
    let until = Instant::now() + Duration::from_secs(10);
    while server.anonymous_bytes() > before + 64 * MIB as u64 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let kept = server.anonymous_bytes().saturating_sub(before);
    eprintln!("kept afterwards: {} MiB", kept / MIB as u64);
    assert!(kept < 64 * MIB as u64, "{kept} bytes are kept");
}

/// Of a request that nobody signed, or not all of what has to be signed, the body is not waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsigned_request_is_refused_by_its_head() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("access-keys");
    std::fs::write(&file, "[app]\naws_access_key_id = APP\naws_secret_access_key = hunter2\n")
        .expect("a file");
    let server = Server::in_memory(&["--access-keys", file.to_str().expect("a path of text")]);
    let mut stream = connect(server.address);
    stream.write_all(head(16 * MIB).as_bytes()).expect("a head");
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("MissingAuthenticationToken"), "{answer}");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let now = AmzDate::from_unix_seconds(i64::try_from(now.as_secs()).expect("not that late"));
    for (signed, missing) in [
        ("", "'Host'"),
        ("x-amz-date;x-amz-target", "'Host'"),
        ("host;x-amz-date", "'x-amz-target'"),
        ("host;x-amz-target", "'x-amz-date'"),
    ] {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=APP/{}/us-east-1/qldb/aws4_request, SignedHeaders={signed}, Signature={}",
            now.day(),
            "0".repeat(64)
        );
        let lines = format!("X-Amz-Date: {now}\r\nAuthorization: {authorization}\r\n\r\n");
        let mut stream = connect(server.address);
        let whole = head(16 * MIB).replace("\r\n\r\n", &format!("\r\n{lines}"));
        stream.write_all(whole.as_bytes()).expect("a head");
        let answer = rest(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains(missing), "{signed}: {answer}");
    }
}

/// Answers that nobody reads have a bound together, and others get theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads_have_a_bound_together() {
    let server = Server::in_memory(&[]);
    prepare(&server).await;
    let driver = server.driver();
    run(&driver, "CREATE TABLE Long", vec![]).await;
    let insert = format!("INSERT INTO Long {{'text': '{}'}}", "x".repeat(90_000));
    for _ in 0..44 {
        run(&driver, &insert, vec![]).await;
    }
    let before = server.anonymous_bytes();
    let mut held = Vec::new();
    let mut statuses = std::collections::BTreeMap::new();
    let mut most = 0;
    for _ in 0..30 {
        let mut stream = connect_from([127, 0, 0, 2], server.address);
        let token = member(&exchange(&mut stream, START_SESSION), "SessionToken").to_owned();
        let start = format!("{{\"SessionToken\":\"{token}\",\"StartTransaction\":{{}}}}");
        let id = member(&exchange(&mut stream, &start), "TransactionId").to_owned();
        let select = format!(
            "{{\"SessionToken\":\"{token}\",\"ExecuteStatement\":{{\"TransactionId\":\"{id}\",\"Statement\":\"SELECT * FROM Long\"}}}}"
        );
        stream.write_all(head(select.len()).as_bytes()).expect("a head");
        stream.write_all(select.as_bytes()).expect("a body");
        // It is answered: what is measured are answers, and not statements that run at once.
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("the beginning of an answer");
        *statuses.entry(String::from_utf8_lossy(&status).into_owned()).or_insert(0) += 1;
        held.push(stream);
        most = most.max(server.anonymous_bytes());
    }
    let grown = most.saturating_sub(before);
    eprintln!("30 answers of 5 MiB that nobody reads: {} MiB, {statuses:?}", grown / MIB as u64);
    assert!(grown < 100 * MIB as u64, "{grown} bytes");
    assert_eq!(run(&driver, "SELECT * FROM Long", vec![]).await.len(), 44, "another client reads its answer");
}

/// The pages of a site that gave its name this machine's address ask for that name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_loopback_answers_for_this_machine_alone() {
    for (arguments, status) in [(vec![], 403), (vec!["--host-name", "ledger.example"], 200)] {
        let server = Server::in_memory(&arguments);
        let mut stream = connect(server.address);
        stream
            .write_all(b"GET /ledgers HTTP/1.1\r\nHost: ledger.example\r\nConnection: close\r\n\r\n")
            .expect("sent");
        let answer = rest(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_is_answered_as_get_without_a_body() {
    let server = Server::in_memory(&[]);
    for path in ["/health", "/ready", "/metrics", "/ledgers"] {
        let mut stream = connect(server.address);
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let answer = rest(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"), "{path}: {answer}");
    }
}
