//! Which web pages may use a server with access keys: those of the origins that the operator names.
//!
//! A browser names the page's origin in the header `Origin`, and asks first with OPTIONS whether the server agrees
//! (<https://fetch.spec.whatwg.org/#http-cors-protocol>). It shows an answer to the page only if the answer names the origin. Requests
//! of an allowed page must be signed like all others.

use std::str::FromStr;

use everstrand_protocol::error::{ERROR_TYPE_HEADER, REQUEST_ID_HEADER};
use everstrand_protocol::{Exception, ServiceError};

use crate::request::Request;

/// The headers that SDKs in browsers send.
const REQUEST_HEADERS: &str = "authorization, content-type, x-amz-date, x-amz-target, x-amz-security-token, x-amz-content-sha256, \
                               x-amz-user-agent, amz-sdk-invocation-id, amz-sdk-request";
/// How many seconds a browser remembers that the server agreed.
const REMEMBERED_SECONDS: &str = "600";

/// The origin of web pages: a scheme, a host, and a port that is not the scheme's usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl FromStr for Origin {
    type Err = String;

    /// Reads an origin as browsers write it, such as `https://app.example` or `http://localhost:3000`.
    fn from_str(text: &str) -> Result<Origin, String> {
        let wrong = || {
            format!(
                "{text:?} is no origin of a web page; write one as https://app.example or http://localhost:3000"
            )
        };
        let (scheme, authority) = text.split_once("://").ok_or_else(wrong)?;
        let is_host = |character: char| character.is_ascii_alphanumeric() || "-.:[]_".contains(character);
        if scheme.is_empty() || authority.is_empty() || !authority.chars().all(is_host) {
            return Err(wrong());
        }
        // Browsers write small letters.
        Ok(Origin(text.to_ascii_lowercase()))
    }
}

/// The origins whose pages may send requests.
#[derive(Clone, Copy)]
pub(crate) struct Origins<'a>(pub(crate) &'a [Origin]);

impl Origins<'_> {
    /// Refuses a request of a page of another origin. A page of the server's own host and port is no other.
    pub(crate) fn check(self, head: &Request<'_>) -> Result<(), ServiceError> {
        let Some(origin) = head.header("origin") else { return Ok(()) };
        let own = origin.split_once("://").map(|(_, authority)| authority);
        if self.allow(origin) || own.is_some() && own == head.header("host") {
            return Ok(());
        }
        let message = "A web page of an origin that is not allowed sent this request: see everstrand serve --allow-origin";
        Err(ServiceError::new(Exception::AccessDenied, message))
    }

    /// The headers of the answer to a browser's question whether a page may send a request; `None` if the request is no such question,
    /// or the page may not. The answer to the question has no body.
    pub(crate) fn preflight(self, head: &Request<'_>) -> Option<Vec<(&'static str, String)>> {
        if head.method != "OPTIONS" || head.header("access-control-request-method").is_none() {
            return None;
        }
        let mut headers = self.headers(head);
        if headers.is_empty() {
            return None;
        }
        headers.push(("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE".to_owned()));
        headers.push(("Access-Control-Allow-Headers", REQUEST_HEADERS.to_owned()));
        headers.push(("Access-Control-Max-Age", REMEMBERED_SECONDS.to_owned()));
        Some(headers)
    }

    /// The headers with which a browser shows an answer to the page that asked; none for a page that may not see it.
    pub(crate) fn headers(self, head: &Request<'_>) -> Vec<(&'static str, String)> {
        match head.header("origin") {
            Some(origin) if self.allow(origin) => vec![
                ("Access-Control-Allow-Origin", origin.to_owned()),
                ("Access-Control-Expose-Headers", format!("{REQUEST_ID_HEADER}, {ERROR_TYPE_HEADER}")),
                ("Vary", "Origin".to_owned()),
            ],
            _ => Vec::new(),
        }
    }

    fn allow(self, origin: &str) -> bool {
        self.0.iter().any(|allowed| allowed.0 == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(method: &'a str, headers: &'a [(&'a str, &'a str)]) -> Request<'a> {
        Request { method, path: "/", query: "", headers, body: b"" }
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for text in
            ["https://app.example", "http://localhost:3000", "http://[::1]:3000", "HTTPS://App.Example"]
        {
            assert_eq!(text.parse(), Ok(Origin(text.to_ascii_lowercase())));
        }
        for text in [
            "",
            "*",
            "null",
            "app.example",
            "https://",
            "https://app.example/",
            "https://a b",
            "https://me@app",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    /// Only the exact origin is allowed, and the server's own; a request without an origin comes from no page.
    #[test]
    fn pages_of_other_origins_are_refused() {
        let allowed = ["https://app.example".parse().expect("an origin")];
        let host = ("Host", "ledger.example:8182");
        for (origin, is_allowed, is_shown) in [
            ("https://app.example", true, true),
            ("https://ledger.example:8182", true, false),
            ("https://ledger.example", false, false),
            ("http://app.example", false, false),
            ("https://app.example.evil", false, false),
            ("https://app.example:8443", false, false),
            ("null", false, false),
            ("", false, false),
        ] {
            let headers = [host, ("Origin", origin)];
            let request = request("POST", &headers);
            assert_eq!(Origins(&allowed).check(&request).is_ok(), is_allowed, "{origin}");
            assert_eq!(!Origins(&allowed).headers(&request).is_empty(), is_shown, "{origin}");
        }
        assert!(Origins(&[]).check(&request("POST", &[host])).is_ok());
    }

    #[test]
    fn a_browser_that_asks_first_is_told_what_an_allowed_page_may_send() {
        let allowed = ["https://app.example".parse().expect("an origin")];
        let ask = ("Access-Control-Request-Method", "POST");
        let headers = [("Origin", "https://app.example"), ask];
        let told = Origins(&allowed).preflight(&request("OPTIONS", &headers)).expect("told");
        assert!(
            told.iter().any(
                |(name, value)| *name == "Access-Control-Allow-Headers" && value.contains("x-amz-target")
            )
        );
        assert!(Origins(&allowed).preflight(&request("POST", &headers)).is_none());
        assert!(Origins(&allowed).preflight(&request("OPTIONS", &headers[..1])).is_none());
        assert!(Origins(&[]).preflight(&request("OPTIONS", &headers)).is_none());
    }
}
