//! TLS of the transport over HTTP, against a listener with a certificate.

use std::path::PathBuf;
use std::sync::Arc;

use everstrand_driver::{HttpTransport, TransportError};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for a name, and its key, in DER and in PEM.
fn signed(
    authority: &Authority,
    name: &str,
) -> (CertificateDer<'static>, PrivateKeyDer<'static>, [String; 2]) {
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = parameters.signed_by(&key, authority).unwrap();
    let pem = [certificate.pem(), key.serialize_pem()];
    (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap(), pem)
}

/// A file that lasts as long as the tests' process.
fn file(text: &str) -> PathBuf {
    let number = std::sync::atomic::AtomicUsize::fetch_add(&FILES, 1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("everstrand-driver-{}-{number}.pem", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

static FILES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// Answers every request with the status 200, over TLS, with a certificate for `localhost`. Answers the port.
async fn listener(authority: &Authority, clients: Option<&Authority>) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let (certificate, key, _) = signed(authority, "localhost");
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(socket).await else { return };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(match stream.read_u8().await {
                        Ok(byte) => byte,
                        Err(_) => return,
                    });
                }
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    port
}

async fn get(transport: everstrand_driver::HttpTransportBuilder) -> Result<Vec<u8>, TransportError> {
    let (status, body) = transport.build().unwrap().get("/health").await?;
    assert_eq!(status, 200);
    Ok(body.to_vec())
}

/// The server is trusted by the file that is named, by its name, and by nothing less.
#[tokio::test]
async fn a_handshake_needs_a_trusted_certificate_for_the_host() {
    let (known, other) = (authority(), authority());
    let port = listener(&known, None).await;
    let at = |host: &str| HttpTransport::builder().endpoint(format!("https://{host}:{port}"));
    let trusted = file(&known.pem());
    assert_eq!(get(at("localhost").certificates(&trusted)).await.unwrap(), b"hi");

    for (transport, said) in [
        (
            at("localhost").certificates(file(&other.pem())),
            "HttpTransportBuilder::certificates, --ca FILE or AWS_CA_BUNDLE",
        ),
        (at("localhost"), "HttpTransportBuilder::certificates, --ca FILE or AWS_CA_BUNDLE"),
        (at("127.0.0.1").certificates(&trusted), "use a name of the certificate in the endpoint"),
    ] {
        let error = get(transport).await.unwrap_err();
        assert!(matches!(error, TransportError::NotSent(_)), "{error:?}");
        let error = error.to_string();
        assert!(error.starts_with("there is no TLS with ") && error.contains(said), "{error}");
    }
}

/// An endpoint with `https` at a server that speaks plain HTTP says what to change.
#[tokio::test]
async fn a_plain_server_is_told_from_one_with_tls() {
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", plain.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = plain.accept().await.unwrap();
        let _ = socket.read(&mut [0; 1000]).await;
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let error = get(HttpTransport::builder().endpoint(endpoint)).await.unwrap_err().to_string();
    assert!(error.contains("the server seems to speak plain HTTP: use an endpoint with http://"), "{error}");
}

/// A server that demands a certificate answers the client that shows one, and no other.
#[tokio::test]
async fn a_client_shows_its_certificate() {
    let (servers, clients, strangers) = (authority(), authority(), authority());
    let port = listener(&servers, Some(&clients)).await;
    let trusted = file(&servers.pem());
    let transport =
        || HttpTransport::builder().endpoint(format!("https://localhost:{port}")).certificates(&trusted);
    let [certificate, key] = signed(&clients, "ann").2.map(|text| file(&text));
    assert_eq!(get(transport().client_certificate(&certificate, &key)).await.unwrap(), b"hi");
    let error = get(transport()).await.unwrap_err().to_string();
    assert!(error.contains("the server demands a certificate of the client"), "{error}");
    let [foreign, foreign_key] = signed(&strangers, "ann").2.map(|text| file(&text));
    assert!(get(transport().client_certificate(&foreign, &foreign_key)).await.is_err());
    let error = transport().client_certificate(&certificate, &foreign_key).build().unwrap_err().to_string();
    assert!(error.contains(&foreign_key.display().to_string()), "{error}");
}
