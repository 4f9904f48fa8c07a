//! The parts of an HTTP request and of its answer, and what a request's head asks for.

use everstrand_protocol::signature::SignedParts;

/// A request as a socket, or a test, hands it over.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path as it stands in the request line, percent-encoded.
    pub path: &'a str,
    /// The query without its question mark; empty when there is none.
    pub query: &'a str,
    /// Names, in whatever case, and values of the headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// What stands behind a method, a path and the header `X-Amz-Target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Whether the server runs.
    Health,
    /// Whether it can do all that it is there for.
    Ready,
    /// Numbers to watch.
    Metrics,
    /// QLDB's session API.
    Session,
    /// QLDB's control API.
    Control,
}

impl<'a> Request<'a> {
    /// The value of a header; of the first of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let mut headers = self.headers.iter();
        headers.find(|header| header.0.eq_ignore_ascii_case(name)).map(|header| header.1)
    }

    /// Whether it is answered whoever asks, signed or not.
    pub(crate) fn is_open_to_all(&self) -> bool {
        matches!(self.route(), Route::Health | Route::Ready | Route::Metrics)
    }

    pub(crate) fn route(&self) -> Route {
        match (self.method_but_for_the_body(), self.path) {
            ("GET", "/health") => Route::Health,
            ("GET", "/ready") => Route::Ready,
            ("GET", "/metrics") => Route::Metrics,
            ("POST", "/") => Route::Session,
            _ if self.header("x-amz-target").is_some() => Route::Session,
            _ => Route::Control,
        }
    }

    /// HEAD asks for what GET is answered with, without the body, which whoever sends the answer leaves out.
    pub(crate) fn method_but_for_the_body(&self) -> &'a str {
        if self.method == "HEAD" { "GET" } else { self.method }
    }

    pub(crate) fn targets(&self) -> Vec<&'a str> {
        let named = self.headers.iter().filter(|header| header.0.eq_ignore_ascii_case("x-amz-target"));
        named.map(|header| header.1).collect()
    }

    pub(crate) fn signed_parts(&self) -> SignedParts<'a> {
        SignedParts {
            method: self.method,
            path: self.path,
            query: self.query,
            headers: self.headers,
            body: self.body,
        }
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Headers; the length of the body is left to whoever sends it.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}
