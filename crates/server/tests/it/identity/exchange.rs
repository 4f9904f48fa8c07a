//! Tokens of OpenID Connect, exchanged for temporary keys. What a token proves stands in the tables of
//! `crates/server/src/oidc/token/tests.rs`; here it is asked who may exchange one, and what becomes of the key.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use everstrand_server::{AuditTrail, Oidc, OidcSettings};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING as ES256, EcdsaKeyPair, KeyPair};

use super::*;

const EXCHANGE: &str = "EverstrandIdentity.ExchangeToken";
const ISSUER: &str = "https://issuer.example";

/// A private key of the issuer.
struct Signing {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Signing {
    fn new(id: &'static str) -> Signing {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ES256, &random).expect("a key");
        Signing { id, pair: EcdsaKeyPair::from_pkcs8(&ES256, pkcs8.as_ref(), &random).expect("a key") }
    }

    fn token(&self, world: &World, user: &str) -> String {
        let now = everstrand_ledger::Clock::unix_millis(&*world.clock).div_euclid(1000);
        let claims = json!({ "iss": ISSUER, "aud": "ledgers", "sub": user, "iat": now, "exp": now + 300 });
        let part = |part: Value| BASE64URL.encode(part.to_string());
        let message = format!("{}.{}", part(json!({ "alg": "ES256", "kid": self.id })), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature");
        format!("{message}.{}", BASE64URL.encode(signature.as_ref()))
    }
}

fn key_set(keys: &[&Signing]) -> String {
    let key = |key: &&Signing| {
        let (x, y) = key.pair.public_key().as_ref()[1..].split_at(32);
        json!({ "kty": "EC", "crv": "P-256", "kid": key.id, "x": BASE64URL.encode(x), "y": BASE64URL.encode(y) })
    };
    json!({ "keys": keys.iter().map(key).collect::<Vec<_>>() }).to_string()
}

fn settings(keys: String, certificates: Option<PathBuf>) -> OidcSettings {
    let (issuer, audience, claim) = (ISSUER.to_owned(), "ledgers".to_owned(), "sub".to_owned());
    OidcSettings { issuer, audience, claim, keys, certificates }
}

fn world_with(settings: OidcSettings, audit: Option<&Path>) -> World {
    let mut config = Config::new(Storage::Memory);
    config.oidc = Some(Arc::new(Oidc::open(settings).expect("an issuer")));
    config.audit_trail = audit.map(|file| AuditTrail::open(file, false).expect("a trail"));
    world_of(config)
}

/// A world that knows one key of the issuer, from a file in a folder.
fn world_and_key() -> (World, Signing, tempfile::TempDir) {
    let (folder, key) = (tempfile::tempdir().expect("a folder"), Signing::new("one"));
    let file = folder.path().join("keys.json");
    std::fs::write(&file, key_set(&[&key])).expect("written");
    let world = world_with(settings(file.display().to_string(), None), Some(&folder.path().join("trail")));
    (world, key, folder)
}

fn body(token: &str) -> Vec<u8> {
    json!({ "Token": token, "DurationSeconds": 900 }).to_string().into_bytes()
}

impl World {
    /// Sends a token without any signature, as a caller at an address.
    async fn exchange_from(&self, last: u8, token: &str) -> Result<Credentials, (u16, String, String)> {
        let (headers, body) = ([("X-Amz-Target", EXCHANGE), ("Host", "127.0.0.1")], body(token));
        let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: &body };
        let address = IpAddr::from(Ipv4Addr::new(192, 0, 2, last));
        let admission = self.service.admit(&request, Client::at(address)).expect("admitted");
        let caller = self.service.verify(admission, &request).expect("nothing is signed").at(address);
        let response = self.service.answer(&caller, request).await;
        if response.status != 200 {
            return Err(error(&response));
        }
        Ok(credentials(IdentityReply::from_json(&response.body).expect("a reply")))
    }

    async fn exchange(&self, token: &str) -> Result<Credentials, String> {
        // Each from an address of its own, so that no rate comes between.
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let last = u8::try_from(LAST.fetch_add(1, Ordering::Relaxed) % 200).expect("small");
        self.exchange_from(last, token).await.map_err(|(_, _, message)| message)
    }

