//! Where the keys of an issuer come from: a file, or a URL with `https`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::checkpoints::fetch_within;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// More bytes are no keys.
pub(super) const BYTES_MAX: usize = 256 << 10;

/// A place of keys.
#[derive(Debug)]
pub(super) enum Source {
    File(PathBuf),
    Url { url: String, certificates: Option<PathBuf> },
}

impl Source {
    /// Reads a URL if the text contains `://`, else the path of a file.
    pub(super) fn parse(place: &str, certificates: Option<&Path>) -> Result<Source, String> {
        if !place.contains("://") {
            return Ok(Source::File(PathBuf::from(place)));
        }
        if !place.starts_with("https://") {
            return Err(format!(
                "{place}: keys come over https:// or from a file, because whoever changes them on the way can be any user"
            ));
        }
        Ok(Source::Url { url: place.to_owned(), certificates: certificates.map(Path::to_owned) })
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self, Source::File(_))
    }

    /// The bytes there.
    pub(super) fn read(&self) -> Result<Vec<u8>, String> {
        let bytes = match self {
            Source::Url { url, certificates } => fetch_within(url, certificates.as_deref(), PATIENCE)?,
            Source::File(file) => {
                let wrong = |error: std::io::Error| format!("{}: {error}", file.display());
                let mut bytes = Vec::new();
                let limit = BYTES_MAX as u64 + 1;
                std::fs::File::open(file)
                    .map_err(wrong)?
                    .take(limit)
                    .read_to_end(&mut bytes)
                    .map_err(wrong)?;
                bytes
            }
        };
        if bytes.len() > BYTES_MAX {
            return Err(format!("there are more than {BYTES_MAX} bytes of keys"));
        }
        Ok(bytes)
    }
}
