//! Certificates in PEM: those that a server shows, and those that it trusts.

use std::path::Path;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// The certificates in the bytes of a file. An error names the file.
pub(crate) fn of_pem(file: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>();
    let read = read.map_err(|error| format!("{}: {error}; the file must be PEM", file.display()))?;
    if read.is_empty() {
        let why = "there is no certificate in it; it must be PEM, with the line -----BEGIN CERTIFICATE-----";
        return Err(format!("{}: {why}", file.display()));
    }
    Ok(read)
}

/// The same, as the only ones that are trusted.
pub(crate) fn roots(file: &Path, bytes: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in of_pem(file, bytes)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(roots)
}
