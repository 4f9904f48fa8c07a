//! TLS: which certificates are trusted, which one the client shows, and what an error of TLS means.

use std::error::Error as StdError;
use std::path::Path;
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use rustls::{AlertDescription, CertificateError, ClientConfig, InvalidMessage, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::Error;

/// The settings of TLS. An error names the file that cannot be used.
pub(super) fn config(
    certificates: Option<&Path>,
    client_certificate: Option<(&Path, &Path)>,
) -> Result<ClientConfig, Error> {
    let cannot = |error: rustls::Error| Error::Configuration(format!("TLS cannot be set up: {error}"));
    // The provider is set here, because rustls panics without it in a program that links two providers.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().map_err(cannot)?;
    let config = match certificates {
        None => config.with_webpki_roots(),
        Some(file) => config.with_root_certificates(roots(file)?),
    };
    let Some((certificate, key)) = client_certificate else {
        return Ok(config.with_no_client_auth());
    };
    let chain = read_certificates(certificate)?;
    let private_key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| Error::Configuration(format!("the key in {}: {error}", key.display())))?;
    config.with_client_auth_cert(chain, private_key).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        Error::Configuration(format!("the certificate in {certificate} with the key in {key}: {error}"))
    })
}

/// The certificates in a file, as those that are trusted.
fn roots(file: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(file)? {
        roots.add(certificate).map_err(|error| unusable(file, &error.to_string()))?;
    }
    Ok(roots)
}

fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|error| unusable(file, &error.to_string()))?;
    if read.is_empty() {
        return Err(unusable(file, "there are none"));
    }
    Ok(read)
}

fn unusable(file: &Path, why: &str) -> Error {
    Error::Configuration(format!("the certificates in {}: {why}", file.display()))
}

/// What to do about an error of TLS; `None` if the error is another one.
pub(super) fn advice(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    let mut error = error;
    // An `io::Error` shows the cause of the error that it holds, and not that error itself. It may hold another `io::Error`.
    while let Some(held) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        error = held;
    }
    let error = error.downcast_ref::<rustls::Error>()?;
    Some(match error {
        // An authority of the same name with another key makes a bad signature.
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => {
            "; name the file of certificates to trust: HttpTransportBuilder::certificates, --ca FILE or AWS_CA_BUNDLE"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "; use a name of the certificate in the endpoint",
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "; the server seems to speak plain HTTP: use an endpoint with http://"
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "; the server demands a certificate of the client: HttpTransportBuilder::client_certificate, or --client-cert and \
             --client-key"
        }
        _ => "",
    })
}
