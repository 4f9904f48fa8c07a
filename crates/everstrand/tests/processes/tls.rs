//! A server that speaks TLS: who gets through, what happens when its certificate is replaced, and what half a handshake costs.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use everstrand::{HttpTransport, QldbDriver};
use everstrand_driver::Credentials;

use crate::process::{LEDGER, Server, program, run_to_end, until};

/// Certificates for trials in a folder of their own.
struct Certificates(tempfile::TempDir);

impl Certificates {
    fn new(arguments: &[&str]) -> Certificates {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = program();
        command.args(["tls", "self-signed", "--out"]).arg(folder.path()).args(arguments);
        let (status, _, stderr) = run_to_end(&mut command);
        assert!(status.success(), "{stderr}");
        Certificates(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    /// Takes over the files of others that a server reads.
    fn replace_by(&self, others: &Certificates) {
        for name in ["cert.pem", "key.pem"] {
            fs::copy(others.file(name), self.file(name)).expect("copied");
        }
    }
}

fn start(certificates: &Certificates, arguments: &[&str]) -> Server {
    let (cert, key) = (certificates.text("cert.pem"), certificates.text("key.pem"));
    Server::in_memory(&[&["--tls-cert", &cert, "--tls-key", &key], arguments].concat())
}

fn endpoint(server: &Server) -> String {
    format!("https://localhost:{}", server.address.port())
}

/// A way to a server that trusts the certificates in a file.
fn transport(server: &Server, ca: &Path) -> HttpTransport {
    let transport = HttpTransport::builder().endpoint(endpoint(server)).certificates(ca);
    transport.timeout(Duration::from_secs(60)).build().expect("a transport")
}

fn everstrand(arguments: &[&str]) -> (Option<i32>, String, String) {
    let (status, stdout, stderr) = run_to_end(program().args(arguments).env_remove("AWS_CA_BUNDLE"));
    (status.code(), stdout, stderr)
}

/// The driver and every command that takes an endpoint work over TLS, and say what is missing where a certificate is not trusted. The
/// server knows its clients by key and address, as it does without TLS.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_driver_and_the_commands_speak_tls() {
    let certificates = Certificates::new(&[]);
    let ca = certificates.text("ca.pem");
    let keys = certificates.file("access-keys");
    let secret = "[default]\naws_access_key_id = ANN\naws_secret_access_key = hunter2\n";
    fs::write(&keys, secret).expect("written");
    let server = start(
        &certificates,
        &["--access-keys", &keys.display().to_string(), "--log", "everstrand_server=debug"],
    );
    let endpoint = endpoint(&server);
    let credentials = Credentials {
        access_key_id: "ANN".to_owned(),
        secret_access_key: "hunter2".to_owned(),
        session_token: None,
    };
    let signed = HttpTransport::builder().endpoint(&endpoint).certificates(&ca).credentials(credentials);
    let signed = Arc::new(signed.build().expect("a transport"));
    let driver: QldbDriver<HttpTransport> = QldbDriver::builder(LEDGER).build_over(signed).expect("a driver");
    for statement in ["CREATE TABLE cars", "INSERT INTO cars VALUE { 'vin': 'X' }"] {
        let ran =
            driver.execute(|transaction| async move { transaction.execute(statement, ()).await.map(drop) });
        ran.await.expect(statement);
    }

    let lines = certificates.file("cars.jsonl");
    fs::write(&lines, "{\"vin\": \"Y\"}\n").expect("written");
    let (lines, folder) = (lines.display().to_string(), certificates.text("exported"));
    for (arguments, said) in [
        (vec!["health"], "ok"),
        (vec!["health", "--ready"], "ready"),
        (vec!["ledger", "list"], LEDGER),
        (vec!["load", LEDGER, "cars", &lines], ""),
        (vec!["shell", LEDGER, "-c", "SELECT vin FROM cars"], "\"Y\""),
        (vec!["dump", LEDGER, "cars"], "\"X\""),
        (vec!["export", LEDGER, "--to", &folder], "blocks"),
        (vec!["audit", &endpoint, "--ledger", LEDGER], ""),
        (vec!["demo"], "has 4 tables now"),
    ] {
        let mut arguments = arguments;
        if arguments[0] != "audit" {
            arguments.extend(["--endpoint", &endpoint]);
        }
        let mut trusting = program();
        trusting.args(&arguments).args(["--ca", &ca]);
        trusting.env("AWS_ACCESS_KEY_ID", "ANN").env("AWS_SECRET_ACCESS_KEY", "hunter2");
        let (status, stdout, stderr) = run_to_end(&mut trusting);
        assert_eq!(status.code(), Some(0), "{arguments:?}: {stdout}{stderr}");
        assert!(stdout.contains(said), "{arguments:?}: {stdout}{stderr}");
        let _ = fs::remove_dir_all(&folder);

        let (code, stdout, stderr) = everstrand(&arguments);
        assert_ne!(code, Some(0), "{arguments:?} without --ca: {stdout}");
        assert!(stderr.contains("--ca FILE"), "{arguments:?} without --ca: {stderr}");
    }
    // A saved digest at a URL is fetched under the same authorities. Here it is a page that holds none.
    let page = format!("{endpoint}/health");
    let audit = ["audit", &folder, "--digest", &page];
    let (_, _, stderr) = everstrand(&[&audit[..], &["--ca", &ca]].concat());
    assert!(stderr.contains("/health") && stderr.contains("digest"), "{stderr}");
    let (_, _, stderr) = everstrand(&audit);
    assert!(stderr.contains("ertificate"), "{stderr}");

    let log = server.stderr();
    assert!(log.contains("client=access key ANN") && log.contains("client=127.0.0.1"), "{log}");
    assert!(!log.contains("hunter2"));
}

/// A certificate is replaced at SIGHUP and when its file changes, under load, and no connection is dropped. A file that cannot be used
/// changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_replaced_and_no_connection_is_dropped() {
    let (served, old, new) = (Certificates::new(&[]), Certificates::new(&[]), Certificates::new(&[]));
    served.replace_by(&old);
    let server = start(&served, &["--log", "info"]);
    let both = served.file("both.pem");
    let text = |certificates: &Certificates| fs::read_to_string(certificates.file("ca.pem")).expect("read");
    fs::write(&both, text(&old) + &text(&new)).expect("written");

    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let transport = transport(&server, &both);
            let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    // The transport does not try again, so a dropped connection is an error.
                    let (status, _) = transport.get("/health").await.expect("an answer");
                    assert_eq!(status, 200);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let shows = async |certificates: &Certificates| {
        transport(&server, &certificates.file("ca.pem")).get("/health").await.is_ok()
    };
    assert!(shows(&old).await && !shows(&new).await);

