//! The session API, byte by byte: malformed requests are refused, and the next request works.

use everstrand_journal::{CommitDigest, statement_digest};
use everstrand_server::config::{Config, Storage};
use everstrand_server::{Request, Service};
use serde_json::{Value, json};

use super::{error, json as body, send, service};

const TARGET: Option<&str> = Some("QLDBSession.SendCommand");

#[tokio::test]
async fn malformed_requests_are_refused_and_the_next_request_works() {
    let service = service();
    service.create_ledger_unless_it_exists("wire").expect("a ledger");
    let deep = "[".repeat(100_000);
    for unknown in [&br#""\udc00""#[..], br#""a\ud800\u0041""#, b"\"\xed\xb0\x80\"", b"\"\xff\""] {
        let request = [&br#"{"StartSession": {"LedgerName": "wire"}, "x": ["#[..], unknown, b"]}"].concat();
        let answered = send(&service, "POST", "/", TARGET, &request).await;
        assert_eq!(
            error(&answered).1,
            "SerializationException",
            "a member that is not known is text all the same"
        );
        let request =
            [&br#"{"Name": "x", "PermissionsMode": "ALLOW_ALL", "x": "#[..], unknown, b"}"].concat();
        let answered = send(&service, "POST", "/ledgers", None, &request).await;
        assert_eq!(error(&answered).1, "SerializationException");
    }
    for (request, status, name) in [
        ("", 400, "SerializationException"),
        ("{", 400, "SerializationException"),
        ("[]", 400, "SerializationException"),
        (deep.as_str(), 400, "SerializationException"),
        ("{}", 400, "BadRequestException"),
        (r#"{"StartTransaction": {}}"#, 400, "BadRequestException"),
        (r#"{"StartSession": {"LedgerName": "wire"}, "EndSession": {}}"#, 400, "BadRequestException"),
        (r#"{"StartSession": {"LedgerName": 7}}"#, 400, "SerializationException"),
        (r#"{"StartSession": {"LedgerName": "a--b"}}"#, 400, "BadRequestException"),
        (r#"{"StartSession": {"LedgerName": "absent"}}"#, 400, "BadRequestException"),
        (r#"{"SessionToken": "a b", "StartTransaction": {}}"#, 400, "BadRequestException"),
        (r#"{"SessionToken": "unknown0", "StartTransaction": {}}"#, 400, "InvalidSessionException"),
    ] {
        let answered = send(&service, "POST", "/", TARGET, request.as_bytes()).await;
        assert_eq!((error(&answered).0, error(&answered).1.as_str()), (status, name), "{request:.60}");
    }
    for (method, path) in
        [("PUT", "/"), ("POST", "/ledgers"), ("GET", "/ledgers"), ("GET", "/health"), ("PUT", "/x")]
    {
        let elsewhere = send(&service, method, path, TARGET, b"{}").await;
        assert_eq!(error(&elsewhere).1, "UnknownOperationException", "{method} {path}");
    }
    let twice = &[("X-Amz-Target", "QLDBSession.SendCommand"), ("x-amz-target", "QLDBSession.SendCommand")];
    let twice =
        service.handle(Request { method: "POST", path: "/", query: "", headers: twice, body: b"{}" }).await;
    assert_eq!(error(&twice).1, "UnknownOperationException");
    let other = send(&service, "POST", "/", Some("DynamoDB.PutItem"), b"{}").await;
    assert_eq!(error(&other).1, "UnknownOperationException");
    assert_eq!(error(&send(&service, "POST", "/", None, b"{}").await).1, "UnknownOperationException");
    assert_eq!(error(&send(&service, "GET", "/elsewhere", None, b"").await).0, 404);
    for method in ["GET", "HEAD"] {
        assert_eq!(body(&send(&service, method, "/health", None, b"").await), json!({"status": "ok"}));
        assert_eq!(body(&send(&service, method, "/ready", None, b"").await), json!({"status": "ready"}));
    }
    start(&service).await;
}

#[tokio::test]
async fn wrong_parameters_leave_the_transaction_open() {
    let service = service();
    service.create_ledger_unless_it_exists("wire").expect("a ledger");
    let token = start(&service).await;
    let started = command(&service, &token, "StartTransaction", json!({})).await;
    let id = body(&started)["StartTransaction"]["TransactionId"].as_str().expect("an id").to_owned();
    let execute = |statement: &str, parameters: Value| json!({"TransactionId": id, "Statement": statement, "Parameters": parameters});
    let invalid_ion = json!([{"IonBinary": "4AEA6v8="}]);
    let deep_ion = json!([{"IonText": "[".repeat(500) + &"]".repeat(500)}]);
    for (statement, parameters, expected) in [
        ("SELECT * FROM <<1>> WHERE ? = 1", invalid_ion, "Parameter 1"),
        ("SELECT * FROM <<1>> WHERE ? = 1", deep_ion, "Parameter 1"),
        ("SELECT * FROM <<1>> WHERE ? = 1", json!([{"IonText": "1 2"}]), "Parameter 1"),
        (&*"x".repeat(100_001), json!([]), "100000 characters"),
    ] {
        let answered = command(&service, &token, "ExecuteStatement", execute(statement, parameters)).await;
        let (status, name, message) = error(&answered);
        assert_eq!((status, name.as_str()), (400, "BadRequestException"), "{message}");
        assert!(message.contains(expected), "{message}");
    }
    let not_base64 = command(
        &service,
        &token,
        "ExecuteStatement",
        execute("SELECT 1 FROM <<1>>", json!([{"IonBinary": "%%%"}])),
    )
    .await;
    assert_eq!(error(&not_base64).1, "SerializationException");
    let works =
        command(&service, &token, "ExecuteStatement", execute("SELECT 1 FROM <<1>>", Value::Null)).await;
    assert_eq!(body(&works)["ExecuteStatement"]["FirstPage"]["Values"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_strict_service_refuses_what_qldb_refused() {
    for extensions in [true, false] {
        let mut config = Config::new(Storage::Memory);
        config.extensions = extensions;
        let service = Service::open(config).expect("a service in memory");
        service.create_ledger_unless_it_exists("wire").expect("a ledger");
        let token = start(&service).await;
        let started = command(&service, &token, "StartTransaction", json!({})).await;
        let id = body(&started)["StartTransaction"]["TransactionId"].clone();
        for statement in ["SELECT x FROM <<2, 1>> AS x ORDER BY x", "SELECT x FROM <<2, 1>> AS x LIMIT 1"] {
            let execute = json!({"TransactionId": id, "Statement": statement});
            let answered = command(&service, &token, "ExecuteStatement", execute).await;
            assert_eq!(answered.status == 200, extensions, "{statement}: {answered:?}");
        }
        let execute = json!({"TransactionId": id, "Statement": "SELECT x FROM <<2, 1>> AS x"});
        body(&command(&service, &token, "ExecuteStatement", execute).await);
    }
}

/// Whether a ledger takes a statement that QLDB did not have. DescribeLedger must say the same.
pub(crate) async fn takes_extensions(service: &everstrand_server::Service, ledger: &str) -> bool {
    let token = start_on(service, ledger).await;
    let started = command(service, &token, "StartTransaction", json!({})).await;
    let id = body(&started)["StartTransaction"]["TransactionId"].clone();
    let execute = json!({"TransactionId": id, "Statement": "SELECT x FROM <<2, 1>> AS x ORDER BY x"});
    let takes = command(service, &token, "ExecuteStatement", execute).await.status == 200;
    let described = body(&send(service, "GET", &format!("/ledgers/{ledger}"), None, b"").await);
    assert_eq!(described["Strict"], !takes);
    takes
}

#[tokio::test]
async fn a_ledger_is_as_strict_as_its_tag_says() {
    for extensions in [true, false] {
        let mut config = Config::new(Storage::Memory);
        config.extensions = extensions;
        let service = Service::open(config).expect("a service in memory");
        for (name, more) in [
            ("plain", json!({})),
            ("strict", json!({"Strict": true})),
            ("loose", json!({"Tags": {"everstrand:strict": "false"}})),
        ] {
            let mut create = json!({"Name": name, "PermissionsMode": "ALLOW_ALL"});
            create.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            body(&send(&service, "POST", "/ledgers", None, create.to_string().as_bytes()).await);
        }
        assert_eq!(takes_extensions(&service, "plain").await, extensions);
        assert!(!takes_extensions(&service, "strict").await);
        assert!(takes_extensions(&service, "loose").await);
        body(&send(&service, "PATCH", "/ledgers/strict", None, br#"{"Strict": false}"#).await);
        assert!(takes_extensions(&service, "strict").await);
        let tags = "/tags/arn%3Aaws%3Aqldb%3Aus-east-1%3A000000000000%3Aledger%2Floose";
        send(&service, "POST", tags, None, br#"{"Tags": {"everstrand:strict": "true"}}"#).await;
        assert!(!takes_extensions(&service, "loose").await);
        send(&service, "DELETE", &format!("{tags}?tagKeys=everstrand%3Astrict"), None, b"").await;
        assert_eq!(takes_extensions(&service, "loose").await, extensions);
        let refused = send(&service, "POST", tags, None, br#"{"Tags": {"everstrand:strict": "yes"}}"#).await;
        assert_eq!(error(&refused).1, "InvalidParameterException");
    }
}

#[tokio::test]
async fn reads_are_recorded_if_the_configuration_says_so() {
    for record_reads in [false, true] {
        let mut config = Config::new(Storage::Memory);
        config.record_reads = record_reads;
        let service = Service::open(config).expect("a service in memory");
        service.create_ledger_unless_it_exists("wire").expect("a ledger");
        let token = start(&service).await;
        let started = command(&service, &token, "StartTransaction", json!({})).await;
        let id = body(&started)["StartTransaction"]["TransactionId"].as_str().expect("an id").to_owned();
        let statement = "SELECT x FROM <<1>> AS x";
        let execute = json!({"TransactionId": id, "Statement": statement});
        body(&command(&service, &token, "ExecuteStatement", execute).await);
        let mut digest = CommitDigest::from_text(&id);
        digest.add(statement_digest(statement, &[]));
        let commit = json!({"TransactionId": id, "CommitDigest": digest.value().to_string()});
        body(&command(&service, &token, "CommitTransaction", commit).await);
        let digest = body(&send(&service, "POST", "/ledgers/wire/digest", None, b"").await);
        let tip = digest["DigestTipAddress"]["IonText"].as_str().expect("an address").to_owned();
        assert!(tip.ends_with(if record_reads { "sequenceNo:1}" } else { "sequenceNo:0}" }), "{tip}");
    }
}

#[tokio::test]
async fn the_metrics_name_every_ledger() {
    let service = service();
    service.create_ledger_unless_it_exists("watched").expect("a ledger");
    start_on(&service, "watched").await;
    let metrics = send(&service, "GET", "/metrics", None, b"").await;
    let text = String::from_utf8(metrics.body).expect("text");
    for line in [
        "everstrand_sessions 1",
        "everstrand_ledger_blocks{LedgerName=\"watched\"} 1",
        "everstrand_ledger_writable{LedgerName=\"watched\"} 1",
        "everstrand_open_transactions{LedgerName=\"watched\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}

async fn start(service: &everstrand_server::Service) -> String {
    start_on(service, "wire").await
}

async fn start_on(service: &everstrand_server::Service, ledger: &str) -> String {
    let request = json!({"StartSession": {"LedgerName": ledger}}).to_string();
    let answered = body(&send(service, "POST", "/", TARGET, request.as_bytes()).await);
    answered["StartSession"]["SessionToken"].as_str().expect("a token").to_owned()
}

async fn command(
    service: &everstrand_server::Service,
    token: &str,
    name: &str,
    members: Value,
) -> everstrand_server::Response {
    let request = json!({"SessionToken": token, name: members}).to_string();
    send(service, "POST", "/", TARGET, request.as_bytes()).await
}

#[tokio::test]
async fn a_digest_of_another_length_is_a_wrong_digest() {
    let service = service();
    service.create_ledger_unless_it_exists("wire").expect("a ledger");
    let token = start(&service).await;
    let other = "0000000000000000000000";
    let commit = |id: &str| json!({"TransactionId": id, "CommitDigest": "AAAA"});
    let idle = command(&service, &token, "CommitTransaction", commit(other)).await;
    assert_eq!(error(&idle).2, "No open transaction");

    let started = command(&service, &token, "StartTransaction", json!({})).await;
    let id = body(&started)["StartTransaction"]["TransactionId"].as_str().expect("an id").to_owned();
    let of_another = command(&service, &token, "CommitTransaction", commit(other)).await;
    assert_eq!(error(&of_another).2, "No open transaction", "and the open one stays open");
    let execute = json!({"TransactionId": id, "Statement": "SELECT 1 FROM <<1>>"});
    body(&command(&service, &token, "ExecuteStatement", execute).await);
    let wrong = command(&service, &token, "CommitTransaction", commit(&id)).await;
    assert_eq!(error(&wrong).2, "Digests don't match");
    let over = command(&service, &token, "CommitTransaction", commit(&id)).await;
    assert_eq!(error(&over).2, "No open transaction", "it was rolled back");
}
