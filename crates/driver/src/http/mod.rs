//! The transport over HTTP, with signatures.

mod builder;
mod connect;
mod credentials;
mod tls;

use std::error::Error as StdError;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use everstrand_protocol::control::{self, ControlReply, ControlRequest};
use everstrand_protocol::error::{ERROR_TYPE_HEADER, REQUEST_ID_HEADER};
use everstrand_protocol::identity::{self, ExchangeToken, IdentityReply, IdentityRequest};
use everstrand_protocol::outcome::{self, GetTransactionOutcomeRequest, GetTransactionOutcomeResult};
use everstrand_protocol::send_command::{self, ReplyError};
use everstrand_protocol::signature::{AmzDate, SignedParts, Signer};
use everstrand_protocol::{Exception, Reply, SendCommandRequest, ServiceError};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{HeaderMap, HeaderValue, USER_AGENT};
use hyper::http::response;
use hyper::{Method, Request, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;

use self::connect::Connector;
use self::credentials::Keys;
use crate::transport::{
    ControlTransport, SendCommandResponse, TransactionOutcome, TransactionOutcomeRequest, Transport,
    TransportError,
};

pub use builder::HttpTransportBuilder;
pub use credentials::{CredentialsFuture, CredentialsSource, TemporaryCredentials};

/// The most bytes of a request. No service accepts more.
const REQUEST_BYTES_MAX: usize = 16 << 20;
/// The most bytes of an answer. A page of 200 values of 128 KiB takes 35 MB in base64.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Sends commands over HTTP. It keeps connections open and uses them again.
#[derive(Debug)]
pub struct HttpTransport {
    client: Client<HttpsConnector<Connector>, Full<Bytes>>,
    endpoint: Uri,
    /// Host and port, as in the header `Host`.
    host: String,
    keys: Keys,
    timeout: Duration,
    user_agent: HeaderValue,
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

impl Transport for HttpTransport {
    async fn send_command(&self, request: SendCommandRequest) -> Result<SendCommandResponse, TransportError> {
        let parts = self.session_parts(send_command::TARGET);
        let (request_id, body) = self.exchange(parts, request.to_json()).await?;
        Ok(SendCommandResponse { request_id, reply: Reply::from_json(&body)? })
    }

    async fn transaction_outcome(
        &self,
        request: TransactionOutcomeRequest,
    ) -> Result<TransactionOutcome, TransportError> {
        let TransactionOutcomeRequest { session_token, transaction_id, .. } = request;
        let parts = self.session_parts(outcome::TARGET);
        let body = GetTransactionOutcomeRequest { session_token, transaction_id }.to_json();
        let answer = self.exchange(parts, body).await.and_then(|(_, body)| {
            let result = GetTransactionOutcomeResult::from_json(&body);
            result.map_err(|error| TransportError::Answer(ReplyError::Json(error)))
        });
        TransactionOutcome::of(answer)
    }
}

impl ControlTransport for HttpTransport {
    async fn control(&self, request: &ControlRequest) -> Result<ControlReply, TransportError> {
        HttpTransport::control(self, request).await
    }
}

/// The parts in which requests differ.
struct Parts<'a> {
    method: Method,
    path: &'a str,
    query: &'a str,
    content_type: &'static str,
    target: Option<&'static str>,
    /// Whether the request is signed, if there is a key to sign with.
    is_signed: bool,
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
            is_signed: true,
        };
        let (_, body) = self.exchange(parts, http.body).await?;
        request.reply_from_json(&body).map_err(|error| TransportError::Answer(ReplyError::Json(error)))
    }

    /// Asks for one of the server's own pages, such as `/health`, `/ready` or `/metrics`, which need no signature. Answers the status
    /// and the body.
    pub async fn get(&self, path: &str) -> Result<(u16, Bytes), TransportError> {
        let unsendable = |error: hyper::http::Error| TransportError::Unsendable(error.into());
        let request = Request::builder().method(Method::GET).uri(self.uri(path).map_err(unsendable)?);
        let request = request.header("host", &self.host).header(USER_AGENT, self.user_agent.clone());
        let request = request.body(Full::default()).map_err(unsendable)?;
        let (head, body) = self.within_timeout(self.receive(request)).await?;
        Ok((head.status.as_u16(), body))
    }

    /// Changes or lists the users, groups and policies of an Everstrand server. An error means that the service refused, or did not
    /// answer.
    pub async fn identity(&self, request: &IdentityRequest) -> Result<IdentityReply, TransportError> {
        let parts = self.session_parts(identity::TARGET);
        let (_, body) = self.exchange(parts, request.to_json()).await?;
        IdentityReply::from_json(&body).map_err(|error| TransportError::Answer(ReplyError::Json(error)))
    }

    /// Exchanges a token of OpenID Connect for a temporary key. The request is not signed, whatever keys this transport has.
    pub async fn exchange_token(&self, request: &ExchangeToken) -> Result<IdentityReply, TransportError> {
        let parts = Parts { is_signed: false, ..self.session_parts(identity::EXCHANGE_TARGET) };
        let (_, body) = self.exchange(parts, request.to_json()).await?;
        IdentityReply::from_json(&body).map_err(|error| TransportError::Answer(ReplyError::Json(error)))
    }

    /// The parts of a request of the session API.
    fn session_parts(&self, target: &'static str) -> Parts<'_> {
        Parts {
            method: Method::POST,
            path: self.endpoint.path(),
            query: self.endpoint.query().unwrap_or_default(),
            content_type: send_command::CONTENT_TYPE,
            target: Some(target),
            is_signed: true,
        }
    }

    /// Sends a request, and waits for its answer at most as long as the timeout. Returns request id and body.
    async fn exchange(
        &self,
        parts: Parts<'_>,
        body: Vec<u8>,
    ) -> Result<(Option<String>, Bytes), TransportError> {
        let body = Bytes::from(body);
        self.within_timeout(async {
            let signer = if parts.is_signed { self.keys.signer().await? } else { None };
            let request = self.request(&parts, body.clone(), signer.as_deref())?;
            let answer = self.answer(request).await;
            let is_of_the_key = matches!(&answer, Err(TransportError::Service(error))
                if error.exception == Exception::ExpiredToken);
            if !is_of_the_key || !self.keys.has_expired(signer.as_ref()).await {
                return answer;
            }
            // A service that refuses a key has done nothing, so the request may be sent once more.
            let signer = self.keys.signer().await?;
            self.answer(self.request(&parts, body, signer.as_deref())?).await
        })
        .await
    }

    async fn within_timeout<T>(
        &self,
        exchange: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, TransportError> {
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(result) => result,
            Err(_) => {
                let message = format!("no answer within {:?} from {}", self.timeout, self.host);
                Err(TransportError::Lost(message.into()))
            }
        }
    }

    fn request(
        &self,
        parts: &Parts<'_>,
        body: Bytes,
        signer: Option<&Signer>,
    ) -> Result<Request<Full<Bytes>>, TransportError> {
        if body.len() > REQUEST_BYTES_MAX {
            let message =
                format!("it has {} bytes, and services accept at most {REQUEST_BYTES_MAX}", body.len());
            return Err(TransportError::Unsendable(message.into()));
        }
        let Parts { ref method, path, query, content_type, target, .. } = *parts;
        let unsendable = |error: hyper::http::Error| TransportError::Unsendable(error.into());
        let path_and_query = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let uri = self.uri(&path_and_query).map_err(unsendable)?;
        let mut headers = vec![("content-type", content_type), ("host", &self.host)];
        headers.extend(target.map(|target| ("x-amz-target", target)));
        let mut request =
            Request::builder().method(method.clone()).uri(uri).header(USER_AGENT, self.user_agent.clone());
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        if let Some(signer) = signer {
            let parts = SignedParts { method: method.as_str(), path, query, headers: &headers, body: &body };
            for (name, value) in signer.sign(&parts, now()) {
                request = request.header(name, value);
            }
        }
        request.body(Full::new(body)).map_err(unsendable)
    }

    fn uri(&self, path_and_query: &str) -> Result<Uri, hyper::http::Error> {
        Uri::builder()
            .scheme(self.endpoint.scheme_str().unwrap_or("http"))
            .authority(self.endpoint.authority().map_or("", |authority| authority.as_str()))
            .path_and_query(path_and_query)
            .build()
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<(Option<String>, Bytes), TransportError> {
        let (head, body) = self.receive(request).await?;
        let request_id = text(&head.headers, REQUEST_ID_HEADER);
        if head.status.as_u16() == 200 {
            return Ok((request_id.map(str::to_owned), body));
        }
        let error_type = text(&head.headers, ERROR_TYPE_HEADER);
        let error = ServiceError::from_response(head.status.as_u16(), error_type, request_id, &body);
        Err(TransportError::Service(error))
    }

    /// Sends a request, and receives the whole answer.
    async fn receive(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(response::Parts, Bytes), TransportError> {
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
        Ok((head, body))
    }

    /// Says with whom there was no connection, or whose answer was lost, and why. The causes say why: hyper's own text
    /// names neither.
    fn named(&self, error: hyper_util::client::legacy::Error) -> Box<dyn StdError + Send + Sync> {
        let what = if error.is_connect() { "no server answers at" } else { "the connection failed to" };
        let (mut causes, mut what, mut advice) = (String::new(), what, "");
        let mut cause = error.source();
        while let Some(error) = cause {
            causes.push_str(": ");
            causes.push_str(&error.to_string());
            if let Some(found) = tls::advice(error) {
                (what, advice) = ("there is no TLS with", found);
            }
            cause = error.source();
        }
        format!("{what} {}{causes}{advice}", self.host).into()
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn now() -> AmzDate {
    // With a clock before 1970 the signature is of 1970, and the service refuses it.
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    AmzDate::from_unix_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
