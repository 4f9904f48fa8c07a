//! Checkpoints at a URL. Each file is sent with PUT to a name below the URL, and can be fetched from there.
//!
//! A file that must not be replaced is sent with `If-None-Match: *`. If the web server has the file, it answers 412 (or 409), and we
//! compare its file with ours. A file that replaces one that was read before is sent with `If-Match` and the version that was read; then
//! 412 means that another server has replaced it meanwhile. A web server that does not know these headers replaces the file.

use std::fmt::Display;
use std::path::Path;
use std::time::{Duration, Instant};

use hyper::header::{
    AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, LOCATION,
};
use hyper::{Method, Request, StatusCode, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, AsSendBody};

use super::place::{Existing, Newest, PutError};

/// A longer answer is an error: no checkpoint, key or answer to a PUT is so large.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// A round ends after this many times the patience for one answer. The bound is low because stopping the server waits for the round.
const ROUND_PATIENCES: u32 = 6;
/// How long a fetch may take.
const FETCH_PATIENCE: Duration = Duration::from_secs(30);
const USER_AGENT_VALUE: &str = concat!("everstrand/", env!("CARGO_PKG_VERSION"));

/// A URL below which checkpoints are published, and the secret that permits it. The secret is never printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointUrl {
    /// Scheme, host and port.
    origin: String,
    /// The path without a slash at its end.
    path: String,
    authorization: Option<HeaderValue>,
}

impl CheckpointUrl {
    /// Reads `http(s)://[USER:PASSWORD@ or TOKEN@]HOST[:PORT]/PATH`. A user and a password are sent as
    /// `Authorization: Basic`, a token without a colon as `Authorization: Bearer`.
    pub fn parse(url: &str) -> Result<CheckpointUrl, String> {
        // The error does not repeat the URL, because the URL may hold a password.
        let uri: Uri =
            url.parse().map_err(|error| format!("the URL for checkpoints cannot be read: {error}"))?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err("the URL for checkpoints must begin with http:// or https://".to_owned());
        };
        if uri.query().is_some() || url.contains('#') {
            return Err("the URL for checkpoints must have no query and no fragment, because names are appended to it"
                .to_owned());
        }
        let (user, host) = match authority.as_str().rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority.as_str()),
        };
        if host.is_empty() || uri.host().is_none_or(str::is_empty) {
            return Err("the URL for checkpoints names no host".to_owned());
        }
        Ok(CheckpointUrl {
            origin: format!("{scheme}://{host}"),
            path: uri.path().trim_end_matches('/').to_owned(),
            authorization: user.map(authorization).transpose()?,
        })
    }
}

fn authorization(user: &str) -> Result<HeaderValue, String> {
    use base64::Engine;
    let wrong = || "the user or password in the URL for checkpoints is not percent-encoded text".to_owned();
    let decoded = |text: &str| everstrand_protocol::percent_decode(text).ok_or_else(wrong);
    let value = match user.split_once(':') {
        Some((name, password)) => {
            let both = format!("{}:{}", decoded(name)?, decoded(password)?);
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(both))
        }
        None => format!("Bearer {}", decoded(user)?),
    };
    let mut value = HeaderValue::from_str(&value).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Connections to the place, which one round uses.
pub(super) struct Connection<'a> {
    url: &'a CheckpointUrl,
    patience: Duration,
    deadline: Instant,
    agent: Agent,
}

/// A complete answer.
struct Answer {
    status: StatusCode,
    location: Option<String>,
    version: Option<String>,
    body: Vec<u8>,
}

