//! The wire: any bytes as a request or an answer of both APIs.

use everstrand_protocol::control::ControlRequest;
use everstrand_protocol::signature::{AmzDate, Authorization, Credentials, SERVICE, SignedParts, Signer};
use everstrand_protocol::{Reply, SendCommandRequest, ServiceError};

/// Any bytes as a request, an answer and an error; what is understood is written and read alike.
pub fn send_command(bytes: &[u8]) {
    if let Ok(request) = SendCommandRequest::from_json(bytes) {
        assert_eq!(SendCommandRequest::from_json(&request.to_json()), Ok(request));
    }
    if let Ok(reply) = Reply::from_json(bytes) {
        assert_eq!(Reply::from_json(&reply.to_json()).ok(), Some(reply));
    }
    let _ = ServiceError::from_response(400, std::str::from_utf8(bytes).ok(), None, bytes);
}

/// Any bytes as the lines of a request: method, path, query, and the rest as the body.
pub fn control(bytes: &[u8]) {
    let mut lines = bytes.splitn(4, |&byte| byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let (method, path, query) = (text(), text(), text());
    let body = lines.next().unwrap_or_default();
    if let Ok(request) = ControlRequest::from_http(method, path, query, body) {
        let http = request.to_http();
        assert_eq!(ControlRequest::from_http(http.method, &http.path, &http.query, &http.body), Ok(request));
    }
}

/// Any bytes as the lines of a request that may be signed: method, path, query, the headers `Authorization`, `X-Amz-Date`
/// and one more, and the rest as the body. Signed by us the same request is the one that was signed, and with another body
/// it is not.
pub fn signature(bytes: &[u8]) {
    let mut lines = bytes.splitn(7, |&byte| byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let (method, path, query, authorization, date, header) = (text(), text(), text(), text(), text(), text());
    let body = lines.next().unwrap_or_default();
    let headers = [("authorization", authorization), ("x-amz-date", date), ("host", header)];
    let mut parts = SignedParts { method, path, query, headers: &headers, body };
    if let Ok(authorization) = Authorization::from_headers(&headers) {
        let key = authorization.signing_key("secret");
        let _ = authorization.check(&parts, &key, authorization.date);
    }
    let now = AmzDate::from_unix_seconds(1_600_000_000);
    let credentials = Credentials {
        access_key_id: header.replace([',', '='], ""),
        secret_access_key: "secret".to_owned(),
        session_token: None,
    };
    parts.headers = &headers[2..];
    let added = Signer::new(credentials, SERVICE).sign(&parts, now);
    let mut signed = vec![("host", header)];
    signed.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let authorization = Authorization::from_headers(&signed).expect("our own header");
    let key = authorization.signing_key("secret");
    parts.headers = &signed;
    assert_eq!(authorization.check(&parts, &key, now), Ok(()));
    let longer = [body, b"!"].concat();
    parts.body = &longer;
    assert!(authorization.check(&parts, &key, now).is_err());
}