    served.replace_by(&new);
    server.signal("HUP");
    until("the new certificate is shown after SIGHUP", async || shows(&new).await).await;
    assert!(!shows(&old).await);

    fs::write(served.file("cert.pem"), "no certificate").expect("written");
    server.signal("HUP");
    until("the log says what is wrong", async || {
        let log = server.stderr();
        log.contains("there is no certificate in it") && log.contains("the server keeps what it has")
    })
    .await;
    assert!(shows(&new).await, "the server keeps the certificate that it has");

    served.replace_by(&old);
    until("a change of the files is seen", async || shows(&old).await).await;
    let before = done.load(Ordering::Relaxed);
    until("the load goes on", async || done.load(Ordering::Relaxed) > before + 8).await;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("no request failed");
    }
}

/// Clients that begin a handshake and do not finish it keep nobody out, and lose their connections in time. Connections are bounded
/// at half of those without TLS, because each takes twice the memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_handshakes_are_bounded() {
    let certificates = Certificates::new(&[]);
    let (cert, key) = (certificates.text("cert.pem"), certificates.text("key.pem"));
    let mut command = program();
    command.args(["serve", "--in-memory", "--memory", "128MiB", "--tls-cert", &cert, "--tls-key", &key]);
    let server = Server::run(command).expect("the server starts");
    // 128 MiB have room for 512 connections, and one address has half of them.
    let before = server.resident_bytes();
    let hello_and_nothing = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
    let half_open: Vec<_> = (0..600)
        .map(|number| {
            let mut stream = TcpStream::connect(server.address).expect("connected");
            if number % 2 == 0 {
                stream.write_all(&hello_and_nothing).expect("sent");
            }
            stream
        })
        .collect();
    let health = transport(&server, &certificates.file("ca.pem")).get("/health").await.expect("room is made");
    assert_eq!(health.0, 200);
    let grown = server.resident_bytes().saturating_sub(before);
    eprintln!("600 half-open handshakes take {} KiB", grown / 1024);
    assert!(grown < 256 * 64 * 1024, "{grown}");

    tokio::task::block_in_place(|| {
        for mut stream in half_open {
            stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
            // The server closes the connection, with an alert or without.
            let closed = stream.read_to_end(&mut Vec::new());
            let timed_out = closed.is_err_and(|error| {
                matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
            });
            assert!(!timed_out, "a half-open handshake outlives its time");
        }
    });
}

