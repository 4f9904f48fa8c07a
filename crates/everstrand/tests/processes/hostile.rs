//! Clients that send too much, too little, or nothing that makes sense; and others beside them who notice nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::load::{prepare, run};
use crate::process::{Random, Server};

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
        "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: QLDBSession.SendCommand\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {length}\r\n\r\n"
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
    let mut random = Random::for_test("garbage");
    let whole = [head(2), "{}".to_owned()].concat();
    for round in 0..400 {
        let mut bytes: Vec<u8> = match round % 4 {
            0 => (0..random.below(300)).map(|_| random.next() as u8).collect(),
            1 => whole.clone().into_bytes(),
            2 => format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(random.below(20_000) as usize))
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