    async fn is_answered(&self, by: &Credentials) -> bool {
        self.session(by, "bank").await.is_ok()
    }
}

async fn with_ann(world: &World) -> Credentials {
    world.prepare("bank", "ALLOW_ALL", &[]).await;
    world.user("ann", json!([allow(&["qldb:SendCommand"], &[arn("*")])])).await
}

/// The key that a token brings is the user's, with the user's rights, and ends with the user, the user's own key, and the issuer.
#[tokio::test]
async fn a_token_brings_a_temporary_key_of_its_user() {
    let (world, key, folder) = world_and_key();
    with_ann(&world).await;
    let lent = world.exchange(&key.token(&world, "ann")).await.expect("a key");
    assert!(world.is_answered(&lent).await);
    let refused = world.control(&lent, "GET", "/ledgers", "").await;
    assert_eq!(refused.status, 403, "she has her own rights and no others");
    let renewed = IdentityRequest::MakeTemporaryKey { duration_seconds: 900 }.to_json();
    assert_eq!(world.post(&lent, ADMINISTER, &renewed).await.status, 403, "a temporary key makes none");

    let enable = |enabled| IdentityRequest::EnableUser { user_name: "ann".to_owned(), enabled };
    world.administer(&enable(false)).await;
    assert!(!world.is_answered(&lent).await, "she is disabled");
    let refusal = world.exchange(&key.token(&world, "ann")).await.expect_err("she is disabled");
    assert!(refusal.contains("names no user of this server who is enabled"), "{refusal}");
    world.administer(&enable(true)).await;
    assert!(world.is_answered(&lent).await);
    world.administer(&IdentityRequest::RotateKey { user_name: "ann".to_owned(), keep_last: false }).await;
    assert!(!world.is_answered(&lent).await, "her key, under which it was made, has ended");
    let lent = world.exchange(&key.token(&world, "ann")).await.expect("a key");
    world.clock.advance(900_000);
    assert!(!world.is_answered(&lent).await, "its time is over");

    let unknown = world.exchange(&key.token(&world, "bob")).await.expect_err("there is no Bob");
    assert_eq!(unknown, refusal, "a stranger cannot tell who is disabled");
    let trail = folder.path().join("trail");
    world.service.close();
    drop(world);
    let lines = std::fs::read_to_string(trail).expect("a trail");
    let exchanges: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .filter(|event: &Value| event["eventName"] == "ExchangeToken")
        .collect();
    let users: Vec<_> = exchanges.iter().map(|event| event["userIdentity"]["userName"].as_str()).collect();
    assert_eq!(users, [Some("ann"), None, Some("ann"), None]);
    assert_eq!(exchanges[1]["errorCode"], "AccessDeniedException");
    assert!(exchanges[0]["responseElements"]["credentials"]["accessKeyId"].is_string());
    assert!(!lines.contains("eyJ"), "no part of a token is there: {lines}");
}

/// A subject that is no name of ours stands in a tag; what two users claim means neither.
#[tokio::test]
async fn a_tag_names_a_user_of_the_issuer() {
    let (world, key, _folder) = world_and_key();
    with_ann(&world).await;
    let subject = "system:serviceaccount:bank:teller";
    world.exchange(&key.token(&world, subject)).await.expect_err("nobody has it");
    let tags = [("oidc-subject".to_owned(), subject.to_owned())];
    let tag = |name: &str| IdentityRequest::TagUser {
        user_name: name.to_owned(),
        tags: tags.clone().into_iter().collect(),
    };
    world.administer(&tag("ann")).await;
    let lent = world.exchange(&key.token(&world, subject)).await.expect("a key");
    assert!(world.is_answered(&lent).await);
    world.user("bob", json!([])).await;
    world.administer(&tag("bob")).await;
    world.exchange(&key.token(&world, subject)).await.expect_err("two users have it");
}

/// What is not signed reaches the exchange and nothing else, however the request names it.
#[tokio::test]
async fn an_unsigned_request_reaches_nothing_but_the_exchange() {
    let (world, key, _folder) = world_and_key();
    with_ann(&world).await;
    let token = key.token(&world, "ann");
    let start = json!({ "StartSession": { "LedgerName": "bank" } }).to_string().into_bytes();
    let users = IdentityRequest::ListUsers {}.to_json();
    let both = [("X-Amz-Target", EXCHANGE), ("X-Amz-Target", SEND)];
    let turned = [("X-Amz-Target", SEND), ("x-amz-target", EXCHANGE)];
    let twice = [("X-Amz-Target", EXCHANGE), ("X-Amz-Target", EXCHANGE)];
    let one = [("X-Amz-Target", EXCHANGE)];
    let spaced = [("X-Amz-Target", "EverstrandIdentity.ExchangeToken ")];
    let lower = [("X-Amz-Target", "everstrandidentity.exchangetoken")];
    let send = [("X-Amz-Target", SEND)];
    let administer = [("X-Amz-Target", ADMINISTER)];
    for (method, path, headers, body) in [
        ("POST", "/", &both[..], &start),
        ("POST", "/", &turned, &start),
        ("POST", "/", &twice, &start),
        ("POST", "/", &spaced, &start),
        ("POST", "/", &lower, &start),
        ("POST", "/", &send, &start),
        ("POST", "/", &administer, &users),
        ("POST", "/", &[], &start),
        ("GET", "/", &one, &start),
        ("HEAD", "/", &one, &start),
        ("PUT", "/", &one, &start),
        ("POST", "//", &one, &start),
        ("POST", "/ledgers", &one, &start),
        ("GET", "/ledgers", &one, &start),
        ("DELETE", "/ledgers/bank", &one, &start),
    ] {
        let request = Request { method, path, query: "", headers, body };
        let refused = world.service.admit(&request, Client::InProcess).err().expect(path);
        assert_eq!(
            refused.exception.name(),
            "MissingAuthenticationTokenException",
            "{method} {path} {headers:?}"
        );
    }
    // What is admitted is read as a token, whatever else it is.
    for body in [&start, &users, &b"{}".to_vec()] {
        let request = Request { method: "POST", path: "/", query: "", headers: &one, body };
        assert_eq!(world.service.handle(request).await.status, 400);
    }
    let page = [("X-Amz-Target", EXCHANGE), ("Origin", "https://evil.example")];
    let request = Request { method: "POST", path: "/", query: "", headers: &page, body: &body(&token) };
    assert_eq!(world.service.handle(request).await.status, 403, "a page of another origin");

    let without = super::world();
    with_ann(&without).await;
    let refused = without.exchange(&token).await.expect_err("there is no issuer");
    assert!(refused.contains("exchanges no tokens"), "{refused}");
}

#[tokio::test]
async fn an_address_sends_five_tokens_a_second() {
    let (world, key, folder) = world_and_key();
    with_ann(&world).await;
    let token = key.token(&world, "ann");
    for _ in 0..5 {
        world.exchange_from(201, &token).await.expect("a key");
    }
    let (status, name, message) = world.exchange_from(201, &token).await.expect_err("too many");
    assert_eq!((status, name.as_str()), (503, "RateExceededException"), "{message}");
    world.exchange_from(202, &token).await.expect("another address");
    world.clock.advance(200);
    world.exchange_from(201, &token).await.expect("after a while");
    world.exchange_from(201, &token).await.expect_err("one more came");
    world.service.close();
    drop(world);
    let lines = std::fs::read_to_string(folder.path().join("trail")).expect("a trail");
    assert_eq!(lines.matches("ExchangeToken").count(), 7, "what is refused for its rate fills no file");
}

/// A new key is found at its first token, but nobody can make the server ask more than once a minute. A key that the issuer has withdrawn
/// is refused after ten minutes, and keys that cannot be read again after an hour.
#[tokio::test]
async fn keys_are_read_again() {
    let (world, key, folder) = world_and_key();
    with_ann(&world).await;
    let (file, new) = (folder.path().join("keys.json"), Signing::new("two"));
    let minute = || world.clock.advance(60_000);
    world.exchange(&key.token(&world, "ann")).await.expect("the first key");
    std::fs::write(&file, key_set(&[&new])).expect("written");
    let unknown = "not among the issuer's";
    let refused = world.exchange(&new.token(&world, "ann")).await.expect_err("asked a moment ago");
    assert!(refused.contains(unknown), "{refused}");
    world.exchange(&key.token(&world, "ann")).await.expect("the first key is still held");
    minute();
    world.exchange(&new.token(&world, "ann")).await.expect("the new key");
    let refused = world.exchange(&key.token(&world, "ann")).await.expect_err("the first key is withdrawn");
    assert!(refused.contains(unknown), "{refused}");

    std::fs::write(&file, key_set(&[&key])).expect("written");
    (0..10).for_each(|_| minute());
    world.exchange(&new.token(&world, "ann")).await.expect("ten minutes are not over");
    world.clock.advance(1);
    world.exchange(&new.token(&world, "ann")).await.expect_err("it is withdrawn");

    std::fs::remove_file(&file).expect("removed");
    (0..60).for_each(|_| minute());
    world.exchange(&key.token(&world, "ann")).await.expect("an hour is not over");
    minute();
    let refused = world.exchange(&key.token(&world, "ann")).await.expect_err("nobody knows the keys");
    assert!(refused.contains("could not be read"), "{refused}");
    std::fs::write(&file, key_set(&[&key])).expect("written");
    minute();
    world.exchange(&key.token(&world, "ann")).await.expect("they are there again");
}

/// Answers each request over TLS with what `answer` says. Tells the port and how many it has answered.
fn serve_https(
    issuer: &CertifiedIssuer<'static, rcgen::KeyPair>,
    answer: impl Fn(usize) -> Vec<u8> + Send + 'static,
) -> (u16, Arc<AtomicUsize>) {
    let own = rcgen::KeyPair::generate().expect("a key");
    let parameters = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = parameters.signed_by(&own, issuer).expect("a certificate");
    let key = rustls_pki_types::PrivateKeyDer::try_from(own.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).expect("a key pair"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let answered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&answered);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read_exact(&mut byte).is_err() {
                    break;
                }
                head.push(byte[0]);
            }
            if head.ends_with(b"\r\n\r\n") {
                let _ = stream.write_all(&answer(count.fetch_add(1, Ordering::Relaxed)));
                let _ = stream.flush();
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    (port, answered)
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// Keys come over TLS, from whom the certificates vouch for, and in bounds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_come_over_https() {
    let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
    parameters.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(parameters, rcgen::KeyPair::generate().expect("a key"));
    let issuer = issuer.expect("an authority");
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, issuer.pem()).expect("written");

