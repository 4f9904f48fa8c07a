//! A service with access keys answers only requests that are signed with one of them.

use everstrand_protocol::signature::{AmzDate, Credentials, SignedParts, Signer};
use everstrand_protocol::{Exception, SessionToken};
use everstrand_server::config::{Config, Storage};
use everstrand_server::{AccessKeys, Client, Request, Response, Service};

use super::{error, json, service_and_clock};

const FILE: &str = "[app]\naws_access_key_id = APP\naws_secret_access_key = hunter2\n\
                    [lent]\naws_access_key_id = LENT\naws_secret_access_key = hunter3\naws_session_token = lent\n";

/// The time at which the service's clock stands still.
const NOW: i64 = 1_700_000_000;

fn credentials(id: &str, secret: &str, token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: secret.to_owned(),
        session_token: token.map(str::to_owned),
    }
}

fn app() -> Credentials {
    credentials("APP", "hunter2", None)
}

fn service() -> Service {
    let mut config = Config::new(Storage::Memory);
    config.access_keys = Some(AccessKeys::parse(FILE).expect("two keys"));
    let service = service_and_clock(config, 1).0;
    service.create_ledger_unless_it_exists("signed").expect("a ledger");
    service
}

/// A StartSession request, signed by somebody at some time.
struct Signed {
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

fn signed(by: Credentials, at: i64) -> Signed {
    let mut headers = vec![
        ("Host", "127.0.0.1".to_owned()),
        ("X-Amz-Target", "QLDBSession.SendCommand".to_owned()),
        ("Content-Type", "application/x-amz-json-1.0".to_owned()),
    ];
    let body = br#"{"StartSession": {"LedgerName": "signed"}}"#.to_vec();
    let named: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let parts = SignedParts { method: "POST", path: "/", query: "", headers: &named, body: &body };
    let added = Signer::new(by, "eu-central-1").sign(&parts, AmzDate::from_unix_seconds(at));
    headers.extend(added);
    Signed { headers, body }
}

async fn send(service: &Service, signed: &Signed) -> Response {
    let headers: Vec<(&str, &str)> =
        signed.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: &signed.body };
    service.handle(request).await
}

#[tokio::test]
async fn only_requests_signed_with_a_known_key_are_answered() {
    let service = service();
    for by in [app(), credentials("LENT", "hunter3", Some("lent"))] {
        for at in [NOW, NOW - 300, NOW + 300] {
            let answered = json(&send(&service, &signed(by.clone(), at)).await);
            let token = answered["StartSession"]["SessionToken"].as_str().map(SessionToken::from);
            assert!(token.is_some(), "{answered}");
        }
    }
    let refused = |name: Exception| (403, name.name().to_owned());
    for (by, at, name) in [
        (app(), NOW - 301, Exception::InvalidSignature),
        (app(), NOW + 301, Exception::InvalidSignature),
        (credentials("APP", "hunter3", None), NOW, Exception::InvalidSignature),
        (credentials("APP", "hunter2", Some("lent")), NOW, Exception::UnrecognizedClient),
        (credentials("LENT", "hunter3", None), NOW, Exception::UnrecognizedClient),
        (credentials("LENT", "hunter3", Some("stolen")), NOW, Exception::UnrecognizedClient),
        (credentials("NOBODY", "hunter2", None), NOW, Exception::UnrecognizedClient),
    ] {
        let (status, exception, message) = error(&send(&service, &signed(by.clone(), at)).await);
        assert_eq!((status, exception), refused(name), "{by:?} at {at}");
        assert!(!message.contains("hunter"), "{message}");
    }
    let mut changed = signed(app(), NOW);
    changed.body.push(b' ');
    assert_eq!(error(&send(&service, &changed).await).1, Exception::InvalidSignature.name());
    let mut of_another_service = signed(app(), NOW);
    let authorization = &mut of_another_service.headers.last_mut().expect("the signature").1;
    *authorization = authorization.replace("/qldb/", "/s3/");
    assert_eq!(error(&send(&service, &of_another_service).await).1, Exception::InvalidSignature.name());
    let mut half = signed(app(), NOW);
    half.headers.last_mut().expect("the signature").1 = "AWS4-HMAC-SHA256 Credential=APP".to_owned();
    assert_eq!(error(&send(&service, &half).await).1, Exception::IncompleteSignature.name());
}

#[tokio::test]
async fn without_access_keys_web_pages_are_refused() {
    let (service, _) = service_and_clock(Config::new(Storage::Memory), 1);
    let body = br#"{"Name": "made-by-a-page", "PermissionsMode": "ALLOW_ALL"}"#;
    for (headers, status) in [
        (vec![("Origin", "https://example.com"), ("Content-Type", "text/plain")], 403),
        (vec![("Origin", "null")], 403),
        (vec![("Sec-Fetch-Site", "same-origin")], 403),
        // These are typed into a browser, or sent by a program.
        (vec![("Sec-Fetch-Site", "none")], 200),
        (vec![("Content-Type", "text/plain")], 409),
    ] {
        let request = Request { method: "POST", path: "/ledgers", query: "", headers: &headers, body };
        assert_eq!(service.handle(request).await.status, status, "{headers:?}");
    }
}

