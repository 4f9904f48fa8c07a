//! Connections: TCP, and a proxy's tunnel. Only the files of this folder use sockets, environment variables and the clock.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::error::Error;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A proxy, and what it wants to know of its user.
pub(super) struct Proxy {
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl Proxy {
    /// The proxy on the way to an endpoint: the one that the program names, or the one that the environment names for `https`.
    pub(super) fn of(named: Option<&str>, endpoint: &Uri) -> Result<Option<Proxy>, Error> {
        let found = match named {
            Some(url) => {
                let found = url
                    .parse::<Uri>()
                    .ok()
                    .filter(|uri| uri.host().is_some())
                    .and_then(|_| Matcher::builder().all(url).build().intercept(endpoint));
                // The URL may hold a password, so the text does not repeat it.
                let wrong =
                    || Error::Configuration("the proxy is not a URL: write http://HOST:PORT".to_owned());
                Some(found.ok_or_else(wrong)?)
            }
            None if endpoint.scheme_str() == Some("https") => Matcher::from_env().intercept(endpoint),
            None => None,
        };
        Ok(found.map(|found| Proxy { uri: found.uri().clone(), authorization: found.basic_auth().cloned() }))
    }
}

/// Opens the TCP connection, to the endpoint or to the proxy.
#[derive(Clone)]
pub(super) enum Connector {
    Direct(HttpConnector),
    Tunnel(Tunnel<HttpConnector>),
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<TcpStream>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Connector::Direct(connector) => connector.poll_ready(context).map_err(Into::into),
            Connector::Tunnel(connector) => connector.poll_ready(context).map_err(Into::into),
        }
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match self {
            Connector::Direct(connector) => {
                let connection = connector.call(uri);
                Box::pin(async move { Ok(connection.await?) })
            }
            Connector::Tunnel(connector) => {
                let connection = connector.call(uri);
                Box::pin(async move { Ok(connection.await?) })
            }
        }
    }
}

/// A client that keeps connections.
pub(super) fn client(
    connect_timeout: Duration,
    tls: ClientConfig,
    proxy: Option<Proxy>,
) -> Client<HttpsConnector<Connector>, Full<Bytes>> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(connect_timeout));
    let connector = match proxy {
        None => Connector::Direct(tcp),
        Some(Proxy { uri, authorization }) => {
            let tunnel = Tunnel::new(uri, tcp);
            Connector::Tunnel(match authorization {
                Some(authorization) => tunnel.with_auth(authorization),
                None => tunnel,
            })
        }
    };
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    Client::builder(TokioExecutor::new())
        // Everstrand closes idle connections after 30 seconds. The client must do so earlier, so that few commands are sent
        // on a connection that is closed.
        .pool_idle_timeout(Duration::from_secs(20))
        .pool_timer(TokioTimer::new())
        .build(https)
}
