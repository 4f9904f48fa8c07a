//! The transport over HTTP, with signatures. Only this file uses sockets, environment variables and the clock.

use std::error::Error as StdError;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use everstrand_protocol::control::{self, ControlReply, ControlRequest};
use everstrand_protocol::error::{ERROR_TYPE_HEADER, REQUEST_ID_HEADER};
use everstrand_protocol::send_command::{self, ReplyError};
use everstrand_protocol::signature::{AmzDate, Credentials, SignedParts, Signer};
use everstrand_protocol::{Reply, SendCommandRequest, ServiceError};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{HeaderMap, USER_AGENT};
use hyper::{Method, Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::error::Error;
use crate::transport::{SendCommandResponse, Transport, TransportError};

/// The most bytes of a request. No service accepts more.
const REQUEST_BYTES_MAX: usize = 16 << 20;
/// The most bytes of an answer. A page of 200 values of 128 KiB takes 35 MB in base64.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const USER_AGENT_VALUE: &str = concat!("everstrand-driver/", env!("CARGO_PKG_VERSION"));

/// Sends commands over HTTP. It keeps connections open and uses them again.
#[derive(Debug)]
pub struct HttpTransport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: Uri,
    /// Host and port, as in the header `Host`.
    host: String,
    signer: Option<Signer>,
    timeout: Duration,
}

/// Sets up an [`HttpTransport`].
#[derive(Debug, Default)]
pub struct HttpTransportBuilder {
    endpoint: Option<String>,
    region: Option<String>,
    credentials: Option<Credentials>,
    timeout: Option<Duration>,
    connect_timeout: Option<Duration>,
}

impl HttpTransport {
    /// Begins to set up a transport.
    pub fn builder() -> HttpTransportBuilder {
        HttpTransportBuilder::default()
    }

    /// The URL that requests go to.
    pub fn endpoint(&self) -> String {
        self.endpoint.to_string()
    }
}

impl HttpTransportBuilder {
    /// The URL of the service, which may begin with `http://`. If it is not set, it is `AWS_ENDPOINT_URL_QLDB_SESSION`,
    /// `AWS_ENDPOINT_URL` or QLDB's own address in the region.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> HttpTransportBuilder {
        self.endpoint = Some(url.into());
        self
    }

    /// The region. If it is not set, it is `AWS_REGION` or `AWS_DEFAULT_REGION`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> HttpTransportBuilder {
        self.region = Some(region.into());
        self
    }

    /// The access key that signs requests. If it is not set, it is `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
    /// `AWS_SESSION_TOKEN`. If these are not set either, requests to an endpoint are not signed; QLDB's own address needs
    /// signatures.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> HttpTransportBuilder {
        self.credentials = Some(credentials);
        self
    }

    /// How long to wait for an answer; 60 seconds unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> HttpTransportBuilder {
        self.timeout = Some(timeout);
        self
    }

    /// How long to wait for a connection; 5 seconds unless set.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> HttpTransportBuilder {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Makes the transport. It connects with its first request. An error says which setting is missing or wrong.
    pub fn build(self) -> Result<HttpTransport, Error> {
        self.build_in(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn build_in(self, environment: impl Fn(&str) -> Option<String>) -> Result<HttpTransport, Error> {
        let region =
            self.region.or_else(|| environment("AWS_REGION")).or_else(|| environment("AWS_DEFAULT_REGION"));
        let endpoint = self
            .endpoint
            .or_else(|| environment("AWS_ENDPOINT_URL_QLDB_SESSION"))
            .or_else(|| environment("AWS_ENDPOINT_URL"));
        let credentials = self.credentials.or_else(|| {
            Some(Credentials {
                access_key_id: environment("AWS_ACCESS_KEY_ID")?,
                secret_access_key: environment("AWS_SECRET_ACCESS_KEY")?,
                session_token: environment("AWS_SESSION_TOKEN"),
            })
        });
        let (endpoint, region) = match (endpoint, region) {
            (Some(endpoint), region) => (endpoint, region.unwrap_or_else(|| "us-east-1".to_owned())),
            (None, Some(region)) => {
                if credentials.is_none() {
                    let message = "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, give them to the \
                                   builder, or give it the endpoint of a service that needs none";
                    return Err(Error::Configuration(message.to_owned()));
                }
                (format!("https://session.qldb.{region}.amazonaws.com"), region)
            }
            (None, None) => {
                let message = "no endpoint and no region: set AWS_ENDPOINT_URL_QLDB_SESSION or AWS_REGION, or give the \
                               builder one of them";
                return Err(Error::Configuration(message.to_owned()));
            }
        };
        let (endpoint, host) = parse_endpoint(&endpoint)?;
        Ok(HttpTransport {
            client: client(self.connect_timeout.unwrap_or(Duration::from_secs(5)))?,
            endpoint,
            host,
            signer: credentials.map(|credentials| Signer::new(credentials, region)),
            timeout: self.timeout.unwrap_or(Duration::from_secs(60)),
        })
    }
}

impl Transport for HttpTransport {
    async fn send_command(&self, request: SendCommandRequest) -> Result<SendCommandResponse, TransportError> {
        let parts = Parts {
            method: Method::POST,
            path: self.endpoint.path(),
            query: self.endpoint.query().unwrap_or_default(),
            content_type: send_command::CONTENT_TYPE,
            target: Some(send_command::TARGET),
        };
        let (request_id, body) = self.exchange(parts, request.to_json()).await?;
        Ok(SendCommandResponse { request_id, reply: Reply::from_json(&body)? })
    }
}

/// The parts of a request in which the two APIs differ.
struct Parts<'a> {
    method: Method,
    path: &'a str,
    query: &'a str,
    content_type: &'static str,
    target: Option<&'static str>,
}

