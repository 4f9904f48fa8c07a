//! Reads saved evidence from a file or a URL.

use crate::remote::Certificates;

/// The bytes of a file or of a URL's resource.
pub(crate) fn read(place: &str, certificates: &Certificates) -> Result<Vec<u8>, String> {
    if place.starts_with("http://") || place.starts_with("https://") {
        return everstrand_server::fetch(place, certificates.authorities().as_deref());
    }
    std::fs::read(place).map_err(|error| format!("cannot read {place}: {error}"))
}
