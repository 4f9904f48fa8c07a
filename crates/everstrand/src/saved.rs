//! Reads saved evidence from a file or a URL.

use crate::remote::Certificates;

/// The bytes of a file or of a URL's resource.
pub(crate) fn read(place: &str, certificates: &Certificates) -> Result<Vec<u8>, String> {
    if place.starts_with("http://") || place.starts_with("https://") {
        return everstrand_server::fetch(place, certificates.authorities().as_deref());
    }
    std::fs::read(place).map_err(|error| format!("cannot read {place}: {error}"))
}

/// The name of a file, or a URL without what stands behind its question mark, which may be a secret.
pub(crate) fn without_query(name: &str) -> &str {
    match name.split_once('?') {
        Some((url, _)) if name.starts_with("http") => url,
        _ => name,
    }
}