impl HttpTransport {
    /// Runs one operation of the control API, which Everstrand serves at the same URL. An error means that the service
    /// refused, or did not answer.
    pub async fn control(&self, request: &ControlRequest) -> Result<ControlReply, TransportError> {
        let http = request.to_http();
        let method = Method::from_bytes(http.method.as_bytes());
        let path = format!("{}{}", self.endpoint.path().trim_end_matches('/'), http.path);
        let parts = Parts {
            method: method.map_err(|error| TransportError::Unsendable(error.into()))?,
            path: &path,
            query: &http.query,
            content_type: control::CONTENT_TYPE,
            target: None,
        };
        let (_, body) = self.exchange(parts, http.body).await?;
        request.reply_from_json(&body).map_err(|error| TransportError::Answer(ReplyError::Json(error)))
    }

    /// Sends a request, and waits for its answer at most as long as the timeout. Returns request id and body.
    async fn exchange(
        &self,
        parts: Parts<'_>,
        body: Vec<u8>,
    ) -> Result<(Option<String>, Bytes), TransportError> {
        let request = self.request(parts, body)?;
        match tokio::time::timeout(self.timeout, self.answer(request)).await {
            Ok(result) => result,
            Err(_) => {
                let message = format!("no answer within {:?} from {}", self.timeout, self.host);
                Err(TransportError::Lost(message.into()))
            }
        }
    }

    fn request(&self, parts: Parts<'_>, body: Vec<u8>) -> Result<Request<Full<Bytes>>, TransportError> {
        if body.len() > REQUEST_BYTES_MAX {
            let message =
                format!("it has {} bytes, and services accept at most {REQUEST_BYTES_MAX}", body.len());
            return Err(TransportError::Unsendable(message.into()));
        }
        let Parts { method, path, query, content_type, target } = parts;
        let unsendable = |error: hyper::http::Error| TransportError::Unsendable(error.into());
        let path_and_query = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let uri = Uri::builder()
            .scheme(self.endpoint.scheme_str().unwrap_or("http"))
            .authority(self.endpoint.authority().map_or("", |authority| authority.as_str()))
            .path_and_query(path_and_query)
            .build()
            .map_err(unsendable)?;
        let mut headers = vec![("content-type", content_type), ("host", &self.host)];
        headers.extend(target.map(|target| ("x-amz-target", target)));
        let mut request =
            Request::builder().method(method.clone()).uri(uri).header(USER_AGENT, USER_AGENT_VALUE);
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        if let Some(signer) = &self.signer {
            let parts = SignedParts { method: method.as_str(), path, query, headers: &headers, body: &body };
            for (name, value) in signer.sign(&parts, now()) {
                request = request.header(name, value);
            }
        }
        request.body(Full::from(body)).map_err(unsendable)
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<(Option<String>, Bytes), TransportError> {
        let response = match self.client.request(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Err(TransportError::NotSent(self.named(error))),
            Err(error) => return Err(TransportError::Lost(self.named(error))),
        };
        let (head, body) = response.into_parts();
        let body = match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let message = format!("an answer of more than {ANSWER_BYTES_MAX} bytes from {}", self.host);
                return Err(TransportError::Lost(message.into()));
            }
            Err(error) => return Err(TransportError::Lost(error)),
        };
        let request_id = text(&head.headers, REQUEST_ID_HEADER);
        if head.status.as_u16() == 200 {
            return Ok((request_id.map(str::to_owned), body));
        }
        let error_type = text(&head.headers, ERROR_TYPE_HEADER);
        let error = ServiceError::from_response(head.status.as_u16(), error_type, request_id, &body);
        Err(TransportError::Service(error))
    }

    /// Says with whom there was no connection, or whose answer was lost, and why. The causes say why: hyper's own text
    /// names neither.
    fn named(&self, error: hyper_util::client::legacy::Error) -> Box<dyn StdError + Send + Sync> {
        let what = if error.is_connect() { "no server answers at" } else { "the connection failed to" };
        let mut message = format!("{what} {}", self.host);
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        message.into()
    }
}

