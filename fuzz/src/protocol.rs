//! The wire: any bytes as a request or an answer of both APIs.

use everstrand_protocol::control::ControlRequest;
use everstrand_protocol::signature::Authorization;
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

/// Any bytes as the lines of a request: method, path, query, `Authorization`, and the rest as the body.
pub fn control(bytes: &[u8]) {
    let mut lines = bytes.splitn(5, |&byte| byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let (method, path, query, authorization) = (text(), text(), text(), text());
    let body = lines.next().unwrap_or_default();
    let _ = Authorization::from_headers(&[("authorization", authorization), ("x-amz-date", query)]);
    if let Ok(request) = ControlRequest::from_http(method, path, query, body) {
        let http = request.to_http();
        assert_eq!(ControlRequest::from_http(http.method, &http.path, &http.query, &http.body), Ok(request));
    }
}