/// With access keys a page of an allowed origin gets its answers, if it signs; a page of another origin gets none, even if it signs.
#[tokio::test]
async fn with_access_keys_pages_of_allowed_origins_are_answered() {
    let mut config = Config::new(Storage::Memory);
    config.access_keys = Some(AccessKeys::parse(FILE).expect("two keys"));
    config.allowed_origins = vec!["https://app.example".parse().expect("an origin")];
    let service = service_and_clock(config, 1).0;
    service.create_ledger_unless_it_exists("signed").expect("a ledger");
    for (origin, status, shown) in [
        (Some("https://app.example"), 200, true),
        (Some("https://evil.example"), 403, false),
        (Some("null"), 403, false),
        (Some("http://127.0.0.1"), 200, false),
        (None, 200, false),
    ] {
        let mut request = signed(app(), NOW);
        request.headers.extend(origin.map(|origin| ("Origin", origin.to_owned())));
        let answered = send(&service, &request).await;
        assert_eq!(answered.status, status, "{origin:?}");
        let allowed = answered.headers.iter().find(|(name, _)| *name == "Access-Control-Allow-Origin");
        assert_eq!(allowed.map(|(_, value)| value.as_str()), origin.filter(|_| shown));
    }
    let mut unsigned = signed(app(), NOW);
    unsigned.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
    unsigned.headers.push(("Origin", "https://app.example".to_owned()));
    assert_eq!(send(&service, &unsigned).await.status, 403, "an allowed page must sign");

    let ask = [("Origin", "https://app.example"), ("Access-Control-Request-Method", "POST")];
    let question = Request { method: "OPTIONS", path: "/", query: "", headers: &ask, body: b"" };
    assert!(service.preflight(&question).is_some());
    let (without_keys, _) = service_and_clock(Config::new(Storage::Memory), 1);
    assert!(without_keys.preflight(&question).is_none());
}

#[tokio::test]
async fn only_the_first_page_health_ready_and_metrics_need_no_signature() {
    let service = service();
    for (method, path, status) in [
        ("GET", "/", 200),
        ("GET", "/health", 200),
        ("HEAD", "/health", 200),
        ("GET", "/ready", 200),
        ("GET", "/metrics", 200),
        ("HEAD", "/ledgers", 403),
        ("GET", "/ledgers", 403),
        ("GET", "/ledgers/signed", 403),
        ("DELETE", "/ledgers/signed", 403),
        ("POST", "/ledgers/signed/digest", 403),
        ("GET", "/nothing", 403),
        ("POST", "/", 403),
    ] {
        let answered = service.handle(Request { method, path, query: "", headers: &[], body: b"" }).await;
        assert_eq!(answered.status, status, "{method} {path}");
        if status == 403 {
            assert_eq!(error(&answered).1, Exception::MissingAuthenticationToken.name());
        }
    }
}

/// The body of a request that is refused by its head is not read.
#[tokio::test]
async fn the_head_alone_says_that_a_request_is_refused() {
    let service = service();
    let admit = |signed: &Signed| {
        let headers: Vec<(&str, &str)> =
            signed.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let head = Request { method: "POST", path: "/", query: "", headers: &headers, body: b"" };
        service.admit(&head, Client::InProcess).map(drop).map_err(|error| error.exception)
    };
    assert_eq!(admit(&signed(app(), NOW)), Ok(()));
    assert_eq!(admit(&signed(app(), NOW - 301)), Err(Exception::InvalidSignature));
    let nobody = credentials("NOBODY", "hunter2", None);
    assert_eq!(admit(&signed(nobody, NOW)), Err(Exception::UnrecognizedClient));
    let mut added = signed(app(), NOW);
    added.headers.insert(0, ("X-Amz-Meta", "added on the way".to_owned()));
    assert_eq!(admit(&added), Err(Exception::InvalidSignature));
    added.headers.clear();
    assert_eq!(admit(&added), Err(Exception::MissingAuthenticationToken));
}

#[tokio::test]
async fn access_keys_can_be_replaced_while_the_service_runs() {
    let service = service();
    assert_eq!(send(&service, &signed(app(), NOW)).await.status, 200);
    let others =
        AccessKeys::parse("[b]\naws_access_key_id = B\naws_secret_access_key = hunter4\n").expect("a key");
    service.set_access_keys(others);
    assert_eq!(error(&send(&service, &signed(app(), NOW)).await).1, Exception::UnrecognizedClient.name());
    assert_eq!(send(&service, &signed(credentials("B", "hunter4", None), NOW)).await.status, 200);
}

/// A web page can give its own host name the address of this machine.
#[tokio::test]
async fn a_request_for_another_host_name_is_refused() {
    let mut config = Config::new(Storage::Memory);
    config.host_names = Some(vec!["ledger.example".to_owned()]);
    let (service, _) = service_and_clock(config, 1);
    for (host, status) in [
        ("127.0.0.1:8182", 200),
        ("localhost:8182", 200),
        ("ledger.example", 200),
        ("evil.example:8182", 403),
    ] {
        for path in ["/ledgers", "/metrics", "/health"] {
            let request = Request { method: "GET", path, query: "", headers: &[("Host", host)], body: b"" };
            assert_eq!(service.handle(request).await.status, status, "{path} of {host}");
        }
    }
}