fn client(connect_timeout: Duration) -> Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>, Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(connect_timeout));
    // The provider is set here, because rustls panics without it in a program that links two providers.
    let provider = rustls::crypto::ring::default_provider();
    let https = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(provider)
        .map_err(|error| Error::Configuration(format!("TLS cannot be set up: {error}")))?
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    let client = Client::builder(TokioExecutor::new())
        // Everstrand closes idle connections after 30 seconds. The client must do so earlier, so that few commands are sent
        // on a connection that is closed.
        .pool_idle_timeout(Duration::from_secs(20))
        .pool_timer(TokioTimer::new())
        .build(https);
    Ok(client)
}

fn parse_endpoint(text: &str) -> Result<(Uri, String), Error> {
    let wrong = |why: &str| Error::Configuration(format!("the endpoint {text:?} is not a URL: {why}"));
    let uri: Uri = text.parse().map_err(|error: hyper::http::uri::InvalidUri| wrong(&error.to_string()))?;
    let default_port = match uri.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return Err(wrong("it must begin with http:// or https://")),
    };
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no host"))?;
    let host = match uri.port_u16() {
        Some(port) if port != default_port => format!("{host}:{port}"),
        _ => host.to_owned(),
    };
    Ok((uri, host))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn now() -> AmzDate {
    // With a clock before 1970 the signature is of 1970, and the service refuses it.
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    AmzDate::from_unix_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A transport built where only these variables are set, with none given to the builder.
    fn build_in(variables: &[(&str, &str)]) -> Result<HttpTransport, Error> {
        HttpTransport::builder().build_in(|name| {
            variables.iter().find(|variable| variable.0 == name).map(|variable| variable.1.to_owned())
        })
    }

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "secret")];

    #[test]
    fn the_environment_names_the_endpoint() {
        let of_service = ("AWS_ENDPOINT_URL_QLDB_SESSION", "http://localhost:1");
        let of_all = ("AWS_ENDPOINT_URL", "http://localhost:2/aws");
        assert_eq!(build_in(&[of_all, of_service]).unwrap().endpoint(), "http://localhost:1/");
        assert_eq!(build_in(&[of_all]).unwrap().endpoint(), "http://localhost:2/aws");
        for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
            let transport = build_in(&[KEYS[0], KEYS[1], (name, "eu-west-1")]).unwrap();
            assert_eq!(transport.endpoint(), "https://session.qldb.eu-west-1.amazonaws.com/");
            assert_eq!(transport.host, "session.qldb.eu-west-1.amazonaws.com");
        }
        let both = build_in(&[KEYS[0], KEYS[1], ("AWS_REGION", "a"), ("AWS_DEFAULT_REGION", "b")]).unwrap();
        assert_eq!(both.host, "session.qldb.a.amazonaws.com");
    }

    #[test]
    fn only_an_endpoint_of_ones_own_needs_no_credentials() {
        let endpoint = ("AWS_ENDPOINT_URL", "http://localhost:8182");
        assert!(build_in(&[endpoint]).unwrap().signer.is_none());
        assert!(build_in(&[endpoint, KEYS[0], KEYS[1]]).unwrap().signer.is_some());
        assert!(build_in(&[endpoint, KEYS[0]]).unwrap().signer.is_none(), "half a key is none");
        let error = build_in(&[("AWS_REGION", "eu-west-1")]).unwrap_err().to_string();
        assert!(error.contains("AWS_ACCESS_KEY_ID"), "{error}");
        let error = build_in(&[]).unwrap_err().to_string();
        assert!(error.contains("AWS_ENDPOINT_URL_QLDB_SESSION") && error.contains("AWS_REGION"), "{error}");
    }

    #[test]
    fn the_host_has_a_port_where_it_is_not_the_usual_one() {
        for (url, host) in [
            ("http://h", "h"),
            ("http://h:80", "h"),
            ("http://h:443", "h:443"),
            ("https://h:443/x", "h"),
            ("http://[::1]:8182", "[::1]:8182"),
        ] {
            assert_eq!(parse_endpoint(url).unwrap().1, host, "{url}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let transport = build_in(&[KEYS[0], ("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_REGION", "r")]).unwrap();
        assert!(!format!("{transport:?}").contains("hush"));
    }
}