impl<'a> Connection<'a> {
    /// Prepares connections to the place. They block, so they must be used on a thread that may wait.
    pub(super) fn new(url: &'a CheckpointUrl, patience: Duration) -> Connection<'a> {
        Connection::trusting(url, patience, TlsConfig::default())
    }

    fn trusting(url: &'a CheckpointUrl, patience: Duration, tls: TlsConfig) -> Connection<'a> {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(USER_AGENT_VALUE)
            .tls_config(tls)
            .build()
            .new_agent();
        Connection { url, patience, deadline: Instant::now() + patience * ROUND_PATIENCES, agent }
    }

    /// Puts a text under a name below the URL.
    pub(super) fn put(&self, name: &str, content: &str, existing: Existing<'_>) -> Result<(), PutError> {
        let condition = match existing {
            Existing::Keep | Existing::Replace(None) => Some((IF_NONE_MATCH, "*")),
            Existing::Replace(Some(newest)) => newest.version.as_deref().map(|version| (IF_MATCH, version)),
        };
        let answer = self.exchange(Method::PUT, name, content, condition.clone())?;
        let taken = matches!(answer.status, StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT);
        if answer.status.is_success() {
            return Ok(());
        }
        if condition.is_none() || !taken {
            return Err(self.failed(&Method::PUT, name, &answer));
        }
        if matches!(existing, Existing::Replace(_)) {
            let why = format!("{} was replaced by another server meanwhile", self.url_of(name));
            return Err(PutError::Overtaken(why));
        }
        let found = self.exchange(Method::GET, name, "", None)?;
        match found.status {
            StatusCode::OK if found.body == content.as_bytes() => Ok(()),
            StatusCode::OK => {
                Err(PutError::Refused(format!("{} exists with another content", self.url_of(name))))
            }
            _ => Err(self.failed(&Method::GET, name, &found)),
        }
    }

    /// The newest checkpoint; `None` if nothing has its name.
    pub(super) fn newest(&self, name: &str) -> Result<Option<Newest>, PutError> {
        let answer = self.exchange(Method::GET, name, "", None)?;
        match answer.status {
            StatusCode::OK => {
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                Ok(Some(Newest { name: self.url_of(name), text, version: answer.version }))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
                let why = "the server must be able to read published checkpoints; S3 also answers so for a missing \
                           object if the key may not list the bucket";
                Err(PutError::Refused(format!(
                    "{}: {why}",
                    self.failed(&Method::GET, name, &answer).into_why()
                )))
            }
            _ => Err(self.failed(&Method::GET, name, &answer)),
        }
    }

    fn failed(&self, method: &Method, name: &str, answer: &Answer) -> PutError {
        let what = format!("{method} {} was answered with {}", self.url_of(name), answer.status);
        match &answer.location {
            Some(location) if answer.status.is_redirection() => {
                PutError::Refused(format!("{what} to {location}; redirects are not followed"))
            }
            _ if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS => {
                PutError::Unreachable(what)
            }
            _ => PutError::Refused(what),
        }
    }

    fn url_of(&self, name: &str) -> String {
        format!("{}{}/{name}", self.url.origin, self.url.path)
    }

    fn exchange(
        &self,
        method: Method,
        name: &str,
        body: &str,
        condition: Option<(HeaderName, &str)>,
    ) -> Result<Answer, PutError> {
        let mut request = Request::builder().method(method.clone()).uri(self.url_of(name));
        if let Some(authorization) = &self.url.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some((header, value)) = condition {
            request = request.header(header, value);
        }
        let patience = self.patience.min(self.deadline.saturating_duration_since(Instant::now()));
        let refused = |error: hyper::http::Error| PutError::Refused(error.to_string());
        let answer = if method == Method::PUT {
            let request = request.header(CONTENT_TYPE, "text/plain; charset=utf-8");
            self.answer(request.body(body).map_err(refused)?, patience)
        } else {
            self.answer(request.body(()).map_err(refused)?, patience)
        };
        answer.map_err(|error| {
            let why = match error {
                ureq::Error::Timeout(_) => format!("no answer within {patience:?}"),
                error => error.to_string(),
            };
            PutError::Unreachable(format!("{method} {}: {why}", self.url_of(name)))
        })
    }

    fn answer(&self, request: Request<impl AsSendBody>, patience: Duration) -> Result<Answer, ureq::Error> {
        let request = self.agent.configure_request(request).timeout_global(Some(patience)).build();
        let mut answer = self.agent.run(request)?;
        let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        // A weak version may stand for several contents, so it cannot be demanded.
        let version = text(ETAG).filter(|version| !version.starts_with("W/"));
        let (status, location) = (answer.status(), text(LOCATION));
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Answer { status, location, version, body })
    }
}

/// Fetches a checkpoint or other evidence from a URL. `certificates` is a file in PEM whose certificates are trusted instead of the
/// public ones. It blocks, so do not call it on a runtime's thread.
pub fn fetch(url: &str, certificates: Option<&Path>) -> Result<Vec<u8>, String> {
    fetch_within(url, certificates, FETCH_PATIENCE)
}

/// The same with another patience.
pub(crate) fn fetch_within(
    url: &str,
    certificates: Option<&Path>,
    patience: Duration,
) -> Result<Vec<u8>, String> {
    let (place, name) = url.rsplit_once('/').ok_or("this is not a URL")?;
    let place = CheckpointUrl::parse(place)?;
    let tls = certificates.map(trusted).transpose()?.unwrap_or_default();
    let connection = Connection::trusting(&place, patience, tls);
    match connection.exchange(Method::GET, name, "", None) {
        Ok(answer) if answer.status == StatusCode::OK => Ok(answer.body),
        Ok(answer) => Err(connection.failed(&Method::GET, name, &answer).into_why()),
        Err(error) => Err(error.into_why()),
    }
}

/// Trusts the certificates of a file and no others.
fn trusted(file: &Path) -> Result<TlsConfig, String> {
    let wrong = |why: &dyn Display| format!("{}: {why}", file.display());
    let pem = std::fs::read(file).map_err(|error| wrong(&error))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| wrong(&error))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(wrong(&"the file holds no certificate in PEM"));
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates)).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_their_secrets_kept() {
        let plain = CheckpointUrl::parse("https://notary.example/ledgers/").expect("a URL");
        assert_eq!((plain.origin.as_str(), plain.path.as_str()), ("https://notary.example", "/ledgers"));
        assert_eq!(plain.authorization, None);
        let header = |url: &str| {
            let url = CheckpointUrl::parse(url).expect("a URL");
            assert!(!format!("{url:?}").contains("secret"), "{url:?}");
            url.authorization.and_then(|value| value.to_str().ok().map(str::to_owned)).expect("a header")
        };
        assert_eq!(header("http://me:secret%40home@127.0.0.1:1/x"), "Basic bWU6c2VjcmV0QGhvbWU=");
        assert_eq!(header("http://secret-token@127.0.0.1:1"), "Bearer secret-token");
        for wrong in
            ["ftp://a/b", "a/b", "http://", "http:///x", "https://a/b?c=d", "https://a/b#c", "http://%zz@a/"]
        {
            let error = CheckpointUrl::parse(wrong).expect_err(wrong);
            assert!(error.contains("checkpoints"), "{error}");
        }
    }
}