/// A client of plain HTTP is told what to change, and loses its connection at once.
#[test]
fn plain_http_gets_an_answer_that_says_so() {
    let certificates = Certificates::new(&[]);
    let server = start(&certificates, &["--log", "info"]);
    let mut stream = TcpStream::connect(server.address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    write!(stream, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the connection is closed");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("begins with https://"), "{answer}");
    let (code, _, stderr) =
        everstrand(&["ledger", "list", "--endpoint", &format!("http://{}", server.address)]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("begins with https://"), "{stderr}");
    assert!(server.stderr().contains("a client did not speak TLS"), "{}", server.stderr());
}

/// What a server answers to a hand-made ClientHello that offers one version of TLS and these protocols.
fn answer_to(server: &Server, version: [u8; 2], protocols: &[&str]) -> Vec<u8> {
    let mut extensions = Vec::new();
    let mut extension = |kind: u16, data: &[u8]| {
        extensions.extend(kind.to_be_bytes());
        extensions.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
        extensions.extend(data);
    };
    // Supported groups (x25519, secp256r1), point formats, and signature algorithms (ECDSA and RSA with SHA-256).
    extension(10, &[0, 4, 0, 29, 0, 23]);
    extension(11, &[1, 0]);
    extension(13, &[0, 4, 4, 3, 4, 1]);
    extension(23, &[]);
    if !protocols.is_empty() {
        let names: Vec<u8> =
            protocols.iter().flat_map(|name| [&[name.len() as u8], name.as_bytes()].concat()).collect();
        extension(16, &[&(names.len() as u16).to_be_bytes(), names.as_slice()].concat());
    }
    let mut hello = version.to_vec();
    hello.extend([7; 32]);
    hello.push(0);
    // ECDHE with AES-128-GCM (TLS 1.2), with AES-128-CBC (TLS 1.0), and RSA with AES-128-CBC.
    hello.extend([0, 8, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x09, 0x00, 0x2f]);
    hello.extend([1, 0]);
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let length = (hello.len() as u32).to_be_bytes();
    let message = [&[1], &length[1..], &hello].concat();
    let record = [&[22, 3, 1], &(message.len() as u16).to_be_bytes()[..], &message].concat();
    let mut stream = TcpStream::connect(server.address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    stream.write_all(&record).expect("sent");
    let mut answer = vec![0; 7];
    stream.read_exact(&mut answer).expect("an answer");
    answer
}

/// TLS 1.2 is spoken and nothing older, and HTTP/1.1 is the only protocol that a client can choose.
#[test]
fn old_versions_and_other_protocols_are_refused() {
    /// A record with a fatal alert.
    const ALERT: (u8, u8) = (21, 2);
    let certificates = Certificates::new(&[]);
    let server = start(&certificates, &[]);
    for (version, protocols, alert) in [
        ([3, 0], vec![], Some(70)),
        ([3, 1], vec![], Some(70)),
        ([3, 2], vec![], Some(70)),
        ([3, 3], vec![], None),
        ([3, 3], vec!["http/1.1"], None),
        ([3, 3], vec!["h2", "http/1.1"], None),
        ([3, 3], vec!["h2"], Some(120)),
    ] {
        let answer = answer_to(&server, version, &protocols);
        let alerted = ((answer[0], answer[5]) == ALERT).then_some(answer[6]);
        assert_eq!(alerted, alert, "{version:?} {protocols:?}: {answer:?}");
        assert!(alert.is_some() || answer[0] == 22, "a ServerHello: {answer:?}");
    }
}

/// With `--tls-client-ca` a client without a certificate of that authority gets no answer, not even from `/health`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_must_show_a_certificate() {
    let certificates = Certificates::new(&["--client", "ann"]);
    let strangers = Certificates::new(&["--client", "eve"]);
    let (ca, endpoint_of) = (certificates.text("ca.pem"), endpoint);
    let server = start(&certificates, &["--tls-client-ca", &ca]);
    let endpoint = endpoint_of(&server);
    let ask = |certificate: Option<&Certificates>| {
        let mut arguments =
            ["ledger", "list", "--endpoint", &endpoint, "--ca", &ca].map(str::to_owned).to_vec();
        if let Some(client) = certificate {
            arguments.extend(["--client-cert".to_owned(), client.text("client.pem")]);
            arguments.extend(["--client-key".to_owned(), client.text("client-key.pem")]);
        }
        everstrand(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let (code, stdout, stderr) = ask(Some(&certificates));
    assert_eq!((code, stdout.trim()), (Some(0), LEDGER), "{stderr}");
    for certificate in [None, Some(&strangers)] {
        let (code, stdout, stderr) = ask(certificate);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    }
    assert!(transport(&server, &certificates.file("ca.pem")).get("/health").await.is_err());
}

/// Files that cannot be used, and addresses that need TLS, are refused at the start.
#[test]
fn what_cannot_be_served_is_refused() {
    let (certificates, others) = (Certificates::new(&[]), Certificates::new(&[]));
    let (cert, key) = (certificates.text("cert.pem"), certificates.text("key.pem"));
    let keys = certificates.file("access-keys");
    fs::write(&keys, "[default]\naws_access_key_id = A\naws_secret_access_key = B\n").expect("written");
    let keys = keys.display().to_string();
    let public = ["--listen", "0.0.0.0:0"];
    for (arguments, said) in [
        (vec!["--tls-cert", &cert], "--tls-key"),
        (vec!["--tls-key", &key], "--tls-cert"),
        (vec!["--tls-client-ca", &cert], "--tls-cert"),
        (
            vec!["--tls-cert", &cert, "--tls-key", &others.text("key.pem")],
            "is not that of the first certificate in",
        ),
        (vec!["--tls-cert", "/nowhere/cert.pem", "--tls-key", &key], "/nowhere/cert.pem cannot be read"),
        (
            [&public[..], &["--access-keys", &keys]].concat(),
            "over plain HTTP anybody on the way reads what is sent",
        ),
        ([&public[..], &["--tls-cert", &cert, "--tls-key", &key]].concat(), "requests need no signature"),
    ] {
        let (code, _, stderr) = everstrand(&[&["serve", "--in-memory"], arguments.as_slice()].concat());
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
    let written =
        ["tls", "self-signed", "--out", &certificates.0.path().display().to_string()].map(str::to_owned);
    let (code, _, stderr) = everstrand(&written.each_ref().map(String::as_str));
    assert_eq!(code, Some(2), "files are not replaced");
    assert!(stderr.contains("key.pem"), "{stderr}");
}
