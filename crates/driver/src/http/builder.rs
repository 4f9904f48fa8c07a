//! The settings of the transport over HTTP, from the program and from the environment.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use everstrand_protocol::signature::{Credentials, Signer};
use hyper::Uri;
use hyper::header::HeaderValue;

use super::HttpTransport;
use super::connect::{self, Proxy};
use super::credentials::{CredentialsSource, Keys, Renewal};
use super::tls;
use crate::error::Error;

const USER_AGENT_VALUE: &str = concat!("everstrand-driver/", env!("CARGO_PKG_VERSION"));

/// Sets up an [`HttpTransport`].
#[derive(Debug, Default)]
pub struct HttpTransportBuilder {
    endpoint: Option<String>,
    region: Option<String>,
    credentials: Option<Credentials>,
    credentials_source: Option<Arc<dyn CredentialsSource>>,
    timeout: Option<Duration>,
    connect_timeout: Option<Duration>,
    certificates: Option<PathBuf>,
    client_certificate: Option<(PathBuf, PathBuf)>,
    proxy: Option<String>,
    user_agent: Option<String>,
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

    /// Where the access keys that sign requests come from, if they expire. They are renewed when a quarter of their time is left, at
    /// the earliest five minutes before their end, and when the service says that they have expired. It goes before
    /// [`credentials`](HttpTransportBuilder::credentials) and before variables.
    #[must_use]
    pub fn credentials_from(mut self, source: Arc<dyn CredentialsSource>) -> HttpTransportBuilder {
        self.credentials_source = Some(source);
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

    /// A file of certificates in PEM, which are trusted instead of those of Mozilla's list. If it is not set, it is
    /// `AWS_CA_BUNDLE`.
    #[must_use]
    pub fn certificates(mut self, file: impl Into<PathBuf>) -> HttpTransportBuilder {
        self.certificates = Some(file.into());
        self
    }

    /// A file with this client's certificate in PEM, and a file with its key, for a server that demands one.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> HttpTransportBuilder {
        self.client_certificate = Some((certificate.into(), key.into()));
        self
    }

    /// The URL of a proxy, which may have a name and a password, as in `http://name:password@host:3128`. The proxy is asked
    /// for a tunnel. If it is not set, an endpoint with `https` has the proxy that `HTTPS_PROXY` and `NO_PROXY` say.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> HttpTransportBuilder {
        self.proxy = Some(url.into());
        self
    }

    /// What the header `User-Agent` says behind the driver's own name.
    #[must_use]
    pub fn user_agent(mut self, extension: impl Into<String>) -> HttpTransportBuilder {
        self.user_agent = Some(extension.into());
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
                if credentials.is_none() && self.credentials_source.is_none() {
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
        // The variable is meant for other programs, too. Where nothing is encrypted, its file need not be there.
        let is_https = endpoint.scheme_str() == Some("https");
        let of_variable = || environment("AWS_CA_BUNDLE").filter(|_| is_https).map(PathBuf::from);
        let certificates = self.certificates.or_else(of_variable);
        let proxy = Proxy::of(self.proxy.as_deref(), &endpoint)?;
        let connect_timeout = self.connect_timeout.unwrap_or(Duration::from_secs(5));
        let client_certificate =
            self.client_certificate.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
        let tls = tls::config(certificates.as_deref(), client_certificate)?;
        Ok(HttpTransport {
            client: connect::client(connect_timeout, tls, proxy),
            endpoint,
            host,
            keys: match (self.credentials_source, credentials) {
                (Some(source), _) => Keys::Renewed(Renewal::new(source, region)),
                (None, Some(credentials)) => Keys::Lasting(Arc::new(Signer::new(credentials, region))),
                (None, None) => Keys::None,
            },
            timeout: self.timeout.unwrap_or(Duration::from_secs(60)),
            user_agent: user_agent(self.user_agent.as_deref())?,
        })
    }
}

fn user_agent(extension: Option<&str>) -> Result<HeaderValue, Error> {
    let text = extension.map(|extension| format!("{USER_AGENT_VALUE} {extension}"));
    let text = text.as_deref().unwrap_or(USER_AGENT_VALUE);
    HeaderValue::from_str(text)
        .map_err(|_| Error::Configuration(format!("the user agent {text:?} cannot be the value of a header")))
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
        let is_signed = |variables: &[_]| !matches!(build_in(variables).unwrap().keys, Keys::None);
        assert!(!is_signed(&[endpoint]));
        assert!(is_signed(&[endpoint, KEYS[0], KEYS[1]]));
        assert!(!is_signed(&[endpoint, KEYS[0]]), "half a key is none");
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
    fn the_user_agent_is_extended_and_not_replaced() {
        let builder = HttpTransport::builder().endpoint("http://h").user_agent("shop/1.0");
        let transport = builder.build_in(|_| None).unwrap();
        assert_eq!(transport.user_agent.to_str().unwrap(), format!("{USER_AGENT_VALUE} shop/1.0"));
        let builder = HttpTransport::builder().endpoint("http://h").user_agent("shop\n");
        assert!(builder.build_in(|_| None).unwrap_err().to_string().contains("user agent"));
    }

    #[test]
    fn certificates_and_proxies_that_cannot_be_used_are_refused() {
        let builder = || HttpTransport::builder().endpoint("https://h");
        let error = builder().certificates("/nowhere/ca.pem").build_in(|_| None).unwrap_err().to_string();
        assert!(error.contains("/nowhere/ca.pem"), "{error}");
        let error = build_in(&[("AWS_ENDPOINT_URL", "https://h"), ("AWS_CA_BUNDLE", "/nowhere/b.pem")]);
        assert!(error.unwrap_err().to_string().contains("/nowhere/b.pem"));
        build_in(&[("AWS_ENDPOINT_URL", "http://h"), ("AWS_CA_BUNDLE", "/nowhere/b.pem")]).unwrap();
        let error =
            builder().client_certificate("/nowhere/client.pem", "/nowhere/key.pem").build_in(|_| None);
        assert!(error.unwrap_err().to_string().contains("/nowhere/client.pem"));
        let error = builder().proxy("not a url with a secret").build_in(|_| None).unwrap_err().to_string();
        assert!(error.contains("the proxy") && !error.contains("secret"), "{error}");
        builder().proxy("http://name:secret@proxy:3128").build_in(|_| None).unwrap();
    }

    #[test]
    fn debug_shows_no_secret() {
        let transport = build_in(&[KEYS[0], ("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_REGION", "r")]).unwrap();
        assert!(!format!("{transport:?}").contains("hush"));
    }
}
