//! The files of TLS: a chain of certificates, its key, and the certificates that sign those of clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use der::asn1::AnyRef;
use der::{Decode as _, Reader as _, SliceReader};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificates;

/// A certificate that is valid for less than this is worth a warning: a week.
const SOON_SECONDS: u64 = 7 * 24 * 60 * 60;

/// Where the certificate of a server lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate in PEM, and behind it those that lead to a certificate that clients trust.
    pub certificate: PathBuf,
    /// The key of the first certificate in PEM, not encrypted.
    pub key: PathBuf,
    /// If set, clients must show a certificate that one of those in this file has signed.
    pub client_ca: Option<PathBuf>,
}

/// What the files hold. It has no `Debug`, because it has the key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

/// Files that can be used.
pub(super) struct Usable {
    pub(super) config: Arc<ServerConfig>,
    /// The last second of the certificate, as a date.
    pub(super) valid_until: String,
    pub(super) expires_soon: bool,
}

impl TlsFiles {
    pub(super) fn read(&self) -> Result<Contents, String> {
        let read = |file: &Path| {
            std::fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
        };
        Ok(Contents {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
            client_ca: self.client_ca.as_deref().map(read).transpose()?,
        })
    }

    /// What the server does with these contents at a time, in seconds since 1970. An error says which file is wrong, why, and what
    /// to do.
    pub(super) fn check(&self, contents: &Contents, now: u64) -> Result<Usable, String> {
        let chain = certificates::of_pem(&self.certificate, &contents.certificate)?;
        let key = private_key(&self.key, &contents.key)?;
        let (certificate_file, key_file) = (self.certificate.display(), self.key.display());
        let validity = chain.first().and_then(validity).ok_or_else(|| {
            format!("{certificate_file}: the first certificate cannot be read; make the file again")
        })?;
        if now > validity.not_after.0 {
            return Err(format!(
                "{certificate_file}: the certificate expired on {}; renew it",
                validity.not_after.1
            ));
        }
        if now < validity.not_before.0 {
            return Err(format!(
                "{certificate_file}: the certificate is valid from {} on; correct this machine's clock, or wait",
                validity.not_before.1
            ));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certified = CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => format!(
                "the key in {key_file} is not that of the first certificate in {certificate_file}; give the key that the \
                 certificate was made with, and put the server's own certificate first"
            ),
            error => format!("the certificate in {certificate_file} with the key in {key_file}: {error}"),
        })?;
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| error.to_string())?;
        let config = match (&self.client_ca, &contents.client_ca) {
            (Some(file), Some(bytes)) => {
                let roots = Arc::new(certificates::roots(file, bytes)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
                let verifier = verifier.map_err(|error| format!("{}: {error}", file.display()))?;
                config.with_client_cert_verifier(verifier)
            }
            _ => config.with_no_client_auth(),
        };
        let mut config = config.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Usable {
            config: Arc::new(config),
            expires_soon: validity.not_after.0 - now < SOON_SECONDS,
            valid_until: validity.not_after.1,
        })
    }
}

fn private_key(file: &Path, bytes: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let file = file.display();
    let holds = |mark: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
    // Both forms: that of PKCS #8, and the older one with a header.
    if holds(b"BEGIN ENCRYPTED PRIVATE KEY") || holds(b"Proc-Type: 4,ENCRYPTED") {
        return Err(format!(
            "{file}: the key is encrypted, and the server cannot ask for its password; decrypt it: \
             openssl pkey -in {file} -out NEW && chmod 600 NEW"
        ));
    }
    match PrivateKeyDer::from_pem_slice(bytes) {
        Ok(key) => Ok(key),
        Err(rustls_pki_types::pem::Error::NoItemsFound) => Err(format!(
            "{file}: there is no key in it; it must be PEM, with the line -----BEGIN PRIVATE KEY-----"
        )),
        Err(error) => Err(format!("{file}: {error}; the file must be PEM")),
    }
}

/// From when to when a certificate is valid: in seconds since 1970, and as a date.
struct Validity {
    not_before: (u64, String),
    not_after: (u64, String),
}

