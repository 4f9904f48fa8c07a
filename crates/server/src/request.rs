//! The parts of an HTTP request and of its answer, and the route that a request's head names.

use everstrand_protocol::identity::EXCHANGE_TARGET;
use everstrand_protocol::signature::SignedParts;

/// A request that came from a socket or from a test.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path as it stands in the request line, percent-encoded.
    pub path: &'a str,
    /// The query without its question mark; empty when there is none.
    pub query: &'a str,
    /// Names, in any case, and values of the headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// What a method, a path and the header `X-Amz-Target` ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// What a browser asks for first: what this is.
    Root,
    /// Whether the server runs.
    Health,
    /// Whether every ledger is fully usable.
    Ready,
    /// The numbers of the server.
    Metrics,
    /// A temporary key for a token of OpenID Connect.
    Exchange,
    /// QLDB's session API.
    Session,
    /// QLDB's control API.
    Control,
}

/// The access key with which servers sign what they pass on. No client can have it.
pub(crate) const ACCESS_KEY_ID: &str = "EVERSTRAND-PEER";

/// What one server over a store passes on to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PassedOn {
    /// A SendCommand that commits. It has a deadline, because it can be settled without its holder.
    Commit,
    /// Any other SendCommand.
    Command,
    /// The question what became of a transaction.
    Outcome,
}

impl PassedOn {
    /// The value of the header `X-Amz-Target`.
    pub(crate) fn target(self) -> &'static str {
        match self {
            PassedOn::Commit | PassedOn::Command => "EverstrandPeer.SendCommand",
            PassedOn::Outcome => "EverstrandPeer.GetTransactionOutcome",
        }
    }

    /// The operation of a target. Whether a SendCommand commits, its body shows.
    pub(crate) fn of_target(target: &str) -> Option<PassedOn> {
        [PassedOn::Command, PassedOn::Outcome].into_iter().find(|operation| operation.target() == target)
    }
}

impl<'a> Request<'a> {
    /// The value of the first header with a name.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let mut headers = self.headers.iter();
        headers.find(|header| header.0.eq_ignore_ascii_case(name)).map(|header| header.1)
    }

    /// Whether the request needs no signature.
    pub(crate) fn is_open_to_all(&self) -> bool {
        matches!(self.route(), Route::Root | Route::Health | Route::Ready | Route::Metrics)
    }

    /// Whether the head says that another server passes the request on.
    pub(crate) fn is_passed_on(&self) -> bool {
        self.targets().next().is_some_and(|target| PassedOn::of_target(target).is_some())
    }

    pub(crate) fn route(&self) -> Route {
        match (self.effective_method(), self.path) {
            // No signature is asked for here, so nothing else may be named beside it.
            ("POST", "/") if self.targets().eq([EXCHANGE_TARGET]) => Route::Exchange,
            ("POST", "/") => Route::Session,
            // The session API refuses the header wherever else it stands.
            _ if self.header("x-amz-target").is_some() => Route::Session,
            ("GET", "/") => Route::Root,
            ("GET", "/health") => Route::Health,
            ("GET", "/ready") => Route::Ready,
            ("GET", "/metrics") => Route::Metrics,
            _ => Route::Control,
        }
    }

    /// The method, with GET for HEAD: HEAD gets the answer of GET, and the sender of the answer leaves the body out.
    pub(crate) fn effective_method(&self) -> &'a str {
        if self.method == "HEAD" { "GET" } else { self.method }
    }

    pub(crate) fn targets(&self) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(|header| header.0.eq_ignore_ascii_case("x-amz-target"));
        named.map(|header| header.1)
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

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers, except for the length of the body, which the sender of the answer adds.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}
