//! The transport over HTTP, against a scripted listener.

use std::time::Duration;

use everstrand_driver::{
    Command, Credentials, Error, Exception, HttpTransport, SendCommandRequest, Transport, TransportError,
};
use everstrand_protocol::control::{ControlRequest, UpdateLedgerRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) fn start_session() -> SendCommandRequest {
    SendCommandRequest {
        session_token: None,
        command: Command::StartSession { ledger_name: "my-ledger".into() },
    }
}

/// Answers one connection after the other with these bytes, and returns the requests.
pub(crate) async fn listener(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 65536];
            loop {
                let count = socket.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..count]);
                if count == 0 || request.ends_with(b"}") {
                    break;
                }
            }
            asked.push(String::from_utf8(request).unwrap());
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    (url, task)
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_command_is_posted_and_answered() {
    let body = r#"{"StartSession":{"SessionToken":"abcd"}}"#;
    let (url, asked) =
        listener(vec![answer("200 OK", "x-amzn-RequestId: 8PdWbUjmlTdGVFEZZzsy27\r\n", body)]).await;
    let credentials = Credentials {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: "secretEXAMPLE".into(),
        session_token: Some("TOKEN".into()),
    };
    let transport =
        HttpTransport::builder().endpoint(&url).region("eu-west-1").credentials(credentials).build().unwrap();
    let response = transport.send_command(start_session()).await.unwrap();
    assert_eq!(response.request_id.as_deref(), Some("8PdWbUjmlTdGVFEZZzsy27"));
    assert_eq!(response.reply.name(), "StartSession");

    let asked = asked.await.unwrap().remove(0).to_ascii_lowercase();
    assert!(asked.starts_with("post / http/1.1\r\n"), "{asked}");
    for part in [
        "x-amz-target: qldbsession.sendcommand\r\n",
        "content-type: application/x-amz-json-1.0\r\n",
        "x-amz-security-token: token\r\n",
        "/eu-west-1/qldb/aws4_request, signedheaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
        &format!("host: {}\r\n", url.trim_start_matches("http://")),
        "{\"startsession\":{\"ledgername\":\"my-ledger\"}}",
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
}

/// The endpoint has a path, as behind a proxy with several services.
#[tokio::test]
async fn both_apis_lie_below_the_endpoints_path() {
    let session = answer("200 OK", "", r#"{"StartSession":{"SessionToken":"abcd"}}"#);
    let (url, asked) = listener(vec![session, answer("200 OK", "", "{}")]).await;
    let transport = HttpTransport::builder().endpoint(format!("{url}/qldb/")).build().unwrap();
    transport.send_command(start_session()).await.unwrap();
    let update = UpdateLedgerRequest {
        name: "my-ledger".into(),
        deletion_protection: Some(false),
        kms_key: None,
        strict: None,
    };
    transport.control(&ControlRequest::UpdateLedger(update)).await.unwrap();
    let asked = asked.await.unwrap();
    assert!(asked[0].starts_with("POST /qldb/ HTTP"), "{}", asked[0]);
    assert!(asked[1].starts_with("PATCH /qldb/ledgers/my-ledger HTTP"), "{}", asked[1]);
}

#[tokio::test]
async fn exceptions_are_read_from_header_or_body() {
    let cases = [
        (
            "400 Bad Request",
            "x-amzn-ErrorType: OccConflictException\r\n",
            "{\"Message\":\"m\"}",
            Exception::OccConflict,
        ),
        ("400 Bad Request", "", r#"{"__type":"BadRequestException","Code":"412"}"#, Exception::BadRequest),
        ("503 Busy", "", "<html>", Exception::ServiceUnavailable),
    ];
    for (status, headers, body, exception) in cases {
        let (url, _) = listener(vec![answer(status, headers, body)]).await;
        let transport = HttpTransport::builder().endpoint(url).build().unwrap();
        let error = transport.send_command(start_session()).await.unwrap_err();
        assert!(matches!(error, TransportError::Service(error) if error.exception == exception), "{body}");
    }
}

#[tokio::test]
async fn what_was_not_sent_is_told_from_what_was_lost() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let transport = HttpTransport::builder().endpoint(format!("http://127.0.0.1:{port}")).build().unwrap();
    let error = transport.send_command(start_session()).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent(_)), "{error}");
    let said = format!("no server answers at 127.0.0.1:{port}: ");
    assert!(error.to_string().starts_with(&said), "{error}");
    assert!(error.to_string().ends_with("; nothing was sent"), "{error}");

    let (url, _) = listener(vec![String::new()]).await;
    let transport = HttpTransport::builder().endpoint(url).build().unwrap();
    let error = transport.send_command(start_session()).await.unwrap_err();
    assert!(matches!(error, TransportError::Lost(_)), "{error}");

    let (url, _) = listener(vec![answer("200 OK", "", "not json")]).await;
    let transport = HttpTransport::builder().endpoint(url).build().unwrap();
    let error = transport.send_command(start_session()).await.unwrap_err();
    assert!(matches!(error, TransportError::Answer(_)), "{error}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_lost_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let transport =
        HttpTransport::builder().endpoint(url).timeout(Duration::from_millis(50)).build().unwrap();
    let error = transport.send_command(start_session()).await.unwrap_err();
    assert!(
        matches!(error, TransportError::Lost(_)) && error.to_string().contains("no answer within"),
        "{error}"
    );
}

#[tokio::test]
async fn a_request_that_no_service_takes_is_not_sent() {
    let transport = HttpTransport::builder().endpoint("http://127.0.0.1:1").build().unwrap();
    let command = Command::ExecuteStatement {
        transaction_id: "HgXAkLjAtV0HQ4lNYdzX60".into(),
        statement: "x".repeat(17 << 20),
        parameters: vec![],
    };
    let request = SendCommandRequest { session_token: Some("abcd".into()), command };
    let error = transport.send_command(request).await.unwrap_err();
    assert!(error.to_string().contains("bytes"), "{error}");
    assert!(!Error::from(error).is_retriable(), "it would be as large again");
}

#[test]
fn endpoints_must_be_urls() {
    for endpoint in ["localhost:8182", "ftp://x", "http://", "", "http:///path"] {
        let error = HttpTransport::builder().endpoint(endpoint).build().unwrap_err();
        assert!(matches!(error, Error::Configuration(_)), "{endpoint}");
    }
}

/// A proxy is asked for a tunnel to the endpoint, with the name and the password in its URL.
#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://name:secret@{}", proxy.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut socket, _) = proxy.accept().await.unwrap();
        let mut asked = Vec::new();
        let mut buffer = [0; 65536];
        for (end, answer) in [
            (&b"\r\n\r\n"[..], "HTTP/1.1 200 OK\r\n\r\n".to_owned()),
            (b"}", answer("200 OK", "", r#"{"StartSession":{"SessionToken":"abcd"}}"#)),
        ] {
            while !asked.ends_with(end) {
                let count = socket.read(&mut buffer).await.unwrap();
                assert_ne!(count, 0, "{}", String::from_utf8_lossy(&asked));
                asked.extend_from_slice(&buffer[..count]);
            }
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
        String::from_utf8(asked).unwrap()
    });
    // Nobody could find this name without the proxy.
    let transport =
        HttpTransport::builder().endpoint("http://ledger.invalid:8182").proxy(url).build().unwrap();
    transport.send_command(start_session()).await.unwrap();
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("CONNECT ledger.invalid:8182 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("Basic bmFtZTpzZWNyZXQ="), "{asked}");
    assert!(asked.contains("POST / HTTP/1.1\r\n"), "{asked}");
}