/// Reads the validity of a certificate (RFC 5280, 4.1): the fifth field of what is signed, or the fourth where the version is left out.
fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    /// A version is in `[0]`; all other fields before the validity have other tags.
    const VERSION: u8 = 0xa0;
    let certificate = AnyRef::from_der(certificate).ok()?;
    let signed = AnyRef::decode(&mut SliceReader::new(certificate.value()).ok()?).ok()?;
    let mut fields = SliceReader::new(signed.value()).ok()?;
    let has_version = fields.peek_byte()? == VERSION;
    for _ in 0..if has_version { 4 } else { 3 } {
        AnyRef::decode(&mut fields).ok()?;
    }
    let validity = AnyRef::decode(&mut fields).ok()?;
    let mut times = SliceReader::new(validity.value()).ok()?;
    let mut next = || {
        let time = AnyRef::decode(&mut times).ok()?;
        let date = match time.decode_as::<der::asn1::UtcTime>() {
            Ok(time) => time.to_date_time(),
            Err(_) => time.decode_as::<der::asn1::GeneralizedTime>().ok()?.to_date_time(),
        };
        Some((date.unix_duration().as_secs(), date.to_string()))
    };
    Some(Validity { not_before: next()?, not_after: next()? })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// The seconds of 2026-06-01.
    const NOW: u64 = 1_780_272_000;

    fn files() -> TlsFiles {
        TlsFiles { certificate: "cert.pem".into(), key: "key.pem".into(), client_ca: Some("ca.pem".into()) }
    }

    /// A certificate that is valid in 2026 until a day of December, and its key.
    fn signed(last_day: u8) -> (String, String) {
        let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        parameters.not_before = date_time_ymd(2026, 1, 1);
        parameters.not_after = date_time_ymd(2026, 12, last_day);
        let key = KeyPair::generate().expect("a key");
        (parameters.self_signed(&key).expect("signed").pem(), key.serialize_pem())
    }

    fn check(certificate: &str, key: &str, client_ca: Option<&str>, now: u64) -> Result<Usable, String> {
        let contents = Contents {
            certificate: certificate.into(),
            key: key.into(),
            client_ca: client_ca.map(|text| text.as_bytes().to_vec()),
        };
        files().check(&contents, now)
    }

    #[test]
    fn a_certificate_is_used_within_its_dates_alone() {
        let (certificate, key) = signed(31);
        let usable = check(&certificate, &key, None, NOW).expect("usable");
        assert_eq!((usable.valid_until.as_str(), usable.expires_soon), ("2026-12-31T00:00:00Z", false));
        assert_eq!(usable.config.alpn_protocols, [b"http/1.1"]);
        let end = NOW + 213 * 86_400;
        assert!(check(&certificate, &key, None, end).expect("in its last second").expires_soon);
        let error = check(&certificate, &key, None, end + 1).err().expect("expired");
        assert_eq!(error, "cert.pem: the certificate expired on 2026-12-31T00:00:00Z; renew it");
        let error = check(&certificate, &key, None, NOW - 200 * 86_400).err().expect("not yet valid");
        assert!(error.contains("the certificate is valid from 2026-01-01T00:00:00Z on"), "{error}");
    }

    #[test]
    fn errors_say_which_file_is_wrong_and_never_show_the_key() {
        let ((certificate, key), (other, other_key)) = (signed(31), signed(30));
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let older = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAAAA\n-----END EC PRIVATE KEY-----\n";
        let not_a_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (certificate, key, client_ca, said) in [
            ("", key.as_str(), None, "cert.pem: there is no certificate in it"),
            (key.as_str(), &key, None, "cert.pem: there is no certificate in it"),
            (not_a_certificate, &key, None, "cert.pem: the first certificate cannot be read"),
            (&certificate, "", None, "key.pem: there is no key in it"),
            (&certificate, &certificate, None, "key.pem: there is no key in it"),
            (&certificate, &encrypted, None, "key.pem: the key is encrypted"),
            (&certificate, older, None, "key.pem: the key is encrypted"),
            (
                &certificate,
                &other_key,
                None,
                "the key in key.pem is not that of the first certificate in cert.pem",
            ),
            (&format!("{other}{certificate}"), &key, None, "put the server's own certificate first"),
            (&certificate, &key, Some(""), "ca.pem: there is no certificate in it"),
            (&certificate, &key, Some(not_a_certificate), "ca.pem: "),
        ] {
            let error = check(certificate, key, client_ca, NOW).err().expect(said);
            assert!(error.contains(said), "{error}");
            let secret = key.lines().nth(1).unwrap_or("no key at all");
            assert!(!error.contains(secret), "{error}");
        }
        check(&format!("{certificate}{other}"), &key, Some(&other), NOW).expect("a chain and an authority");
    }
}