    let key = Signing::new("one");
    let (keys, padded) = (key_set(&[&key]), key_set(&[&key]) + &" ".repeat(256 << 10));
    let (port, answered) = serve_https(&issuer, move |number| match number {
        0 => b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            .to_vec(),
        1 => ok(&padded),
        2 => ok("<html>"),
        _ => ok(&keys),
    });
    let url = format!("https://localhost:{port}/keys.json");
    let world = world_with(settings(url.clone(), Some(ca)), None);
    with_ann(&world).await;
    for what in ["a redirect", "too many bytes", "no keys"] {
        let refused = world.exchange(&key.token(&world, "ann")).await.expect_err(what);
        assert!(refused.contains("could not be read"), "{what}: {refused}");
        world.clock.advance(60_000);
    }
    assert_eq!(answered.load(Ordering::Relaxed), 3, "no redirect is followed");
    let lent = world.exchange(&key.token(&world, "ann")).await.expect("a key");
    assert!(world.is_answered(&lent).await);
    for _ in 0..4 {
        world.exchange(&key.token(&world, "ann")).await.expect("a key");
        world.exchange(&Signing::new("unknown").token(&world, "ann")).await.expect_err("unknown");
    }
    assert_eq!(
        answered.load(Ordering::Relaxed),
        4,
        "unknown keys are no reason to ask before a minute is over"
    );

    let stranger = world_with(settings(url, None), None);
    with_ann(&stranger).await;
    let refused = stranger.exchange(&key.token(&stranger, "ann")).await.expect_err("nobody vouches for it");
    assert!(refused.contains("could not be read"), "{refused}");
    assert!(Oidc::open(settings("http://localhost/keys".to_owned(), None)).is_err(), "not over plain HTTP");
    assert!(Oidc::open(settings("/nowhere/keys.json".to_owned(), None)).is_err());
}
