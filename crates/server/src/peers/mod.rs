//! The other servers over the same store. A session lives in the process that began it, its *holder*, and any server may be asked for
//! it: a load balancer spreads requests, and official drivers cannot be redirected. So a token names its holder, and a server that
//! is not the holder passes the command on.
//!
//! A server passes a command on as a signed request, under a key that follows from the cluster key. The answer counts only if the
//! holder ran the command. Otherwise nobody knows the session any more: a commit is settled by its transaction's id, and every
//! other command is answered `InvalidSessionException`.

pub(crate) mod passed;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use everstrand_journal::UniqueId;
use everstrand_protocol::ServiceError;
use everstrand_protocol::signature::{AmzDate, Credentials, SignedParts, Signer};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;

use crate::certificates;
use crate::client::Caller;
use crate::config::PeerSettings;
use crate::request::{ACCESS_KEY_ID, PassedOn, Request as ServerRequest};
use crate::tokens::{ClusterKey, Holder};
use passed::{CALLER_HEADER, HOLDER_HEADER, PassedCaller, read_answer};

/// The region in these signatures.
const REGION: &str = "everstrand";

/// How long a holder may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a server asks whether a holder still runs, while it waits for its answer.
const PING_INTERVAL: Duration = Duration::from_secs(1);
/// How long a holder may take to say that it runs. Then it counts as dead. Statements have no part in that answer, so a long
/// statement is no silence.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a commit may take. Then it is settled without its holder, while its client still waits.
const COMMIT_DEADLINE: Duration = Duration::from_secs(20);
/// The longest answer of a holder. A page has 4 MiB before it is written as JSON.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// How many answers of holders are read at once.
const ANSWERS_READ_MAX: usize = 16;

/// Passes commands on to holders, and knows the requests that they pass on.
pub(crate) struct Peers {
    own_start: UniqueId,
    secret: String,
    signer: Signer,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    reading: Semaphore,
}

impl Peers {
    pub(crate) fn new(
        settings: &PeerSettings,
        own_start: UniqueId,
        cluster_key: &ClusterKey,
    ) -> Result<Peers, String> {
        let secret = cluster_key.secret_for("requests of servers");
        let credentials = Credentials {
            access_key_id: ACCESS_KEY_ID.to_owned(),
            secret_access_key: secret.clone(),
            session_token: None,
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(settings.certificates.as_deref())?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            // A server closes idle connections after 30 seconds. A command on such a connection would be lost.
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_timer(TokioTimer::new())
            .build(https);
        Ok(Peers {
            own_start,
            secret,
            signer: Signer::new(credentials, REGION),
            client,
            reading: Semaphore::new(ANSWERS_READ_MAX),
        })
    }

    /// The secret of [`ACCESS_KEY_ID`].
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// Whether a passed-on request is meant for this process.
    pub(crate) fn is_for_this_process(&self, request: &ServerRequest<'_>) -> bool {
        request.header(HOLDER_HEADER).is_some_and(|start| start == self.own_start.to_string())
    }

    /// Passes a request on to a holder. `None` if the holder gave no answer that counts: nobody knows then whether it ran the
    /// command.
    pub(crate) async fn pass(
        &self,
        holder: &Holder,
        operation: PassedOn,
        caller: &Caller,
        asked: &ServerRequest<'_>,
        now: AmzDate,
    ) -> Option<Result<Vec<u8>, ServiceError>> {
        let request = request_to(holder, &self.signer, operation.target(), caller, asked, now)?;
        let deadline = async {
            match operation {
                PassedOn::Commit => tokio::time::sleep(COMMIT_DEADLINE).await,
                PassedOn::Command | PassedOn::Outcome => std::future::pending().await,
            }
        };
        tokio::select! {
            answered = self.ask(request) => match answered {
                Ok(answer) => answer,
                Err(why) => {
                    tracing::info!(holder = holder.url, %why, "the holder of a session did not answer");
                    None
                }
            },
            () = self.silence(holder) => {
                tracing::warn!(holder = holder.url, "the holder of a session is silent");
                None
            }
            () = deadline => {
                tracing::warn!(holder = holder.url, "the holder of a transaction did not commit it in time");
                None
            }
        }
    }

    /// Sends a request. Every status but 200 comes from a server that did not run the command.
    async fn ask(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Option<Result<Vec<u8>, ServiceError>>, String> {
        let response = self.client.request(request).await.map_err(|error| chain_of(&error))?;
        let status = response.status();
        let _reading = self.reading.acquire().await;
        let body = read(response).await?;
        if status.as_u16() != 200 {
            let error = ServiceError::from_response(status.as_u16(), None, None, &body);
            return Err(format!("it answered {status}: {}", error.message));
        }
        Ok(read_answer(body))
    }

    /// Returns when the holder does not say any more that it runs.
    async fn silence(&self, holder: &Holder) {
        loop {
            tokio::time::sleep(PING_INTERVAL).await;
            let Ok(uri) = format!("{}/health", holder.url).parse::<Uri>() else { return };
            let ping = async { self.client.get(uri).await.is_ok_and(|response| response.status() == 200) };
            if tokio::time::timeout(PING_TIMEOUT, ping).await != Ok(true) {
                return;
            }
        }
    }
}

/// A client's request as it goes to the holder of its session. `None` if the holder's URL is none.
fn request_to(
    holder: &Holder,
    signer: &Signer,
    target: &str,
    caller: &Caller,
    asked: &ServerRequest<'_>,
    now: AmzDate,
) -> Option<Request<Full<Bytes>>> {
    let uri: Uri = format!("{}/", holder.url).parse().ok()?;
    let host = uri.authority()?.as_str().to_owned();
    let (start, passed) = (holder.start.to_string(), PassedCaller::of(caller).to_header());
    let headers = [
        ("host", host.as_str()),
        ("user-agent", asked.header("user-agent").unwrap_or("")),
        ("x-amz-target", target),
        (HOLDER_HEADER, &start),
        (CALLER_HEADER, &passed),
    ];
    let parts = SignedParts { method: "POST", path: "/", query: "", headers: &headers, body: asked.body };
    let added = signer.sign(&parts, now);
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    let mut request = Request::post(uri);
    for (name, value) in headers.into_iter().chain(added) {
        request = request.header(name, value);
    }
    request.body(Full::new(Bytes::copy_from_slice(asked.body))).ok()
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<Vec<u8>, String> {
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    Ok(body.map_err(|error| error.to_string())?.to_bytes().into())
}

/// An error with what caused it.
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// TLS that trusts the certificates in a file, and nothing else.
fn tls(certificates: Option<&Path>) -> Result<ClientConfig, String> {
    let roots = match certificates {
        None => RootCertStore::empty(),
        Some(file) => {
            let pem = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
            certificates::roots(file, &pem)?
        }
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| format!("TLS cannot be set up: {error}"))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
